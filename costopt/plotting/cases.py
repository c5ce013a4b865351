"""What displays of scores start from: checked cases, and the ways in that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.checks import as_floats, as_probabilities, as_weights
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.decision.rules import decide
from costopt.decision.thresholds import bayes_threshold
from costopt.errors import DataError, PolicyError
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.labels import encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.plotting.canvas import Display
from costopt.policy.policy import DecisionPolicy

__all__ = [
    "Cases",
    "FromScores",
    "decisions_of",
    "described",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cases:
    """Labels, scores and costs of the same cases, checked.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    score : array of shape (n_cases,)
    costs : CaseCosts or None
        What decisions turn out to cost.
    known : CaseCosts or None
        What a rule may know of it: the same, with class means for what only hindsight knows.
    weight : array of shape (n_cases,) or None
        How many cases of the population each stands for.
    score_name : str
        What the scores are called on their axis.
    """

    y: BoolArray
    score: FloatArray
    costs: CaseCosts | None
    known: CaseCosts | None
    weight: FloatArray | None
    score_name: str

    @property
    def n_cases(self) -> int:
        """How many there are."""
        return self.y.size

    @property
    def n_positives(self) -> int:
        """How many of them are positive."""
        return int(np.count_nonzero(self.y))

    @property
    def weights(self) -> FloatArray:
        """One per case, 1 where none were given."""
        return np.ones(self.y.size) if self.weight is None else self.weight

    @property
    def are_probabilities(self) -> bool:
        """Whether all scores lie in [0, 1]."""
        return bool(np.all((self.score >= 0) & (self.score <= 1)))

    def given_costs(self) -> tuple[CaseCosts, CaseCosts]:
        """The costs, and those that a rule knows."""
        assert self.costs is not None  # noqa: S101  # asked for where a display needs them
        assert self.known is not None  # noqa: S101  # as above
        return self.costs, self.known

    def bayes_threshold(self) -> float | None:
        """The probability from which acting pays; None where it differs by case, or there is none."""
        if self.known is None or not self.known.is_constant or not self.are_probabilities:
            return None
        found = float(bayes_threshold(self.known))
        return found if np.isfinite(found) else None

    def decisions(self) -> BoolArray | None:
        """What is cheaper in expectation, case by case; None without costs or probabilities."""
        if self.known is None or not self.are_probabilities:
            return None
        return decide(self.score, self.known)


def as_cases(
    y_true: Any,
    y_score: ArrayLike,
    costs: Costs | None = None,
    *,
    X: Any = None,
    sample_weight: ArrayLike | None = None,
    pos_label: Scalar | None = None,
    probabilities: bool = False,
    score_name: str = "score",
    **beside: Any,
) -> Cases:
    """Check what a display is given, before anything is computed or drawn.

    ``beside`` are further arguments with one value per case, whose row labels must be the same.

    Raises
    ------
    DataError, CostSpecError
        If labels, scores, weights or costs cannot be used, or are not of the same cases.
    """
    rows = {"y_true": y_true, "y_score": y_score, "costs": costs, "sample_weight": sample_weight}
    check_same_rows(X=X, **rows, **beside)
    y = encode_labels(y_true, pos_label).y
    score = as_probabilities(y_score, "y_score") if probabilities else as_floats(y_score, "y_score")
    if score.shape != y.shape:
        raise DataError(
            f"y_score must have one value for each of the {y.size} cases, got shape {score.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(score))
    if bad.size:
        raise DataError(f"y_score must be finite, got {score[bad[0]]} in row {bad[0]}")
    weight = None if sample_weight is None else as_weights(sample_weight, y.size)
    if costs is None:
        return Cases(y, score, None, None, weight, score_name)
    table = None
    if isinstance(costs, CostMatrix) and not costs.is_constant and X is not None:
        table = Table(X)
    resolved = as_case_costs(costs, table, y.size)
    known = resolved
    if isinstance(costs, CostMatrix) and costs.hindsight:
        known = costs.known_beforehand(resolved, y, weight).resolve(table)
    return Cases(y, score, resolved, known, weight, score_name)


def described(cases: Cases) -> str:
    """How many cases a picture is of, for its title."""
    return f"{cases.n_cases:,} cases, {cases.n_positives:,} of them positive"


class FromScores(Display):
    """Ways into a display of scores: the scores themselves, an estimator, or a policy."""

    of_probabilities: ClassVar[bool] = False
    needs_costs: ClassVar[bool] = False
    # each display's own classmethod: from checked cases and its options, not yet drawn
    from_cases: ClassVar[Any]

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        costs: Costs | None = None,
        *,
        X: Any = None,
        sample_weight: ArrayLike | None = None,
        pos_label: Scalar | None = None,
        score_name: str = "score",
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """From labels and scores, best of rows that the model was not fitted to.

        Parameters
        ----------
        y_true : array-like of shape (n_cases,)
            Labels.
        y_score : array-like of shape (n_cases,)
            Higher for cases more likely positive; what decides by costs needs probabilities.
        costs : CostMatrix or CaseCosts, optional
            Constant, formulas over columns of ``X``, or for these cases.
        X : data frame, optional
            The columns that the costs name.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
        score_name : str, default="score"
            What the scores are called on their axis.
        ax : matplotlib axes, optional
            A pair of them for displays of two pictures.
        **options
            As for `from_cases`.

        Returns
        -------
        display : the display, drawn

        Raises
        ------
        DataError, CostSpecError
            If labels, scores, costs or options cannot be used.
        """
        cases = cls._checked(
            y_true,
            y_score,
            costs,
            X=X,
            sample_weight=sample_weight,
            pos_label=pos_label,
            score_name=score_name,
            **{name: options.get(name) for name in ("act", "groups")},
        )
        display: Self = cls.from_cases(cases, **options)
        return display.plot(ax=ax)

    @classmethod
    def _checked(cls, y_true: Any, y_score: Any, costs: Costs | None, **given: Any) -> Any:
        if costs is None and cls.needs_costs:
            raise DataError("this display needs costs: pass costs=CostMatrix(fp=..., fn=...)")
        return as_cases(y_true, y_score, costs, probabilities=cls.of_probabilities, **given)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        costs: Costs | None = None,
        *,
        pos_label: Scalar | None = None,
        **options: Any,
    ) -> Self:
        """From a fitted classifier, best on rows that it was not fitted to.

        Parameters
        ----------
        estimator : classifier
            With ``predict_proba``, else ``decision_function``.
        X : data frame or array-like of shape (n_cases, n_features)
            With the columns that the costs name.
        y : array-like of shape (n_cases,)
        costs : CostMatrix or CaseCosts, optional
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
        **options
            As for `from_predictions`.

        Returns
        -------
        display : the display, drawn

        Raises
        ------
        DataError
            If the estimator is not fitted, gives no scores, or has not two classes.
        """
        policy = getattr(estimator, "policy_", None)
        if pos_label is None and isinstance(policy, DecisionPolicy):
            pos_label = policy.labels[1]
        score = _scores(estimator, X, y, pos_label)
        return cls.from_predictions(y, score, costs, X=X, pos_label=pos_label, **options)

    @classmethod
    def from_policy(
        cls,
        policy: DecisionPolicy,
        X: Any,
        y: Any,
        *,
        score: ArrayLike | None = None,
        costs: Costs | None = None,
        **options: Any,
    ) -> Self:
        """From a policy's calibrated probabilities, best on rows that nobody has seen.

        Parameters
        ----------
        policy : DecisionPolicy
        X : data frame or array-like of shape (n_cases, n_columns), or None
            With the columns of the model, unless ``score`` is given, and those that the costs
            name.
        y : array-like of shape (n_cases,)
            Labels, named as when the policy was made.
        score : array-like of shape (n_cases,), optional
            The model's own scores, computed elsewhere.
        costs : CostMatrix or CaseCosts, optional
            Costs of these cases, in place of those the policy knows.
        **options
            As for `from_predictions`.

        Returns
        -------
        display : the display, drawn

        Raises
        ------
        PolicyError
            If there is neither model nor scores, or costs per case were arrays and none are passed.
        DataError
            If a column is missing or a label is unknown.
        """
        check_same_rows(X=X, y=y, score=score, costs=costs)
        known = policy.costs if costs is None else costs
        if known is None and cls.needs_costs:
            raise PolicyError(
                "this policy was made with costs per case given as arrays: pass "
                "costs=CaseCosts(fp=..., fn=...) for these cases"
            )
        given = {
            "score_name": "calibrated probability",
            **cls._policy_options(policy, X, score, known),
            **options,
        }
        labels, shown = policy.is_positive(y), cls._policy_scores(policy, X, score)
        return cls.from_predictions(labels, shown, known, X=X, **given)

    @classmethod
    def _policy_scores(cls, policy: DecisionPolicy, X: Any, score: Any) -> Any:
        return policy.probability(X, score=score)

    @classmethod
    def _policy_options(
        cls, policy: DecisionPolicy, X: Any, score: Any, costs: Costs | None
    ) -> dict[str, Any]:
        """What a policy knows that its probabilities do not tell."""
        del policy, X, score, costs
        return {}


def decisions_of(
    policy: DecisionPolicy, X: Any, score: Any, costs: Costs | None
) -> dict[str, BoolArray]:
    """A policy's own decisions: what it knows of costs that only hindsight knows are its own means."""
    return {"act": policy.decide(X, score=score, costs=costs if policy.needs_costs else None)}


def _scores(estimator: Any, X: Any, y: Any, pos_label: Scalar | None) -> FloatArray:
    """Of the positive class, from whichever method the estimator has."""
    name = type(estimator).__name__
    if isinstance(estimator, DecisionPolicy):
        raise DataError("a DecisionPolicy is no estimator: use from_policy(policy, X, y)")
    if not hasattr(estimator, "classes_"):
        raise DataError(f"{name} must be a fitted classifier, but has no classes_: call fit first")
    classes = list(estimator.classes_)
    positive = encode_labels(y, pos_label).positive if pos_label is None else pos_label
    if len(classes) != 2 or positive not in classes:
        raise DataError(
            f"{name} must know two classes, {positive!r} among them, got "
            f"{', '.join(repr(c) for c in classes[:5])}: fit it to the same labels as y"
        )
    at = classes.index(positive)
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X), dtype=np.float64)[:, at]
    if hasattr(estimator, "decision_function"):
        margin = np.asarray(estimator.decision_function(X), dtype=np.float64)
        return margin if at == 1 else -margin
    raise DataError(f"{name} has neither predict_proba nor decision_function: pass its scores")
