import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.special import logit as scipy_logit

from costopt.decision.costs import CostMatrix
from costopt.decision.odds import OddsLedger, logit, scale_odds
from costopt.decision.thresholds import bayes_threshold
from costopt.errors import CostSpecError

PROPERTY = settings(deadline=None, derandomize=True)

P = np.array([0.0, 1e-12, 1e-6, 0.01, 0.05, 0.3, 0.5, 0.85, 0.999, 1.0])
# beyond these, what lies near 1 no longer fits into a float64 to 1e-12
multipliers = st.sampled_from([1e-4, 0.013, 0.5, 1.0, 3.0, 99.0, 1e4])


# scale_odds


def test_multiplied_odds_are_those_of_a_population_with_more_positives():
    """Counted: 3 positives and 97 negatives; each positive then counts 20 times."""
    expected = Fraction(3 * 20, 3 * 20 + 97)

    assert scale_odds([3 / 100], 20) == pytest.approx(float(expected), rel=1e-15)


@pytest.mark.parametrize("kept", [0.01, 0.05, 0.5])
def test_undersampling_is_undone_as_dal_pozzolo_et_al_wrote(kept):
    """Dal Pozzolo et al. (2015), equations 3 and 4; beta is the share of negatives kept."""
    p_s = P / (P + kept * (1 - P))

    assert_allclose(scale_odds(P, 1 / kept), p_s, rtol=1e-12)
    assert_allclose(scale_odds(p_s, kept), kept * p_s / (kept * p_s - p_s + 1), rtol=1e-12)


@pytest.mark.parametrize(("population", "sample"), [(0.01, 0.5), (0.2, 0.35), (0.3, 0.1)])
def test_prior_correction_is_that_of_king_and_zeng(population, sample):
    """King and Zeng (2001), equation 7: the intercept moves by the log of the ratio of odds."""
    eta = np.linspace(-6, 6, 13)
    correction = math.log((1 - population) / population * sample / (1 - sample))

    scaled = scale_odds(expit(eta), population / (1 - population) * (1 - sample) / sample)

    assert_allclose(scaled, expit(eta - correction), rtol=1e-12)


@pytest.mark.parametrize(("base", "new"), [(0.1, 0.4), (0.4, 0.1), (0.02, 0.98)])
def test_a_change_of_base_rate_is_elkans_second_theorem(base, new):
    expected = new * (P - P * base) / (base - P * base + new * P - base * new)

    scaled = scale_odds(P, new / (1 - new) * (1 - base) / base)

    assert_allclose(scaled, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("fp", "fn"), [(1, 5), (25, 475), (10, 3)])
def test_weights_in_the_ratio_of_the_regrets_move_the_bayes_threshold_to_a_half(fp, fn):
    """Elkan (2001), theorem 1."""
    threshold = bayes_threshold(CostMatrix(fp=fp, fn=fn))

    assert scale_odds(threshold, fn / fp) == pytest.approx(0.5, rel=1e-14)


@PROPERTY
@given(multipliers)
def test_odds_multiplied_and_divided_are_as_before(multiplier):
    assert_allclose(scale_odds(scale_odds(P, multiplier), 1 / multiplier), P, rtol=0, atol=1e-12)


@PROPERTY
@given(multipliers, multipliers)
def test_two_multipliers_act_as_their_product(first, second):
    twice = scale_odds(scale_odds(P, first), second)

    assert_allclose(twice, scale_odds(P, first * second), rtol=0, atol=1e-12)


@PROPERTY
@given(st.sampled_from([1e-300, 1e-9, 0.5, 1.0, 7.0, 1e9, 1e300]))
def test_certainty_and_order_are_kept(multiplier):
    scaled = scale_odds(P, multiplier)

    assert_array_equal(scaled[[0, -1]], [0, 1])
    assert np.all(np.diff(scaled) >= 0)
    assert np.all((scaled >= 0) & (scaled <= 1))


def test_a_multiplier_of_one_changes_nothing_and_float32_is_taken():
    assert_allclose(scale_odds(P, 1), P, rtol=1e-15)
    assert scale_odds(P.astype(np.float32), 3).dtype == np.float64


@pytest.mark.parametrize("multiplier", [0, -1, math.nan, math.inf, 0.0])
def test_a_multiplier_must_be_positive(multiplier):
    with pytest.raises(CostSpecError, match=f"must be a positive number, got {multiplier}"):
        scale_odds([0.5], multiplier)


# logit


def test_log_odds_are_those_of_scipy():
    assert_allclose(logit(P[1:-1]), scipy_logit(P[1:-1]), rtol=1e-12)


def test_log_odds_stay_finite_at_certainty():
    ends = logit([0.0, 1e-300, 1.0])

    # 1 - 1e-12 is not a float64 itself, so the two ends differ in the fifth digit
    assert_allclose(ends, np.log(1e12) * np.array([-1, -1, 1]), rtol=1e-5)


# the ledger


def test_methods_multiply():
    ledger = OddsLedger().record("class weights", 99).record("random_under", 5).record("SMOTE", 0.2)

    assert ledger.entries == (("class weights", 99.0), ("random_under", 5.0), ("SMOTE", 0.2))
    assert ledger.multiplier == pytest.approx(99)


def test_what_does_nothing_is_not_recorded():
    ledger = OddsLedger()

    assert ledger.record("none", 1) is ledger
    assert ledger.entries == ()
    assert ledger.multiplier == 1
    assert_allclose(ledger.undo(P), P, rtol=1e-15)


def test_recording_leaves_the_ledger_that_it_came_from():
    first = OddsLedger().record("weight", 4)

    first.record("random_over", 3)

    assert first.multiplier == 4


@PROPERTY
@given(st.lists(multipliers, max_size=2))
def test_a_ledger_redoes_what_it_undid(factors):
    ledger = OddsLedger()
    for factor in factors:
        ledger = ledger.record("weight", math.sqrt(factor))

    assert_allclose(ledger.undo(ledger.redo(P)), P, rtol=0, atol=1e-12)
    assert_allclose(ledger.redo(ledger.undo(P)), P, rtol=0, atol=1e-12)
    assert_allclose(ledger.redo(P), scale_odds(P, ledger.multiplier), rtol=1e-12)


def test_a_score_of_a_balanced_model_is_returned_to_the_population():
    """990 negatives, 10 positives, weight 99: at the base rate the model says a half."""
    assert OddsLedger((("scale_pos_weight", 99.0),)).undo([0.5]) == pytest.approx(0.01)


@pytest.mark.parametrize("multiplier", [0.0, -2.0, math.nan, math.inf])
def test_a_method_cannot_multiply_by_what_is_not_positive(multiplier):
    with pytest.raises(CostSpecError, match=f"must be a positive number, got {multiplier}"):
        OddsLedger().record("weight", multiplier).undo([0.5])
