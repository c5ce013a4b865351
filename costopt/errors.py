"""Every error and warning of costopt: each says what must hold, what was found, and what to do."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Collection, Iterable

__all__ = [
    "CostOptError",
    "CostOptWarning",
    "CostSpecError",
    "DataError",
    "PolicyError",
    "SearchError",
    "StoreError",
    "check_choice",
    "nearest",
    "warn",
]


class CostOptError(Exception):
    """Base of all errors that costopt raises on purpose."""


class CostSpecError(CostOptError, ValueError):
    """The declared costs cannot be what was meant."""


class DataError(CostOptError, ValueError):
    """Rows, labels, scores or weights are not usable as they are."""


class SearchError(CostOptError, RuntimeError):
    """A search could not start, or ended with nothing to choose from."""


class StoreError(CostOptError, OSError):
    """Something could not be read from disk or written to it."""


class PolicyError(CostOptError, ValueError):
    """A decision policy is damaged, or is asked for what it does not hold."""


class CostOptWarning(UserWarning):
    """Something legal that is probably not meant.

    Parameters
    ----------
    message : str
    code : str
        Stable, kebab-case name of the kind of warning, for filters and logs.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}"


def warn(code: str, message: str) -> None:
    """Issue a `CostOptWarning` that points at the line outside costopt that led to it."""
    frame = sys._getframe(1)
    level = 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("costopt."):
        frame = frame.f_back
        level += 1
    warnings.warn(CostOptWarning(message, code), stacklevel=level)


def check_choice(argument: str, given: object, known: Collection[str]) -> None:
    """Refuse a value that is not among the known ones, and offer the nearest.

    Raises
    ------
    DataError
    """
    if not isinstance(given, str) or given not in known:
        raise DataError(f"{argument}={given!r} is not known: {nearest(given, known)}")


def nearest(name: object, known: Iterable[object]) -> str:
    """A half sentence that offers the known name closest to a misspelt one, or lists a few."""
    names = [str(item) for item in known]
    close = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(repr(item) for item in names[:8])
    return f"known are {shown}{', ...' if len(names) > 8 else ''}"
