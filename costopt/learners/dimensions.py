"""What can be searched of a learner: ranges and options, and their shorthand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from costopt.errors import SearchError

__all__ = ["Choice", "Dimension", "Integer", "Real", "Space", "as_dimension", "within"]


@dataclass(frozen=True)
class Real:
    """A real-valued parameter between two bounds, searched evenly or, with ``log``, by magnitude."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Integer:
    """A whole-numbered parameter between two bounds, both included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """A parameter that takes one of a few values: texts, numbers, booleans or None."""

    options: tuple[str | int | float | bool | None, ...]


Dimension = Real | Integer | Choice
Space = Mapping[str, Dimension]


def as_dimension(name: str, given: Any) -> Dimension:
    """A dimension from shorthand: ``(low, high)``, ``(low, high, "log")`` or a list of options.

    Raises
    ------
    SearchError
        If bounds are no numbers, out of order, or not positive on a log scale; if there are no
        options, or one that is no plain value.

    Examples
    --------
    >>> as_dimension("max_depth", (2, 8))
    Integer(low=2, high=8, log=False)
    >>> as_dimension("learning_rate", (0.01, 0.3, "log"))
    Real(low=0.01, high=0.3, log=True)
    """
    if isinstance(given, list):
        options = (value.item() if isinstance(value, np.generic) else value for value in given)
        given = Choice(tuple(options))
    if isinstance(given, Choice):
        if not given.options:
            raise SearchError(f"search space of {name!r}: give at least one option, got none")
        for option in given.options:
            if option is not None and not isinstance(option, str | int | float | bool):
                raise SearchError(
                    f"search space of {name!r}: options must be texts, numbers, booleans or None, "
                    f"got {type(option).__name__}"
                )
        return given
    if isinstance(given, Real | Integer):
        given = (given.low, given.high, *(["log"] if given.log else []), type(given))
    if not isinstance(given, tuple) or len(given) < 2:
        raise SearchError(
            f"search space of {name!r}: write (low, high), (low, high, 'log') or a list of options, "
            f"got {given!r}"
        )
    low, high, *rest = (value.item() if isinstance(value, np.generic) else value for value in given)
    kind = rest.pop() if rest and isinstance(rest[-1], type) else None
    if rest not in ([], ["log"]):
        raise SearchError(
            f"search space of {name!r}: the third entry may be 'log', got {rest[0]!r}"
        )
    log = bool(rest)
    for bound in (low, high):
        plain = isinstance(bound, int | float) and not isinstance(bound, bool)
        if not plain or not math.isfinite(bound):
            raise SearchError(
                f"search space of {name!r}: bounds must be finite numbers, got {bound!r}"
            )
    if low > high:
        raise SearchError(f"search space of {name!r}: low must not exceed high, got {low} > {high}")
    if log and low <= 0:
        raise SearchError(f"search space of {name!r}: a log scale needs low > 0, got {low}")
    if kind is Integer or (kind is None and isinstance(low, int) and isinstance(high, int)):
        return Integer(int(low), int(high), log)
    return Real(float(low), float(high), log)


def within(dimension: Dimension, value: Any) -> Any:
    """A value of a dimension: the one given if it lies there, else the nearest, middle or first.

    Examples
    --------
    >>> within(Integer(2, 8), 10), within(Real(0.0, 1.0), None), within(Choice(("a", "b")), "c")
    (8, 0.5, 'a')
    """
    if isinstance(dimension, Choice):
        return value if value in dimension.options else dimension.options[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        nearest = min(max(value, dimension.low), dimension.high)
        return round(nearest) if isinstance(dimension, Integer) else nearest
    if isinstance(dimension, Integer):
        return (dimension.low + dimension.high) // 2
    if dimension.log:
        return math.sqrt(dimension.low * dimension.high)
    return (dimension.low + dimension.high) / 2
