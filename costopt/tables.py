"""Data files in, data frames out: CSV of any common kind, and Parquet."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from os import PathLike
from pathlib import Path

import pandas as pd

from costopt.errors import DataError, StoreError, check_path, warn

__all__ = ["MISSING", "as_times", "read_table"]

# What a field says when it says nothing: what pandas takes for that, but for "None", which is often
# a level, such as "no other debtor".
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NULL", "null"]
    + [sign + name for sign in ("", "-") for name in ("NaN", "nan", "1.#IND", "1.#QNAN")]
)

DELIMITERS = (",", ";", "\t", "|")
# A byte order mark names the encoding; UTF-32 first, because its mark begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PARQUET = b"PAR1"
OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
}
# Bytes and records that the delimiter is guessed from.
SAMPLE_BYTES = 65_536
SAMPLE_RECORDS = 20
LONGEST_CELL = 2**31 - 1

DECIMAL_COMMA = r"[+-]?\d+(?:,\d+)?"
# "1,500" may be one and a half or fifteen hundred.
AMBIGUOUS_COMMA = r"[+-]?\d{1,3},\d{3}"


def read_table(path: str | PathLike[str], *, texts: Collection[str] = ()) -> pd.DataFrame:
    r"""Read a data file; its rows keep their order and are numbered from 0.

    A file is read as Parquet if it is one or is named ``.parquet``, else as CSV. The
    delimiter of a CSV file is the one of ``, ; tab |`` that divides its first lines most evenly;
    its encoding is that of its byte order mark, else UTF-8, else Windows-1252 (a superset of
    printable latin-1).

    Parameters
    ----------
    path : path
    texts : collection of str, default=()
        Columns to read as texts even if all their fields are numbers. A mapping gives the texts
        known there, which then count as such even if they look like a missing value (``"NA"``).

    Returns
    -------
    table : DataFrame
        Fields that are numbers, or true and false, in every row become so; nothing is taken for a
        date. A field is missing if it is empty or one of `MISSING`. Blank lines are skipped, and so
        are blanks after a delimiter. Numbers may have a decimal comma where the comma is not the
        delimiter. A column without a name is left out if it is the first (row labels, as data
        frames write them) or empty.

    Raises
    ------
    StoreError
        If the file is not there or cannot be read.
    DataError
        If it holds no rows, is no text, names two columns alike, or has a line with more or
        fewer fields than the header.

    Warns
    -----
    CostOptWarning
        ``unnamed-column``, where row labels are left out of a CSV file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "loans.csv")
    ...     _ = file.write_text("amount;purpose;zip\n1200,50;car;01067\n800;none;NA\n")
    ...     read_table(file, texts=["zip"])
       amount purpose    zip
    0  1200.5     car  01067
    1   800.0    none    NaN
    """
    path = check_path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path} does not exist: check the path of the data") from None
    except IsADirectoryError:
        raise StoreError(f"{path} is a folder: pass one CSV or Parquet file") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    is_parquet = content.startswith(PARQUET) and content.endswith(PARQUET)
    if is_parquet or path.suffix.lower() == ".parquet":
        table = _read_parquet(path, content)
    else:
        table = _read_csv(path, content, texts)
    if not len(table):
        raise DataError(f"{path} holds no rows: at least one is needed below the column names")
    return table


def as_times(column: pd.Series, name: str) -> pd.Series:
    """A column that rows can be put in order by: numbers and times as they are, texts as times.

    Parameters
    ----------
    column : Series
        Numbers, times, or texts in the form of ISO 8601; those without a time zone count as UTC.
    name : str
        What the column is called in an error.

    Raises
    ------
    DataError
        If a text is no time in that form.

    Examples
    --------
    >>> as_times(pd.Series(["2024-02-01", "2024-01-31 18:00"]), "day").is_monotonic_increasing
    False
    """
    if column.dtype.kind in "biufmM":  # numbers, durations, times
        return column
    texts = column.astype(object).map(str, na_action="ignore")
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    bad = times.isna() & column.notna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            f"the times in column {name!r} must be numbers or ISO 8601 dates, such as 2024-12-31 or "
            f"2024-12-31T18:00, got {texts.iloc[row]!r:.60} in row {row}"
        )
    return times.dt.tz_localize(None)


def _read_parquet(path: Path, content: bytes) -> pd.DataFrame:
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import parquet

    if not content.startswith(PARQUET):
        raise DataError(
            f"{path} is named as a Parquet file but is none: name it .csv if that is what it is"
        )
    try:
        stored = parquet.ParquetFile(pa.BufferReader(content)).read()
        for position, field in enumerate(stored.schema):
            if pa.types.is_decimal(field.type):  # money often is; pandas would hold objects
                numbers = stored.column(position).cast(pa.float64())
                stored = stored.set_column(position, field.name, numbers)
        names = stored.column_names
        _check_names(path, names)
        # row labels of a data frame that had no name
        labels = [name for name in names if re.fullmatch(r"__index_level_\d+__", name)]
        return stored.drop_columns(labels).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is damaged or not all there and cannot be read as Parquet: write it again "
            f"({error})"
        ) from error


def _read_csv(path: Path, content: bytes, texts: Collection[str]) -> pd.DataFrame:
    for start, what in OTHER_FORMATS.items():
        if content.startswith(start):
            raise DataError(f"{path} is {what}")
    encoding = _encoding(path, content)
    with _long_cells():
        delimiter = _delimiter(content, encoding)
        stream = _as_text(content, encoding)
        header = next((cells for _, cells in _records(stream, delimiter)), None)
        if header is None:
            raise DataError(f"{path} is empty: a header and at least one row are needed")
        names = [cell.strip() for cell in header]
        _check_names(path, [name for name in names if name])
        try:
            frame = _parse(stream, delimiter, names, texts)
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            _check_fields(path, content, encoding, delimiter, len(names), str(error))
            raise DataError(f"{path} cannot be read as CSV: {error}") from error
        # a line that is too short has nothing in the last column, and is not reported
        if frame.iloc[:, -1].isna().any():
            _check_fields(path, content, encoding, delimiter, len(names), "")
    if delimiter != ",":
        _read_decimal_commas(frame, {at for at, name in enumerate(names) if name in texts})
    return _named(path, frame, names)


def _parse(
    stream: io.TextIOBase, delimiter: str, names: list[str], texts: Collection[str]
) -> pd.DataFrame:
    """The rows below the header, as columns 0, 1, 2, ..."""
    known = texts if isinstance(texts, Mapping) else dict.fromkeys(texts, ())
    exact = {}
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
        exact["float_precision"] = "round_trip"  # later versions always read numbers exactly
    with warnings.catch_warnings():
        # lines all longer than the header: pandas would only warn, and cut them
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            stream,
            sep=delimiter,
            header=None,
            names=list(range(len(names))),
            index_col=False,
            dtype={at: str for at, name in enumerate(names) if name in known},
            keep_default_na=False,
            na_values={at: MISSING - set(known.get(name, ())) for at, name in enumerate(names)},
            skipinitialspace=True,
            low_memory=False,  # else a long column may be part numbers, part texts
            **exact,
        )


def _encoding(path: Path, content: bytes) -> str:
    """The encoding of a text file, tried on all of it."""
    mark = next((name for bom, name in BYTE_ORDER_MARKS if content.startswith(bom)), None)
    for encoding in (mark,) if mark else ("utf-8", "cp1252"):
        try:
            # "-sig" would count from behind the mark
            text = content.decode(encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            bad = error.start
            continue
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DataError(
                f"{path}, line {line}: there is a NUL character, so this is no text file, or is "
                "UTF-16 without a byte order mark: save it as UTF-8"
            )
        return encoding
    line = content.count(b"\n", 0, bad) + 1
    marked = mark and f"{mark.removesuffix('-sig').upper()}, as the file's first bytes announce"
    raise DataError(
        f"{path}, line {line}: the byte 0x{content[bad]:02x} cannot be read as "
        f"{marked or 'UTF-8 or Windows-1252'}: save the file as UTF-8"
    )


def _as_text(content: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")


@contextmanager
def _long_cells() -> Iterator[None]:
    """The csv module refuses cells of more than 131,072 characters; its limit is put back."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _records(lines: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line that each record starts in, and its fields; blank lines are left out."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    start = 1
    for record in reader:
        if len(record) > 1 or "".join(record).strip():
            yield start, record
        start = reader.line_num + 1


