import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import confusion_matrix, make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.costs import CostMatrix
from costopt.decision.rules import always_cost, decide, mean_cost, never_cost
from costopt.decision.thresholds import BestThreshold, CostCurve, bayes_threshold, cost_curve
from costopt.errors import CostSpecError, DataError

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)

# few distinct values, so that ties, free cells and separate optima happen
MONEY = np.array([-3.0, -0.1, 0.0, 0.0, 0.1, 0.3, 1.0, 2.5, 250.0])
PROBABILITIES = np.array([0.0, 1e-15, 1e-13, 0.1, 0.3, 0.3000001, 0.5, 0.9, 1 - 1e-13, 1.0])
MARGINS = np.array([-7.5, -1.0, -1e-3, 0.0, 0.4, 1.0, 1.5, 1e6])
WEIGHTS = np.array([0.0, 0.5, 1.0, 3.0])


# an independent, slow count


class Counted:
    """Cases whose costs are counted one by one, with sums that are exact up to one rounding."""

    def __init__(self, y, score, costs, weight=None):
        self.y = np.asarray(y, dtype=bool)
        self.score = np.asarray(score).astype(float)
        weight = np.ones(self.y.size) if weight is None else np.asarray(weight, dtype=float)
        cell = {c: weight * np.broadcast_to(getattr(costs, c), self.y.shape) for c in CELLS}
        self.if_act = np.where(self.y, cell["tp"], cell["fp"])
        self.if_not = np.where(self.y, cell["fn"], cell["tn"])
        self.weight = math.fsum(weight)
        self.size = math.fsum(np.abs(self.if_act) + np.abs(self.if_not)) / self.weight
        self.regrets = [
            math.fsum(weight * np.broadcast_to(regret, self.y.shape)) / self.weight
            for regret in (costs.fp_regret, costs.fn_regret)
        ]

    def at(self, threshold):
        spent = np.where(self.score >= threshold, self.if_act, self.if_not)
        return math.fsum(spent) / self.weight

    def is_free(self, threshold):
        return not np.where(self.score >= threshold, self.if_act, self.if_not).any()

    def thresholds(self):
        return [math.inf, *sorted(set(self.score.tolist()), reverse=True), -math.inf]

    def optima(self):
        """Every interval (low, high] of thresholds that cost least, in descending order."""
        thresholds = self.thresholds()
        costs = [self.at(threshold) for threshold in thresholds]
        cheap = [cost <= min(costs) + 1e-12 * self.size for cost in costs]
        below = [*thresholds[1:], -math.inf]
        runs = [list(run) for is_cheap, run in itertools.groupby(range(len(thresholds)), cheap.__getitem__)
                if is_cheap]  # fmt: skip
        return [(below[run[-1]], thresholds[run[0]]) for run in runs]

    def anchor(self):
        """The probability from which acting pays, under the mean regrets; within [0, 1]."""
        act, leave = self.regrets
        if act < 0 and leave < 0:
            return 0.5
        if leave <= 0 and not (leave == 0 and act > 0):
            return 1.0
        return max(act, 0) / (max(act, 0) + leave)

    def nearest_optima(self):
        """The optima nearest the anchor; more than one where rounding could decide."""
        anchor = self.anchor()
        away = [max(low - anchor, anchor - high, 0) for low, high in self.optima()]
        return [run for run, d in zip(self.optima(), away, strict=True) if d <= min(away) + 1e-12]


def probes(counted):
    """Thresholds at, between and beyond the scores."""
    finite = counted.thresholds()[1:-1]
    middles = [high / 2 + low / 2 for high, low in itertools.pairwise(finite)]
    nudged = [
        np.nextafter(threshold, side) for threshold in finite for side in (-math.inf, math.inf)
    ]
    return [math.inf, -math.inf, 0.0, 1.0, -1e9, 1e9, *finite, *middles, *nudged]


def check_curve(y, score, costs, weight=None):
    """A cost curve against counting, at every threshold and between them."""
    counted = Counted(y, score, costs, weight)

    curve = cost_curve(y, score, costs, weight)

    tolerance = {"rtol": 1e-12, "atol": 1e-13 * counted.size}
    assert_array_equal(
        curve.thresholds, np.array(counted.thresholds(), dtype=np.asarray(score).dtype)
    )
    assert_allclose(
        curve.mean_cost, [counted.at(threshold) for threshold in counted.thresholds()], **tolerance
    )
    asked = probes(counted)
    assert_allclose(curve.at(asked), [counted.at(threshold) for threshold in asked], **tolerance)
    assert all(curve.at(threshold) == 0 for threshold in asked if counted.is_free(threshold))
    return counted, curve


