"""How a search went: what its trials seemed to cost, what the policy will, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

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
    axes_pair,
    finish,
    money_axis,
    number,
    percent_axis,
    plain,
)
from costopt.search.importance import importance_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from costopt.search.result import SearchResult

__all__ = ["SearchProgressDisplay"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

MAX_BARS = 10


@dataclass(eq=False)
class SearchProgressDisplay:
    """Apparent cost of the trials against the honest estimate, and which parameters mattered.

    Made by `from_result`.

    Parameters
    ----------
    numbers : array of shape (n_trials,)
        Of the completed trials, ascending.
    costs : array of shape (n_trials,)
        What each cost on the rows that the search looks at, in ``unit`` per case: too low for the
        cheapest.
    chosen : int
        Number of the trial that ships.
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
    title : str
        How many trials.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Of the trials.
    importance_ax_ : matplotlib.axes.Axes or None
        None where one axes was passed.
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
    (3, 'Too few trials to say what mattered: 3 of at least 20.')
    """

    numbers: IntArray
    costs: FloatArray
    chosen: int
    expected_cost: Estimate
    baselines: Mapping[str, float]
    importance: Mapping[str, float]
    note: str
    unit: str
    title: str
    ax_: Axes = field(init=False, repr=False)
    importance_ax_: Axes | None = field(init=False, repr=False)
    figure_: Figure | SubFigure = field(init=False, repr=False)

    @property
    def lowest(self) -> FloatArray:
        """The lowest apparent cost so far, after each completed trial."""
        return np.asarray(np.minimum.accumulate(self.costs))

    @classmethod
    def from_result(
        cls,
        result: SearchResult,
        *,
        random_state: int = 0,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
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
        given_up = f" ({pruned:,} more given up early)" if pruned else ""
        importance, note = importance_of(result.study, result.trial_number, random_state)
        display = cls(
            np.array([trial.number for trial in complete], dtype=np.intp),
            np.array([trial.value for trial in complete], dtype=np.float64),
            result.trial_number,
            result.expected_cost,
            {name: found.value for name, found in result.baselines.items()},
            importance,
            note,
            result.expected_cost.unit,
            f"{len(complete):,} trials{given_up}",
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes or a pair of them, optional
            One is for the trials; of a pair the second is for the importance.

        Returns
        -------
        display : SearchProgressDisplay
            Itself.
        """
        trials_ax, importance_ax = axes_pair(ax)
        self._draw_trials(trials_ax)
        if importance_ax is not None:
            self._draw_importance(importance_ax)
        self.ax_, self.importance_ax_ = trials_ax, importance_ax
        self.figure_ = trials_ax.figure
        return self

    def _draw_trials(self, ax: Axes) -> None:
        found, unit = self.expected_cost, self.unit
        low, high = self._heights()
        beyond = self.costs > high
        if found.has_interval:
            ax.axhspan(found.low, found.high, color=ALARM, alpha=0.16, linewidth=0)
        ax.axhline(
            found.value,
            color=ALARM,
            linestyle="--",
            linewidth=2,
            label=(
                f"on new cases: {number(found.value)} "
                f"({found.level:.0%}: {found.interval_text(write=number)})"
            ),
        )
        ax.plot(
            self.numbers[~beyond],
            self.costs[~beyond],
            linestyle="none",
            marker="o",
            markersize=4.5,
            color=MUTED,
            label="a trial, as it seemed",
        )
        if beyond.any():
            ax.plot(
                self.numbers[beyond],
                np.full(int(beyond.sum()), high),
                linestyle="none",
                marker="^",
                markersize=6,
                color=MUTED,
                clip_on=False,
                label="dearer than is drawn",
            )
        ax.plot(
            self.numbers,
            self.lowest,
            color=CAUGHT,
            linewidth=2.2,
            drawstyle="steps-post",
            label=f"lowest so far: {number(float(self.lowest[-1]))}, by luck too",
        )
        own = self.costs[self.numbers == self.chosen]
        if own.size:
            ax.plot(
                [self.chosen],
                [min(float(own[0]), high)],
                linestyle="none",
                marker="*",
                markersize=15,
                color=INK,
                label=f"trial {self.chosen}, which ships",
            )
        if self.baselines:
            name = min(self.baselines, key=self.baselines.__getitem__)
            cost = self.baselines[name]
            label = f"{plain(name)}: {number(cost)}"
            ax.axhline(cost, color=INK, linestyle=":", linewidth=1.5, label=label)
        ax.set_ylim(low, high)
        finish(ax, x="trial", y=f"cost in {plain(unit, 20)} per case", title=self.title)
        money_axis(ax.yaxis)
        ax.legend(
            fontsize=SMALL, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.16), ncols=2
        )

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

    def _draw_importance(self, ax: Axes) -> None:
        if not self.importance:
            ax.axis("off")
            ax.text(
                0.5,
                0.5,
                plain(self.note, 200).replace(": ", ":\n", 1),
                ha="center",
                va="center",
                fontsize=LABEL,
                color=INK,
                transform=ax.transAxes,
            )
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
        finish(ax, x="share of the differences in cost", y="", title=self.note, grid="x")
