"""Where the scores of both classes lie, and on which of them is acted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from costopt.decision.checks import as_labels
from costopt.decision.costs import Costs
from costopt.decision.odds import logit
from costopt.errors import DataError
from costopt.evaluation.draws import sums_by
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    LABEL,
    MUTED,
    SMALL,
    Scale,
    check_bins,
    choose_scale,
    legend,
    percent_axis,
    plain,
    range_shown,
    scale_axis,
)
from costopt.plotting.cases import Cases, FromScores, decisions_of, described
from costopt.policy.policy import DecisionPolicy
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ScoreDistributionDisplay"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(eq=False)
class ScoreDistributionDisplay(FromScores):
    """Distribution of scores by class, with the region in which one acts.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
    title : str
        How many cases.
    edges : array of shape (n_bins + 1,)
        Of the bins, in the score; the outermost hold what lies beyond them.
    positives, negatives : array of shape (n_bins,)
        Share of its class in each bin.
    acted : array of shape (n_bins,)
        Share of each bin's cases that are acted on; NaN in empty bins, or where nothing is decided.
    threshold : float or None
        None where decisions differ by case, or there are none.
    positives_acted, negatives_acted : float
        Share of its class that is acted on; NaN where nothing is decided.
    scale : {"linear", "logit"}
        In which the bins are of equal width.
    score_name : str, default="score"
        What the scores are called on their axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> display = ScoreDistributionDisplay.from_predictions(
    ...     [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], threshold=0.5, n_bins=4
    ... )
    >>> display.positives.tolist(), display.negatives_acted
    ([0.0, 0.5, 0.0, 0.5], 0.5)
    """

    edges: FloatArray
    positives: FloatArray
    negatives: FloatArray
    acted: FloatArray
    threshold: float | None
    positives_acted: float
    negatives_acted: float
    scale: Scale
    score_name: str = "score"

    heading: ClassVar[str] = "Where the scores of both classes lie, and who is acted on"

    @classmethod
    def from_cases(
        cls,
        cases: Cases,
        *,
        threshold: float | None = None,
        act: ArrayLike | None = None,
        n_bins: int = 40,
        scale: Scale = "auto",
    ) -> Self:
        """From checked cases, not yet drawn.

        Parameters
        ----------
        cases : Cases
            With costs, one acts where that is cheaper in expectation.
        threshold : float, optional
            Act from this score up, whatever the costs.
        act : array-like of shape (n_cases,), optional
            The decisions themselves: 0 or 1.
        n_bins : int, default=40
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the score axis; log-odds show scores near 0.
        """
        check_bins(n_bins)
        if threshold is None and act is None:
            threshold = cases.bayes_threshold()
        decided = _decisions(cases, threshold, act)
        marks = [] if threshold is None else [threshold]
        chosen = choose_scale(scale, cases.score, [*marks, float(np.median(cases.score))])
        edges = _edges(chosen, range_shown(chosen, cases.score, marks), threshold, n_bins)
        inner = np.searchsorted(edges, cases.score, side="right") - 1
        bins, weight = np.clip(inner, 0, edges.size - 2), cases.weights
        counts = [sums_by(bins[rows], weight[rows], edges.size - 1) for rows in (cases.y, ~cases.y)]
        totals = [float(weight[rows].sum()) for rows in (cases.y, ~cases.y)]
        for name, total in zip(("positive", "negative"), totals, strict=True):
            if not total > 0:
                raise DataError(
                    f"sample_weight is 0 for every {name} case: both classes are needed"
                )
        acted, shares = np.full(edges.size - 1, np.nan), [np.nan, np.nan]
        if decided is not None:
            n = counts[0] + counts[1]
            hit = sums_by(bins[decided], weight[decided], edges.size - 1)
            acted = np.divide(hit, n, out=acted, where=n > 0)
            shares = [
                float(weight[rows & decided].sum()) / total
                for rows, total in zip((cases.y, ~cases.y), totals, strict=True)
            ]
        return cls(
            described(cases),
            edges,
            counts[0] / totals[0],
            counts[1] / totals[1],
            acted,
            threshold,
            shares[0],
            shares[1],
            chosen,
            cases.score_name,
        )

    @classmethod
    def _policy_options(
        cls, policy: DecisionPolicy, X: Any, score: Any, costs: Costs | None
    ) -> dict[str, Any]:
        if policy.threshold is not None:
            return {"threshold": policy.threshold}
        return decisions_of(policy, X, score, costs)

    def _draw(self, ax: Axes) -> None:
        self._regions(ax)
        ax.stairs(
            self.negatives,
            self.edges,
            fill=True,
            facecolor="#C9C9C9",
            edgecolor=MUTED,
            linewidth=1,
            label=f"negative cases{self._acted_in_words(self.negatives_acted)}",
        )
        ax.stairs(
            self.positives,
            self.edges,
            fill=True,
            facecolor="none",
            edgecolor=CAUGHT,
            hatch="////",
            linewidth=0,
        )
        ax.stairs(
            self.positives,
            self.edges,
            color=CAUGHT,
            linewidth=2.2,
            label=f"positive cases{self._acted_in_words(self.positives_acted)}",
        )
        scale_axis(ax.xaxis, self.scale, (float(self.edges[0]), float(self.edges[-1])))
        ax.set_ylim(0, 1.18 * float(max(self.positives.max(), self.negatives.max())))
        percent_axis(ax.yaxis)
        y = "share of its class in a bin, in %"
        self._finish(ax, x=plain(self.score_name), y=y)
        legend(ax)

    def _regions(self, ax: Axes) -> None:
        """Shade what is acted on, the darker the larger the share of a bin."""
        by_case = self.threshold is None
        for low, high, share in zip(self.edges, self.edges[1:], self.acted, strict=False):
            if by_case and share > 0:
                ax.axvspan(low, high, color=ALARM, alpha=0.28 * float(share), linewidth=0, zorder=0)
        if self.threshold is None:
            if np.isfinite(self.positives_acted):
                ax.annotate(
                    "darker: a larger share is acted on",
                    xy=(0.99, 0.97),
                    xycoords="axes fraction",
                    ha="right",
                    va="top",
                    fontsize=SMALL,
                    color=INK,
                )
            return
        start = max(self.threshold, float(self.edges[0]))
        if start < self.edges[-1]:
            ax.axvspan(start, self.edges[-1], color=ALARM, alpha=0.28, linewidth=0, zorder=0)
        if not self.edges[0] < self.threshold < self.edges[-1]:
            return
        ax.axvline(self.threshold, color=INK, linestyle="--", linewidth=1.8)
        for text, side, shift in (("act", "left", 6), ("leave", "right", -6)):
            ax.annotate(
                f"{text} from {figure(self.threshold)}" if text == "act" else text,
                xy=(self.threshold, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(shift, 0),
                textcoords="offset points",
                ha=side,
                va="top",
                fontsize=LABEL,
                color=INK,
            )

    @staticmethod
    def _acted_in_words(share: float) -> str:
        return "" if np.isnan(share) else f", {percent(share)} of them acted on"


def _decisions(cases: Cases, threshold: float | None, act: ArrayLike | None) -> BoolArray | None:
    if act is None:
        return cases.decisions() if threshold is None else cases.score >= threshold
    if threshold is not None:
        raise DataError("both threshold and act say what is decided: pass one of them")
    given = as_labels(act, "act")
    if given.size != cases.n_cases:
        raise DataError(f"act is for {given.size} cases but y_true has {cases.n_cases}")
    return given


def _edges(
    scale: Scale, limits: tuple[float, float], threshold: float | None, n_bins: int
) -> FloatArray:
    """Bins of about equal width in the scale, with an edge at the threshold."""
    inside = threshold is not None and limits[0] < threshold < limits[1]
    corners = np.array([limits[0], threshold, limits[1]] if inside else limits, dtype=np.float64)
    ends = logit(corners) if scale == "logit" else corners
    fixed = [0, n_bins]
    if inside:
        left = round(n_bins * float((ends[1] - ends[0]) / (ends[2] - ends[0])))
        fixed = [0, min(max(left, 1), n_bins - 1), n_bins]
    edges = np.interp(np.arange(n_bins + 1), fixed, ends)
    if scale == "logit":
        edges = expit(edges)
    edges[fixed] = corners  # exactly
    return np.asarray(edges)