def check_best(counted, curve):
    """The best threshold against counting; returns what was found."""
    best = curve.best()

    within = 1e-12 * counted.size
    assert (best.low, best.high) in counted.nearest_optima()
    assert best.mean_cost == min(curve.mean_cost)
    assert best.low < best.threshold <= best.high or best.threshold == best.low == -math.inf
    assert abs(counted.at(best.threshold) - best.mean_cost) <= 2 * within
    for threshold in probes(counted):
        if best.low < threshold <= best.high:
            assert abs(counted.at(threshold) - best.mean_cost) <= 2 * within
    if best.high == math.inf:
        assert best.threshold == math.inf
    elif best.low == -math.inf:
        assert best.threshold == -math.inf
    else:
        check_inside(best, curve.thresholds.dtype.type)
    return best


def check_inside(best, precision):
    """A finite threshold is a number of the score's own precision, off both ends if one is."""
    low, high = precision(best.low), precision(best.high)
    assert float(precision(best.threshold)) == best.threshold
    has_room = np.nextafter(low, high) < high
    assert best.threshold < best.high if has_room else best.threshold == best.high
    if low > 1e-9 and high < 1 - 1e-9:
        middle = [math.log(p / (1 - p)) for p in (best.low, best.threshold, best.high)]
        # the score's precision moves the log-odds by this much
        rounding = 4 * float(np.finfo(precision).eps) / min(best.low, 1 - best.high)
        if has_room:
            assert middle[1] == pytest.approx((middle[0] + middle[2]) / 2, rel=1e-6, abs=rounding)


def drawn(rng, per_case, weighted):
    """Random cases: few or many positives, tied scores in two precisions, cells per case or not."""
    n = int(rng.integers(1, 16))
    y = rng.random(n) < rng.choice([0.0, 0.15, 0.5, 0.85, 1.0])
    score = rng.choice(PROBABILITIES if rng.random() < 0.7 else MARGINS, n)
    score = score.astype(rng.choice([np.float32, np.float64]))
    costs = CaseCosts(**{c: rng.choice(MONEY, n if c in per_case else None) for c in CELLS})
    weight = None
    if weighted:
        weight = rng.choice(WEIGHTS, n)
        weight[rng.integers(n)] = 1.0
    return y, score, costs, weight


SUBSETS = [s for size in range(5) for s in itertools.combinations(CELLS, size)]


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("per_case", SUBSETS, ids=lambda cells: "+".join(cells) or "constant")
def test_curve_and_best_threshold_are_what_counting_gives(per_case, weighted):
    """3200 draws over every subset of cells with a cost per case, so that every sweep is taken."""
    rng = np.random.default_rng([SUBSETS.index(per_case), weighted])

    for _ in range(100):
        check_best(*check_curve(*drawn(rng, per_case, weighted)))


@st.composite
def cases(draw, scores):
    score = st.sampled_from(scores.tolist())
    rows = draw(st.lists(st.tuples(st.booleans(), score), min_size=1, max_size=12))
    money = st.sampled_from(MONEY.tolist())
    per_case = st.lists(money, min_size=len(rows), max_size=len(rows))
    costs = CaseCosts(**{cell: draw(money | per_case) for cell in CELLS})
    y, scores = zip(*rows, strict=True)
    return np.array(y), np.array(scores, dtype=draw(st.sampled_from(["f4", "f8"]))), costs


@PROPERTY
@given(cases(PROBABILITIES) | cases(MARGINS))
def test_curve_and_best_threshold_of_any_cases_are_what_counting_gives(case):
    check_best(*check_curve(*case))


@PROPERTY
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(PROBABILITIES)), min_size=1),
       st.sampled_from([0.3, 1.0, 25.0]), st.sampled_from([0.3, 5.0, 475.0]))  # fmt: skip
