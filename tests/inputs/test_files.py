"""Data files: CSV as people write it, Parquet, and what is wrong with either."""

import csv
import datetime
import decimal
import gzip
import io
import os
import threading
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from pyarrow import parquet

from costopt.errors import CostOptWarning, DataError, StoreError
from costopt.inputs.files import parse_texts, read_new_rows, read_table
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.inputs.times import as_times

ROWS = [["amount", "purpose"], ["1.5", "car"], ["2", "größer"]]


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(rows, delimiter=",", end="\n"):
    return "".join(delimiter.join(row) + end for row in rows)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data.csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_common_delimiter_and_line_end_give_the_same_table(file, delimiter, end):
    table = read_table(written(file, lines(ROWS, delimiter, end)))

    assert table.to_dict("list") == {"amount": [1.5, 2.0], "purpose": ["car", "größer"]}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"]
)
def test_any_common_encoding_gives_the_same_table(file, encoding):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        table = read_table(written(file, lines(ROWS).encode(encoding)))

    is_windows = encoding in ("latin-1", "cp1252")
    assert [each.message.code for each in told] == ["other-encoding"] * is_windows
    assert list(table.columns) == ["amount", "purpose"]
    assert list(table["purpose"]) == ["car", "größer"]


def test_quotes_protect_delimiters_newlines_and_quotes(file):
    content = 'id,"a ""note""\nof two lines"\n1,"x, y\nand ""z"""\n2,plain\n'

    table = read_table(written(file, content))

    assert table.to_dict("list") == {
        "id": [1, 2],
        'a "note"\nof two lines': ['x, y\nand "z"', "plain"],
    }


cells = st.sampled_from(["x", "1.5", 'say "hi"', "a,b", "c;d", "two\nlines", " ", "é", "None"])


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_texts_survive_whatever_they_hold(tmp_path_factory, rows):
    """Written by the csv module, read back the same, but for blanks at the start of a cell."""
    sink = io.StringIO()
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    file = written(tmp_path_factory.mktemp("cells") / "data.csv", sink.getvalue())

    table = read_table(file, texts=["a", "b"])

    assert table.to_numpy().tolist() == rows


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_numbers_are_read_to_the_last_digit(tmp_path_factory, numbers):
    file = tmp_path_factory.mktemp("numbers") / "data.csv"
    pd.DataFrame({"x": numbers, "y": 1}).to_csv(file, index=False)

    assert read_table(file)["x"].astype(float).tolist() == numbers


@pytest.mark.parametrize("empty", ["", "NA", "NaN", "nan", "null", "NULL", "n/a", "#N/A", "<NA>"])
def test_a_field_that_says_nothing_is_missing(file, empty):
    table = read_table(written(file, f"x,kind\n1,{empty}\n{empty},a\n"))

    assert table.isna().to_numpy().tolist() == [[False, True], [True, False]]
    assert table["x"].dtype == np.float64


@pytest.mark.parametrize("level", ["None", "none", "nil", "-", "?", "missing", "0"])
def test_a_level_is_not_taken_for_missing(file, level):
    table = read_table(written(file, f"kind,x\n{level},1\na,2\n"))

    assert list(table["kind"]) == [level, "a"]


def test_numbers_truths_and_texts_become_such_and_dates_stay_texts(file):
    content = 'whole,real,truth,text,day,mixed\n1,0.5,true,a,2024-01-31,1\n"2",1e3,FALSE,b,,x\n'

    table = read_table(written(file, content))

    assert table["whole"].dtype == np.int64
    assert list(table["real"]) == [0.5, 1000.0]
    assert table["truth"].dtype == bool
    assert table["day"][0] == "2024-01-31"
    assert list(table["mixed"]) == ["1", "x"]


def test_a_long_column_is_of_one_kind_even_if_only_its_end_holds_texts(file):
    content = "kind,x\n" + "1,1\n" * 300_000 + "a,2\n"

    assert set(read_table(written(file, content))["kind"].map(type)) == {str}


def test_columns_named_as_texts_keep_their_digits(file):
    table = read_table(written(file, "zip,n\n01067,1\n10115,\nNA,3\n"), texts=["zip", "elsewhere"])

    assert list(table["zip"][:2]) == ["01067", "10115"]
    assert table["zip"].isna().tolist() == [False, False, True]
    assert table["n"].tolist()[::2] == [1.0, 3.0]


