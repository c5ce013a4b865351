import datetime as dt
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from pydantic import TypeAdapter

from costopt import CostOptWarning, DataError
from costopt.inputs.features import Feature
from costopt.inputs.files import parse_texts
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema

nan = np.nan


# Six rows with everything a column may be: whole numbers and booleans with a gap, real numbers
# with a gap, texts with a gap, and a column without any.
ROWS = {
    "age": [31, 45, None, 22, 31, 60],
    "member": [True, None, False, True, False, True],
    "amount": [10.5, None, 3.25, -7.0, 0.0, 1e6],
    "shop": ["web", "till", None, "web", "phone", "till"],
    "hour": [0, 23, 7, 7, 12, 3],
}


# Codes of the texts in alphabetical order: phone, till, web.
MATRIX = np.array(
    [
        [31, 1, 10.5, 2, 0],
        [45, nan, nan, 1, 23],
        [nan, 0, 3.25, nan, 7],
        [22, 1, -7.0, 2, 7],
        [31, 0, 0.0, 0, 12],
        [60, 1, 1e6, 1, 3],
    ]
)


def as_numpy_backed():
    return pd.DataFrame(ROWS).astype({"age": float, "amount": float})


def as_categorical():
    shop = pd.Categorical(ROWS["shop"], categories=["phone", "till", "web"])
    return as_numpy_backed().assign(shop=shop)


def as_nullable():
    kinds = {"age": "Int64", "member": "boolean", "amount": "Float64", "shop": "string"}
    return pd.DataFrame(ROWS).astype(kinds)


def as_arrow_backed():
    return pd.DataFrame(ROWS).convert_dtypes(dtype_backend="pyarrow")


CONTAINERS = {
    "pandas, numpy": as_numpy_backed,
    "pandas, categorical": as_categorical,
    "pandas, nullable": as_nullable,
    "pandas, pyarrow": as_arrow_backed,
    "polars": lambda: pl.DataFrame(ROWS),
    "polars, categorical": lambda: pl.DataFrame(ROWS).cast({"shop": pl.Categorical}),
    "pyarrow": lambda: pa.table(ROWS),
    "pyarrow, dictionary": lambda: pa.table(
        ROWS | {"shop": pa.array(ROWS["shop"]).dictionary_encode()}
    ),
}


def schema_of(X, ignore=()):
    return Schema.infer(Table(X), ignore)


def encoded(X, schema=None):
    return (schema or schema_of(X)).encode(Table(X))


# One form for every container


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_every_data_frame_gives_the_same_matrix(make):
    X = make()

    schema = schema_of(X)
    matrix = encoded(X, schema)

    assert schema.names == tuple(ROWS)
    assert [feature.categories for feature in schema.features] == [
        None,
        None,
        None,
        ("phone", "till", "web"),
        None,
    ]
    assert_array_equal(schema.is_categorical, [False, False, False, True, False])
    assert_array_equal(matrix, MATRIX)
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous


