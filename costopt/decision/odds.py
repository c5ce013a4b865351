"""Odds are the hinge: weights, sampling and a change of base rate all multiply them by one number.

Training on rows where positives weigh ``k`` times as much relative to negatives as they do in
the population multiplies the odds that a model learns by ``k``. Dividing them by ``k`` undoes it
(Elkan, 2001, theorem 2; Dal Pozzolo et al., 2015, for under-sampling; King and Zeng, 2001, for
logistic regression). It is exact where p(x | y) is unchanged: weights and random sampling, not
synthetic rows.

References
----------
C. Elkan (2001). The Foundations of Cost-Sensitive Learning. IJCAI, 973-978.
A. Dal Pozzolo, O. Caelen, R. A. Johnson, G. Bontempi (2015). Calibrating Probability with
Undersampling for Unbalanced Classification. IEEE SSCI, 159-166.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_floats
from costopt.errors import CostSpecError

__all__ = ["OddsLedger", "logit", "scale_odds"]

FloatArray = NDArray[np.float64]

# Probabilities are kept this far from 0 and 1 where their log-odds are needed.
LOGIT_CLIP = 1e-12
# The double below 1: nothing between it and 1 could be told from 1.
BELOW_ONE = 1 - 2.0**-53


def scale_odds(probability: ArrayLike, multiplier: float) -> FloatArray:
    """Probabilities whose odds are those given, times a positive number.

    Parameters
    ----------
    probability : array-like of shape (n_cases,)
        In [0, 1]; 0 and 1 stay what they are.
    multiplier : float
        Greater than 0.

    Returns
    -------
    probability : array of shape (n_cases,)

    Raises
    ------
    CostSpecError
        If the multiplier is not a positive number.

    Examples
    --------
    >>> scale_odds([0.0, 0.5, 1.0], 3.0)
    array([0.  , 0.75, 1.  ])
    """
    _check_multiplier(multiplier)
    p = as_floats(probability, "probability")
    return np.asarray(multiplier * p / (multiplier * p + (1 - p)))


def logit(probability: ArrayLike, floor: float = LOGIT_CLIP) -> FloatArray:
    """Log-odds, with probabilities kept within ``[floor, 1 - floor]`` so that they stay finite.

    Parameters
    ----------
    probability : array-like of shape (n_cases,)
    floor : float, default=1e-12
        Between 0 and 0.5. Where it is below 1e-16, the upper end is the largest double below 1.

    Returns
    -------
    log_odds : array of shape (n_cases,)

    Examples
    --------
    >>> logit([1e-15, 0.5]).round(2)
    array([-27.63,   0.  ])
    >>> logit([1e-15, 0.5], floor=1e-300).round(2)
    array([-34.54,   0.  ])
    """
    p = np.clip(np.asarray(probability, dtype=np.float64), floor, min(1 - floor, BELOW_ONE))
    return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class OddsLedger:
    """What training did to the odds, entry by entry, so that it can be undone once.

    Parameters
    ----------
    entries : tuple of (str, float)
        The method, such as ``"random_under"``, and what it multiplied the odds by.

    Raises
    ------
    CostSpecError
        If a multiplier, or the product of all, is not a positive number.

    Examples
    --------
    >>> ledger = OddsLedger().record("class weights", 4.0).record("random_under", 5.0)
    >>> ledger.multiplier
    20.0
    >>> ledger.undo([0.8])
    array([0.16666667])
    """

    entries: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for _, factor in self.entries:
            _check_multiplier(factor)
        if self.entries:
            _check_multiplier(self.multiplier)

    @property
    def multiplier(self) -> float:
        """The product of all entries."""
        return math.prod(factor for _, factor in self.entries)

    def record(self, method: str, multiplier: float) -> OddsLedger:
        """The ledger with one more entry; a multiplier of 1 needs none."""
        if multiplier == 1:
            return self
        return OddsLedger((*self.entries, (method, float(multiplier))))

    def undo(self, score: ArrayLike) -> FloatArray:
        """Scores of the model as probabilities for the population, shape (n_cases,)."""
        return scale_odds(score, 1 / self.multiplier)

    def redo(self, probability: ArrayLike) -> FloatArray:
        """Population probabilities as scores of the model: the inverse of `undo`."""
        return scale_odds(probability, self.multiplier)


def _check_multiplier(multiplier: float) -> None:
    if not (math.isfinite(multiplier) and multiplier > 0):
        raise CostSpecError(f"an odds multiplier must be a positive number, got {multiplier!r}")
