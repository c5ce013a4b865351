import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.model_selection import (
    GroupKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from costopt import DataError
from costopt.evaluation.folds import make_folds

QUICK = settings(max_examples=40, deadline=None, derandomize=True)


def labels(n, positives):
    return np.arange(n) % max(n // positives, 1) == 0


def assert_same_folds(first, second):
    assert len(first.folds) == len(second.folds)
    for one, other in zip(first.folds, second.folds, strict=True):
        assert_array_equal(one.train, other.train)
        assert_array_equal(one.test, other.test)


def scored(folds):
    """The rows that some fold scores, ascending."""
    return np.sort(np.concatenate([fold.test for fold in folds.folds]))


def assert_sound(folds, y):
    """What every split promises, however it was made."""
    seen = np.zeros(y.size, dtype=int)
    for fold in folds.folds:
        assert np.intersect1d(fold.train, fold.test).size == 0
        assert np.all(np.diff(fold.train) > 0)
        assert np.all(np.diff(fold.test) > 0)
        assert 0 < np.count_nonzero(y[fold.train]) < fold.train.size
        seen[fold.test] += 1
    assert seen.max() == 1


# Stratified


@QUICK
@given(st.integers(2, 5), st.integers(5, 20), st.integers(5, 40), st.integers(0, 3))
def test_every_row_is_scored_once_and_every_fold_has_its_share_of_positives(cv, n1, n0, seed):
    y = np.random.default_rng(seed).permutation(np.repeat([True, False], [n1, n0]))

    folds = make_folds(y, cv, random_state=seed)

    assert_sound(folds, y)
    assert folds.kind == "stratified"
    assert folds.units is None
    assert len(folds.folds) == cv
    assert_array_equal(scored(folds), np.arange(y.size))
    for fold in folds.folds:
        assert_array_equal(np.sort(np.r_[fold.train, fold.test]), np.arange(y.size))
        assert n1 // cv <= np.count_nonzero(y[fold.test]) <= -(-n1 // cv)
        assert n0 // cv <= np.count_nonzero(~y[fold.test]) <= -(-n0 // cv)


def test_the_seed_says_all_and_no_global_state_is_touched():
    y = labels(60, 12)
    groups = np.arange(60) // 3
    state = np.random.get_state()  # noqa: NPY002  # the global one is what must not move

    for options in ({}, {"groups": groups}):
        first, second, other = (make_folds(y, 4, random_state=s, **options) for s in (1, 1, 2))
        assert_same_folds(first, second)
        assert not np.array_equal(first.folds[0].test, other.folds[0].test)

    assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002
    assert state[2] == np.random.get_state()[2]  # noqa: NPY002


# Grouped


@QUICK
@given(st.integers(2, 4), st.lists(st.integers(0, 7), min_size=24, max_size=40), st.integers(0, 3))
def test_a_group_is_never_on_both_sides(cv, groups, seed):
    groups = np.array(groups)
    y = np.random.default_rng(seed).random(groups.size) < 0.5
    try:
        folds = make_folds(y, cv, groups=groups, random_state=seed)
    except DataError as error:  # groups too large to leave both classes on both sides
        assume("of one class only" not in str(error) and "groups for" not in str(error))
        raise

    assert_sound(folds, y)
    assert folds.kind == "grouped"
    assert_array_equal(scored(folds), np.arange(y.size))
    for fold in folds.folds:
        assert np.intersect1d(groups[fold.train], groups[fold.test]).size == 0
    for unit in np.unique(folds.units):
        assert np.unique(groups[folds.units == unit]).size == 1
    assert np.unique(folds.units).size == np.unique(groups).size


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        list,
        lambda g: pd.Series(g, index=np.arange(g.size)[::-1]),
        lambda g: pd.Categorical(g),
        lambda g: pa.chunked_array([g[:10], g[10:]]),
        lambda g: [f"group {value}" for value in g],
        lambda g: [dt.date(2024, 1, 1 + int(value)) for value in g],
    ],
)
def test_groups_may_be_of_any_kind(convert):
    y = labels(40, 20)
    groups = np.arange(40) // 4

    assert_same_folds(make_folds(y, 3, groups=convert(groups)), make_folds(y, 3, groups=groups))


# In order of time


