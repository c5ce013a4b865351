"""What a classifier's own parameters do to the odds, read off before it is fitted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_weights
from costopt.decision.odds import OddsLedger
from costopt.errors import warn
from costopt.inputs.frames import Scalar
from costopt.inputs.labels import Labels, encode_labels
from costopt.learners.foreign import encodes_labels
from costopt.learners.protocol import Learner

__all__ = ["PREVALENCE", "ledger_of", "ledger_of_labels", "warn_of_own_odds"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# They put scores through a map that is fitted on rows with their real base rate.
CALIBRATES = ("CalibratedClassifierCV", "SVC", "NuSVC")
# Their class_weight="balanced" balances total weights, that of others the rows.
BALANCES_WEIGHTS = (
    "LogisticRegression",
    "LogisticRegressionCV",
    "RandomForestClassifier",
    "ExtraTreesClassifier",
)

# The entry of a model that was trained on rows sampled by class, whose share of positives is known.
PREVALENCE = "prevalence"


@dataclass(frozen=True)
class _Classes:
    """The two classes, and how many rows and how much weight of each are trained on."""

    negative: Scalar
    positive: Scalar
    counts: dict[Scalar, int]
    weights: dict[Scalar, float]

    @property
    def ordered(self) -> list[Scalar]:
        """Both labels in the order of ``classes_``."""
        return sorted((self.negative, self.positive))

    @property
    def rows_against(self) -> float:
        """Negatives per positive."""
        return self.counts[self.negative] / self.counts[self.positive]

    def against(self, *, by_weight: bool) -> float:
        """Negatives per positive, counted in rows or in weights."""
        if not by_weight:
            return self.rows_against
        return self.weights[self.negative] / self.weights[self.positive]


def ledger_of(
    estimator: Any,
    y: Any,
    *,
    pos_label: Scalar | None = None,
    sample_weight: ArrayLike | None = None,
) -> OddsLedger:
    """What class weights, ``scale_pos_weight`` and samplers of a classifier do to the odds.

    Parameters
    ----------
    estimator : classifier or pipeline
        Of scikit-learn, imbalanced-learn, xgboost, LightGBM or CatBoost, fitted or not. Steps of
        a pipeline count one after the other: weights that balance do nothing to rows that a
        sampler has balanced.
    y : array-like of shape (n_cases,)
        Labels that it is trained on.
    pos_label : str, int, float or bool, optional
        The class to act on, where labels are not 0 and 1.
    sample_weight : array-like of shape (n_cases,), optional
        Weights that are passed to its ``fit``: some classifiers balance these rather than rows.

    Returns
    -------
    ledger : OddsLedger
        Empty where nothing is found, and behind a calibration by scikit-learn, which learns what
        there is to undo. What ``sample_weight`` itself does is not in it, nor are rows that
        samplers clean out.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> ledger_of(LogisticRegression(class_weight="balanced"), [0] * 90 + [1] * 10).entries
    (('class_weight', 9.0),)
    """
    return ledger_of_labels(estimator, encode_labels(y, pos_label), sample_weight)


def ledger_of_labels(
    estimator: Any, labels: Labels, sample_weight: ArrayLike | None = None
) -> OddsLedger:
    """The same for labels that are known to be of two classes.

    Parameters
    ----------
    estimator : classifier or pipeline
    labels : Labels
        With the names that the estimator's parameters may be keyed by.
    sample_weight : array-like of shape (n_cases,), optional
    """
    act = labels.y
    counts = {
        labels.negative: int(np.count_nonzero(~act)),
        labels.positive: int(np.count_nonzero(act)),
    }
    weights: dict[Scalar, float] = {label: float(count) for label, count in counts.items()}
    if sample_weight is not None:
        weight = as_weights(sample_weight, act.size)
        weights = {
            labels.negative: float(weight[~act].sum()),
            labels.positive: float(weight[act].sum()),
        }
    classes = _Classes(labels.negative, labels.positive, counts, weights)
    return _walk(estimator, classes, OddsLedger())


def warn_of_own_odds(learners: Iterable[Learner], y: BoolArray, weight: FloatArray | None) -> None:
    """Say which learners weigh or sample classes themselves, where no calibration makes up for it.

    Parameters
    ----------
    learners : iterable of Learner
    y : bool array of shape (n_cases,)
    weight : array of shape (n_cases,), optional
        How many cases of the population each row stands for.

    Warns
    -----
    CostOptWarning
        ``training-weights-undone``, with the factors; not for learners that declare it.
    """
    for learner in learners:
        if learner.balances:
            continue
        ledger = OddsLedger()
        with suppress(ValueError):  # what cannot be read is refused when it is fitted
            ledger = learner.own_odds(
                y, np.ones(y.size) if weight is None else weight, learner.defaults()
            )
        # what was declared of the population is no surprise
        ledger = OddsLedger(tuple(one for one in ledger.entries if one[0] != PREVALENCE))
        if not math.isclose(ledger.multiplier, 1.0):
            factors = " x ".join(f"{name} {factor:.4g}" for name, factor in ledger.entries)
            warn(
                "training-weights-undone",
                f"training of {learner.name} multiplies the odds by {ledger.multiplier:.4g} ({factors}), "
                "and calibration is 'none': so that costs count once, the odds of its scores are "
                "divided by this before costs are weighed; a model without such weights needs none of it",
            )


def _walk(estimator: Any, classes: _Classes, ledger: OddsLedger) -> OddsLedger:
    """The ledger with what an estimator and all that it is made of do to the odds."""
    if type(estimator).__name__ in CALIBRATES:
        return ledger
    for _, step in getattr(estimator, "steps", ()):
        if step is None or isinstance(step, str):
            continue
        if hasattr(step, "fit_resample"):
            before, classes = classes, _sampled(step, classes)
            factor = before.rows_against / classes.rows_against
            ledger = ledger.record(type(step).__name__, factor)
        else:
            ledger = _walk(step, classes, ledger)
    inner = getattr(estimator, "estimator", None)
    if hasattr(inner, "fit"):
        ledger = _walk(inner, classes, ledger)
    return ledger if hasattr(estimator, "steps") else _own(estimator, classes, ledger)


def _own(estimator: Any, classes: _Classes, ledger: OddsLedger) -> OddsLedger:
    """The ledger with what a classifier's own parameters do."""
    strategy = _parameter(estimator, "sampling_strategy")
    if strategy is not None and not hasattr(estimator, "fit_resample"):
        factor = _ratio_drawn(strategy, classes) * classes.rows_against
        ledger = ledger.record(type(estimator).__name__, factor)
    ledger = ledger.record("class_weight", _class_weight(estimator, classes))
    automatic = _parameter(estimator, "auto_class_weights")  # CatBoost's
    if automatic in ("Balanced", "SqrtBalanced"):
        against = classes.against(by_weight=True)
        factor = against if automatic == "Balanced" else math.sqrt(against)
        ledger = ledger.record("auto_class_weights", factor)
    if any(_parameter(estimator, name) for name in ("is_unbalance", "unbalance")):  # LightGBM's
        ledger = ledger.record("is_unbalance", classes.rows_against)
    scale = _parameter(estimator, "scale_pos_weight")
    if scale is not None:
        pair = (classes.negative, classes.positive)
        acts_on_second = encodes_labels(estimator, pair) or classes.ordered[1] == classes.positive
        factor = float(scale) if acts_on_second else 1 / float(scale)
        ledger = ledger.record("scale_pos_weight", factor)
    return ledger


