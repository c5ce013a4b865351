"""One case is decided bit for bit as the row of a table, whatever types its values have."""

import datetime as dt
import decimal
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from costopt import CostMatrix, SklearnLearner, XGBoostLearner, optimize
from costopt.inputs.frames import Table
from costopt.policy.cases import CaseFeatures
from costopt.policy.policy import DecisionPolicy

CONSTANT = CostMatrix(fn=8, fp=1, unit="EUR")
PER_CASE = CostMatrix(fn="2 * amount + whole", fp=3, unit="EUR")


def mixed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "amount": np.round(rng.lognormal(3, 1, n), 2),
            "whole": rng.integers(0, 50, n),
            "flag": rng.random(n) < 0.3,
            "kind": rng.choice(["a", "b", "7", "true"], n),
            "code": pd.Categorical(rng.choice([1, 2, 30], n)),
        }
    )
    logit = 0.02 * X["amount"] + (X["kind"] == "b") + X["flag"] - 2.5
    return X, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)


def made(learner, costs):
    X, y = mixed()
    return optimize(X, y, costs, learners=learner, n_trials=1, n_jobs=1).policy


@cache
def all_policies():
    tree = SklearnLearner(DecisionTreeClassifier(max_depth=4, random_state=0))
    boosted = XGBoostLearner(max_rounds=20)
    return {
        "xgboost": made(boosted, CONSTANT),
        "xgboost per case": made(boosted, PER_CASE),
        "logistic": made("logistic", PER_CASE),
        "tree": made(tree, CONSTANT),
    }


@pytest.fixture
def policies():
    return all_policies()


