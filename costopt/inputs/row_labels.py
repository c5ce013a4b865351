"""Row labels: what carries them is matched with something else row by row only where they agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.errors import DataError

__all__ = ["check_same_rows", "row_labels"]


def row_labels(value: Any) -> Any:
    """The index of a pandas object, or of whatever was made of one; None where rows have no labels.

    Parameters
    ----------
    value : object
        A Series, a data frame, `CaseCosts`, or a mapping of column names to columns.

    Returns
    -------
    index : pandas Index or None
    """
    if isinstance(value, Mapping):
        return next(filter(_is_index, map(row_labels, value.values())), None)
    index = getattr(value, "index", None)  # a method of lists, texts and arrow arrays
    return index if _is_index(index) else None


def check_same_rows(**given: Any) -> None:
    """Refuse arguments that carry row labels which differ, or stand in another order.

    Rows are matched by position, so that labels of two arguments must be the same all the way.
    What carries none, an array or a list, is taken to be in the order of the rest.

    Parameters
    ----------
    **given
        By the names that the caller knows them by; None and texts carry no labels.

    Raises
    ------
    DataError
        Naming both arguments, and how to align them.
    """
    first, wanted = "", None
    for name, value in given.items():
        found = row_labels(value)
        if found is None:
            continue
        if wanted is None:
            first, wanted = name, found
        elif not wanted.equals(found):
            raise DataError(
                f"{name} has other row labels (index) than {first}: "
                f"{_remedy(name, value, first, wanted)}"
            )


def _is_index(found: Any) -> bool:
    return found is not None and not callable(found) and hasattr(found, "equals")


def _remedy(name: str, value: Any, first: str, wanted: Any) -> str:
    labels = row_labels(value)
    same = len(labels) == len(wanted) and wanted.is_unique and set(labels) == set(wanted)
    if same and hasattr(value, "loc"):
        return f"use {name}.loc[{first}.index]"
    return f"take the same rows of {first} and {name}, in the same order"
