"""A cost as a formula over columns, such as ``0.75 * amount + 15``: parsed, never evaluated as code.

Grammar (blanks are free)::

    sum     = product { ("+" | "-") product }
    product = factor { ("*" | "/") factor }
    factor  = "-" factor | "+" factor | number | column | call | "(" sum ")"
    call    = ("min" | "max") "(" sum { "," sum } ")"
    column  = a word such as amount, or any text between backquotes: `monthly charges`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.errors import CostSpecError

__all__ = ["Formula", "hint_of_backquotes"]

FloatArray = NDArray[np.float64]

MAX_LENGTH = 1000
MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?+)(?![\w.])
      | (?P<name>[^\W\d]\w*)
      | `(?P<quoted>[^`]+)`
      | (?P<sign>[-+*/(),])
    )""",
    re.VERBOSE,
)
_OPERATIONS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A step that puts a column on the stack."""

    name: str


# A parsed formula in postfix order: a number or a column is put on the stack, an
# operation replaces the two topmost entries by its result.
Step = float | _Column | str


@dataclass(frozen=True)
class Formula:
    """An arithmetic expression over named columns.

    Parameters
    ----------
    text : str
        Numbers, column names, ``+ - * /``, parentheses, ``min(...)`` and ``max(...)``.
        A column whose name is not a plain word stands between backquotes.

    Attributes
    ----------
    columns : tuple of str
        The columns it reads, in order of appearance.

    Raises
    ------
    CostSpecError
        If the text is no such expression, or names no column.

    Examples
    --------
    >>> loss = Formula("0.75 * `credit limit` + max(fee, 15)")
    >>> loss.columns
    ('credit limit', 'fee')
    >>> table = {"credit limit": np.array([1000.0, 200.0]), "fee": np.array([0.0, 20.0])}
    >>> loss.evaluate(table.__getitem__)
    array([765., 170.])
    """

    text: str
    steps: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    columns: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = _Parser(self.text).whole()
        columns = dict.fromkeys(step.name for step in steps if isinstance(step, _Column))
        if not columns:
            raise CostSpecError(
                f"a cost formula must name a column, got {self.text!r}: write a plain number "
                "without quotes for a cost that is the same for every case"
            )
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "columns", tuple(columns))

    def evaluate(self, column: Callable[[str], FloatArray]) -> FloatArray:
        """Value per case; division by zero gives an infinity or NaN, which the caller judges.

        Parameters
        ----------
        column : callable
            Gives the numbers of a column, shape ``(n_cases,)``, for its name.

        Returns
        -------
        values : array of shape (n_cases,)
        """
        stack: list[FloatArray] = []
        with np.errstate(all="ignore"):
            for step in self.steps:
                if isinstance(step, float):
                    stack.append(np.asarray(step))
                elif isinstance(step, _Column):
                    stack.append(column(step.name))
                else:
                    right, left = stack.pop(), stack.pop()
                    stack.append(_OPERATIONS[step](left, right))
        return stack.pop()


def hint_of_backquotes(text: str, names: Iterable[str]) -> str:
    """What to write for columns that stand in a formula without the backquotes that they need.

    Examples
    --------
    >>> hint_of_backquotes("6 * monthly charges", ["Monthly Charges", "tenure"])
    'put the column Monthly Charges between backquotes: `Monthly Charges`'
    """
    bare = re.sub("`[^`]*`", " ", text).casefold()
    found = [
        name
        for name in map(str, names)
        if not re.fullmatch(r"[^\W\d]\w*", name) and "`" not in name and name.casefold() in bare
    ]
    # of "Charges (net)" and "Monthly Charges (net)" the longer one is meant
    longest = [one for one in found if not any(one in other and one != other for other in found)]
    return "; ".join(f"put the column {name} between backquotes: `{name}`" for name in longest)


class _Parser:
    """Recursive descent over the tokens of one formula; its length and depth are bounded."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise CostSpecError(
                f"a cost formula may have {MAX_LENGTH} characters, got {len(text)}: compute the "
                "column beforehand and name it"
            )
        self.text = text
        self.tokens = self._tokens()
        self.steps: list[Step] = []
        self.position = 0
        self.depth = 0

    def whole(self) -> tuple[Step, ...]:
        self._sum()
        if self.position < len(self.tokens):
            raise self._expected("an operator or the end")
        return tuple(self.steps)

    def _tokens(self) -> list[tuple[str, str, int]]:
        tokens, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                raise CostSpecError(
                    f"cannot read the cost formula {self.text!r} at character {at + 1} "
                    f"({self.text[at : at + 12]!r}): use numbers, column names, + - * /, "
                    "parentheses, min(...) and max(...); put other names between backquotes"
                )
            kind = str(match.lastgroup)
            tokens.append((kind, match.group(kind), match.start(kind)))
            at = match.end()
        return tokens

    def _expected(self, wanted: str) -> CostSpecError:
        where = "the end"
        if self.position < len(self.tokens):
            _, found, at = self.tokens[self.position]
            where = f"{found!r} at character {at + 1}"
        return CostSpecError(
            f"cannot read the cost formula {self.text!r}: expected {wanted}, found {where}"
            f"{self._hint_of_words()}"
        )

    def _hint_of_words(self) -> str:
        """For two words in a row, which may be the name of one column."""
        if not 0 < self.position < len(self.tokens):
            return ""
        kinds = [kind for kind, _, _ in self.tokens]
        first = last = self.position - 1
        while last + 1 < len(kinds) and kinds[last + 1] in ("name", "number"):
            last += 1
        while first > 0 and kinds[first - 1] == "name":
            first -= 1
        if kinds[first] != "name" or last == first:
            return ""
        start, (_, found, at) = self.tokens[first][2], self.tokens[last]
        name = self.text[start : at + len(found)]
        return f"; if one column is called {name!r}, put it between backquotes: `{name}`"

    def _take(self, *signs: str) -> str | None:
        if self.position < len(self.tokens):
            kind, found, _ = self.tokens[self.position]
            if kind == "sign" and found in signs:
                self.position += 1
                return found
        return None

    def _close(self, wanted: str = "')'") -> None:
        if not self._take(")"):
            raise self._expected(wanted)

    def _sum(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CostSpecError(
                f"a cost formula may nest {MAX_DEPTH} levels deep, and this one nests deeper: "
                "compute the column beforehand and name it"
            )
        self._product()
        while sign := self._take("+", "-"):
            self._product()
            self.steps.append(sign)
        self.depth -= 1

    def _product(self) -> None:
        self._factor()
        while sign := self._take("*", "/"):
            self._factor()
            self.steps.append(sign)

    def _factor(self) -> None:
        negative = False
        while sign := self._take("-", "+"):
            negative ^= sign == "-"
        if negative:
            self.steps.append(-1.0)
        self._atom()
        if negative:
            self.steps.append("*")

    def _atom(self) -> None:
        if self._take("("):
            self._sum()
            self._close()
            return
        if self.position == len(self.tokens) or self.tokens[self.position][0] == "sign":
            raise self._expected("a number or a column")
        kind, found, _ = self.tokens[self.position]
        self.position += 1
        if kind == "number":
            self.steps.append(float(found))
        elif kind == "name" and self._take("("):
            self._call(found)
        else:
            self.steps.append(_Column(found))

    def _call(self, name: str) -> None:
        if name not in ("min", "max"):
            raise CostSpecError(
                f"the cost formula {self.text!r} calls {name}(...): only min(...) and max(...) "
                "are known; compute the column beforehand and name it"
            )
        self._sum()
        while self._take(","):
            self._sum()
            self.steps.append(name)
        self._close("',' or ')'")
