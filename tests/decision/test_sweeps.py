import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from costopt.decision.sweeps import sweep

scores = st.lists(st.sampled_from([-3.0, 0.0, 0.2, 0.5, 0.5000001, 1.0, 1e300]), min_size=1)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(scores)
def test_a_sweep_acts_at_each_threshold_on_the_cases_that_reach_it(given_scores):
    score = np.array(given_scores)

    thresholds, n_acted, order = sweep(score)

    assert_array_equal(thresholds, [np.inf, *sorted(set(given_scores), reverse=True), -np.inf])
    for threshold, n in zip(thresholds, n_acted, strict=True):
        assert set(order[:n]) == set(np.flatnonzero(score >= threshold))


def test_tied_cases_stay_in_the_order_given():
    _, _, order = sweep(np.array([0.5, 0.9, 0.5, 0.9]))

    assert_array_equal(order, [1, 3, 0, 2])


def test_scores_keep_their_own_type():
    thresholds, _, _ = sweep(np.array([0.1, 0.2], dtype=np.float32))

    assert thresholds.dtype == np.float32
