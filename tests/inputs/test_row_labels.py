"""What carries row labels is never matched by position with something of other labels."""

import re
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

import costopt
import costopt.checks
import costopt.metrics
import costopt.rebalancing
from costopt import (
    CaseCosts,
    CostMatrix,
    CostSearchClassifier,
    CostThresholdClassifier,
    DataError,
    choose_threshold,
    plotting,
)
from costopt.decision.rules import always_cost, never_cost, perfect_cost
from costopt.inputs.frames import Table
from costopt.inputs.row_labels import check_same_rows
from costopt.rebalancing.rejection import rejection

mpl.use("Agg")

N = 60
DECLARED = CostMatrix(fn="amount", fp=10, tp=10)
CONSTANT = CostMatrix(fn=40, fp=10)


def seeded():
    return np.random.default_rng(0)


# What joins rows: the call, and which of its arguments have one value per case. Cheap ones first,
# which are tried on many small tables, then those that learn or draw.
ARITHMETIC = {
    "decide": (costopt.decide, "probability costs"),
    "expected_gain": (costopt.expected_gain, "probability costs"),
    "decision_cost": (costopt.metrics.decision_cost, "y_true act costs"),
    "mean_cost": (costopt.mean_cost, "y_true act costs sample_weight"),
    "never_cost": (never_cost, "y_true costs sample_weight"),
    "always_cost": (always_cost, "y_true costs sample_weight"),
    "perfect_cost": (perfect_cost, "y_true costs sample_weight"),
    "cost_curve": (
        lambda **rows: costopt.cost_curve(**rows).mean_cost,
        "y_true y_score costs sample_weight",
    ),
    "decision_metrics": (
        lambda **rows: list(costopt.metrics.decision_metrics(**rows).values()),
        "y_true act costs y_prob sample_weight",
    ),
    "sample_weight": (
        lambda **rows: costopt.sample_weight(**rows).sample_weight,
        "y costs population",
    ),
    "class_weight": (
        lambda **rows: costopt.class_weight(**rows).sample_weight,
        "y costs population",
    ),
    "scale_pos_weight": (costopt.scale_pos_weight, "y costs population"),
    "random_over": (
        lambda **rows: (
            costopt.rebalancing.random_over(sampling_ratio=1.0, rng=seeded(), **rows).sample_weight
        ),
        "y population",
    ),
    "random_under": (
        lambda **rows: (
            costopt.rebalancing.random_under(sampling_ratio=1.0, rng=seeded(), **rows).rows
        ),
        "y population",
    ),
    "rejection": (lambda **rows: rejection(rng=seeded(), **rows).rows, "y costs population"),
    "known_beforehand": (
        lambda **rows: CostMatrix(fn="a", fp=1, hindsight="a").known_beforehand(**rows).fn,
        "resolved y sample_weight",
    ),
    "CaseCosts": (lambda **rows: CaseCosts(**rows).fn_regret, "fp fn tp tn"),
    "take": (lambda costs, rows: costs.take(rows).fn, "costs rows"),
}


@pytest.fixture(scope="module")
def policy():
    rng = np.random.default_rng(1)
    score = rng.random(400)
    y = rng.random(400) < score
    frame = pd.DataFrame({"amount": rng.uniform(11, 90, 400)})
    return choose_threshold(y, score, DECLARED, X=frame, threshold="bayes")


@pytest.fixture(scope="module")
def model():
    rows = table(seeded())
    return CostThresholdClassifier(LogisticRegression(), CONSTANT).fit(rows["X"], rows["y"])


def scored(policy):
    return policy.evidence.expected_cost.value, policy.evidence.curve.caught


def drawn(display):
    return [
        getattr(display, name)
        for name in ("mean_cost", "actual", "positives", "caught", "stages")
        if hasattr(display, name)
    ]


