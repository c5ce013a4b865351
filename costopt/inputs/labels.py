"""Labels of two classes as booleans; which class is positive is never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import DataError, warn
from costopt.inputs.frames import Scalar, as_scalar

__all__ = ["Labels", "encode_known", "encode_labels"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as booleans, and what the two classes are called.

    Parameters
    ----------
    y : bool array of shape (n_cases,)
    negative, positive : str, int, float or bool
    """

    y: BoolArray
    negative: Scalar
    positive: Scalar


def encode_labels(y: Any, pos_label: Scalar | None = None) -> Labels:
    """Labels of two classes as booleans; which class is positive is never guessed.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        Labels; 0/1 and booleans need no ``pos_label``.
    pos_label : str, int, float or bool, optional
        The class to act on.

    Raises
    ------
    DataError
        If a label is missing, there are not two classes, or the positive one is not clear.

    Warns
    -----
    CostOptWarning
        ``positive-majority``, where the positive class was named and is the larger one.

    Examples
    --------
    >>> encode_labels(["no", "yes", "no"], pos_label="yes").y
    array([False,  True, False])
    """
    if pos_label is not None and not isinstance(pos_label, str | int | float | bool | np.generic):
        raise DataError(
            f"pos_label must be one label, a text, number or boolean, got {pos_label!r:.60}"
        )
    series = _as_series(y)
    missing = np.flatnonzero(series.isna())
    if missing.size:
        raise DataError(
            f"y must have a label in every row, got none in row {missing[0]} "
            f"({missing.size} such rows): drop them"
        )
    counts = {as_scalar(value, "y"): int(n) for value, n in series.value_counts().items()}
    if len({isinstance(label, str) for label in counts}) > 1:
        raise DataError(f"y mixes texts and numbers, got {list(counts)[:5]}: make it all one type")
    classes = sorted(counts)
    listed = ", ".join(f"{label!r} ({counts[label]} rows)" for label in classes[:5])
    if len(classes) > 2:
        raise DataError(
            f"y must have two classes, got {len(classes)}: {listed}"
            f"{', ...' if len(classes) > 5 else ''}; merge them into the class to act on and the rest"
        )
    if len(classes) < 2:
        found = f"only one class, {listed}" if classes else "no rows"
        raise DataError(f"y must have two classes, got {found}: both are needed to learn from")
    if pos_label is None:
        if {float(c) if not isinstance(c, str) else c for c in classes} != {0.0, 1.0}:
            raise DataError(
                f"the positive class must be named where labels are not 0 and 1, got {listed}: "
                f"pass pos_label={min(classes, key=counts.__getitem__)!r} if that is the class to act on"
            )
        positive = classes[1]
    else:
        if pos_label not in classes:
            raise DataError(f"pos_label={pos_label!r} is not among the classes {listed}")
        positive = classes[classes.index(pos_label)]
    negative = classes[1 - classes.index(positive)]
    labels = np.asarray(series == positive, dtype=bool)
    share = float(labels.mean())
    if pos_label is not None and share > 0.5:
        warn(
            "positive-majority",
            f"the positive class {positive!r} holds {share:.1%} of the rows and {negative!r} "
            f"{1 - share:.1%}: is {negative!r} the class to act on?",
        )
    return Labels(labels, negative, positive)


def encode_known(y: Any, negative: Scalar, positive: Scalar) -> BoolArray:
    """Labels of classes that are known already, as booleans; others are refused.

    Raises
    ------
    DataError

    Examples
    --------
    >>> encode_known(["bad", "ok"], negative="ok", positive="bad")
    array([ True, False])
    """
    series = _as_series(y)
    unknown = np.flatnonzero(~series.isin([negative, positive]))
    if unknown.size:
        raise DataError(
            f"y must hold {negative!r} and {positive!r}, as when the policy was made, got "
            f"{series[unknown[0]]!r} in row {unknown[0]}"
        )
    return np.asarray(series == positive, dtype=bool)


def _as_series(y: Any) -> pd.Series[Any]:
    """Labels one by one; as objects, unless an array has a type of its own."""
    for convert in ("to_list", "to_pylist"):
        if hasattr(y, convert):
            return pd.Series(getattr(y, convert)(), dtype=object)
    try:
        values = np.asarray(y)
    except ValueError:
        raise DataError("y must be one-dimensional, got rows of different lengths") from None
    if values.ndim != 1:
        raise DataError(f"y must be one-dimensional, got shape {values.shape}: pass one column")
    return pd.Series(list(y), dtype=object) if values.dtype.kind in "OUS" else pd.Series(values)