def test_a_text_that_is_known_is_not_taken_for_missing(file):
    table = read_table(written(file, "country,x\nNA,NA\nnull,1\n"), texts={"country": ["NA", "DE"]})

    assert table["country"].tolist()[0] == "NA"
    assert table["country"].isna().tolist() == [False, True]
    assert np.isnan(table["x"][0])


def test_blank_lines_and_blanks_after_delimiters_are_skipped(file):
    content = '\n a, b\n1, x\n\n   \n2, "y, z"\n\n'

    assert read_table(written(file, content)).to_dict("list") == {"a": [1, 2], "b": ["x", "y, z"]}


def test_a_cell_may_be_a_million_characters_long(file):
    before = csv.field_size_limit()
    long = "x" * 1_000_000

    table = read_table(written(file, f"note,n\n{long},\n{long[:9]},2\n"))

    assert table["note"][0] == long
    assert csv.field_size_limit() == before


def test_a_single_column_needs_no_delimiter(file):
    assert read_table(written(file, "a\n1\n2\n")).to_dict("list") == {"a": [1, 2]}


def test_delimiters_inside_quoted_texts_mislead_nobody(file):
    content = 'note;n\n"a,b,c";1\n"d,e,f";2\n'

    assert list(read_table(written(file, content)).columns) == ["note", "n"]


def test_decimal_commas_are_numbers_where_the_comma_is_no_delimiter(file):
    content = "price;count;code;big\n1,5;3;1,5;1,500\n-20;4;x;2,250\n;5;;\n"

    with pytest.warns(CostOptWarning, match=r"numbers in 'price' \(with decimal commas\)"):
        table = read_table(written(file, content))

    assert table["price"].tolist()[:2] == [1.5, -20.0]
    assert np.isnan(table["price"][2])
    assert table["count"].dtype == np.int64
    assert list(table["code"][:2]) == ["1,5", "x"]
    assert list(table["big"][:2]) == ["1,500", "2,250"], "thousands or decimals: not ours to guess"


def test_decimal_commas_stay_texts_where_texts_are_wanted(file):
    with pytest.warns(CostOptWarning, match="texts-as-numbers"):
        table = read_table(written(file, "a;b\n1,5;2,5\n"), texts=["a"])

    assert table.to_dict("list") == {"a": ["1,5"], "b": [2.5]}


def test_row_labels_of_a_data_frame_are_left_out_with_a_warning(file):
    pd.DataFrame({"x": [1, 2]}, index=[7, 3]).to_csv(file)

    with pytest.warns(CostOptWarning, match="unnamed-column.*row labels"):
        table = read_table(file)

    assert_frame_equal(table, pd.DataFrame({"x": [1, 2]}))


def test_an_empty_column_without_a_name_is_left_out(file):
    assert list(read_table(written(file, "a,b,\n1,2,\n3,4,\n")).columns) == ["a", "b"]


@pytest.mark.skipif(os.name == "nt", reason="needs named pipes")
def test_a_pipe_can_be_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a,b\n1,2\n",))
    writer.start()

    assert read_table(pipe).to_dict("list") == {"a": [1], "b": [2]}
    writer.join()


def test_parquet_keeps_kinds_and_drops_row_labels(tmp_path):
    frame = pd.DataFrame(
        {
            "code": ["01", "NA"],
            "kind": pd.Categorical(["b", None], categories=["b", "a"]),
            "n": pd.array([1, None], dtype="Int64"),
            "when": pd.to_datetime(["2024-01-01", "2024-01-02"]),
        },
        index=[5, 2],
    )
    frame.to_parquet(tmp_path / "data.parquet")

    table = read_table(tmp_path / "data.parquet")

    assert list(table.columns) == list(frame.columns)
    assert list(table.index) == [0, 1]
    assert list(table["code"]) == ["01", "NA"]
    assert list(table["kind"].cat.categories) == ["b", "a"]
    assert table["n"][0] == 1
    assert np.isnan(table["n"][1])
    assert_series_equal(table["when"], frame["when"].reset_index(drop=True), check_dtype=False)


def test_a_named_index_in_parquet_is_a_column(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="customer"))
    frame.to_parquet(tmp_path / "data.parquet")

    assert set(read_table(tmp_path / "data.parquet").columns) == {"x", "customer"}


