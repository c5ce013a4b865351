"""What a classifier's own parameters do to the odds, read off before it is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.decision.odds import OddsLedger
from costopt.frames import Scalar
from costopt.labels import encode_labels

__all__ = ["ledger_of"]

BoolArray = NDArray[np.bool_]

# They put scores through a map that is fitted on rows with their real base rate.
CALIBRATES = "CalibratedClassifierCV"


def ledger_of(estimator: Any, y: Any, *, pos_label: Scalar | None = None) -> OddsLedger:
    """What class weights, ``scale_pos_weight`` and samplers of a classifier do to the odds.

    Parameters
    ----------
    estimator : classifier or pipeline
        Of scikit-learn, imbalanced-learn or xgboost, fitted or not. Steps of a pipeline count one
        after the other: weights that balance do nothing to rows that a sampler has balanced.
    y : array-like of shape (n_cases,)
        Labels that it is trained on.
    pos_label : str, int, float or bool, optional
        The class to act on, where labels are not 0 and 1.

    Returns
    -------
    ledger : OddsLedger
        Empty where nothing is found, and behind a calibration by scikit-learn, which learns what
        there is to undo. Weights passed to ``fit`` are not seen, nor rows that samplers clean out.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> ledger_of(LogisticRegression(class_weight="balanced"), [0] * 90 + [1] * 10).entries
    (('class_weight', 9.0),)
    """
    labels = encode_labels(y, pos_label)
    counts = {labels.negative: int((~labels.y).sum()), labels.positive: int(labels.y.sum())}
    return _walk(estimator, counts, labels.negative, labels.positive, OddsLedger())


def _walk(
    estimator: Any,
    counts: dict[Scalar, int],
    negative: Scalar,
    positive: Scalar,
    ledger: OddsLedger,
) -> OddsLedger:
    if type(estimator).__name__ == CALIBRATES:
        return ledger
    for _, step in getattr(estimator, "steps", ()):
        if step is None or isinstance(step, str):
            continue
        if hasattr(step, "fit_resample"):
            after = _sampled(step, counts)
            factor = after[positive] / after[negative] * counts[negative] / counts[positive]
            ledger, counts = ledger.record(type(step).__name__, factor), after
        else:
            ledger = _walk(step, counts, negative, positive, ledger)
    inner = getattr(estimator, "estimator", None)
    if hasattr(inner, "fit"):
        ledger = _walk(inner, counts, negative, positive, ledger)
    if hasattr(estimator, "steps"):
        return ledger
    if hasattr(estimator, "sampling_strategy") and not hasattr(estimator, "fit_resample"):
        factor = _to_ratio(estimator.sampling_strategy) * counts[negative] / counts[positive]
        ledger = ledger.record(type(estimator).__name__, factor)
    weights = getattr(estimator, "class_weight", None)
    if isinstance(weights, str):  # "balanced" and its kin
        ledger = ledger.record("class_weight", counts[negative] / counts[positive])
    elif isinstance(weights, Mapping):
        factor = weights.get(positive, 1.0) / weights.get(negative, 1.0)
        ledger = ledger.record("class_weight", factor)
    scale = getattr(estimator, "scale_pos_weight", None)
    if scale is not None:
        ledger = ledger.record("scale_pos_weight", float(scale))
    return ledger


def _sampled(sampler: Any, counts: dict[Scalar, int]) -> dict[Scalar, int]:
    """How many rows of each class a sampler of imbalanced-learn is asked to leave."""
    kind = getattr(sampler, "_sampling_type", "")
    strategy = getattr(sampler, "sampling_strategy", None)
    if kind not in ("over-sampling", "under-sampling") or strategy is None or callable(strategy):
        return counts
    from imblearn.utils import check_sampling_strategy

    y = np.repeat(np.array(list(counts)), list(counts.values()))
    found = check_sampling_strategy(strategy, y, kind)
    added = {label: int(number) for label, number in found.items()}
    if kind == "over-sampling":
        return {label: n + added.get(label, 0) for label, n in counts.items()}
    return {label: added.get(label, n) for label, n in counts.items()}


def _to_ratio(strategy: Any) -> float:
    """Positives per negative that a balanced ensemble draws."""
    return float(strategy) if isinstance(strategy, float) else 1.0
