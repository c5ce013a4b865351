"""What every threshold catches: precision, recall and alerts on one axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.costs import Costs
from costopt.decision.thresholds import cost_curve
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
    percent,
    percent_axis,
    range_shown,
    scale_axis,
    step_points,
)
from costopt.plotting.cases import FromScores, as_cases, described, error_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["TradeoffDisplay"]

FloatArray = NDArray[np.float64]


@dataclass(eq=False)
class TradeoffDisplay(FromScores):
    """Precision, recall and the share of cases acted on, against the threshold.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    thresholds : array of shape (n_cuts,)
        ``inf`` (never), then every distinct score in descending order, then ``-inf`` (always).
    precision, recall, alert_share : array of shape (n_cuts,)
        Shares; precision is NaN where nobody is acted on.
    threshold : float or None
        The one that is marked.
    title : str
        How many cases.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> display = TradeoffDisplay.from_predictions([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9])
    >>> display.thresholds.tolist()
    [inf, 0.9, 0.6, 0.4, 0.1, -inf]
    >>> display.recall.tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0, 1.0]
    """

    thresholds: FloatArray
    precision: FloatArray
    recall: FloatArray
    alert_share: FloatArray
    threshold: float | None
    title: str
    ax_: Axes = field(init=False, repr=False)
    figure_: Figure | SubFigure = field(init=False, repr=False)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: ArrayLike,
        costs: Costs | None = None,
        *,
        threshold: float | None = None,
        X: Any = None,
        sample_weight: ArrayLike | None = None,
        pos_label: Scalar | None = None,
        scale: Scale = "auto",
        ax: Axes | None = None,
    ) -> Self:
        """From labels and scores, best of rows that the model was not fitted to.

        Parameters
        ----------
        y_true : array-like of shape (n_cases,)
            Labels.
        y_score : array-like of shape (n_cases,)
            Higher for cases more likely positive.
        costs : CostMatrix or CaseCosts, optional
            Mark the cheapest threshold on these cases.
        threshold : float, optional
            Mark this one instead.
        X : data frame, optional
            The columns that the costs name.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the threshold axis; log-odds show thresholds near 0.
        ax : matplotlib axes, optional

        Returns
        -------
        display : TradeoffDisplay
            Drawn.

        Raises
        ------
        DataError, CostSpecError
            If labels, scores or costs cannot be used.
        """
        cases = as_cases(
            y_true, y_score, costs, X=X, sample_weight=sample_weight, pos_label=pos_label
        )
        if threshold is None and cases.costs is not None:
            curve = cost_curve(cases.y, cases.score, cases.costs, cases.weight)
            threshold = curve.best().threshold
        choose_scale(scale, cases.score, ())
        counted = error_shares(cases)
        hits = counted.positive_share * counted.caught
        alerts = hits + (1 - counted.positive_share) * counted.disturbed
        with np.errstate(invalid="ignore"):
            precision = np.where(alerts > 0, hits / alerts, np.nan)
        display = cls(
            counted.thresholds, precision, counted.caught, alerts, threshold, described(cases)
        )
        return display.plot(ax=ax, scale=scale)

    @classmethod
    def _policy_options(cls, policy: Any, X: Any, score: Any, costs: Costs) -> dict[str, Any]:
        del X, score, costs
        return {} if policy.threshold is None else {"threshold": policy.threshold}

    def at(self, threshold: float) -> dict[str, float]:
        """Precision, recall and alert share of acting from a threshold up.

        Parameters
        ----------
        threshold : float

        Returns
        -------
        shares : dict of str to float
        """
        # the last cut whose own threshold is still at least the one asked for
        found = int(np.searchsorted(-self.thresholds, -float(threshold), side="right")) - 1
        names = ("precision", "recall", "alert_share")
        return {name: float(getattr(self, name)[max(found, 0)]) for name in names}

    def plot(self, ax: Axes | None = None, *, scale: Scale = "auto") -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, optional
            A new figure where None.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the threshold axis.

        Returns
        -------
        display : TradeoffDisplay
            Itself.
        """
        marks = [] if self.threshold is None else [self.threshold]
        scale = choose_scale(scale, self.thresholds, marks)
        limits = range_shown(scale, self.thresholds, marks)
        ax = axes_for(ax)
        for name, values, color, style in (
            ("precision: positive, of those acted on", self.precision, CAUGHT, "-"),
            ("recall: acted on, of the positive", self.recall, ALARM, "--"),
            ("alerts: acted on, of all cases", self.alert_share, INK, ":"),
        ):
            x, y = step_points(self.thresholds, values, limits)
            ax.plot(
                x, y, color=color, linestyle=style, linewidth=2.2, drawstyle="steps-pre", label=name
            )
        caption = None if self.threshold is None else self._mark(ax, self.threshold, limits)
        scale_axis(ax.xaxis, scale, limits)
        ax.set_ylim(0, 1.03)
        percent_axis(ax.yaxis)
        finish(ax, x="threshold on the score", y="share in %", title=self.title)
        # below, where it covers no line: these cross the whole picture
        ax.legend(
            title=caption,
            title_fontsize=SMALL,
            fontsize=SMALL,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=2,
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _mark(self, ax: Axes, threshold: float, limits: tuple[float, float]) -> str:
        """Draw a threshold, and say what it does."""
        shares = self.at(threshold)
        if limits[0] <= threshold <= limits[1]:
            ax.axvline(threshold, color=MUTED, linestyle="-.", linewidth=1.5)
            for share, color in zip(shares.values(), (CAUGHT, ALARM, INK), strict=True):
                ax.plot([threshold], [share], marker="o", markersize=7, color=color)
        where = f"From {threshold:.3g} up"
        if np.isinf(threshold):
            where = f"{'Never' if threshold > 0 else 'Always'} acting"
        return (
            f"{where}: precision {percent(shares['precision'])}, recall "
            f"{percent(shares['recall'])}, alerts {percent(shares['alert_share'])}"
        )