def test_constant_costs_are_what_a_confusion_matrix_gives(rows, fp, fn):
    y, score = map(np.array, zip(*rows, strict=True))

    curve = cost_curve(y, score, CostMatrix(fp=fp, fn=fn, tp=-1, tn=0.2))

    for threshold, cost in zip(curve.thresholds, curve.mean_cost, strict=True):
        counts = confusion_matrix(y, score >= threshold, labels=[0, 1])
        assert_allclose(cost, (counts * [[0.2, fp], [fn, -1]]).sum() / y.size)


def test_many_tied_rows_are_swept_exactly():
    rng = np.random.default_rng(0)
    y = rng.random(20_000) < 0.03
    score = np.round(rng.beta(1 + 3 * y, 5), 3)
    amount = rng.lognormal(3, 1, y.size)

    for costs in (CaseCosts(fp=10, fn=amount, tp=10), CaseCosts(fp=amount / 50, fn=40)):
        curve = cost_curve(y, score, costs)
        for threshold in (0.001, 0.0105, 0.2, 0.35, 0.999, math.inf, -math.inf):
            expected = mean_cost(y, score >= threshold, costs)
            assert_allclose(curve.at(threshold), expected, rtol=1e-12)
        assert curve.best().mean_cost <= min(
            mean_cost(y, score >= t, costs) for t in np.linspace(0, 1, 101)
        )


def test_what_is_free_costs_exactly_nothing():
    """0.1 + 0.2 - 0.3 leaves 5e-17 behind; sums of what was spent leave nothing."""
    y, score = [1, 1, 1, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.1]

    for costs, weight in (
        (CaseCosts(fp=1, fn=[0.1, 0.2, 0.3, 0, 0]), None),
        (CaseCosts(fp=[0, 0, 0, 0.1, 0.2], fn=1), None),
        (CaseCosts(fp=[0.1] * 5, fn=[0.1, 0.2, 0.3, 1, 1]), None),
        (CostMatrix(fp=0.1, fn=0.3), [0.1, 0.2, 0.3, 0.1, 0.7]),
    ):
        best = cost_curve(y, score, costs, weight).best()
        assert best.mean_cost == 0
        assert (best.low, best.high) == (0.2, 0.7)


# at


def test_the_cost_between_two_scores_is_that_of_the_upper_one():
    curve = cost_curve([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.9], CostMatrix(fp=1, fn=5))

    assert_array_equal(curve.thresholds, [np.inf, 0.9, 0.4, 0.1, -np.inf])
    assert_array_equal(curve.mean_cost, [2.5, 1.25, 0.25, 0.5, 0.5])
    asked = np.array([[np.inf, 2, 0.91], [0.9, 0.5, 0.4], [0.1, 0.05, -np.inf]])
    assert_array_equal(curve.at(asked), [[2.5, 2.5, 2.5], [1.25, 1.25, 0.25], [0.5, 0.5, 0.5]])
    assert curve.at(0.39).shape == ()
    assert curve.at(0.39) == 0.25


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, bool])
def test_thresholds_of_any_numeric_type_are_looked_up(kind):
    curve = cost_curve([0, 1], [0.2, 0.7], CostMatrix(fp=1, fn=5))

    assert_array_equal(curve.at(np.array([0, 1], dtype=kind)), [0.5, 2.5])


# best


def test_never_and_always_are_infinite_thresholds():
    y, score = [0, 1, 0, 1], [0.9, 0.1, 0.8, 0.7]

    never = cost_curve(y, score, CostMatrix(fp=100, fn=1)).best()
    always = cost_curve(y, score, CostMatrix(fp=1, fn=100)).best()

    assert never == BestThreshold(np.inf, low=0.9, high=np.inf, mean_cost=0.5)
    assert always == BestThreshold(-np.inf, low=-np.inf, high=0.1, mean_cost=0.5)
    assert never.width == always.width == np.inf


@pytest.mark.parametrize(("y", "threshold"), [([0, 0], np.inf), ([1, 1], -np.inf)])
def test_one_class_alone_is_never_or_always_acted_on(y, threshold):
    best = cost_curve(y, [0.2, 0.6], CostMatrix(fp=1, fn=5)).best()

    assert best.threshold == threshold
    assert best.mean_cost == 0


@pytest.mark.parametrize(("fp", "fn"), [(1, 5), (5, 1)])
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0, -3.0])
def test_constant_scores_leave_the_better_of_never_and_always(score, fp, fn):
    y, costs = [0, 1, 0, 1], CostMatrix(fp=fp, fn=fn)

    best = cost_curve(y, [score] * 4, costs).best()

    assert best.threshold == (-np.inf if fn > fp else np.inf)
    assert best.mean_cost == min(never_cost(y, costs), always_cost(y, costs))


