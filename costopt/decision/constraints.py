"""Limits that a threshold must keep: as declared, on a sample, and with confidence on new cases.

A threshold that keeps a limit on the cases it was chosen on breaks it on about half of all new
samples. With a confidence, only thresholds are taken of which the cases at hand prove that they
keep every limit, jointly, unless a sample as favourable as this one had a chance of less than
``1 - confidence``. The proofs are exact binomial ones: no normal approximation, no grid.

Limits on one side (the false-positive rate, alerts, precision: kept by acting on fewer) are proved
along one sequence of thresholds that is fixed beforehand, so that they share their level. Recall is
the other side and takes a part of it; a mean cost is a side of its own.

References
----------
X. Tong, Y. Feng, J. J. Li (2018). Neyman-Pearson classification algorithms and NP receiver operating
characteristics. Science Advances 4.
A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan, L. Lei (2021). Learn then Test.
I. Waudby-Smith, A. Ramdas (2024). Estimating means of bounded random variables by betting. JRSS B 86.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from costopt.decision.limited import METRICS, Metric
from costopt.decision.sweeps import sweep
from costopt.errors import DataError, nearest

__all__ = [
    "Constraint",
    "Counts",
    "cases_needed",
    "certified",
    "levels",
    "parse_constraints",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


# Of two sides, recall's share of the level where positives are the minority: their number is what
# limits how much can be promised.
RECALL_SHARE = 0.9
# A sequence of thresholds for a mean cost looks at no more than so many.
COST_LOOKS = 200
_WRITTEN = re.compile(r"\s*([a-z_]+(?:\([^)]*\))?)\s*(>=|<=|=|<|>)?\s*(\S*)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Constraint:
    """A limit on one metric: ``recall >= 0.8``.

    Parameters
    ----------
    metric : str
        Of `METRICS`.
    limit : float

    Examples
    --------
    >>> found = Constraint.parse("recall >= 0.8")
    >>> found.metric, found.limit, str(found)
    ('recall', 0.8, 'recall >= 0.8')
    """

    metric: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """A limit from what the user wrote.

        Raises
        ------
        DataError
            If it is no comparison of a known metric with a number that it can have.
        """
        if not isinstance(text, str):
            raise DataError(f"a constraint is a text such as 'recall >= 0.8', got {text!r:.60}")
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise DataError(f"cannot read the constraint {text!r:.60}: write it as 'recall >= 0.8'")
        name, sign, number = found.groups()
        if name not in METRICS:
            raise DataError(f"there is no metric {name!r} to limit: {nearest(name, METRICS)}")
        metric = METRICS[name]
        wanted = ">=" if metric.at_least else "<="
        if sign is None or not number:
            raise DataError(
                f"the constraint {text!r:.60} has no limit: write '{name} {wanted} NUMBER', in quotes "
                "on the command line, where > and < mean files"
            )
        if sign not in (wanted, wanted[0]):
            raise DataError(
                f"{name} can be held {'from below' if metric.at_least else 'from above'} only: write "
                f"'{name} {wanted} {number}'"
            )
        return cls(name, _limit(metric, number, text))

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if METRICS[self.metric].at_least else '<='} {self.limit:g}"

    @property
    def error_rate(self) -> float:
        """The share of counted cases that may go wrong."""
        return 1 - self.limit if METRICS[self.metric].at_least else self.limit


def _limit(metric: Metric, number: str, text: str) -> float:
    try:
        percent = number.endswith("%")
        limit = float(number.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise DataError(
            f"the limit of the constraint {text!r:.60} must be a number, got {number!r:.30}"
        ) from None
    if metric.name == "mean_cost":
        if not math.isfinite(limit):
            raise DataError(f"the limit of {text!r:.60} must be a finite amount")
        return limit
    if not 0 <= limit <= 1:
        raise DataError(
            f"{metric.name} lies between 0 and 1, so the limit of {text!r:.60} can not be {number}"
        )
    return limit


def parse_constraints(given: Any) -> tuple[Constraint, ...]:
    """Limits from a text or several, one for each metric.

    Examples
    --------
    >>> [str(each) for each in parse_constraints(["recall >= 80%", "alert_rate <= 0.02"])]
    ['recall >= 0.8', 'alert_rate <= 0.02']

    Raises
    ------
    DataError
        If one cannot be read, or a metric is limited twice.
    """
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Sequence):
        raise DataError(f"constraints must be texts such as 'recall >= 0.8', got {given!r:.60}")
    found = tuple(
        each if isinstance(each, Constraint) else Constraint.parse(each) for each in texts
    )
    names = [each.metric for each in found]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{name} is limited twice: keep the stricter of both")
    return found


# What the sample says


@dataclass(frozen=True, eq=False)
class Counts:
    """What each threshold does on a sample: never, each distinct score from the top, always.

    Parameters
    ----------
    thresholds : array of shape (n_thresholds,)
        Descending, from inf to -inf.
    alerts, caught : int array of shape (n_thresholds,)
        Cases, and positives, that are acted on.
    n_cases, n_positives : int
    """

    thresholds: FloatArray
    alerts: IntArray
    caught: IntArray
    n_cases: int
    n_positives: int

    @classmethod
    def of(cls, y: BoolArray, score: FloatArray) -> Counts:
        """Count a sample, in O(n log n)."""
        thresholds, alerts, order = sweep(score)
        caught = np.concatenate(([0], np.cumsum(y[order])))[alerts]
        return cls(
            thresholds,
            alerts.astype(np.intp),
            caught.astype(np.intp),
            int(y.size),
            int(np.count_nonzero(y)),
        )

    @property
    def false_alarms(self) -> IntArray:
        """Negatives that are acted on."""
        return np.asarray(self.alerts - self.caught)

    def metric(self, name: str) -> FloatArray:
        """A metric at each threshold; precision without an alert is 1, as no alert is wrong."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if name == "recall":
                value = self.caught / self.n_positives
            elif name == "precision":
                value = np.where(self.alerts > 0, self.caught / self.alerts, 1.0)
            elif name == "false_positive_rate":
                value = self.false_alarms / (self.n_cases - self.n_positives)
            else:
                value = self.alerts / self.n_cases
        return np.asarray(value, dtype=np.float64)

    def errors(self, name: str) -> tuple[IntArray, IntArray]:
        """At each threshold the cases that count against a limit, and out of how many."""
        if name == "precision":
            return self.false_alarms, self.alerts
        if name == "recall":
            wrong, n = self.n_positives - self.caught, self.n_positives
        elif name == "false_positive_rate":
            wrong, n = self.false_alarms, self.n_cases - self.n_positives
        else:
            wrong, n = self.alerts, self.n_cases
        return np.asarray(wrong), np.full(wrong.shape, n, dtype=np.intp)

    def meets(self, constraint: Constraint) -> BoolArray:
        """Whether each threshold keeps a limit on this sample."""
        wrong, n = self.errors(constraint.metric)
        return np.asarray(wrong <= constraint.error_rate * n + 1e-9 * np.maximum(n, 1))

    def doubt(self, constraint: Constraint) -> FloatArray:
        """At each threshold the chance of a sample this good if the limit were just broken.

        Exact binomial p-values; 0 at the end where the limit holds whatever the cases are: never
        acting has no false alarm, always acting misses nobody.
        """
        wrong, n = self.errors(constraint.metric)
        p = binom.cdf(wrong, n, constraint.error_rate)
        if constraint.metric == "recall":
            return np.where(np.isneginf(self.thresholds), 0.0, p)
        if constraint.metric == "precision":
            return np.where(self.alerts > 0, p, 1.0)
        return np.where(self.alerts == 0, 0.0, p)

    def promised(self, constraint: Constraint, level: float) -> float:
        """What can be promised, with confidence ``1 - level``, of every threshold that keeps a limit.

        A little more than the limit, as errors come in whole numbers. Where more alerts may be the
        better ones, as for precision, it is the limit.
        """
        if constraint.metric in ("precision", "mean_cost"):
            return constraint.limit
        rate = constraint.error_rate
        n = int(self.errors(constraint.metric)[1][0])
        most = int(binom.ppf(level, n, rate))
        most -= bool(binom.cdf(most, n, rate) > level)
        if most < 0 or most >= n:
            return constraint.limit
        worst = min(float(beta.ppf(1 - level, most + 1, n - most)), rate)
        return 1 - worst if METRICS[constraint.metric].at_least else worst


