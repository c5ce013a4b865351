import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from costopt.calibration.beta import BetaMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.isotonic import IsotonicMap
from costopt.calibration.platt import PlattMap
from costopt.decision.odds import logit
from costopt.errors import CostSpecError

P = np.array([1e-9, 0.001, 0.05, 0.3, 0.5, 0.85, 0.999])


def test_the_map_is_logistic_in_the_log_odds():
    """Written with odds instead: odds(q) = exp(b) * odds(p) ** a."""
    odds = math.exp(-0.7) * (P / (1 - P)) ** 1.3

    assert_allclose(PlattMap(1.3, -0.7).apply(P), odds / (1 + odds), rtol=1e-12)


def test_an_intercept_multiplies_the_odds():
    assert PlattMap(1.0, math.log(19)).apply([0.05]) == pytest.approx(0.5)


def test_the_identity_changes_nothing_not_even_certainty():
    given = np.array([0.0, 1e-300, 0.1, 1 - 1e-16, 1.0])

    assert_array_equal(IdentityMap().apply(given), given)
    assert IdentityMap.fit(given > 0.5, given) == IdentityMap()
    assert IdentityMap().in_words() == ""


@pytest.mark.parametrize("calibrator", [PlattMap(1.0), BetaMap(1.0, 1.0)])
def test_parameters_that_change_nothing_do_so_up_to_rounding(calibrator):
    assert_allclose(calibrator.apply(P), P, rtol=1e-13)


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

    raw = calibrator.invert(threshold)

    assert_array_equal(scores >= raw, calibrated >= threshold)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.97])
def test_the_raw_threshold_is_mapped_to_the_calibrated_one(threshold):
    calibrator = PlattMap(1.3, -0.7)

    assert_allclose(calibrator.apply([calibrator.invert(threshold)]), threshold, rtol=1e-12)


def test_without_a_map_the_threshold_is_kept_exactly():
    for threshold in (1e-15, 0.1, 1 / 3, 1.0):
        assert IdentityMap().invert(threshold) == threshold


@pytest.mark.parametrize("threshold", [0, -0.5, -math.inf])
def test_a_threshold_that_all_reach_is_minus_infinity(threshold):
    assert PlattMap(2, 1).invert(threshold) == -math.inf


@pytest.mark.parametrize("threshold", [1.5, math.inf])
def test_a_threshold_that_none_reaches_is_infinity(threshold):
    assert PlattMap(0.5, 1).invert(threshold) == math.inf
    assert IdentityMap().invert(threshold) == math.inf


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [(-0.1, 0), (math.nan, 0), (math.inf, 0), (1, math.nan), (1, -math.inf)],
)
def test_parameters_must_be_finite_and_the_slope_not_negative(slope, intercept):
    with pytest.raises(
        CostSpecError, match=f"finite slope of at least 0 .*, got {slope} and {intercept}"
    ):
        PlattMap(slope, intercept)


# The beta map

SHAPES = st.sampled_from([0.0, 0.05, 0.3, 1.0, 1.3, 20.0])
INTERCEPTS = st.sampled_from([-30.0, -1.0, 0.0, 0.4, 30.0])
THRESHOLDS = st.sampled_from(
    [-math.inf, -0.5, 0, 1e-300, 1e-15, 1e-6, 0.01, 0.3, 0.5, 0.97, 1 - 1e-16, 1, 1.5, math.inf]
)
# Of forests and isotonic maps: ties, certainty, and neighbours that differ in the last bits.
SCORES = np.array([0.0, 1e-30, 1e-13, *P, 0.3, 1 - 1e-13, 1 - 1e-16, 1.0, 1.0])


def test_the_beta_map_is_that_of_its_paper():
    """Equation 3 of Kull et al. (2017): 1 / (1 + (1 - s)**b / (e**c * s**a))."""
    a, b, c = 0.6, 1.7, -0.4

    found = BetaMap(a, b, c).apply(P)

    assert_allclose(found, 1 / (1 + (1 - P) ** b / (math.exp(c) * P**a)), rtol=1e-10)


