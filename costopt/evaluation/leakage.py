"""What is suspicious about the rows of a problem, warned of once before anything is fitted."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from costopt.decision.costs import CostMatrix, Costs
from costopt.evaluation.estimates import Estimate
from costopt.inputs.columns import Columns, read_columns
from costopt.inputs.frames import Table
from costopt.inputs.suspicion import Suspicion, find_suspicions, suspicions_of, warn_of
from costopt.learners.protocol import Features

__all__ = ["nearly_perfect", "warn_of_leaks", "warn_of_leaks_beside"]

BoolArray = NDArray[np.bool_]

# Of what perfect knowledge would save, from which share on a result is too good: at its value, and at
# the expensive end of its interval.
TOO_GOOD = 0.98
TOO_GOOD_AT_LEAST = 0.5


def warn_of_leaks(
    features: Any, y: BoolArray, costs: Costs, table: Table | None, *, apart: bool
) -> tuple[Suspicion, ...]:
    """Look for leaks in what a model will see and costs read, and warn of all that is found.

    Parameters
    ----------
    features : Features, data frame or anything else that a learner takes
        Of what is neither of the first two, nothing is looked at.
    y : bool array of shape (n_cases,)
    costs : CostMatrix or CaseCosts
        Its columns are looked at, but for those that are known in hindsight.
    table : Table or None
        Where the columns of costs are.
    apart : bool
        Whether somebody has said which rows are kept apart, so that repeated rows may do no harm.

    Warns
    -----
    CostOptWarning
        ``possible-leaks``.
    """
    read = _cost_columns(costs, table)
    columns = _columns(features)
    found: tuple[Suspicion, ...] = ()
    if columns is not None:
        found = suspicions_of(columns, y)
    unseen = [name for name in read if columns is None or name not in columns.names]
    if unseen and table is not None:
        others = read_columns(table, set(table.columns) - set(unseen))
        found += suspicions_of(others, y, identifiers=False, rows=False)
    found = tuple(one for one in found if not (apart and one.kind == "repeated-rows"))
    warn_of(found, read)
    return found


def warn_of_leaks_beside(
    refused: Collection[str], table: Table, y: BoolArray, costs: Costs, ignore: Collection[str]
) -> None:
    """Warn of leaks where an error is about to name columns that cannot be used.

    Parameters
    ----------
    refused : collection of str
        The columns of the error, which says of identifiers among them that they are some.
    table : Table
    y : bool array of shape (n_cases,)
    costs : CostMatrix or CaseCosts
    ignore : collection of str
        Columns that are no features.

    Warns
    -----
    CostOptWarning
        ``possible-leaks``.
    """
    cost_columns = _cost_columns(costs, table)
    found = find_suspicions(table, y, set(ignore) - set(cost_columns))
    said = {*refused}
    warn_of(
        [one for one in found if one.kind != "identifier" or not said & {*one.columns}],
        cost_columns,
    )


def _cost_columns(costs: Costs, table: Table | None) -> tuple[str, ...]:
    """Columns that costs read beforehand."""
    if not isinstance(costs, CostMatrix) or table is None:
        return ()
    return tuple(name for name in costs.columns if name not in costs.hindsight)


def _columns(features: Any) -> Columns | None:
    """The columns of features, if they are a table."""
    if isinstance(features, Features):
        return Columns(
            features.matrix,
            ~features.schema.is_categorical,
            np.zeros(len(features.schema.names), dtype=bool),
            features.schema.names,
            tuple(feature.categories for feature in features.schema.features),
        )
    if features is not None and nw.dependencies.is_into_dataframe(features):
        return read_columns(Table(features))
    return None


def nearly_perfect(cost: Estimate, never: float, always: float, perfect: float) -> float | None:
    """Share of what perfect knowledge would save, if it is next to everything; else None.

    Parameters
    ----------
    cost : Estimate
    never, always, perfect : float
        What acting never and always and perfect decisions cost per case.
    """
    base = min(never, always)
    if not base > perfect:
        return None
    share = (base - cost.value) / (base - perfect)
    if cost.has_interval and (base - cost.high) / (base - perfect) < TOO_GOOD_AT_LEAST:
        return None
    return share if share >= TOO_GOOD else None
