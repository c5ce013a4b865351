"""Leaks that are put there are found, and clean splits of real data stay clean."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split

from costopt import CostMatrix, DataError
from costopt.checks import check_split
from costopt.datasets import load_german_credit, make_transactions


def split(X, y, test_size=0.25):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_size, random_state=0, stratify=y
    )
    return X_train, X_test, y_train, y_test


def imbalanced(n_samples=3000):
    return make_classification(
        n_samples=n_samples, n_features=12, n_informative=6, weights=[0.93], random_state=42
    )


def codes(findings):
    return [finding.code for finding in findings]


def only(findings):
    (finding,) = findings
    return finding


# clean splits


@pytest.mark.parametrize(
    "data",
    [
        load_german_credit(),
        make_transactions(4000, fraud_rate=0.05, missing_rate=0.1),
        imbalanced(),
        (load_digits().data, (load_digits().target == 3).astype(int)),
        (load_breast_cancer().data, 1 - load_breast_cancer().target),
    ],
    ids=["german credit", "transactions", "classification", "digits", "breast cancer"],
)
def test_nothing_is_found_where_nothing_is_wrong(data):
    assert check_split(*split(*data)) == ()


def test_training_rows_may_be_over_sampled_after_the_split():
    from imblearn.over_sampling import SMOTE

    X_train, X_test, y_train, y_test = split(*imbalanced())
    X_more, y_more = SMOTE(random_state=0).fit_resample(X_train, y_train)

    assert codes(check_split(X_more, X_test, y_more, y_test)) == ["base-rate-differs"]


# resampling before the split


@pytest.mark.parametrize("sampler", ["SMOTE", "ADASYN", "BorderlineSMOTE", "SVMSMOTE"])
@pytest.mark.parametrize("ratio", [1.0, 0.15])
def test_synthetic_rows_before_the_split_are_found(sampler, ratio):
    import imblearn.over_sampling as over

    X, y = imbalanced()
    more = getattr(over, sampler)(sampling_strategy=ratio, random_state=0).fit_resample(X, y)
    found = check_split(*split(*more))

    assert codes(found)[0] == "synthetic-rows"
    assert found[0].severity == "error"
    assert "positive rows lie exactly between two others" in found[0].evidence
    assert "split first" in found[0].remedy


def test_synthetic_rows_are_found_without_labels_in_single_precision_and_rescaled():
    from imblearn.over_sampling import SMOTE

    X, y = SMOTE(random_state=0).fit_resample(*imbalanced())
    X_train, X_test, *_ = split((X * np.geomspace(1e-3, 1e6, X.shape[1])).astype(np.float32), y)

    assert "synthetic-rows" in codes(check_split(X_train, X_test))


def test_synthetic_rows_among_categories_and_gaps():
    from imblearn.over_sampling import SMOTENC

    X, y = make_transactions(3000, fraud_rate=0.05)
    X = X[["amount", "hour", "amount_ratio", "channel"]].assign(channel=X["channel"].astype(str))
    X, y = SMOTENC(["channel"], random_state=0).fit_resample(X, y)
    X["age"] = np.where(np.arange(len(X)) % 7 == 0, np.nan, 40.0)

    assert "synthetic-rows" in codes(check_split(*split(X, y)))


def test_a_test_that_was_over_sampled_on_its_own():
    from imblearn.over_sampling import SMOTE

    X_train, X_test, y_train, y_test = split(*imbalanced())
    X_more, y_more = SMOTE(random_state=0).fit_resample(X_test, y_test)

    found = check_split(X_train, X_more, y_train, y_more)

    assert codes(found) == ["synthetic-test-rows", "base-rate-differs"]


def test_columns_on_one_line_by_nature_are_not_synthetic():
    X, y = imbalanced(1000)
    net = np.column_stack((X[:, 0], 1.2 * X[:, 0], 1.2 * X[:, 0] + 5))

    assert check_split(*split(net, y)) == ()


def test_rows_repeated_before_the_split_are_found_with_their_count():
    from imblearn.over_sampling import RandomOverSampler

    more = RandomOverSampler(random_state=0).fit_resample(*imbalanced())
    X_train, X_test, y_train, y_test = split(*more)
    known = {row.tobytes() for row in X_train}
    copied = np.array([row.tobytes() in known for row in X_test])

    finding = only(check_split(X_train, X_test, y_train, y_test))

    assert (finding.code, finding.severity) == ("duplicate-rows", "error")
    assert f"{copied.sum():,} of {len(X_test):,} test rows" in finding.evidence
    assert "positives were repeated before the split" in finding.remedy


# duplicates


def test_copies_with_another_label_and_another_row_number_are_found():
    X, y = imbalanced(800)
    X_train, X_test, y_train, y_test = split(X, y)
    X_test, y_test = X_test.copy(), y_test.copy()
    X_test[:30] = X_train[:30]
    y_test[:30] = 1 - y_train[:30]
    number = np.arange(800.0)
    train, test = np.c_[X_train, number[:600]], np.c_[X_test, number[600:]]

    found = check_split(train, test, y_train, y_test)

    finding = next(each for each in found if each.code == "duplicate-rows")
    assert "30 of 200 test rows (15 %)" in finding.evidence
    assert "30 of them with another label there" in finding.evidence
    assert "row-identifier" in codes(found)


def test_copies_are_found_whatever_holds_the_rows():
    frame = pd.DataFrame({"a": np.arange(150) / 7, "b": [None, "x", "y"] * 50, "c": np.nan})
    train, test = frame.iloc[:100], frame.iloc[60:]
    for convert in (lambda x: x, pl.from_pandas):
        assert codes(check_split(convert(train), convert(test))) == ["duplicate-rows"]


@pytest.mark.parametrize("seed", range(10))
def test_coarse_columns_repeat_by_chance(seed):
    rng = np.random.default_rng(seed)
    y = rng.random(1000) < 0.1
    fond = rng.gamma(2, 0.6, size=(1000, 1))  # makes columns depend on each other
    for X in (rng.integers(0, 3, (1000, 4)), rng.poisson(fond * (1 + y[:, None]), (1000, 4))):
        X = X.astype(float)
        assert check_split(X[:700], X[700:], y[:700], y[700:]) == ()


def test_jittered_copies_are_near_duplicates():
    X, y = imbalanced(1200)
    X_train, X_test, y_train, y_test = split(X, y)
    near = X_train[:40] * (1 + 1e-6 * np.random.default_rng(0).normal(size=(40, 12)))
    X_test = np.concatenate((X_test[40:], near))
    y_test = np.concatenate((y_test[40:], y_train[:40]))

    finding = only(check_split(X_train, X_test, y_train, y_test))

    assert (finding.code, finding.severity) == ("near-duplicates", "warning")
    assert "40 of 300 test rows" in finding.evidence


# what must lie apart


def test_a_customer_on_both_sides():
    X, y = make_transactions(3000, fraud_rate=0.05)
    X_train, X_test, y_train, y_test = split(X, y)
    shared = set(X_train["customer"]) & set(X_test["customer"])
    for option in ({"id_columns": "customer"}, {"groups": "customer"}):
        finding = only(check_split(X_train, X_test, y_train, y_test, **option))
        assert finding.code in ("shared-identifiers", "shared-groups")
        assert f"{len(shared):,} values" in finding.evidence
    groups = (X_train["customer"], X_test["customer"])
    assert codes(check_split(X_train, X_test, groups=groups)) == ["shared-groups"]
    apart = (np.zeros(len(X_train)), np.ones(len(X_test)))
    assert check_split(X_train, X_test, groups=apart) == ()


def test_the_future_in_training():
    X, y = make_transactions(3000, fraud_rate=0.05)
    X_train, X_test, y_train, y_test = split(X, y)
    late = (X_train["time"] >= X_test["time"].min()).sum()

    finding = only(check_split(X_train, X_test, y_train, y_test, time="time"))

    assert (finding.code, finding.severity) == ("time-overlap", "error")
    assert f"{late:,} of 2,250 training rows" in finding.evidence
    assert check_split(X[:2000], X[2000:], time="time") == ()
    assert check_split(X[:2000], X[2000:], time=(X["time"][:2000], X["time"][2000:])) == ()


# columns


def test_a_column_that_knows_the_answer():
    X, y = imbalanced(1000)
    for column, how in (
        (y + 0.1 * np.random.default_rng(0).random(1000), "is 1.00002 or more"),
        (np.where(y == 1, 5.0, np.nan), "has a value"),
    ):
        found = check_split(*split(np.c_[X, column], y))
        assert codes(found) == ["leaking-column"]
        assert (
            found[0].evidence == f"'x12' {how} in 100 % of the positives and 0 % of the negatives"
        )


def test_a_text_that_knows_the_answer_and_one_that_only_names_rows():
    X, y = load_german_credit()
    told = X.assign(outcome=np.where(y == 1, "written off", "repaid"))
    assert codes(check_split(*split(told, y))) == ["leaking-column"]
    named = X.assign(contract=[f"K{number}" for number in range(len(X))])
    finding = only(check_split(*split(named, y)))
    assert finding.code == "row-identifier"
    assert "'contract'" in finding.evidence
    assert check_split(*split(named, y), id_columns=["contract"]) == ()


def test_chance_separates_too_few_positives_and_is_not_reported():
    y = (np.arange(400) % 100 == 0).astype(int)  # four positives
    X = np.c_[np.random.default_rng(0).normal(size=(400, 3)), y]

    assert check_split(X[:200], X[200:], y[:200], y[200:]) == ()


def test_times_gaps_infinities_and_booleans_are_read():
    n = 300
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=n, tz="Europe/Berlin"),
            "day": [pd.Timestamp("2024-01-01").date() + pd.Timedelta(days=i) for i in range(n)],
            "lasted": pd.to_timedelta(rng.integers(0, 1000, n), unit="s"),
            "flag": rng.random(n) > 0.5,
            "nothing": np.nan,
            "whole": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "odd": np.where(np.arange(n) == 3, np.inf, rng.normal(size=n)),
            "kind": pd.Categorical(rng.choice(list("abc"), n)),
        }
    )
    y = (np.arange(n) % 5 == 0).astype(int)
    for time in ("when", "day"):
        assert check_split(frame[:200], frame[200:], y[:200], y[200:], time=time) == ()
        late = check_split(frame[100:], frame[:100], y[100:], y[:100], time=time)
        assert codes(late) == ["time-overlap"]
    assert codes(check_split(frame[:200], frame[150:])) == ["duplicate-rows"]


# base rate, positive class, metric


def test_base_rates_beyond_chance():
    X, y = imbalanced(2000)
    X_train, X_test, y_train, y_test = split(X, y)
    kept = (y_train == 1) | (np.arange(y_train.size) % 5 == 0)

    finding = only(check_split(X_train[kept], X_test, y_train[kept], y_test))

    assert finding.code == "base-rate-differs"
    odds = (y_train[kept].sum() + 0.5) / ((1 - y_train[kept]).sum() + 0.5)
    odds /= (y_test.sum() + 0.5) / ((1 - y_test).sum() + 0.5)
    assert f"factor of {odds:.3g}" in finding.evidence


def test_chance_alone_is_reported_once_in_a_thousand_splits():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(120):
        y = (rng.random(120) < 0.2).astype(int)
        y[[0, 1, 60, 61]] = 0, 1, 0, 1
        X = np.ones((120, 1))
        found += "base-rate-differs" in codes(check_split(X[:60], X[60:], y[:60], y[60:]))

    assert found <= 2


def test_the_positive_class_mistaken():
    X, y = imbalanced(600)
    X_train, X_test, y_train, y_test = split(X, np.where(y == 1, "fraud", "honest"))
    data = (X_train, X_test, y_train, y_test)

    assert check_split(*data, pos_label="fraud") == ()
    finding = only(check_split(*data, pos_label="honest"))
    assert (finding.code, finding.severity) == ("positive-majority", "warning")
    dear = only(check_split(*data, pos_label="honest", costs=CostMatrix(fn=100, fp=1)))
    assert dear.severity == "error"
    assert "missing one costs 100 against 1" in dear.evidence


@pytest.mark.parametrize("metric", ["accuracy", accuracy_score])
def test_accuracy_as_the_metric(metric):
    X, y = imbalanced(1000)
    data = split(X, y)
    idle = 1 - y.mean()

    finding = only(check_split(*data, metric=metric))

    assert finding.code == "accuracy-metric"
    assert f"right in {100 * idle:.1f} % of the rows" in finding.evidence


@pytest.mark.parametrize(
    "metric", ["average_precision", "balanced_accuracy", balanced_accuracy_score]
)
def test_other_metrics_are_not_accuracy(metric):
    assert check_split(*split(*imbalanced(1000)), metric=metric) == ()


# form and errors


def test_the_same_rows_give_the_same_findings_and_stay_as_they_were():
    X, y = imbalanced(1000)
    before = X.copy()
    data = split(np.concatenate((X, X[:100])), np.concatenate((y, y[:100])))

    assert check_split(*data) == check_split(*data)
    assert np.array_equal(X, before)


def test_the_worst_comes_first_and_the_text_is_safe_for_a_terminal():
    X, y = imbalanced(1000)
    frame = pd.DataFrame(X, columns=[f"v{i}" for i in range(12)]).assign(**{"\x1b[2J": y})
    X_train, X_test, y_train, y_test = split(frame, y)
    kept = (y_train == 1) | (np.arange(y_train.size) % 5 == 0)

    found = check_split(X_train[kept], X_test, y_train[kept], y_test)

    assert {finding.severity for finding in found} == {"warning"}
    assert r"'\x1b[2J'" in str(found[0])
    assert "\x1b" not in str(found[0])


A = np.random.default_rng(0).normal(size=(20, 2))
Y = np.arange(20) % 2


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((A, A[:0]), {}, "X_test has no rows"),
        ((A, A[:, :1]), {}, "X_test lacks the column 'x1'"),
        ((A, A, Y), {}, "y_train and y_test go together"),
        ((A, A, Y[:5], Y), {}, "X_train has 20 rows but y_train has 5 labels"),
        ((A, A, Y * 0, Y), {}, "y must have two classes"),
        ((A, A, Y, Y + 2), {}, "y must hold 0 and 1"),
        ((A, A), {"id_columns": "x7"}, "X_train has no column 'x7'"),
        ((A, A), {"groups": 3}, "groups must be the name of a column, or a pair"),
        ((A, A), {"time": (Y, Y[:3])}, "time has 3 values for the 20 rows of X_test"),
        ((A, A), {"time": (list("ab" * 10), Y)}, "cannot be put in order"),
        (
            (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": ["x"]})),
            {},
            "column 'a' holds numbers in X_train only",
        ),
    ],
)
def test_what_cannot_be_checked(arguments, options, message):
    with pytest.raises(DataError, match=message):
        check_split(*arguments, **options)


# what chance makes


@pytest.mark.parametrize("seed", range(8))
def test_amounts_on_a_grid_are_neither_synthetic_nor_copies(seed):
    rng = np.random.default_rng(seed)
    y = rng.random(2000) < 0.1
    for decimals in (2, 0):
        X = np.round(rng.lognormal(6, 1, (2000, 2)), decimals)
        assert check_split(X[:1400], X[1400:], y[:1400], y[1400:]) == ()
    X = rng.normal(size=(2000, 2))
    assert check_split(X[:1400], X[1400:], y[:1400], y[1400:]) == ()


def test_synthetic_rows_of_two_rounded_amounts_are_found():
    from imblearn.over_sampling import SMOTE

    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.1).astype(int)
    X = np.round(rng.lognormal(6, 1, (3000, 2)), 2)

    found = check_split(*split(*SMOTE(random_state=0).fit_resample(X, y)))

    assert codes(found)[0] == "synthetic-rows"