@given(SHAPES, INTERCEPTS)
@settings(deadline=None, derandomize=True)
def test_with_both_shapes_alike_it_is_platts(shape, intercept):
    """In the log-odds: where 20 times a clipped logit is near 1, probabilities differ by rounding."""
    beta, platt = BetaMap(shape, shape, intercept), PlattMap(shape, intercept)

    assert_allclose(beta.apply(SCORES), platt.apply(SCORES), rtol=1e-9, atol=1e-300)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SHAPES, SHAPES, INTERCEPTS)
def test_a_beta_map_keeps_the_order_of_cases(a, b, intercept):
    calibrated = BetaMap(a, b, intercept).apply(SCORES[np.argsort(SCORES)])

    assert np.all(np.diff(calibrated) >= 0)
    assert np.all((calibrated >= 0) & (calibrated <= 1))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SHAPES, SHAPES, INTERCEPTS, THRESHOLDS)
def test_the_raw_threshold_of_a_beta_map_takes_the_decisions_of_the_calibrated_one(
    a, b, intercept, threshold
):
    calibrator = BetaMap(a, b, intercept)
    calibrated = calibrator.apply(SCORES)

    raw = calibrator.invert(threshold)

    assert_array_equal(raw <= SCORES, calibrated >= threshold)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.97])
def test_a_raw_threshold_is_mapped_to_the_calibrated_one_by_a_beta_map(threshold):
    calibrator = BetaMap(0.6, 1.7, -0.4)

    assert_allclose(calibrator.apply([calibrator.invert(threshold)]), threshold, rtol=1e-10)


def test_a_threshold_that_is_reached_by_rounding_only_is_inverted_to_the_first_score_that_does():
    """A probability of 1 is never reached by the formula, but by its value in double precision."""
    calibrator = BetaMap(20.0, 20.0, 30.0)

    raw = calibrator.invert(1.0)

    assert_array_equal(calibrator.apply([np.nextafter(raw, 0), raw]) == 1.0, [False, True])


EXTREME = {
    "tiny": 10.0 ** np.linspace(-300, -20, 50),
    "tied at the bottom": np.array([0.0, 5e-324, 1e-310, 1e-15, 1e-13, 0.5]),
    "near one": 1 - np.arange(200, -1, -1) * 2.0**-53,
    "close to each other": 0.3 + np.arange(100) * 1e-12,
    "neighbouring doubles": 0.7 + np.arange(10) * 2.0**-53,
}


