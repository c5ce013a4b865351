"""Who evaluates which trial: numbers that are handed out once, however many processes ask."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from costopt.engine.database import patiently

__all__ = ["SIGNING", "Claims"]

# Seconds between two signs of life of a process that evaluates a trial.
BEAT = 5.0
# Seconds without one, as another process sees it, after which its trial is taken over.
EXPIRY = 60.0
# Owners of this process that are at work; what another one of it had claimed is left.
_AT_WORK: set[str] = set()
# What is claimed by the process that signs a new study.
SIGNING = -1

TABLE = sa.Table(
    "costopt_trials",
    sa.MetaData(),
    sa.Column("study_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("beats", sa.Integer, nullable=False),
    # Optuna's, once the trial is finished
    sa.Column("trial_id", sa.Integer),
    # where there is no folder for them
    sa.Column("scores", sa.LargeBinary(2**32 - 1)),
)


class Claims:
    """The trials of a study by their numbers: claimed by a process, and then finished.

    A claim is one row that only one process can insert. Its owner adds one to its beats from time
    to time. Where they stand still for too long, or its owner ran on this machine and is no more,
    another process takes it over; no clocks are compared.

    Parameters
    ----------
    engine : sqlalchemy engine
    study_id : int
    """

    def __init__(self, engine: Any, study_id: int) -> None:
        self._engine = engine
        self._study = TABLE.c.study_id == study_id
        self._study_id = study_id
        self._me = f"{_machine()} {os.getpid()} {_begin_of(os.getpid())} {uuid.uuid4().hex}"
        _AT_WORK.add(self._me)
        self._mine: int | None = None
        self._seen: dict[tuple[int, str], tuple[int, float]] = {}
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None
        patiently(lambda: TABLE.create(engine, checkfirst=True))

    def close(self) -> None:
        """Give no more signs of life; what is claimed still is for whoever comes next."""
        _AT_WORK.discard(self._me)
        self._closed.set()
        if self._heart is not None:
            self._heart.join()

    def listed(self, first: int, n: int) -> Sequence[Any]:
        """Rows of the numbers from ``first`` to ``n``, without the latter: number, owner, beats, trial_id."""
        columns = TABLE.c.number, TABLE.c.owner, TABLE.c.beats, TABLE.c.trial_id
        which = sa.select(*columns).where(self._study, TABLE.c.number >= first, TABLE.c.number < n)
        with self._engine.connect() as connection:
            found: Sequence[Any] = patiently(
                lambda: connection.execute(which.order_by(TABLE.c.number)).all()
            )
        return found

    def claim(self, number: int) -> bool:
        """Whether the trial is this process's to evaluate from now on: nobody had claimed it."""
        row = {"study_id": self._study_id, "number": number, "owner": self._me, "beats": 0}
        try:
            self._write(sa.insert(TABLE).values(**row))
        except sa.exc.IntegrityError:
            return False
        self._take(number)
        return True

    def take_over(self, row: Any) -> bool:
        """Whether a claim of somebody who is no more is this process's from now on."""
        if not self._is_dead(row):
            return False
        the_same = TABLE.c.owner == row.owner, TABLE.c.beats == row.beats
        taken = self._write(
            sa.update(TABLE)
            .where(self._study, TABLE.c.number == row.number, *the_same, TABLE.c.trial_id.is_(None))
            .values(owner=self._me, beats=0)
        )
        if taken:
            self._take(row.number)
        return bool(taken)

    def is_held(self, number: int) -> bool:
        """Whether a trial is still this process's; a sign of life too."""
        return self._update(number, beats=TABLE.c.beats + 1)

    def finish(self, number: int, trial_id: int) -> bool:
        """Whether the trial is the one of that number: False if another process has taken it over."""
        self._mine = None
        return self._update(number, trial_id=trial_id)

    def keep_scores(self, number: int, scores: bytes) -> None:
        """Put scores into the row of a trial that is claimed."""
        self._update(number, scores=scores)

    def scores(self, number: int) -> bytes | None:
        """What `keep_scores` put there."""
        with self._engine.connect() as connection:
            found: bytes | None = connection.execute(
                sa.select(TABLE.c.scores).where(self._study, TABLE.c.number == number)
            ).scalar()
        return found

    def release(self, number: int) -> None:
        """Leave a trial to whoever comes next."""
        self._mine = None
        mine = self._study, TABLE.c.number == number, TABLE.c.owner == self._me
        self._write(sa.delete(TABLE).where(*mine, TABLE.c.trial_id.is_(None)))

    def clear(self) -> None:
        """Forget the trials of a study that was there under this identity before, and was deleted."""
        self._write(sa.delete(TABLE).where(self._study, TABLE.c.number > SIGNING))

    def _update(self, number: int, **values: Any) -> bool:
        mine = self._study, TABLE.c.number == number, TABLE.c.owner == self._me
        return bool(self._write(sa.update(TABLE).where(*mine).values(**values)))

    def _write(self, statement: Any) -> int:
        """How many rows a statement changed."""

        def act() -> int:
            with self._engine.begin() as connection:
                return int(connection.execute(statement).rowcount)

        return patiently(act)

    def _take(self, number: int) -> None:
        self._mine = number
        if self._heart is None:
            self._heart = threading.Thread(target=self._beat, daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT):
            number = self._mine
            if number is not None:
                try:
                    self.is_held(number)
                except Exception:  # the next beat may pass; without any it is taken over
                    continue

    def _is_dead(self, row: Any) -> bool:
        machine, process, begin, _ = row.owner.split(" ")
        if machine == _machine() and not _lives(int(process), begin):
            return True
        if machine == _machine() and int(process) == os.getpid():
            return row.owner not in _AT_WORK
        now = time.monotonic()
        beats, since = self._seen.get((row.number, row.owner), (None, now))
        if beats != row.beats:
            since = now
        self._seen[row.number, row.owner] = row.beats, since
        return now - since > EXPIRY


def _machine() -> str:
    """The machine or container that this is, as far as it tells its processes from those of others."""
    try:
        inside = os.readlink("/proc/self/ns/pid")
    except OSError:
        inside = ""
    return f"{socket.gethostname()[:100]}{inside}".replace(" ", "_")


def _begin_of(process: int) -> str:
    """When a process of this machine began, so that a later one of the same number is not it."""
    try:
        state, *rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "?"
    return "ended" if state in "ZX" else rest[18]


def _lives(process: int, begin: str) -> bool:
    """Whether a process of this machine is still there; True where that cannot be known."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _begin_of(process) == begin
