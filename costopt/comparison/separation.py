"""What training and test rows must not share: identifiers, groups, and periods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from costopt.comparison.findings import Finding
from costopt.comparison.neighbours import Rows
from costopt.errors import DataError
from costopt.inputs.frames import Table
from costopt.showing.text import percent

__all__ = ["time_overlap", "values_shared"]


def values_shared(
    rows: Rows, ids: tuple[str, ...], groups: Any, train: Table, test: Table
) -> Iterator[Finding]:
    """Values of id columns, and groups, that are on both sides."""
    for name in ids:
        column = rows.values[:, rows.names.index(name)]
        finding = _on_both_sides(
            "shared-identifiers", f"column {name!r}", column[: rows.n_train], column[rows.n_train :]
        )
        if finding is not None:
            yield finding
    if groups is not None:
        sides = _both(groups, "groups", train, test)
        finding = _on_both_sides("shared-groups", "groups", *sides)
        if finding is not None:
            yield finding


def _on_both_sides(code: str, what: str, train: Any, test: Any) -> Finding | None:
    known = pd.unique(pd.Series(train).dropna())
    shared = pd.Series(test).isin(known).to_numpy()
    if not shared.any():
        return None
    n_values = pd.Series(test)[shared].nunique()
    return Finding(
        code,
        "error",
        f"{n_values:,} values of {what} are on both sides, with {np.count_nonzero(shared):,} of "
        f"{shared.size:,} test rows ({percent(float(shared.mean()))})",
        "split by that value: groups= in optimize, or GroupKFold",
    )


def _both(given: Any, name: str, train: Table, test: Table) -> tuple[Any, Any]:
    """Values of training and of test rows, from a column's name or as they were passed."""
    if isinstance(given, str):
        return tuple(pd.Series(table.to_pandas([given])[given]) for table in (train, test))
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise DataError(
            f"{name} must be the name of a column, or a pair (values of X_train, values of X_test), "
            f"got {type(given).__name__}"
        )
    sides = tuple(pd.Series(np.asarray(side)) for side in given)
    for side, table, values in zip(("X_train", "X_test"), (train, test), sides, strict=True):
        if len(values) != table.n_rows:
            raise DataError(
                f"{name} has {len(values)} values for the {table.n_rows} rows of {side}: pass one for "
                "each"
            )
    return sides[0], sides[1]


def time_overlap(time: Any, train: Table, test: Table) -> Finding | None:
    """Training rows that are not older than all test rows."""
    if time is None:
        return None
    before, after = (side.dropna() for side in _both(time, "time", train, test))
    try:
        start, end = after.min(), before.max()
        late = int((before >= start).sum()) if len(after) else 0
    except TypeError:
        raise DataError(
            "time holds values that cannot be put in order: pass numbers or times, of one kind"
        ) from None
    if not late:
        return None
    return Finding(
        "time-overlap",
        "error",
        f"{late:,} of {len(before):,} training rows are not older than the first test row "
        f"({start!s:.40}; training goes on to {end!s:.40})",
        "a model that decides on tomorrow cannot have seen it: put all training rows before the test "
        "rows, time= in optimize",
    )
