"""Databases: their URLs without secrets, SQLite files that appear whole, and patience."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from costopt.errors import StoreError

__all__ = ["PATIENCE", "make_sqlite", "parse_url", "patiently", "remove_sqlite", "sqlite_url"]

Result = TypeVar("Result")

# Seconds that SQLite waits for another process before it says that the file is locked.
PATIENCE = 60.0
ATTEMPTS = 8
# What databases say where another process is at work on the same: to be tried again.
FOR_A_MOMENT = ("locked", "already exists", "duplicate key", "deadlock", "could not serialize")


def parse_url(url: str) -> tuple[str, Path | None]:
    """The URL as it may be shown, without its password, and the file of an SQLite database.

    Raises
    ------
    StoreError
        If it is no URL, is of a database that does not outlive the process, or holds an ``@`` that
        is not escaped, so that it is not clear where the password ends.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        told = url.split("@")[-1].split("?")[0] if "@" in url or "?" in url else url
        raise StoreError(
            f"storage must be a URL such as sqlite:///study.db, got {told!r:.80}"
        ) from None
    shown = parsed.set(query={}).render_as_string(hide_password=True)
    if parsed.get_backend_name() != "sqlite":
        if "@" in f"{parsed.host}{parsed.database}":
            raise StoreError(
                f"the password in the {parsed.get_backend_name()} URL of the storage holds an '@': "
                "write it as %40, and other signs as urllib.parse.quote does"
            )
        return shown, None
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise StoreError(
            f"{shown} does not outlive this process: name a file, as in sqlite:///study.db, or leave "
            "storage out"
        )
    return shown, Path(parsed.database)


def sqlite_url(file: Path) -> str:
    """A file as Optuna and SQLAlchemy name it, whatever characters it has."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def make_sqlite(file: Path, fill: Callable[[Path], None]) -> None:
    """Give a file that is not there, or is empty, all tables at once, so that nobody finds half.

    Processes that do so together wait for each other; the first makes them.

    Parameters
    ----------
    file : Path
    fill : callable
        Makes the tables in another file, from which they are copied.

    Raises
    ------
    StoreError
        If there is no place for such a file.
    """
    if file.is_dir():
        raise StoreError(f"{file} is a folder: name a file for the study")
    if not file.parent.is_dir():
        raise StoreError(f"{file.parent} is not a folder: make it first, or choose another place")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{file.parent} cannot be written to: choose another place for the study")
    if file.exists() and file.stat().st_size:
        return
    with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as database:
        # readers and the writer do not wait for each other; kept in the file
        patiently(lambda: database.execute("PRAGMA journal_mode=WAL"))
        patiently(lambda: database.execute("BEGIN IMMEDIATE"))
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _made_by(fill):
                database.execute(statement)
        database.execute("COMMIT")


def _made_by(fill: Callable[[Path], None]) -> list[str]:
    """The statements that make the tables that somebody makes in a file."""
    with tempfile.TemporaryDirectory(prefix="costopt-") as private:
        made = Path(private) / "new.db"
        fill(made)
        with closing(sqlite3.connect(made)) as database:
            return [
                each
                for each in database.iterdump()
                if each not in ("BEGIN TRANSACTION;", "COMMIT;")
            ]


def remove_sqlite(file: Path) -> None:
    """Remove a database and the scores beside it, where there are any.

    Raises
    ------
    StoreError
    """
    try:
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            file.with_name(name).unlink(missing_ok=True)
        scores = file.with_name(f"{file.name}.scores")
        if scores.exists():
            shutil.rmtree(scores)
    except OSError as error:
        raise StoreError(f"cannot remove {file}: {error.strerror}") from None


def patiently(act: Callable[[], Result]) -> Result:
    """Try again where another process holds the database for a moment."""
    for attempt in range(ATTEMPTS):
        try:
            return act()
        except Exception as error:
            told = str(error.__cause__ or error).lower()
            if not any(words in told for words in FOR_A_MOMENT) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(random.SystemRandom().uniform(0, 0.05 * 2**attempt))
    raise AssertionError("unreachable")
