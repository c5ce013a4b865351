import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from costopt import CostOptWarning, DataError
from costopt.inputs.labels import encode_known, encode_labels

nan = np.nan

YES = [False, True, True, False, False]


LABELS = {
    "texts": (["ok", "fraud", "fraud", "ok", "ok"], "fraud", "ok"),
    "texts in an array": (np.array(["ok", "fraud", "fraud", "ok", "ok"]), "fraud", "ok"),
    "objects": (np.array(["ok", "fraud", "fraud", "ok", "ok"], dtype=object), "fraud", "ok"),
    "one and two": ([1, 2, 2, 1, 1], 2, 1),
    "one and two, reversed": ([2, 1, 1, 2, 2], 1, 2),
    "minus one and one": (np.array([-1, 1, 1, -1, -1]), 1, -1),
    "booleans": (YES, True, False),
    "booleans, reversed": ([True, False, False, True, True], False, True),
    "numbers": ([0.5, 2.5, 2.5, 0.5, 0.5], 2.5, 0.5),
    "pandas": (pd.Series(["n", "y", "y", "n", "n"], index=[9, 8, 7, 6, 5]), "y", "n"),
    "pandas category": (pd.Series(["n", "y", "y", "n", "n"], dtype="category"), "y", "n"),
    "pandas string": (pd.Series(["n", "y", "y", "n", "n"], dtype="string"), "y", "n"),
    "pandas, arrow-backed": (
        pd.Series(["n", "y", "y", "n", "n"], dtype="string[pyarrow]"),
        "y",
        "n",
    ),
    "nullable Int64": (pd.Series([7, 8, 8, 7, 7], dtype="Int64"), 8, 7),
    "nullable boolean": (pd.Series(YES, dtype="boolean"), True, False),
    "unused category": (
        pd.Series(pd.Categorical(["n", "y", "y", "n", "n"], categories=["n", "maybe", "y"])),
        "y",
        "n",
    ),
    "polars": (pl.Series(["n", "y", "y", "n", "n"]), "y", "n"),
    "polars category": (pl.Series(["n", "y", "y", "n", "n"], dtype=pl.Categorical), "y", "n"),
    "polars booleans": (pl.Series(YES), True, False),
    "pyarrow": (pa.array([7, 8, 8, 7, 7]), 8, 7),
    "pyarrow texts": (pa.array(["n", "y", "y", "n", "n"]), "y", "n"),
    "pyarrow chunks": (pa.chunked_array([["n", "y"], ["y", "n", "n"]]), "y", "n"),
}


@pytest.mark.filterwarnings("ignore:.*positive-majority")
@pytest.mark.parametrize(("y", "positive", "negative"), LABELS.values(), ids=LABELS)
def test_labels_of_every_kind_are_read_with_their_positive_class_named(y, positive, negative):
    labels = encode_labels(y, positive)

    assert_array_equal(labels.y, YES)
    assert labels.y.dtype == bool
    assert (labels.positive, labels.negative) == (positive, negative)
    assert type(labels.positive) is type(positive)


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, 1, 0, 0],
        np.array([0, 1, 1, 0, 0], dtype=np.uint8),
        [0.0, 1.0, 1.0, 0.0, 0.0],
        YES,
        pd.Series([0, 1, 1, 0, 0], dtype="Int8"),
        pd.Series([0, 1, 1, 0, 0], dtype="category"),
        pl.Series([0, 1, 1, 0, 0]),
        pa.array(YES),
    ],
)
def test_zero_and_one_and_booleans_need_no_positive_class(y):
    assert_array_equal(encode_labels(y).y, YES)


