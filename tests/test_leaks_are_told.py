"""Whatever learns from a table warns of leaks before it does, once; and what it found is kept."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from costopt import (
    CostMatrix,
    CostOptWarning,
    CostSearchClassifier,
    CostThresholdClassifier,
    DataError,
    advise,
    compare,
    optimize,
)
from costopt.checks import audit
from costopt.inputs.files import parse_texts

COSTS = CostMatrix(fn=20, fp=1, unit="EUR")
QUICK = {"learners": "logistic", "n_trials": 1}


@pytest.fixture
def loans():
    """500 loans, with what became of them in two columns."""
    rng = np.random.default_rng(0)
    y = pd.Series(np.where(rng.random(500) < 0.2, 1, 0), name="default")
    X = pd.DataFrame({"term": rng.integers(6, 60, 500), "debt": rng.normal(size=500) + y})
    X["status"] = np.where(y == 1, "charged off", "paid in full")
    X["written off"] = y * rng.lognormal(8, 1, 500)
    return X, y


def told_of(call):
    """The messages of the warnings of leaks that a call gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [one.message.message for one in caught if getattr(one.message, "code", "") == CODE]


CODE = "possible-leaks"


def calls():
    inner = LogisticRegression()
    numbers = {"columns": ["status"]}
    return {
        "optimize": lambda X, y: optimize(X, y, COSTS, **QUICK),
        "compare": lambda X, y: compare(X, y, COSTS, strategies="logistic regression"),
        "search": lambda X, y: CostSearchClassifier(COSTS, **QUICK).fit(X, y),
        "threshold": lambda X, y: CostThresholdClassifier(inner, COSTS).fit(
            X.drop(**numbers).assign(status=(X["status"] == "charged off").astype(int)), y
        ),
    }


@pytest.mark.parametrize("name", calls())
def test_one_warning_names_every_column_with_its_evidence_and_the_remedy(loans, name):
    X, y = loans

    [told] = told_of(lambda: calls()[name](X, y))

    assert "'status' is other than" in told
    assert "'written off' is " in told
    assert "in 100 % of the positives and 0 % of the negatives" in told
    assert "ignore=[" in told
    assert "--ignore status" in told
    assert "--ignore 'written off'" in told
    assert "if it is known when the decision is made, keep it" in told


def test_nothing_is_said_of_columns_that_are_ignored(loans):
    X, y = loans
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = optimize(X, y, COSTS, ignore=["status", "written off"], **QUICK)

    assert result.suspicions == ()
    assert not {"leaking-column", "nearly-perfect"} & {one.code for one in audit(result)}


def test_a_cost_column_that_leaks_is_told_of_even_if_it_is_no_feature(loans):
    X, y = loans
    costs = CostMatrix(fn="`written off` + 1", fp=1)

    [told] = told_of(lambda: optimize(X, y, costs, ignore=["status", "written off"], **QUICK))

    assert "declare hindsight=('written off',)" in told
    known = CostMatrix(fn="`written off` + 1", fp=1, hindsight=("written off",))
    assert told_of(lambda: optimize(X, y, known, ignore=["status"], **QUICK)) == []


def test_the_audit_and_the_summary_find_it_afterwards(loans):
    X, y = loans
    with pytest.warns(CostOptWarning, match=CODE):
        result = optimize(X, y, COSTS, learners="xgboost", n_trials=1)
    found = audit(result)

    assert [one.code for one in found].count("leaking-column") == 2
    assert "nearly-perfect" in [one.code for one in found]
    assert "of what perfect knowledge would save, which is rarely true" in result.summary()
    with pytest.warns(CostOptWarning, match=CODE):
        comparison = compare(X, y, COSTS, strategies="xgboost")
    assert {"leaking-column", "nearly-perfect"} <= {one.code for one in audit(comparison)}
    assert "leaking-column" in [one.code for one in comparison.advice.statements]


def test_advice_begins_with_what_may_leak(loans):
    X, y = loans

    first, second = advise(y, COSTS, X).statements[:2]

    assert (first.code, second.code) == ("leaking-column", "leaking-column")
    assert "'status'" in first.text
    ignored = advise(y, COSTS, X, ignore=["status", "written off"])
    assert "leaking-column" not in [one.code for one in ignored.statements]