@pytest.mark.parametrize("fitted", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("met", CONTAINERS.values(), ids=CONTAINERS)
def test_rows_may_come_in_another_container_than_the_training_rows(fitted, met):
    assert_array_equal(encoded(met(), schema_of(fitted())), MATRIX)


NUMBERS = np.array([[1.0, 2.0], [3.5, nan], [-4.0, 0.0]])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_floats_are_not_copied(kind, order):
    X = np.asarray(NUMBERS, dtype=kind, order=order)
    X.setflags(write=False)

    matrix = encoded(X)

    assert_array_equal(matrix, NUMBERS)
    assert np.shares_memory(matrix, X)
    assert matrix.dtype == kind


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_a_data_frame_is_not_changed(make):
    X, untouched = make(), make()
    if isinstance(X, pd.DataFrame):
        X.index = untouched.index = pd.Index(list("fedcba"), name="key")

    encoded(X)

    if isinstance(X, pd.DataFrame):
        assert_frame_equal(X, untouched)
    else:
        assert X.equals(untouched)


def test_an_array_and_its_flags_are_not_changed():
    X = NUMBERS.copy()

    encoded(X)

    assert_array_equal(X, NUMBERS)
    assert X.flags.writeable


# Columns by name


def test_columns_are_matched_by_name_in_any_order_and_others_are_ignored():
    X = as_numpy_backed()
    shuffled = X[["shop", "hour", "amount", "member", "age"]].assign(extra="never seen")

    assert_array_equal(encoded(shuffled, schema_of(X)), MATRIX)


def test_ignored_columns_are_no_features():
    schema = schema_of(as_numpy_backed(), ignore=("shop", "age"))

    assert schema.names == ("member", "amount", "hour")


def test_a_missing_column_is_named():
    X = as_numpy_backed()
    without = X.drop(columns="amount")

    with pytest.raises(DataError, match=r"column 'amount' is missing: known are 'age', 'member'"):
        encoded(without, schema_of(X))
    with pytest.raises(DataError, match=r"'amount' is missing: did you mean 'amuont'\?"):
        encoded(without.assign(amuont=1.0), schema_of(X))


def test_columns_of_an_array_are_matched_by_position_and_further_ones_are_ignored():
    schema = schema_of(NUMBERS)

    assert_array_equal(encoded(np.column_stack((NUMBERS, [7.0, 7.0, 7.0])), schema), NUMBERS)


def test_ignored_columns_of_an_array_are_passed_over_by_position():
    X = np.column_stack(([9.0, 8.0, 7.0], NUMBERS))

    assert_array_equal(encoded(X, schema_of(X, ignore=("x0",))), NUMBERS)


def test_an_array_with_too_few_columns_is_refused():
    with pytest.raises(DataError, match="at least 2 columns, as when the model was fitted, got 1"):
        encoded(NUMBERS[:, :1], schema_of(NUMBERS))


def test_an_array_is_refused_where_the_model_knows_names():
    with pytest.raises(
        DataError, match="fitted on named columns: pass a data frame that has age, member"
    ):
        encoded(MATRIX, schema_of(as_numpy_backed()))


def test_a_frame_that_names_its_columns_as_an_array_would_is_read_by_these_names():
    frame = pd.DataFrame(NUMBERS, columns=["x1", "x0"])

    assert_array_equal(encoded(frame, schema_of(NUMBERS)), NUMBERS[:, ::-1])


def test_a_column_to_ignore_must_exist():
    with pytest.raises(DataError, match="no column 'amuont' to ignore: did you mean 'amount'"):
        schema_of(as_numpy_backed(), ignore=("amuont",))


def test_a_schema_survives_pickling():
    schema = schema_of(as_numpy_backed())

    assert pickle.loads(pickle.dumps(schema)) == schema


# Values that cannot be used


DAY = dt.datetime(2024, 1, 1)


UNUSABLE = {
    "dates": (
        [DAY, DAY],
        r"holds dates or times\. Add: ignore=\['bad'\] \(or: time='bad' puts the folds in order",
    ),
    "durations": ([dt.timedelta(1), dt.timedelta(2)], "holds dates or times"),
    "lists": ([[1], [2]], "column 'bad'"),
    "records": ([{"a": 1}, {"a": 2}], "column 'bad'"),
    "bytes": ([b"a", b"b"], "column 'bad' must hold texts, numbers or booleans, got bytes"),
    "nothing": ([None, None], "column 'bad' has no value in any row\\. Add: ignore="),
}


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize(("values", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_column_that_can_be_no_feature_is_named(frame, values, message):
    X = frame({"good": [1.0, 2.0], "bad": values})

    with pytest.raises(DataError, match=message):
        schema_of(X)
    assert schema_of(X, ignore=("bad",)).names == ("good",)


def test_a_column_of_missing_numbers_only_is_named():
    with pytest.raises(DataError, match="column 'x1' has no value in any row"):
        schema_of(np.array([[1.0, nan], [2.0, nan]]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["a", 1, "b"],
            r"column 'bad' mixes texts and values of another type: 1 in row 1\. Add: X = X\.astype\(",
        ),
        (
            [1.5, None, "4O", 2],
            r"column 'bad' holds numbers, but for '4O' in row 2\. Add: X = .*'4O'",
        ),
        ([dt.date(2024, 1, 1)] * 3, "column 'bad' holds dates or times"),
        ([1j, 2j, 3j], "column 'bad' must hold texts, numbers or booleans, got complex"),
    ],
)
def test_odd_objects_in_a_pandas_column_are_named(values, message):
    X = pd.DataFrame({"bad": pd.Series(values, dtype=object)})

    with pytest.raises(DataError, match=message):
        schema_of(X)


def test_numpy_texts_among_python_texts_are_no_mixture():
    X = pd.DataFrame({"a": pd.Series(["u", np.str_("v"), None], dtype=object)})

    assert_array_equal(encoded(X), [[0.0], [1.0], [nan]])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_text_of_its_own_in_most_rows_is_an_id(frame):
    ids = [f"customer {row}" for row in range(150)]

    with pytest.raises(
        DataError, match="'key' looks like an identifier: 150 different texts in 150 rows"
    ):
        schema_of(frame({"key": ids}))
    assert schema_of(frame({"key": ids[:100]})).features[0].categories == tuple(sorted(ids[:100]))
    repeated = schema_of(frame({"key": [*ids, *ids]}))
    assert len(repeated.features[0].categories) == 150


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_an_infinite_number_is_named_with_its_row(bad, kind):
    X = np.array([[1.0, 2.0], [3.0, nan], [5.0, bad], [5.0, bad]], dtype=kind)

    with pytest.raises(
        DataError, match=r"'x1' must be finite or missing, got -?inf in row 2 \(2 such rows\)"
    ):
        encoded(X)
    with pytest.raises(DataError, match=r"'b' must be finite or missing, got -?inf in row 2"):
        encoded(pd.DataFrame(X, columns=["a", "b"]))


def test_finite_numbers_whose_sum_overflows_are_taken():
    X = np.array([[1e308, 1.0], [1e308, 2.0], [-3.0, nan]])

    assert_array_equal(encoded(X), X)


def test_there_must_be_a_column_left():
    with pytest.raises(DataError, match="no column left to learn from: keep at least one feature"):
        schema_of(pd.DataFrame({"a": [1.0, 2.0]}), ignore=("a",))
    with pytest.raises(DataError, match="no column left to learn from"):
        schema_of(np.empty((3, 0)))


def test_constant_columns_are_warned_of_together():
    X = pd.DataFrame({"a": [1.0, 1.0], "b": [1, 2], "c": ["u", "u"], "d": [nan, 3.0]})

    with pytest.warns(
        CostOptWarning, match=r"\[constant-column\] 'a', 'c', 'd' hold one value only"
    ) as caught:
        schema_of(X)
    assert [warning.message.code for warning in caught] == ["constant-column"]
    with pytest.warns(CostOptWarning, match="'a' holds one value only"):
        schema_of(X[["a", "b"]])


def test_one_row_has_no_constant_columns():
    assert schema_of(np.array([[1.0, 2.0]])).names == ("x0", "x1")


# New values


def test_an_unseen_category_counts_as_missing_with_a_warning():
    schema = schema_of(as_numpy_backed())
    X = as_numpy_backed()
    X.loc[[3, 5], "shop"] = ["van", "stall"]

    with pytest.warns(
        CostOptWarning,
        match=r"\[unseen-category\] column 'shop' has values that the model has never met, in 2 "
        r"rows \(first row 3\): 'van', 'stall'; they count as missing",
    ):
        matrix = encoded(X, schema)

    expected = MATRIX.copy()
    expected[[3, 5], 3] = nan
    assert_array_equal(matrix, expected)


def test_many_unseen_categories_are_listed_in_short():
    schema = Schema((Feature("shop", ("web",)),))
    X = pd.DataFrame({"shop": ["web", *"abcdefg"]})

    with pytest.warns(CostOptWarning, match="'a', 'b', 'c', 'd', 'e' and 2 more; they count"):
        encoded(X, schema)


def test_a_column_of_unseen_categories_only_is_warned_of_with_what_is_known():
    """One row of it would be no other, so that many are not refused either."""
    schema = schema_of(as_numpy_backed())
    X = as_numpy_backed().assign(shop=["a", "b", "a", "b", None, "c"])

    with pytest.warns(
        CostOptWarning, match=r"in 5 rows .*missing \(known are 'phone', 'till', 'web'"
    ):
        matrix = encoded(X, schema)

    assert np.isnan(matrix[:, 3]).all()


def test_a_single_new_row_with_an_unseen_category_is_taken_with_a_warning():
    schema = schema_of(as_numpy_backed())

    with pytest.warns(CostOptWarning, match="unseen-category"):
        matrix = encoded(as_numpy_backed().head(1).assign(shop="van"), schema)

    assert_array_equal(matrix, [[31, 1, 10.5, nan, 0]])


def test_texts_where_the_model_knows_numbers_are_refused():
    X = as_numpy_backed().assign(hour=list("abcdef"))

    with pytest.raises(DataError, match="column 'hour' must hold numbers, as it did when"):
        encoded(X, schema_of(as_numpy_backed()))


def test_categories_of_another_order_keep_their_codes():
    X = as_categorical()
    reordered = X.assign(
        shop=pd.Categorical(X["shop"], categories=["web", "unused", "phone", "till"], ordered=True)
    )

    assert_array_equal(encoded(reordered, schema_of(X)), MATRIX)


def test_unused_categories_are_not_learnt():
    X = pd.DataFrame({"a": pd.Categorical(["u", "v"], categories=["t", "u", "v"])})

    assert schema_of(X).features[0].categories == ("u", "v")


def test_categories_that_are_numbers_are_found_among_plain_numbers():
    X = pd.DataFrame({"floor": pd.Categorical([3, 1, 2, 1])})
    schema = schema_of(X)

    assert schema.features[0].categories == (1, 2, 3)
    assert_array_equal(encoded(X, schema), [[2.0], [0.0], [1.0], [0.0]])
    assert_array_equal(
        encoded(pd.DataFrame({"floor": [2, 2.0, None]}), schema), [[1.0], [1.0], [nan]]
    )


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_column_without_any_value_is_missing_in_new_rows(frame):
    """One row is often scored alone, and then nothing says what its gap would have held."""
    row = frame({"age": [None], "member": [None], "amount": [2.5], "shop": [None], "hour": [1]})

    matrix = encoded(row, schema_of(as_numpy_backed()))

    assert_array_equal(matrix, [[nan, nan, 2.5, nan, 1.0]])


def test_no_rows_give_no_rows():
    schema = schema_of(as_numpy_backed())

    assert encoded(as_numpy_backed().head(0), schema).shape == (0, 5)
    assert encoded(NUMBERS[:0], schema_of(NUMBERS)).shape == (0, 2)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8), st.randoms())
