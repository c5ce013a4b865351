"""How far the means of candidates may differ by chance, in pairs and from the best of all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from costopt.evaluation.draws import Draws, replicates

__all__ = ["difference_noise", "simultaneous_reach"]

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


def simultaneous_reach(totals: FloatArray, draws: Draws, level: float) -> float:
    """Standard errors by which any of several candidates may exceed the best one by chance alone.

    Parameters
    ----------
    totals : array of shape (n_candidates, n_parts)
        `Draws.totals` of what each row costs under each candidate.
    draws : Draws
    level : float
        Chance that none of several candidates that cost the same is called more expensive.

    Returns
    -------
    reach : float
        At least that of a single difference.

    Notes
    -----
    The difference to the best of the others is what multiple comparisons with the best (Hsu) look
    at. Here its distribution, were all candidates equal, is drawn by the bootstrap: in every draw
    the candidates' means, less their means on all rows, are compared with the lowest of them, each
    difference in its own standard error, and the largest is kept. What candidates have in common,
    which is mostly nearly all, is so taken into account.

    References
    ----------
    J. C. Hsu (1981). Simultaneous Confidence Intervals for all Distances from the "Best". Annals of
    Statistics 9, 1026-1034.
    """
    single = float(ndtri((1 + level) / 2))
    noise = difference_noise(totals, draws.part_weight)
    if not noise.any():
        return single
    means = replicates(totals.T, draws) - totals.sum(axis=1)
    best = np.argmin(means, axis=1)
    above = means - np.take_along_axis(means, best[:, None], axis=1)
    # two candidates that decide alike have no noise, and no difference either
    smallest = 1e-9 * float(noise.max())
    largest = np.max(
        np.where(noise[best] > smallest, above, 0) / np.maximum(noise[best], smallest), axis=1
    )
    return max(single, float(np.quantile(largest, level)))
