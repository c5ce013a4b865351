import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from costopt.calibration.beta import BetaMap
from costopt.calibration.isotonic import IsotonicMap
from costopt.calibration.maps import MAPS
from costopt.calibration.platt import PlattMap
from costopt.decision.odds import logit
from costopt.errors import DataError

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def simulated(n, slope=0.6, intercept=-0.8, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.02, 0.98, n)
    y = rng.random(n) < expit(slope * np.log(probability / (1 - probability)) + intercept)
    return y, probability


def softened(y, weight=None):
    """Platt's targets, the weight of a typical row of the lighter-weighted class in place of 1."""
    weight = np.ones(y.size) if weight is None else weight
    one = min(np.average(weight[c], weights=weight[c]) for c in (y, ~y) if weight[c].any())
    positive, negative = weight[y].sum(), weight[~y].sum()
    return np.where(y, (positive + one) / (positive + 2 * one), one / (negative + 2 * one))


def platt_by_scikit_learn(y, probability, weight=None):
    """Softened targets as two weighted rows per case, without a penalty."""
    target = softened(y, weight)
    weight = np.ones(y.size) if weight is None else weight / weight.mean()
    x = np.log(probability / (1 - probability))
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(
        np.concatenate((x, x))[:, None],
        np.repeat([1, 0], y.size),
        sample_weight=np.concatenate((weight * target, weight * (1 - target))),
    )
    return model.coef_[0, 0], model.intercept_[0]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [30, 400, 2048])
def test_it_is_scikit_learns_logistic_regression_on_platts_targets(n, weighted, seed):
    y, probability = simulated(n, slope=1.4, seed=seed)
    weight = np.random.default_rng(9).uniform(0.2, 3, n) if weighted else None

    found = PlattMap.fit(y, probability, weight)

    slope, intercept = platt_by_scikit_learn(y, probability, weight)
    assert slope > 0
    assert_allclose([found.slope, found.intercept], [slope, intercept], atol=1e-4)


@pytest.mark.parametrize("n", [2049, 20_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_rows_are_summed_up_without_a_difference_that_matters(n, weighted):
    y, probability = simulated(n)
    weight = np.random.default_rng(9).uniform(0.2, 3, n) if weighted else None

    found = PlattMap.fit(y, probability, weight)

    slope, intercept = platt_by_scikit_learn(y, probability, weight)
    assert_allclose([found.slope, found.intercept], [slope, intercept], atol=1e-4)


# values at the very ends, and few of them, so that ties, separation and constant scores happen
few = st.sampled_from([0.0, 1e-6, 0.1, 0.5, 0.5000001, 0.9, 1.0])


@QUICK
@given(st.lists(st.tuples(st.booleans(), few, st.sampled_from([0.5, 1.0, 4.0])), min_size=1))
def test_no_slope_of_at_least_zero_makes_the_labels_more_likely(cases):
    """The gradient is 0 there, or points to negative slopes from 0."""
    y, probability, weight = (np.array(column) for column in zip(*cases, strict=True))
    y = y.astype(bool)

    found = PlattMap.fit(y, probability, weight)

    target, weight = softened(y, weight), weight / weight.mean()
    x = logit(probability)
    error = weight * (target - found.apply(probability))
    scale = weight.sum()
    assert_allclose(error.sum() / scale, 0, atol=1e-6)
    towards_a_steeper_slope = error @ (x - x.mean()) / scale
    assert towards_a_steeper_slope <= 1e-4
    if found.slope > 0:
        assert_allclose(towards_a_steeper_slope, 0, atol=1e-4)


def test_calibrated_probabilities_add_up_to_the_positives():
    """Up to Platt's two pseudo-cases."""
    y, probability = simulated(1000)

    calibrated = PlattMap.fit(y, probability).apply(probability)

    assert_allclose(calibrated.sum(), y.sum(), atol=2)
    for ten_percent in np.array_split(np.argsort(probability), 10):
        assert_allclose(calibrated[ten_percent].mean(), y[ten_percent].mean(), atol=0.15)


@pytest.mark.parametrize("n", [100, 5000])
def test_scores_that_rank_the_wrong_way_give_everybody_the_base_rate(n):
    y, probability = simulated(n, slope=-2.0)

    found = PlattMap.fit(y, probability)

    n1, n0 = y.sum(), (~y).sum()
    rate = (n1 * (n1 + 1) / (n1 + 2) + n0 / (n0 + 2)) / n
    assert found.slope == 0
    assert_allclose(expit(found.intercept), rate)
    assert_allclose(found.apply(probability), rate)


@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_constant_scores_give_everybody_the_base_rate(constant):
    y = np.array([1, 0, 0, 0], dtype=bool)

    found = PlattMap.fit(y, np.full(4, constant))

    assert found.slope == 0
    assert_allclose(expit(found.intercept), (2 / 3 + 3 * 1 / 5) / 4)


@pytest.mark.parametrize("n", [4, 5000])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.8), (0.499999, 0.500001)])
def test_separable_scores_keep_a_finite_slope(n, low, high):
    y = np.arange(n) % 2 == 0

    found = PlattMap.fit(y, np.where(y, high, low))

    target = (n / 2 + 1) / (n / 2 + 2)
    assert np.isfinite(found.slope)
    assert_allclose(found.apply(np.array([low, high])), [1 - target, target], atol=1e-6)


