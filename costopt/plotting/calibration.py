"""Calibration before and after correction: whether a probability of 5 % means 5 of 100."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from costopt.decision.costs import Costs
from costopt.errors import DataError
from costopt.evaluation.draws import sums_by
from costopt.evaluation.estimates import LEVEL
from costopt.inputs.frames import Table
from costopt.learners.protocol import Features
from costopt.plotting.canvas import (
    ALARM,
    CAUGHT,
    INK,
    MUTED,
    SMALL,
    Scale,
    axes_for,
    check_bins,
    choose_scale,
    legend,
    plain,
    scale_axis,
)
from costopt.plotting.cases import Cases, FromScores, described
from costopt.policy.cases import check_scores
from costopt.policy.policy import DecisionPolicy
from costopt.showing.text import figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CostCalibrationDisplay",
]

FloatArray = NDArray[np.float64]

# In this order the eye goes from what was wrong to what is right.
STYLES = (
    (ALARM, "--", "s"),
    (CAUGHT, "-", "o"),
    (INK, "-.", "^"),
    (MUTED, ":", "D"),
)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted against observed, in groups of about equal size.

    Parameters
    ----------
    predicted : array of shape (n_bins,)
        Mean probability of each group, ascending.
    observed : array of shape (n_bins,)
        Share of positives.
    low, high : array of shape (n_bins,)
        Wilson's 95 % interval of it.
    n : array of shape (n_bins,)
        Effective number of cases.
    brier_score : float
    """

    predicted: FloatArray
    observed: FloatArray
    low: FloatArray
    high: FloatArray
    n: FloatArray
    brier_score: float