def test_codes_follow_the_rows_wherever_they_are_moved(texts, random):
    if not any(texts):
        texts = [*texts, "a"]
    rows = list(range(len(texts)))
    random.shuffle(rows)
    X = pd.DataFrame({"number": range(len(texts)), "text": pd.Series(texts, dtype=object)})
    schema = Schema((Feature("number"), Feature("text", ("a", "b", "c"))))

    assert_array_equal(encoded(X.iloc[rows], schema), encoded(X, schema)[rows])


# Texts that are numbers, and cells of any type


def test_all_columns_that_cannot_be_used_are_named_at_once():
    ages = ["31", "27", "4O", "45"] * 50
    X = pd.DataFrame(
        {
            "age": ages,
            "issued": ["10/17/2014", "12/01/2013"] * 100,
            "ref": [f"R{row}" for row in range(200)],
            "paid": ["29,850", "30,100"] * 100,
        }
    )

    with pytest.raises(DataError, match=r"^4 columns cannot be used as they are") as caught:
        schema_of(X)

    assert "'age' holds numbers, but for '4O' in row 2;" in str(caught.value)
    assert (
        "Add: X = costopt.inputs.files.parse_texts(X, missing=['4O'], thousands=\",\"); "
        "ignore=['issued', 'ref']" in str(caught.value)
    )
    assert "dates={'issued': '%m/%d/%Y'}" in str(caught.value)
    assert "Add: --missing 4O --thousands , --ignore issued --ignore ref (or: --time issued" in (
        caught.value.on_command_line
    )


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_texts_are_numbers_with_one_warning(frame):
    X = frame({"age": ["31", "?", "45"], "paid": ["$1,200.50", "$900", "$1"], "k": ["a", "b", "?"]})

    with pytest.warns(CostOptWarning, match=r"'age' \('\?' missing\), 'paid' \(in \$\); to keep"):
        schema = schema_of(X)

    assert [one.categories for one in schema.features] == [None, None, ("?", "a", "b")]
    assert_array_equal(encoded(X, schema)[:, :2], [[31, 1200.5], [nan, 900], [45, 1]])


