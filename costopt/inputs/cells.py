"""What the cells of a column say: numbers with their units, dates, marks of a missing value, texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.inputs.dates import is_date

__all__ = [
    "Cells",
    "TextStyle",
    "as_number",
    "is_mark",
    "number_of",
    "read_cells",
    "without_unit",
]

FloatArray = NDArray[np.float64]
Kind = Literal[
    "empty", "numbers", "nearly numbers", "ambiguous", "dates", "texts", "mixed", "other"
]

# What a cell says where nobody knew the number; among texts, most of these may be levels.
_WORDS = (
    "? ?? - -- --- . .. ... * na n/a n.a. n.a #n/a <na> nan null (null) \\n none nil unknown missing "
    "unavailable undefined #value! #div/0! #ref! #name? #num! #null! #na"
)
MARKS = frozenset([*_WORDS.split(), "", "not available", "not applicable", "#n/a n/a"])

MINUS = "\u2212"  # as typesetters write it
SIGN = rf"[+\-{MINUS}]?"
GROUP = "[ \u00a0\u202f'\u2019]"  # between thousands, wherever the decimals are
POINT = re.compile(
    rf"{SIGN}(?:(?:\d+|\d{{1,3}}(?:(?:,|{GROUP})\d{{3}})+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
)
COMMA = re.compile(rf"{SIGN}(?:(?:\d+|\d{{1,3}}(?:(?:\.|{GROUP})\d{{3}})+)(?:,\d*)?|,\d+)")
CODE = re.compile(r"0\d+")  # such as 01067: its zeros mean something
CURRENCY = (
    r"[A-Z]{0,3}[$€£¥₹₽₩₺₫฿]|USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|"
    r"MXN|ZAR"
)
PARTS = re.compile(
    rf"(?P<open>\()?(?P<sign>{SIGN})\s*(?P<before>{CURRENCY})?\s*"
    rf"(?P<number>{SIGN}[\d.,][\d.,eE+\-'\u2019\s]*?)"
    rf"\s*(?P<after>%|‰|{CURRENCY}|[^\W\d_]{{1,12}}\.?)?(?P<close>\))?",
    re.IGNORECASE,
)
# Different values that are looked at before a column of texts counts as one.
SAMPLE = 2000
TRUTHS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class TextStyle:
    """How the texts of a column are read as numbers.

    Parameters
    ----------
    decimal : {"", ".", ","}, default=""
        What stands before decimals; empty where no text has shown it.
    unit : str, default=""
        What stands beside the numbers: a currency, a percent sign, a word.
    """

    decimal: str = ""
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Cells:
    """A column, read.

    Parameters
    ----------
    kind : str
        ``"numbers"`` only where every cell is one, or says that it is missing.
    numbers : float array of shape (n_rows,), optional
        NaN for missing; only of numbers.
    style : TextStyle
        Of texts that are numbers.
    odd : tuple of (int, object)
        Row and value of cells that do not fit the kind, each value once.
    marks : tuple of str
        Texts that were taken for missing.
    from_texts : bool
        Whether some numbers came as texts.
    """

    kind: Kind
    numbers: FloatArray | None = None
    style: TextStyle = TextStyle()
    odd: tuple[tuple[int, Any], ...] = ()
    marks: tuple[str, ...] = ()
    from_texts: bool = False


def is_mark(text: str) -> bool:
    """Whether a text is known to mean a missing value.

    Examples
    --------
    >>> is_mark("#DIV/0!"), is_mark(" ? "), is_mark("4O")
    (True, True, False)
    """
    return text.strip().casefold() in MARKS


def without_unit(text: str) -> tuple[str, str]:
    """A text as the digits of a number and its unit; digits are empty where it is no number.

    Examples
    --------
    >>> without_unit("$32,812.00"), without_unit("29.85 €"), without_unit("(1.5)"), without_unit("A4")
    (('32,812.00', '$'), ('29.85', '€'), ('-1.5', ''), ('', ''))
    """
    text = text.strip()
    if POINT.fullmatch(text) or COMMA.fullmatch(text):
        return text.replace(MINUS, "-"), ""
    found = PARTS.fullmatch(text)
    if found is None or (found["open"] is None) != (found["close"] is None):
        return "", ""
    sign, before, after = found["sign"], found["before"] or "", found["after"] or ""
    if (before and after) or (sign and found["number"][0] in f"+-{MINUS}"):
        return "", ""
    negative = sign in ("-", MINUS) or found["open"]
    return ("-" if negative else "") + found["number"].strip().replace(MINUS, "-"), before or after


def number_of(text: str, style: TextStyle) -> float | None:
    """A text as a number, by itself; None where it is none, or may be two.

    Examples
    --------
    >>> number_of("1.234,56", TextStyle()), number_of("29,850", TextStyle())
    (1234.56, None)
    >>> number_of("29,850", TextStyle(","))
    29.85
    >>> number_of("8.90%", TextStyle()), number_of("8.90%", TextStyle(unit="%"))
    (None, 8.9)
    """
    digits, unit = without_unit(text)
    if unit and unit.casefold() != style.unit.casefold():
        return None
    if style.decimal:
        found = _value(digits, style.decimal)
        return found if found is not None or style.decimal == "." else _plain(digits)
    point, comma = _value(digits, "."), _value(digits, ",")
    if point is not None and comma is not None and point != comma and "," in digits:
        return None
    return comma if point is None else point


def read_cells(values: Any, decimal: str = "") -> Cells:
    """Look at every different value of a column once, and say what the column holds.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        Objects, such as texts; None, NaN and the like are missing.
    decimal : {"", ".", ","}, default=""
        What stands before decimals, where that is known.

    Examples
    --------
    >>> cells = read_cells(["$1,200.50", "$900", "?"])
    >>> cells.numbers, cells.style, cells.marks
    (array([1200.5,  900. ,    nan]), TextStyle(decimal='.', unit='$'), ('?',))
    >>> read_cells(["31", "4O", "27"]).odd
    ((1, '4O'),)
    """
    array = _as_objects(values)
    try:
        codes, found = pd.factorize(array)
    except TypeError:  # lists and the like have no hash
        row = next((i for i, value in enumerate(array) if isinstance(value, list | dict | set)), 0)
        return Cells("other", odd=((row, array[row]),))
    if not len(found):
        return Cells("empty", numbers=np.full(len(array), np.nan))
    column = _Column(codes, list(found))
    kinds = {_kind(value) for value in column.values}
    if "text" in kinds:
        return column.of_texts(kinds, decimal)
    if kinds == {"number"}:
        return Cells("numbers", numbers=column.spread([_as_float(v) for v in column.values]))
    if kinds == {"date"}:
        return Cells("dates", odd=column.rows_of(column.values[:1]))
    return column.mixed(kinds)


class _Column:
    """The different values of a column, and which row holds which."""

    def __init__(self, codes: NDArray[np.intp], values: list[Any]) -> None:
        self.codes, self.values = codes, values

    def spread(self, numbers: Sequence[float]) -> FloatArray:
        """Numbers of the values as numbers of the rows."""
        return np.append(np.array(numbers, dtype=np.float64), np.nan)[self.codes]

    def rows_of(self, values: Sequence[Any], most: int = 50) -> tuple[tuple[int, Any], ...]:
        """The first row of some values, in the order of rows."""
        at = {id(value): code for code, value in enumerate(self.values)}
        rows = (int((self.codes == at[id(value)]).argmax()) for value in values[:most])
        return tuple(sorted(zip(rows, values, strict=False), key=lambda one: one[0]))

    def mixed(self, kinds: set[str]) -> Cells:
        """Values of several kinds, or of one that is no feature: the rarer ones are odd."""
        by_kind = {kind: [v for v in self.values if _kind(v) == kind] for kind in sorted(kinds)}
        if "other" in by_kind:
            return Cells("other", odd=self.rows_of(by_kind["other"]))
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))
        rows = {
            k: sum(counts[i] for i, v in enumerate(self.values) if _kind(v) == k) for k in kinds
        }
        rarest = min(sorted(kinds), key=lambda kind: rows[kind])
        return Cells("mixed", odd=self.rows_of(by_kind[rarest]))

    def of_texts(self, kinds: set[str], decimal: str) -> Cells:
        """What a column holds that has texts: numbers, nearly so, dates, or words."""
        if "other" in kinds:
            return self.mixed(kinds)
        texts = [value for value in self.values if isinstance(value, str)]
        marks = [text for text in texts if is_mark(text)]
        rest = [text for text in texts if not is_mark(text)]
        others = [value for value in self.values if not isinstance(value, str)]
        sample = rest[:: max(1, len(rest) // SAMPLE)]
        if sample and not others and not any(map(_like_number_or_date, sample)):
            return Cells("texts")
        if any(CODE.fullmatch(text.strip()) for text in rest) and not others:
            return Cells("texts")
        if (rest or others) and "date" not in kinds:
            cells = self._of_numbers(rest, others, marks, decimal)
            if cells is not None:
                return cells
        dates = [v for v in (*rest, *others) if is_date(v)]
        if len(dates) * 2 > len(rest) + len(others):
            odd = [v for v in (*rest, *others) if not is_date(v)]
            return Cells("dates", odd=self.rows_of(odd or dates[:1]), marks=tuple(marks))
        return self.mixed(kinds) if others else Cells("texts")

    def _of_numbers(
        self, rest: list[str], others: list[Any], marks: list[str], decimal: str
    ) -> Cells | None:
        """Numbers, or what is nearly so; None where most texts are none."""
        style, numbers = _best_style(rest, decimal, words=len(rest) > 1 and not others)
        odd = [text for text, number in zip(rest, numbers, strict=True) if number is None]
        if not odd:
            known = dict(zip(rest, numbers, strict=True)) | dict.fromkeys(marks, np.nan)
            values = [known[v] if isinstance(v, str) else _as_float(v) for v in self.values]
            return Cells("numbers", self.spread(values), style, (), tuple(marks), from_texts=True)  # type: ignore[arg-type]  # none is None
        wrong = [text for text in odd if not _is_ambiguous(text)]
        if (len(rest) + len(others) - len(wrong)) * 2 <= len(rest) + len(others):
            return None
        kind: Kind = "nearly numbers" if wrong else "ambiguous"
        return Cells(kind, None, style, self.rows_of(wrong or odd), tuple(marks), from_texts=True)


def _best_style(
    texts: list[str], decimal: str, *, words: bool
) -> tuple[TextStyle, list[float | None]]:
    """How most of the texts are numbers, and which; ambiguous ones are not."""
    parts = [without_unit(text) for text in texts]
    unit = _common_unit(parts, words=words)
    digits = [
        digits if not given or given.casefold() == unit.casefold() else ""
        for digits, given in parts
    ]
    by_point, by_comma = ([_value(text, sign) for text in digits] for sign in ".,")
    n_point, n_comma = (sum(n is not None for n in found) for found in (by_point, by_comma))
    if decimal:
        wins = decimal
    elif n_point != n_comma:
        wins = "." if n_point > n_comma else ","
    else:
        wins = ""
    if (
        wins == ","
        and not any("," in text or text.count(".") > 1 for text in digits)
        and not decimal
    ):
        wins = "."
    if wins:
        shown = any("," in text for text in digits) or wins == ","
        return TextStyle(
            wins if shown or decimal else "", unit
        ), by_comma if wins == "," else by_point
    unclear = [
        None if p != c and "," in text else p
        for text, p, c in zip(digits, by_point, by_comma, strict=True)
    ]
    return TextStyle("", unit), unclear


def _common_unit(parts: list[tuple[str, str]], *, words: bool) -> str:
    """The unit that numbers carry: a currency some of them, a percent sign or word all of them."""
    units = [unit for digits, unit in parts if digits]
    given: dict[str, int] = {}
    for unit in filter(None, units):
        given[unit] = given.get(unit, 0) + 1
    if not given:
        return ""
    unit = max(given, key=given.__getitem__)
    if re.fullmatch(CURRENCY, unit, re.IGNORECASE):
        return unit
    is_percent = unit in "%‰"
    everywhere = given[unit] == (len(units) if is_percent else len(parts)) and (words or is_percent)
    return unit if everywhere else ""


def _value(digits: str, decimal: str) -> float | None:
    """The number that digits are, given the decimal sign; None where they are none."""
    if not (POINT if decimal == "." else COMMA).fullmatch(digits):
        return None
    plain = re.sub(rf"{GROUP}|{',' if decimal == '.' else '[.]'}", "", digits).replace(MINUS, "-")
    return float(plain.replace(",", "."))


def _plain(digits: str) -> float | None:
    """A number as computers write it, whatever the style of the rest."""
    return float(digits) if re.fullmatch(r"[+-]?\d+\.?\d*(?:[eE][+-]?\d+)?", digits) else None


def _is_ambiguous(text: str) -> bool:
    digits, _ = without_unit(text)
    point, comma = _value(digits, "."), _value(digits, ",")
    return point is not None and comma is not None and point != comma


def _like_number_or_date(text: str) -> bool:
    return bool(without_unit(text)[0]) or is_date(text)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, Real | Decimal | np.number | np.bool_) and not isinstance(
        value, np.complexfloating | np.timedelta64
    ):
        return "number"
    return "date" if is_date(value) else "other"


def as_number(value: Any) -> float | None:
    """A value that is a number of any type as a float, perhaps infinite; None where it is none."""
    return _as_float(value) if _kind(value) == "number" else None


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return float("inf") if value > 0 else float("-inf")


def _as_objects(values: Any) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array
