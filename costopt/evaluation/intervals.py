"""Intervals of mean costs that hold where positives are rare and amounts are heavy-tailed.

What a row costs is known under either label, so the label is the only thing about it that chance
decides. How much a mean varies is therefore taken from all rows, each with its probability of being
positive, and not only from the few positives that happened to be missed; and the interval is a
score interval, whose spread is that of the end looked at rather than that of the sample.

A row costs ``zero`` if it is negative and ``one`` if it is positive. Its cost has two sources of
chance: which label it has (the *label part*), and which rows were met (the *row part*). Each is a
sum of values of both signs; sums of one sign have score intervals, which are put together by the
method of variance estimates recovery.

References
----------
E. B. Wilson (1927). Probable Inference, the Law of Succession, and Statistical Inference. Journal of
the American Statistical Association 22, 209-212.
G. Y. Zou, A. Donner (2008). Construction of Confidence Limits About Effect Measures: a General
Approach. Statistics in Medicine 27, 1693-1702.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from costopt.evaluation.effective import design_effect

__all__ = [
    "Chance",
    "Outcomes",
    "label_probability",
    "mean_and_interval",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

MAX_STEPS = 8
# Probabilities are kept this far from 0 and 1 where their log-odds are needed.
CLIP = 1e-6
# How strongly the intercept, the slope and the weight of the size are held to what was given.
RIDGE = (0.0, 1.0, 3.0)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What each row costs if it is negative, and if it is positive, under one way to decide.

    Parameters
    ----------
    zero, one : array of shape (n_rows,)
    """

    zero: FloatArray
    one: FloatArray

    def minus(self, other: Outcomes, times: float = 1.0) -> Outcomes:
        """What is paid more than under another way to decide, whose costs count ``times``."""
        return Outcomes(self.zero - times * other.zero, self.one - times * other.one)

    def is_nothing(self) -> bool:
        """Whether no row costs anything, whatever its label."""
        return not (self.zero.any() or self.one.any())


@dataclass(frozen=True, eq=False)
class Chance:
    """What is left to chance in a sample: labels, and which rows it consists of.

    Parameters
    ----------
    y : bool array of shape (n_rows,)
    q : array of shape (n_rows,)
        Probability that a row of this sample is positive, see `label_probability`.
    weight : array of shape (n_rows,), optional
        How many cases of the population each row stands for; above 0.
    units : int array of shape (n_rows,), optional
        Rows of one unit were met together.
    prevalence : float, optional
        The share of positives, where it is known rather than estimated.
    unseen : float, default=0
        What one more row would change where two ways to decide agree on every row.
    level : float, default=0.95
    """

    y: BoolArray
    q: FloatArray
    weight: FloatArray | None = None
    units: IntArray | None = None
    prevalence: float | None = None
    unseen: float = 0.0
    level: float = 0.95

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(self.y.size)

    @property
    def share(self) -> FloatArray:
        """Of the population that each row stands for; they add up to 1."""
        weight = np.ones(self.n) if self.weight is None else self.weight
        if self.prevalence is None:
            return np.asarray(weight / weight.sum())
        positive = self.prevalence / weight[self.y].sum()
        negative = (1 - self.prevalence) / weight[~self.y].sum()
        return np.asarray(weight * np.where(self.y, positive, negative))

    def mean(self, outcomes: Outcomes) -> float:
        """What the rows cost on average."""
        return float(np.where(self.y, outcomes.one, outcomes.zero) @ self.share)

    def center(self, outcomes: Outcomes) -> FloatArray:
        """What each row is expected to cost by what is known: the mean, or its class's."""
        if self.prevalence is None:
            return np.full(self.n, self.mean(outcomes))
        of_class = [
            float(np.average(cost[rows], weights=self.share[rows]))
            for cost, rows in ((outcomes.one, self.y), (outcomes.zero, ~self.y))
        ]
        return np.where(self.y, *of_class)