SEVENS = [7, 7.0, "7", " 7", np.int64(7), np.float32(7), "7.0"]


@pytest.mark.parametrize("value", SEVENS, ids=repr)
@pytest.mark.parametrize("n_rows", [1, 2, 1000])
@pytest.mark.parametrize(
    "categories",
    [None, ("3", "7", "x"), ("03", "07"), (3, 7)],
    ids=["numbers", "texts", "codes", "whole"],
)
def test_a_row_is_read_the_same_alone_and_among_others(value, n_rows, categories):
    schema = Schema((Feature("a", categories),))
    expected = 7.0 if categories is None else 1.0

    for column in ([value] * n_rows, pd.Series([value] * n_rows, dtype=object)):
        assert_array_equal(encoded(pd.DataFrame({"a": column}), schema), [[expected]] * n_rows)


def test_one_unseen_category_is_counted_too():
    schema = Schema((Feature("a", ("7", "x")),))

    for n_rows in (1, 2):
        with pytest.warns(CostOptWarning, match=f"unseen-category.* in {n_rows} row"):
            matrix = encoded(pd.DataFrame({"a": [8] * n_rows}), schema)
        assert np.isnan(matrix).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("4O", r"got '4O' in row 0 \(1 row\): correct it, or make it missing"),
        ("29,850", "got '29,850' in row 0 .*: say how it is written"),
        ("10/17/2014", "read its dates as they were read then"),
    ],
)
def test_a_cell_that_is_no_number_is_named_when_rows_are_decided_on(value, message):
    with pytest.raises(DataError, match=message):
        encoded(pd.DataFrame({"a": [value]}), Schema((Feature("a"),)))