def cases_needed(constraint: Constraint, level: float) -> int:
    """The fewest counted cases with which a limit can be promised, if none of them goes wrong.

    Examples
    --------
    >>> cases_needed(Constraint("recall", 0.9), 0.1), cases_needed(Constraint("recall", 0.99), 0.1)
    (22, 230)
    """
    rate = constraint.error_rate
    if rate <= 0:
        raise DataError(
            f"{constraint} leaves no room for a single error, which no number of cases proves: allow "
            "some, or ask for no confidence"
        )
    return 1 if rate >= 1 else math.ceil(math.log(level) / math.log1p(-rate) - 1e-12)


def levels(
    constraints: Sequence[Constraint], delta: float, *, positives_are_rare: bool = True
) -> dict[str, float]:
    """How much of the joint chance of error each metric may use.

    Limits of one side share it; sides divide it. Where recall stands against the side of fewer
    alerts and positives are the minority, recall takes nine tenths: its proof rests on fewer cases.

    Examples
    --------
    >>> limits = parse_constraints(["recall >= 0.9", "precision >= 0.2", "alert_rate <= 0.1"])
    >>> {name: round(level, 3) for name, level in levels(limits, 0.1).items()}
    {'recall': 0.09, 'precision': 0.01, 'alert_rate': 0.01}
    """
    sides = list(dict.fromkeys(METRICS[each.metric].side for each in constraints))
    share = dict.fromkeys(sides, 1 / max(len(sides), 1))
    if {"more", "fewer"} <= set(sides):
        both = share["more"] + share["fewer"]
        recall = RECALL_SHARE if positives_are_rare else 0.5
        share |= {"more": both * recall, "fewer": both * (1 - recall)}
    return {each.metric: delta * share[METRICS[each.metric].side] for each in constraints}