def label_probability(y: BoolArray, probability: FloatArray, size: FloatArray) -> FloatArray:
    """The probability that each row is positive: the one given, held against the labels.

    A logistic regression on the given log-odds and the log of what is at stake, which is pulled
    towards changing nothing; the share of positives is that of the sample.

    Parameters
    ----------
    y : bool array of shape (n_rows,)
    probability : array of shape (n_rows,)
        From something that was not fitted to the row.
    size : array of shape (n_rows,)
        What is at stake: mostly the cost of a false negative. Values of 0 and less count as the
        smallest.

    Returns
    -------
    q : array of shape (n_rows,)

    Examples
    --------
    >>> y = np.repeat([True, False], [10, 990])
    >>> q = label_probability(y, np.full(1000, 0.3), np.ones(1000))
    >>> round(float(q.mean()), 3)
    0.01
    """
    offset = logit(np.clip(probability, CLIP, 1 - CLIP))
    largest = float(size.max())
    stake = np.log(np.maximum(size, 1e-9 * largest)) if largest > 0 else np.zeros(y.size)
    columns, ridge = [np.ones(y.size)], [RIDGE[0]]
    for values, strength in ((offset, RIDGE[1]), (stake, RIDGE[2])):
        spread = float(values.std())
        if spread > 1e-9:
            columns.append((values - values.mean()) / spread)
            ridge.append(strength)
    return _held_against(y, offset, np.column_stack(columns), np.array(ridge))


def _held_against(
    y: BoolArray, offset: FloatArray, columns: FloatArray, ridge: FloatArray
) -> FloatArray:
    """Newton's method, with one more case that is half positive so that it stays finite."""
    given = expit(offset)
    times = 1 + given / given.sum()  # rows, and their share of the one more
    wanted = y + (times - 1) / 2
    beta = np.zeros(ridge.size)
    for _ in range(MAX_STEPS):
        q = expit(offset + columns @ beta)
        information = (columns * (times * q * (1 - q))[:, None]).T @ columns
        slope = columns.T @ (wanted - times * q) - ridge * beta
        step = np.linalg.solve(information + np.diag(ridge + 1e-9), slope)
        beta += np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-3:
            break
    return np.asarray(expit(offset + columns @ beta))


def mean_and_interval(
    outcomes: Outcomes, chance: Chance, *, bias: float = 0.0
) -> tuple[float, float, float]:
    """The mean cost with its interval.

    Parameters
    ----------
    outcomes : Outcomes
    chance : Chance
    bias : float, default=0
        What the observed mean hides; value and interval are moved by it.

    Returns
    -------
    value, low, high : float
        The ends never lie outside what a row can cost.

    Examples
    --------
    Nothing was seen to go wrong in 100 rows, which were taken to go wrong now and then:

    >>> y = np.zeros(100, dtype=bool)
    >>> missed = Outcomes(np.zeros(100), np.ones(100))
    >>> value, low, high = mean_and_interval(missed, Chance(y, np.full(100, 0.01)))
    >>> value, low, round(high, 3)
    (0.0, 0.0, 0.038)
    """
    value = chance.mean(outcomes)
    half = (1 + chance.level) / 2
    reach, effect = float(ndtri(half)), 1.0
    if chance.units is not None:
        n_units = int(np.unique(chance.units).size)
        if n_units < 2:
            return value + bias, math.nan, math.nan
        cost = np.where(chance.y, outcomes.one, outcomes.zero)
        effect = design_effect((cost - chance.center(outcomes)) * chance.share, chance.units)
        reach = float(stdtrit(n_units - 1, half))
    down, up = _distances(outcomes, value, chance, reach, effect)
    least = float(min(outcomes.zero.min(), outcomes.one.min()))
    most = float(max(outcomes.zero.max(), outcomes.one.max()))
    room = chance.unseen if outcomes.is_nothing() else 0.0
    low, high = max(value + bias - down, least - room), min(value + bias + up, most + room)
    return value + bias, min(low, value + bias), max(high, value + bias)


def _distances(
    outcomes: Outcomes, value: float, chance: Chance, z: float, effect: float
) -> tuple[float, float]:
    """How far below and above the mean its interval ends."""
    parts = (
        _of_classes(outcomes, chance, z, effect)
        if chance.prevalence is not None
        else _of_labels_and_rows(outcomes, value, chance, z, effect)
    )
    down, up = (math.sqrt(sum(factor**2 * part[end] for factor, part in parts)) for end in (0, 1))
    return down, up


def _of_labels_and_rows(
    outcomes: Outcomes, value: float, chance: Chance, z: float, effect: float
) -> list[tuple[float, tuple[float, float]]]:
    """The label part and the row part, each with what its sum is multiplied by."""
    y, q, n = chance.y.astype(np.float64), chance.q, chance.n
    zero, one = outcomes.zero, outcomes.one
    ones = np.ones(n)
    if chance.weight is None:
        label = one - zero
        row = zero + q * label
        row = row - _in_common(row)
    else:
        # the mean is a ratio of sums: what varies is how far rows lie from it
        if_negative, if_positive = _weights_by_label(chance.y, chance.weight / chance.weight.mean())
        label = if_positive * (one - value) - if_negative * (zero - value)
        row = if_negative * (zero - value) + q * label
        if if_negative is if_positive:  # a row stands for as many, whatever its label
            label = if_positive * (one - zero)
    return [
        (1 / n, _signed(label, q, q * (1 - q), y, y * (1 - q), 0.0, z, effect, 0.0)),
        (1 / n, _signed(row, ones, ones, ones, ones, 1 / n, z, effect, chance.unseen)),
    ]


