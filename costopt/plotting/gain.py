"""What acting earns, case by case from the best one down, and all in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_labels
from costopt.decision.costs import Costs
from costopt.decision.rules import decide, expected_gain
from costopt.errors import DataError
from costopt.evaluation.estimates import Estimate, Sample
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    axes_pair,
    finish,
    legend,
    money,
    money_axis,
    number,
    percent_axis,
    plain,
    thinned,
)
from costopt.plotting.cases import Cases, FromScores, decisions_of, described
from costopt.policy.policy import DecisionPolicy
from costopt.showing.text import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GainDisplay"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(eq=False)
class GainDisplay(FromScores):
    """Money that acting adds up to, and the share of it that is caught, the largest gains first.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    title : str
        How many cases.
    n_acted : array of shape (n_steps + 1,)
        Cases of the population, from 0 up; cases of equal gain make one step.
    gain : array of shape (n_steps,)
        Expected gain of acting on a case of each step, in ``unit``, descending.
    expected, actual : array of shape (n_steps + 1,)
        What acting on so many cases is expected to gain over never acting, and what it gained.
    caught, caught_money : array of shape (n_steps + 1,)
        Share of the positive cases that is acted on, and of the money that is at stake in them.
    decided : float
        Cases that are acted on.
    decided_gain : Estimate
        What these decisions gained in total, with its bootstrap interval.
    perfect_gain : float
        What an oracle would have gained.
    unit : str
        Currency of the costs.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Of the money.
    beside_ax_ : matplotlib.axes.Axes or None
        Of the shares; None where one axes was passed.
    figure_ : matplotlib.figure.Figure

    Notes
    -----
    Where capacity is short, the cases with the largest expected gain are the ones to take: read
    the money at the number of cases that can be handled.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from costopt import CaseCosts
    >>> costs = CaseCosts(fp=1, fn=[9.0, 4.0, 2.0], unit="EUR")
    >>> display = GainDisplay.from_predictions([0, 1, 0], [0.5, 0.5, 0.5], costs)
    >>> display.gain.tolist(), display.expected.tolist(), display.actual.tolist()
    ([4.0, 1.5, 0.5], [0.0, 4.0, 5.5, 6.0], [0.0, -1.0, 3.0, 2.0])
    """

    n_acted: FloatArray
    gain: FloatArray
    expected: FloatArray
    actual: FloatArray
    caught: FloatArray
    caught_money: FloatArray
    decided: float
    decided_gain: Estimate
    perfect_gain: float
    unit: str

    heading: ClassVar[str] = "What acting earns, the most promising cases first"
    of_probabilities: ClassVar[bool] = True
    needs_costs: ClassVar[bool] = True

    @classmethod
    def from_cases(cls, cases: Cases, *, act: ArrayLike | None = None) -> Self:
        """From checked cases, not yet drawn.

        Parameters
        ----------
        cases : Cases
            With calibrated probabilities.
        act : array-like of shape (n_cases,), optional
            The decisions that are marked, 0 or 1; those that are cheaper in expectation where None.
        """
        paid, known = cases.given_costs()
        decided = decide(cases.score, known) if act is None else as_labels(act, "act")
        if decided.size != cases.n_cases:
            raise DataError(f"act is for {decided.size} cases but y_true has {cases.n_cases}")
        weight = cases.weights
        gain = expected_gain(cases.score, known)
        earned = np.where(cases.y, paid.fn_regret, -paid.fp_regret)
        at_stake = np.where(cases.y, np.maximum(paid.fn_regret, 0.0), 0.0)
        order = np.argsort(-gain, kind="stable")
        last_of_ties = np.append(gain[order][1:] != gain[order][:-1], True)
        n_acted, expected, actual, positives, caught = (
            np.concatenate(([0.0], np.cumsum((weight * each)[order])[last_of_ties]))
            for each in (np.ones(gain.size), gain, earned, cases.y, at_stake)
        )
        sample = Sample(cases.y, paid, known, cases.score, cases.weight)
        gained = sample.difference(np.zeros(cases.n_cases, dtype=bool), decided)
        return cls(
            described(cases),
            n_acted,
            gain[order][last_of_ties],
            expected,
            actual,
            _share(positives),
            _share(caught),
            float(weight[decided].sum()),
            gained.scaled(float(weight.sum())),
            float(weight @ np.maximum(earned, 0.0)),
            paid.unit,
        )

    @classmethod
    def _policy_options(
        cls, policy: DecisionPolicy, X: Any, score: Any, costs: Costs | None
    ) -> dict[str, Any]:
        return decisions_of(policy, X, score, costs)

    def at(self, n_acted: float) -> tuple[float, float]:
        """Expected and actual money of acting on so many cases, in `unit`.

        Parameters
        ----------
        n_acted : float
            Cases of equal gain are taken in no order.

        Returns
        -------
        expected, actual : float
        """
        return (
            float(np.interp(n_acted, self.n_acted, self.expected)),
            float(np.interp(n_acted, self.n_acted, self.actual)),
        )

    def _axes(self, ax: Any) -> tuple[Axes, Axes | None]:
        first, second = axes_pair(ax, stacked=True)
        return (first, None) if second is None else (second, first)

    def _draw(self, ax: Axes) -> None:
        """The money that acting adds up to."""
        shown = self._shown()
        self._draw_money(ax, shown)
        ax.set_xlim(0, self._last())
        ax.set_ylim(*self._heights(shown))
        x = "cases acted on, the largest expected gain first"
        y = f"gain over never acting, {plain(self.unit, 20)}"
        if self.beside_ax_ is None:
            self._finish(ax, x=x, y=y)
        else:
            finish(ax, x=x, y=y)
        money_axis(ax.xaxis)
        money_axis(ax.yaxis)
        legend(ax)

    def _draw_beside(self, ax: Axes) -> None:
        """What share of the positives, and of the money at stake in them, is caught."""
        shown = self._shown()
        x = self.n_acted[shown]
        cases, money_share = (
            float(np.interp(self.decided, self.n_acted, share))
            for share in (self.caught, self.caught_money)
        )
        label = f"of the money at stake in them: {percent(money_share)} at the decisions made"
        ax.plot(x, self.caught_money[shown], color=CAUGHT, linewidth=2.2, label=label)
        label = f"of the positive cases: {percent(cases)}"
        ax.plot(x, self.caught[shown], color=ALARM, linestyle="--", linewidth=2.2, label=label)
        ax.axvline(self.decided, color=MUTED, linestyle="-.", linewidth=1.5)
        ax.set_ylim(0, 1.03)
        percent_axis(ax.yaxis)
        self._finish(ax, x="", y="share that is caught")
        legend(ax, n_lines=0)

    def _shown(self) -> NDArray[np.intp]:
        """Positions of the steps that are drawn, one of them beyond the edge."""
        within = thinned(np.flatnonzero(self.n_acted <= self._last()))
        end = min(int(within[-1]) + 1, self.n_acted.size - 1)
        return np.unique(np.append(within, end))

    def _heights(self, shown: NDArray[np.intp]) -> tuple[float, float]:
        """Limits that hold the interval, but not the abyss beyond the last good case."""
        found, actual, expected = self.decided_gain, self.actual[shown], self.expected[shown]
        ends = (found.low, found.high) if found.has_interval else (found.value, found.value)
        top = max(ends[1], float(actual.max()), float(expected.max()))
        least = min(ends[0], float(actual.min()), float(expected.min()))
        below = 0.25 * max(float(self.actual.max()), float(self.expected.max()), 0.0)
        low = max(least, min(-below, ends[0])) if below > 0 else least
        return min(1.08 * low, 0.0), 1.1 * top if top > 0 else -0.1 * low

    def _last(self) -> float:
        """How many cases are worth showing: beyond the good ones every line only falls."""
        total = float(self.n_acted[-1])
        best = float(self.n_acted[int(np.argmax(self.actual))])
        wanted = max(2.2 * self.decided, 1.5 * best, 10.0)
        return total if wanted > 0.7 * total else wanted

    def _draw_money(self, ax: Axes, shown: NDArray[np.intp]) -> None:
        x, unit, found = self.n_acted[shown], self.unit, self.decided_gain
        ax.plot(
            x,
            self.expected[shown],
            color=ALARM,
            linestyle="--",
            linewidth=2,
            label="as expected beforehand",
        )
        ax.plot(x, self.actual[shown], color=CAUGHT, linewidth=2.2, label="as it turned out")
        ax.axhline(0, color=INK, linewidth=1)
        ax.axvline(self.decided, color=MUTED, linestyle="-.", linewidth=1.5)
        ax.errorbar(
            [self.decided],
            [found.value],
            yerr=np.nan_to_num([[found.value - found.low], [found.high - found.value]]),
            color=INK,
            marker="o",
            markersize=8,
            capsize=4,
            linestyle="none",
            label=(
                f"decided: {number(self.decided)} cases, {money(found.value, unit)} "
                f"({found.level:.0%}: {found.interval_text(write=number)})"
            ),
        )
        # a legend entry only: mostly far above what can be drawn
        ax.plot(
            [], [], linestyle="none", label=f"perfect knowledge: {money(self.perfect_gain, unit)}"
        )


def _share(counts: FloatArray) -> FloatArray:
    """Of the last one, which is the whole; nothing where that is nothing."""
    return counts / counts[-1] if counts[-1] > 0 else counts
