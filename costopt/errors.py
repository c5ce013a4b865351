"""Every error and warning of costopt: each says what must hold, what was found, and what to do."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Collection, Iterable
from os import PathLike, fspath
from pathlib import Path

__all__ = [
    "WARNINGS",
    "CostOptError",
    "CostOptWarning",
    "CostSpecError",
    "DataError",
    "InfeasibleError",
    "PolicyError",
    "SearchError",
    "StoreError",
    "check_choice",
    "check_path",
    "nearest",
    "warn",
]

# Every code of a `CostOptWarning`, and when it is issued; docs/warnings.md says what to do.
WARNINGS = {
    "asserted-costs-differ": "training and threshold together say other costs than were declared",
    "constant-column": "a column holds one value, or none",
    "constant-scores": "all scores are the same, so that every case of one cost gets one decision",
    "costs-counted-twice": "training and threshold both carry the costs",
    "costs-not-read": "costs were passed to a policy whose threshold is the same for all",
    "degenerate-cases": "for some cases an error costs nothing or less",
    "dominated-action": "one action is never worse, whatever the model says",
    "failed-callback": "a callback of a search raised an error, and is not called again",
    "failed-trials": "some trials of a search failed",
    "header-of-numbers": "the first line of a file was taken for column names, and reads like a row",
    "interrupted": "a search was stopped before its last trial",
    "model-not-saved": "a policy was saved without its model, which has no safe file format",
    "model-will-not-be-saved": "a policy is to be saved whose model has no safe file format",
    "never-or-always": "limits are kept by acting on no case, or on every case",
    "other-encoding": "a file is not UTF-8, and was read as Windows-1252",
    "positive-majority": "the positive class was named and is the larger one",
    "possible-leaks": "columns nearly decide the label alone or look like identifiers, or rows repeat",
    "promise-displaced": "a capacity leaves out cases of a policy that promises limits",
    "promise-untested": "limits are promised for cases of groups, or that change over time",
    "texts-as-numbers": "texts were read as numbers, some of them perhaps as missing",
    "title-line": "lines above the header of a file were taken for a title",
    "training-weights-undone": "a classifier weighs or samples its rows, and is not calibrated",
    "unnamed-column": "a file has a column without a name",
    "unseen-category": "rows hold categories that the model was not fitted to",
    "weights-not-learned": "the estimator takes no sample_weight",
}


class CostOptError(Exception):
    """Base of all errors that costopt raises on purpose."""


class CostSpecError(CostOptError, ValueError):
    """The declared costs cannot be what was meant."""


class DataError(CostOptError, ValueError):
    """Rows, labels, scores or weights are not usable as they are."""


class InfeasibleError(CostOptError, ValueError):
    """No decision rule keeps the limits that were asked for.

    Parameters
    ----------
    message : str
    constraint : str
        The limit that is in the way.
    attainable : float, optional
        The best that can be had of its metric beside the other limits.
    needed, found : int, optional
        How many cases a promise needs, and how many there are.
    """

    def __init__(
        self,
        message: str,
        *,
        constraint: str,
        attainable: float | None = None,
        needed: int | None = None,
        found: int | None = None,
    ) -> None:
        super().__init__(message)
        self.constraint = constraint
        self.attainable = attainable
        self.needed = needed
        self.found = found


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
        Stable, kebab-case name of the kind of warning, for filters and logs: one of `WARNINGS`.
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


def check_path(path: str | PathLike[str]) -> Path:
    """A path that can be one; what no file system takes is refused.

    Raises
    ------
    StoreError
    """
    if "\0" in fspath(path):
        raise StoreError(f"a path must hold no NUL character, got {fspath(path)!r:.80}")
    return Path(path)


def nearest(name: object, known: Iterable[object]) -> str:
    """A half sentence that offers the known name closest to a misspelt one, or lists a few."""
    names = [str(item) for item in known]
    close = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(repr(item) for item in names[:8])
    return f"known are {shown}{', ...' if len(names) > 8 else ''}"
