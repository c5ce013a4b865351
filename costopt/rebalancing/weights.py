"""Costs as training weights; the class-level ones come with what they do to the odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.checks import as_labels, as_weights
from costopt.decision.costs import Costs, as_case_costs
from costopt.errors import CostSpecError, DataError
from costopt.inputs.row_labels import check_same_rows

__all__ = ["Reweighting", "class_weight", "sample_weight", "scale_pos_weight"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Reweighting:
    """Weights for training, and what they do to the odds that a model learns.

    Parameters
    ----------
    sample_weight : array of shape (n_rows,)
        Mean 1: the scale of weights acts on a learner's regularisation, so the currency stays
        out of it.
    odds_multiplier : float or None
        Divide the odds of the model's scores by it to get probabilities of the population.
        None for weights that differ within a class: no single number undoes those.
    source : str
        What the weights came from.
    rows : array of shape (n_rows,), optional
        The rows that are kept, where not all are.
    sampling_ratio : float, optional
        Positives per negative that was reached, where rows were sampled or weighed to a ratio:
        counted in rows, whatever each stands for.
    added : array of shape (n_added, n_features), optional
        Synthetic positives, encoded as the learner's rows are; their weights come last.
    """

    sample_weight: FloatArray
    odds_multiplier: float | None
    source: str
    rows: IntArray | None = None
    sampling_ratio: float | None = None
    added: NDArray[np.floating] | None = None

    @property
    def class_weight(self) -> dict[int, float] | None:
        """Weights by class, for ``class_weight=`` of scikit-learn; None for weights within a class."""
        if self.odds_multiplier is None:
            return None
        return {0: 1.0, 1: self.odds_multiplier}


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
        costs per case have none: decide on their scores at 0.5 or by a tuned cut.

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
    Weights from costs with a cut at 0.5, and no weights with a cut at the Bayes threshold, say
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

    It is also what it multiplies the odds by: scores of such a model are cut at 0.5, or divided
    (`scale_odds` with its inverse) before a cost rule is applied. Never both.

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