def test_where_all_costs_alike_nothing_is_done():
    best = cost_curve([0, 1], [0.2, 0.7], CaseCosts(fp=3, fn=3, tp=3, tn=3)).best()

    assert best == BestThreshold(np.inf, low=-np.inf, high=np.inf, mean_cost=3)


def test_of_two_mirrored_optima_the_bayes_threshold_decides():
    """Between 0.1 and 0.3 a negative is acted on, between 0.7 and 0.9 a positive is missed."""
    y, score = [0, 1, 0, 1], [0.1, 0.3, 0.7, 0.9]
    low, high = (0.1, 0.3), (0.7, 0.9)

    def taken(fp, fn):
        best = cost_curve(y, score, CaseCosts(fp=fp, fn=fn)).best()
        return best.low, best.high

    # each mistake costs 1; regrets that no mistake here can cost move the Bayes threshold alone
    assert taken(fp=[9, 9, 1, 9], fn=[1, 1, 1, 9]) == high
    assert taken(fp=[9, 1, 1, 1], fn=[9, 1, 9, 9]) == low


def test_weights_count_in_the_bayes_threshold_that_decides():
    y, score = [0, 1, 0, 1], [0.1, 0.3, 0.7, 0.9]
    costs = CaseCosts(fp=[9, 1, 1, 1], fn=[1, 1, 1, 9])

    dear_alarms = cost_curve(y, score, costs, [3, 1, 1, 1]).best()
    dear_misses = cost_curve(y, score, costs, [1, 1, 1, 3]).best()

    assert (dear_alarms.low, dear_alarms.high) == (0.7, 0.9)
    assert (dear_misses.low, dear_misses.high) == (0.1, 0.3)


def test_thresholds_that_differ_by_rounding_alone_are_tied():
    """Missing 0.1 and 0.2 costs as much as a false alarm of 0.3, though not as floats.

    Whichever of the two thresholds rounding makes the cheaper one, the lower is nearer to the Bayes
    threshold of 0.07.
    """
    y, score = [1, 0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.1]
    costs = CaseCosts(fp=[0, 0.3, 0, 0, 1], fn=[9, 0, 0.1, 0.2, 9])
    reverse = CaseCosts(fp=[0, 0.1 + 0.2, 0, 0, 1], fn=[9, 0, 0.15, 0.15, 9])

    for each in (costs, reverse):
        curve = cost_curve(y, score, each)
        assert curve.at(0.85) != curve.at(0.5)
        assert (curve.best().low, curve.best().high) == (0.1, 0.6)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("low", [0.0, 1e-20, 0.3, 0.99, -2.5, 17.0])
def test_between_adjacent_numbers_the_upper_end_is_the_threshold(precision, low):
    low = precision(low)
    high = np.nextafter(low, precision(np.inf))

    best = cost_curve([0, 1], np.array([low, high]), CostMatrix(fp=1, fn=5)).best()

    assert (best.low, best.threshold, best.high) == (low, high, high)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, 1e-20), (1e-20, 1e-13), (0.0, 1e-3), (0.0, 1.0), (1 - 1e-6, 1.0), (1e-12, 1.0),
     (-4.0, 2.0), (0.5, 1.5), (-1e-30, 1e-30), (-3e38, 3e38)],
)  # fmt: skip
def test_where_there_is_room_the_threshold_lies_off_both_ends(precision, low, high):
    score = np.array([low, high], dtype=precision)

    best = cost_curve([0, 1], score, CostMatrix(fp=1, fn=5)).best()

    assert best.low < best.threshold < best.high
    assert precision(best.threshold) == best.threshold


def test_the_threshold_is_the_midpoint_in_log_odds():
    """odds(t) is the geometric mean of the odds 1/9 and 9/1: 1."""
    best = cost_curve([0, 1], [0.1, 0.9], CostMatrix(fp=1, fn=5)).best()
    rare = cost_curve([0, 1], [0.0001, 0.01], CostMatrix(fp=1, fn=5)).best()

    assert best.threshold == pytest.approx(0.5)
    odds = math.sqrt(0.0001 / 0.9999 * 0.01 / 0.99)
    assert rare.threshold == pytest.approx(odds / (1 + odds), rel=1e-12)
    assert rare.width == pytest.approx(0.0099)


