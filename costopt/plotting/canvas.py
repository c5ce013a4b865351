"""What every display draws with: matplotlib once it is needed, one look, and text that stays text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from costopt.decision.odds import logit
from costopt.errors import DataError, check_choice
from costopt.showing.text import figure, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = [
    "ALARM",
    "CAUGHT",
    "INK",
    "LABEL",
    "MUTED",
    "SMALL",
    "Display",
    "Scale",
    "axes_for",
    "axes_pair",
    "check_bins",
    "choose_scale",
    "count_axis",
    "finish",
    "legend",
    "money",
    "money_axis",
    "number",
    "percent_axis",
    "plain",
    "range_shown",
    "scale_axis",
    "step_points",
    "thinned",
]

FloatArray = NDArray[np.float64]
Scale = Literal["auto", "linear", "logit"]

SCALES: tuple[Scale, ...] = ("auto", "linear", "logit")
# Blue and vermilion differ for the colour-blind too, and in lightness once printed in grey.
CAUGHT, ALARM, INK, MUTED = "#00528A", "#E0782F", "#222222", "#6E6E6E"
LABEL, SMALL = 12, 10.5  # points: legible from the back of a room at the default size
# Thresholds below this, or as near to 1, are lost on a linear axis.
RARE = 0.05
MAX_STEPS = 4000  # several times the pixels there are
LOGIT_TICKS = np.array(
    [1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999, 0.99999]
)


@dataclass(eq=False)
class Display:
    """What all displays share: a title, and a way to be drawn, again and elsewhere.

    Parameters
    ----------
    title : str
        What the picture is of: how many cases or trials.
    """

    title: str
    ax_: Axes = field(init=False, repr=False)
    beside_ax_: Axes | None = field(init=False, repr=False)
    figure_: Figure | SubFigure = field(init=False, repr=False)

    heading: ClassVar[str]

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, optional
            A new figure where None. A display of two pictures takes a pair; of one axes it draws
            its main picture on that.

        Returns
        -------
        display : the display
            Itself.
        """
        self.ax_, self.beside_ax_ = self._axes(ax)
        self.figure_ = self.ax_.figure
        self._draw(self.ax_)
        if self.beside_ax_ is not None:
            self._draw_beside(self.beside_ax_)
        return self

    def _axes(self, ax: Any) -> tuple[Axes, Axes | None]:
        """The axes of the main picture and of the other; those of one picture unless overridden."""
        return axes_for(ax), None

    def _draw(self, ax: Axes) -> None:
        raise NotImplementedError

    def _draw_beside(self, ax: Axes) -> None:
        raise NotImplementedError

    def _finish(self, ax: Axes, *, x: str, y: str, note: str = "", grid: str = "y") -> None:
        """Labels, and no more lines than are read; a title that is there stays."""
        if not any(ax.get_title(loc=where) for where in ("left", "center", "right")):
            told = f"{self.heading}\n{self.title}{note}"
            ax.set_title(told, loc="left", fontsize=LABEL, color=INK)
        finish(ax, x=x, y=y, grid=grid)