def test_labels_are_not_changed():
    y = pd.Series(["n", "y", "y", "n"], index=[4, 3, 2, 1], dtype="category")
    untouched = y.copy()

    encode_labels(y, "y")

    pd.testing.assert_series_equal(y, untouched)


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, nan, 1, None],
        np.array(["a", "b", None, "a", None], dtype=object),
        pd.Series([0, 1, None, 0, None], dtype="Int64"),
        pd.Series(["a", "b", pd.NA, "a", None], dtype="string"),
        pd.Series(["a", "b", None, "a", None], dtype="category"),
        pl.Series([0, 1, None, 1, None]),
        pl.Series(["a", "b", None, "a", None]),
        pa.array([0, 1, None, 1, None]),
    ],
)
def test_a_missing_label_is_refused_with_its_row(y):
    with pytest.raises(
        DataError, match=r"y must have a label in every row, got none in row 2 \(2 such rows\)"
    ):
        encode_labels(y, 1)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([], "two classes, got no rows: both are needed"),
        ([1, 1, 1], r"two classes, got only one class, 1 \(3 rows\)"),
        (
            pd.Series(pd.Categorical(["a", "a"], categories=["a", "b"])),
            r"two classes, got only one class, 'a' \(2 rows\)",
        ),
        (
            ["a", "b", "c", "b"],
            r"two classes, got 3: 'a' \(1 rows\), 'b' \(2 rows\), 'c' \(1 rows\); ",
        ),
        (
            list(range(7)),
            r"got 7: 0 \(1 rows\).*, 4 \(1 rows\), \.\.\.; merge them into the class to",
        ),
        (np.zeros((3, 1)), r"y must be one-dimensional, got shape \(3, 1\): pass one column"),
        (pd.DataFrame({"y": [0, 1]}), "y must be one-dimensional"),
        (None, "y must be one-dimensional"),
        (pd.to_datetime(pd.Series(["2024-01-01", "2024-01-02"])), "y must hold texts, numbers or"),
        (np.array([1, "a", 1], dtype=object), "y "),
        ([[0], [1, 2]], "y must be one-dimensional"),
    ],
)
def test_labels_that_are_no_two_classes_are_refused(y, message):
    with pytest.raises(DataError, match=message):
        encode_labels(y, 1)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b", "a"], r"got 'a' \(2 rows\), 'b' \(1 rows\): pass pos_label='b' if that is the"),
        ([1, 2, 2], r"got 1 \(1 rows\), 2 \(2 rows\): pass pos_label=1"),
        ([-1, 1, -1], "pass pos_label=1"),
        (["0", "1"], r"got '0' \(1 rows\), '1' \(1 rows\)"),
    ],
)
def test_the_positive_class_is_never_guessed(y, message):
    with pytest.raises(DataError, match="must be named where labels are not 0 and 1, .*" + message):
        encode_labels(y)


def test_a_positive_class_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"pos_label='c' is not among the classes 'a' \(1 rows\)"):
        encode_labels(["a", "b", "b"], "c")
    with pytest.raises(DataError, match="pos_label='1' is not among the classes 0"):
        encode_labels([0, 1], "1")


def test_a_positive_class_in_the_majority_is_warned_of_with_both_rates():
    with pytest.warns(
        CostOptWarning,
        match=r"\[positive-majority\] the positive class 'ok' holds 75.0% of the rows and 'fraud' "
        r"25.0%: is 'fraud' the class to act on\?",
    ):
        encode_labels(["ok", "ok", "ok", "fraud"], "ok")


def test_half_of_the_rows_are_no_majority():
    assert_array_equal(encode_labels(["a", "b"], "a").y, [True, False])


# Labels of classes that are known


@pytest.mark.parametrize(("y", "positive", "negative"), LABELS.values(), ids=LABELS)
def test_labels_of_known_classes_are_read_of_every_kind(y, positive, negative):
    assert_array_equal(encode_known(y, negative, positive), YES)


def test_labels_of_known_classes_may_all_be_one():
    """A day without a fraud is a day like others."""
    assert_array_equal(encode_known(["ok", "ok"], "ok", "fraud"), [False, False])
    assert encode_known([], "ok", "fraud").shape == (0,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            ["ok", "theft"],
            "must hold 'ok' and 'fraud', as when the policy was made, got 'theft' in row 1",
        ),
        (["ok", None], "got None in row 1"),
        ([0, 1], "got .*0.* in row 0"),
        (np.zeros((2, 1)), "y must be one-dimensional"),
    ],
)
def test_labels_of_other_classes_are_refused_with_their_row(y, message):
    with pytest.raises(DataError, match=message):
        encode_known(y, "ok", "fraud")