def test_labels_of_one_class_give_everybody_almost_that_class():
    found = PlattMap.fit(np.ones(8, dtype=bool), np.linspace(0.1, 0.9, 8))

    assert_allclose(found.apply([0.1, 0.9]), 0.9, atol=1e-6)


def test_a_constant_multiplier_of_the_odds_is_absorbed():
    y, probability = simulated(500)
    weighted = 20 * probability / (20 * probability + 1 - probability)

    plain, found = PlattMap.fit(y, probability), PlattMap.fit(y, weighted)

    assert_allclose(found.slope, plain.slope, rtol=1e-5)
    assert_allclose(found.apply(weighted), plain.apply(probability), atol=1e-6)


def test_whole_weights_are_repeated_rows_and_their_scale_is_none():
    """Up to Platt's targets, which count rows: weights are brought to mean 1."""
    y, probability = simulated(1500)
    times = np.random.default_rng(1).integers(1, 4, y.size)

    weighted = PlattMap.fit(y, probability, times.astype(float))
    repeated = PlattMap.fit(np.repeat(y, times), np.repeat(probability, times))
    other_unit = PlattMap.fit(y, probability, times * 1e9)

    assert_allclose(weighted.slope, repeated.slope, rtol=0.01)
    assert_allclose(weighted.intercept, repeated.intercept, rtol=0.01)
    assert_allclose(other_unit.slope, weighted.slope, rtol=1e-9)


def test_the_order_of_rows_does_not_matter():
    y, probability = simulated(3000)
    order = np.random.default_rng(1).permutation(y.size)

    first, second = PlattMap.fit(y, probability), PlattMap.fit(y[order], probability[order])

    assert_allclose([first.slope, first.intercept], [second.slope, second.intercept], rtol=1e-9)


# Beta and isotonic maps

COARSE = st.sampled_from([0.0, 0.1, 0.100000001, 0.5, 0.9, 1.0])


@st.composite
def tied_cases(draw):
    """Few distinct scores, so that ties are common, and both classes."""
    n = draw(st.integers(2, 40))
    y = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    y[:2] = True, False
    return y, np.array(draw(st.lists(COARSE, min_size=n, max_size=n)))


BENT = BetaMap(0.4, 1.8, 0.7)


def bent(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.01, 0.99, n)
    return rng.random(n) < BENT.apply(probability), probability