def test_scores_that_are_no_probabilities_have_their_threshold_halfway():
    best = cost_curve([0, 1], [-4.0, 2.0], CostMatrix(fp=1, fn=5)).best()

    assert best.threshold == -1


@pytest.mark.parametrize("n", [1, 5, 40])
def test_a_threshold_for_float32_scores_compares_the_same_in_float32(n):
    """Numpy rounds a Python number to the precision of the array that it is compared with."""
    rng = np.random.default_rng(n)
    for _ in range(50):
        y, score = rng.random(n) < 0.4, rng.random(n).astype(np.float32)
        best = cost_curve(y, score, CostMatrix(fp=1, fn=2)).best()

        act = score >= best.threshold

        assert_array_equal(act, score.astype(float) >= best.threshold)
        assert_allclose(mean_cost(y, act, CostMatrix(fp=1, fn=2)), best.mean_cost)


# invariances


RATES = [1e-300, 1e-9, 0.3, 7.0, 1e9, 1e290]


@pytest.mark.parametrize("rate", RATES)
def test_another_currency_moves_no_threshold(rate):
    rng = np.random.default_rng(7)
    for _ in range(40):
        y, score, costs, weight = drawn(rng, ("fn",), weighted=False)

        one = cost_curve(y, score, costs, weight)
        other = cost_curve(y, score, costs.scaled(rate), weight)

        assert_allclose(other.mean_cost, one.mean_cost * rate, rtol=1e-9, atol=1e-9 * rate)
        if len(Counted(y, score, costs, weight).nearest_optima()) == 1:
            expected, found = one.best(), other.best()
            assert (found.threshold, found.low, found.high) == (
                expected.threshold, expected.low, expected.high
            )  # fmt: skip


@pytest.mark.parametrize("cells", [("fp", "tn"), ("fn", "tp")], ids=["negatives", "positives"])
@pytest.mark.parametrize("amount", [-40.0, 0.7, 250.0])
def test_a_constant_added_to_both_costs_of_a_class_moves_no_threshold(cells, amount):
    rng = np.random.default_rng(8)
    for _ in range(40):
        y, score, costs, weight = drawn(rng, ("fp", "fn"), weighted=True)
        shifted = CaseCosts(**{c: getattr(costs, c) + (amount if c in cells else 0) for c in CELLS})

        one, other = (cost_curve(y, score, each, weight) for each in (costs, shifted))

        if len(Counted(y, score, costs, weight).nearest_optima()) == 1:
            expected, found = one.best(), other.best()
            assert (found.threshold, found.low, found.high) == (
                expected.threshold, expected.low, expected.high
            )  # fmt: skip
        share = np.average(y == ("fn" in cells), weights=weight)
        assert_allclose(other.mean_cost, one.mean_cost + share * amount, rtol=1e-9, atol=1e-9)


def test_the_order_of_rows_and_the_scale_of_weights_do_not_matter():
    rng = np.random.default_rng(9)
    for _ in range(40):
        y, score, costs, weight = drawn(rng, ("fn", "tp"), weighted=True)
        order = rng.permutation(y.size)

        one = cost_curve(y, score, costs, weight)
        other = cost_curve(y[order], score[order], costs.take(order), 8 * weight[order])

        assert_array_equal(other.thresholds, one.thresholds)
        assert_allclose(other.mean_cost, one.mean_cost, rtol=1e-12, atol=1e-12)
        assert other.best().threshold == one.best().threshold


def test_a_weight_of_three_is_a_row_repeated_three_times():
    rng = np.random.default_rng(10)
    for _ in range(40):
        y, score, costs, _ = drawn(rng, ("fp",), weighted=False)
        weight = rng.integers(1, 4, y.size)
        rows = np.repeat(np.arange(y.size), weight)

        one = cost_curve(y, score, costs, weight)
        other = cost_curve(y[rows], score[rows], costs.take(rows))

        assert_array_equal(other.thresholds, one.thresholds)
        assert_allclose(other.mean_cost, one.mean_cost, rtol=1e-12, atol=1e-12)