def test_parquet_decimals_are_numbers(tmp_path):
    money = pa.array([decimal.Decimal("12.50"), None])
    parquet.write_table(pa.table({"amount": money}), tmp_path / "data.parquet")

    table = read_table(tmp_path / "data.parquet")

    assert table["amount"].dtype == np.float64
    assert table["amount"][0] == 12.5


def test_parquet_is_known_by_its_content_too(file):
    pd.DataFrame({"x": [1]}).to_parquet(file)

    assert read_table(file).to_dict("list") == {"x": [1]}


def test_a_csv_file_may_begin_with_the_letters_of_parquet(file):
    assert list(read_table(written(file, "PAR1,PAR2\n1,2\n")).columns) == ["PAR1", "PAR2"]


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "year=2024"
    folder.mkdir()
    pd.DataFrame({"x": [1]}).to_parquet(folder / "data.parquet")

    assert list(read_table(folder / "data.parquet").columns) == ["x"]


WRONG = {
    "empty": (b"", "is empty: a header"),
    "only a byte order mark": (b"\xef\xbb\xbf", "is empty"),
    "only blank lines": (b"\n \n", "is empty"),
    "only a header": (b"a,b\n", "holds no rows"),
    "only a header, no newline": (b"a,b", "holds no rows"),
    "two names alike": (
        b"a,b,a\n1,2,3\n",
        r"two columns named 'a', number 1 and number 3: rename",
    ),
    "two names alike but for blanks": (b"a, a\n1,2\n", "two columns named 'a'"),
    "too many fields": (b"a,b\n1,2\n3,4,5\n", "line 3: 3 fields where the header has 2: put"),
    "too many fields from the start": (b"a,b\n1,2,3\n4,5,6\n", "line 2: 3 fields where"),
    "too many fields after a quoted newline": (b'a,b\n1,"x\ny"\n\n3,4,5\n', "line 5: 3 fields"),
    "too few fields": (b"a,b,c\n1,2,3\n4,5\n6,7,\n", "line 3: 2 fields where the header has 3"),
    "cut short": (b"a,b,c\n1,2,3\n4", "line 3: 1 field where the header has 3"),
    "a quote never closed": (b'a,b\n1,2\n3,"x\n4,5\n6,7\n', "line 3: a double quote is opened"),
    "a column without a name": (b"a,,c\n1,2,3\n", "column number 2 of .* has no name"),
    "a NUL": (b"a,b\n1,\0\n", "line 2: there is a NUL character"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "line 1: .*UTF-16 without"),
    "bytes of no encoding": (b"a,b\n1,\x81\n", "line 2: the byte 0x81 cannot be read as UTF-8 or"),
    "broken UTF-8 with a mark": (
        b"\xef\xbb\xbfa\n\xff\n",
        "line 2: the byte 0xff .*as UTF-8, as the",
    ),
    "gzip": (b"\x1f\x8b\x08\x00", "is compressed with gzip, but damaged"),
    "Excel": (b"PK\x03\x04\x00\x00", "Excel workbook: save the sheet as CSV"),
}


