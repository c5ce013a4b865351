"""Costs as training weights; the class-level ones come with what they do to the odds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.checks import as_labels, as_weights
from costopt.decision.costs import Costs, as_case_costs
from costopt.errors import CostSpecError, DataError
from costopt.inputs.row_labels import check_same_rows
from costopt.rebalancing.definition import RebalancingMethod, Reweighting, TrainingRows

__all__ = [
    "CASE_WEIGHT",
    "NONE",
    "WEIGHT",
    "class_weight",
    "own_cost",
    "sample_weight",
    "scale_pos_weight",
    "weighted_odds",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def sample_weight(
    y: ArrayLike, costs: Costs, *, population: ArrayLike | None = None
) -> Reweighting:
    """Cost-proportionate weights: each row weighs what its misclassification costs.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        0 or 1.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.
    population : array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.

    Returns
    -------
    reweighting : Reweighting
        With one weight per row. Constant costs give class weights, with their odds multiplier;
        costs per case have none: decide on their scores at 0.5 or from a tuned threshold.

    Raises
    ------
    CostSpecError
        If no row has any weight.

    References
    ----------
    B. Zadrozny, J. Langford, N. Abe (2003). Cost-Sensitive Learning by Cost-Proportionate Example
    Weighting. ICDM, 435-442.

    Examples
    --------
    >>> from costopt import CaseCosts
    >>> sample_weight([1, 1, 0], CaseCosts(fp=10, fn=[100.0, 40.0, 70.0])).sample_weight
    array([2. , 0.8, 0.2])
    """
    check_same_rows(y=y, costs=costs, population=population)
    labels = as_labels(y, "y")
    case = as_case_costs(costs, n_cases=labels.size)
    if case.is_constant:
        return class_weight(labels, case, population=population)
    regret = own_cost(labels, case)
    base = np.ones(labels.size) if population is None else as_weights(population, labels.size)
    if not np.any(regret * base):
        raise CostSpecError("every row weighs nothing under these costs: give errors their cost")
    return Reweighting(_mean_one(regret * base), None, "costs per case")


def own_cost(y: BoolArray, costs: CaseCosts) -> FloatArray:
    """What the misclassification of each row costs, shape (n_cases,)."""
    return np.abs(np.where(y, costs.fn_regret, costs.fp_regret))


def class_weight(
    y: ArrayLike, costs: Costs | str, *, population: ArrayLike | None = None
) -> Reweighting:
    """Weights by class, from costs or to balance the classes.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        0 or 1.
    costs : CostMatrix, CaseCosts or "balanced"
        Costs weigh positives by their mean ``fn - tp`` against negatives' mean ``fp - tn``;
        ``"balanced"`` gives both classes the same total weight.
    population : array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.

    Returns
    -------
    reweighting : Reweighting

    Raises
    ------
    DataError
        If a class has no row.
    CostSpecError
        If the mean regret of a class is not positive: such costs need no model.

    Notes
    -----
    Weights from costs with a threshold of 0.5, and no weights with the Bayes threshold, say
    the same thing in population (Elkan, 2001, theorem 1). Doing both counts costs twice, unless
    the odds multiplier is undone first.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> class_weight([0, 0, 0, 1], CostMatrix(fp=1, fn=5)).class_weight
    {0: 1.0, 1: 5.0}
    >>> class_weight([0, 0, 0, 1], "balanced").odds_multiplier
    3.0
    """
    check_same_rows(y=y, costs=costs, population=population)
    labels = as_labels(y, "y")
    base = np.ones(labels.size) if population is None else as_weights(population, labels.size)
    positive, negative = float(base[labels].sum()), float(base[~labels].sum())
    if not (positive > 0 and negative > 0):
        raise DataError("class weights need rows of both classes, with a weight above 0")
    if isinstance(costs, str):
        if costs != "balanced":
            raise CostSpecError(f"class weights come from costs or 'balanced', got {costs!r}")
        return weigh_to(
            labels, negative / positive, "balanced class weights", population=population
        )
    case = as_case_costs(costs, n_cases=labels.size)
    regret_positive = float(np.average(_for_rows(case.fn_regret, labels), weights=base[labels]))
    regret_negative = float(np.average(_for_rows(case.fp_regret, ~labels), weights=base[~labels]))
    if min(regret_positive, regret_negative) <= 0:
        raise CostSpecError(
            "class weights need errors that cost something in both classes, got a mean fn - tp of "
            f"{regret_positive:g} and a mean fp - tn of {regret_negative:g}"
        )
    return weigh_to(
        labels, regret_positive / regret_negative, "class weights from costs", population=population
    )


def scale_pos_weight(
    y: ArrayLike, costs: Costs | str, *, population: ArrayLike | None = None
) -> float:
    """The number that weighs positives against negatives, for xgboost's ``scale_pos_weight``.

    It is also what it multiplies the odds by: act on scores of such a model from 0.5, or divide
    their odds by it (`scale_odds` with its inverse) before a cost rule is applied. Never both.

    Parameters
    ----------
    y, costs, population
        As for `class_weight`.

    Returns
    -------
    scale_pos_weight : float

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> scale_pos_weight([0, 0, 0, 1], CostMatrix(fp=10, tp=10, fn=1000))
    99.0
    """
    multiplier = class_weight(y, costs, population=population).odds_multiplier
    assert multiplier is not None  # noqa: S101  # class weights always have one
    return multiplier


def weigh_to(
    y: BoolArray,
    odds_multiplier: float,
    source: str,
    *,
    population: ArrayLike | None = None,
) -> Reweighting:
    """Weights under which positives count ``odds_multiplier`` times against negatives."""
    base = np.ones(y.size) if population is None else as_weights(population, y.size)
    weight = np.where(y, odds_multiplier, 1.0) * base
    ratio = odds_multiplier * int(y.sum()) / max(int((~y).sum()), 1)
    return Reweighting(_mean_one(weight), float(odds_multiplier), source, sampling_ratio=ratio)


def weighted_odds(y: BoolArray, weight: FloatArray) -> float:
    """The weight of positives per weight of negatives."""
    return float(weight[y].sum() / weight[~y].sum())


def _mean_one(weight: FloatArray) -> FloatArray:
    # divided by the largest first, so that no currency overflows the mean
    scaled = np.asarray(weight / float(weight.max()))
    return np.asarray(scaled / scaled.mean())


def _for_rows(regret: FloatArray, rows: BoolArray) -> FloatArray:
    return np.asarray(np.broadcast_to(regret, rows.shape)[rows])


def _unweighted(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del ratio, rng
    return weigh_to(rows.y, 1.0, "none", population=rows.population)


NONE = RebalancingMethod(
    name="none",
    apply=_unweighted,
    effect="none",
    does="Leaves the rows as they are.",
    helps="With a threshold from the costs, mostly.",
)


def _weighted(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    """Class weights that count as ``ratio`` positives per negative."""
    del rng
    present = np.count_nonzero(rows.y) / np.count_nonzero(~rows.y)
    multiplier = max(ratio / present, 1.0)
    return weigh_to(rows.y, multiplier, "class weights", population=rows.population)


WEIGHT = RebalancingMethod(
    name="weight",
    apply=_weighted,
    effect="multiplier",
    ratio="weight_ratio",
    needs=("weights",),
    title="class weights",
    does="Each class gets a weight: the same in total, what its errors cost, or what is searched.",
    helps="Models whose threshold is fixed at 0.5; with a cost rule it mostly adds noise.",
)


def _weighted_by_case(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del ratio, rng
    return sample_weight(rows.y, rows.known_costs, population=rows.population)


CASE_WEIGHT = RebalancingMethod(
    name="case_weight",
    apply=_weighted_by_case,
    effect="by case",
    needs=("weights", "costs"),
    title="case weights",
    does="Each row weighs what its own misclassification costs.",
    helps="Costs that differ by case and are not known when it is decided.",
)
