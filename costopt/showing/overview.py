"""What an object tells about itself, as plain values; `costopt.showing.html` makes a page of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from costopt.showing.text import figure

__all__ = ["Overview", "Presentable", "Row", "cost_lines", "rows_of"]


class Measured(Protocol):
    """A number with its interval, such as an `Estimate`."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...

    def interval_text(
        self, times: float = ..., *, write: Callable[[float], str] | None = ...
    ) -> str:
        """The interval in words."""


@dataclass(frozen=True)
class Row:
    """A number with its interval, written out, and where it stands among others.

    Parameters
    ----------
    name, value, interval : str
    places : tuple of (low, value, high), or None
        In percent of a scale that the rows share and that includes 0; None where one is not finite.
    zero : float
        Where 0 stands on that scale.
    chosen : bool
        Whether it stands out.
    """

    name: str
    value: str
    interval: str
    places: tuple[float, float, float] | None
    zero: float
    chosen: bool


def rows_of(
    estimates: Mapping[str, Measured],
    *,
    chosen: str = "",
    times: float = 1.0,
    write: Callable[[float], str] = figure,
) -> list[Row]:
    """Numbers with their intervals as rows of one table.

    Parameters
    ----------
    estimates : mapping of str to Estimate
    chosen : str, optional
        The row that stands out.
    times : float, default=1
        What the numbers are multiplied by.
    write : callable, default=figure
        Makes a text of a number.
    """
    ends = {name: (found.low, found.value, found.high) for name, found in estimates.items()}
    finite = [each for three in ends.values() for each in three if abs(each) < 1e300]
    low, high = min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(100 * (value - low) / span, 2)

    return [
        Row(
            name,
            write(times * found.value),
            found.interval_text(times, write=write),
            (place(ends[name][0]), place(ends[name][1]), place(ends[name][2]))
            if all(map(math.isfinite, ends[name]))
            else None,
            place(0.0),
            name == chosen,
        )
        for name, found in estimates.items()
    ]


def cost_lines(rows: Sequence[Row], notes: Mapping[str, str] | None = None) -> list[str]:
    """Rows as lines for a terminal, with a note behind some of them.

    Examples
    --------
    >>> row = Row("never act", "1.5", "1.362 to 1.646", None, 0.0, False)
    >>> print(*cost_lines([row], {"never act": "70 % accurate"}), sep="")
      never act           1.5   1.362 to 1.646   70 % accurate
    """
    width = max(len(row.name) for row in rows) + 2
    told = notes or {}
    return [
        f"  {row.name:<{width}}{row.value:>12}   {row.interval}   {told.get(row.name, '')}".rstrip()
        for row in rows
    ]


@dataclass(frozen=True)
class Overview:
    """What matters of an object: a title, a sentence, a table and notes, all plain text.

    Parameters
    ----------
    title, lead : str
        What it is, and what matters most of it.
    columns : sequence of str
        Heads of the table.
    rows : sequence of sequence of cells
        A cell is a text, or a pair of a text and the mood it is in: "good" or "bad".
    measured : sequence of Row
        Numbers with their intervals, in place of ``rows``.
    notes : sequence of str
        Sentences below the table.
    """

    title: str
    lead: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str | tuple[str, str]]] = ()
    measured: Sequence[Row] = ()
    notes: Sequence[str] = ()


class Presentable:
    """Something that notebooks show as its `overview`."""

    def overview(self) -> Overview:
        """What it tells about itself."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        from costopt.showing.html import page_of

        return page_of(self.overview())