# What can be promised


def certified(
    counts: Counts,
    constraints: Sequence[Constraint],
    level: Mapping[str, float],
    doubts: Mapping[str, FloatArray],
    *,
    predicted: FloatArray | None = None,
    cost_doubt: Callable[[int], float] | None = None,
    start: int | None = None,
) -> BoolArray:
    """The thresholds that keep every limit on new cases, jointly, with the confidence asked for.

    All of them hold at once, so that whichever is taken, by whatever rule, costs nothing more.

    Parameters
    ----------
    counts : Counts
    constraints : sequence of Constraint
    level : mapping of str to float
        From `levels`.
    doubts : mapping of str to array of shape (n_thresholds,)
        `Counts.doubt` of each limit on counted cases, by its metric.
    predicted : array of shape (n_thresholds,), optional
        How many of the alerts of each threshold are expected to be positive, from anything but
        these labels. A limit on precision needs it: it says where the sequence begins.
    cost_doubt : callable, optional
        ``position -> p-value`` that the mean cost exceeds its limit; see `mean_cost_doubt`.
    start : int, optional
        The position at which the sequence for a mean cost begins, fixed without these labels.

    Returns
    -------
    held : bool array of shape (n_thresholds,)
    """
    held = np.ones(counts.thresholds.size, dtype=bool)
    fewer = [each for each in constraints if METRICS[each.metric].side == "fewer"]
    for each in constraints:
        if each.metric == "recall":
            held &= doubts["recall"] <= level["recall"]
    if fewer:
        doubt = np.max([doubts[each.metric] for each in fewer], axis=0)
        begin = 0
        precision = next((each for each in fewer if each.metric == "precision"), None)
        if precision is not None:
            assert predicted is not None  # noqa: S101  # who limits precision predicts it
            begin = _easiest(counts, precision, predicted)
        held &= _until_first_doubt(doubt, begin, level[fewer[0].metric])
    if any(each.metric == "mean_cost" for each in constraints):
        assert cost_doubt is not None  # noqa: S101  # who limits costs bounds them
        assert start is not None  # noqa: S101  # as above
        held &= _cheap_enough(cost_doubt, start, counts.thresholds.size, level["mean_cost"])
    return held


def _easiest(counts: Counts, precision: Constraint, predicted: FloatArray) -> int:
    """Where precision is easiest to prove if the alerts turn out as predicted."""
    doubt = binom.sf(np.floor(predicted) - 1, counts.alerts, precision.limit)
    return int(np.argmin(np.where(counts.alerts > 0, doubt, np.inf)))


def _until_first_doubt(doubt: FloatArray, begin: int, level: float) -> BoolArray:
    """Thresholds from ``begin`` towards more alerts, as long as each is proved."""
    held = np.zeros(doubt.size, dtype=bool)
    failed = np.flatnonzero(~(doubt[begin:] <= level))
    held[begin : begin + int(failed[0]) if failed.size else None] = True
    return held


def _cheap_enough(
    cost_doubt: Callable[[int], float], start: int, n_thresholds: int, level: float
) -> BoolArray:
    """Thresholds on both sides of ``start``, as long as each is proved; half the level for each."""
    step = max(n_thresholds // COST_LOOKS, 1)
    held = np.zeros(n_thresholds, dtype=bool)
    if not cost_doubt(start) <= level / 2:
        return held
    for path in (range(start, n_thresholds, step), range(start, -1, -step)):
        for at in path:
            if not cost_doubt(at) <= level / 2:
                break
            held[at] = True
    return held
