"""Intervals against slow computations of their own, invariances, limits, and known truth."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, logit

from costopt.evaluation.intervals import Chance, Outcomes, label_probability, mean_and_interval
from costopt.evaluation.ratios import ratio_interval

Z = stats.norm.ppf(0.975)


def payments(n, seed=0, rate=0.05, tail=1.0):
    """Labels, their probabilities, and amounts that say nothing of them."""
    rng = np.random.default_rng(seed)
    p = expit(logit(rate) - 0.8 + 1.5 * rng.normal(size=n))
    return rng.random(n) < p, p, 100 * rng.lognormal(0, tail, n) if tail else np.full(n, 100.0)


def decided(p, amount, review=10.0):
    """What rows cost under Bayes' rule, with a review of ten and a miss of the amount."""
    act = p * amount >= review
    return Outcomes(np.where(act, review, 0.0), np.where(act, review, amount))


def sample(n=400, seed=0, **options):
    y, p, amount = payments(n, seed)
    return decided(p, amount), Chance(y, label_probability(y, p, amount), **options)


# The interval of a mean


def slow_distances(values, variance, seen, seen_variance, expected, k):
    """Squared distances of a sum to the ends of its interval, each end by bisection."""
    down = up = 0.0
    sums = []
    for sign in (1, -1):
        size = [max(sign * v, 0.0) for v in values]
        total = math.fsum(s * v for s, v in zip(seen, size, strict=True))
        mass = math.fsum(e * v for e, v in zip(expected, size, strict=True))
        e = math.fsum(s * v * v for s, v in zip(variance, size, strict=True)) / mass if mass else 0
        if total:
            least = math.fsum(s * v * v for s, v in zip(seen_variance, size, strict=True)) / total
            e = max(e, least)
        sums.append(total)
        if e == 0:
            continue

        def too_far(m, total=total, e=e):
            return (total - m) ** 2 - Z**2 * (m * e - k * m * m)

        top = total + Z**2 * e + Z * math.sqrt(total * e) + 2 * e
        high = brentq(too_far, total, 100 * top) if total else Z**2 * e / (1 + Z**2 * k)
        low = brentq(too_far, 0, total) if total else 0.0
        below, above = (total - low) ** 2, (high - total) ** 2
        down, up = (down + below, up + above) if sign > 0 else (down + above, up + below)
    both = 2 * k * Z**2 * sums[0] * sums[1]
    return down + both, up + both


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_is_what_a_slow_computation_gives(seed):
    y, p, amount = payments(200, seed, rate=0.1)
    outcomes = decided(p, amount)
    q = label_probability(y, p, amount)

    value, low, high = mean_and_interval(outcomes, Chance(y, q))

    n, label = 200, outcomes.one - outcomes.zero
    row = outcomes.zero + q * label
    row = row - min(row) if min(row) > 0 else row
    ones = [1.0] * n
    parts = [
        slow_distances(label, q * (1 - q), y, y * (1 - q), q, 0.0),
        slow_distances(row, ones, ones, ones, ones, 1 / n),
    ]
    assert_allclose(value, np.where(y, outcomes.one, outcomes.zero).mean())
    assert_allclose(value - low, math.sqrt(sum(part[0] for part in parts)) / n, rtol=1e-6)
    assert_allclose(high - value, math.sqrt(sum(part[1] for part in parts)) / n, rtol=1e-6)


@pytest.mark.parametrize("positives", [0, 1, 3, 20])
def test_for_a_plain_share_it_is_close_to_wilsons_interval(positives):
    """A cost of one for each positive, whose probability is the same for all rows."""
    y = np.arange(2000) < positives
    q = label_probability(y, np.full(2000, 0.01), np.ones(2000))

    _, low, high = mean_and_interval(Outcomes(np.zeros(2000), np.ones(2000)), Chance(y, q))

    wilson = stats.binomtest(positives, 2000).proportion_ci(method="wilson")
    assert_allclose((low, high), wilson, rtol=0.02, atol=2e-5)


