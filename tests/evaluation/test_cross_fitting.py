import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.special import expit

from costopt.calibration.beta import BetaMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.isotonic import IsotonicMap
from costopt.calibration.maps import MAPS
from costopt.calibration.platt import PlattMap
from costopt.evaluation.cross_fitting import cross_fit
from costopt.learners.protocol import Fold


def simulated(n, slope=0.6, intercept=-0.8, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.02, 0.98, n)
    y = rng.random(n) < expit(slope * np.log(probability / (1 - probability)) + intercept)
    return y, probability


def bent(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.01, 0.99, n)
    return rng.random(n) < BetaMap(0.4, 1.8, 0.7).apply(probability), probability


def thirds(n):
    test = np.array_split(np.arange(n), 3)
    return tuple(Fold(np.setdiff1d(np.arange(n), rows), rows) for rows in test)


@pytest.mark.parametrize("weighted", [False, True])
def test_each_part_is_calibrated_by_the_map_of_its_training_rows_and_all_fit_the_exported_one(
    weighted,
):
    y, probability = simulated(90)
    weight = np.random.default_rng(0).uniform(0.5, 2, 90) if weighted else None

    found = cross_fit(y, probability, thirds(90), weight)

    for fold, calibrator in zip(thirds(90), found.maps, strict=True):
        others = fold.train
        own = PlattMap.fit(
            y[others], probability[others], None if weight is None else weight[others]
        )
        assert calibrator == own
        assert_array_equal(found.calibrated[fold.test], own.apply(probability[fold.test]))
    assert found.calibrator == PlattMap.fit(y, probability, weight)


def test_no_label_moves_the_calibrated_values_of_its_own_part():
    y, probability = simulated(90)
    folds = thirds(90)
    clean = cross_fit(y, probability, folds)
    poisoned = y.copy()
    poisoned[folds[1].test] ^= True

    found = cross_fit(poisoned, probability, folds)

    assert_array_equal(found.calibrated[folds[1].test], clean.calibrated[folds[1].test])
    assert np.all(found.calibrated[folds[0].test] != clean.calibrated[folds[0].test])
    assert found.calibrator != clean.calibrator


def test_no_score_or_weight_moves_the_map_of_its_own_part():
    y, probability = simulated(90)
    folds = thirds(90)
    weight = np.ones(90)
    clean = cross_fit(y, probability, folds, weight).calibrated
    half = folds[1].test[::2]
    probability[half], weight[half] = 0.999, 50.0

    found = cross_fit(y, probability, folds, weight).calibrated

    # weights are brought to mean 1 over the rows of a map, never over all
    kept = folds[1].test[1::2]
    assert_array_equal(found[kept], clean[kept])


@pytest.mark.parametrize("kind", ["platt", "beta", "isotonic"])
def test_rows_of_a_part_without_training_rows_keep_their_scores(kind):
    y, probability = simulated(60)
    parts = (
        Fold(np.arange(0), np.arange(20)),
        Fold(np.arange(20), np.arange(20, 40)),
        Fold(np.arange(40), np.arange(40, 60)),
    )

    found = cross_fit(y, probability, parts, None, MAPS[kind])

    assert found.maps[0] == IdentityMap()
    assert_array_equal(found.calibrated[:20], probability[:20])
    for part, calibrator in zip(parts[1:], found.maps[1:], strict=True):
        assert calibrator.kind == kind
        assert_array_equal(found.calibrated[part.test], calibrator.apply(probability[part.test]))
    assert found.calibrator == cross_fit(y, probability, (), None, MAPS[kind]).calibrator


def test_scores_labels_and_weights_are_not_changed():
    y, probability = simulated(90)
    weight = np.full(90, 2.0)
    before = y.copy(), probability.copy(), weight.copy()

    cross_fit(y, probability, thirds(90), weight)

    for array, kept in zip((y, probability, weight), before, strict=True):
        assert_array_equal(array, kept)


@pytest.mark.parametrize(("made", "n"), [(BetaMap, 600), (IsotonicMap, 3000)])
def test_each_kind_is_cross_fitted_by_fold(made, n):
    y, probability = bent(n)
    folds = thirds(n)

    found = cross_fit(y, probability, folds, None, made)

    for fold in folds:
        others = np.setdiff1d(np.arange(n), fold.test)
        expected = made.fit(y[others], probability[others]).apply(probability[fold.test])
        assert_array_equal(found.calibrated[fold.test], expected)
    assert found.calibrator == made.fit(y, probability)


def test_without_a_map_scores_pass_as_they_are():
    y, probability = bent(60)

    found = cross_fit(y, probability, thirds(60), None, IdentityMap)

    assert_array_equal(found.calibrated, probability)
    assert {found.calibrator, *found.maps} == {IdentityMap()}
