import os
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsClassifier

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSpecError,
    DataError,
    LogisticLearner,
    SklearnLearner,
)
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import prepare, prepare_encoded
from costopt.evaluation.rows import Rows, check_n_jobs, check_seed
from costopt.evaluation.trial import evaluate
from costopt.inputs.labels import Labels

COSTS = CostMatrix(fp=1, fn=8, unit="EUR")
LEARNERS = {"logistic": LogisticLearner()}


def prepared(X, y, costs=COSTS, learners=LEARNERS, **options):
    options = {"cv": 3, "n_jobs": 1} | options
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    return prepare(X, y, costs, learners, rows_, **options)


def assert_same_folds(first, second):
    for one, other in zip(first.folds.folds, second.folds.folds, strict=True):
        assert_array_equal(one.train, other.train)
        assert_array_equal(one.test, other.test)


# What is made of what was passed


def test_rows_labels_costs_and_folds_are_prepared_once(rows):
    X, y = rows

    problem = prepared(X, y)

    assert problem.unit == "EUR"
    assert problem.declared == problem.declared_known == COSTS
    assert problem.schema.names == ("signal", "noise", "kind", "amount")
    assert (problem.labels.negative, problem.labels.positive) == (0, 1)
    assert_array_equal(problem.y, y == 1)
    assert_array_equal(problem.features.matrix[:, 0], X["signal"])
    assert_array_equal(problem.scored.rows, np.arange(300))
    assert [fold.test.size for fold in problem.folds.folds] == [100, 100, 100]
    assert problem.weight is None
    assert problem.prepared("logistic") is problem.prepared("logistic")


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas])
def test_other_data_frames_make_the_same_problem(rows, make):
    X, y = rows
    costs = CostMatrix(fp=1, fn="amount")

    problem = prepared(X, y, costs)
    other = prepared(make(X), y.to_list(), costs)

    assert_array_equal(problem.features.matrix, other.features.matrix)
    assert_array_equal(problem.costs.fn, other.costs.fn)
    assert_same_folds(problem, other)


def test_nothing_of_the_callers_is_changed(rows):
    X, y = rows
    X.index = y.index = np.arange(300)[::-1]
    weight = np.linspace(1, 2, 300)
    before = X.copy(), y.copy(), weight.copy()

    prepared(
        X, y, CostMatrix(fp=1, fn="amount"), sample_weight=weight, groups="kind", ignore="noise"
    )

    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_series_equal(y, before[1])
    assert_array_equal(weight, before[2])


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_costs_are_divided_by_a_power_of_two_near_the_largest(rows, rate):
    """So that no digit is lost and no currency over- or underflows."""
    X, y = rows
    fn = X["amount"].to_numpy() * rate

    problem = prepared(X, y, CaseCosts(fp=2.0 * rate, fn=fn, tp=1.0 * rate))

    assert problem.scale == 2.0 ** round(np.log2(problem.scale))
    assert 1 <= problem.costs.magnitude < 2
    assert_array_equal(problem.costs.fn * problem.scale, fn)
    assert_array_equal(problem.known.fn, problem.costs.fn)
    assert float(problem.costs.tp * problem.scale) == 1.0 * rate


def test_formulas_are_resolved_on_the_rows(rows):
    X, y = rows

    found = prepared(X, y, CostMatrix(fp=2, fn="3 * amount + 1"))

    assert_allclose(found.costs.fn * found.scale, 3 * X["amount"] + 1)
    assert found.declared.fn == "3 * amount + 1"
    assert "amount" in found.schema.names  # known beforehand, it may be a feature too


def test_costs_as_arrays_leave_nothing_to_declare_in_a_policy(rows):
    X, y = rows

    per_case = prepared(X, y, CaseCosts(fp=1.0, fn=X["amount"]))
    constant = prepared(X, y, CaseCosts(fp=1.0, fn=8.0, unit="EUR"))

    assert per_case.declared is None
    assert per_case.declared_known is None
    assert constant.declared == COSTS


def test_ignored_columns_are_no_features_but_may_cost(rows):
    X, y = rows

    one = prepared(X, y, CostMatrix(fp=1, fn="amount"), ignore="amount")
    two = prepared(X, y, ignore=["amount", "noise"])

    assert one.schema.names == ("signal", "noise", "kind")
    assert two.schema.names == ("signal", "kind")