def log_loss(calibrator, y, probability, weight=None):
    weight = np.ones(y.size) if weight is None else weight
    q = np.clip(calibrator.apply(probability), 1e-15, 1 - 1e-15)
    target = softened(y, weight)
    return np.average(-target * np.log(q) - (1 - target) * np.log(1 - q), weights=weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [300, 2048])
def test_a_beta_map_is_logistic_regression_on_two_logarithms(n, weighted):
    """As its authors fit it: on log(p) and -log(1 - p), here with Platt's targets."""
    y, probability = bent(n)
    weight = np.random.default_rng(9).uniform(0.2, 3, n) if weighted else np.ones(n)
    target = softened(y, weight)
    columns = np.column_stack((np.log(probability), -np.log(1 - probability)))
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=100_000)
    model.fit(
        np.concatenate((columns, columns)),
        np.repeat([1, 0], n),
        sample_weight=np.concatenate((weight * target, weight * (1 - target))),
    )

    found = BetaMap.fit(y, probability, weight if weighted else None)

    assert_allclose([found.a, found.b], model.coef_[0], atol=2e-3)
    assert_allclose(found.intercept, model.intercept_[0], atol=2e-3)


def test_a_beta_map_bends_at_both_ends_where_platts_cannot():
    y, probability = bent()

    beta, platt = BetaMap.fit(y, probability), PlattMap.fit(y, probability)

    assert log_loss(beta, y, probability) < log_loss(platt, y, probability) - 0.001
    truth = BENT.apply(probability)
    assert np.abs(beta.apply(probability) - truth).max() < 0.05


@QUICK
@given(tied_cases())
def test_a_beta_map_grows_and_is_never_less_likely_than_platts(case):
    y, probability = case

    found = BetaMap.fit(y, probability)

    assert found.a >= 0
    assert found.b >= 0
    assert (
        log_loss(found, y, probability)
        <= log_loss(PlattMap.fit(y, probability), y, probability) + 1e-6
    )


def test_scores_that_rank_the_wrong_way_round_get_the_base_rate():
    y, probability = bent(2000)

    for fit in (BetaMap.fit, IsotonicMap.fit):
        calibrated = fit(y, 1 - probability).apply([0.1, 0.5, 0.9])

        assert_allclose(calibrated, y.mean(), atol=0.03)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_isotonic_map_is_scikit_learns_on_platts_targets(weighted):
    y, probability = bent(3000)
    probability = np.round(probability, 2)  # ties
    weight = np.random.default_rng(9).uniform(0.2, 3, 3000) if weighted else np.ones(3000)
    reference = IsotonicRegression(out_of_bounds="clip")
    reference.fit(probability, softened(y, weight), weight)
    grid = np.linspace(0, 1, 501)

    found = IsotonicMap.fit(y, probability, weight if weighted else None)

    assert_allclose(found.apply(grid), reference.predict(grid), atol=1e-12)


@QUICK
@given(tied_cases())
def test_an_isotonic_map_takes_ties_and_never_says_certain(case):
    y, probability = case

    found = IsotonicMap.fit(y, probability)

    calibrated = found.apply(probability)
    assert np.all((calibrated > 0) & (calibrated < 1))
    order = np.argsort(probability)
    assert np.all(np.diff(calibrated[order]) >= 0)
    # each level part has the mean of its targets, so all of them have
    assert_allclose(calibrated.mean(), softened(y).mean(), atol=1e-9)


@pytest.mark.parametrize("fit", [PlattMap.fit, BetaMap.fit, IsotonicMap.fit])
def test_the_unit_of_weights_changes_no_map(fit):
    """Platt's targets count cases, not the weight that somebody gave them."""
    y, probability = bent(400)
    weight = np.random.default_rng(9).uniform(0.2, 3, 400)
    grid = np.linspace(0, 1, 21)

    one, other = fit(y, probability, weight), fit(y, probability, 1000 * weight)

    assert_allclose(other.apply(grid), one.apply(grid), atol=1e-6)


