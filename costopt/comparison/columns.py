"""Columns that name rows, and columns that know the answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from costopt.comparison.findings import Finding
from costopt.comparison.neighbours import Rows
from costopt.evaluation.problem import TELLTALE_AUC

__all__ = ["find_identifiers", "telling_columns"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# With fewer rows, whole numbers may well be distinct by chance.
ROWS_FOR_IDENTIFIERS = 100
# With fewer positives, some column separates them by chance.
POSITIVES_TO_SEPARATE = 5
# Rows that a column is judged on, where there are more.
SAMPLED = 50_000


def find_identifiers(rows: Rows, known: Collection[str] = ()) -> tuple[str, ...]:
    """Columns of texts or whole numbers of which no value repeats in any row.

    Parameters
    ----------
    rows : Rows
    known : collection of str
        Columns that are known as such, and are left out.
    """
    if len(rows.values) < ROWS_FOR_IDENTIFIERS:
        return ()
    found = []
    for name, column, number, time in zip(
        rows.names, rows.values.T, rows.is_number, rows.is_time, strict=True
    ):
        if name in known or time:
            continue
        complete = not np.isnan(column).any() if number else bool((column >= 0).all())
        whole = complete and bool((np.isfinite(column) & (column == np.floor(column))).all())
        if whole and np.unique(column).size == column.size:
            found.append(name)
    return tuple(found)


def telling_columns(rows: Rows, y: BoolArray, ignore: Collection[str] = ()) -> Iterator[Finding]:
    """Columns that separate the classes almost perfectly, by their values or by their gaps.

    Parameters
    ----------
    rows : Rows
    y : bool array of shape (n_train + n_test,)
    ignore : collection of str
        Columns not to look at.

    Notes
    -----
    Numbers are ranked as they are. Texts are ranked by the share of positives that each has among
    the training rows, and judged on the test rows: on its own rows every rare text tells.
    """
    for name, column, number in zip(rows.names, rows.values.T, rows.is_number, strict=True):
        if name in ignore:
            continue
        missing = np.isnan(column) if number else column < 0
        by_gaps = _auc(missing.astype(np.float64), y)
        if number:
            # gaps apart, or one value for all of them would rank
            by_value = _auc(column[~missing], y[~missing])
        else:
            scores = _share_of_positives(column, y, rows.n_train)
            by_value = _auc(scores[rows.n_train :], y[rows.n_train :])
        if max(by_gaps, by_value) < TELLTALE_AUC:
            continue
        how = "by whether it has a value" if by_gaps >= by_value else "by its values"
        yield Finding(
            "telling-column",
            "error",
            f"column {name!r} alone separates the classes {how} (AUC {max(by_gaps, by_value):.4f})",
            "find out when it becomes known: if only after the outcome, it leaks; leave it out, or "
            "declare a cost column as hindsight",
        )


def _auc(score: FloatArray, y: BoolArray) -> float:
    """How well a score ranks the classes, in either direction; 0.5 where too few can tell."""
    from sklearn.metrics import roc_auc_score

    if score.size > SAMPLED:
        some = np.random.default_rng(0).permutation(score.size)[:SAMPLED]
        # every positive is needed where they are rare
        some = np.union1d(some, np.flatnonzero(y)[:SAMPLED])
        score, y = score[some], y[some]
    positives = int(np.count_nonzero(y))
    if min(positives, y.size - positives) < POSITIVES_TO_SEPARATE:
        return 0.5
    largest = np.finfo(np.float64).max  # it refuses infinities, which rank as well as others
    found = float(roc_auc_score(y, np.clip(score, -largest, largest)))
    return max(found, 1 - found)


def _share_of_positives(codes: FloatArray, y: BoolArray, n_train: int) -> FloatArray:
    """Each row's share of positives among the training rows of the same text; the mean for others."""
    code = codes.astype(np.intp) + 1
    size = int(code.max()) + 1
    total = np.bincount(code[:n_train], minlength=size)
    positive = np.bincount(code[:n_train], y[:n_train], minlength=size)
    mean = float(y[:n_train].mean())
    share = np.where(total > 0, positive / np.maximum(total, 1), mean)
    return np.asarray(share[code])