def test_a_learnt_way_of_writing_holds_for_single_rows():
    schema = Schema((Feature("a", None, ",", "€"),))

    assert_array_equal(encoded(pd.DataFrame({"a": ["29.850 €"]}), schema), [[29850.0]])


def test_numbers_of_any_type_are_numbers():
    X = pd.DataFrame(
        {
            "big endian": np.array([1, 2, 500], dtype=">i4"),
            "huge": [2**70, 2**71, 1],
            "half": np.array([1, 2, 3], dtype=np.float16),
        }
    )

    assert [one.categories for one in schema_of(X).features] == [None, None, None]


def test_intervals_are_categories():
    X = pd.DataFrame({"a": pd.cut([1.0, 5.0, 9.0], [0, 3, 10])})

    assert schema_of(X).features[0].categories == ("(0, 3]", "(3, 10]")
    assert_array_equal(encoded(X), [[0.0], [1.0], [1.0]])


def test_records_are_rows():
    assert_array_equal(encoded([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]), [[1, 0], [2, 1]])


@pytest.mark.parametrize(
    "value", [[7], {"a": 1}, {7}, np.array(7)], ids=["list", "dict", "set", "0-d"]
)
@pytest.mark.parametrize("column", ["number", "text"])
def test_values_without_an_order_are_refused_when_rows_are_decided_on(column, value):
    schema = Schema.infer(Table(pd.DataFrame({"number": [1, 2], "text": ["a", "b"]})))
    new = pd.DataFrame({"number": [1, 2], "text": ["a", "b"]}).astype(object)
    new.at[1, column] = value

    with pytest.raises(DataError, match=f"column '{column}' must hold texts.* in row 1"):
        schema.encode(Table(new))


@pytest.mark.filterwarnings("ignore:.*texts-as-numbers")
def test_what_was_said_of_texts_holds_for_single_rows_too():
    X = parse_texts(
        pd.DataFrame(
            {
                "paid": ["1,5", "-99", "2"],
                "since": ["31.12.1970", "n/a", "01.01.1970"],
                "kind": ["a", "-99", "b"],
            }
        ),
        missing=["-99"],
        decimal=",",
        dates={"since": "%d.%m.%Y"},
    )
    schema = Schema.infer(Table(X))
    rows = [
        {"paid": "2,5", "since": "02.01.1970", "kind": "a"},
        {"paid": 2.5, "since": 1, "kind": "a"},
        {"paid": "2,5", "since": pd.Timestamp("1970-01-02"), "kind": "a"},
    ]

    for row in rows:
        assert_array_equal(schema.encode(Table([row])), [[2.5, 1, 0]])
    nothing = [
        {"paid": "-99", "since": "", "kind": "-99"},
        {"paid": -99, "since": None, "kind": ""},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(schema.encode(Table(nothing[:1])), np.full((1, 3), np.nan))
    assert TypeAdapter(Schema).validate_json(TypeAdapter(Schema).dump_json(schema)) == schema
    with pytest.raises(
        DataError, match=r"'since' must hold dates of the format %d\.%m\.%Y, .* '1/2'"
    ):
        schema.encode(Table([{"paid": 1, "since": "1/2", "kind": "a"}]))


def test_times_of_any_type_are_days_where_they_were_at_first():
    moments = pd.date_range("2020-01-01", periods=4, tz="UTC")
    lasted = pd.to_timedelta([1, 2, 3, 5], unit="D")
    frame = pd.DataFrame({"from": moments, "lasted": lasted})
    schema = Schema.infer(Table(parse_texts(frame, dates={"from": "ISO8601", "lasted": "ISO8601"})))

    wanted = [[18262, 1], [18263, 2], [18264, 3], [18265, 5]]
    assert_array_equal(schema.encode(Table(frame)), wanted)
    assert_array_equal(schema.encode(Table(pl.from_pandas(frame))), wanted)
    days = frame.assign(**{"from": [moment.date() for moment in moments]})
    assert_array_equal(schema.encode(Table(days)), wanted)
    assert_array_equal(schema.encode(Table(days[1:2])), wanted[1:2])
    texts = days.astype({"from": str})
    assert_array_equal(schema.encode(Table(texts)), wanted)
    gone = frame.assign(**{"from": [pd.NaT, *moments[1:]], "lasted": [pd.NaT, *lasted[1:]]})
    assert np.isnan(schema.encode(Table(gone))[0]).all()