@QUICK
@given(st.integers(2, 5), st.lists(st.integers(0, 30), min_size=30, max_size=60))
def test_models_are_trained_on_what_came_before_and_rows_of_one_moment_stay_together(cv, time):
    time = np.array(time)
    y = np.arange(time.size) % 2 == 0
    try:
        folds = make_folds(y, cv, time=time)
    except DataError as error:
        crowded = np.bincount(time).max() >= time.size // (cv + 1)
        assert crowded or "of one class only" in str(error)  # noqa: PT017
        return

    assert_sound(folds, y)
    assert folds.kind == "time-ordered"
    for before, after in zip(folds.folds, folds.folds[1:], strict=False):
        assert time[before.test].max() < time[after.test].min()
    for fold in folds.folds:
        assert time[fold.train].max() < time[fold.test].min()
        # all that came before is trained on
        assert fold.train.size == np.count_nonzero(time < time[fold.test].min())
    assert time[folds.folds[-1].test].max() == time.max()


def test_time_is_cut_into_stretches_of_equal_size_of_which_the_first_is_never_scored():
    y = labels(60, 30)
    time = np.random.default_rng(0).permutation(60)

    folds = make_folds(y, 5, time=time)

    assert [fold.train.size for fold in folds.folds] == [10, 20, 30, 40, 50]
    assert [fold.test.size for fold in folds.folds] == [10] * 5
    assert_array_equal(scored(folds), np.flatnonzero(time >= 10))


def test_units_in_time_are_neighbours_of_about_the_root_of_all_rows():
    time = np.random.default_rng(0).permutation(100) * 60.0

    units = make_folds(labels(100, 50), 4, time=time).units

    assert_array_equal(units[np.argsort(time)], np.repeat(np.arange(10), 10))


@pytest.mark.parametrize(
    "convert",
    [
        list,
        lambda t: pd.Timestamp("2024-01-01") + pd.to_timedelta(t, "D"),
        lambda t: pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(t, "D")),
        lambda t: np.datetime64("2024-01-01") + t.astype("timedelta64[D]"),
        lambda t: [dt.date(2024, 1, 1) + dt.timedelta(int(days)) for days in t],
        lambda t: pa.array(t),
        lambda t: t / 7 - 100.0,
    ],
)
def test_time_may_be_of_any_kind_that_has_an_order(convert):
    y = labels(40, 20)
    time = np.random.default_rng(1).permutation(40) // 2

    assert_same_folds(make_folds(y, 3, time=convert(time)), make_folds(y, 3, time=time))


@pytest.mark.parametrize(
    "time",
    [
        np.zeros(40),
        np.repeat([0, 1], 20),
        np.r_[np.zeros(20), np.arange(1, 21)],  # half of the rows at the first moment
        np.r_[np.arange(20), np.full(20, 20)],  # half of the rows at the last
    ],
)
def test_ties_in_time_give_fewer_rows_or_an_error_in_words(time):
    y = labels(40, 20)
    try:
        folds = make_folds(y, 5, time=time)
    except DataError as error:
        assert "time" in str(error)  # noqa: PT017  # either answer is right
    else:
        assert_sound(folds, y)


def test_a_later_stretch_may_lack_positives_as_long_as_some_stretch_has_them():
    y = np.zeros(60, dtype=bool)
    y[[0, 3, 25, 28, 55]] = True

    folds = make_folds(y, 5, time=np.arange(60))

    assert [np.count_nonzero(y[fold.test]) for fold in folds.folds] == [0, 2, 0, 0, 1]


# Splits that are given


@pytest.mark.parametrize("as_arrays", [np.asarray, list, tuple])
def test_index_pairs_are_taken_as_they_are(as_arrays):
    y = labels(12, 6)
    pairs = [([6, 7, 9, 8], [1, 0, 2]), (range(4), [11, 10])]

    folds = make_folds(y, [tuple(as_arrays(side) for side in pair) for pair in pairs])

    assert folds.kind == "given"
    assert folds.units is None
    assert_array_equal(folds.folds[0].train, [6, 7, 8, 9])
    assert_array_equal(folds.folds[0].test, [0, 1, 2])
    assert_array_equal(folds.folds[1].train, [0, 1, 2, 3])
    assert_array_equal(scored(folds), [0, 1, 2, 10, 11])


def test_pairs_may_come_one_by_one():
    y = labels(12, 6)
    pairs = [(np.arange(6), np.arange(6, 12)), (np.arange(6, 12), np.arange(6))]

    assert_same_folds(make_folds(y, iter(pairs)), make_folds(y, pairs))


