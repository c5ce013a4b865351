"""Calibrating out-of-fold scores by maps that have not seen them, once their odds are undone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.calibration.base import CalibrationMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.platt import PlattMap
from costopt.learners.protocol import Fold

__all__ = ["CrossFitted", "cross_fit"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Probabilities by maps that had not seen them, these maps, and the one to export.

    Parameters
    ----------
    calibrated : array of shape (n_scored,)
        Each row by a map that was fitted on other rows.
    calibrator : CalibrationMap
        Fitted on all rows.
    maps : tuple of CalibrationMap
        One for each part of the rows; the identity where nothing could be fitted.
    """

    calibrated: FloatArray
    calibrator: CalibrationMap
    maps: tuple[CalibrationMap, ...]


def cross_fit(
    y: BoolArray,
    probability: FloatArray,
    parts: tuple[Fold, ...],
    sample_weight: FloatArray | None = None,
    kind: type[CalibrationMap] = PlattMap,
) -> CrossFitted:
    """Calibrate scores by maps that have not seen them, and fit the map to export.

    Parameters
    ----------
    y : bool array of shape (n_scored,)
    probability : array of shape (n_scored,)
        Out-of-fold scores.
    parts : tuple of Fold
        Every row is in one ``test``; ``train`` are the rows that its map is fitted on. Rows of a
        part without any keep their scores.
    sample_weight : array of shape (n_scored,), optional
    kind : class of CalibrationMap, default=PlattMap

    Returns
    -------
    found : CrossFitted
    """

    def fit(rows: NDArray[np.intp] | slice) -> CalibrationMap:
        weight = None if sample_weight is None else sample_weight[rows]
        return kind.fit(y[rows], probability[rows], weight)

    maps = tuple(fit(part.train) if part.train.size else IdentityMap() for part in parts)
    calibrated = np.empty(y.size)
    for part, calibrator in zip(parts, maps, strict=True):
        calibrated[part.test] = calibrator.apply(probability[part.test])
    return CrossFitted(calibrated, fit(slice(None)), maps)