@pytest.mark.parametrize("fit", [PlattMap.fit, BetaMap.fit, IsotonicMap.fit])
def test_rows_that_stand_for_nobody_move_no_isotonic_step(fit):
    y, probability = bent(400)
    weight = np.ones(400)
    weight[::4] = 0
    poisoned = np.where(weight == 0, ~y, y)
    grid = np.linspace(0.05, 0.95, 19)

    one, other = fit(y, probability, weight), fit(poisoned, probability, weight)

    assert_allclose(other.apply(grid), one.apply(grid), atol=1e-9)


@pytest.mark.parametrize(("kind", "least"), [("beta", 100), ("isotonic", 1000)])
def test_a_map_of_more_freedom_needs_more_positives(kind, least):
    message = (
        f"{kind} calibration needs at least {least} positives, got {least - 1} effective ones: "
        "use 'platt'"
    )

    with pytest.raises(DataError, match=message):
        MAPS[kind].check_positives(least - 1.0)
    MAPS[kind].check_positives(least)
    PlattMap.check_positives(1)
    MAPS["none"].check_positives(0)


# Weights: a declared prevalence, and rows that weigh very differently

SEPARATION = 2.0


def declared(prevalence, n1, n0, spread=0.0, seed=0):
    """The population's own log-odds in a sample of other shares, and weights that undo them.

    Two normal classes of unit variance: the log-odds are exactly linear in x.
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n1 + n0) < n1
    x = rng.normal(size=y.size) + SEPARATION * y
    eta = np.log(prevalence / (1 - prevalence)) + SEPARATION * x - SEPARATION**2 / 2
    weight = rng.lognormal(0, spread, y.size) if spread else np.ones(y.size)
    for rows, share in ((y, prevalence), (~y, 1 - prevalence)):
        weight[rows] *= share / weight[rows].sum()
    return y, expit(eta), weight


def regret(calibrator, prevalence, fn):
    """What Bayes' rule costs in the population beyond the best threshold there is, as a share."""

    def cost(x):
        misses, alarms = norm.cdf(x - SEPARATION), norm.sf(x)
        return prevalence * fn * misses + (1 - prevalence) * alarms

    def place(probability):
        odds = logit(probability, 1e-300) - np.log(prevalence / (1 - prevalence))
        return (odds + SEPARATION**2 / 2) / SEPARATION

    return cost(place(calibrator.invert(1 / (1 + fn)))) / cost(place(1 / (1 + fn))) - 1


@pytest.mark.parametrize(
    ("prevalence", "fns"),
    [(0.002, (200, 500, 2000)), (1e-5, (2e4, 1e5)), (0.998, (1 / 200, 1 / 500)), (0.5, (1, 5))],
)
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_true_probabilities_stay_what_they_are_under_any_declared_prevalence(
    prevalence, fns, spread
):
    """Mean over samples of 2,000 + 2,000; softened by normalised weights: 25 % and more."""
    maps = []
    for seed in range(8):
        y, probability, weight = declared(prevalence, 2000, 2000, spread, seed)
        maps.append(PlattMap.fit(y, probability, weight))
        mean = np.average(maps[-1].apply(probability), weights=weight)
        assert_allclose(mean, prevalence, rtol=0.002)

    assert np.mean([found.slope for found in maps]) == pytest.approx(1, abs=0.12)
    for fn in fns:
        assert np.mean([regret(found, prevalence, fn) for found in maps]) < 0.02


def test_separable_scores_keep_a_finite_slope_and_sure_probabilities_under_a_rare_class():
    y = np.arange(400) < 200
    weight = np.where(y, 0.002, 0.998)

    found = PlattMap.fit(y, np.where(y, 0.6, 0.4), weight)

    low, high = found.apply([0.4, 0.6])
    assert low == pytest.approx(0.002 / (200 * 0.998), rel=0.01)
    assert high == pytest.approx(201 / 202, rel=0.001)


