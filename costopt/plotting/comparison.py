"""Strategies side by side, in money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from costopt.errors import DataError, check_choice
from costopt.plotting.canvas import (
    CAUGHT,
    INK,
    MUTED,
    SMALL,
    Display,
    axes_for,
    legend,
    money_axis,
    number,
    percent_axis,
    plain,
)
from costopt.showing.text import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ComparisonDisplay"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Measure = Literal["savings", "expected_cost", "difference"]

MEASURES: tuple[Measure, ...] = ("savings", "expected_cost", "difference")
AXIS = {
    "savings": "savings, in % of what the better of never and always acting costs\nwith {level} interval",
    "expected_cost": "expected cost in {unit} per case\nwith {level} interval",
    "difference": "more expensive than the cheapest, in {unit} per case\n"
    "with {level} interval of the paired difference",
}


@dataclass(eq=False)
class ComparisonDisplay(Display):
    """Savings of the strategies with their intervals, the cheapest on top.

    Made by `from_comparison`.

    Parameters
    ----------
    title : str
        How many cases.
    names : tuple of str
        The cheapest first.
    values, low, high : array of shape (n_strategies,)
        A share for savings, else ``unit`` per case.
    as_good : bool array of shape (n_strategies,)
        Whether the paired interval of the difference to the best includes 0.
    measure : {"savings", "expected_cost", "difference"}
    unit : str
        Currency of the costs.
    level : float
        Nominal coverage of the intervals.
    limit : int, default=20
        No more strategies than this are drawn, the cheapest.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Notes
    -----
    Intervals that overlap do not mean that two strategies are equally good: they decided on the
    same cases. Filled marks are statistically tied with the cheapest by their paired difference.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from costopt.plotting import ComparisonDisplay
    >>> display = ComparisonDisplay(
    ...     "1,000 cases",
    ...     names=("weights", "none"),
    ...     values=np.array([0.4, 0.1]),
    ...     low=np.array([0.3, 0.0]),
    ...     high=np.array([0.5, 0.2]),
    ...     as_good=np.array([True, False]),
    ...     measure="savings",
    ...     unit="EUR",
    ...     level=0.95,
    ... )
    >>> [label.get_text() for label in display.plot().ax_.get_yticklabels()]
    ['weights', 'none']
    """

    names: tuple[str, ...]
    values: FloatArray
    low: FloatArray
    high: FloatArray
    as_good: BoolArray
    measure: Measure
    unit: str
    level: float
    limit: int = 20

    heading: ClassVar[str] = "What each strategy saves or costs, the cheapest on top"

    @classmethod
    def from_comparison(
        cls,
        comparison: Any,
        *,
        measure: Literal["auto", "savings", "expected_cost", "difference"] = "auto",
        limit: int = 20,
        ax: Axes | None = None,
    ) -> Self:
        """From what `compare` found.

        Parameters
        ----------
        comparison : Comparison
        measure : {"auto", "savings", "expected_cost", "difference"}, default="auto"
            Savings where they are defined, else expected cost.
        limit : int, default=20
            Draw no more strategies than this, the cheapest.
        ax : matplotlib axes, optional

        Returns
        -------
        display : ComparisonDisplay
            Drawn.

        Raises
        ------
        DataError
            If the comparison has no results, or an argument is not usable.
        """
        check_choice("measure", measure, ("auto", *MEASURES))
        if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 1:
            raise DataError(f"limit must be a whole number of at least 1, got {limit!r}")
        results = list(comparison.results)
        if not results:
            raise DataError("the comparison has no results: no strategy could be fitted")
        if measure == "auto":
            undefined = np.isnan([result.savings.value for result in results]).any()
            measure = "expected_cost" if undefined else "savings"
        estimates = [getattr(result, measure) for result in results]
        display = cls(
            f"{comparison.n_cases:,} cases, {comparison.n_positives:,} of them positive",
            tuple(str(result.title) for result in results),
            values=np.array([found.value for found in estimates]),
            low=np.array([found.low for found in estimates]),
            high=np.array([found.high for found in estimates]),
            as_good=np.array([result.tied for result in results]),
            measure=measure,
            unit=comparison.unit,
            level=estimates[0].level,
            limit=limit,
        )
        return display.plot(ax=ax)

    def _axes(self, ax: Any) -> tuple[Axes, None]:
        return axes_for(ax, height=2.4 + 0.36 * max(self._n_shown(), 4)), None

    def _n_shown(self) -> int:
        return min(self.limit, len(self.names))

    def _draw(self, ax: Axes) -> None:
        n = self._n_shown()
        for as_good, face, label in (
            (True, CAUGHT, "statistically tied with the cheapest"),
            (False, "white", "significantly more expensive"),
        ):
            rows = np.flatnonzero(self.as_good[:n] == as_good)
            if rows.size == 0:
                continue
            value = self.values[rows]
            reach = np.stack((value - self.low[rows], self.high[rows] - value))
            ax.errorbar(
                value,
                rows,
                xerr=np.maximum(np.nan_to_num(reach), 0),
                linestyle="none",
                marker="o",
                markersize=8,
                color=CAUGHT if as_good else MUTED,
                markerfacecolor=face,
                elinewidth=1.8,
                capsize=3,
                label=label,
            )
        self._numbers(ax, n)
        ax.axvline(0, color=INK, linewidth=1)
        ax.set_yticks(np.arange(n), [plain(name) for name in self.names[:n]])
        ax.set_ylim(n - 0.5, -0.5)
        (percent_axis if self.measure == "savings" else money_axis)(ax.xaxis)
        x = AXIS[self.measure].format(unit=plain(self.unit, 20), level=f"{self.level:.0%}")
        left_out = len(self.names) - n
        note = f"; {left_out:,} more expensive ones not shown" if left_out else ""
        self._finish(ax, x=x, y="", note=note, grid="x")
        legend(ax, n_lines=2)

    def _numbers(self, ax: Axes, n: int) -> None:
        """The values in figures at the right, for those who do not trust their eyes."""
        for row in range(n):
            value = self.values[row]
            ax.annotate(
                percent(value) if self.measure == "savings" else number(value),
                xy=(1.01, row),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=SMALL,
                color=INK,
                annotation_clip=False,
            )