def test_with_many_rows_of_known_costs_it_is_the_normal_interval():
    y, p, amount = payments(100_000, tail=0)
    outcomes = decided(p, amount)
    cost = np.where(y, outcomes.one, outcomes.zero)

    value, low, high = mean_and_interval(outcomes, Chance(y, label_probability(y, p, amount)))

    assert_allclose((value - low, high - value), Z * stats.sem(cost), rtol=0.05)


@pytest.mark.parametrize("factor", [1e-9, 3.7, 1e9])
def test_a_currency_is_only_a_currency(factor):
    outcomes, chance = sample()
    other = Outcomes(outcomes.zero * factor, outcomes.one * factor)

    assert_allclose(
        mean_and_interval(other, chance), np.multiply(mean_and_interval(outcomes, chance), factor)
    )


def test_the_order_of_rows_does_not_matter():
    outcomes, chance = sample()
    order = np.random.default_rng(3).permutation(chance.n)
    mixed = Outcomes(outcomes.zero[order], outcomes.one[order])

    found = mean_and_interval(mixed, Chance(chance.y[order], chance.q[order]))

    assert_allclose(found, mean_and_interval(outcomes, chance))


def test_what_every_row_costs_moves_the_interval_and_does_not_widen_it():
    outcomes, chance = sample()
    other = Outcomes(outcomes.zero + 1000, outcomes.one + 1000)

    assert_allclose(
        mean_and_interval(other, chance), np.add(mean_and_interval(outcomes, chance), 1000)
    )


def test_gains_have_the_interval_of_losses_mirrored():
    outcomes, chance = sample()
    gains = Outcomes(-outcomes.zero, -outcomes.one)

    value, low, high = mean_and_interval(outcomes, chance)

    assert_allclose(mean_and_interval(gains, chance), (-value, -high, -low))


def test_what_costs_the_same_on_every_row_is_certain():
    chance = sample()[1]

    found = mean_and_interval(Outcomes(np.full(400, 7.0), np.full(400, 7.0)), chance)

    assert found == pytest.approx((7.0, 7.0, 7.0), abs=1e-12)


def test_no_end_lies_outside_of_what_rows_can_cost():
    y = np.zeros(10, dtype=bool)
    outcomes = Outcomes(np.zeros(10), np.ones(10))

    value, low, high = mean_and_interval(outcomes, Chance(y, np.full(10, 0.9)))

    assert value == 0 == low
    assert high <= 1


def test_a_correction_moves_both_ends():
    outcomes, chance = sample()

    plain = mean_and_interval(outcomes, chance)
    moved = mean_and_interval(outcomes, chance, bias=0.5)

    assert_allclose(moved, np.add(plain, 0.5))


def test_two_rules_that_agree_on_every_row_may_not_do_so_on_the_next():
    """Of 3.84 rows to come one may differ, and then by what acting for nothing costs."""
    nothing = Outcomes(np.zeros(400), np.zeros(400))
    chance = sample(unseen=10.0)[1]

    value, low, high = mean_and_interval(nothing, chance)

    assert value == 0
    assert_allclose((-low, high), 10 * Z**2 / (400 + Z**2), rtol=1e-6)
    assert mean_and_interval(nothing, sample()[1]) == (0.0, 0.0, 0.0)


def test_rows_that_came_ten_times_say_no_more_than_once():
    y, p, amount = payments(600)
    outcomes, q = decided(p, amount), label_probability(y, p, amount)
    once = Chance(y, q, units=np.arange(600))
    ten = Chance(np.repeat(y, 10), np.repeat(q, 10), units=np.repeat(np.arange(600), 10))
    copied = Outcomes(np.repeat(outcomes.zero, 10), np.repeat(outcomes.one, 10))

    found, expected = mean_and_interval(copied, ten), mean_and_interval(outcomes, once)

    assert_allclose(found, expected, rtol=0.03)
    careless = mean_and_interval(copied, Chance(ten.y, ten.q))
    assert careless[2] - careless[1] < 0.4 * (expected[2] - expected[1])


