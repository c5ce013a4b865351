"""Where trials are kept so that nothing finished is lost: a database, and scores in files beside it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from numpy.typing import NDArray

from costopt.errors import StoreError
from costopt.policy.files import write_atomically

__all__ = ["Store", "remove_sqlite", "sqlite_url"]

Float32Array = NDArray[np.float32]
Result = TypeVar("Result")

FINGERPRINT = "costopt:fingerprint"
NUMBER = "costopt:number"
SCORES = "costopt:scores_sha256"
WHOLE = "costopt:trial_sha256"
# Seconds that SQLite waits for another process before it says that the file is locked.
PATIENCE = 60.0
ATTEMPTS = 8


class Store:
    """The trials of one study, each written whole or not at all.

    Scores of a trial are written first, into a file of their own, then the trial itself in one
    transaction: a process that is killed leaves a trial either complete or absent.

    Parameters
    ----------
    url : str
        ``sqlite:///study.db``, or a server as SQLAlchemy names it.
    study_name : str
    fingerprint : mapping of str to str
        What the study is made of; a study of that name with another fingerprint is refused.

    Raises
    ------
    StoreError
        If the place cannot be used, or the study there is of something else.
    """

    def __init__(self, url: str, study_name: str, fingerprint: Mapping[str, str]) -> None:
        if not isinstance(study_name, str):
            raise StoreError(f"study_name must be a text, got {study_name!r:.60}")
        self.url, self._file = _parsed(url)
        self.study_name = study_name
        with self._told("open"):
            if self._file is not None:
                _make_sqlite(self._file)
            self._storage = _connect(url, self._file)
            try:
                self._study = _patiently(
                    lambda: optuna.create_study(
                        storage=self._storage, study_name=study_name, load_if_exists=True
                    )
                )
                self._check(fingerprint)
                if self._file is not None:
                    self._folder.mkdir(parents=True, exist_ok=True)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the database; nothing is left to be written."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _folder(self) -> Path:
        """Where scores are: beside the database, a folder for each study."""
        assert self._file is not None  # noqa: S101  # only files have neighbours
        name = hashlib.sha256(self.study_name.encode()).hexdigest()[:16]
        return self._file.with_name(f"{self._file.name}.scores") / name

    def trial(self, number: int) -> optuna.trial.FrozenTrial | None:
        """The stored trial of a number, by whichever process it was written first."""
        with self._told("read"):
            for stored in _patiently(lambda: self._study.get_trials(deepcopy=False)):
                if stored.system_attrs.get(NUMBER) == number and stored.state.is_finished():
                    if stored.system_attrs.get(WHOLE) != _digest(stored):
                        raise StoreError(
                            f"trial {number} of the study {self.study_name!r} in {self.url} is not "
                            "what was written there: restore the database, or give another study_name"
                        )
                    return stored
        return None

    def add(self, trial: optuna.trial.FrozenTrial, scores: Float32Array | None) -> None:
        """Write a finished trial, its scores before it.

        Raises
        ------
        StoreError
            If it cannot be written; trials that were written before are not touched.
        """
        kept = {**trial.system_attrs, NUMBER: trial.number}
        with self._told(f"write trial {trial.number} to"):
            if scores is not None and self._file is not None:
                content = np.ascontiguousarray(scores, dtype="<f4").tobytes()
                write_atomically(self._folder / f"{trial.number}.f4", content)
                kept[SCORES] = hashlib.sha256(content).hexdigest()
            if self.trial(trial.number) is None:
                whole = optuna.trial.create_trial(
                    state=trial.state,
                    value=trial.value,
                    params=trial.params,
                    distributions=trial.distributions,
                    user_attrs=trial.user_attrs,
                    system_attrs=kept,
                    intermediate_values=trial.intermediate_values,
                )
                whole.system_attrs = {**kept, WHOLE: _digest(whole)}
                whole.datetime_start = trial.datetime_start
                whole.datetime_complete = trial.datetime_complete
                _patiently(lambda: self._study.add_trial(whole))

    def scores(self, trial: optuna.trial.FrozenTrial) -> Float32Array | None:
        """What `add` kept of a stored trial; None if there is nothing, or it is damaged."""
        if self._file is None or SCORES not in trial.system_attrs:
            return None
        try:
            content = (self._folder / f"{trial.system_attrs[NUMBER]}.f4").read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != trial.system_attrs[SCORES]:
            return None
        return np.frombuffer(content, dtype="<f4").astype(np.float32)

    def _check(self, fingerprint: Mapping[str, str]) -> None:
        """Refuse a study of something else; sign a new one."""
        if self._study.directions != [optuna.study.StudyDirection.MINIMIZE]:
            raise StoreError(
                f"the study {self.study_name!r} in {self.url} does not minimise one cost: give "
                "another study_name"
            )
        stored = self._study.user_attrs.get(FINGERPRINT)
        if stored is None:
            if _patiently(lambda: self._study.get_trials(deepcopy=False)):
                raise StoreError(
                    f"the study {self.study_name!r} in {self.url} was not made by optimize: give "
                    "another study_name"
                )
            _patiently(lambda: self._study.set_user_attr(FINGERPRINT, dict(fingerprint)))
            return
        differing = [
            name
            for name in sorted({*stored, *fingerprint})
            if stored.get(name) != fingerprint.get(name)
        ]
        if differing:
            told = ", ".join(
                f"{name} ({stored[name]} there, {fingerprint[name]} here)"
                if name.startswith("version of ") and name in stored and name in fingerprint
                else name
                for name in differing
            )
            raise StoreError(
                f"the study {self.study_name!r} in {self.url} cannot be continued, since it was made "
                f"with something else: {told}; give another study_name, or a new storage"
            )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Foreign errors as one sentence that names the place, without its password."""
        try:
            yield
        except StoreError:
            raise
        except ImportError as error:
            missing = getattr(error.__context__, "name", None) or "that SQLAlchemy uses for it"
            raise StoreError(
                f"{self.url} needs the database driver {missing}, which is not installed: install it"
            ) from None
        except Exception as error:  # SQLAlchemy's, Optuna's, a driver's: all is about this place
            cause = error.__cause__ or error
            reason = str(getattr(cause, "orig", None) or cause).splitlines()[0]
            raise StoreError(
                f"cannot {what} the study {self.study_name!r} in {self.url}: {reason}; trials that "
                "were written stay there, and the same call continues from them"
            ) from None


