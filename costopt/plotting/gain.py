"""What acting earns, case by case from the best one down, and all in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.decision.checks import as_labels
from costopt.decision.costs import Costs
from costopt.decision.rules import decide, expected_gain
from costopt.errors import DataError
from costopt.evaluation.estimates import Estimate, Sample
from costopt.inputs.frames import Scalar
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    SMALL,
    axes_pair,
    finish,
    money,
    money_axis,
    number,
    plain,
    thinned,
)
from costopt.plotting.cases import Cases, FromScores, as_cases, described

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["GainDisplay"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(eq=False)
class GainDisplay(FromScores):
    """Gain of acting per case, and the money it adds up to, cases with the largest gain first.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    n_acted : array of shape (n_steps + 1,)
        Cases of the population, from 0 up; cases of equal gain make one step.
    gain : array of shape (n_steps,)
        Expected gain of acting on a case of each step, in ``unit``, descending.
    expected, actual : array of shape (n_steps + 1,)
        What acting on so many cases is expected to gain over never acting, and what it gained.
    decided : float
        Cases that are acted on.
    decided_gain : Estimate
        What these decisions gained in total, with its bootstrap interval.
    perfect_gain : float
        What an oracle would have gained.
    unit : str
        Currency of the costs.
    title : str
        How many cases.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Of the money.
    gain_ax_ : matplotlib.axes.Axes or None
        Of the gain per case; None where one axes was passed.
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
    decided: float
    decided_gain: Estimate
    perfect_gain: float
    unit: str
    title: str
    ax_: Axes = field(init=False, repr=False)
    gain_ax_: Axes | None = field(init=False, repr=False)
    figure_: Figure | SubFigure = field(init=False, repr=False)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: ArrayLike,
        costs: Costs | None = None,
        *,
        act: ArrayLike | None = None,
        X: Any = None,
        sample_weight: ArrayLike | None = None,
        pos_label: Scalar | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """From labels and calibrated probabilities of rows that the model was not fitted to.

        Parameters
        ----------
        y_true : array-like of shape (n_cases,)
            Labels.
        y_prob : array-like of shape (n_cases,)
            Calibrated probabilities of the positive class.
        costs : CostMatrix or CaseCosts
            Constant, formulas over columns of ``X``, or for these cases.
        act : array-like of shape (n_cases,), optional
            The decisions that are marked, 0 or 1; those that are cheaper in expectation where None.
        X : data frame, optional
            The columns that the costs name.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
            Of the bootstrap.
        ax : matplotlib axes or a pair of them, optional
            One is for the money; of a pair the first is for the gain per case.

        Returns
        -------
        display : GainDisplay
            Drawn.

        Raises
        ------
        DataError, CostSpecError
            If labels, probabilities, decisions or costs cannot be used.
        """
        cases = as_cases(
            y_true,
            y_prob,
            costs,
            X=X,
            sample_weight=sample_weight,
            pos_label=pos_label,
            probabilities=True,
            act=act,
        )
        paid, known = cases.priced()
        decided = decide(cases.score, known) if act is None else as_labels(act, "act")
        if decided.size != cases.n_cases:
            raise DataError(f"act is for {decided.size} cases but y_true has {cases.n_cases}")
        return cls._of(cases, paid, known, decided).plot(ax=ax)

    @classmethod
    def _policy_options(cls, policy: Any, X: Any, score: Any, costs: Costs) -> dict[str, Any]:
        return {"act": policy.decide(X, score=score, costs=costs if policy.needs_costs else None)}

    @classmethod
    def _of(cls, cases: Cases, paid: CaseCosts, known: CaseCosts, act: BoolArray) -> Self:
        weight = cases.weights
        gain = expected_gain(cases.score, known)
        realised = np.where(cases.y, paid.fn_regret, -paid.fp_regret)
        order = np.argsort(-gain, kind="stable")
        ranked = gain[order]
        last_of_ties = np.append(ranked[1:] != ranked[:-1], True)
        summed = [
            np.concatenate(([0.0], np.cumsum(each[order])[last_of_ties]))
            for each in (weight, weight * gain, weight * realised)
        ]
        total = float(weight.sum())
        sample = Sample(cases.y, paid, known, cases.score, cases.weight)
        gained = sample.difference(np.zeros(cases.n_cases, dtype=bool), act)
        return cls(
            summed[0],
            ranked[last_of_ties],
            summed[1],
            summed[2],
            float(weight[act].sum()),
            gained.scaled(total),
            float(weight @ np.maximum(realised, 0.0)),
            paid.unit,
            described(cases),
        )

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

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes or a pair of them, optional
            One is for the money; of a pair the first is for the gain per case.

        Returns
        -------
        display : GainDisplay
            Itself.
        """
        first, second = axes_pair(ax, stacked=True)
        money_ax, gain_ax = (first, None) if second is None else (second, first)
        last = self._last()
        shown = thinned(np.flatnonzero(self.n_acted <= last))
        end = min(int(shown[-1]) + 1, self.n_acted.size - 1)
        shown = np.unique(np.append(shown, end))
        if gain_ax is not None:
            self._draw_gain(gain_ax, end)
        self._draw_money(money_ax, shown)
        money_ax.set_xlim(0, last)
        below = 0.25 * max(float(self.actual.max()), float(self.expected.max()), 0.0)
        least = float(min(self.actual[shown].min(), self.expected[shown].min()))
        ends = self.decided_gain.low, self.decided_gain.high
        low_end, high_end = (
            ends if self.decided_gain.has_interval else (self.decided_gain.value,) * 2
        )
        top = max(high_end, self.actual[shown].max(), self.expected[shown].max())
        if below > 0:
            # both ends of the bar, but not the abyss beyond the last good case
            low = max(least, min(-below, low_end))
            money_ax.set_ylim(min(1.08 * low, 0.0), 1.1 * float(top))
        title = "" if gain_ax is not None else self.title
        x = "cases acted on, the largest expected gain first"
        finish(money_ax, x=x, y=f"gain over never acting, {plain(self.unit, 20)}", title=title)
        money_axis(money_ax.xaxis)
        money_axis(money_ax.yaxis)
        money_ax.legend(
            fontsize=SMALL, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=2
        )
        self.ax_, self.gain_ax_ = money_ax, gain_ax
        self.figure_ = money_ax.figure
        return self

    def _last(self) -> float:
        """How many cases are worth showing: beyond the good ones every line only falls."""
        total = float(self.n_acted[-1])
        best = float(self.n_acted[int(np.argmax(self.actual))])
        wanted = max(2.2 * self.decided, 1.5 * best, 10.0)
        return total if wanted > 0.7 * total else wanted

    def _draw_gain(self, ax: Axes, end: int) -> None:
        steps = thinned(np.arange(end))
        x, y = self.n_acted[steps], self.gain[steps]
        ax.plot(x, y, color=CAUGHT, linewidth=2.2, drawstyle="steps-post", label="expected gain")
        ax.axhline(0, color=INK, linewidth=1)
        ax.axvline(self.decided, color=MUTED, linestyle="-.", linewidth=1.5)
        ax.fill_between(x, 0, y, where=y >= 0, step="post", color=CAUGHT, alpha=0.16, linewidth=0)
        finish(ax, x="", y=f"gain per case, {plain(self.unit, 20)}", title=self.title)
        money_axis(ax.yaxis)

    def _draw_money(self, ax: Axes, shown: NDArray[np.intp]) -> None:
        x, unit, found = self.n_acted[shown], self.unit, self.decided_gain
        ax.plot(x, self.expected[shown], color=ALARM, linestyle="--", linewidth=2, label="expected")
        ax.plot(x, self.actual[shown], color=CAUGHT, linewidth=2.2, label="what it was")
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
