"""How a search went: what its trials seemed to cost, what the policy will, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from costopt.errors import SearchError
from costopt.evaluation.estimates import Estimate
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    LABEL,
    MUTED,
    SMALL,
    Display,
    axes_for,
    axes_pair,
    count_axis,
    finish,
    legend,
    money_axis,
    number,
    percent_axis,
    plain,
)
from costopt.search.importance import importance_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from costopt.search.result import SearchResult

__all__ = ["SearchProgressDisplay"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

MAX_BARS = 10


@dataclass(eq=False)
class SearchProgressDisplay(Display):
    """Apparent cost of the trials against the honest estimate, and which parameters mattered.

    Made by `from_result`.

    Parameters
    ----------
    title : str
        How many trials.
    numbers : array of shape (n_trials,)
        Of the completed trials, ascending.
    costs : array of shape (n_trials,)
        What each cost on the rows that the search looks at, in ``unit`` per case: too low for the
        cheapest.
    chosen : int
        Number of the selected trial.
    expected_cost : Estimate
        Of the policy on new cases, in ``unit`` per case.
    baselines : mapping of str to float
        What the obvious alternatives cost, in ``unit`` per case.
    importance : mapping of str to float
        Share of the differences in cost that each hyperparameter explains; the largest first.
    note : str
        What the importance is of, or why there is none.
    unit : str
        Currency of the costs.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Of the trials.
    beside_ax_ : matplotlib.axes.Axes or None
        Of the importance; None where one axes was passed, or there is none to show.
    figure_ : matplotlib.figure.Figure

    Notes
    -----
    Importance is fANOVA's, of the rank of a trial's cost. It says what mattered within the ranges
    that were searched, not what to change.

    References
    ----------
    F. Hutter, H. Hoos, K. Leyton-Brown (2014). An Efficient Approach for Assessing Hyperparameter
    Importance. ICML, PMLR 32, 754-762.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from costopt import CostMatrix, optimize
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = (X[:, 0] + rng.normal(size=200) > 1).astype(int)
    >>> found = optimize(X, y, CostMatrix(fp=1, fn=5), learners="logistic", n_trials=3, n_jobs=1)
    >>> display = SearchProgressDisplay.from_result(found)
    >>> display.costs.size, display.note
    (3, 'parameter importance needs 20 trials (3 so far)')
    """

    numbers: IntArray
    costs: FloatArray
    chosen: int
    expected_cost: Estimate
    baselines: Mapping[str, float]
    importance: Mapping[str, float]
    note: str
    unit: str

    heading: ClassVar[str] = "What each trial of the search cost, and what the policy will"

    @property
    def lowest(self) -> FloatArray:
        """The lowest apparent cost so far, after each completed trial."""
        return np.asarray(np.minimum.accumulate(self.costs))

    @classmethod
    def from_result(cls, result: SearchResult, *, random_state: int = 0, ax: Any = None) -> Self:
        """From what a search found.

        Parameters
        ----------
        result : SearchResult
        random_state : int, default=0
            Of the forest that explains the costs.
        ax : matplotlib axes or a pair of them, optional
            One is for the trials; of a pair the second is for the importance.

        Returns
        -------
        display : SearchProgressDisplay
            Drawn.

        Raises
        ------
        SearchError
            If the study holds no completed trial.
        """
        trials = result.study.get_trials(deepcopy=False)
        complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
        if not complete:
            raise SearchError("no trial of the study is complete: there is nothing to draw")
        pruned = sum(trial.state.name == "PRUNED" for trial in trials)
        stopped = f" ({pruned:,} more stopped early)" if pruned else ""
        importance, note = importance_of(result.study, result.trial_number, random_state)
        display = cls(
            f"{len(complete):,} trials{stopped}",
            np.array([trial.number for trial in complete], dtype=np.intp),
            np.array([trial.value for trial in complete], dtype=np.float64),
            result.trial_number,
            result.expected_cost,
            {name: found.value for name, found in result.baselines.items()},
            importance,
            note,
            result.expected_cost.unit,
        )
        return display.plot(ax=ax)

    def _axes(self, ax: Any) -> tuple[Axes, Axes | None]:
        """A second picture only where there is something to show in it."""
        if ax is None and not self.importance:
            return axes_for(None), None
        return axes_pair(ax)

    def _draw(self, ax: Axes) -> None:
        low, high = self._heights()
        self._draw_estimate(ax)
        self._draw_trials(ax, high)
        if self.baselines:
            name = min(self.baselines, key=self.baselines.__getitem__)
            cost = self.baselines[name]
            label = f"{plain(name)}: {number(cost)}"
            ax.axhline(cost, color=INK, linestyle=":", linewidth=1.5, label=label)
        ax.set_ylim(low, high)
        count_axis(ax.xaxis)
        note = "" if self.importance else f"\n{plain(self.note, 200)}"
        self._finish(ax, x="trial", y=f"cost in {plain(self.unit, 20)} per case", note=note)
        money_axis(ax.yaxis)
        legend(ax)

    def _draw_estimate(self, ax: Axes) -> None:
        found = self.expected_cost
        if found.has_interval:
            ax.axhspan(found.low, found.high, color=ALARM, alpha=0.16, linewidth=0)
        ax.axhline(
            found.value,
            color=ALARM,
            linestyle="--",
            linewidth=2,
            label=(
                f"expected on new cases: {number(found.value)} "
                f"({found.level:.0%}: {found.interval_text(write=number)})"
            ),
        )

    def _draw_trials(self, ax: Axes, high: float) -> None:
        """What each trial cost on the rows that it was selected on, and the lowest so far."""
        beyond = self.costs > high
        dots: dict[str, Any] = {"linestyle": "none", "color": MUTED}
        x, y = self.numbers[~beyond], self.costs[~beyond]
        ax.plot(
            x, y, marker="o", markersize=4.5, label="a trial, on the rows of the search", **dots
        )
        if beyond.any():
            x, y = self.numbers[beyond], np.full(int(beyond.sum()), high)
            label = "more expensive than is drawn"
            ax.plot(x, y, marker="^", markersize=6, clip_on=False, label=label, **dots)
        ax.plot(
            self.numbers,
            self.lowest,
            color=CAUGHT,
            linewidth=2.2,
            drawstyle="steps-post",
            label=f"lowest so far: {number(float(self.lowest[-1]))}, which is optimistic",
        )
        own = self.costs[self.numbers == self.chosen]
        if own.size:
            x, y = np.array([self.chosen]), np.minimum(own[:1], high)
            star: dict[str, Any] = {"marker": "*", "markersize": 15, "color": INK}
            ax.plot(x, y, linestyle="none", label=f"trial {self.chosen}, selected", **star)

    def _heights(self) -> tuple[float, float]:
        """Limits that hold the estimate, the best baseline and most trials."""
        found = self.expected_cost
        ends = [found.low, found.high] if found.has_interval else [found.value]
        wanted = [*ends, float(self.costs.min()), *self.baselines.values()]
        if self.baselines:
            wanted = [*wanted[:3], min(self.baselines.values())]
        wanted.append(float(np.quantile(self.costs, 0.8)))
        span = max(wanted) - min(wanted) or abs(max(wanted)) or 1.0
        return min(wanted) - 0.06 * span, max(wanted) + 0.08 * span

    def _draw_beside(self, ax: Axes) -> None:
        """Which parameters mattered, or why that cannot be said."""
        if not self.importance:
            ax.axis("off")
            middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
            ax.text(0.5, 0.5, plain(self.note, 200), fontsize=LABEL, color=INK, **middle)
            return
        names = list(self.importance)[:MAX_BARS]
        shares = [self.importance[name] for name in names]
        ax.barh(range(len(names)), shares, color=CAUGHT, height=0.62)
        for row, share in enumerate(shares):
            ax.annotate(
                f"{share:.0%}",
                xy=(share, row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                color=INK,
            )
        ax.set_yticks(range(len(names)), [plain(name, 28) for name in names])
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.set_xlim(0, 1.22 * max(*shares, 0.01))
        percent_axis(ax.xaxis)
        ax.set_title(self.note, loc="left", fontsize=LABEL, color=INK)
        finish(ax, x="share of the differences in cost", y="", grid="x")
