"""What every threshold catches: precision, recall and alerts on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from costopt.decision.thresholds import cost_curve
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    Scale,
    choose_scale,
    legend,
    percent_axis,
    plain,
    range_shown,
    scale_axis,
    step_points,
)
from costopt.plotting.cases import Cases, FromScores, described
from costopt.plotting.shares import error_shares
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TradeoffDisplay"]

FloatArray = NDArray[np.float64]


@dataclass(eq=False)
class TradeoffDisplay(FromScores):
    """Precision, recall and the share of cases acted on, against the threshold.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    title : str
        How many cases.
    thresholds : array of shape (n_thresholds,)
        ``inf`` (never), then every distinct score in descending order, then ``-inf`` (always).
    precision, recall, alert_share : array of shape (n_thresholds,)
        Shares; precision is NaN where nobody is acted on.
    threshold : float or None
        The one that is marked.
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
    score_name: str = "score"
    scale: Scale = "auto"

    heading: ClassVar[str] = "What acting from each threshold up catches"

    @classmethod
    def from_cases(
        cls, cases: Cases, *, threshold: float | None = None, scale: Scale = "auto"
    ) -> Self:
        """From checked cases, not yet drawn.

        Parameters
        ----------
        cases : Cases
        threshold : float, optional
            Mark this one, in place of the cheapest on these cases where there are costs.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the threshold axis; log-odds show thresholds near 0.
        """
        choose_scale(scale, cases.score, ())
        if threshold is None and cases.costs is not None:
            curve = cost_curve(cases.y, cases.score, cases.costs, cases.weight)
            threshold = curve.best().threshold
        counted = error_shares(cases)
        hits = counted.positive_share * counted.caught
        alerts = hits + (1 - counted.positive_share) * counted.disturbed
        with np.errstate(invalid="ignore"):
            precision = np.where(alerts > 0, hits / alerts, np.nan)
        return cls(
            described(cases),
            counted.thresholds,
            precision,
            counted.caught,
            alerts,
            threshold,
            cases.score_name,
            scale,
        )

    @classmethod
    def _policy_options(cls, policy: Any, X: Any, score: Any, costs: Any) -> dict[str, Any]:
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
        # the lowest threshold that is still at least the one asked for
        found = int(np.searchsorted(-self.thresholds, -float(threshold), side="right")) - 1
        names = ("precision", "recall", "alert_share")
        return {name: float(getattr(self, name)[max(found, 0)]) for name in names}

    def _draw(self, ax: Axes) -> None:
        marks = [] if self.threshold is None else [self.threshold]
        scale = choose_scale(self.scale, self.thresholds, marks)
        limits = range_shown(scale, self.thresholds, marks)
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
        self._finish(ax, x=f"threshold on the {plain(self.score_name)}", y="share in %")
        legend(ax, title=caption)

    def _mark(self, ax: Axes, threshold: float, limits: tuple[float, float]) -> str:
        """Draw a threshold, and say what it does."""
        shares = self.at(threshold)
        if limits[0] <= threshold <= limits[1]:
            ax.axvline(threshold, color=MUTED, linestyle="-.", linewidth=1.5)
            for share, color in zip(shares.values(), (CAUGHT, ALARM, INK), strict=True):
                ax.plot([threshold], [share], marker="o", markersize=7, color=color)
        where = f"From {figure(threshold)} up"
        if np.isinf(threshold):
            where = f"{'Never' if threshold > 0 else 'Always'} acting"
        return (
            f"{where}: precision {percent(shares['precision'])}, recall "
            f"{percent(shares['recall'])}, alerts {percent(shares['alert_share'])}"
        )
