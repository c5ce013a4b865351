"""Where the scores of both classes lie, and on which of them is acted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from costopt.decision.checks import as_labels
from costopt.decision.costs import Costs
from costopt.decision.odds import logit
from costopt.errors import DataError
from costopt.evaluation.draws import sums_by
from costopt.inputs.frames import Scalar
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    LABEL,
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
)
from costopt.plotting.cases import Cases, FromScores, as_cases, described

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["ScoreDistributionDisplay"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(eq=False)
class ScoreDistributionDisplay(FromScores):
    """Distribution of scores by class, with the region in which one acts.

    Made by `from_predictions`, `from_estimator` or `from_policy`.

    Parameters
    ----------
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
    title : str
        How many cases.

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
        act: ArrayLike | None = None,
        X: Any = None,
        sample_weight: ArrayLike | None = None,
        pos_label: Scalar | None = None,
        n_bins: int = 40,
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
            Act where that is cheaper in expectation; the scores must then be probabilities.
        threshold : float, optional
            Act from this score up, whatever the costs.
        act : array-like of shape (n_cases,), optional
            The decisions themselves: 0 or 1.
        X : data frame, optional
            The columns that the costs name.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
        n_bins : int, default=40
        scale : {"auto", "linear", "logit"}, default="auto"
            Of the score axis; log-odds show scores near 0.
        ax : matplotlib axes, optional

        Returns
        -------
        display : ScoreDistributionDisplay
            Drawn.

        Raises
        ------
        DataError, CostSpecError
            If labels, scores, decisions or costs cannot be used.
        """
        if isinstance(n_bins, bool) or not isinstance(n_bins, int | np.integer) or n_bins < 2:
            raise DataError(f"n_bins must be a whole number of at least 2, got {n_bins!r}")
        cases = as_cases(
            y_true, y_score, costs, X=X, sample_weight=sample_weight, pos_label=pos_label, act=act
        )
        if threshold is None and act is None:
            threshold = cases.bayes_threshold()
        decided = _decisions(cases, threshold, act)
        display = cls._of(cases, threshold, decided, n_bins, scale)
        return display.plot(ax=ax)

    @classmethod
    def _policy_options(cls, policy: Any, X: Any, score: Any, costs: Costs) -> dict[str, Any]:
        if policy.threshold is not None:
            return {"threshold": policy.threshold}
        # asked of the policy: what it knows of costs that only hindsight knows are its own means
        return {"act": policy.decide(X, score=score, costs=costs if policy.needs_costs else None)}

    @classmethod
    def _of(
        cls,
        cases: Cases,
        threshold: float | None,
        act: BoolArray | None,
        n_bins: int,
        scale: Scale,
    ) -> Self:
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
        if act is not None:
            n = counts[0] + counts[1]
            hit = sums_by(bins[act], weight[act], edges.size - 1)
            acted = np.divide(hit, n, out=acted, where=n > 0)
            shares = [
                float(weight[rows & act].sum()) / total
                for rows, total in zip((cases.y, ~cases.y), totals, strict=True)
            ]
        return cls(
            edges,
            counts[0] / totals[0],
            counts[1] / totals[1],
            acted,
            threshold,
            shares[0],
            shares[1],
            chosen,
            described(cases),
        )

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, optional
            A new figure where None.

        Returns
        -------
        display : ScoreDistributionDisplay
            Itself.
        """
        ax = axes_for(ax)
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
        finish(ax, x="score", y="share of its class in a bin, in %", title=self.title)
        ax.legend(
            fontsize=SMALL, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self

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
                f"{text} from {self.threshold:.3g}" if text == "act" else text,
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
