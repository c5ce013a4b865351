"""Objectives for boosting other than log loss: gradients, positive curvatures and losses by row.

Both are here for those who ask by name; log loss with a cost rule came first on every public set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from costopt.errors import SearchError, nearest

__all__ = ["OBJECTIVES", "Objective", "objective"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Of focal loss, as in its paper.
FOCUS = 2.0
# Curvatures below this part of the weight make steps that are too long, or none.
LEAST_CURVATURE = 1e-6


@dataclass(frozen=True)
class Objective:
    """What boosting minimises.

    Parameters
    ----------
    derivatives : callable
        ``(margin, y) -> (gradient, curvature)`` of each row's loss, before weights.
    loss : callable
        ``(margin, y) -> loss`` of each row.
    starts_at_prior : bool
        Whether trees are added to the log-odds of the share of positives, or to 0.
    """

    derivatives: Callable[[FloatArray, BoolArray], tuple[FloatArray, FloatArray]]
    loss: Callable[[FloatArray, BoolArray], FloatArray]
    starts_at_prior: bool


def _focal_derivatives(margin: FloatArray, y: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Of ``-q**2 * log(p)``, with p the probability of the label and q = 1 - p.

    Its own curvature is negative for rows that are badly wrong, as all positives are at first where
    they are rare; that of log loss with the row weighed as its slope says stands in its place where
    it is more.
    """
    sign = np.where(y, 1.0, -1.0)
    log_p = log_expit(sign * margin)
    p, q = np.exp(log_p), expit(-sign * margin)
    inner = q - FOCUS * p * log_p
    gradient = -sign * q**FOCUS * inner
    slope = -FOCUS * q ** (FOCUS - 1) * inner - q**FOCUS * (1 + FOCUS * log_p + FOCUS)
    curvature = np.maximum(-slope * p * q, np.abs(gradient) * p)
    return gradient, np.maximum(curvature, LEAST_CURVATURE)


def _focal_loss(margin: FloatArray, y: BoolArray) -> FloatArray:
    sign = np.where(y, 1.0, -1.0)
    return np.asarray(-(expit(-sign * margin) ** FOCUS) * log_expit(sign * margin))


def _cost_derivatives(margin: FloatArray, y: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Of the chance of the wrong decision, if one acts with the model's probability.

    Its own curvature is negative for half of the rows; that of the slope's size, which is never
    less, is taken in its place.
    """
    s = expit(margin)
    spread = s * (1 - s)
    return np.where(y, -spread, spread), np.maximum(spread, LEAST_CURVATURE)


def _cost_loss(margin: FloatArray, y: BoolArray) -> FloatArray:
    return np.asarray(expit(np.where(y, -margin, margin)))


OBJECTIVES: dict[str, Objective | None] = {
    "log_loss": None,  # xgboost's own
    "focal": Objective(_focal_derivatives, _focal_loss, starts_at_prior=True),
    "expected_cost": Objective(_cost_derivatives, _cost_loss, starts_at_prior=False),
}


def objective(name: str) -> Objective | None:
    """An objective by its name; None for log loss.

    Parameters
    ----------
    name : {"log_loss", "focal", "expected_cost"}
        ``"focal"``: log loss with well-classified rows turned down. ``"expected_cost"``: with each
        row weighed by what its misclassification costs, the expected cost of acting at random with
        the model's probability; its scores are driven to 0 and 1 and are no probabilities.

    Raises
    ------
    SearchError
        If there is none of that name.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar (2017). Focal Loss for Dense Object
    Detection. ICCV, 2980-2988.
    S. Hoeppner, B. Baesens, W. Verbeke, T. Verdonck (2022). Instance-dependent Cost-sensitive
    Learning for Detecting Transfer Fraud. EJOR 297, 291-300, equations 7 and 17.

    Examples
    --------
    >>> chosen = objective("expected_cost")
    >>> gradient, curvature = chosen.derivatives(np.array([0.0]), np.array([True]))
    >>> gradient.tolist(), curvature.tolist()
    ([-0.25], [0.25])
    """
    if name not in OBJECTIVES:
        raise SearchError(f"there is no objective named {name!r}: {nearest(name, OBJECTIVES)}")
    return OBJECTIVES[name]
