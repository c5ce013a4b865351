import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import TimeSeriesSplit

from costopt.evaluation.folds import make_folds
from costopt.evaluation.scored import LEAST_EARLIER, calibration_parts

N = 600


@pytest.fixture
def y():
    return np.random.default_rng(0).random(N) < 0.3


def parts_of(y, weight=None, n_folds=None, **options):
    """Parts in indices of all rows, with the folds that they come from."""
    folds = make_folds(y, **options)
    rows = np.sort(np.concatenate([fold.test for fold in folds.folds[:n_folds]]))
    parts = calibration_parts(folds, rows, y, weight, n_folds=n_folds)
    judged = np.concatenate([part.test for part in parts])
    assert_array_equal(np.sort(judged), np.arange(rows.size))  # each row once
    return folds, [(rows[part.train], rows[part.test]) for part in parts]


def single(y, n_test=300):
    return [(np.arange(n_test, y.size), np.arange(n_test))]


OPTIONS = {
    "stratified": {},
    "grouped": {"groups": np.arange(N) // 6},
    "in time": {"time": np.arange(N) // 3},
    "one split": {"cv": [(np.arange(300, N), np.arange(300))]},
    "one split, grouped": {
        "cv": [(np.arange(300, N), np.arange(300))],
        "groups": np.arange(N) // 6,
    },
    "one split in time": {"cv": [(np.arange(300), np.arange(300, N))], "time": np.arange(N) // 3},
    "TimeSeriesSplit": {"cv": TimeSeriesSplit(4)},
    "splits of rows never scored": {
        "cv": [(np.arange(200), np.arange(200, 400)), (np.arange(200), np.arange(400, N))]
    },
}


@pytest.mark.parametrize("n_folds", [None, 2])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_no_row_and_no_unit_of_it_is_judged_by_what_saw_it(options, n_folds, y):
    _, parts = parts_of(y, n_folds=n_folds, **options)
    groups = options.get("groups", np.arange(N))

    for train, test in parts:
        assert not np.isin(groups[train], groups[test]).any()
        if train.size:
            assert 0 < y[train].sum() < train.size


@pytest.mark.parametrize("n_folds", [2, 3, None])
@pytest.mark.parametrize("options", [{}, {"groups": np.arange(N) // 6}], ids=["rows", "groups"])
def test_in_cross_validation_a_fold_is_judged_by_all_others_that_were_scored(options, n_folds, y):
    folds, parts = parts_of(y, n_folds=n_folds, **options)

    tests = [fold.test for fold in folds.folds[:n_folds]]
    assert len(parts) == len(tests)
    for number, (train, test) in enumerate(parts):
        others = [rows for other, rows in enumerate(tests) if other != number]
        assert_array_equal(test, tests[number])
        assert_array_equal(train, np.sort(np.concatenate(others)))


@pytest.mark.parametrize("name", ["in time", "one split in time", "TimeSeriesSplit"])
def test_forward_in_time_only_earlier_rows_judge(name, y):
    options = OPTIONS[name]
    moment = options.get("time", np.arange(N))

    folds, parts = parts_of(y, **options)

    first = folds.folds[0].test
    within = [(train, test) for train, test in parts if np.isin(test, first).all()]
    assert len(within) == 5
    assert within[0][0].size == 0  # nothing is earlier than the first period
    for train, test in parts:
        if train.size:
            assert moment[train].max() < moment[test].min()
            assert LEAST_EARLIER <= y[train].sum() <= train.size - LEAST_EARLIER
    for fold in folds.folds[1:]:
        train, test = next(part for part in parts if np.isin(part[1], fold.test).all())
        assert_array_equal(test, fold.test)
        assert_array_equal(train, np.arange(first.min(), fold.test.min()))


def test_rows_of_one_moment_stay_in_one_period(y):
    moment = np.random.default_rng(0).integers(0, 40, N)

    _, parts = parts_of(y, time=moment, cv=3)

    seen = [set(moment[test]) for _, test in parts]
    assert sum(map(len, seen)) == len(set.union(*seen))


def test_too_few_earlier_positives_judge_nothing():
    """One positive in 20: the first scored periods hold fewer than ten."""
    y = np.arange(N) % 20 == 0

    _, parts = parts_of(y, time=np.arange(N), cv=5)

    for train, test in parts:
        earlier = np.arange(100, test.min())  # the first 100 rows are only trained on
        assert_array_equal(train, earlier if y[earlier].sum() >= 10 else [])


@pytest.mark.parametrize("groups", [None, np.arange(N) // 6])
def test_a_single_split_is_dealt_into_five_stratified_parts(groups, y):
    _, parts = parts_of(y, cv=single(y), groups=groups)

    assert len(parts) == 5
    for train, test in parts:
        assert_array_equal(np.sort(np.concatenate((train, test))), np.arange(300))
        assert test.size == pytest.approx(60, abs=6)
        assert y[test].mean() == pytest.approx(y[:300].mean(), abs=0.05)


@pytest.mark.parametrize(("positives", "n_parts"), [(1, 1), (2, 2), (4, 4), (5, 5), (30, 5)])
def test_few_positives_make_fewer_parts(positives, n_parts, y):
    y[:300] = np.arange(300) < positives

    _, parts = parts_of(y, cv=single(y))

    assert len(parts) == n_parts
    assert all(train.size for train, _ in parts) == (positives > 1)


def test_positives_of_one_group_judge_nobody(y):
    groups = np.arange(N) // 6
    y[:300] = np.arange(300) < 6

    _, parts = parts_of(y, cv=single(y), groups=groups)

    ((train, test),) = parts
    assert train.size == 0
    assert test.size == 300


def test_the_first_of_the_folds_alone_is_judged_by_parts_of_its_own(y):
    _, parts = parts_of(y, n_folds=1)
    _, in_time = parts_of(y, n_folds=1, cv=TimeSeriesSplit(4))

    assert len(parts) == len(in_time) == 5
    assert all(train.size for train, _ in parts)
    assert all(train.max(initial=-1) < test.min() for train, test in in_time)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_rows_that_stand_for_nobody_are_judged_and_judge_nobody(options, y):
    weight = np.where(np.arange(N) % 3 == 0, 0.0, 1.0)

    _, parts = parts_of(y, weight, **options)

    assert any(train.size for train, _ in parts)
    assert all((weight[train] > 0).all() for train, _ in parts)
