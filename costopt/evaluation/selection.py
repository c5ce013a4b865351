"""Which trial ships: not blindly the cheapest, since noise alone makes some trial look cheap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Selection:
    """Among trials that noise cannot tell from the best, the most preferred one.

    Parameters
    ----------
    noise : array of shape (n_trials, n_trials)
        Standard error of the difference of two trials' means.
    preference : array of shape (n_trials,)
        Lower is preferred.
    """

    noise: FloatArray
    preference: FloatArray

    @classmethod
    def of(cls, totals: FloatArray, preference: FloatArray, part_weight: FloatArray) -> Selection:
        """From what each part of the rows contributes to each trial's mean.

        Parameters
        ----------
        totals : array of shape (n_trials, n_parts)
            They add up to the means, see `costopt.evaluation.estimates.Draws`.
        preference : array of shape (n_trials,)
        part_weight : array of shape (n_parts,)
            Shares of the population, which add up to 1.
        """
        # what all trials have alike is in no difference, and would drown the rest in rounding
        apart = totals - totals.mean(axis=0)
        means = apart.sum(axis=1)
        deviation = apart - np.outer(means, part_weight)
        product = deviation @ deviation.T
        square = np.diag(product)
        variance = square[:, None] + square[None, :] - 2 * product
        return cls(np.sqrt(np.maximum(variance, 0.0)), preference)

    def __call__(self, means: FloatArray) -> int:
        """The index of the trial that ships, from the means of all; lower is better."""
        best = int(np.argmin(means))
        equal = means - means[best] <= self.noise[best]
        candidates = np.flatnonzero(equal)
        return int(candidates[np.argmin(self.preference[candidates])])
