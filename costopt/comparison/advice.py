"""What to expect of rows and costs before anything is fitted: what to try first, and what not."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.comparison.situation import Imbalance, size_up
from costopt.comparison.statements import Statement, statements_on, strategies_for
from costopt.decision.case_costs import check_regrets
from costopt.decision.checks import as_weights
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.errors import DataError
from costopt.inputs.columns import holds_times
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.labels import encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.inputs.suspicion import find_suspicions, remedy
from costopt.plain import plain
from costopt.showing.overview import Overview, Presentable

__all__ = ["Advice", "advise"]

WIDTH = 100


@dataclass(frozen=True)
class Advice(Presentable):
    """What labels, costs and columns say before anything is fitted.

    Parameters
    ----------
    severity : {"balanced", "mild", "moderate", "severe", "extreme"}
        By the share of the rarer class: mild under 30 %, moderate under 10 %, severe under 1 %,
        extreme under 0.1 %.
    n_cases, n_positives : int
        Rows.
    prevalence : float
        Share of positives in the population.
    cost_ratio : float
        False alarms that one miss costs, at mean regrets; NaN where an error costs nothing or less.
    odds_against : float
        Negatives per positive: the cost ratio that "balanced" class weights silently assert.
    bayes_threshold : float
        Probability from which acting pays, at mean regrets.
    rows_for_threshold : int or None
        Rows from which on a threshold can be chosen from data; None where none is needed.
    relative_half_width : float
        Half of the 95 % interval of what misses cost, as a share of that.
    statements : tuple of Statement
        Each with its reason and source, the most important first.
    try_first, avoid : tuple of str
        Names of strategies.
    """

    severity: Imbalance
    n_cases: int
    n_positives: int
    prevalence: float
    cost_ratio: float
    odds_against: float
    bayes_threshold: float
    rows_for_threshold: int | None
    relative_half_width: float
    statements: tuple[Statement, ...]
    try_first: tuple[str, ...]
    avoid: tuple[str, ...]

    def statement(self, code: str) -> Statement:
        """The statement of a code.

        Raises
        ------
        DataError
            If nothing of that kind was said.
        """
        for statement in self.statements:
            if statement.code == code:
                return statement
        said = ", ".join(statement.code for statement in self.statements)
        raise DataError(f"this advice says nothing on {code!r}: it speaks of {said}")

    def summary(self) -> str:
        """The advice in plain words, with reasons and sources."""
        lines = []
        for number, statement in enumerate(self.statements, 1):
            lines += _wrapped(f"{number}. ", statement.text)
            lines += _wrapped("   ", f"Why: {statement.reason} [{statement.source}]")
        lines.append("")
        lines += _wrapped("Try first: ", ", ".join(self.try_first) + ".")
        if self.avoid:
            lines += _wrapped("Avoid: ", ", ".join(self.avoid) + ".")
        return "\n".join(lines)

    def overview(self) -> Overview:
        """What to try first, and each statement with its reason."""
        avoid = (f"Avoid: {', '.join(self.avoid)}.",) if self.avoid else ()
        return Overview(
            f"Advice on {self.n_cases:,} cases",
            f"Try first: {', '.join(self.try_first)}",
            ("what the data say", "why"),
            [(one.text, f"{one.reason} [{one.source}]") for one in self.statements],
            notes=avoid,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold: NaN as None."""
        numbers = {
            name: plain(getattr(self, name))
            for name in (
                "severity", "n_cases", "n_positives", "prevalence", "cost_ratio", "odds_against",
                "bayes_threshold", "rows_for_threshold", "relative_half_width",
            )
        }  # fmt: skip
        return {
            **numbers,
            "statements": [statement.to_dict() for statement in self.statements],
            "try_first": list(self.try_first),
            "avoid": list(self.avoid),
        }

    def __str__(self) -> str:
        return self.summary()


