"""Cost over all cost ratios: what a model is worth before anybody has said what mistakes cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from costopt.errors import check_choice
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    Scale,
    choose_scale,
    legend,
    number,
    range_shown,
    scale_axis,
    thinned,
)
from costopt.plotting.cases import Cases, FromScores, described
from costopt.plotting.shares import ErrorShares, error_shares
from costopt.showing.text import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CostRatioDisplay"]

FloatArray = NDArray[np.float64]
View = Literal["loss", "normalized"]

# What a miss costs in false alarms, where the axis has room for it.
RATIOS = (19, 9, 4, 2, 1, 1 / 2, 1 / 4, 1 / 9)
RATIOS_OF_LOG_ODDS = (999, 99, 19, 4, 1, 1 / 4, 1 / 19)
VIEWS: tuple[View, ...] = ("loss", "normalized")


@dataclass(eq=False)
class CostRatioDisplay(FromScores):
    """Brier curve and cost curve: expected loss for every ratio of the two errors' costs.

    The Brier curve decides with the threshold that the costs ask for, as if the probabilities
    were calibrated; the cost curve with the cheapest threshold in hindsight. What lies between
    is what miscalibration costs. Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    title : str
        How many cases.
    cost_proportion : array of shape (n_points,)
        Share of the false alarm's cost in the two: ``fp_regret / (fp_regret + fn_regret)``, which
        is the Bayes threshold. Ascending, with every score twice, where the Brier curve jumps, and
        the corners of the other two.
    brier_loss, optimal_loss, baseline_loss : array of shape (n_points,)
        Loss ``2 * (c * false alarms + (1 - c) * misses)`` per case of the population, which is its
        cost in units of the two errors' mean cost: with the threshold ``c``, with the best one,
        and with the better of never and always acting.
    positive_share : float
        Of the population.
    marked : float or None
        The cost proportion of the declared costs.
    view : {"loss", "normalized"}, default="loss"
        Loss over the cost ratio, or Drummond and Holte's axes.
    scale : {"auto", "linear", "logit"}, default="auto"
        Of the cost ratio; areas are to scale on the linear one.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Notes
    -----
    The area under the Brier curve is the Brier score (Hernandez-Orallo et al., 2011). Drummond and
    Holte's axes, ``view="normalized"``, fold the class shares into the operating condition:
    ``x = pi1 (1 - c) / (pi1 (1 - c) + pi0 c)``, and ``y = FNR x + FPR (1 - x)``.

    References
    ----------
    C. Drummond, R. C. Holte (2006). Cost Curves: An Improved Method for Visualizing Classifier
    Performance. Machine Learning 65, 95-130.
    F. Provost, T. Fawcett (2001). Robust Classification for Imprecise Environments. Machine
    Learning 42, 203-231.
    J. Hernandez-Orallo, P. Flach, C. Ferri (2011). Brier Curves: a New Cost-Based Visualisation of
    Classifier Performance. ICML, 585-592.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> display = CostRatioDisplay.from_predictions([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9])
    >>> round(display.brier_score, 6)  # (0.01 + 0.36 + 0.36 + 0.01) / 4
    0.185
    """

    cost_proportion: FloatArray
    brier_loss: FloatArray
    optimal_loss: FloatArray
    baseline_loss: FloatArray
    positive_share: float
    marked: float | None
    view: View = "loss"
    scale: Scale = "auto"

    heading: ClassVar[str] = "What the model is worth at every ratio of the two errors' costs"
    of_probabilities: ClassVar[bool] = True

    @property
    def brier_score(self) -> float:
        """Area under the Brier curve: the mean squared error of the probabilities."""
        return float(trapezoid(self.brier_loss, self.cost_proportion))

    @property
    def refinement_loss(self) -> float:
        """Area under the cost curve: what is left once every threshold is the best one."""
        return float(trapezoid(self.optimal_loss, self.cost_proportion))

    @classmethod
    def from_cases(cls, cases: Cases, *, view: View = "loss", scale: Scale = "auto") -> Self:
        """From checked cases, not yet drawn.

        Parameters
        ----------
        cases : Cases
            With costs, their ratio is marked; with costs per case, that of the mean regrets.
        view : {"loss", "normalized"}, default="loss"
            Loss over the cost ratio, or Drummond and Holte's axes.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the cost ratio; areas are to scale on the linear one.
        """
        check_choice("view", view, VIEWS)
        choose_scale(scale, cases.score, ())
        counted = error_shares(cases)
        misses, alarms = _errors(counted)
        vertices, turns = _hull(misses, alarms)
        proportion, brier = _brier_curve(counted, np.append(turns, counted.positive_share))
        best = vertices[np.searchsorted(-turns, -proportion)]
        without_model = np.minimum(
            proportion * (1 - counted.positive_share), (1 - proportion) * counted.positive_share
        )
        return cls(
            described(cases),
            proportion,
            brier,
            2 * (proportion * alarms[best] + (1 - proportion) * misses[best]),
            2 * without_model,
            counted.positive_share,
            _proportion_of(cases),
            view,
            scale,
        )

    def _draw(self, ax: Axes) -> None:
        at, size = self._across()
        order = thinned(np.argsort(at, kind="stable"))
        without_model, brier, optimal = (
            (loss / size)[order]
            for loss in (self.baseline_loss, self.brier_loss, self.optimal_loss)
        )
        at = at[order]
        bare, best = "at the Bayes threshold (Brier curve)", "at the best threshold (cost curve)"
        if self.view == "loss":
            bare = f"{bare[:-1]}, area {self.brier_score:.3g})"
            best = f"{best[:-1]}, area {self.refinement_loss:.3g})"
        ax.fill_between(at, optimal, brier, color=ALARM, alpha=0.18, linewidth=0)
        style: dict[str, Any] = {"color": MUTED, "linestyle": ":", "linewidth": 1.8}
        ax.plot(at, without_model, label="better of never and always acting", **style)
        ax.plot(at, brier, color=ALARM, linestyle="--", linewidth=2.0, label=bare)
        ax.plot(at, optimal, color=CAUGHT, linestyle="-", linewidth=2.2, label=best)
        self._mark(ax, at, optimal)
        # far from the diagonal only never and always acting cost that much
        ax.set_ylim(0, 1.18 * max(float(without_model.max()), float(optimal.max())))
        if self.view == "normalized":
            ax.set_xlim(0, 1)
            x = "operating condition: cost of never / (never + always) acting"
            self._finish(ax, x=x, y="normalized expected cost")
        else:
            marks = [] if self.marked is None else [self.marked]
            scale = choose_scale(self.scale, self.cost_proportion, marks)
            limits = range_shown(scale, self.cost_proportion, marks)
            scale_axis(ax.xaxis, scale, limits)
            _ratio_ticks(ax, scale, limits)
            x = "cost of a miss : cost of a false alarm"
            self._finish(ax, x=x, y="cost per case, in mean error costs")
        legend(ax)

    def _across(self) -> tuple[FloatArray, FloatArray]:
        """Where each cost ratio stands on the axis, and what its loss is divided by."""
        c = self.cost_proportion
        if self.view == "loss":
            return c, np.ones(c.size)
        both = self.positive_share * (1 - c) + (1 - self.positive_share) * c
        return self.positive_share * (1 - c) / both, 2 * both

    def _mark(self, ax: Axes, at: FloatArray, optimal: FloatArray) -> None:
        """The declared costs, as a line and a point on the cost curve."""
        if self.marked is None:
            return
        label = f"declared costs, {_ratio(self.marked)} (threshold {figure(self.marked)})"
        across = self._across()[0]
        of = float(np.interp(self.marked, self.cost_proportion, across))
        ax.axvline(of, color=INK, linestyle="-.", linewidth=1.5, label=label)
        ax.plot([of], [np.interp(of, at, optimal)], marker="o", markersize=7, color=INK)


def _ratio(proportion: float) -> str:
    """A cost proportion as miss against false alarm, such as 9:1."""
    times = (1 - proportion) / proportion
    return f"{number(times)}:1" if times >= 1 else f"1:{number(1 / times)}"


def _ratio_ticks(ax: Axes, scale: Scale, limits: tuple[float, float]) -> None:
    """Ticks where one error costs so many times as much as the other."""
    ratios = RATIOS_OF_LOG_ODDS if scale == "logit" else RATIOS
    at = [1 / (1 + ratio) for ratio in ratios]
    shown = [each for each in at if limits[0] <= each <= limits[1]]
    ax.set_xticks(shown, [_ratio(each) for each in shown])


def _errors(counted: ErrorShares) -> tuple[FloatArray, FloatArray]:
    """Misses and false alarms at every threshold, as shares of the population."""
    misses = counted.positive_share * (1 - counted.caught)
    return misses, (1 - counted.positive_share) * counted.disturbed


def _brier_curve(counted: ErrorShares, corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The loss of deciding with the threshold that the costs ask for, where it jumps and at corners."""
    misses, alarms = (errors[::-1] for errors in _errors(counted))
    score = counted.thresholds[-2:0:-1]
    inserted = np.setdiff1d(corners, np.concatenate((score, [0.0, 1.0])))
    # up to a score it is the threshold itself, beyond it the next one is: that of score k is at k + 1
    at = np.concatenate(([0.0], score, score, [1.0], inserted))
    position = np.arange(1, score.size + 1)
    between = np.searchsorted(score, inserted) + 1
    taken = np.concatenate(([1], position, position + 1, [score.size + 1], between))
    order = np.lexsort((taken, at))
    at, taken = at[order], taken[order]
    return at, 2 * (at * alarms[taken] + (1 - at) * misses[taken])


