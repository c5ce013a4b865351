import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.sparse import csr_array, csr_matrix

from costopt import DataError
from costopt.inputs.frames import Table

nan = np.nan

NUMBERS = np.array([[1.0, 2.0], [3.5, nan], [-4.0, 0.0]])


ARRAYS = {
    "C order": lambda: NUMBERS.copy(),
    "Fortran order": lambda: np.asfortranarray(NUMBERS),
    "float32": lambda: NUMBERS.astype(np.float32),
    "float16": lambda: NUMBERS.astype(np.float16),
    "long double": lambda: NUMBERS.astype(np.longdouble),
    "other byte order": lambda: NUMBERS.astype(">f8"),
    "objects with None": lambda: np.where(np.isnan(NUMBERS), None, NUMBERS),
    "every other row": lambda: np.repeat(NUMBERS, 2, axis=0)[::2],
    "nested lists": lambda: NUMBERS.tolist(),
    "nested tuples": lambda: tuple(map(tuple, NUMBERS.tolist())),
    "list of arrays": lambda: list(NUMBERS),
}


COLUMNS = {"age": [31, 45, None], "member": [True, None, False], "shop": ["web", "till", None]}
FRAMES = {
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas, nullable": lambda: pd.DataFrame(COLUMNS).astype(
        {"age": "Int64", "member": "boolean", "shop": "string"}
    ),
    "pandas, pyarrow": lambda: pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "pyarrow": lambda: pa.table(COLUMNS),
}


# Arrays


@pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS)
def test_every_array_gives_the_same_matrix(make):
    table = Table(make())

    assert table.columns == ("x0", "x1")
    assert table.n_rows == 3
    assert_array_equal(table.matrix, NUMBERS)
    assert_array_equal(table["x1"], NUMBERS[:, 1])
    assert_array_equal(table.numbers("x1"), NUMBERS[:, 1])
    assert not table.is_time("x1")


def test_whole_numbers_and_booleans_in_arrays_become_floats():
    whole, flags = Table(np.array([[1, 2], [3, 4]])), Table(np.array([[True, False]]))

    assert_array_equal(whole.matrix, [[1.0, 2.0], [3.0, 4.0]])
    assert_array_equal(flags.matrix, [[1.0, 0.0]])
    assert whole.matrix.dtype == flags.matrix.dtype == np.float64


def test_a_read_only_memory_map_is_read_as_it_is(tmp_path):
    np.save(tmp_path / "rows.npy", NUMBERS)
    X = np.load(tmp_path / "rows.npy", mmap_mode="r")

    assert np.shares_memory(Table(X).matrix, X)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_floats_are_not_copied(kind, order):
    X = np.asarray(NUMBERS, dtype=kind, order=order)

    matrix = Table(X).matrix

    assert np.shares_memory(matrix, X)
    assert matrix.dtype == kind
    assert X.flags.writeable


def test_masked_entries_of_an_array_are_missing():
    """Their hidden values must never be read as if they were there."""
    X = np.ma.array([[1, 999], [3, 4], [5, 6]], mask=[[0, 1], [0, 0], [0, 0]])

    for kind in (int, np.float32, float):
        assert_array_equal(Table(X.astype(kind)).matrix, [[1.0, nan], [3.0, 4.0], [5.0, 6.0]])
    assert X[0, 1] is np.ma.masked


# Data frames


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_a_column_of_numbers_is_given_as_numbers_and_one_of_texts_as_objects(make):
    table = Table(make())

    assert table.columns == ("age", "member", "shop")
    assert table.n_rows == 3
    assert table.matrix is None
    assert_array_equal(table["age"], [31, 45, nan])
    assert_array_equal(np.asarray(table["member"], dtype=float), [1, nan, 0])
    assert_array_equal(table["shop"][:2], ["web", "till"])


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_numbers_are_told_from_texts(make):
    table = Table(make())

    assert_array_equal(table.numbers("age"), [31, 45, nan])
    assert_array_equal(table.numbers("member"), [1, nan, 0])
    assert table.numbers("shop") is None
    assert_array_equal(table.texts("shop").codes, [1, 0, -1])
    assert list(table.texts("shop").categories) == ["till", "web"]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_dates_and_durations_are_times(frame):
    day = pd.Timestamp("2024-01-01").to_pydatetime()
    table = Table(frame({"at": [day], "day": [day.date()], "took": [day - day], "n": [1]}))

    assert table.is_time("at")
    assert table.is_time("took")
    assert not table.is_time("n")


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_columns_come_as_pandas_with_a_plain_index(make):
    X = make()
    if isinstance(X, pd.DataFrame):
        X.index = [5, 4, 3]

    frame = Table(X).to_pandas(["shop", "age"])

    assert list(frame.columns) == ["shop", "age"]
    assert_array_equal(frame.index, range(3))
    assert frame["age"].sum() == 76