def sqlite_url(file: Path) -> str:
    """A file as Optuna and SQLAlchemy name it, whatever characters it has."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


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


def _digest(trial: optuna.trial.FrozenTrial) -> str:
    """Of all that decides how a search goes on from a trial."""
    system = {name: value for name, value in trial.system_attrs.items() if name != WHOLE}
    space = {
        name: optuna.distributions.distribution_to_json(distribution)
        for name, distribution in trial.distributions.items()
    }
    parts = [
        trial.state.name,
        trial.values,
        trial.params,
        space,
        trial.user_attrs,
        system,
        {str(step): value for step, value in trial.intermediate_values.items()},
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _parsed(url: str) -> tuple[str, Path | None]:
    """The URL as it may be shown, and the file of an SQLite database."""
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
        return shown, None
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise StoreError(
            f"{shown} does not outlive this process: name a file, as in sqlite:///study.db, or leave "
            "storage out"
        )
    return shown, Path(parsed.database)


def _make_sqlite(file: Path) -> None:
    """Put a database with all its tables in place at once, so that no process finds half of one."""
    if file.is_dir():
        raise StoreError(f"{file} is a folder: name a file for the study")
    if not file.parent.is_dir():
        raise StoreError(f"{file.parent} is not a folder: make it first, or choose another place")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{file.parent} cannot be written to: choose another place for the study")
    if file.exists():
        return
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as private:
        made = Path(private) / "new.db"
        storage = _connect(sqlite_url(made), made)
        with storage.engine.connect() as connection:
            # readers and the writer do not wait for each other; kept in the file
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        storage.remove_session()
        storage.engine.dispose()
        try:
            os.link(made, file)
        except FileExistsError:  # another process was first: its database serves as well
            pass
        except OSError:  # a file system without hard links
            if not file.exists():
                made.rename(file)


def _connect(url: str, file: Path | None) -> optuna.storages.RDBStorage:
    options: dict[str, Any] = {"pool_pre_ping": True}
    if file is not None:
        options = {"connect_args": {"timeout": PATIENCE}}
    return _patiently(lambda: optuna.storages.RDBStorage(url, engine_kwargs=options))


def _patiently(act: Callable[[], Result]) -> Result:
    """Try again where another process holds the database for a moment."""
    for attempt in range(ATTEMPTS):
        try:
            return act()
        except optuna.exceptions.StorageInternalError as error:
            busy = "locked" in str(error.__cause__ or error)
            if not busy or attempt == ATTEMPTS - 1:
                raise
            time.sleep(random.SystemRandom().uniform(0, 0.05 * 2**attempt))
    raise AssertionError("unreachable")