@pytest.mark.parametrize("make", [lambda X: X, pl.from_pandas, pa.Table.from_pandas])
def test_columns_may_be_named_instead_of_passed_and_are_then_no_features(rows, make):
    X, y = rows
    day = np.random.default_rng(0).permutation(300)
    X = X.assign(
        day=pd.Timestamp("2024-01-01") + pd.to_timedelta(day, "D"), shop=day // 10, w=1 + day
    )

    by_group = prepared(make(X), y, groups="shop", sample_weight="w", ignore="day")
    in_time = prepared(make(X), y, time="day", ignore=["shop", "w"])

    plain = X[["signal", "noise", "kind", "amount"]]
    arrays = prepared(plain, y, groups=X["shop"], sample_weight=X["w"])
    assert by_group.schema == in_time.schema == arrays.schema
    assert_same_folds(by_group, arrays)
    assert_array_equal(by_group.weight, arrays.weight)
    assert_array_equal(by_group.folds.units, X["shop"])
    assert_same_folds(in_time, prepared(plain, y, time=day))


@pytest.mark.parametrize("make", [lambda X: X, pl.from_pandas, pa.Table.from_pandas])
def test_labels_may_be_a_column_which_is_then_no_feature(rows, make):
    X, y = rows

    by_name = prepared(make(X.assign(bad=y)), "bad")

    by_array = prepared(X, y)
    assert by_name.schema == by_array.schema
    assert_array_equal(by_name.y, by_array.y)
    assert_same_folds(by_name, by_array)


def test_labels_in_a_column_that_is_not_there_are_refused(rows):
    X, y = rows

    with pytest.raises(DataError, match="y names the column 'bed', which X does not have.*bad"):
        prepared(X.assign(bad=y), "bed")


