"""Decisions as people keep them: a table beside their own columns, or one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.rules import expected_gain
from costopt.errors import DataError, nearest
from costopt.inputs.frames import Table

__all__ = ["COLUMNS", "DISPLACED", "Decision", "columns_to_keep", "decided", "decision_frame"]

COLUMNS = ("probability", "action", "expected_gain")
# Where there is room for some cases only: whether a case was left out for want of it.
DISPLACED = "displaced"


@dataclass(frozen=True)
class Decision:
    """What to do with one case.

    Parameters
    ----------
    probability : float
        Calibrated, of the positive class.
    action : {"act", "leave"}
    expected_gain : float
        What acting is expected to save, in the unit of the costs; negative where it costs.
    """

    probability: float
    action: Literal["act", "leave"]
    expected_gain: float


def columns_to_keep(X: Any, keep: str | Sequence[str], found: Sequence[str] = COLUMNS) -> list[str]:
    """The names of the columns that stand before the decisions, in the order in which they are named.

    Parameters
    ----------
    X : rows of any kind, or None
    keep : "all", str or sequence of str
    found : sequence of str
        The columns of the decisions.

    Raises
    ------
    DataError
        If there is no such column, or it has the name of a column of the decisions.

    Examples
    --------
    >>> columns_to_keep({"a": [1], "b": [2]}, "b")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    costopt.errors.DataError: X must be a data frame or a two-dimensional array, got dict: ...
    >>> columns_to_keep([[1.0, 2.0]], "all")
    ['x0', 'x1']
    """
    wanted = [keep] if isinstance(keep, str) else list(keep)
    if not wanted:
        return []
    if X is None:
        raise DataError("keep= names columns of X, but X is None: pass the rows")
    known = Table(X).columns
    names = list(known) if wanted == ["all"] else list(dict.fromkeys(map(str, wanted)))
    for name in names:
        if name not in known:
            raise DataError(
                f"keep names the column {name!r}, which the data do not have: {nearest(name, known)}"
            )
        if name in found:
            raise DataError(
                f"the data have a column {name!r}, as the decisions do: rename it, or keep others"
            )
    return names


def decided(
    probability: NDArray[np.float64], act: NDArray[np.bool_], costs: CaseCosts
) -> dict[str, NDArray[Any]]:
    """The columns of decisions: what each stands on, what to do, and what acting is worth."""
    found = (probability, np.where(act, "act", "leave"), expected_gain(probability, costs))
    return dict(zip(COLUMNS, found, strict=True))


def decision_frame(
    X: Any, score: Any, kept: Sequence[str], found: Mapping[str, NDArray[Any]]
) -> Any:
    """A table of the kind that was given, with its index: columns that are kept, then what was found.

    Parameters
    ----------
    X : rows of any kind, or None
    score : array-like or None
        Says the kind where there are no rows.
    kept : sequence of str
        Columns of ``X``.
    found : mapping of str to array of shape (n_cases,)
    """
    rows = score if X is None else X
    given = nw.from_native(rows, eager_only=True, allow_series=True, pass_through=True)
    if not isinstance(given, nw.DataFrame | nw.Series) or given.implementation.is_pandas():
        return _pandas_frame(rows, kept, found)
    backend = given.implementation
    values = {name: column.tolist() for name, column in found.items()}
    decisions = nw.from_dict(values, backend=backend)
    if isinstance(given, nw.Series) or not kept:
        return decisions.to_native()
    return nw.concat([given.select(list(kept)), decisions], how="horizontal").to_native()


def _pandas_frame(
    rows: Any, kept: Sequence[str], found: Mapping[str, NDArray[Any]]
) -> pd.DataFrame:
    index = rows.index if isinstance(rows, pd.DataFrame | pd.Series) else None
    decisions = pd.DataFrame(dict(found), index=index)
    if not kept:
        return decisions
    if not isinstance(rows, pd.DataFrame):
        table = Table(rows)
        return pd.concat([table.to_pandas(kept), decisions], axis=1)
    place = {str(name): at for at, name in enumerate(rows.columns)}
    return pd.concat([rows.iloc[:, [place[name] for name in kept]], decisions], axis=1)