@dataclass(eq=False)
class CostCalibrationDisplay(FromScores):
    """Share of positives against predicted probability, before and after correction.

    Made by `from_policy` or `from_predictions`.

    Parameters
    ----------
    title : str
        How many cases.
    curves : mapping of str to Reliability
        By stage, as scores pass through them.
    base_rate : float
        Share of positives in the population.
    bayes_threshold : float or None
        Around it calibration matters most; None where it differs by case or is not known.
    scale : {"auto", "linear", "logit"}, default="auto"
        Of both axes; log-odds show small probabilities.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    References
    ----------
    E. B. Wilson (1927). Probable Inference, the Law of Succession, and Statistical Inference.
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> y, raw = [0, 0, 0, 1], [0.4, 0.4, 0.8, 0.8]
    >>> stages = {"raw": raw, "halved": [p / 2 for p in raw]}
    >>> display = CostCalibrationDisplay.from_predictions(y, stages)
    >>> display.curves["halved"].predicted.tolist(), display.curves["halved"].observed.tolist()
    ([0.2, 0.4], [0.0, 0.5])
    """

    curves: Mapping[str, Reliability]
    base_rate: float
    bayes_threshold: float | None
    scale: Scale = "auto"

    heading: ClassVar[str] = "Do positives happen as often as is predicted?"
    of_probabilities: ClassVar[bool] = True

    @classmethod
    def from_cases(
        cls, cases: Mapping[str, Cases], *, n_bins: int = 10, scale: Scale = "auto"
    ) -> Self:
        """From checked cases with the probabilities of each stage, not yet drawn.

        Parameters
        ----------
        cases : mapping of str to Cases
            By stage. In `from_predictions`, ``y_score`` may be such a mapping of probabilities:
            ``{"raw": ..., "calibrated": ...}``.
        n_bins : int, default=10
            Groups of about equal size; equal probabilities stay together.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of both axes; log-odds show small probabilities.
        """
        check_bins(n_bins)
        choose_scale(scale, np.empty(0), ())
        first = next(iter(cases.values()))
        return cls(
            described(first),
            {name: _reliability(each, n_bins) for name, each in cases.items()},
            float(np.average(first.y, weights=first.weights)),
            first.bayes_threshold(),
            scale,
        )

    @classmethod
    def _checked(
        cls, y_true: Any, y_score: Any, costs: Costs | None, **given: Any
    ) -> dict[str, Cases]:
        stages = y_score if isinstance(y_score, Mapping) else {"probabilities": y_score}
        if not stages:
            raise DataError("y_score must name at least one stage, got an empty mapping")
        checked = {}
        for name, probability in stages.items():
            try:
                checked[str(name)] = super()._checked(y_true, probability, costs, **given)
            except DataError as error:
                raise DataError(f"{error} (stage {name!r})") from None
        return checked

    @classmethod
    def _policy_scores(cls, policy: DecisionPolicy, X: Any, score: Any) -> dict[str, FloatArray]:
        """The model's own scores, with the odds restored, and calibrated."""
        calibrated = policy.probability(X, score=score)
        return {**_stages(policy, X, score), "calibrated": calibrated}

    def _axes(self, ax: Any) -> tuple[Axes, None]:
        return axes_for(ax, height=6.2), None

    def _draw(self, ax: Axes) -> None:
        predicted = np.concatenate([curve.predicted for curve in self.curves.values()])
        mark = [] if self.bayes_threshold is None else [self.bayes_threshold]
        scale = choose_scale(self.scale, predicted, [*mark, self.base_rate])
        limits = self._limits(scale, predicted)
        ax.plot(limits, limits, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
        for (name, curve), style in zip(self.curves.items(), cycle(STYLES), strict=False):
            _draw_stage(ax, name, curve, limits, style)
        if self.bayes_threshold is not None and limits[0] < self.bayes_threshold < limits[1]:
            label = f"Bayes threshold {figure(self.bayes_threshold)}"
            ax.axvline(self.bayes_threshold, color=INK, linestyle=":", linewidth=1.5, label=label)
        ax.annotate(
            f"share of positives: {percent(self.base_rate)}",
            xy=(1, self.base_rate),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            fontsize=SMALL,
            color=MUTED,
        )
        ax.axhline(self.base_rate, color=MUTED, linewidth=1)
        scale_axis(ax.xaxis, scale, limits)
        scale_axis(ax.yaxis, scale, limits)
        y = f"share of positives, with its {LEVEL:.0%} interval"
        self._finish(ax, x="predicted probability, mean of a group", y=y, grid="both")
        legend(ax)

    def _limits(self, scale: Scale, predicted: FloatArray) -> tuple[float, float]:
        if scale == "linear":
            return 0.0, 1.0
        observed = np.concatenate([curve.observed for curve in self.curves.values()])
        both = np.clip(np.concatenate((predicted, observed[observed > 0])), 1e-5, 1 - 1e-5)
        return float(both.min() / 2), float(1 - (1 - both.max()) / 2)


def _draw_stage(
    ax: Axes,
    name: str,
    curve: Reliability,
    limits: tuple[float, float],
    style: tuple[str, str, str],
) -> None:
    """One stage as points with their intervals; what has no log-odds is drawn on the edge."""
    color, line, marker = style
    middle = np.clip(curve.observed, *limits)
    low, high = np.clip(curve.low, *limits), np.clip(curve.high, *limits)
    ax.errorbar(
        np.clip(curve.predicted, *limits),
        middle,
        yerr=np.maximum(np.stack((middle - low, high - middle)), 0),
        color=color,
        linestyle=line,
        marker=marker,
        markersize=7,
        linewidth=1.8,
        elinewidth=1,
        capsize=2,
        label=f"{plain(name)} (Brier score {curve.brier_score:.3g})",
    )


def _stages(policy: DecisionPolicy, X: Any, score: Any) -> dict[str, FloatArray]:
    """A policy's scores before calibration: as the models give them, and with the odds restored."""
    if score is not None:
        raw, ledger = check_scores(score, X), policy.ledger_of_score
        restored = {"odds restored": ledger.undo(raw)} if ledger.entries else {}
        return {"model's own scores": raw, **restored}
    assert policy.learner is not None  # noqa: S101  # it has scored these rows before
    rows = X if policy.schema is None else Features(Table(X), policy.schema)
    total = sum(part.share for part in policy.models)
    scores = [(part, policy.learner.score(part.model, rows)) for part in policy.models]
    raw = np.asarray(sum(part.share * score for part, score in scores)) / total
    if not any(part.ledger.entries for part in policy.models):
        return {"model's own scores": raw}
    undone = np.asarray(sum(part.share * part.ledger.undo(score) for part, score in scores)) / total
    return {"model's own scores": raw, "odds restored": undone}


def _reliability(cases: Cases, n_bins: int) -> Reliability:
    """Groups of about equal weight; equal probabilities stay together."""
    order = np.argsort(cases.score, kind="stable")
    p, y, w = cases.score[order], cases.y[order], cases.weights[order]
    p, y, w = p[w > 0], y[w > 0], w[w > 0]
    # a case belongs to the group in which the middle of its run of equal probabilities lies
    distinct, run = np.unique(p, return_inverse=True)
    run_weight = sums_by(run, w, distinct.size)
    middle = (np.cumsum(run_weight) - run_weight / 2) / run_weight.sum()
    group = np.minimum((middle * n_bins).astype(np.intp), n_bins - 1)[run]
    _, group = np.unique(group, return_inverse=True)
    n_groups = int(group[-1]) + 1  # cases are in order of probability, so groups are too
    weight, predicted, observed, square = (
        sums_by(group, each, n_groups) for each in (w, w * p, w * y, w**2)
    )
    predicted, observed, n = predicted / weight, observed / weight, weight**2 / square
    low, high = _wilson(observed, n)
    brier = float(np.average((p - y) ** 2, weights=w))
    return Reliability(predicted, observed, low, high, n, brier)


def _wilson(share: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Interval of a share; within [0, 1], and of some width where nothing was observed."""
    z2 = float(ndtri((1 + LEVEL) / 2)) ** 2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.maximum(center - half, 0.0), np.minimum(center + half, 1.0)
