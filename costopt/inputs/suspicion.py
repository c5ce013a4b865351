"""What is suspicious about a table: columns that may know the answer, identifiers, repeated rows."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.errors import warn
from costopt.inputs.columns import Columns, read_columns
from costopt.inputs.frames import Table
from costopt.inputs.identifiers import find_identifiers
from costopt.inputs.leaking import Split, look_at, states_of, together
from costopt.inputs.repeats import Repeats, find_repeats, repeat_by_chance, row_keys
from costopt.showing.text import percent, printable

__all__ = [
    "Suspicion",
    "find_suspicions",
    "identifier_suspicion",
    "remedy",
    "suspicions_of",
    "warn_of",
    "warn_of_table",
]

BoolArray = NDArray[np.bool_]

Kind = Literal[
    "leaking-column", "leaking-flags", "identifier", "contradicting-rows", "repeated-rows"
]

# Rows of a class that columns are judged on, where there are more.
SAMPLED = 20_000
# Rows that contradict each other, as a share of all and as a number.
CONTRADICTING = 0.005
# Rows that are there again, as a share of all.
REPEATED = 0.01
LEAST_ROWS = 10


@dataclass(frozen=True)
class Suspicion:
    """Something in a table that may make a test look better than it is.

    Parameters
    ----------
    kind : {"leaking-column", "leaking-flags", "identifier", "contradicting-rows", "repeated-rows"}
    columns : tuple of str
        Those that it is about; none where it is about rows.
    evidence : str
        What was found, as a sentence without its full stop.
    """

    kind: Kind
    columns: tuple[str, ...]
    evidence: str


def find_suspicions(X: Any, y: BoolArray, ignore: Collection[str] = ()) -> tuple[Suspicion, ...]:
    """What is suspicious about a table and its labels.

    Parameters
    ----------
    X : data frame, array or Table
    y : bool array of shape (n_rows,)
    ignore : collection of str, default=()
        Columns that are no features.

    Returns
    -------
    suspicions : tuple of Suspicion
        Empty where nothing was found, which proves nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> y = np.arange(200) % 4 == 0
    >>> X = pd.DataFrame({"status": np.where(y, "charged off", "paid"), "age": np.arange(200) % 7})
    >>> [found] = find_suspicions(X, y)
    >>> print(found.evidence)
    'status' is other than 'paid' in 100 % of the positives and 0 % of the negatives
    """
    table = X if isinstance(X, Table) else Table(X)
    return suspicions_of(read_columns(table, ignore), y)


def suspicions_of(
    columns: Columns, y: BoolArray, *, identifiers: bool = True, rows: bool = True
) -> tuple[Suspicion, ...]:
    """The same of columns that are read already.

    Parameters
    ----------
    columns : Columns
    y : bool array of shape (n_rows,)
    identifiers : bool, default=True
        Whether to look for identifiers.
    rows : bool, default=True
        Whether to look for rows that are there more than once.
    """
    if not y.any() or y.all() or not columns.names:
        return ()
    names = find_identifiers(columns) if identifiers else {}
    repeats = _repeats(columns, y, names) if rows else None
    # rows of which one label is wrong would hide a column that is the label
    judged = ~repeats.contradicts if repeats is not None else np.ones(y.size, dtype=bool)
    if not (y & judged).any() or not (~y & judged).any():
        judged[:] = True
    some = _sample(y, judged)
    sampled, labels = (columns, y) if some is None else (columns.take(some), y[some])
    found = list(_leaking(sampled, labels, float(y.mean()), names))
    if repeats is not None:
        found += _repeated(repeats, y.size)
    return tuple(found)


def _sample(y: BoolArray, judged: BoolArray) -> NDArray[np.intp] | None:
    """Rows to judge columns on, in their order: of each class as many as are there, up to a limit."""
    if y.size <= SAMPLED:
        return None if judged.all() else np.flatnonzero(judged)
    rng = np.random.default_rng(0)
    kept = [np.flatnonzero(y & judged), np.flatnonzero(~y & judged)]
    return np.sort(
        np.concatenate(
            [at if at.size <= SAMPLED else rng.choice(at, SAMPLED, replace=False) for at in kept]
        )
    )


def _leaking(
    columns: Columns, y: BoolArray, prevalence: float, names: dict[str, str]
) -> Iterator[Suspicion]:
    """Columns and sets of flags that nearly decide the label, then identifiers."""
    alone: dict[str, Split] = {}
    for name in columns.names:
        split = look_at(columns, name, y, prevalence)
        if split is not None:
            alone[name] = split
    states = [
        state
        for state in states_of(columns, y)
        if state.name not in alone or not alone[state.name].decides
    ]
    flags = together(states, y, prevalence) if len(states) > 1 else None
    if flags is not None:
        members, split = flags
        listed = ", ".join(repr(name) for name in members)
        yield Suspicion("leaking-flags", members, f"one of {listed} {_shares(split)}")
    for name, split in alone.items():
        if name not in names and (flags is None or name not in flags[0]):
            yield Suspicion("leaking-column", (name,), f"{name!r} {_shares(split)}")
    for name, why in names.items():
        yield identifier_suspicion(name, why, tells=name in alone)


def identifier_suspicion(name: str, why: str, *, tells: bool = False) -> Suspicion:
    """The suspicion of a column that looks like an identifier, and may leak the label by its order."""
    told = f"{name!r} looks like an identifier: {why}"
    if tells:
        told += ", and the classes follow each other in it, so that it leaks the label"
    return Suspicion("identifier", (name,), told)


def _shares(split: Split) -> str:
    own, other = percent(split.hits / split.n_hits), percent(split.strays / split.n_strays)
    if not split.of_positives:
        own, other = other, own
    return f"{split.says} in {own} of the positives and {other} of the negatives"


def _repeats(columns: Columns, y: BoolArray, names: dict[str, str]) -> Repeats | None:
    """Rows that are there again, if there are many, and coarse columns do not explain them."""
    kept = [at for at, name in enumerate(columns.names) if name not in names]
    if not kept:
        return None
    values = columns.values if len(kept) == len(columns.names) else columns.values[:, kept]
    found = find_repeats(row_keys(values)[0], y)
    many = _contradicting(found, y.size) or _again(found, y.size)
    return found if many and not repeat_by_chance(values) else None


def _contradicting(found: Repeats, n_rows: int) -> bool:
    return found.n_contradicting >= max(LEAST_ROWS, CONTRADICTING * n_rows)


def _again(found: Repeats, n_rows: int) -> bool:
    return found.n_again >= max(LEAST_ROWS, REPEATED * n_rows)


def _repeated(found: Repeats, n_rows: int) -> Iterator[Suspicion]:
    """Many rows that are there again, with another label or the same."""
    contradicting = _contradicting(found, n_rows)
    if contradicting:
        yield Suspicion(
            "contradicting-rows",
            (),
            f"{found.n_contradicting:,} of {n_rows:,} rows are equal to another row that has the "
            "other label",
        )
    if found.n_again > found.n_contradicting or (_again(found, n_rows) and not contradicting):
        yield Suspicion(
            "repeated-rows",
            (),
            f"{found.n_again:,} of {n_rows:,} rows are equal to an earlier one, so that models are "
            "tested on rows that they were trained on",
        )


def warn_of(found: Collection[Suspicion], cost_columns: Collection[str] = ()) -> None:
    """Warn once of all that was found.

    Parameters
    ----------
    found : collection of Suspicion
    cost_columns : collection of str, default=()
        Columns that costs read, which cannot just be left out.
    """
    if found:
        evidence = "; ".join(one.evidence for one in found)
        warn("possible-leaks", f"{evidence}. {remedy(found, cost_columns)}")


def warn_of_table(table: pd.DataFrame, target: str) -> None:
    """Look at a file whose target is known, the rarer label taken as the one to act on, and warn.

    Parameters
    ----------
    table : DataFrame
    target : str
        The name of a column that holds two values.
    """
    labelled = table[table[target].notna()]
    y = labelled[target] == labelled[target].value_counts().index[-1]
    warn_of(find_suspicions(labelled.drop(columns=target), y.to_numpy(dtype=bool)))


def remedy(found: Collection[Suspicion], cost_columns: Collection[str] = ()) -> str:
    """What to do about suspicions, in sentences."""
    columns = [name for one in found for name in one.columns]
    in_costs = [name for name in columns if name in cost_columns]
    others = [name for name in columns if name not in cost_columns]
    sentences = []
    if any(one.kind in ("leaking-column", "leaking-flags") for one in found):
        sentences.append(
            "A column that becomes known only after the decision is target leakage, but a truly "
            "strong feature looks the same: if it is known when the decision is made, keep it"
        )
    if others:
        listed = ", ".join(repr(name) for name in others)
        options = " ".join(f"--ignore {printable(shlex.quote(name))}" for name in others)
        sentences.append(f"Leave out with ignore=[{listed}] (on the command line: {options})")
    if in_costs:
        listed = ", ".join(repr(name) for name in in_costs)
        sentences.append(
            f"If {listed}, which the costs read, is known only after the decision, declare "
            f"hindsight=({listed},)"
        )
    if any(not one.columns for one in found):
        sentences.append(
            "Drop repeated rows, find out which label is right, or keep them together with groups="
        )
    return ". ".join(sentences)