def advise(
    y: Any,
    costs: Costs,
    X: Any = None,
    *,
    ignore: Collection[str] = (),
    pos_label: Scalar | None = None,
    sample_weight: ArrayLike | None = None,
) -> Advice:
    """What to try first on rows like these, what to avoid, and why; nothing is fitted.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        Labels of two classes.
    costs : CostMatrix or CaseCosts
        Constant, formulas over columns of ``X``, or for these cases.
    X : data frame or array-like of shape (n_cases, n_columns), optional
        Needed where costs are formulas; its gaps and categories decide on samplers, and columns that
        may leak are listed.
    ignore : collection of str, default=()
        Columns that are no features.
    pos_label : str, int, float or bool, optional
        The class to act on, where labels are not 0 and 1.
    sample_weight : array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.

    Returns
    -------
    advice : Advice
        ``print(advice)`` gives it in plain words.

    Raises
    ------
    DataError
        If labels are not of two classes, or lengths or row labels differ.
    CostSpecError
        If the costs make no sense, or a formula lacks its column.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> advice = advise([1] * 40 + [0] * 3960, CostMatrix(fn=1000, fp=10, tp=10, unit="EUR"))
    >>> advice.severity, advice.cost_ratio, advice.odds_against
    ('moderate', 99.0, 99.0)
    >>> advice.try_first
    ('logistic regression', 'xgboost')
    >>> print(advice.statement("accuracy-trap").text)
    Do not look at accuracy: a model that acts on nobody is right in 99 % of the cases, and finds \
nothing out.
    """
    labels = encode_labels(y, pos_label)
    table = None if X is None else Table(X)
    check_same_rows(X=table, y=y, costs=costs, sample_weight=sample_weight)
    if table is not None and table.n_rows != labels.y.size:
        raise DataError(
            f"X has {table.n_rows} rows but y has {labels.y.size} labels: take the same rows of both"
        )
    resolved = as_case_costs(costs, table, labels.y.size)
    weight = None if sample_weight is None else as_weights(sample_weight, labels.y.size)
    if weight is not None and not (weight[labels.y].any() and weight[~labels.y].any()):
        raise DataError("sample_weight must be above 0 for some row of each class")
    if isinstance(costs, CostMatrix):
        known = costs.known_beforehand(resolved, labels.y, weight)
        per_case = not known.is_constant
    else:
        per_case = not resolved.is_constant
    if per_case or not isinstance(costs, CostMatrix):  # constant ones were checked when declared
        check_regrets(resolved)
    at = size_up(labels.y, resolved, weight, per_case=per_case, **_columns(table))
    try_first, avoid = strategies_for(at)
    return Advice(
        severity=at.imbalance,
        n_cases=at.n_cases,
        n_positives=at.n_positives,
        prevalence=at.prevalence,
        cost_ratio=at.cost_ratio,
        odds_against=at.odds_against,
        bayes_threshold=at.bayes_threshold,
        rows_for_threshold=at.rows_for_threshold,
        relative_half_width=at.half_width,
        statements=(*_on_leaks(table, labels.y, costs, ignore), *statements_on(at)),
        try_first=try_first,
        avoid=avoid,
    )


def _on_leaks(
    table: Table | None, y: NDArray[np.bool_], costs: Costs, ignore: Collection[str]
) -> Iterator[Statement]:
    """What is suspicious about the table, first of all: nothing else matters if a column leaks."""
    if table is None:
        return
    hindsight, cost_columns = (
        (costs.hindsight, costs.columns) if isinstance(costs, CostMatrix) else ((), ())
    )
    for one in find_suspicions(table, y, {*ignore, *hindsight}):
        yield Statement(
            one.kind,
            f"Before anything else: {one.evidence}.",
            f"{remedy([one], cost_columns)}.",
            "found in these rows; the limits are costopt's own",
        )


def _columns(table: Table | None) -> dict[str, Any]:
    """How many columns there are, which have gaps, and which hold texts or categories."""
    if table is None:
        return {}
    missing, categorical = [], []
    for name in table.columns:
        if holds_times(table, name):
            continue
        numbers = table.numbers(name)
        if numbers is None:
            categorical.append(name)
            gaps = bool((table.texts(name).codes < 0).any())
        else:
            gaps = bool(np.isnan(numbers).any())
        if gaps:
            missing.append(name)
    return {
        "n_columns": len(table.columns),
        "missing": tuple(missing),
        "categorical": tuple(categorical),
    }


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * min(len(start), 3),
        break_long_words=False,
    )
