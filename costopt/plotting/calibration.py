"""Calibration before and after correction: whether a probability of 5 % means 5 of 100."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from costopt.decision.costs import Costs
from costopt.errors import DataError
from costopt.evaluation.draws import sums_by
from costopt.evaluation.estimates import LEVEL
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.row_labels import check_same_rows
from costopt.learners.protocol import Features
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
    plain,
    scale_axis,
)
from costopt.plotting.cases import Cases, as_cases, described
from costopt.policy.cases import check_scores
from costopt.policy.policy import DecisionPolicy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["CostCalibrationDisplay", "Reliability"]

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
class CostCalibrationDisplay:
    """Share of positives against predicted probability, before and after correction.

    Made by `from_policy` or `from_predictions`.

    Parameters
    ----------
    curves : mapping of str to Reliability
        By stage, as scores pass through them.
    base_rate : float
        Share of positives in the population.
    bayes_threshold : float or None
        Around it calibration matters most; None where it differs by case or is not known.
    title : str
        How many cases.

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
    title: str
    ax_: Axes = field(init=False, repr=False)
    figure_: Figure | SubFigure = field(init=False, repr=False)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: ArrayLike | Mapping[str, ArrayLike],
        costs: Costs | None = None,
        *,
        X: Any = None,
        sample_weight: ArrayLike | None = None,
        pos_label: Scalar | None = None,
        n_bins: int = 10,
        scale: Scale = "auto",
        ax: Axes | None = None,
    ) -> Self:
        """From labels and probabilities of one stage, or of several by name.

        Parameters
        ----------
        y_true : array-like of shape (n_cases,)
            Labels.
        y_prob : array-like of shape (n_cases,), or mapping of str to such
            Probabilities of the positive class, such as ``{"raw": ..., "calibrated": ...}``.
        costs : CostMatrix or CaseCosts, optional
            Mark their Bayes threshold.
        X : data frame, optional
            The columns that the costs name.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.
        pos_label : str, int, float or bool, optional
            The class to act on, where labels are not 0 and 1.
        n_bins : int, default=10
            Groups of about equal size; equal probabilities stay together.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of both axes.
        ax : matplotlib axes, optional

        Returns
        -------
        display : CostCalibrationDisplay
            Drawn.

        Raises
        ------
        DataError, CostSpecError
            If labels, probabilities or costs cannot be used.
        """
        if isinstance(n_bins, bool) or not isinstance(n_bins, int | np.integer) or n_bins < 2:
            raise DataError(f"n_bins must be a whole number of at least 2, got {n_bins!r}")
        stages = y_prob if isinstance(y_prob, Mapping) else {"probabilities": y_prob}
        if not stages:
            raise DataError("y_prob must name at least one stage, got an empty mapping")
        checked = {}
        for name, probability in stages.items():
            try:
                checked[str(name)] = as_cases(
                    y_true,
                    probability,
                    costs,
                    X=X,
                    sample_weight=sample_weight,
                    pos_label=pos_label,
                    probabilities=True,
                )
            except DataError as error:
                raise DataError(f"{error} (stage {name!r})") from None
        first = next(iter(checked.values()))
        display = cls(
            {name: _reliability(cases, n_bins) for name, cases in checked.items()},
            float(np.average(first.y, weights=first.weights)),
            first.bayes_threshold(),
            described(first),
        )
        return display.plot(ax=ax, scale=scale)

    @classmethod
    def from_policy(
        cls,
        policy: DecisionPolicy,
        X: Any,
        y: Any,
        *,
        score: ArrayLike | None = None,
        costs: Costs | None = None,
        **options: Any,
    ) -> Self:
        """From a policy: the model's own scores, with the odds restored, and calibrated.

        Parameters
        ----------
        policy : DecisionPolicy
        X : data frame or array-like of shape (n_cases, n_columns), or None
            Rows that the policy was not made from.
        y : array-like of shape (n_cases,)
            Labels, named as when the policy was made.
        score : array-like of shape (n_cases,), optional
            The model's own scores, computed elsewhere.
        costs : CostMatrix or CaseCosts, optional
            Costs of these cases, in place of those the policy knows.
        **options
            As for `from_predictions`.

        Returns
        -------
        display : CostCalibrationDisplay
            Drawn.

        Raises
        ------
        PolicyError
            If there is neither model nor scores.
        DataError
            If a column is missing or a label is unknown.
        """
        check_same_rows(X=X, y=y, score=score, costs=costs)
        labels, calibrated = policy.is_positive(y), policy.probability(X, score=score)
        chosen = policy.costs if costs is None else costs  # without any, nothing is marked
        stages = {**_stages(policy, X, score), "calibrated": calibrated}
        return cls.from_predictions(labels, stages, chosen, X=X, **options)

    def plot(self, ax: Axes | None = None, *, scale: Scale = "auto") -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, optional
            A new figure where None.
        scale : {"auto", "linear", "logit"}, default="auto"
            Of both axes; log-odds show small probabilities.

        Returns
        -------
        display : CostCalibrationDisplay
            Itself.
        """
        predicted = np.concatenate([curve.predicted for curve in self.curves.values()])
        mark = [] if self.bayes_threshold is None else [self.bayes_threshold]
        scale = choose_scale(scale, predicted, [*mark, self.base_rate])
        limits = self._limits(scale, predicted)
        ax = axes_for(ax, height=5.5)
        ax.plot(limits, limits, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
        for position, (name, curve) in enumerate(self.curves.items()):
            color, style, marker = STYLES[position % len(STYLES)]
            # what has no log-odds is drawn on the edge
            middle = np.clip(curve.observed, *limits)
            low, high = np.clip(curve.low, *limits), np.clip(curve.high, *limits)
            ax.errorbar(
                np.clip(curve.predicted, *limits),
                middle,
                yerr=np.maximum(np.stack((middle - low, high - middle)), 0),
                color=color,
                linestyle=style,
                marker=marker,
                markersize=7,
                linewidth=1.8,
                elinewidth=1,
                capsize=2,
                label=f"{plain(name)} (Brier score {curve.brier_score:.3g})",
            )
        if self.bayes_threshold is not None and limits[0] < self.bayes_threshold < limits[1]:
            label = f"Bayes threshold {self.bayes_threshold:.3g}"
            ax.axvline(self.bayes_threshold, color=INK, linestyle=":", linewidth=1.5, label=label)
        ax.annotate(
            f"positive: {percent(self.base_rate)}",
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
        finish(
            ax,
            x="predicted probability, mean of a group",
            y=f"share of positives, with its {LEVEL:.0%} interval",
            title=self.title,
            grid="both",
        )
        ax.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none", loc="upper left")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _limits(self, scale: Scale, predicted: FloatArray) -> tuple[float, float]:
        if scale == "linear":
            return 0.0, 1.0
        observed = np.concatenate([curve.observed for curve in self.curves.values()])
        both = np.clip(np.concatenate((predicted, observed[observed > 0])), 1e-5, 1 - 1e-5)
        return float(both.min() / 2), float(1 - (1 - both.max()) / 2)


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
    """Groups of about equal weight, cut where probabilities differ."""
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
