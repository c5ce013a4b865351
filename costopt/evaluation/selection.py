"""Which trial ships: not blindly the cheapest, since noise alone makes some trial look cheap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection"]

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Selection:
    """Among trials that noise cannot tell from the cheapest, the most preferred one.

    Parameters
    ----------
    noise : array of shape (n_trials, n_trials)
        Standard error of the difference of two trials' mean costs.
    preference : array of shape (n_trials,)
        Lower is preferred: the defaults first, then the trials whose probabilities are best.
    """

    noise: FloatArray
    preference: FloatArray

    @classmethod
    def of(
        cls, row_costs: Float32Array, preference: FloatArray, weight: FloatArray | None = None
    ) -> Selection:
        """From what each row would have cost under each trial, shape (n_trials, n_rows)."""
        n_rows = row_costs.shape[1]
        share = np.full(n_rows, 1 / n_rows) if weight is None else weight / weight.sum()
        # what all trials pay alike is in no difference, and would drown the rest in rounding
        apart = row_costs - row_costs.mean(axis=0)
        means = apart @ share
        scaled = apart * share.astype(np.float32)
        second = (scaled @ scaled.T).astype(np.float64)
        first = scaled @ share
        # sum of share^2 * (difference - mean difference)^2, expanded into products
        variance = np.diag(second)[:, None] + np.diag(second)[None, :] - 2 * second
        gap = means[:, None] - means[None, :]
        cross = first[:, None] - first[None, :]
        variance = variance - 2 * gap * cross + gap**2 * float(share @ share)
        return cls(np.sqrt(np.maximum(variance, 0.0)), preference)

    def __call__(self, mean_costs: FloatArray) -> int:
        """The index of the trial that ships, from the mean costs of all."""
        best = int(np.argmin(mean_costs))
        equal = mean_costs - mean_costs[best] <= self.noise[best]
        candidates = np.flatnonzero(equal)
        return int(candidates[np.argmin(self.preference[candidates])])
