"""From the bytes of a file to records of texts: packing, encoding, delimiter, header."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from costopt.errors import DataError, warn

__all__ = ["TextFile", "long_cells", "unpacked"]

DELIMITERS = (",", ";", "\t", "|")
# A byte order mark names the encoding; UTF-32 first, because its mark begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GZIP = b"\x1f\x8b"
# Bytes and records that the delimiter is guessed from.
SAMPLE_BYTES = 65_536
SAMPLE_RECORDS = 20
MOST_TITLES = 5  # lines above a header
LONGEST_CELL = 2**31 - 1
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*(?:\r\n|\n|\r)', re.IGNORECASE)


@dataclass(frozen=True)
class TextFile:
    """A file of delimited text: its content, and how it is divided into records.

    Parameters
    ----------
    name : str
        What the file is called in messages.
    content : bytes
    """

    name: str
    content: bytes = field(repr=False)
    encoding: str = field(init=False)
    delimiter: str = field(init=False)
    n_titles: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoding", _encoding(self.name, self.content))
        sample = self.content[:SAMPLE_BYTES].decode(self.encoding, "ignore")
        if len(self.content) > SAMPLE_BYTES and "\n" in sample:
            sample = sample[: sample.rindex("\n") + 1]  # the last line may be cut off
        told = SEPARATOR_LINE.match(sample)
        if told:  # Excel's own way to say it
            object.__setattr__(self, "delimiter", told[1])
            object.__setattr__(self, "n_titles", 1)
            return
        delimiter, n_titles = _division(sample)
        object.__setattr__(self, "delimiter", delimiter)
        object.__setattr__(self, "n_titles", n_titles)
        if n_titles:
            lines = "line 1 is" if n_titles == 1 else f"lines 1 to {n_titles} are"
            warn(
                "title-line",
                f"{self.name}: {lines} taken for a title, as the lines below have more fields: the "
                "column names are taken from the line after it",
            )

    def stream(self) -> io.TextIOWrapper:
        """The text from its beginning."""
        return io.TextIOWrapper(io.BytesIO(self.content), encoding=self.encoding, newline="")

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The line that each record starts in, and its fields, from the header on."""
        return islice(_records(self.stream(), self.delimiter), self.n_titles, None)

    def below(self, *, header: bool) -> io.TextIOWrapper:
        """The text below the titles, and below the header if there is one."""
        stream = self.stream()
        for _ in islice(_records(stream, self.delimiter), self.n_titles + header):
            pass
        return stream

    def runs_of_lines(self, n_rows: int, *, header: bool) -> list[list[int]]:
        """Where runs of rows begin that stand on lines without a gap: pairs of row and line.

        Parameters
        ----------
        n_rows : int
            Below the header.
        header : bool
        """
        first = self.n_titles + 1 + header
        text = self.content.decode(self.encoding)
        ends = len(re.findall(r"\r\n|\n|\r", text)) + (not text.endswith(("\n", "\r")))
        if ends == n_rows + first - 1:
            return [[0, first]]
        runs: list[list[int]] = []
        with long_cells():
            for row, (line, _) in enumerate(islice(self.records(), int(header), None)):
                if not runs or line - runs[-1][1] != row - runs[-1][0]:
                    runs.append([row, line])
                    if len(runs) > 1000:  # every other record has several lines
                        return []
        return runs

    def check_fields(self, width: int, complaint: str) -> None:
        """Name the first line whose fields are not as many as the header's.

        Raises
        ------
        DataError
        """
        unclosed = "EOF inside string" in complaint
        line = 1
        for line, fields in self.records():
            if len(fields) != width and not unclosed:
                title = ", or remove the lines above the header" if line < MOST_TITLES else ""
                raise DataError(
                    f"{self.name}, line {line}: {counted(len(fields))} where the header has {width}: "
                    f"put texts that hold {self.delimiter!r} between double quotes, and give every "
                    f"line all fields{title}"
                )
        if unclosed:  # the record that swallowed the rest of the file is the last
            raise DataError(f"{self.name}, line {line}: a double quote is opened and never closed")


def unpacked(name: str, content: bytes) -> bytes:
    """The content of a file without the compression of gzip.

    Raises
    ------
    DataError
        If it is damaged.
    """
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{name} is compressed with gzip, but damaged or not all there: write it again ({error})"
        ) from error


