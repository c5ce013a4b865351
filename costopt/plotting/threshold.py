"""What every threshold would cost, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.rules import decision_cost, weighted_mean
from costopt.decision.thresholds import BestThreshold, CostCurve, cost_curve
from costopt.evaluation.estimates import LEVEL, Sample
from costopt.evaluation.folds import units_of
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    SMALL,
    Scale,
    choose_scale,
    legend,
    money,
    money_axis,
    number,
    plain,
    range_shown,
    scale_axis,
    step_points,
)
from costopt.plotting.cases import Cases, FromScores, described
from costopt.showing.text import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CostCurveDisplay"]

FloatArray = NDArray[np.float64]

BAND_POINTS = 200
# Differences of less than this share of the cost are of no interest, however sure they are.
NEGLIGIBLE = 0.01


@dataclass(eq=False)
class CostCurveDisplay(FromScores):
    """Cost against threshold: the exact curve, where it is lowest, and how sure that is.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    title : str
        How many cases.
    curve : CostCurve
        Exact, in ``unit`` per case.
    band_thresholds, band_low, band_high : array of shape (n_points,)
        Interval of the mean cost at some thresholds, each by itself; the thresholds ascend.
    near : tuple of float
        The lowest and the highest of the band's thresholds that are not significantly more expensive
        than the cheapest one, by more than 1 %.
    level : float
        Nominal coverage of the band, at each threshold by itself.
    bayes_threshold : float or None
        None where it differs by case, or scores are no probabilities.
    rule_cost : float or None
        Mean cost of deciding case by case; None where one threshold does the same.
    unit : str
        Currency of the costs.
    score_name : str, default="score"
        What the scores are called on their axis.
    scale : {"auto", "linear", "logit"}, default="auto"
        Of the threshold axis; log-odds show thresholds near 0.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from costopt import CostMatrix
    >>> costs = CostMatrix(fp=1, fn=5, unit="EUR")
    >>> display = CostCurveDisplay.from_predictions([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], costs)
    >>> display.best.low, display.best.high, display.ax_.get_ylabel()
    (0.1, 0.4, 'cost in EUR per case')
    """

    curve: CostCurve
    band_thresholds: FloatArray
    band_low: FloatArray
    band_high: FloatArray
    near: tuple[float, float]
    level: float
    bayes_threshold: float | None
    rule_cost: float | None
    unit: str
    score_name: str = "score"
    scale: Scale = "auto"

    heading: ClassVar[str] = "What acting from each threshold up would have cost"
    needs_costs: ClassVar[bool] = True

    @property
    def best(self) -> BestThreshold:
        """The cheapest threshold, and the interval that is as cheap on these cases."""
        return self.curve.best()

    @classmethod
    def from_cases(
        cls, cases: Cases, *, groups: ArrayLike | None = None, scale: Scale = "auto"
    ) -> Self:
        """From checked cases, not yet drawn.

        Parameters
        ----------
        cases : Cases
        groups : array-like of shape (n_cases,), optional
            Rows that belong together.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the threshold axis; log-odds show thresholds near 0.
        """
        choose_scale(scale, cases.score, ())
        paid, known = cases.given_costs()
        bayes = cases.bayes_threshold()
        act = None if known.is_constant else cases.decisions()
        curve = cost_curve(cases.y, cases.score, paid, cases.weight)
        cheapest = curve.best().threshold
        points = _band_points(cases, [cheapest, 0.5 if bayes is None else bayes, 0.5])
        sample = Sample(
            cases.y,
            paid,
            known,
            cases.score if cases.are_probabilities else None,
            cases.weight,
            units_of(cases.n_cases, groups=groups),
        )
        low, high = _band(sample, cases.score, points)
        return cls(
            described(cases),
            curve,
            points,
            low,
            high,
            _near(sample, cases.score, points, cheapest),
            LEVEL,
            bayes,
            None if act is None else weighted_mean(decision_cost(cases.y, act, paid), cases.weight),
            paid.unit,
            cases.score_name,
            scale,
        )

    def _draw(self, ax: Axes) -> None:
        thresholds = self.curve.thresholds.astype(np.float64)
        marks = [self.best.threshold]
        if self.bayes_threshold is not None:
            marks.append(self.bayes_threshold)
        scale = choose_scale(self.scale, thresholds, marks)
        limits = range_shown(scale, thresholds, marks)
        self._draw_band(ax, limits)
        x, y = step_points(thresholds, self.curve.mean_cost, limits)
        ax.plot(x, y, color=CAUGHT, linewidth=2.2, drawstyle="steps-pre")
        self._draw_best(ax, limits)
        if self.bayes_threshold is not None:
            self._mark(ax, self.bayes_threshold, "Bayes threshold", ALARM, "--", "o")
        if limits[0] < 0.5 < limits[1] and thresholds[1] <= 1 and thresholds[-2] >= 0:
            self._mark(ax, 0.5, "threshold", INK, ":", "s")
        if self.rule_cost is not None:
            label = f"decided case by case: {money(self.rule_cost, self.unit)}"
            ax.axhline(self.rule_cost, color=ALARM, linestyle="-.", linewidth=1.8, label=label)
        scale_axis(ax.xaxis, scale, limits)
        ax.set_ylim(*self._heights(float(y.max())))
        never, always = float(self.curve.mean_cost[0]), float(self.curve.mean_cost[-1])
        self._without_model(ax, "never act", never, above=never >= always)
        self._without_model(ax, "always act", always, above=never < always)
        self._finish(
            ax,
            x=f"threshold on the {plain(self.score_name)}",
            y=f"cost in {plain(self.unit, 20)} per case",
        )
        money_axis(ax.yaxis)
        legend(ax)

    def _draw_band(self, ax: Axes, limits: tuple[float, float]) -> None:
        """How sure the cost is at each threshold, and which thresholds are as good as the cheapest."""
        shown = (self.band_thresholds >= limits[0]) & (self.band_thresholds <= limits[1])
        ax.fill_between(
            self.band_thresholds[shown],
            self.band_low[shown],
            self.band_high[shown],
            color=CAUGHT,
            alpha=0.16,
            linewidth=0,
            label=f"{self.level:.0%} interval at each threshold",
        )
        low, high = np.clip(self.near, *limits)
        if low < high:
            label = f"not significantly more expensive, {number(low)} to {number(high)}"
            ax.axvspan(low, high, color="#D9D9D9", alpha=0.55, linewidth=0, zorder=0, label=label)

    def _mark(self, ax: Axes, at: float, name: str, color: str, style: str, marker: str) -> None:
        cost = float(self.curve.at(at))
        label = f"{name} {figure(at)}: {money(cost, self.unit)}"
        ax.axvline(at, color=color, linestyle=style, linewidth=1.8)
        ax.plot(
            [at], [cost], color=color, linestyle=style, marker=marker, markersize=7, label=label
        )

    def _draw_best(self, ax: Axes, limits: tuple[float, float]) -> None:
        """The flat optimal interval, and a mark on it, since it can be too narrow to be seen."""
        best = self.best
        low, high = np.clip([best.low, best.high], *limits)
        ax.axvspan(low, high, facecolor="none", edgecolor=INK, hatch="////", linewidth=0, alpha=0.5)
        ax.plot(
            [np.clip(best.threshold, *limits)],
            [best.mean_cost],
            linestyle="none",
            marker="D",
            markersize=8,
            color=CAUGHT,
            markeredgecolor="white",
            zorder=4,
            label=_best_in_words(best, self.unit),
        )

    def _without_model(self, ax: Axes, name: str, cost: float, *, above: bool) -> None:
        """A baseline without a model, as a thin line with its name, where that is in the picture."""
        low, high = ax.get_ylim()
        if not low <= cost <= high:
            return
        ax.axhline(cost, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
        ax.annotate(
            f"{name}\n{number(cost)}",
            xy=(1.01, cost),
            xycoords=("axes fraction", "data"),
            va="bottom" if above and cost < high - 0.1 * (high - low) else "top",
            annotation_clip=False,
            fontsize=SMALL,
            color=MUTED,
        )

    def _heights(self, highest: float) -> tuple[float, float]:
        """Limits that show the bottom of the curve, whatever the far end costs."""
        costs = self.curve.mean_cost
        base = min(float(costs[0]), float(costs[-1]))
        marked = [self.curve.at(0.5)]
        if self.bayes_threshold is not None:
            marked.append(self.curve.at(self.bayes_threshold))
        least = min(float(costs.min()), float(self.band_low.min(initial=np.inf)))
        top = highest
        if base > 0:
            top = min(highest, max(2 * base, *(float(cost) for cost in marked)))
        bottom = 0.0 if least >= 0 else least
        return bottom - 0.04 * (top - bottom) * (least < 0), top + 0.08 * (top - bottom)


def _best_in_words(best: BestThreshold, unit: str) -> str:
    cost = money(best.mean_cost, unit)
    if np.isinf(best.threshold):
        return f"cheapest, {'never' if best.threshold > 0 else 'always'} acting: {cost}"
    # as many digits as it takes to see that there are two ends
    ends = ((f"{best.low:.{digits}g}", f"{best.high:.{digits}g}") for digits in range(3, 18))
    low, high = next(((low, high) for low, high in ends if low != high), (best.low, best.high))
    return f"cheapest, {low} to {high}: {cost}"


def _band_points(cases: Cases, marks: list[float]) -> FloatArray:
    """Thresholds at which the band is computed: where the scores are, evenly between, and marks."""
    score = cases.score
    low, high = (0.0, 1.0) if cases.are_probabilities else (float(score.min()), float(score.max()))
    within = [mark for mark in marks if low <= mark <= high]
    spread = np.linspace(low, high, BAND_POINTS // 2)
    dense = np.quantile(score, np.linspace(0, 1, BAND_POINTS // 2), method="nearest")
    return np.unique(np.concatenate((spread, dense, within)))


def _band(sample: Sample, score: FloatArray, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ends of the interval of the mean cost at each threshold; NaN where none can be stated."""
    found = [sample.cost(score >= point) for point in points]
    return np.array([each.low for each in found]), np.array([each.high for each in found])


def _near(
    sample: Sample, score: FloatArray, points: FloatArray, cheapest: float
) -> tuple[float, float]:
    """The outermost thresholds that are not significantly more expensive than the cheapest."""
    home = score >= cheapest
    slack = NEGLIGIBLE * abs(sample.cost(home).value)
    as_good = [
        float(point) for point in points if not sample.difference(score >= point, home).low > slack
    ]
    return (as_good[0], as_good[-1]) if as_good else (cheapest, cheapest)