def test_few_groups_are_less_sure_than_many():
    outcomes, chance = sample()
    widths = []
    for n_groups in (4, 40, 400):
        grouped = Chance(chance.y, chance.q, units=np.arange(400) % n_groups)
        _, low, high = mean_and_interval(outcomes, grouped)
        widths.append(high - low)

    assert widths[0] > 1.3 * widths[1] > 1.3 * 0.9 * widths[2]
    one = Chance(chance.y, chance.q, units=np.zeros(400, dtype=int))
    assert math.isnan(mean_and_interval(outcomes, one)[1])


def test_never_acting_is_certain_where_costs_are_constant_and_the_prevalence_is_declared():
    y = np.arange(1000) < 300
    chance = Chance(y, np.full(1000, 0.3), prevalence=0.01)

    found = mean_and_interval(Outcomes(np.zeros(1000), np.full(1000, 100.0)), chance)

    assert_allclose(found, (1.0, 1.0, 1.0))


@pytest.mark.parametrize("prevalence", [None, 0.01])
def test_weights_that_are_all_alike_change_nothing(prevalence):
    outcomes, chance = sample(n=2000)
    by_class = np.where(chance.y, 0.5, 2.0) if prevalence else np.ones(2000)

    plain = Chance(chance.y, chance.q, prevalence=prevalence)
    weighted = Chance(chance.y, chance.q, weight=by_class, prevalence=prevalence)

    assert_allclose(
        mean_and_interval(outcomes, weighted), mean_and_interval(outcomes, plain), rtol=0.02
    )


def test_the_scale_of_weights_does_not_matter():
    outcomes, chance = sample()
    weight = np.random.default_rng(0).uniform(0.5, 2, chance.n)

    first, second = (
        mean_and_interval(outcomes, Chance(chance.y, chance.q, weight=scale * weight))
        for scale in (1.0, 1e6)
    )

    assert_allclose(first, second)


# Coverage of a known truth


def covered(quantity, n, rate, tail, n_samples=150, sampling="plain"):
    """How often the interval holds the mean cost, or the savings, in the population."""
    _, p, amount = payments(400_000, seed=99, rate=rate, tail=tail)
    costs = decided(p, amount)
    mean = float(np.where(costs.zero > 0, 10.0, p * amount).mean())
    base = min(10.0, float((p * amount).mean()))
    truth = mean if quantity == "cost" else mean / base
    hits = 0
    for seed in range(n_samples):
        y, p, amount = payments(8 * n if sampling != "plain" else n, seed, rate, tail)
        options = {}
        if sampling != "plain":
            kept = np.flatnonzero(y | (np.random.default_rng(seed).random(y.size) < 0.1))[:n]
            y, p, amount = y[kept], p[kept], amount[kept]
            options = {"weight": np.where(y, 1.0, 10.0)}
            if sampling == "declared":
                options = {"prevalence": float(expit(logit(rate) - 0.8 + 1.5 * ROWS).mean())}
        outcomes = decided(p, amount)
        chance = Chance(y, label_probability(y, p, amount), unseen=10.0, **options)
        if quantity == "cost":
            _, low, high = mean_and_interval(outcomes, chance)
        else:
            bases = (
                Outcomes(np.zeros(y.size), amount),
                Outcomes(np.full(y.size, 10.0), np.full(y.size, 10.0)),
            )
            found = np.array([ratio_interval(outcomes, base, chance) for base in bases])
            low, high = found[:, 1].max(), found[:, 2].max()
        hits += low <= truth <= high
    return hits / n_samples


ROWS = np.random.default_rng(99).normal(size=400_000)


@pytest.mark.parametrize("quantity", ["cost", "savings"])
@pytest.mark.parametrize(
    ("n", "rate", "tail"), [(1000, 0.01, 1.5), (1000, 0.01, 0.0), (3000, 0.05, 1.0)]
)
def test_the_interval_covers_the_truth_where_positives_are_rare(quantity, n, rate, tail):
    """A percentile bootstrap covers 50 to 77 % in the first of these."""
    assert covered(quantity, n, rate, tail) >= 0.91


