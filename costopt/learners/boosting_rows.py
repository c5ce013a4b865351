"""Rows as xgboost wants them: binned once per fold, without categories that a fold has not seen."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from costopt.inputs.frames import Matrix
from costopt.learners.protocol import BoolArray, Features, Fold, IntArray, check_magnitude
from costopt.rebalancing.definition import Reweighting

__all__ = ["BinnedRows", "check_single_precision", "feature_types", "without"]


def check_single_precision(features: Features) -> None:
    """Refuse numbers beyond what xgboost computes with."""
    largest = float(np.finfo(np.float32).max)
    check_magnitude(features, largest, "xgboost computes in single precision")


class BinnedRows:
    """Binned matrices of the folds, made when first asked for and kept."""

    def __init__(self, features: Features, folds: Sequence[Fold]) -> None:
        self.matrix: Matrix = features.matrix
        check_single_precision(features)
        self.categorical = features.schema.is_categorical
        self.folds = folds
        self._binned: dict[tuple[int | None, int], tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def rows(self, fold: int | None, kept: IntArray | None = None) -> Matrix:
        """The training rows of a fold, or those kept of them; of None all rows, as they are."""
        if fold is None:
            return self.matrix if kept is None else self.matrix[kept]
        train = self.folds[fold].train
        return self.matrix[train if kept is None else train[kept]]

    def training(
        self, fold: int | None, y: BoolArray, sample: Reweighting, max_bin: int, n_threads: int
    ) -> tuple[Any, BoolArray]:
        """The training rows of a fold that a sample keeps, weighed and labelled, and their labels."""
        if fold is None:
            self.forget_folds()
        train, _ = self.binned(fold, max_bin, n_threads)
        labels = y if fold is None else y[self.folds[fold].train]
        if sample.rows is not None:
            rows = self.rows(fold, sample.rows)
            train = self.quantile_matrix(rows, n_threads, max_bin=max_bin, ref=train)
            labels = labels[sample.rows]
        train.set_info(label=labels, weight=sample.sample_weight)
        return train, labels

    def binned(self, fold: int | None, max_bin: int, n_threads: int) -> tuple[Any, Any]:
        """Training and validation matrix of a fold, on the cuts of its training rows."""
        with self._lock:
            if (fold, max_bin) not in self._binned:
                self._binned[fold, max_bin] = self._bin(fold, max_bin, n_threads)
            return self._binned[fold, max_bin]

    def validation(self, fold: int, max_bin: int, margin: float) -> Any:
        """The validation rows of a fold, with trees to be added to a margin.

        Another candidate may have put its own there.
        """
        _, valid = self.binned(fold, max_bin, 1)
        valid.set_info(base_margin=np.full(valid.num_row(), margin))
        return valid

    def forget_folds(self) -> None:
        """Make room for all rows at once; folds are binned again if they are asked for again."""
        with self._lock:
            self._binned = {key: kept for key, kept in self._binned.items() if key[0] is None}

    def _bin(self, fold: int | None, max_bin: int, n_threads: int) -> tuple[Any, Any]:
        rows = self.rows(fold)
        train = self.quantile_matrix(rows, n_threads, max_bin=max_bin)
        if fold is None:
            return train, None
        valid_rows = without(self.matrix[self.folds[fold].test], self.absent(fold))
        return train, self.quantile_matrix(valid_rows, n_threads, max_bin=max_bin, ref=train)

    def absent(self, fold: int) -> list[list[int]]:
        """Columns and codes of the categories that a fold is not trained on.

        A code without a cut of its own would fall into another category's bin: it is missing.
        """
        rows = self.folds[fold].train
        return [
            [int(column), int(code)]
            for column in np.flatnonzero(self.categorical)
            for code in np.setdiff1d(self.matrix[:, column], self.matrix[rows, column])
            if not np.isnan(code)
        ]

    def quantile_matrix(self, rows: Matrix, n_threads: int, **options: Any) -> Any:
        """Rows as xgboost bins them."""
        return xgb.QuantileDMatrix(
            rows,
            feature_types=feature_types(self.categorical),
            enable_categorical=True,
            nthread=n_threads,
            **options,
        )


def without(rows: Matrix, absent: list[list[int]]) -> Matrix:
    """Rows in which some categories, by column and code, are missing values; changed in place."""
    for column, code in absent:
        rows[rows[:, column] == code, column] = np.nan
    return rows


def feature_types(categorical: NDArray[np.bool_]) -> list[str]:
    """Of each column, as xgboost names them: "c" for categories, "q" for numbers."""
    return ["c" if flag else "q" for flag in categorical]