def counted(n_fields: int) -> str:
    """A number of fields in words."""
    return "1 field" if n_fields == 1 else f"{n_fields} fields"


@contextmanager
def long_cells() -> Iterator[None]:
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


def _division(sample: str) -> tuple[str, int]:
    """The delimiter that divides the first records most evenly, and how many titles stand above."""

    def counts(delimiter: str) -> list[int]:
        records = _records(io.StringIO(sample, newline=""), delimiter)
        return [len([*fields]) for _, fields in islice(records, SAMPLE_RECORDS)]

    def evenness(counts: list[int]) -> tuple[bool, float, int]:
        width = counts[0] if counts else 0
        return width > 1, counts.count(width) / max(len(counts), 1), width

    found = {delimiter: counts(delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: evenness(found[delimiter]))
    if evenness(found[best])[0]:
        return best, _empty_titles(sample, best, found[best])
    for n_titles in range(1, MOST_TITLES + 1):
        for delimiter in DELIMITERS:
            above, below = found[delimiter][:n_titles], found[delimiter][n_titles:]
            if len(below) > 1 and below[0] > 1 and set(above) == {1} and len(set(below)) == 1:
                return delimiter, n_titles
    return best, 0


def _empty_titles(sample: str, delimiter: str, counts: list[int]) -> int:
    """Titles that a spreadsheet wrote with the delimiters of the empty cells beside them."""
    if len(counts) < 3 or len(set(counts)) > 1 or counts[0] < 3:
        return 0
    records = [fields for _, fields in _records(io.StringIO(sample, newline=""), delimiter)]
    filled = [sum(bool(cell.strip()) for cell in fields) for fields in records[: MOST_TITLES + 1]]
    n_titles = next((at for at, count in enumerate(filled) if count > 1), 0)
    return n_titles if n_titles and filled[n_titles] == counts[0] else 0


def _encoding(name: str, content: bytes) -> str:
    """The encoding of a text file, tried on all of it."""
    mark = next((name for bom, name in BYTE_ORDER_MARKS if content.startswith(bom)), None)
    plain = (mark or "utf-8").removesuffix("-sig")  # "-sig" would count from behind the mark
    try:
        text = content.decode(plain)
    except UnicodeDecodeError as error:
        if mark or _is_mostly_utf8(content):
            announced = ", as the file's first bytes announce" if mark else ", as the rest can"
            raise _undecodable(
                name, content, error.start, plain, f"{plain.upper()}{announced}"
            ) from None
        return _windows(name, content, error.start)
    if "\0" in text:
        line = _line(text[: text.index("\0")])
        raise DataError(
            f"{name}, line {line}: there is a NUL character, so this is no text file, or is "
            "UTF-16 without a byte order mark: save it as UTF-8"
        )
    return mark or "utf-8"


def _windows(name: str, content: bytes, first: int) -> str:
    """Windows-1252, with a warning that says where UTF-8 ended."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise _undecodable(name, content, error.start, "cp1252", "UTF-8 or Windows-1252") from None
    if "\0" in text:
        raise DataError(
            f"{name}, line {_line(text[: text.index(chr(0))])}: there is a NUL character, so this "
            "is no text file, or is UTF-16 without a byte order mark: save it as UTF-8"
        )
    warn(
        "other-encoding",
        f"{name} is not UTF-8 (line {_line(text[:first])}, byte 0x{content[first]:02x}) and is read "
        "as Windows-1252: if names look wrong, save it as UTF-8",
    )
    return "cp1252"


def _is_mostly_utf8(content: bytes) -> bool:
    """Whether more characters beyond ASCII are valid UTF-8 than bytes are not."""
    text = content.decode("utf-8", "surrogateescape")
    bad = len(re.findall("[\udc80-\udcff]", text))
    return len(re.findall("[^\0-\x7f\udc80-\udcff]", text)) > bad


def _undecodable(name: str, content: bytes, at: int, encoding: str, what: str) -> DataError:
    line = _line(content[:at].decode(encoding, "replace"))
    return DataError(
        f"{name}, line {line}: the byte 0x{content[at]:02x} cannot be read as {what} (byte number "
        f"{at + 1:,} of the file): save the file as UTF-8"
    )


def _line(text: str) -> int:
    """The number of the line that some text ends in, whatever ends lines."""
    return len(re.findall(r"\r\n|\n|\r", text)) + 1