@pytest.mark.parametrize(
    ("splitter", "options"),
    [
        (StratifiedKFold(3, shuffle=True, random_state=0), {}),
        (GroupKFold(3), {"groups": np.arange(60) // 5}),
        (TimeSeriesSplit(3), {"time": np.arange(60)}),
    ],
)
def test_scikit_learns_splitters_are_taken_and_checked(splitter, options):
    y = labels(60, 30)

    folds = make_folds(y, splitter, **options)

    assert_sound(folds, y)
    assert folds.kind == "given"
    groups = options.get("groups")
    expected = list(splitter.split(np.zeros((60, 1)), y, groups))
    assert [fold.test.tolist() for fold in folds.folds] == [test.tolist() for _, test in expected]
    assert (folds.units is None) == (not options)


def test_indices_that_are_given_are_not_changed():
    y = labels(12, 6)
    train, test = np.array([9, 8, 7, 6]), np.array([2, 1, 0])

    make_folds(y, [(train, test)])

    assert_array_equal(train, [9, 8, 7, 6])
    assert_array_equal(test, [2, 1, 0])


GIVEN = {
    "no fold": ([], "cv gives no fold: at least one is needed"),
    "no pair": ([3], r"cv: fold 0 must be a \(train, test\) pair of indices"),
    "three sides": ([([0], [1], [2])], r"fold 0 must be a \(train, test\) pair"),
    "below zero": ([([0, 1], [-1, 2])], "the test rows of fold 0 must be indices from 0 to 11"),
    "beyond the rows": ([([0, 12], [1, 2])], "the train rows of fold 0 must be indices from 0 to"),
    "no row": ([([0, 1], [])], "the test rows of fold 0 must be indices"),
    "a mask": ([(np.ones(12, bool), np.ones(12, bool))], "the train rows of fold 0 must be ind"),
    "fractions": ([([0.0, 1.0], [2.0])], "the train rows of fold 0 must be indices"),
    "a table": ([([[0, 1]], [2, 3])], "the train rows of fold 0 must be indices"),
    "row on both sides": (
        [([0, 1, 2, 3], [3, 4])],
        "fold 0 trains on row 3, which it also scores",
    ),
    "row scored twice": (
        [([0, 1, 2], [3, 4]), ([0, 1, 2], [4, 5])],
        "row 4 is scored by fold 1 and by an earlier one: .* repeated splits are not supported",
    ),
    "row scored twice at once": ([([0, 1, 2], [3, 3, 4])], "row 3"),
    "one class trained on": (
        [([1, 3, 5], [0, 2, 7])],
        r"fold 0 trains on 3 rows of one class only \(0 positives\): use fewer folds",
    ),
    "one class scored": (
        [([0, 1, 2, 3], [4, 6])],
        r"fold 0 scores 2 rows of one class only \(2 positives\)",
    ),
    "a word": ("stratified", r"cv must be a number of folds, a splitter, or .* got 'stratified'"),
    "a fraction": (0.2, "cv must be a number of folds, a splitter, or .* got 0.2"),
    "true": (True, "cv must be a number of folds, a splitter, or .* got True"),
    "nothing": (None, "cv must be a number of folds, a splitter, or .* got None"),
    "one": (1, "cv must be at least 2 folds, got 1"),
    "none": (0, "cv must be at least 2 folds, got 0"),
    "too many": (7, "there are 6 positive rows for 7 folds: every fold needs one; .* use cv=6"),
}


@pytest.mark.parametrize(("cv", "message"), GIVEN.values(), ids=GIVEN)
def test_splits_that_cannot_be_used_are_refused(cv, message):
    with pytest.raises(DataError, match=message):
        make_folds(labels(12, 6), cv)


def test_repeated_splits_are_refused():
    y = labels(60, 30)

    for splitter in (RepeatedStratifiedKFold(n_splits=3), ShuffleSplit(5, random_state=0)):
        with pytest.raises(DataError, match="scored by fold .* repeated splits are not supported"):
            make_folds(y, splitter)


def test_a_given_split_that_tears_a_group_apart_is_refused():
    groups = [0, 0, 1, 1, 2, 2, 3, 3]

    with pytest.raises(
        DataError, match="fold 0 has the group of row 4 on both sides: keep groups together"
    ):
        make_folds(labels(8, 4), [([0, 1, 2, 3, 4], [5, 6, 7])], groups=groups)


def test_a_given_split_that_scores_one_group_only_is_refused():
    """Groups are what is drawn anew when uncertainty is measured: of one there is nothing to draw."""
    groups = [0, 0, 1, 1, 2, 2, 3, 3]

    with pytest.raises(DataError, match="one group"):
        make_folds(labels(8, 4), [(range(6), [6, 7])], groups=groups)


@pytest.mark.parametrize("time", [[3, 2, 1, 0], [0, 1, 1, 2]])
def test_a_given_split_that_knows_the_future_is_refused(time):
    with pytest.raises(
        DataError, match="fold 0 trains on rows that are not older than all rows it scores"
    ):
        make_folds(np.array([1, 0, 1, 0], dtype=bool), [([0, 1], [2, 3])], time=time)


def test_it_takes_rows_of_both_classes_in_all_that_is_scored():
    y = np.zeros(30, dtype=bool)
    y[[0, 1, 2]] = True

    with pytest.raises(
        DataError, match="the rows that the folds score are of one class only: use other folds"
    ):
        make_folds(y, 2, time=np.arange(30))


# What does not fit the rows


def test_too_few_rows_of_a_class_are_refused_before_any_fitting():
    y = np.zeros(50, dtype=bool)
    y[0] = True

    message = "there are 1 positive rows for 5 folds: .* get more rows, at least 2 positive ones$"
    for cv in (2, 5):
        with pytest.raises(DataError, match=message.replace("5 folds", f"{cv} folds")):
            make_folds(y, cv)
    with pytest.raises(DataError, match="there are 1 negative rows for 5 folds"):
        make_folds(~y, 5)


def test_as_many_folds_as_there_are_rows_of_the_rarer_class_are_offered():
    with pytest.raises(DataError, match="there are 3 positive .*; get more rows, or use cv=3$"):
        make_folds(np.arange(50) < 3, 5)


def test_too_few_groups_are_refused():
    with pytest.raises(DataError, match="there are 2 groups for 3 folds: use fewer folds"):
        make_folds(labels(20, 10), 3, groups=np.arange(20) % 2)


def test_groups_that_hold_a_class_each_are_refused():
    y = np.repeat([True, False], 10)

    with pytest.raises(DataError, match="rows of one class only"):
        make_folds(y, 2, groups=y.astype(int))


@pytest.mark.parametrize("name", ["groups", "time"])
def test_groups_and_time_must_be_one_value_per_row(name):
    y = labels(20, 10)

    for given_as, message in (
        (np.arange(19), f"{name} must have one value for each of the 20 rows, got 19"),
        (3, f"{name} must have one value for each of the 20 rows"),
        (np.zeros((20, 1)), f"{name} must "),
        (
            [*range(7), None, *range(12)],
            f"{name} must have a value in every row, got none in row 7",
        ),
        ([*range(7), np.nan, *range(12)], f"{name} must have a value in every row.* row 7"),
        (["a", 1] * 10, f"{name} mixes values that cannot be put in order: use one type"),
    ):
        with pytest.raises(DataError, match=message):
            make_folds(y, 2, **{name: given_as})


def test_groups_and_time_at_once_are_refused():
    with pytest.raises(DataError, match="give groups or time, not both"):
        make_folds(labels(20, 10), 2, groups=np.arange(20), time=np.arange(20))


# The order that folds go forward in


@pytest.mark.parametrize("cv", [3, [(np.arange(30), np.arange(30, 60))]])
def test_a_declared_time_is_the_order(cv):
    y = np.arange(60) % 2 == 0
    time = np.arange(60) // 3 * 10.0

    assert_array_equal(make_folds(y, cv, time=time).order, np.arange(60) // 3)


def test_folds_that_only_look_back_go_forward_by_position():
    y = np.arange(60) % 2 == 0
    pairs = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(40, 60))]

    assert_array_equal(make_folds(y, pairs).order, np.arange(60))
    by_group = make_folds(y, pairs, groups=np.arange(60) // 4)
    assert_array_equal(by_group.order, np.arange(60) // 4 * 4)


@pytest.mark.parametrize(
    "cv",
    [
        3,
        [(np.arange(30), np.arange(30, 60))],  # a single split says nothing of an order
        [(np.arange(20), np.arange(20, 40)), (np.arange(20, 60), np.arange(20))],
    ],
)
def test_other_folds_have_no_order(cv):
    assert make_folds(np.arange(60) % 2 == 0, cv).order is None
