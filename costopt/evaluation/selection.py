"""How far the means of candidates may differ by chance, for each pair of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["difference_noise"]

FloatArray = NDArray[np.float64]


def difference_noise(totals: FloatArray, part_weight: FloatArray) -> FloatArray:
    """Standard errors of the differences between candidates' means.

    Parameters
    ----------
    totals : array of shape (n_candidates, n_parts)
        They add up to the means, see `costopt.evaluation.draws.Draws`.
    part_weight : array of shape (n_parts,)
        Shares of the population, which add up to 1.

    Returns
    -------
    noise : array of shape (n_candidates, n_candidates)
    """
    # what all candidates have alike is in no difference, and would drown the rest in rounding
    apart = totals - totals.mean(axis=0)
    deviation = apart - np.outer(apart.sum(axis=1), part_weight)
    product = deviation @ deviation.T
    square = np.diag(product)
    variance = square[:, None] + square[None, :] - 2 * product
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))