@pytest.mark.parametrize("fit", [PlattMap.fit, BetaMap.fit, IsotonicMap.fit])
def test_noise_gets_the_declared_prevalence(fit):
    rng = np.random.default_rng(0)
    y = np.arange(20_000) < 10_000
    probability = rng.random(y.size)

    found = fit(y, probability, np.where(y, 0.002, 0.998))

    calibrated = found.apply(np.linspace(0.1, 0.9, 9))
    assert_allclose(calibrated, 0.002, rtol=0.15)


@pytest.mark.parametrize("fit", [PlattMap.fit, BetaMap.fit, IsotonicMap.fit])
def test_rows_split_in_two_are_the_same_population(fit):
    y, probability = bent(3000)
    weight = np.where(y, 0.02, 2.0)
    twice = (np.repeat(column, 2) for column in (y, probability, weight / 2))
    grid = np.linspace(0.1, 0.9, 17)

    one, other = fit(y, probability, weight), fit(*twice)

    assert_allclose(other.apply(grid), one.apply(grid), rtol=0.03)


@pytest.mark.parametrize("fit", [BetaMap.fit, IsotonicMap.fit])
def test_other_maps_keep_a_rare_declared_class_rare_as_well(fit):
    y, probability, weight = declared(0.002, 5000, 5000)

    calibrated = fit(y, probability, weight).apply(probability)

    assert_allclose(np.average(calibrated, weights=weight), 0.002, rtol=0.01)
    among = np.argsort(probability)[: y.size // 2]
    truth = np.average(probability[among], weights=weight[among])
    assert_allclose(np.average(calibrated[among], weights=weight[among]), truth, rtol=0.5)


# Scores of an extreme scale

SCALES = {
    "below 1e-12": lambda x: 1e-14 * expit(x),
    "over 200 powers of ten": lambda x: 10.0 ** (20 * np.clip(x, -5, 5) - 150),
    "above 1 - 1e-12": lambda x: 1 - 2.0**-53 * np.round(2000 * expit(-x) + 1),
    "on both sides": lambda x: np.where(x < 0, 1e-15 * np.exp(x), 1 - 1e-13 * np.exp(-x)),
    "within 1e-10": lambda x: 0.3 + 1e-10 * expit(x),
    "within 1e-12, near 1/2": lambda x: 0.5 + 1e-12 * expit(x),
}


@pytest.mark.parametrize("n", [1500, 6000])
@pytest.mark.parametrize("fit", [PlattMap.fit, BetaMap.fit, IsotonicMap.fit])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_scores_of_an_extreme_scale_are_told_apart(scale, fit, n):
    """Two thirds of what the truth gains in likelihood over one probability for all, or more."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    truth = expit(3 * x - 1)
    y = rng.random(n) < truth

    found = fit(y, scale(x))

    def loss(q):
        return -np.mean(np.log(np.where(y, q, 1 - q)))

    calibrated = found.apply(scale(x))
    assert loss(calibrated) < loss(truth) + (loss(np.full(n, y.mean())) - loss(truth)) / 3
    order = np.argsort(scale(x), kind="stable")
    assert np.all(np.diff(calibrated[order]) >= 0)
    for threshold in (0.1, 0.5):
        raw = found.invert(threshold)
        assert_array_equal(scale(x) >= raw, calibrated >= threshold)


@pytest.mark.parametrize("share", [0.0, 0.04])
def test_few_scores_near_the_ends_are_kept_at_the_default_floor(share):
    y, probability = simulated(2000)
    probability[: int(share * 2000)] = 1e-200
    probability[-200:] = 0.0  # a forest's

    assert PlattMap.fit(y, probability).floor == 1e-12


def test_the_floor_leaves_a_twentieth_of_the_scores_beyond_it():
    rng = np.random.default_rng(0)
    probability = 10.0 ** rng.uniform(-100, -20, 2000)
    probability[:100] = [0.0, 1.0] * 50
    y = rng.random(2000) < 0.3

    floor = PlattMap.fit(y, probability).floor

    assert_allclose(np.mean(probability[100:] < floor), 0.05, atol=0.001)
