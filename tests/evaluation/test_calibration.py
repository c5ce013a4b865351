import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from costopt.decision.calibrators import BetaMap
from costopt.decision.odds import logit
from costopt.errors import DataError
from costopt.evaluation.calibration import (
    check_positives,
    cross_fit,
    fit_beta,
    fit_isotonic,
    fit_platt,
)
from costopt.training.learners import Fold

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def simulated(n, slope=0.6, intercept=-0.8, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.02, 0.98, n)
    y = rng.random(n) < expit(slope * np.log(probability / (1 - probability)) + intercept)
    return y, probability


def platt_by_scikit_learn(y, probability, weight=None):
    """Platt's targets as two weighted rows per case, without a penalty."""
    weight = np.ones(y.size) if weight is None else weight / weight.mean()
    n1, n0 = weight[y].sum(), weight[~y].sum()
    target = np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
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

    found = fit_platt(y, probability, weight)

    slope, intercept = platt_by_scikit_learn(y, probability, weight)
    assert slope > 0
    assert_allclose([found.slope, found.intercept], [slope, intercept], atol=1e-4)


@pytest.mark.parametrize("n", [2049, 20_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_rows_are_summed_up_without_a_difference_that_matters(n, weighted):
    y, probability = simulated(n)
    weight = np.random.default_rng(9).uniform(0.2, 3, n) if weighted else None

    found = fit_platt(y, probability, weight)

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

    found = fit_platt(y, probability, weight)

    weight = weight / weight.mean()
    n1, n0 = weight[y].sum(), weight[~y].sum()
    target = np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
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

    calibrated = fit_platt(y, probability).apply(probability)

    assert_allclose(calibrated.sum(), y.sum(), atol=2)
    for ten_percent in np.array_split(np.argsort(probability), 10):
        assert_allclose(calibrated[ten_percent].mean(), y[ten_percent].mean(), atol=0.15)


@pytest.mark.parametrize("n", [100, 5000])
def test_scores_that_rank_the_wrong_way_give_everybody_the_base_rate(n):
    y, probability = simulated(n, slope=-2.0)

    found = fit_platt(y, probability)

    n1, n0 = y.sum(), (~y).sum()
    rate = (n1 * (n1 + 1) / (n1 + 2) + n0 / (n0 + 2)) / n
    assert found.slope == 0
    assert_allclose(expit(found.intercept), rate)
    assert_allclose(found.apply(probability), rate)


@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_constant_scores_give_everybody_the_base_rate(constant):
    y = np.array([1, 0, 0, 0], dtype=bool)

    found = fit_platt(y, np.full(4, constant))

    assert found.slope == 0
    assert_allclose(expit(found.intercept), (2 / 3 + 3 * 1 / 5) / 4)


@pytest.mark.parametrize("n", [4, 5000])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.8), (0.499999, 0.500001)])
def test_separable_scores_keep_a_finite_slope(n, low, high):
    y = np.arange(n) % 2 == 0

    found = fit_platt(y, np.where(y, high, low))

    target = (n / 2 + 1) / (n / 2 + 2)
    assert np.isfinite(found.slope)
    assert_allclose(found.apply(np.array([low, high])), [1 - target, target], atol=1e-6)


def test_labels_of_one_class_give_everybody_almost_that_class():
    found = fit_platt(np.ones(8, dtype=bool), np.linspace(0.1, 0.9, 8))

    assert_allclose(found.apply([0.1, 0.9]), 0.9, atol=1e-6)


def test_a_constant_multiplier_of_the_odds_is_absorbed():
    y, probability = simulated(500)
    weighted = 20 * probability / (20 * probability + 1 - probability)

    plain, found = fit_platt(y, probability), fit_platt(y, weighted)

    assert_allclose(found.slope, plain.slope, rtol=1e-5)
    assert_allclose(found.apply(weighted), plain.apply(probability), atol=1e-6)


def test_whole_weights_are_repeated_rows_and_their_scale_is_none():
    """Up to Platt's targets, which count rows: weights are brought to mean 1."""
    y, probability = simulated(1500)
    times = np.random.default_rng(1).integers(1, 4, y.size)

    weighted = fit_platt(y, probability, times.astype(float))
    repeated = fit_platt(np.repeat(y, times), np.repeat(probability, times))
    dearer = fit_platt(y, probability, times * 1e9)

    assert_allclose(weighted.slope, repeated.slope, rtol=0.01)
    assert_allclose(weighted.intercept, repeated.intercept, rtol=0.01)
    assert_allclose(dearer.slope, weighted.slope, rtol=1e-9)