def _hull(misses: FloatArray, alarms: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    """Thresholds on the ROC hull, and the descending cost proportions at which the next one is as good.

    Thresholds off the hull are the best ones for no ratio of costs (Provost and Fawcett, 2001).
    """
    hull: list[int] = []
    for point in range(misses.size):  # alarms rise, misses fall
        while len(hull) > 1:
            first, middle = hull[-2], hull[-1]
            turn = (alarms[middle] - alarms[first]) * (misses[point] - misses[first]) - (
                misses[middle] - misses[first]
            ) * (alarms[point] - alarms[first])
            if turn > 0:
                break
            hull.pop()
        hull.append(point)
    vertices = np.array(hull, dtype=np.intp)
    # the next vertex is better once what it saves in misses outweighs its alarms
    saved, paid = -np.diff(misses[vertices]), np.diff(alarms[vertices])
    total = saved + paid
    turns = np.divide(saved, total, out=np.ones(saved.size), where=total > 0)
    return vertices, turns


def _proportion_of(cases: Cases) -> float | None:
    """The cost proportion of the mean regrets; None where they leave nothing to decide."""
    if cases.known is None:
        return None
    regrets = (
        float(np.average(np.broadcast_to(regret, cases.y.shape), weights=cases.weights))
        for regret in (cases.known.fp_regret, cases.known.fn_regret)
    )
    alarm, miss = regrets
    if alarm <= 0 or miss <= 0:
        return None
    return alarm / (alarm + miss)