@pytest.mark.parametrize(("content", "complaint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_csv_file_is_said_with_its_line(file, content, complaint):
    with pytest.raises(DataError, match=complaint) as caught:
        read_table(written(file, content))

    assert str(file) in str(caught.value)


def test_the_line_is_named_however_long_the_file(file):
    content = "a,b\n" + "1,2\n" * 20_000 + "1,2,3\n"

    with pytest.raises(DataError, match="line 20002: 3 fields"):
        read_table(written(file, content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"no\.csv does not exist: check the path"):
        read_table(tmp_path / "no.csv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(StoreError, match="is a folder: pass one CSV or Parquet file"):
        read_table(tmp_path)


def test_a_path_below_a_file_cannot_be_read(file):
    with pytest.raises(StoreError, match="cannot read .*: Not a directory"):
        read_table(written(file, "a\n1\n") / "data.csv")


def test_text_named_as_parquet_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is named as a Parquet file but is none: name it \.csv"):
        read_table(written(tmp_path / "data.parquet", "a,b\n1,2\n"))


def test_parquet_cut_short_is_refused(tmp_path):
    file = tmp_path / "data.parquet"
    pd.DataFrame({"x": range(100)}).to_parquet(file)

    with pytest.raises(DataError, match="damaged or not all there and cannot be read as Parquet"):
        read_table(written(file, file.read_bytes()[:-20]))


def test_parquet_without_rows_is_refused(tmp_path):
    pd.DataFrame({"x": [1.0]}).iloc[:0].to_parquet(tmp_path / "data.parquet")

    with pytest.raises(DataError, match="holds no rows"):
        read_table(tmp_path / "data.parquet")


def test_two_columns_of_one_name_in_parquet_are_refused(tmp_path):
    parquet.write_table(
        pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]), tmp_path / "data.parquet"
    )

    with pytest.raises(DataError, match="two columns named 'x', number 1 and number 2"):
        read_table(tmp_path / "data.parquet")


@pytest.mark.parametrize(
    "values",
    [
        [3, 1, 2],
        [0.3, 0.1, 0.2],
        ["2024-03-01", "2024-01-05", "2024-01-31"],
        ["2024-03-01T10:00", "2024-01-05", "2024-01-05 10:30:00.5"],
        ["2024-01-01T12:00+00:00", "2024-01-01T12:00+02:00", "2024-01-01T13:00+02:00"],
        [datetime.date(2024, 3, 1), datetime.date(2024, 1, 5), datetime.date(2024, 1, 31)],
        pd.to_datetime(["2024-03-01", "2024-01-05", "2024-01-31"]),
        pd.to_datetime(["2024-03-01", "2024-01-05", "2024-01-31"], utc=True),
        pd.Categorical(["2024-03-01", "2024-01-05", "2024-01-31"]),
    ],
)
def test_times_come_in_order_whatever_their_form(values):
    assert list(as_times(pd.Series(values), "t").rank()) == [3, 1, 2]


def test_missing_times_stay_missing():
    assert as_times(pd.Series(["2024-01-01", None]), "t").isna().tolist() == [False, True]


@pytest.mark.parametrize("wrong", ["31/12/2024", "yesterday", "2024-13-01"])
def test_a_text_that_is_no_time_is_named_with_its_row(wrong):
    with pytest.raises(DataError, match=f"column 'day' must be numbers or ISO.*{wrong}' in row 1"):
        as_times(pd.Series(["2024-01-01", wrong]), "day")


# Files as people have them

LINES = "paid;kind\n1.234,56;a\n29.850;b\n?;a\n"


def codes(told):
    return [each.message.code for each in told]


@pytest.mark.parametrize(
    ("content", "warned"),
    [
        (LINES.encode(), []),
        (("sep=;\n" + LINES).encode(), []),
        (("Report of June\n\n" + LINES).encode(), ["title-line"]),
        (gzip.compress(LINES.encode()), []),
    ],
    ids=["plain", "Excel's sep", "title", "gzip"],
)
def test_a_file_is_the_same_however_it_is_packed(file, content, warned):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        table = read_table(written(file, content))

    assert codes(told) == [*warned, "texts-as-numbers"]
    assert_frame_equal(table, pd.DataFrame({"paid": [1234.56, 29850, np.nan], "kind": list("aba")}))


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))

    assert read_table("-").to_dict("list") == {"a": [1], "b": [2]}


def test_a_file_without_a_header_is_read_when_that_is_said(file):
    written(file, "4,4,1\n2,3,0\n")

    with pytest.raises(DataError, match=r"two columns named '4', .* pass header=False"):
        read_table(file)
    table = read_table(file, header=False)
    assert table.to_dict("list") == {"column_1": [4, 2], "column_2": [4, 3], "column_3": [1, 0]}


def test_a_first_line_of_numbers_is_doubted(file):
    with pytest.warns(
        CostOptWarning, match="header-of-numbers.* column names, 4, 5: if it is a row"
    ):
        read_table(written(file, "4,5\n2,3\n"))