@pytest.mark.parametrize("sampling", ["by class", "declared"])
def test_it_covers_where_rows_were_sampled_by_class(sampling):
    assert 0.91 <= covered("cost", 1000, 0.05, 1.0, sampling=sampling) <= 0.995


# Ratios


def test_the_ends_of_a_ratio_are_where_the_difference_may_be_nothing():
    outcomes, chance = sample(n=1500)
    base = Outcomes(np.full(1500, 10.0), np.full(1500, 10.0))

    ratio, low, high = ratio_interval(outcomes, base, chance)

    assert_allclose(ratio, chance.mean(outcomes) / 10)
    for end, at in ((low, 1), (high, 2)):
        assert abs(mean_and_interval(outcomes.minus(base, end), chance)[at]) < 0.01
    shares = np.linspace(0.5 * low, 2 * high, 400)
    possible = [
        share
        for share in shares
        if mean_and_interval(outcomes.minus(base, share), chance)[1]
        <= 0
        <= mean_and_interval(outcomes.minus(base, share), chance)[2]
    ]
    step = shares[1] - shares[0]
    assert_allclose((possible[0], possible[-1]), (low, high), atol=1.5 * step)


def test_a_ratio_has_no_upper_end_where_the_base_may_cost_nothing():
    """One positive was seen: whether missing it costs anything worth mentioning is not known."""
    y = np.arange(300) < 1
    chance = Chance(y, label_probability(y, np.full(300, 0.003), np.ones(300)))
    base, outcomes = (
        Outcomes(np.where(np.arange(300) < 150, -0.2, 0.0), np.full(300, 100.0)),
        Outcomes(np.full(300, 5.0), np.full(300, 5.0)),
    )

    ratio, low, high = ratio_interval(outcomes, base, chance)

    assert 0 < low < ratio
    assert math.isinf(high)


def test_the_same_rule_as_the_base_saves_nothing_and_may_not_be_the_same_elsewhere():
    chance = sample(unseen=10.0)[1]
    base = Outcomes(np.full(400, 10.0), np.full(400, 10.0))

    ratio, low, high = ratio_interval(base, base, chance)

    assert ratio == 1
    assert_allclose((1 - low, high - 1), Z**2 / (400 + Z**2), rtol=1e-6)


# The probability of a label


@pytest.mark.parametrize("shift", [-3.0, 0.0, 3.0])
def test_labels_correct_how_frequent_positives_are(shift):
    y, p, amount = payments(4000)

    q = label_probability(y, expit(logit(p) + shift), amount)

    assert_allclose(q.mean(), y.mean(), rtol=0.02)
    assert_allclose(logit(q), logit(p), atol=0.6)


def test_labels_correct_that_risk_grows_with_the_amount():
    rng = np.random.default_rng(0)
    size = np.log(payments(20_000)[2])
    truth = expit(-4 + 0.8 * (size - size.mean()))
    y = rng.random(20_000) < truth

    q = label_probability(y, np.full(20_000, y.mean()), np.exp(size))

    assert_allclose(np.polyfit(size, logit(q), 1)[0], 0.8, atol=0.15)


@pytest.mark.parametrize("labels", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool)])
def test_rows_of_one_class_leave_the_other_possible(labels):
    q = label_probability(labels, np.full(50, 0.5), np.ones(50))

    assert np.all((q > 0) & (q < 1))
    assert_allclose(np.where(labels, 1 - q, q) * 50, 0.5, rtol=0.1)


def test_amounts_of_nothing_and_probabilities_of_0_and_1_are_no_obstacle():
    y, p, amount = payments(500)

    q = label_probability(y, np.round(p), np.where(amount < 100, 0.0, amount))

    assert np.all(np.isfinite(q) & (q > 0) & (q < 1))
    assert np.all(np.isfinite(label_probability(y, p, np.zeros(500))))