def test_repeated_rows_do_no_harm_where_groups_keep_them_together(loans):
    X, y = loans
    X = X[["term", "debt"]]
    twice, labels = pd.concat([X, X[:100]]), pd.concat([y, y[:100]])
    groups = [*range(500), *range(100)]

    [told] = told_of(lambda: optimize(twice, labels, COSTS, **QUICK))
    assert "100 of 600 rows are equal to an earlier one" in told
    assert told_of(lambda: optimize(twice, labels, COSTS, groups=groups, **QUICK)) == []


@pytest.fixture
def sheet():
    """1,000 loans as a spreadsheet has them: money and dates as texts, and what became of each loan."""
    rng = np.random.default_rng(0)
    y = pd.Series((rng.random(1000) < 0.2).astype(int), name="Default")
    lent = rng.lognormal(11, 1, 1000).round(-2)
    lost = np.where(y == 1, lent * rng.uniform(0.2, 0.9, 1000), 0)
    day = pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 3000, 1000), unit="D")
    X = pd.DataFrame(
        {
            "Term": rng.integers(12, 300, 1000),
            "GrAppv": [f"${amount:,.2f} " for amount in lent],
            "BalanceGross": "$0.00 ",
            "ChgOffPrinGr": [f"${amount:,.2f} " for amount in lost],
            "ChgOffDate": np.where(
                y == 1, (day + pd.Timedelta(days=700)).strftime("%d-%b-%y"), None
            ),
            "ApprovalDate": day.strftime("%d-%b-%y"),
            "MIS_Status": np.where(y == 1, "CHGOFF", "P I F"),
        }
    )
    X.loc[:1, "BalanceGross"] = "$115,820.00 "
    return X, y


LEAKS = ("ChgOffPrinGr", "ChgOffDate", "MIS_Status")


def test_leaks_are_told_of_beside_the_columns_that_cannot_be_used(sheet):
    X, y = sheet

    told, refused = told_beside_the_error(X, y)

    for name in LEAKS:
        assert f"'{name}' " in told
        assert f"--ignore {name}" in told
    assert "BalanceGross" not in told
    assert "'ApprovalDate' holds dates or times, such as" in refused


def told_beside_the_error(X, y):
    """The one warning of leaks, and the error, of a search whose columns cannot be used."""
    refused = []

    def search():
        with pytest.raises(DataError) as error:
            optimize(X, y, COSTS, **QUICK)
        refused.append(str(error.value))

    [told] = told_of(search)
    return told, refused[0]


@pytest.mark.filterwarnings("ignore:.*texts-as-numbers")
def test_a_whole_search_on_loans_names_every_leak(sheet):
    X, y = sheet
    X = parse_texts(X, dates={"ChgOffDate": "%d-%b-%y", "ApprovalDate": "%d-%b-%y"})

    [told] = told_of(lambda: optimize(X, y, COSTS, **QUICK))

    for name in LEAKS:
        assert f"'{name}' " in told
    assert not any(name in told for name in ("Term", "GrAppv", "BalanceGross", "ApprovalDate"))


def test_an_identifier_that_is_refused_is_not_warned_of_too(loans):
    X, y = loans
    X = X.assign(code=[f"loan {at}" for at in range(500)])

    told, refused = told_beside_the_error(X, y)

    assert "'code' looks like an identifier: 500 different texts" in refused
    assert "'status' is other than" in told
    assert "'code'" not in told


def test_a_column_that_is_the_label_is_found_among_rows_with_flipped_labels(loans):
    X, y = loans
    X = X[["debt"]].assign(term=np.arange(500) % 60, same=y)
    again = pd.concat([X, X[:100]], ignore_index=True)

    [told] = told_of(
        lambda: optimize(again, pd.concat([y, 1 - y[:100]]).to_numpy(), COSTS, **QUICK)
    )

    assert "'same' is other than 0 in 100 % of the positives and 0 % of the negatives" in told
    assert "200 of 600 rows are equal to another row that has the other label" in told
