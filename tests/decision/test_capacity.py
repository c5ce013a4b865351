"""So many cases a batch and no more: against trying all choices, and against what hindsight takes."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.decision.capacity import Stream, allot
from costopt.errors import DataError

gains = st.lists(st.sampled_from([-2.0, 0.0, 1.0, 1.0, 3.0, 8.0]), min_size=1, max_size=8)


def best_of_all(gain, effort, limit):
    """The largest gain of any set of cases that fits."""
    rows = range(len(gain))
    fitting = (
        chosen
        for size in range(len(gain) + 1)
        for chosen in itertools.combinations(rows, size)
        if sum(effort[row] for row in chosen) <= limit
    )
    return max(sum(gain[row] for row in chosen) for chosen in fitting)


@given(gains, st.integers(0, 9))
def test_equal_efforts_gain_what_the_best_of_all_choices_gains(gain, limit):
    found = allot(gain, limit)

    assert np.array(gain)[found.taken].sum() == best_of_all(gain, [1] * len(gain), limit)
    assert found.taken.sum() == found.used <= limit
    assert found.gap == 0
    assert not found.taken[np.array(gain) <= 0].any()


@given(
    st.lists(
        st.tuples(st.sampled_from([-2.0, 1.0, 3.0, 8.0]), st.sampled_from([0.5, 1.0, 2.5])),
        min_size=1, max_size=7,
    ),
    st.sampled_from([0.0, 0.4, 1.0, 2.0, 3.5, 30.0]),
)  # fmt: skip
def test_unequal_efforts_fall_short_of_the_best_by_no_more_than_the_gap(rows, limit):
    gain, effort = (np.array(column) for column in zip(*rows, strict=True))
    found = allot(gain, limit, effort)

    best, got = best_of_all(gain, effort, limit), gain[found.taken].sum()
    assert got <= best + 1e-9
    assert best - got <= found.gap + 1e-9
    assert found.used == pytest.approx(effort[found.taken].sum())
    assert found.used <= limit + 1e-9
    left = ~found.taken & (gain > 0)
    assert not (effort[left] <= limit - found.used - 1e-9).any()  # nothing that fits is left out


@given(gains, st.integers(0, 8))
def test_the_shadow_price_is_what_one_more_place_gains(gain, limit):
    more = np.array(gain)[allot(gain, limit + 1).taken].sum()

    assert allot(gain, limit).shadow_price == more - np.array(gain)[allot(gain, limit).taken].sum()


def test_a_capacity_for_all_is_none_and_currency_changes_nothing():
    rng = np.random.default_rng(0)
    gain, effort = rng.normal(size=1000), rng.uniform(0.5, 2, 1000)

    assert (allot(gain, 1000).taken == (gain > 0)).all()
    for factor in (1e-9, 1e9):
        assert (allot(gain, 50, effort).taken == allot(gain * factor, 50, effort).taken).all()
    assert (allot(gain, 50).taken == allot(gain, 50, np.full(1000, 1.0)).taken).all()


@pytest.mark.parametrize(
    ("limit", "effort", "message"),
    [
        (-1, None, "a capacity must be a number of at least 0, got -1"),
        ("5", None, "a capacity must be a number of at least 0, got '5'"),
        (math.nan, None, "at least 0, got nan"),
        (5, [1.0], "one value for each of the 2 cases"),
        (5, [1.0, 0.0], "effort must be above 0, got 0.0 in row 1"),
        (5, [math.nan, 1.0], "effort must be above 0, got nan in row 0"),
    ],
)
def test_what_is_no_capacity_is_refused(limit, effort, message):
    with pytest.raises(DataError, match=message):
        allot([1.0, 2.0], limit, effort)


def test_a_stream_gains_nearly_what_hindsight_would():
    rng = np.random.default_rng(0)
    reference = rng.lognormal(size=2000)
    shares, first_come = [], []
    for _ in range(100):
        gain = rng.lognormal(size=500)
        stream = Stream(reference, limit=20, expected=500)
        taken = np.array([stream.take(each) for each in gain])
        assert taken.sum() <= 20
        best = np.sort(gain)[-20:].sum()
        shares.append(gain[taken].sum() / best)
        first_come.append(gain[:20].sum() / best)

    assert np.mean(shares) > 0.88
    assert np.mean(first_come) < 0.3


def test_a_stream_with_a_place_for_everybody_takes_all_that_gain():
    stream = Stream([1.0, 2.0], limit=5, expected=5)

    assert [stream.take(gain) for gain in (3.0, -1.0, 0.5, 0.0, 9.0)] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_a_stream_is_full_when_its_places_are_gone_and_can_be_told_what_comes():
    stream = Stream([0.0, 1.0], limit=1, expected=1)

    assert stream.take(5.0)
    assert not stream.take(math.inf)
    late = Stream(np.arange(100.0), limit=10, expected=10)
    assert late.threshold == 0
    late.expect(1000)
    assert late.threshold == pytest.approx(98.01)
    with pytest.raises(DataError, match="got none"):
        Stream([], 1, 1)
