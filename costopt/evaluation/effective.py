"""How many independent rows, or positives, of equal weight some rows are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["design_effect", "effective_number", "effective_positives"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


def design_effect(residual: FloatArray, units: IntArray) -> float:
    """How many times the variance of a mean exceeds that of rows met one by one; at least 1.

    Parameters
    ----------
    residual : array of shape (n_rows,)
        What each row adds to the mean, less what it is expected to add.
    units : int array of shape (n_rows,)
        Rows of one unit were met together.

    Examples
    --------
    Each row came four times:

    >>> rows = np.random.default_rng(0).normal(size=5000)
    >>> effect = design_effect(np.repeat(rows - rows.mean(), 4), np.repeat(np.arange(5000), 4))
    >>> round(effect, 2)
    4.0
    """
    scale = float(np.abs(residual).max(initial=0.0))
    if scale == 0:
        return 1.0
    residual = residual / scale  # squared below, in whatever currency
    position = np.unique(units, return_inverse=True)[1]
    totals = np.bincount(position, residual)
    n_units = totals.size
    if n_units < 2:
        return 1.0
    together = n_units / (n_units - 1) * float(totals @ totals)
    return max(1.0, together / float(residual @ residual))


def effective_number(values: FloatArray, units: IntArray | None = None) -> float:
    """How many equal values would say as much of their sum: Kish's (sum v)**2 / sum v**2.

    Parameters
    ----------
    values : array of shape (n_rows,)
        Of any sign; what counts is their size.
    units : int array of shape (n_rows,), optional
        Rows of one unit count as one.

    Examples
    --------
    >>> effective_number(np.array([1.0, 1.0, 1.0, 0.0]))
    3.0
    >>> round(effective_number(np.array([1.0, 1.0, 1.0, 1000.0])), 3)
    1.006
    """
    size = np.abs(values)
    if units is not None:
        size = np.bincount(np.unique(units, return_inverse=True)[1], size)
    largest = float(size.max(initial=0.0))
    if largest == 0:
        return 0.0
    size = size / largest
    return float(size.sum() ** 2 / (size @ size))


def effective_positives(
    y: BoolArray, weight: FloatArray | None = None, units: IntArray | None = None
) -> float:
    """How many independent, equally weighted positives these positives are worth.

    Parameters
    ----------
    y : bool array of shape (n_rows,)
    weight : array of shape (n_rows,), optional
    units : array of shape (n_rows,), optional
        Rows of one unit, such as a group or a period, may resemble each other.

    Returns
    -------
    n_positives : float
        Kish's effective sample size of the positives, sum(w)**2 / sum(w**2), divided by the design
        effect of the units: the variance of the share of positives when units are drawn, over
        that when rows are, and at least 1.

    References
    ----------
    L. Kish (1965). Survey Sampling. Wiley.

    Examples
    --------
    Ten copies of each of four rows are worth no more than the four:

    >>> y = np.array([True, False, True, False])
    >>> effective_positives(y), effective_positives(np.repeat(y, 10))
    (2.0, 20.0)
    >>> round(effective_positives(np.repeat(y, 10), units=np.repeat(np.arange(4), 10)), 6)
    1.5
    """
    share = np.ones(y.size) if weight is None else weight
    if not share[y].any():
        return 0.0
    positives = effective_number(share[y])
    if units is None:
        return positives
    counted = share > 0
    if np.unique(units[counted]).size < 2:
        return min(positives, 1.0)
    residual = share * (y - np.average(y, weights=share))
    return positives / design_effect(residual[counted], units[counted])