def axes_for(ax: Axes | None, height: float = 5.2) -> Axes:
    """The axes given, or those of a new figure of a slide's proportions.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    _, axes = _pyplot().subplots(figsize=(8.0, height), layout="constrained")
    return axes  # type: ignore[no-any-return]


def axes_pair(
    ax: Axes | Sequence[Axes] | None, *, stacked: bool = False
) -> tuple[Axes, Axes | None]:
    """Two axes: those given, the one given and None, or those of a new figure.

    Raises
    ------
    DataError
        If neither one nor two axes are given.
    ImportError
        If matplotlib is not installed.
    """
    if ax is None:
        rows, columns = (2, 1) if stacked else (1, 2)
        _, pair = _pyplot().subplots(
            rows,
            columns,
            figsize=(8.0, 7.5) if stacked else (12.0, 5.4),
            width_ratios=[1] if stacked else [3, 2],
            layout="constrained",
            sharex=stacked,
        )
        return pair[0], pair[1]
    given: list[Axes] = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(given) == 1:
        return given[0], None
    if len(given) != 2:
        raise DataError(f"ax must be one axes or a pair of them, got {len(given)}")
    return given[0], given[1]


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("displays need matplotlib: pip install 'costopt-ml[plot]'") from None
    return plt


def plain(text: object, limit: int = 40) -> str:
    r"""Text of a caller's as it is drawn: no mathematics, nothing invisible, not too long.

    Examples
    --------
    >>> print(plain("cost in US$ or $x^2$"))
    cost in US\$ or \$x^2\$
    >>> print(plain("a_very_long_name_of_a_column_that_never_ends", 20))
    a_very_long_…er_ends
    """
    shown = printable(str(text))
    if len(shown) > limit:
        tail = limit // 3 + 1
        shown = f"{shown[: limit - tail - 1]}…{shown[-tail:]}"
    # matplotlib leaves labels out of a legend that begin with an underscore
    lead = " " if shown.startswith("_") else ""
    return lead + shown.replace("$", r"\$")


def number(value: float) -> str:
    """A number of a legend: three digits, all of them from a thousand on.

    Examples
    --------
    >>> number(0.12345), number(12345.6)
    ('0.123', '12,346')
    """
    return figure(value, 3)


def money(value: float, unit: str) -> str:
    """An amount with its currency, as it is drawn."""
    return f"{number(value)} {plain(unit, 20)}"


def choose_scale(scale: Scale, scores: FloatArray, marks: Sequence[float]) -> Scale:
    """Which scale an axis of scores needs: log-odds where a mark would be lost on a linear one.

    Raises
    ------
    DataError
        If the scale is not known, or scores that are no probabilities are to have log-odds.
    """
    check_choice("scale", scale, SCALES)
    finite = scores[np.isfinite(scores)]
    probabilities = bool(np.all((finite >= 0) & (finite <= 1)))
    if scale == "logit" and not probabilities:
        raise DataError(
            "scale='logit' needs scores in [0, 1], got "
            f"{finite.min():.4g} to {finite.max():.4g}: use scale='linear'"
        )
    if scale != "auto":
        return scale
    known = [mark for mark in marks if 0 < mark < 1]
    lost = any(mark < RARE or mark > 1 - RARE for mark in known)
    return "logit" if probabilities and lost else "linear"


def range_shown(scale: Scale, scores: FloatArray, marks: Sequence[float]) -> tuple[float, float]:
    """Limits of an axis of scores: nearly all of them, and every mark."""
    finite = scores[np.isfinite(scores)]
    known = [float(mark) for mark in marks if np.isfinite(mark)]
    if scale == "logit":
        inside = np.clip(finite, 1e-5, 1 - 1e-5)
        low, high = np.quantile(inside, [0.005, 0.995])
        ends = logit([min(low, 0.02, *known), max(high, 0.6, *known)])
        span = 0.04 * (ends[1] - ends[0])
        wide = 1 / (1 + np.exp(-np.array([ends[0] - span, ends[1] + span])))
        return float(wide[0]), float(wide[1])
    if finite.size == 0 or (finite.min() >= 0 and finite.max() <= 1):
        return 0.0, 1.0
    low, high = min(finite.min(), *known, np.inf), max(finite.max(), *known, -np.inf)
    margin = 0.03 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def scale_axis(axis: Any, scale: Scale, limits: tuple[float, float]) -> None:
    """Give an x or y axis its scale and limits; log-odds get ticks in plain numbers."""
    axes, name = axis.axes, axis.axis_name
    if scale == "logit":
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        getattr(axes, f"set_{name}scale")("logit")
        ticks = LOGIT_TICKS[(limits[0] <= LOGIT_TICKS) & (limits[1] >= LOGIT_TICKS)]
        axis.set_major_locator(FixedLocator(list(ticks)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    getattr(axes, f"set_{name}lim")(*limits)


def step_points(
    thresholds: FloatArray, values: FloatArray, limits: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Corners of a step function of the threshold, for ``drawstyle="steps-pre"``.

    Parameters
    ----------
    thresholds : array of shape (n_thresholds,)
        ``inf`` first, descending, ``-inf`` last, as `CostCurve` has them.
    values : array of shape (n_thresholds,)
        What holds from the next lower threshold, exclusive, up to each one.
    limits : tuple of float
        The range that is drawn.

    Examples
    --------
    >>> x, y = step_points(np.array([np.inf, 0.5, -np.inf]), np.array([1.0, 2.0, 2.0]), (0.0, 1.0))
    >>> x.tolist(), y.tolist()
    ([0.0, 0.5, 1.0], [2.0, 2.0, 1.0])
    """
    inside = np.flatnonzero((thresholds > limits[0]) & (thresholds < limits[1]))
    inside = thinned(inside)
    x = np.concatenate(([limits[0]], thresholds[inside][::-1], [limits[1]])).astype(np.float64)
    at = np.searchsorted(-thresholds, -x, side="right") - 1
    return x, values[np.maximum(at, 0)]


def thinned(positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions of points of a line, no more of them than can be told apart on paper."""
    if positions.size <= MAX_STEPS:
        return positions
    return positions[np.linspace(0, positions.size - 1, MAX_STEPS).astype(np.intp)]


def percent_axis(axis: Any) -> None:
    """Ticks of an axis of shares in percent."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):g} %"))


def money_axis(axis: Any) -> None:
    """Ticks of an axis of amounts: whole numbers with separators, no powers of ten."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value, 9):,.10g}"))


def count_axis(axis: Any) -> None:
    """Ticks of an axis of counts: whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def check_bins(n_bins: Any) -> None:
    """Refuse what is no number of bins.

    Raises
    ------
    DataError
    """
    if isinstance(n_bins, bool) or not isinstance(n_bins, int | np.integer) or n_bins < 2:
        raise DataError(f"n_bins must be a whole number of at least 2, got {n_bins!r}")


def finish(ax: Axes, *, x: str, y: str, grid: str = "y") -> None:
    """Labels, and no more lines than are read."""
    ax.set_xlabel(x, fontsize=LABEL)
    ax.set_ylabel(y, fontsize=LABEL)
    ax.tick_params(labelsize=SMALL)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, color="#DDDDDD", linewidth=0.8)  # type: ignore[arg-type]  # one of three
    ax.set_axisbelow(True)


def legend(ax: Axes, *, title: str | None = None, n_lines: int = 1) -> None:
    """The legend below the picture, where it covers no data.

    Parameters
    ----------
    ax : matplotlib axes
    title : str, optional
    n_lines : int, default=1
        Of the label of the x axis, which stands between.
    """
    from matplotlib.transforms import ScaledTranslation

    inches = (30 + 16 * n_lines) / 72
    ax.legend(
        title=title,
        title_fontsize=SMALL,
        fontsize=SMALL,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + ScaledTranslation(0, -inches, ax.figure.dpi_scale_trans),
        ncols=2,
    )