def test_an_increasing_map_of_the_scores_changes_no_cost():
    rng = np.random.default_rng(11)
    score = rng.random(30)
    y, costs = rng.random(30) < score, CostMatrix(fp=1, fn=3)

    assert_array_equal(
        cost_curve(y, score, costs).mean_cost, cost_curve(y, np.exp(5 * score) - 9, costs).mean_cost
    )


def test_inputs_are_not_changed():
    y, score = np.array([0, 1, 0]), np.array([0.3, 0.2, 0.1])
    weight, fn = np.array([1.0, 2.0, 3.0]), np.array([3.0, 1.0, 2.0])
    copies = [a.copy() for a in (y, score, weight, fn)]

    cost_curve(y, score, CaseCosts(fp=1, fn=fn), weight).best()
    cost_curve(y, score, CaseCosts(fp=1, fn=fn)).best()

    for given_, copy in zip((y, score, weight, fn), copies, strict=True):
        assert_array_equal(given_, copy)


# against scikit-learn


class FirstColumn(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities are the first column of X."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.column_stack((1 - X[:, 0], X[:, 0]))


def test_the_threshold_never_costs_more_than_scikit_learns_tuned_threshold():
    rng = np.random.default_rng(12)
    gains = []
    for _ in range(200):
        n = int(rng.integers(10, 120))
        y = (rng.random(n) < rng.choice([0.05, 0.3, 0.6])).astype(int)
        y[:2] = 0, 1  # it needs both classes
        score = np.clip(rng.beta(2, 6, n) + 0.2 * y * rng.random(n), 0, 1)
        if rng.random() < 0.5:
            score = np.round(score, 1)
        costs = CaseCosts(fp=rng.choice([0.5, 1, 40.0]), fn=rng.choice([1, 7.5, 300.0]), tp=0.25)
        scorer = make_scorer(lambda y, act, costs: -mean_cost(y, act, costs), costs=costs)
        X = score[:, None]
        tuned = TunedThresholdClassifierCV(
            FirstColumn().fit(X, y), scoring=scorer, cv="prefit", refit=False
        ).fit(X, y)

        best = cost_curve(y, score, costs).best()

        theirs = mean_cost(y, tuned.predict(X), costs)
        assert mean_cost(y, score >= best.threshold, costs) <= theirs * (1 + 1e-12)
        gains.append(theirs - best.mean_cost)
    assert max(gains) > 0  # or nothing was compared


# the Bayes threshold


@pytest.mark.parametrize(
    ("cells", "threshold"),
    [
        ({"fp": 1, "fn": 5}, Fraction(1, 6)),
        ({"fp": 25, "fn": 475}, Fraction(1, 20)),
        ({"fp": 10, "fn": 1000, "tp": 10}, Fraction(10, 1000)),
        ({"fp": 3, "fn": 7, "tp": -2, "tn": -1}, Fraction(4, 13)),
        ({"fp": 1, "fn": 1}, Fraction(1, 2)),
    ],
)
def test_the_bayes_threshold_is_elkans(cells, threshold):
    """Elkan (2001), equation 2; 1 to 5 are the costs of the German credit data (Statlog)."""
    assert bayes_threshold(CostMatrix(**cells)) == pytest.approx(float(threshold), rel=1e-15)


def test_the_bayes_threshold_follows_the_amount():
    """The fraud costs of Correa Bahnsen et al. (2014); 2 is never worth a review of 3."""
    costs = CostMatrix(fp=3, tp=3, fn="amount").resolve({"amount": [2.0, 30.0, 300.0]})

    assert_allclose(bayes_threshold(costs), [np.inf, 0.1, 0.01], rtol=1e-15)


@pytest.mark.parametrize(
    ("fp", "fn", "threshold"),
    [
        (0, 5, -np.inf),
        (-1, 5, -np.inf),
        (-1, 0, -np.inf),
        (5, 0, 1.0),
        (5, -1, np.inf),
        (0, -1, np.inf),
        (0, 0, np.inf),
        (-1, -5, np.nan),
    ],
)
def test_a_dominated_action_has_an_infinite_threshold(fp, fn, threshold):
    assert_array_equal(bayes_threshold(CaseCosts(fp=fp, fn=fn)), threshold)


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 0.3, 1e9, 1e290])
def test_another_currency_keeps_the_bayes_threshold(rate):
    costs = CaseCosts(fp=[3.0, 1, 0, 5, 7], fn=[7.0, 1e6, 2, -1, 0], tp=-1, tn=0.5)

    assert_allclose(bayes_threshold(costs.scaled(rate)), bayes_threshold(costs), rtol=1e-12)


