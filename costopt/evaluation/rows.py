"""What a user declares about the rows, as one object: gathered at the border and passed on as that."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

from costopt.errors import DataError, nearest

if TYPE_CHECKING:
    from costopt.inputs.frames import Scalar, Table

__all__ = ["FOLDS", "Rows", "check_n_jobs", "check_seed"]

# How many folds there are where nobody says otherwise.
FOLDS = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """What is declared about the rows; each as `costopt.optimize` takes it.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test), default=FOLDS
    groups, time, sample_weight : str or array-like of shape (n_cases,), optional
    ignore : collection of str, default=()
    prevalence : float, optional
    pos_label : str, int, float or bool, optional
    random_state : int, default=0

    Raises
    ------
    DataError
        If ``ignore`` is no collection of names, or ``random_state`` no seed.
    """

    cv: Any = FOLDS
    groups: Any = None
    time: Any = None
    ignore: Collection[str] = ()
    sample_weight: Any = None
    prevalence: float | None = None
    pos_label: Scalar | None = None
    random_state: int = 0

    def __post_init__(self) -> None:
        names = (self.ignore,) if isinstance(self.ignore, str) else self.ignore
        if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
            raise DataError(
                f"ignore must be a collection of column names, got {self.ignore!r:.60}: () ignores "
                "none"
            )
        object.__setattr__(self, "ignore", tuple(names))
        object.__setattr__(self, "random_state", check_seed(self.random_state))

    @property
    def weighted(self) -> bool:
        """Whether rows stand for different numbers of cases."""
        return self.sample_weight is not None or self.prevalence is not None

    def resolved(self, table: Table, y: Any) -> tuple[Rows, Any]:
        """The same with columns in the place of their names, and the labels.

        Columns that are named here, that of the labels included, are no features: they are ignored.

        Parameters
        ----------
        table : Table
        y : str or array-like of shape (n_cases,)

        Raises
        ------
        DataError
            If the table has no column of a name.
        """
        given = {
            "y": y, "groups": self.groups, "time": self.time, "sample_weight": self.sample_weight
        }  # fmt: skip
        named = {argument: name for argument, name in given.items() if isinstance(name, str)}
        for argument, name in named.items():
            if name not in table.columns:
                raise DataError(
                    f"{argument} names the column {name!r}, which X does not have: "
                    f"{nearest(name, table.columns)}"
                )
            given[argument] = table.native_column(name)
        labels = given.pop("y")
        return replace(self, **given, ignore=(*self.ignore, *named.values())), labels


def check_seed(random_state: Any) -> int:
    """A seed as an int; generators and None are refused, since a search must be repeatable."""
    whole = isinstance(random_state, Integral) and not isinstance(random_state, bool)
    if not whole or not 0 <= random_state < 2**31:
        raise DataError(
            f"random_state must be a whole number from 0 to 2**31 - 1, got {random_state!r}"
        )
    return int(random_state)


def check_n_jobs(n_jobs: int | None) -> int:
    """How many cores to use: all that this process may use where None or -1."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if n_jobs in (None, -1):
        return cores
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs < 1:
        raise DataError(f"n_jobs must be a number of cores of at least 1, or -1, got {n_jobs!r}")
    return min(int(n_jobs), cores)