def test_columns_of_an_array_come_as_pandas_too():
    assert_frame_equal(Table(NUMBERS).to_pandas(["x1"]), pd.DataFrame({"x1": NUMBERS[:, 1]}))


def test_a_column_comes_as_its_own_library_holds_it():
    assert Table(pl.DataFrame(COLUMNS)).native_column("shop").to_list() == COLUMNS["shop"]
    assert_array_equal(Table(NUMBERS).native_column("x1"), NUMBERS[:, 1])


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_a_data_frame_is_not_changed(make):
    X, untouched = make(), make()

    table = Table(X)
    for name in COLUMNS:
        table.numbers(name)
    frame = table.to_pandas(["age", "shop"])
    frame.loc[:, "age"] = 0

    if isinstance(X, pd.DataFrame):
        assert_frame_equal(X, untouched)
    else:
        assert X.equals(untouched)


def test_column_names_that_are_no_texts_are_read_as_texts_and_the_frame_keeps_them():
    X = pd.DataFrame({0: [1.0, 2.0], (1, "b"): [3.0, 4.0]})

    assert Table(X).columns == ("0", "(1, 'b')")
    assert list(X.columns) == [0, (1, "b")]


def test_sparse_pandas_columns_are_read_as_dense():
    X = pd.DataFrame.sparse.from_spmatrix(csr_matrix([[1.0, 2.0], [0.0, 3.0]]))

    assert_array_equal(Table(X).numbers("0"), [1.0, 0.0])
    assert isinstance(X[0].dtype, pd.SparseDtype)


def test_decimal_numbers_are_numbers():
    polars = pl.DataFrame({"price": pl.Series([1, 2]).cast(pl.Decimal(10, 2))})
    arrow = pa.table({"price": pa.array([1, 2], pa.int32()).cast(pa.decimal128(12, 2))})

    for X in (polars, arrow):
        assert_array_equal(Table(X).numbers("price"), [1.0, 2.0])


def test_a_column_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError, match="x2"):
        Table(NUMBERS)["x2"]


# What is no table


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([1.0, 2.0]), r"two dimensions, rows and columns, got shape \(2,\).*reshape"),
        (np.zeros((2, 2, 2)), r"two dimensions.*got shape \(2, 2, 2\)"),
        ([[1.0], [1.0, 2.0]], "X must be a table, got rows of different lengths"),
        (np.array([[1j, 2]]), "X must hold real numbers, got complex ones"),
        (
            np.array([["a", "b"]]),
            r"X must hold numbers where it is an array .* data frame for texts",
        ),
        (np.array([[1, "b"]], dtype=object), "X must hold numbers where it is an array"),
        (csr_matrix(np.eye(2)), r"dense table, got a sparse matrix: pass X.toarray\(\)"),
        (csr_array(np.eye(2)), r"dense table, got a sparse matrix: pass X.toarray\(\)"),
        (pl.LazyFrame({"a": [1]}), r"array, got LazyFrame: call \.collect\(\) first"),
        (pd.Series([1.0, 2.0]), "data frame or a two-dimensional array, got Series"),
        ({"a": [1]}, "data frame or a two-dimensional array, got dict"),
        (None, "data frame or a two-dimensional array, got NoneType"),
        ("rows.csv", "data frame or a two-dimensional array, got str"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named 'a': rename or drop one"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "two columns named '1': rename or drop one"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns named 'a'"),
    ],
)
def test_what_is_no_table_is_refused(X, message):
    with pytest.raises(DataError, match=message):
        Table(X)


def test_a_table_is_not_made_of_a_table():
    with pytest.raises(TypeError, match="not of a Table"):
        Table(Table(NUMBERS))