def learners():
    """Calls that learn, by name, as in `ARITHMETIC`."""
    logistic = {"learners": "logistic", "n_trials": 1, "n_jobs": 1}
    beside = "X y costs sample_weight"
    return {
        "choose_threshold": (
            lambda **rows: scored(choose_threshold(**rows)),
            "y score X costs sample_weight groups",
        ),
        "choose_threshold in time": (
            lambda **rows: scored(choose_threshold(**rows)),
            "y score costs time",
        ),
        "optimize": (
            lambda **rows: costopt.optimize(**rows, **logistic).expected_cost.value,
            f"{beside} groups",
        ),
        "compare": (
            lambda **rows: [
                found.expected_cost.value
                for found in costopt.compare(
                    **rows, strategies="logistic regression", learner="logistic", n_jobs=1
                ).results
            ],
            "X y costs time",
        ),
        "advise": (lambda **rows: costopt.advise(**rows).cost_ratio, beside),
        "check_threshold": (
            lambda **rows: costopt.checks.check_threshold(0.3, **rows),
            "y_test score_test costs",
        ),
        "costs_counted_twice": (
            lambda **rows: costopt.checks.costs_counted_twice(50.0, **rows).code,
            "threshold costs",
        ),
        "check_split": (
            lambda X, y: [
                found.code
                for found in costopt.checks.check_split(X, X.head(20), y, np.arange(20) % 2)
            ],
            "X y",
        ),
        "CostThresholdClassifier": (
            lambda **rows: (
                CostThresholdClassifier(LogisticRegression(), None)
                .fit(**rows)
                .predict_proba(rows["X"])
            ),
            "X y fp fn sample_weight groups",
        ),
        "CostSearchClassifier": (
            lambda **rows: (
                CostSearchClassifier(CONSTANT, learners="logistic", n_trials=1)
                .fit(**rows)
                .threshold_
            ),
            "X y fn time",
        ),
        "CostCurveDisplay": (
            lambda **rows: drawn(plotting.CostCurveDisplay.from_predictions(**rows)),
            "y_true y_score costs X sample_weight groups",
        ),
        "ScoreDistributionDisplay": (
            lambda **rows: drawn(plotting.ScoreDistributionDisplay.from_predictions(**rows)),
            "y_true y_score costs X sample_weight act",
        ),
        "GainDisplay": (
            lambda **rows: drawn(plotting.GainDisplay.from_predictions(**rows)),
            "y_true y_score costs X sample_weight act",
        ),
        "CostRatioDisplay": (
            lambda **rows: drawn(plotting.CostRatioDisplay.from_predictions(**rows)),
            "y_true y_score costs sample_weight",
        ),
        "TradeoffDisplay": (
            lambda **rows: drawn(plotting.TradeoffDisplay.from_predictions(**rows)),
            "y_true y_score costs sample_weight",
        ),
        "CostCalibrationDisplay": (
            lambda **rows: len(drawn(plotting.CostCalibrationDisplay.from_predictions(**rows))),
            "y_true y_score sample_weight",
        ),
    }


LEARNING = learners()
OF_A_POLICY = {
    "probability": "X score",
    "decide": "X score costs",
    "decide_frame": "X score costs",
    "evaluate": "X y score costs sample_weight",
}


def table(rng, labels=None, n=N):
    """One value per case under every name that a call may give it, all with the same labels."""
    index = pd.Index(rng.permutation(n) + 100 if labels is None else labels)
    probability = np.round(rng.uniform(0.05, 0.95, n), 3)
    y = (rng.random(n) < probability).astype(int)
    y[:2] = 0, 1
    amount = np.round(rng.uniform(11, 90, n), 2)
    X = pd.DataFrame({"amount": amount, "signal": probability + rng.normal(0, 0.2, n)}, index)
    costs = DECLARED.resolve(X)
    weight, act = rng.integers(1, 4, n).astype(float), probability > 0.3
    groups = np.arange(n) // 3
    values = {
        **dict.fromkeys(("y", "y_true", "y_test"), y),
        **dict.fromkeys(("probability", "score", "y_score", "y_prob", "score_test"), probability),
        **dict.fromkeys(("sample_weight", "population"), weight),
        **dict.fromkeys(("act", "rows"), act),
        **{"threshold": probability, "groups": groups, "time": np.arange(n)},
        **{"fp": np.full(n, 10.0), "fn": amount, "tp": np.full(n, 1.0), "tn": np.zeros(n)},
    }
    series = {name: pd.Series(value, index) for name, value in values.items()}
    return {**series, "X": X, "costs": costs, "resolved": costs}


def shuffled(value, order):
    return value.take(order) if isinstance(value, CaseCosts) else value.iloc[order]