def test_the_order_of_rows_does_not_matter():
    y, probability = simulated(3000)
    order = np.random.default_rng(1).permutation(y.size)

    first, second = fit_platt(y, probability), fit_platt(y[order], probability[order])

    assert_allclose([first.slope, first.intercept], [second.slope, second.intercept], rtol=1e-9)


# Cross-fitting


def thirds(n):
    test = np.array_split(np.arange(n), 3)
    return tuple(Fold(np.setdiff1d(np.arange(n), rows), rows) for rows in test)


@pytest.mark.parametrize("weighted", [False, True])
def test_each_fold_is_calibrated_by_the_map_of_the_others_and_the_shipped_one_by_all(weighted):
    y, probability = simulated(90)
    weight = np.random.default_rng(0).uniform(0.5, 2, 90) if weighted else None

    calibrated, shipped = cross_fit(y, probability, thirds(90), weight)

    for fold in thirds(90):
        others = fold.train
        own = fit_platt(y[others], probability[others], None if weight is None else weight[others])
        assert_array_equal(calibrated[fold.test], own.apply(probability[fold.test]))
    assert shipped == fit_platt(y, probability, weight)


def test_no_label_moves_the_calibrated_values_of_its_own_fold():
    y, probability = simulated(90)
    folds = thirds(90)
    clean, shipped = cross_fit(y, probability, folds)
    poisoned = y.copy()
    poisoned[folds[1].test] ^= True

    found, other = cross_fit(poisoned, probability, folds)

    assert_array_equal(found[folds[1].test], clean[folds[1].test])
    assert np.all(found[folds[0].test] != clean[folds[0].test])
    assert other != shipped


def test_no_score_or_weight_moves_the_map_of_its_own_fold():
    y, probability = simulated(90)
    folds = thirds(90)
    weight = np.ones(90)
    clean, _ = cross_fit(y, probability, folds, weight)
    half = folds[1].test[::2]
    probability[half], weight[half] = 0.999, 50.0

    found, _ = cross_fit(y, probability, folds, weight)

    # weights are brought to mean 1 over the rows of a map, never over all
    kept = folds[1].test[1::2]
    assert_array_equal(found[kept], clean[kept])


def test_rows_that_no_fold_scores_stay_missing_and_count_for_nothing():
    y, probability = simulated(60)
    probability[:20] = np.nan
    folds = (
        Fold(np.arange(20), np.arange(20, 40)),
        Fold(np.arange(40), np.arange(40, 60)),
    )

    calibrated, shipped = cross_fit(y, probability, folds)

    assert np.all(np.isnan(calibrated[:20]))
    assert shipped == fit_platt(y[20:], probability[20:])
    own = fit_platt(y[40:], probability[40:])
    assert_array_equal(calibrated[20:40], own.apply(probability[20:40]))


def test_where_the_others_hold_one_class_the_shipped_map_is_used():
    y = np.array([0, 1, 0, 1, 0, 0, 0, 0], dtype=bool)
    probability = np.linspace(0.1, 0.8, 8)
    folds = (Fold(np.arange(4, 8), np.arange(4)), Fold(np.arange(4), np.arange(4, 8)))

    calibrated, shipped = cross_fit(y, probability, folds)

    assert_array_equal(calibrated[:4], shipped.apply(probability[:4]))
    assert_array_equal(calibrated[4:], fit_platt(y[:4], probability[:4]).apply(probability[4:]))


def test_scores_labels_and_weights_are_not_changed():
    y, probability = simulated(90)
    weight = np.full(90, 2.0)
    before = y.copy(), probability.copy(), weight.copy()

    cross_fit(y, probability, thirds(90), weight)

    for array, kept in zip((y, probability, weight), before, strict=True):
        assert_array_equal(array, kept)


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


def softened(y, weight):
    positive, negative = weight[y].sum(), weight[~y].sum()
    return np.where(y, (positive + 1) / (positive + 2), 1 / (negative + 2))


def log_loss(calibrator, y, probability, weight=None):
    weight = np.ones(y.size) if weight is None else weight
    q = np.clip(calibrator.apply(probability), 1e-15, 1 - 1e-15)
    target = softened(y, weight / weight.mean())
    return np.average(-target * np.log(q) - (1 - target) * np.log(1 - q), weights=weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [300, 2048])
def test_a_beta_map_is_logistic_regression_on_two_logarithms(n, weighted):
    """As its authors fit it: on log(p) and -log(1 - p), here with Platt's targets."""
    y, probability = bent(n)
    weight = np.random.default_rng(9).uniform(0.2, 3, n) if weighted else np.ones(n)
    target = softened(y, weight / weight.mean())
    columns = np.column_stack((np.log(probability), -np.log(1 - probability)))
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=100_000)
    model.fit(
        np.concatenate((columns, columns)),
        np.repeat([1, 0], n),
        sample_weight=np.concatenate((weight * target, weight * (1 - target))),
    )

    found = fit_beta(y, probability, weight if weighted else None)

    assert_allclose([found.a, found.b], model.coef_[0], atol=2e-3)
    assert_allclose(found.intercept, model.intercept_[0], atol=2e-3)