def test_a_problem_can_be_packed_and_is_the_same_when_it_is_unpacked(rows):
    X, y = rows
    problem = prepared(X, y, CostMatrix(fp=2, fn="amount"), groups=np.arange(300) // 2)
    evaluated = evaluate(problem, Candidate("logistic", {"C": 0.5}))  # fills what is made once

    packed = pickle.dumps(problem)
    same = pickle.loads(packed)

    assert len(packed) == len(pickle.dumps(same))  # without what had been made
    again = evaluate(same, Candidate("logistic", {"C": 0.5}))
    assert again.log_odds.tobytes() == evaluated.log_odds.tobytes()
    assert again.value == evaluated.value


def test_rows_for_a_foreign_estimator_are_passed_on_untouched():
    texts = np.array(["good", "bad"] * 20, dtype=object)
    labels = Labels(texts == "bad", "good", "bad")

    found = prepare_encoded(texts, labels, COSTS, LEARNERS, Rows(cv=2))

    assert found.features is texts
    assert found.schema is None
    assert_array_equal(found.y, texts == "bad")


# Hindsight


def test_hindsight_is_no_feature_and_rules_know_its_class_means(rows):
    X, y = rows
    X["claim"] = np.where(y == 1, X["amount"] * 3, 0.0)
    weight = np.linspace(0.5, 2, 300)
    costs = CostMatrix(fp=5, fn="claim + 2", tp="amount / 100", hindsight=("claim",))

    found = prepared(X, y, costs, sample_weight=weight, ignore="amount")

    positive = y.to_numpy() == 1
    mean = np.average(X["claim"][positive] + 2, weights=weight[positive])
    assert found.schema.names == ("signal", "noise", "kind")
    assert found.declared == costs
    assert_allclose(found.declared_known.fn, mean)
    assert found.declared_known.tp == "amount / 100"
    assert_allclose(found.known.fn * found.scale, mean)
    assert_allclose(found.costs.fn * found.scale, X["claim"] + 2)
    assert_allclose(found.known.tp, found.costs.tp)


def test_a_cost_column_that_knows_the_answer_is_warned_of(rows):
    X, y = rows
    X["claim"] = np.where(y == 1, X["amount"], 0.0)

    with pytest.warns(
        CostOptWarning,
        match=r"\[possible-leaks\] 'claim' is other than 0 in 100 % of the positives and 0 % of the "
        r"negatives\. .* declare hindsight=\('claim',\)",
    ):
        prepared(X, y, CostMatrix(fp=1, fn="claim + 1"))
    with pytest.warns(CostOptWarning, match="possible-leaks"):
        prepared(X.assign(claim=-X["claim"]), y, CostMatrix(fp=1, fn="1 - claim"))
    prepared(X, y, CostMatrix(fp=1, fn="claim + 1", hindsight=("claim",)))  # without a warning


# Population weights


def test_weights_of_the_population_have_mean_one(rows):
    X, y = rows
    weight = np.random.default_rng(0).uniform(0, 7, 300)

    problem = prepared(X, y, sample_weight=weight)

    assert_allclose(problem.weight, weight / weight.mean())


@pytest.mark.parametrize("weighted", [False, True])
def test_a_prevalence_is_the_weighted_share_of_positives(rows, weighted):
    X, y = rows
    weight = np.random.default_rng(0).uniform(0.1, 7, 300) if weighted else np.ones(300)

    found = prepared(X, y, sample_weight=weight if weighted else None, prevalence=0.01).weight

    assert_allclose(found.mean(), 1)
    assert_allclose(found[y == 1].sum() / found.sum(), 0.01)
    for label in (0, 1):  # within a class, as given
        ratio = (found / weight)[y == label]
        assert_allclose(ratio, ratio[0])


@pytest.mark.parametrize("bad", [0, 1, -0.1, 1.5, np.nan, True, "0.1"])
def test_a_prevalence_must_lie_between_zero_and_one(rows, bad):
    with pytest.raises(
        DataError, match="prevalence, the share of positives .* must lie between 0 and 1, got"
    ):
        prepared(*rows, prevalence=bad)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(299), "one value for each of the 300 cases, got shape"),
        (np.r_[np.ones(299), -1.0], "finite and at least 0, got -1.0 in row 299"),
        (np.r_[np.ones(299), np.nan], "finite and at least 0, got nan in row 299"),
        (np.zeros(300), "must not be zero for every case"),
        (["heavy"] * 300, "sample_weight must hold numbers"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(rows, weight, message):
    with pytest.raises(DataError, match=message):
        prepared(*rows, sample_weight=weight)


def test_each_class_must_stand_for_somebody(rows):
    X, y = rows

    for label in (0, 1):
        with pytest.raises(DataError, match="above 0 for some row of each class"):
            prepared(X, y, sample_weight=(y == label).astype(float))


def test_each_fold_must_stand_for_somebody_of_each_class(rows):
    """One row of each class with a weight: no fold can be both trained on and scored."""
    X, y = rows
    weight = np.zeros(300)
    weight[[np.flatnonzero(y == 1)[0], np.flatnonzero(y == 0)[0]]] = 1

    with pytest.raises(DataError, match="sample_weight"):
        prepared(X, y, sample_weight=weight)


def test_weights_cannot_reach_a_learner_that_takes_none(rows):
    learners = LEARNERS | {"near": SklearnLearner(KNeighborsClassifier())}

    prepared(*rows, learners=learners)
    with pytest.raises(
        DataError, match="KNeighborsClassifier takes no sample_weight, .* use another learner"
    ):
        prepared(*rows, learners=learners, prevalence=0.1)


# What does not fit together


@pytest.mark.parametrize("name", ["y", "costs", "sample_weight", "groups", "time"])
def test_rows_are_never_matched_by_position_against_their_labels(rows, name):
    X, y = rows
    shuffled = pd.Series(np.arange(300) % 30 + 1.0, index=X.index[::-1])
    options = {"y": y}
    if name == "y":
        options["y"] = y[::-1]
    elif name == "costs":
        options["costs"] = CaseCosts(fp=1.0, fn=shuffled)
    else:
        options[name] = shuffled

    remedy = (
        rf"use {name}\.loc\[X\.index" if name != "costs" else "take the same rows of X and costs"
    )
    with pytest.raises(DataError, match=rf"{name} has other row labels \(index\) than X: {remedy}"):
        prepared(X, **options)


@pytest.mark.parametrize("name", ["groups", "time", "sample_weight"])
def test_a_named_column_must_exist(rows, name):
    with pytest.raises(
        DataError, match=rf"{name} names the column 'amonut', .* did you mean 'amount'\?"
    ):
        prepared(*rows, **{name: "amonut"})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"costs": CostMatrix(fp=1, fn="amonut")}, CostSpecError, "reads the column 'amonut'"),
        ({"costs": CostMatrix(fp=1, fn="kind")}, DataError, "'kind', which must hold numbers"),
        ({"costs": [[0, 1], [8, 0]]}, CostSpecError, "must be a CostMatrix or CaseCosts"),
        ({"costs": CaseCosts(fp=1.0, fn=np.ones(299))}, DataError, "are for 299 cases but .* 300"),
        ({"y": np.ones(300)}, DataError, "y must have two classes, got only one class"),
        ({"y": np.r_[0, 1, np.zeros(297)]}, DataError, "X has 300 rows but y has 299 labels"),
        ({"y": np.r_[1, np.zeros(299)]}, DataError, "1 positive rows for 3 folds"),
        ({"y": ["a", "b"] * 150}, DataError, "pass pos_label="),
        ({"threshold": "best"}, DataError, "threshold='best' is not known"),
        ({"threshold": 0.5}, DataError, "threshold=0.5 is not known"),
        ({"ignore": ["sum"]}, DataError, "no column 'sum' to ignore"),
        ({"cv": 1}, DataError, "cv must be at least 2 folds"),
        ({"n_jobs": 0}, DataError, "n_jobs must be a number of cores"),
        ({"random_state": None}, DataError, "random_state must be a whole number"),
        ({"groups": np.arange(300), "time": np.arange(300)}, DataError, "not both"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_fitted(rows, options, error, message):
    X, y = rows
    options = {"y": y} | options

    with pytest.raises(error, match=message):
        prepared(X, **options)


def test_a_bad_value_is_named_before_anything_is_fitted(rows):
    X, y = rows
    X.loc[7, "noise"] = np.inf

    with pytest.raises(DataError, match="'noise' must be finite or missing, got inf in row 7"):
        prepared(X, y)


@pytest.mark.parametrize("as_arrays", [True, False])
def test_costs_under_which_nothing_is_decided_are_refused_or_warned_of(rows, as_arrays):
    X, y = rows
    X["act"] = 5.0

    def costs(fp, fn):
        if as_arrays:
            return CaseCosts(fp=np.full(300, fp), fn=np.full(300, fn))
        return CostMatrix(fp=f"act - {5 - fp}", fn=f"act - {5 - fn}")

    options = {"ignore": "act"}
    with pytest.raises(CostSpecError, match="all actions cost the same"):
        prepared(X, y, costs(0, 0), **options)
    with pytest.raises(CostSpecError, match="are fp and tn, fn and tp swapped"):
        prepared(X, y, costs(-1, -2), **options)
    with pytest.warns(
        CostOptWarning, match=r"\[dominated-action\] acting is never cheaper"
    ) as seen:
        prepared(X, y, costs(1, -2), **options)
    assert len(seen) == 1


@pytest.mark.filterwarnings("default")
def test_constant_costs_as_arrays_are_warned_of_once(rows):
    with pytest.warns(CostOptWarning, match="dominated-action") as seen:
        prepared(*rows, CaseCosts(fp=-1.0, fn=2.0))

    assert len(seen) == 1


def test_some_rows_with_nothing_at_stake_are_counted(rows):
    X, y = rows
    X.loc[[3, 50], "amount"] = 0.0

    with pytest.warns(
        CostOptWarning, match=r"\[degenerate-cases\] 2 of 300 cases .* \(first rows 3, 50\)"
    ):
        prepared(X, y, CostMatrix(fp=1, fn="amount"))


def test_warnings_point_at_the_line_that_prepared_the_problem(rows):
    X, y = rows

    with pytest.warns(CostOptWarning) as seen:
        prepared(X, y, CaseCosts(fp=1.0, fn=np.r_[np.zeros(10), np.ones(290)]))

    assert os.path.samefile(seen[0].filename, __file__)


# Scored rows, draws and randomness


def assert_scored(scored, problem, folds):
    """The rows that folds score, and all that prices a decision on them, row by row."""
    rows = sorted(row for fold in folds for row in fold.test)
    assert_array_equal(scored.rows, rows)
    assert_array_equal(scored.y, [problem.y[row] for row in rows])
    for name in ("costs", "known"):
        for cell in ("fp", "fn", "tp", "tn"):
            everybody = np.broadcast_to(getattr(getattr(problem, name), cell), problem.y.size)
            mine = np.broadcast_to(getattr(getattr(scored, name), cell), len(rows))
            assert_array_equal(mine, everybody[rows])
    assert len(scored.folds) == len(folds)
    for mine, fold in zip(scored.folds, folds, strict=True):
        assert_array_equal(scored.rows[mine.test], fold.test)
    for mine, everybody in (
        (scored.weight, problem.weight),
        (scored.draws.weight, problem.weight),
        (scored.draws.units, problem.folds.units),
    ):
        if everybody is None:
            assert mine is None
        else:
            assert_array_equal(mine, everybody[rows])
    assert_array_equal(
        np.sort(np.concatenate([part.test for part in scored.parts])), range(len(rows))
    )
    for part in scored.parts:
        assert not np.isin(part.train, part.test).any()
    assert scored.draws.n_rows == len(rows)
    assert scored.draws.seed == problem.seed


POSED = {
    "plain": {},
    "weighted": {"sample_weight": np.linspace(1, 2, 300)},
    "grouped": {"groups": np.arange(300) // 4},
    "in time": {
        "time": np.random.default_rng(0).permutation(300),
        "sample_weight": np.linspace(1, 2, 300),
    },
    "given": {"cv": [(np.arange(100, 300), np.arange(50)), (np.arange(100), np.arange(120, 200))]},
}


@pytest.mark.parametrize("options", POSED.values(), ids=POSED)
def test_what_is_scored_is_gathered_row_by_row(rows, options):
    X, y = rows

    problem = prepared(X, y, CostMatrix(fp=2, fn="amount", tp=1), random_state=5, **options)

    assert_scored(problem.scored, problem, problem.folds.folds)
    assert problem.scored is problem.scored


@pytest.mark.parametrize("options", POSED.values(), ids=POSED)
def test_what_the_first_folds_score_is_gathered_likewise(rows, options):
    """As if the other folds had never been."""
    X, y = rows
    X["claim"] = np.where(y == 1, X["amount"], 0.0)
    costs = CostMatrix(fp="amount / 10", fn="claim + 5", hindsight=("claim",))

    problem = prepared(X, y, costs, random_state=5, **options)

    for n_folds in range(1, problem.n_folds + 1):
        found = problem.scored_by(n_folds)
        assert_scored(found, problem, problem.folds.folds[:n_folds])
        assert problem.scored_by(n_folds) is found
    assert problem.scored_by(problem.n_folds) is problem.scored


def test_stretches_of_time_before_the_first_fold_are_scored_by_nobody(rows):
    X, y = rows
    time = np.random.default_rng(0).permutation(300)

    problem = prepared(X, y, time=time)

    assert_array_equal(problem.scored.rows, np.flatnonzero(time >= 75))
    assert_array_equal(problem.scored_by(1).rows, np.flatnonzero((time >= 75) & (time < 150)))
    assert_array_equal(problem.scored_by(2).rows, np.flatnonzero((time >= 75) & (time < 225)))


def test_rows_are_drawn_one_by_one_unless_there_are_groups_or_time(rows):
    X, y = rows
    groups, time = np.arange(300) // 4, np.arange(300)

    plain = prepared(X, y).scored.draws
    grouped = prepared(X, y, groups=groups).scored.draws
    in_time = prepared(X, y, time=time).scored.draws

    assert plain.units is None
    assert plain.weight is None
    assert_array_equal(plain.part, np.arange(300))
    assert_array_equal(grouped.part, groups)
    assert np.all(np.diff(in_time.part) >= 0)  # consecutive stretches of about sqrt(300) rows
    assert np.bincount(in_time.part).max() == 17


def test_each_fold_has_its_own_randomness_the_same_every_time(rows):
    problem, other = (prepared(*rows, random_state=seed) for seed in (3, 4))
    folds = (None, 0, 1, 2)

    first = [problem.rng(fold).random() for fold in folds]

    assert first == [problem.rng(fold).random() for fold in folds]
    assert len({*first, *(other.rng(fold).random() for fold in folds)}) == 8


# Cores and seeds


def test_all_cores_are_used_unless_fewer_are_asked_for():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    assert check_n_jobs(None) == check_n_jobs(-1) == check_n_jobs(10_000) == cores
    assert check_n_jobs(1) == check_n_jobs(np.int64(1)) == 1


@pytest.mark.parametrize("bad", [0, -2, 1.5, True, "2"])
def test_a_number_of_cores_must_be_whole_and_at_least_one(bad):
    with pytest.raises(
        DataError, match=f"n_jobs must be a number of cores of at least 1, or -1, got {bad!r}"
    ):
        check_n_jobs(bad)


def test_a_seed_is_a_whole_number():
    assert check_seed(0) == 0
    assert check_seed(np.int32(7)) == 7
    assert type(check_seed(np.int32(7))) is int
    assert check_seed(2**31 - 1) == 2**31 - 1


@pytest.mark.parametrize("bad", [None, -1, 2**31, 1.0, True, "0", np.random.default_rng(0)])
def test_a_seed_that_cannot_be_repeated_is_refused(bad):
    with pytest.raises(DataError, match=r"random_state must be a whole number from 0 to 2\*\*31"):
        check_seed(bad)