def _delimiter(content: bytes, encoding: str) -> str:
    """The delimiter that divides the header, and most evenly the first records."""
    sample = content[:SAMPLE_BYTES].decode(encoding, "ignore")
    if len(content) > SAMPLE_BYTES and "\n" in sample:
        sample = sample[: sample.rindex("\n") + 1]  # the last line may be cut off

    def evenness(delimiter: str) -> tuple[bool, float, int]:
        records = _records(io.StringIO(sample, newline=""), delimiter)
        counts = [len(fields) for _, fields in islice(records, SAMPLE_RECORDS)]
        width = counts[0] if counts else 0
        return width > 1, counts.count(width) / max(len(counts), 1), width

    return max(DELIMITERS, key=evenness)


def _check_names(path: Path, names: list[str]) -> None:
    for position, name in enumerate(names):
        first = names.index(name)
        if first < position:
            raise DataError(
                f"{path} has two columns named {name!r}, number {first + 1} and number "
                f"{position + 1}: rename one"
            )


def _check_fields(
    path: Path, content: bytes, encoding: str, delimiter: str, width: int, complaint: str
) -> None:
    """Name the first line whose fields are not as many as the header's."""
    unclosed = "EOF inside string" in complaint
    line = 1
    for line, fields in _records(_as_text(content, encoding), delimiter):
        if len(fields) != width and not unclosed:
            raise DataError(
                f"{path}, line {line}: {_counted(len(fields))} where the header has {width}: put "
                f"texts that hold {delimiter!r} between double quotes, and give every line all fields"
            )
    if unclosed:  # the record that swallowed the rest of the file is the last
        raise DataError(f"{path}, line {line}: a double quote is opened and never closed")


def _counted(n_fields: int) -> str:
    return "1 field" if n_fields == 1 else f"{n_fields} fields"


def _read_decimal_commas(frame: pd.DataFrame, texts: Collection[int]) -> None:
    """Turn columns of numbers such as "12,50" into numbers, in place, where that is not a guess."""
    for at in frame.columns.difference(list(texts)):
        column = frame[at].dropna()
        if pd.api.types.infer_dtype(column) != "string":
            continue
        numbers = column.str.fullmatch(DECIMAL_COMMA)
        clear = ~column.str.fullmatch(AMBIGUOUS_COMMA) & column.str.contains(",", regex=False)
        if numbers.all() and clear.any():
            frame[at] = pd.to_numeric(frame[at].str.replace(",", ".", regex=False))


def _named(path: Path, frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The frame under its column names, without columns that have none."""
    for at, name in enumerate(names):
        if name:
            continue
        if at == 0:
            warn(
                "unnamed-column",
                f"the first column of {path} has no name: it is taken for row labels and left out",
            )
        elif frame[at].notna().any():
            raise DataError(f"column number {at + 1} of {path} has no name: give it one")
    kept = [at for at, name in enumerate(names) if name]
    return frame[kept].set_axis([names[at] for at in kept], axis=1)
