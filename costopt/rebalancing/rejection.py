"""Cost-proportionate rejection: rows are kept with a chance in proportion to what their errors cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from costopt.decision.checks import as_labels, as_weights
from costopt.decision.costs import Costs
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows
from costopt.rebalancing.definition import RebalancingMethod, Reweighting, TrainingRows
from costopt.rebalancing.weights import sample_weight

__all__ = ["REJECTION", "rejection"]


def rejection(
    y: ArrayLike,
    costs: Costs,
    rng: np.random.Generator,
    *,
    population: ArrayLike | None = None,
) -> Reweighting:
    """Keep each row with a chance in proportion to what its misclassification costs.

    What is learned from the rows that are kept, with errors that all cost the same, is what the
    costs ask for: decide on its scores at 0.5. Rows above the 99th percentile of their class are
    kept for certain, so that one huge amount does not leave next to nothing of the others.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        0 or 1.
    costs : CostMatrix or CaseCosts
        Constant, or for these cases.
    rng : numpy.random.Generator
    population : array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.

    Returns
    -------
    reweighting : Reweighting
        ``rows`` are the indices kept, ascending. Constant costs have an odds multiplier, the ratio
        of the two chances; costs per case have none.

    Raises
    ------
    DataError
        If no row of a class is kept.
    CostSpecError
        If no row has any weight.

    References
    ----------
    B. Zadrozny, J. Langford, N. Abe (2003). Cost-Sensitive Learning by Cost-Proportionate Example
    Weighting. ICDM, 435-442.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> sample = rejection([0] * 1000 + [1] * 10, CostMatrix(fp=1, fn=10), np.random.default_rng(0))
    >>> sample.odds_multiplier, 80 < sample.rows.size < 140
    (10.0, True)
    """
    check_same_rows(y=y, costs=costs, population=population)
    labels = as_labels(y, "y")
    weighed = sample_weight(labels, costs)
    weight = weighed.sample_weight
    top = max(float(np.quantile(weight[rows], 0.99)) for rows in (labels, ~labels) if rows.any())
    kept = np.flatnonzero(rng.random(labels.size) * (top or float(weight.max())) < weight)
    positives = int(np.count_nonzero(labels[kept]))
    if not 0 < positives < kept.size:
        raise DataError(
            f"cost-proportionate rejection kept {positives} positives and {kept.size - positives} "
            "negatives: it needs more rows of the class that costs less"
        )
    base = np.ones(kept.size) if population is None else as_weights(population, labels.size)[kept]
    return Reweighting(
        base / base.mean(),
        weighed.odds_multiplier,
        "cost-proportionate rejection",
        rows=kept,
        sampling_ratio=positives / (kept.size - positives),
    )


def _rejected(rows: TrainingRows, ratio: float, rng: np.random.Generator) -> Reweighting:
    del ratio
    return rejection(rows.y, rows.known_costs, rng, population=rows.population)


REJECTION = RebalancingMethod(
    name="rejection",
    apply=_rejected,
    effect="by case",
    needs=("costs",),
    title="cost-proportionate rejection",
    does="Keeps each row with a chance in proportion to what its misclassification costs.",
    helps="Learners without weights, and many rows.",
)