def _parameter(estimator: Any, name: str) -> Any:
    """A parameter; of libraries that keep theirs elsewhere too. None where it is not set."""
    if hasattr(estimator, name):
        return getattr(estimator, name)
    return estimator.get_params().get(name) if hasattr(estimator, "get_params") else None


def _class_weight(estimator: Any, classes: _Classes) -> float:
    """What weights by class do to the odds."""
    weights = _parameter(estimator, "class_weight")
    if weights is None:
        weights = _parameter(estimator, "class_weights")  # CatBoost's
    if isinstance(weights, str):  # "balanced" and its kin
        by_weight = weights == "balanced" and _balances_weights(estimator)
        return classes.against(by_weight=by_weight)
    if isinstance(weights, Sequence | np.ndarray) and len(weights) == 2:
        weights = dict(zip(classes.ordered, weights, strict=True))
    if not isinstance(weights, Mapping):
        return 1.0
    return float(weights.get(classes.positive, 1.0) / weights.get(classes.negative, 1.0))


def _balances_weights(estimator: Any) -> bool:
    """Whether ``class_weight="balanced"`` looks at ``sample_weight``: in newer scikit-learn some do."""
    from sklearn.utils.class_weight import compute_class_weight

    known = "sample_weight" in signature(compute_class_weight).parameters
    return known and type(estimator).__name__ in BALANCES_WEIGHTS


def _sampled(sampler: Any, classes: _Classes) -> _Classes:
    """How many rows of each class a sampler of imbalanced-learn is asked to leave."""
    kind = getattr(sampler, "_sampling_type", "")
    strategy = getattr(sampler, "sampling_strategy", None)
    if kind not in ("over-sampling", "under-sampling") or strategy is None or callable(strategy):
        return classes
    from imblearn.utils import check_sampling_strategy

    counts = classes.counts
    y = np.repeat(np.array(list(counts)), list(counts.values()))
    found = check_sampling_strategy(strategy, y, kind)
    given = {label: int(number) for label, number in found.items()}
    if kind == "over-sampling":
        after = {label: n + given.get(label, 0) for label, n in counts.items()}
    else:
        after = {label: given.get(label, n) for label, n in counts.items()}
    # what comes after a sampler sees no weights
    return replace(classes, counts=after, weights={k: float(n) for k, n in after.items()})


def _ratio_drawn(strategy: Any, classes: _Classes) -> float:
    """Positives per negative that a balanced ensemble draws."""
    if isinstance(strategy, Mapping):  # rows to leave of a class
        drawn = {label: strategy.get(label, n) for label, n in classes.counts.items()}
        return float(drawn[classes.positive] / drawn[classes.negative])
    ratio = float(strategy) if isinstance(strategy, float) else 1.0  # of the smaller class
    return ratio if classes.rows_against >= 1 else 1 / ratio
