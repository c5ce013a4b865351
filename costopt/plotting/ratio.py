"""Cost over all cost ratios: what a model is worth before anybody has said what mistakes cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid

from costopt.decision.costs import Costs
from costopt.errors import check_choice
from costopt.inputs.frames import Scalar
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    SMALL,
    Scale,
    axes_for,
    choose_scale,
    finish,
    range_shown,
    scale_axis,
    thinned,
)
from costopt.plotting.cases import Cases, ErrorShares, FromScores, as_cases, described, error_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["CostRatioDisplay"]

FloatArray = NDArray[np.float64]
View = Literal["loss", "normalized"]

VIEWS: tuple[View, ...] = ("loss", "normalized")


@dataclass(eq=False)
class CostRatioDisplay(FromScores):
    """Brier curve and cost curve: expected loss for every ratio of the two errors' costs.

    The Brier curve decides with the threshold that the costs ask for, as if the probabilities
    were calibrated; the cost curve with the cheapest threshold in hindsight. What lies between
    is the price of miscalibration. Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    cost_proportion : array of shape (n_points,)
        Share of the false alarm's cost in the two: ``fp_regret / (fp_regret + fn_regret)``, which
        is the Bayes threshold. Ascending, with every score twice, where the Brier curve jumps, and
        the corners of the other two.
    brier_loss, optimal_loss, blanket_loss : array of shape (n_points,)
        Loss ``2 * (c * false alarms + (1 - c) * misses)`` per case of the population, which is its
        cost in units of the two errors' mean cost: with the threshold ``c``, with the best one,
        and with the better of never and always acting.
    positive_share : float
        Of the population.
    marked : float or None
        The cost proportion of the declared costs.
    title : str
        How many cases.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Notes
    -----
    The area under the Brier curve is the Brier score (Hernandez-Orallo et al., 2011). Drummond and
    Holte's axes, ``plot(view="normalized")``, fold the class shares into the operating condition:
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
    blanket_loss: FloatArray
    positive_share: float
    marked: float | None
    title: str
    ax_: Axes = field(init=False, repr=False)
    figure_: Figure | SubFigure = field(init=False, repr=False)

    @property
    def brier_score(self) -> float:
        """Area under the Brier curve: the mean squared error of the probabilities."""
        return float(trapezoid(self.brier_loss, self.cost_proportion))

    @property
    def refinement_loss(self) -> float:
        """Area under the cost curve: what is left once every threshold is the best one."""
        return float(trapezoid(self.optimal_loss, self.cost_proportion))

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: ArrayLike,
        costs: Costs | None = None,
        *,
        X: Any = None,
        sample_weight: ArrayLike | None = None,
        pos_label: Scalar | None = None,
        view: View = "loss",
        scale: Scale = "auto",
        ax: Axes | None = None,
    ) -> Self:
        """From labels and probabilities, best of rows that the model was not fitted to.

        Parameters
        ----------
        y_true : array-like of shape (n_cases,)
            Labels.
        y_prob : array-like of shape (n_cases,)
            Probabilities of the positive class.
        costs : CostMatrix or CaseCosts, optional
            Mark their ratio; with costs per case, that of the mean regrets.
        X : data frame, optional
            The columns that the costs name.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
        view : {"loss", "normalized"}, default="loss"
            Loss over the cost ratio, or Drummond and Holte's axes.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the cost ratio; areas are to scale on the linear one.
        ax : matplotlib axes, optional

        Returns
        -------
        display : CostRatioDisplay
            Drawn.

        Raises
        ------
        DataError, CostSpecError
            If labels, probabilities or costs cannot be used.
        """
        check_choice("view", view, VIEWS)
        cases = as_cases(
            y_true,
            y_prob,
            costs,
            X=X,
            sample_weight=sample_weight,
            pos_label=pos_label,
            probabilities=True,
        )
        counted = error_shares(cases)
        misses, alarms = _errors(counted)
        vertices, turns = _hull(misses, alarms)
        proportion, brier = _brier_curve(counted, np.append(turns, counted.positive_share))
        best = vertices[np.searchsorted(-turns, -proportion)]
        optimal = 2 * (proportion * alarms[best] + (1 - proportion) * misses[best])
        blanket = 2 * np.minimum(
            proportion * (1 - counted.positive_share), (1 - proportion) * counted.positive_share
        )
        display = cls(
            proportion,
            brier,
            optimal,
            blanket,
            counted.positive_share,
            _proportion_of(cases),
            described(cases),
        )
        return display.plot(ax=ax, view=view, scale=scale)

    def plot(self, ax: Axes | None = None, *, view: View = "loss", scale: Scale = "auto") -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, optional
            A new figure where None.
        view : {"loss", "normalized"}, default="loss"
            Loss over the cost ratio, or Drummond and Holte's axes.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the cost ratio; areas are to scale on the linear one.

        Returns
        -------
        display : CostRatioDisplay
            Itself.
        """
        check_choice("view", view, VIEWS)
        ax = axes_for(ax)
        c = self.cost_proportion
        size = np.ones(c.size)
        at, y_name = c, "loss per case, in mean costs of an error"
        x_name = "cost ratio: false alarm / (false alarm + miss)"
        of = self.marked
        if view == "normalized":
            both = self.positive_share * (1 - c) + (1 - self.positive_share) * c
            at, size = self.positive_share * (1 - c) / both, 2 * both
            x_name = "operating condition: cost of never / (never + always) acting"
            y_name = "normalized expected cost"
            if of is not None:
                of = float(np.interp(of, c, at))
        bare = f"scores taken at their word (Brier curve, area {self.brier_score:.3g})"
        best = f"best threshold in hindsight (cost curve, area {self.refinement_loss:.3g})"
        if view == "normalized":
            bare, best = (
                "scores taken at their word (Brier curve)",
                "best threshold in hindsight (cost curve)",
            )
        blanket, brier, optimal = (
            loss / size for loss in (self.blanket_loss, self.brier_loss, self.optimal_loss)
        )
        drawn = thinned(np.argsort(at, kind="stable"))
        at, blanket, brier, optimal = (each[drawn] for each in (at, blanket, brier, optimal))
        ax.fill_between(at, optimal, brier, color=ALARM, alpha=0.18, linewidth=0)
        ax.plot(
            at,
            blanket,
            color=MUTED,
            linestyle=":",
            linewidth=1.8,
            label="better of never and always",
        )
        ax.plot(at, brier, color=ALARM, linestyle="--", linewidth=2.0, label=bare)
        ax.plot(at, optimal, color=CAUGHT, linestyle="-", linewidth=2.2, label=best)
        if of is not None:
            price = float(np.interp(of, at, optimal))
            label = f"declared costs: {of:.3g}"
            ax.axvline(of, color=INK, linestyle="-.", linewidth=1.5, label=label)
            ax.plot([of], [price], marker="o", markersize=7, color=INK)
        limits = (0.0, 1.0)
        if view == "loss":
            marks = [] if of is None else [of]
            scale_of_axis = choose_scale(scale, c, marks)
            limits = range_shown(scale_of_axis, c, marks)
            scale_axis(ax.xaxis, scale_of_axis, limits)
        ax.set_xlim(*limits)
        # far from the diagonal only blanket rules are that dear
        ax.set_ylim(0, 1.18 * max(float(blanket.max()), float(optimal.max())))
        finish(ax, x=x_name, y=y_name, title=self.title)
        ax.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _errors(counted: ErrorShares) -> tuple[FloatArray, FloatArray]:
    """Misses and false alarms at every cut, as shares of the population."""
    misses = counted.positive_share * (1 - counted.caught)
    return misses, (1 - counted.positive_share) * counted.disturbed


def _brier_curve(counted: ErrorShares, corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The loss of deciding with the threshold that the costs ask for, where it jumps and at corners."""
    misses, alarms = (errors[::-1] for errors in _errors(counted))
    score = counted.thresholds[-2:0:-1]
    inserted = np.setdiff1d(corners, np.concatenate((score, [0.0, 1.0])))
    # up to a score its own cut holds, beyond it the next one: the cut of score k is at k + 1
    at = np.concatenate(([0.0], score, score, [1.0], inserted))
    position = np.arange(1, score.size + 1)
    between = np.searchsorted(score, inserted) + 1
    cut = np.concatenate(([1], position, position + 1, [score.size + 1], between))
    order = np.lexsort((cut, at))
    at, cut = at[order], cut[order]
    return at, 2 * (at * alarms[cut] + (1 - at) * misses[cut])


def _hull(misses: FloatArray, alarms: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    """Cuts on the ROC hull, and the descending cost proportions at which the next one is as good.

    Cuts off the hull are the best ones for no ratio of costs (Provost and Fawcett, 2001).
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
