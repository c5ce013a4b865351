import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from costopt.decision.calibrators import PlattMap
from costopt.errors import CostSpecError

P = np.array([1e-9, 0.001, 0.05, 0.3, 0.5, 0.85, 0.999])


def test_the_map_is_logistic_in_the_log_odds():
    """Written with odds instead: odds(q) = exp(b) * odds(p) ** a."""
    odds = math.exp(-0.7) * (P / (1 - P)) ** 1.3

    assert_allclose(PlattMap(1.3, -0.7).apply(P), odds / (1 + odds), rtol=1e-12)


def test_an_intercept_multiplies_the_odds():
    assert PlattMap(intercept=math.log(19)).apply([0.05]) == pytest.approx(0.5)


def test_the_default_changes_nothing_not_even_certainty():
    given = np.array([0.0, 1e-300, 0.1, 1 - 1e-16, 1.0])

    assert PlattMap().is_identity
    assert_array_equal(PlattMap().apply(given), given)
    assert not PlattMap(slope=2.0).is_identity
    assert not PlattMap(intercept=1e-9).is_identity


def test_a_slope_of_zero_gives_every_case_the_same_probability():
    assert_allclose(PlattMap(0.0, math.log(3)).apply([0.0, 0.5, 1.0]), 0.75)


@settings(deadline=None, derandomize=True)
@given(st.sampled_from([0.0, 0.1, 1.0, 3.0, 50.0]), st.sampled_from([-40.0, -1.0, 0.0, 2.0, 40.0]))
def test_the_order_of_cases_is_kept(slope, intercept):
    calibrated = PlattMap(slope, intercept).apply([0.0, *P, 1.0])

    assert np.all(np.diff(calibrated) >= 0)
    assert np.all((calibrated >= 0) & (calibrated <= 1))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from([0.0, 0.05, 0.1, 0.9, 1.0, 1.3, 20.0]),
    st.sampled_from([-30.0, -1.0, 0.0, 0.4, 30.0]),
    st.sampled_from([-math.inf, -0.5, 0, 1e-15, 1e-6, 0.01, 0.3, 0.5, 0.97, 1, 1.5, math.inf]),
)
def test_the_raw_threshold_takes_the_decisions_of_the_calibrated_one(slope, intercept, threshold):
    """Also on scores of 0 and 1, which forests do give and the log-odds clip."""
    calibrator = PlattMap(slope, intercept)
    scores = np.array([0.0, 1e-30, 1e-13, *P, 1 - 1e-13, 1.0])
    calibrated = calibrator.apply(scores)
    clear = np.abs(calibrated - threshold) > 1e-9 * min(max(threshold, 1e-300), 1)

    raw = calibrator.invert(threshold)

    assert_array_equal((scores >= raw)[clear], (calibrated >= threshold)[clear])


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.97])
def test_the_raw_threshold_is_mapped_to_the_calibrated_one(threshold):
    calibrator = PlattMap(1.3, -0.7)

    assert_allclose(calibrator.apply([calibrator.invert(threshold)]), threshold, rtol=1e-12)


def test_without_a_map_the_threshold_is_kept_exactly():
    for threshold in (1e-15, 0.1, 1 / 3, 1.0):
        assert PlattMap().invert(threshold) == threshold


@pytest.mark.parametrize("threshold", [0, -0.5, -math.inf])
def test_a_threshold_that_all_reach_is_minus_infinity(threshold):
    assert PlattMap(2, 1).invert(threshold) == -math.inf


@pytest.mark.parametrize("threshold", [1.5, math.inf])
def test_a_threshold_that_none_reaches_is_infinity(threshold):
    assert PlattMap(0.5, 1).invert(threshold) == math.inf
    assert PlattMap().invert(threshold) == math.inf


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [(-0.1, 0), (math.nan, 0), (math.inf, 0), (1, math.nan), (1, -math.inf)],
)
def test_parameters_must_be_finite_and_the_slope_not_negative(slope, intercept):
    with pytest.raises(
        CostSpecError, match=f"finite slope of at least 0 .*, got {slope} and {intercept}"
    ):
        PlattMap(slope, intercept)