def test_one_byte_of_another_encoding_is_named_with_its_line(file):
    content = b"name,y\r" + "größer,1\r".encode() * 39 + b"gr\xf6\xdfer,1\rx,0\r"

    with pytest.raises(
        DataError, match=r"line 41: the byte 0xf6 cannot be read as UTF-8, as the rest"
    ):
        read_table(written(file, content))


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ({"thousands": ","}, [29850, 30100]),
        ({"decimal": ","}, [29.85, 30.1]),
        ({"decimal": "."}, [29850, 30100]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*texts-as-numbers")
def test_what_the_comma_means_can_be_said(file, said, numbers):
    content = 'paid,n\n"29,850",1\n"30,100",2\n'

    assert list(read_table(written(file, content), **said)["paid"]) == numbers
    assert (
        list(parse_texts(pd.DataFrame({"paid": ["29,850", "30,100"]}), **said)["paid"]) == numbers
    )


@pytest.mark.filterwarnings("ignore:.*texts-as-numbers")
def test_points_between_thousands_are_undone_where_that_is_said(file):
    table = read_table(written(file, "paid;n\n29.850;1\n30.100;2\n"), thousands=".")

    assert list(table["paid"]) == [29850, 30100]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"decimal": ";"}, r"decimal must be '\.' or ',', got ';'"),
        ({"thousands": "x"}, "thousands must be ',', .* got 'x'"),
        ({"decimal": ",", "thousands": ","}, "decimal and thousands must differ, got ',' for both"),
        ({"dates": {"dya": "%d"}}, "no column 'dya' of dates: did you mean 'day'"),
        ({"dates": {"n": "%d"}}, "column 'n' holds numbers, not dates: leave it out"),
        ({"dates": {"day": "%d.%m.%Y"}}, "must be numbers or dates of the format %d.%m.%Y, got"),
    ],
)
def test_what_cannot_be_said_of_a_table_is_refused(said, message):
    with pytest.raises(DataError, match=message):
        parse_texts(pd.DataFrame({"day": ["2024-12-31"], "n": [1]}), **said)


def test_cells_that_say_nothing_can_be_named(file):
    table = read_table(written(file, "n,kind\n1,a\n-99,?\n"), missing=["-99", "?"])

    assert table.isna().to_numpy().tolist() == [[False, False], [True, True]]


@pytest.mark.filterwarnings("ignore:.*texts-as-numbers")
def test_dates_become_days_where_that_is_asked_for(file):
    table = read_table(written(file, "day,n\n02.01.1970,1\n,2\n"), dates={"day": "%d.%m.%Y"})

    assert list(table["day"].fillna(-1)) == [1, -1]


def test_the_format_of_times_is_found_for_the_message():
    with pytest.raises(DataError, match=r"format of all is %m/%d/%Y \(--date-format '%m/%d/%Y'\)"):
        as_times(pd.Series(["12/31/2024", "01/02/2025"]), "day")
    assert as_times(pd.Series(["12/31/2024"]), "day", "%m/%d/%Y")[0] == pd.Timestamp("2024-12-31")


@pytest.mark.parametrize(("blank", "line"), [("", 4), ("\n", 5)])
def test_an_error_about_a_file_names_its_line(file, blank, line):
    content = f"age,n\n31,1\n{blank}27,2\n4O,3\n45,4\n"

    with pytest.raises(DataError, match=f"'age' holds numbers, but for '4O' in line {line}"):
        Schema.infer(Table(read_table(written(file, content))))


def test_columns_that_a_policy_reads_are_left_as_texts(file):
    table = read_table(written(file, "a,b\n$5,29.850\n"), leave={"a": "", "b": ","})

    assert table.to_dict("list") == {"a": ["$5"], "b": ["29.850"]}


@pytest.mark.parametrize("known", [["a", "NA", ""], ["a"]])
def test_columns_that_are_kept_are_read_as_if_they_were_not(file, known):
    written(file, "kind,n,other\na,1,?\nNA,007,x\n,NA,1\n")
    said = {"texts": {"kind": known}, "leave": {"n": ""}}

    plain, nothing = read_new_rows(file, ["kind", "n"], **said)
    for keep in ("all", ["kind", "n"]):
        table, kept = read_new_rows(file, ["kind", "n"], keep, **said)
        assert_frame_equal(table, plain)
        assert kept["n"].tolist() == ["1", "007", "NA"]
        assert kept["kind"].fillna("").tolist() == ["a", "NA", ""]

    assert nothing.shape == (3, 0)
    assert plain["n"].fillna(-1).tolist() == [1, 7, -1]
    assert plain["kind"].isna().tolist() == [False, len(known) == 1, len(known) == 1]
    assert plain["other"].tolist() == ["?", "x", "1"]