@pytest.mark.parametrize(("fp", "fn"), [(1e-300, 1e300), (1e300, 1e-300), (1e300, 1e300)])
def test_the_bayes_threshold_of_extreme_costs_stays_a_probability(fp, fn):
    threshold = float(bayes_threshold(CaseCosts(fp=fp, fn=fn)))

    assert 0 <= threshold <= 1
    assert_array_equal(decide([0.01, 0.99], CaseCosts(fp=fp, fn=fn)), [threshold <= 0.01, fp <= fn])


def test_the_bayes_threshold_of_formulas_needs_the_table():
    with pytest.raises(CostSpecError, match=r"formulas over 'amount': .*costs\.resolve\(table\)"):
        bayes_threshold(CostMatrix(fp=1, fn="amount"))


def test_on_calibrated_scores_the_best_threshold_is_the_bayes_threshold():
    """Scores at which exactly their own share is positive: cutting at p* is optimal."""
    score = np.repeat(np.arange(1, 20) / 20, 20)
    y = np.concatenate([np.arange(20) < k for k in range(1, 20)])
    costs = CostMatrix(fp=7, fn=13)  # p* = 0.35 lies on a score: acting on it or not is a tie

    best = cost_curve(y, score, costs).best()

    assert best.low == pytest.approx(0.3)
    assert best.high == pytest.approx(0.4)
    assert cost_curve(y, score, costs).at(0.35) == pytest.approx(best.mean_cost)


# what is refused


@pytest.mark.parametrize(
    ("y", "score", "weight", "message"),
    [
        ([0, 1], [0.5], None, r"y_score must have one value for each of the 2 cases, got shape \(1,\)"),
        ([0, 1], [[0.4, 0.6]] * 2, None, r"y_score must have one value .* got shape \(2, 2\)"),
        ([0, 1], [0.5, np.nan], None, "y_score must be finite, got nan in row 1"),
        ([0, 1], [-np.inf, 0.5], None, "y_score must be finite, got -inf in row 0"),
        ([0, 1], ["a", "b"], None, r"y_score must hold numbers, got \['a', 'b'\]"),
        ([0, 1], [0.1, None], None, "y_score must "),
        ([], [], None, "there are no cases: a cost curve needs at least one row"),
        ([0, 2], [0.1, 0.2], None, "y_true must hold 0 and 1, got np.int64.2. in row 1"),
        ([0, 1], [0.1, 0.2], [1.0], "sample_weight must have one value for each of the 2 cases"),
        ([0, 1], [0.1, 0.2], [1.0, -1], "sample_weight must be finite and at least 0, got -1.0 in"),
    ],
)  # fmt: skip
def test_cases_that_cannot_be_swept_are_refused(y, score, weight, message):
    with pytest.raises(DataError, match=message):
        cost_curve(y, score, CostMatrix(fp=1, fn=5), weight)


def test_costs_must_be_for_the_cases_swept():
    with pytest.raises(DataError, match="for 3 cases but there are 2: take the same rows of both"):
        cost_curve([0, 1], [0.1, 0.2], CaseCosts(fp=1, fn=np.ones(3)))
    with pytest.raises(CostSpecError, match="formulas over 'amount': pass the table"):
        cost_curve([0, 1], [0.1, 0.2], CostMatrix(fp=1, fn="amount"))
    with pytest.raises(CostSpecError, match=r"with named cells, got list of shape \(2, 2\)"):
        cost_curve([0, 1], [0.1, 0.2], [[0, 1], [5, 0]])


@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 1.0, 1.0]])
def test_costs_whose_sum_overflows_are_refused(weight):
    """Else every threshold would cost infinity, and all of them would tie."""
    with pytest.raises(CostSpecError, match="too large.*use a larger unit"):
        cost_curve([1, 1, 1, 0], [0.1, 0.2, 0.3, 0.4], CostMatrix(fp=1, fn=1e308), weight)


def test_a_curve_is_a_plain_value():
    curve = cost_curve([0, 1], [0.2, 0.7], CostMatrix(fp=1, fn=5))

    again = CostCurve(curve.thresholds, curve.mean_cost, curve.anchor)

    assert again.best() == curve.best()