@pytest.mark.parametrize("scores", EXTREME.values(), ids=EXTREME)
@pytest.mark.parametrize("floor", [1e-300, 1e-20, 1e-12])
@pytest.mark.parametrize("made", [PlattMap, lambda s, c, f: BetaMap(s, 0.7 * s, c, f)])
def test_raw_thresholds_take_the_same_decisions_at_any_scale(made, floor, scores):
    middle = scores[scores.size // 2]
    for slope in (0.1, 1.0, 20.0):
        calibrator = made(slope, -slope * float(logit(middle, floor)), floor)
        calibrated = calibrator.apply(scores)

        assert np.all(np.diff(calibrated) >= 0)
        for threshold in (1e-6, 0.2, 0.5, 0.9, *calibrated):
            raw = calibrator.invert(threshold)
            assert_array_equal(scores >= raw, calibrated >= threshold)


def test_scores_beyond_the_floor_are_one_and_a_lower_floor_tells_them_apart():
    scores = [0.0, 1e-20, 1e-13, 1 - 1e-13, 1 - 2.0**-53, 1.0]

    default, low = (PlattMap(0.5, 0.0, floor).apply(scores) for floor in (1e-12, 1e-25))

    assert_allclose(default, [1e-6] * 3 + [1 - 1e-6] * 3, rtol=1e-5)
    # square roots of the odds, with 1 kept to the largest double below it
    odds = [1e-25, 1e-20, 1e-13, 1e13, 2.0**53, 2.0**53]
    assert_allclose(low / (1 - low), np.sqrt(odds), rtol=1e-3)


@pytest.mark.parametrize("floor", [0.0, 0.5, -1e-12, math.nan, math.inf])
@pytest.mark.parametrize("made", [partial(PlattMap, 1.0), partial(BetaMap, 1.0, 1.0)])
def test_a_floor_lies_between_zero_and_a_half(made, floor):
    with pytest.raises(CostSpecError, match=f"between 0 and 0.5, got {floor}"):
        made(floor=floor)


@pytest.mark.parametrize(
    ("a", "b", "intercept"),
    [(-0.1, 1, 0), (1, -0.1, 0), (math.nan, 1, 0), (1, math.inf, 0), (1, 1, math.nan)],
)
def test_parameters_of_a_beta_map_must_be_finite_and_its_shapes_not_negative(a, b, intercept):
    with pytest.raises(
        CostSpecError, match=f"finite a and b of at least 0 .*, got {a}, {b} and {intercept}"
    ):
        BetaMap(a, b, intercept)


# The isotonic map


@st.composite
def isotonic_maps(draw):
    """Knots on a coarse grid, level between some, and both ends that are not."""
    scores = draw(st.lists(st.sampled_from([0, 1, 2, 5, 9, 10]), min_size=1, unique=True))
    values = draw(
        st.lists(st.sampled_from([0, 1, 1, 4, 10]), min_size=len(scores), max_size=len(scores))
    )
    return IsotonicMap(
        tuple(one / 10 for one in sorted(scores)), tuple(one / 10 for one in sorted(values))
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(isotonic_maps())
def test_an_isotonic_map_goes_through_its_knots_and_is_level_beyond(calibrator):
    grid = np.linspace(0, 1, 41)

    calibrated = calibrator.apply(grid)

    assert_allclose(calibrator.apply(calibrator.scores), calibrator.values)
    assert np.all(np.diff(calibrated) >= 0)
    assert np.all(calibrated[grid <= calibrator.scores[0]] == calibrator.values[0])
    assert np.all(calibrated[grid >= calibrator.scores[-1]] == calibrator.values[-1])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(isotonic_maps(), st.sampled_from([-1, 0, 1e-9, 0.05, 0.1, 0.25, 0.4, 0.7, 1, 1.1, math.inf]))
def test_the_raw_threshold_of_an_isotonic_map_is_the_lowest_score_that_reaches_it(
    calibrator, threshold
):
    grid = np.union1d(np.linspace(0, 1, 101), calibrator.scores)
    calibrated = calibrator.apply(grid)

    raw = calibrator.invert(threshold)

    assert_array_equal(grid >= raw, calibrated >= threshold)


def test_a_steep_step_and_a_level_part_are_inverted_at_their_start():
    calibrator = IsotonicMap((0.2, 0.4, 0.6, 0.8), (0.1, 0.5, 0.5, 0.9))

    assert calibrator.invert(0.5) == 0.4
    assert calibrator.invert(0.3) == pytest.approx(0.3)
    assert calibrator.invert(0.9) == 0.8
    assert calibrator.invert(0.1) == -math.inf
    assert calibrator.invert(0.91) == math.inf


def test_one_knot_gives_every_case_the_same_probability():
    calibrator = IsotonicMap((0.5,), (0.2,))

    assert_array_equal(calibrator.apply([0.0, 0.5, 1.0]), [0.2] * 3)
    assert (calibrator.invert(0.2), calibrator.invert(0.3)) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("scores", "values"),
    [
        ((), ()),
        ((0.1,), (0.1, 0.2)),
        ((0.1, 0.1), (0.1, 0.2)),
        ((0.2, 0.1), (0.1, 0.2)),
        ((0.1, 0.2), (0.2, 0.1)),
        ((-0.1, 0.2), (0.1, 0.2)),
        ((0.1, 1.2), (0.1, 0.2)),
        ((0.1, 0.2), (0.1, 1.2)),
        ((0.1, math.nan), (0.1, 0.2)),
        ((0.1, 0.2), (math.nan, 0.2)),
        ((0.1, 0.2), (-math.inf, 0.2)),
    ],
)
def test_knots_must_ascend_within_0_and_1(scores, values):
    with pytest.raises(
        CostSpecError,
        match=f"as many values as scores, all in .*, got {len(scores)} scores and {len(values)}",
    ):
        IsotonicMap(scores, values)