def unlabelled(value):
    """The same values in the same order, of a kind that carries no labels."""
    if isinstance(value, CaseCosts):
        return CaseCosts(fp=value.fp, fn=value.fn, tp=value.tp, tn=value.tn)
    if isinstance(value, pd.DataFrame):
        return pl.from_pandas(value)
    return value.to_numpy()


def called(call, rows):
    """A call of which warnings do not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(**rows)


def check_every_pair(call, names):
    """Two labelled arguments are refused in another order, and in the same count as arrays."""
    rows = {name: table(seeded())[name] for name in names}
    plain = {name: unlabelled(value) for name, value in rows.items()}
    order = np.random.default_rng(3).permutation(N)
    expected = called(call, plain)
    np.testing.assert_equal(called(call, rows), expected)

    for other in names[1:]:
        first = names[0]
        pair = {**plain, first: rows[first], other: shuffled(rows[other], order)}
        with pytest.raises(DataError, match="has other row labels") as caught:
            called(call, pair)
        told = str(caught.value)
        assert re.search(rf"\b{first}(_train)?\b", told)
        assert re.search(rf"\b{other}(_train)?\b", told)
        assert ".loc[" in told or "take the same rows" in told
    for other in names:  # against all the others at once
        with pytest.raises(DataError, match="has other row labels"):
            called(call, {**rows, other: shuffled(rows[other], order)})


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_refuses_every_pair_in_another_order(name):
    call, names = ARITHMETIC[name]
    check_every_pair(call, names.split())


@pytest.mark.parametrize("name", LEARNING)
def test_what_learns_or_draws_refuses_every_pair_in_another_order(name):
    call, names = LEARNING[name]
    check_every_pair(call, names.split())


@pytest.mark.parametrize("name", OF_A_POLICY)
def test_a_policy_refuses_every_pair_in_another_order(name, policy, model):
    method = getattr(model.policy_, name)

    def call(**rows):
        found = method(**rows)
        if name == "decide_frame":
            return found["action"].to_list()
        return found.value if name == "evaluate" else found

    check_every_pair(call, OF_A_POLICY[name].split())


@pytest.mark.parametrize("method", ["predict", "score"])
def test_costs_that_a_classifier_is_given_later_are_of_the_same_rows(method, model):
    names = "X y fn sample_weight" if method == "score" else "X fn"
    check_every_pair(getattr(model, method), names.split())


@pytest.mark.parametrize(
    "display",
    [plotting.CostCurveDisplay, plotting.GainDisplay, plotting.CostCalibrationDisplay],
    ids=lambda display: display.__name__,
)
def test_a_display_of_a_policy_takes_labels_and_costs_of_the_same_rows(display, model):
    check_every_pair(
        lambda **rows: bool(display.from_policy(model.policy_, **rows)), ["X", "y", "costs"]
    )


@given(
    name=st.sampled_from([name for name in ARITHMETIC if name != "take"]),
    labels=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    order=st.permutations(range(5)),
    data=st.data(),
)
def test_rows_in_another_order_are_refused_or_have_the_same_labels(name, labels, order, data):
    """With labels that repeat, another order of rows may have the same labels: those are trusted."""
    call, names = ARITHMETIC[name]
    rows = table(seeded(), labels, n=5)
    rows = {each: rows[each] for each in names.split()}
    moved = data.draw(st.sampled_from(list(rows)))
    given_rows = {**rows, moved: shuffled(rows[moved], order)}
    relabelled = [labels[place] for place in order]

    if relabelled != labels:
        with pytest.raises(DataError, match="has other row labels"):
            called(call, given_rows)
        return
    plain = {each: unlabelled(value) for each, value in given_rows.items()}
    np.testing.assert_equal(outcome(call, given_rows), outcome(call, plain))


def outcome(call, rows):
    """What a call gives, or says where five rows are too few for it."""
    try:
        return called(call, rows)
    except (DataError, costopt.CostSpecError) as error:
        return str(error)


# What it says


def frame(index):
    return pd.DataFrame({"a": np.ones(len(index))}, index)


def test_the_same_labels_in_another_order_come_with_the_way_to_align_them():
    message = r"^y has other row labels \(index\) than X: use y\.loc\[X\.index\]$"
    with pytest.raises(DataError, match=message):
        check_same_rows(X=Table(frame(["u", "v"])), y=pd.Series([0, 1], ["v", "u"]))


@pytest.mark.parametrize("index", [["u", "w"], ["u", "v", "w"], ["v", "v"]])
def test_other_rows_are_refused(index):
    message = r"^y has .* than X: take the same rows of X and y, in the same order$"
    with pytest.raises(DataError, match=message):
        check_same_rows(X=frame(["u", "v"]), y=pd.Series(np.ones(len(index)), index))


def test_repeated_labels_are_not_looked_up():
    with pytest.raises(DataError, match="take the same rows of X and y, in the same order$"):
        check_same_rows(X=frame(["u", "u", "v"]), y=pd.Series([1, 2, 3], ["u", "v", "u"]))


def test_costs_cannot_be_looked_up_by_label():
    costs = CaseCosts(fp=1.0, fn=pd.Series([1.0, 2.0], ["v", "u"]))
    with pytest.raises(DataError, match=r"^costs has .* than X: take the same rows of X and costs"):
        check_same_rows(X=frame(["u", "v"]), costs=costs)


def test_what_was_reset_is_no_longer_the_same_row():
    y = pd.Series([0, 1, 1], [4, 7, 9])
    with pytest.raises(DataError, match="take the same rows"):
        check_same_rows(y=y, score=y.reset_index(drop=True))


@pytest.mark.parametrize(
    "other",
    [
        None,
        "column",
        [0, 1],
        (0, 1),
        np.array([0, 1]),
        pl.Series([0, 1]),
        pl.DataFrame({"a": [0, 1]}),
        pa.chunked_array([[0, 1]]),
        {"a": [0, 1]},
        pd.Series([0, 1], index=[5, 6]),
        {"b": 1, "a": pd.Series([0, 1], index=[5, 6])},
    ],
    ids=lambda other: type(other).__name__,
)
def test_what_has_no_row_labels_or_the_same_is_matched_by_position(other):
    check_same_rows(X=Table(frame([5, 6])), y=other)
    check_same_rows(X=Table(np.ones((2, 1))), y=other)


# Labels of costs


def test_costs_of_a_table_keep_its_labels():
    X = pd.DataFrame({"amount": [30.0, 20.0, 40.0]}, index=["c", "a", "b"])

    for given_rows in (X, Table(X), dict(X.items())):
        costs = DECLARED.resolve(given_rows)
        assert costs.index.equals(X.index)
        assert costs.scaled(2).index.equals(X.index)
        assert list(costs.take([2, 0]).index) == ["b", "c"]
        assert list(costs.take(np.array([False, True, False])).index) == ["a"]
    assert DECLARED.resolve(pl.from_pandas(X)).index is None
    assert CONSTANT.resolve(X).index is None
    assert_array_equal(costs.take(X["amount"] > 25).fn, [30, 40])


def test_columns_of_a_mapping_are_of_the_same_rows():
    columns = {"amount": pd.Series([1.0, 2.0], [0, 1]), "fee": pd.Series([1.0, 2.0], [1, 0])}

    with pytest.raises(DataError, match=r"amount has other row .* use amount\.loc\[fee\.index\]"):
        CostMatrix(fn="amount", fp="fee").resolve(columns)
    assert_array_equal(CostMatrix(fn="amount", fp=1).resolve(columns).fn, [1, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"fn": [1.0, 2.0], "index": [0, 1]},
            r"index must be that of a data frame, .* got \[0, 1\]",
        ),
        ({"fn": 1.0, "index": pd.RangeIndex(2)}, "index is for costs per case, .* drop it"),
        (
            {"fn": [1.0, 2.0], "index": pd.RangeIndex(3)},
            "index must have one label for each of the 2 cases, got 3: take the same rows",
        ),
        (
            {"fn": pd.Series([1.0, 2.0]), "index": pd.Index([1, 0])},
            r"fn has other row labels \(index\) than costs: use fn\.loc\[costs\.index\]",
        ),
    ],
)
def test_an_index_of_other_costs_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        CaseCosts(fp=1, **options)


def test_the_labels_of_a_million_rows_cost_next_to_nothing():
    """Identical indexes are not looked through, let alone hashed."""

    class Watched:
        def __init__(self):
            self.asked = 0

        def equals(self, other):
            self.asked += 1
            return other is self

        def __iter__(self):
            raise AssertionError("labels were looked at one by one")

    index = Watched()
    holder = type("Rows", (), {"index": index})
    check_same_rows(X=holder, y=holder, costs=holder)
    assert index.asked == 2