def test_a_beta_map_bends_at_both_ends_where_platts_cannot():
    y, probability = bent()

    beta, platt = fit_beta(y, probability), fit_platt(y, probability)

    assert log_loss(beta, y, probability) < log_loss(platt, y, probability) - 0.001
    truth = BENT.apply(probability)
    assert np.abs(beta.apply(probability) - truth).max() < 0.05


@QUICK
@given(tied_cases())
def test_a_beta_map_grows_and_is_never_less_likely_than_platts(case):
    y, probability = case

    found = fit_beta(y, probability)

    assert found.a >= 0
    assert found.b >= 0
    assert (
        log_loss(found, y, probability)
        <= log_loss(fit_platt(y, probability), y, probability) + 1e-6
    )


def test_scores_that_rank_the_wrong_way_round_get_the_base_rate():
    y, probability = bent(2000)

    for fit in (fit_beta, fit_isotonic):
        calibrated = fit(y, 1 - probability).apply([0.1, 0.5, 0.9])

        assert_allclose(calibrated, y.mean(), atol=0.03)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_isotonic_map_is_scikit_learns_on_platts_targets(weighted):
    y, probability = bent(3000)
    probability = np.round(probability, 2)  # ties
    weight = np.random.default_rng(9).uniform(0.2, 3, 3000) if weighted else np.ones(3000)
    reference = IsotonicRegression(out_of_bounds="clip")
    reference.fit(probability, softened(y, weight / weight.mean()), weight)
    grid = np.linspace(0, 1, 501)

    found = fit_isotonic(y, probability, weight if weighted else None)

    assert_allclose(found.apply(grid), reference.predict(grid), atol=1e-12)


@QUICK
@given(tied_cases())
def test_an_isotonic_map_takes_ties_and_never_says_certain(case):
    y, probability = case

    found = fit_isotonic(y, probability)

    calibrated = found.apply(probability)
    assert np.all((calibrated > 0) & (calibrated < 1))
    order = np.argsort(probability)
    assert np.all(np.diff(calibrated[order]) >= 0)
    # each level stretch has the mean of its targets, so all of them have
    assert_allclose(calibrated.mean(), softened(y, np.ones(y.size)).mean(), atol=1e-9)


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic])
def test_the_unit_of_weights_changes_no_map(fit):
    """Platt's targets count cases, not the weight that somebody gave them."""
    y, probability = bent(400)
    weight = np.random.default_rng(9).uniform(0.2, 3, 400)
    grid = np.linspace(0, 1, 21)

    one, other = fit(y, probability, weight), fit(y, probability, 1000 * weight)

    assert_allclose(other.apply(grid), one.apply(grid), atol=1e-6)


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic])
def test_rows_that_stand_for_nobody_move_no_isotonic_step(fit):
    y, probability = bent(400)
    weight = np.ones(400)
    weight[::4] = 0
    poisoned = np.where(weight == 0, ~y, y)
    grid = np.linspace(0.05, 0.95, 19)

    one, other = fit(y, probability, weight), fit(poisoned, probability, weight)

    assert_allclose(other.apply(grid), one.apply(grid), atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "fit", "n"), [("beta", fit_beta, 600), ("isotonic", fit_isotonic, 3000)]
)
def test_each_kind_is_cross_fitted_by_fold(kind, fit, n):
    y, probability = bent(n)
    folds = thirds(n)

    calibrated, shipped = cross_fit(y, probability, folds, None, kind)

    for fold in folds:
        others = np.setdiff1d(np.arange(n), fold.test)
        expected = fit(y[others], probability[others]).apply(probability[fold.test])
        assert_array_equal(calibrated[fold.test], expected)
    assert shipped == fit(y, probability)


def test_without_a_map_scores_pass_as_they_are():
    y, probability = bent(60)

    calibrated, shipped = cross_fit(y, probability, thirds(60), None, "none")

    assert_array_equal(calibrated, probability)
    assert shipped.is_identity


@pytest.mark.parametrize(("kind", "least"), [("beta", 100), ("isotonic", 1000)])
def test_a_map_of_more_freedom_needs_more_positives(kind, least):
    y = np.arange(4000) < least - 1
    message = f"{kind} calibration needs at least {least} positives, got {least - 1}: use 'platt'"

    with pytest.raises(DataError, match=message):
        cross_fit(y, np.full(4000, 0.5), thirds(4000), None, kind)
    check_positives(kind, least)
    check_positives("platt", 1)
    check_positives("none", 0)