def _weights_by_label(y: BoolArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What each row weighs if it is negative, and if it is positive.

    Rows that were sampled by class weigh what their class does. Other weights say nothing of the
    label, and are the same array twice.
    """
    positive, negative = weight[y], weight[~y]
    if positive.size and negative.size and np.ptp(positive) == np.ptp(negative) == 0:
        return np.full(y.size, negative[0]), np.full(y.size, positive[0])
    return weight, weight


def _of_classes(
    outcomes: Outcomes, chance: Chance, z: float, effect: float
) -> list[tuple[float, tuple[float, float]]]:
    """Positives and negatives apart, where the share of each is known."""
    assert chance.prevalence is not None  # noqa: S101  # the caller has just asked
    weight = _within_classes(chance)
    parts = []
    for cost, rows, probability, share in (
        (outcomes.one, chance.y, chance.q, chance.prevalence),
        (outcomes.zero, ~chance.y, 1 - chance.q, 1 - chance.prevalence),
    ):
        seen = rows.astype(np.float64)
        size = int(np.count_nonzero(rows))
        if weight is None:
            values = cost - _in_common(cost)
        else:
            values = weight * (cost - float(np.average(cost[rows], weights=weight[rows])))
        spread = _signed(
            values, probability, probability, seen, seen, 1 / size, z, effect, chance.unseen
        )
        parts.append((share / size, spread))
    return parts


def _within_classes(chance: Chance) -> FloatArray | None:
    """Weights of mean 1 within each class, since the classes' shares are known; None if all are 1."""
    if chance.weight is None:
        return None
    of_class = [float(chance.weight[rows].mean()) for rows in (chance.y, ~chance.y)]
    weight = chance.weight / np.where(chance.y, *of_class)
    return weight if np.ptp(weight) > 1e-9 else None


def _signed(
    values: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    seen: FloatArray,
    seen_variance: FloatArray,
    k: float,
    z: float,
    effect: float,
    unseen: float,
) -> tuple[float, float]:
    """Squared distances down and up of a sum of values of both signs.

    Parameters
    ----------
    values : array of shape (n_rows,)
    expected, variance : array of shape (n_rows,)
        Of how often each row's value is in the sum, by what is known of all rows.
    seen, seen_variance : array of shape (n_rows,)
        How often it is, and its share in the variance by what was seen.
    k : float
        A sum ``m`` of one sign has the variance ``m e - k m**2``.
    z, effect, unseen
        Standard errors to reach; the design effect; the size of a value where there is none.
    """
    down = up = 0.0
    sums = []
    for sign in (1, -1):
        size = np.maximum(sign * values, 0.0)
        square = size * size
        total, mass = float(seen @ size), float(expected @ size)
        typical = 0.0 if mass > 0 or values.any() else unseen
        if mass > 0:
            typical = float(variance @ square) / mass
        if total > 0:
            typical = max(typical, float(seen_variance @ square) / total)
        low, high = _score_interval(total, typical * effect, k * effect, z)
        below, above = (total - low) ** 2, (high - total) ** 2
        down, up = (down + below, up + above) if sign > 0 else (down + above, up + below)
        sums.append(total)
    together = 2 * k * effect * z * z * sums[0] * sums[1]  # parts of one multinomial
    return down + together, up + together


def _score_interval(total: float, e: float, k: float, z: float) -> tuple[float, float]:
    """All sums ``m`` for which the one seen is at most ``z`` standard errors away."""
    if e <= 0:
        return total, total
    if total > 0:
        k = min(k, e / total)
    a, b = 1 + z * z * k, 2 * total + z * z * e
    root = math.sqrt(max(b * b - 4 * a * total * total, 0.0))
    return min((b - root) / (2 * a), total), max((b + root) / (2 * a), total)


def _in_common(values: FloatArray) -> float:
    """What all rows have alike, which is certain: the one nearest to 0 where all have one sign."""
    low, high = float(values.min()), float(values.max())
    return low if low > 0 else min(high, 0.0)