def outcome(decide):
    """What is decided, or why not, and what is warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = decide()
        except (ValueError, TypeError) as error:  # a library's own, of a table too
            found = (type(error), str(error))
    return found, [str(one.message) for one in told]


def of_table(policy, frame):
    row = policy.decide_frame(frame)
    row = row.to_dicts()[0] if isinstance(row, pl.DataFrame) else row.to_dict("records")[0]
    return row["probability"], row["action"], row["expected_gain"]


def of_one(policy, record):
    found = policy.decide_one(record)
    return found.probability, found.action, found.expected_gain


NUMBERS = st.one_of(
    st.floats(width=64),
    st.floats(width=32).map(np.float32),
    st.floats(-1e4, 1e4, width=16).map(np.float16),
    st.integers(-(2**70), 2**70),
    st.integers(-100, 100).map(np.int8),
    st.integers(0, 2**64 - 1).map(np.uint64),
    st.booleans(),
    st.booleans().map(np.bool_),
    st.sampled_from([None, pd.NA, "12.5", "12,5", "?", "many", 3 + 0j]),
    st.just(decimal.Decimal("1.25")),
    st.just(dt.date(2024, 1, 1)),
    st.just([1]),
)
KINDS = st.sampled_from(["a", "b", "7", "true", " a", "new", "", 7, 7.0, True, None, np.nan, pd.NA])
CODES = st.one_of(
    st.sampled_from([1, 2, 30, 1.0, "1", "30", True, False, np.int64(2), np.float32(30), 4, None]),
    st.floats(allow_infinity=False),
)
RECORDS = st.fixed_dictionaries(
    {"amount": NUMBERS, "whole": NUMBERS, "flag": NUMBERS, "kind": KINDS, "code": CODES},
    optional={"other": NUMBERS, 7: NUMBERS},
)


@pytest.mark.parametrize("name", ["xgboost", "xgboost per case", "logistic", "tree"])
@given(record=RECORDS, left_out=st.sampled_from([None, None, None, "kind", "whole"]))
@settings(max_examples=30, deadline=None)
def test_a_record_is_decided_as_a_table_of_one_row(name, record, left_out):
    policy = all_policies()[name]
    record = {key: value for key, value in record.items() if key != left_out}
    frame = pd.DataFrame([record])

    assert outcome(lambda: of_one(policy, record)) == outcome(lambda: of_table(policy, frame))


def cast(X, column, dtype):
    return X.assign(**{column: X[column].astype(dtype)})


DTYPES = {
    "whole": ["int8", "uint64", "Int32", "float16", "float32", "object", "category", "string"],
    "amount": ["float32", "Float64", "object", "category", "double[pyarrow]", "string"],
    "flag": ["bool", "boolean", "int64", "object", "float32", "bool[pyarrow]"],
    "kind": ["object", "category", "string[pyarrow]", "string[python]"],
    "code": ["int64", "Int64", "object", "float64", "string", "uint8"],
}


@pytest.mark.parametrize("name", ["xgboost per case", "tree"])
@pytest.mark.parametrize(
    ("column", "dtype"), [(name, dtype) for name, all_ in DTYPES.items() for dtype in all_]
)
def test_a_row_of_any_types_is_decided_as_in_its_table(policies, name, column, dtype):
    policy = policies[name]
    X = cast(mixed(6, seed=3)[0], column, dtype)

    for at in range(2):
        row = X.iloc[[at]]
        expected = outcome(lambda row=row: of_table(policy, row))
        assert outcome(lambda row=row: of_one(policy, row)) == expected
        whole = policy.decide_frame(X)["probability"].iloc[at]
        assert expected[0][0] == whole
        if dtype not in ("float16",):
            in_polars = pl.from_pandas(row)
            by_table = outcome(lambda row=in_polars: of_table(policy, row))
            assert outcome(lambda row=in_polars: of_one(policy, row)) == by_table


def test_columns_of_one_name_and_names_that_are_no_texts_are_left_to_the_table(policies):
    X = mixed(1)[0]
    twice = pd.concat([X, X[["kind"]]], axis=1)

    for frame in (twice, X.rename(columns={"kind": 7}), X.assign(**{"7": 1}).rename(columns=str)):
        expected = outcome(lambda frame=frame: of_table(policies["tree"], frame))
        assert outcome(lambda frame=frame: of_one(policies["tree"], frame)) == expected


def test_a_plain_record_needs_no_table(policies, monkeypatch):
    records = mixed(5, seed=8)[0].to_dict("records")
    policy = policies["xgboost per case"]
    expected = [policy.decide_one(record) for record in records]

    def refuse(self, X):
        raise AssertionError("a table was made")

    monkeypatch.setattr(Table, "__init__", refuse)

    assert [policy.decide_one(record) for record in records] == expected


@pytest.mark.parametrize("change", ["missing", "dates"])
def test_what_was_said_of_cells_is_read_by_the_table(policies, change):
    policy = policies["xgboost"]
    schema = replace(policy.schema, missing=("-99",))
    if change == "dates":
        first, *rest = policy.schema.features
        schema = replace(policy.schema, features=(replace(first, date_format="%Y-%m-%d"), *rest))
    read = replace(policy, schema=schema)
    record = mixed(1)[0].to_dict("records")[0] | {"amount": -99.0, "whole": -99}

    found = outcome(lambda: of_one(read, record))

    assert found == outcome(lambda: of_table(read, pd.DataFrame([record])))
    if change == "missing":
        assert found != outcome(lambda: of_one(policy, record))


def test_a_learner_that_wants_a_frame_gets_the_records_own(policies):
    schema, codes = policies["tree"].schema, policies["tree"].codes
    record = mixed(1)[0].to_dict("records")[0]

    features = CaseFeatures.of_record(record, schema, codes)

    pd.testing.assert_frame_equal(
        features.frame, Table(pd.DataFrame([record])).to_pandas(schema.names)
    )
    assert features.n_rows == 1


def test_a_loaded_policy_decides_one_case_alike(policies, tmp_path):
    policies["xgboost"].save(tmp_path / "p")
    record = mixed(1, seed=5)[0].to_dict("records")[0]

    loaded = DecisionPolicy.load(tmp_path / "p")

    assert loaded.decide_one(record) == policies["xgboost"].decide_one(record)
