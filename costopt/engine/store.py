"""Where trials are kept so that nothing finished is lost: a database, and scores beside it or in it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, create_trial

from costopt.engine.claims import SIGNING, Claims
from costopt.engine.database import PATIENCE, make_sqlite, parse_url, patiently, sqlite_url
from costopt.errors import StoreError
from costopt.policy.files import write_atomically

__all__ = ["Store"]

Float32Array = NDArray[np.float32]

FINGERPRINT = "costopt:fingerprint"
NUMBER = "costopt:number"
SCORES = "costopt:scores_sha256"
WHOLE = "costopt:trial_sha256"
# Of more trials than this, all are read at once.
READ_ONE_BY_ONE = 20


class Store:
    """The trials of one study, each written whole or not at all, and by one process only.

    Scores of a trial are written first, then the trial itself in one transaction: a process that is
    killed leaves a trial either complete or absent.

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
        self.url, self._file = parse_url(url)
        self.study_name = study_name
        self._claims: Claims | None = None
        self._given: set[int] = set()  # numbers that `next_trial` gave out
        self._first = 0  # the lowest that it did not
        self._read: dict[int, FrozenTrial] = {}
        with self._told("open"):
            if self._file is not None:
                make_sqlite(self._file, _fill)
            self._storage = _connect(url, self._file)
            try:
                self._study = patiently(
                    lambda: optuna.create_study(
                        storage=self._storage, study_name=study_name, load_if_exists=True
                    )
                )
                self._study_id = self._storage.get_study_id_from_name(study_name)
                self._claims = Claims(self._storage.engine, self._study_id)
                self._check(fingerprint)
                if self._file is not None:
                    self._folder.mkdir(parents=True, exist_ok=True)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the database; nothing is left to be written."""
        if self._claims is not None:
            self._claims.close()
        self._storage.remove_session()
        self._storage.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def claims(self) -> Claims:
        """Who evaluates which trial."""
        assert self._claims is not None  # noqa: S101  # it is there once the store is open
        return self._claims

    @property
    def _folder(self) -> Path:
        """Where scores are: beside the database, a folder for each study."""
        assert self._file is not None  # noqa: S101  # only files have neighbours
        name = hashlib.sha256(self.study_name.encode()).hexdigest()[:16]
        return self._file.with_name(f"{self._file.name}.scores") / name

    def next_trial(
        self, n_trials: int, *, claim: bool = True
    ) -> tuple[int, FrozenTrial | None] | None:
        """The next of the trials, each once: one that is finished, or else one to be evaluated.

        Parameters
        ----------
        n_trials : int
            Their numbers are below this.
        claim : bool, default=True
            Whether this process would evaluate one.

        Returns
        -------
        number : int
        trial : FrozenTrial or None
            None where it is this process's to evaluate, and then to `add` or to `release`.
            Instead of both None, while all that is left is being evaluated by others.
        """
        while self._first in self._given:
            self._first += 1
        with self._told("read"):
            rows = {row.number: row for row in self.claims.listed(self._first, n_trials)}
            left = [number for number in range(self._first, n_trials) if number not in self._given]
            finished = [n for n in left if n in rows and rows[n].trial_id is not None]
            if finished:
                self._read_many([rows[number].trial_id for number in finished])
                self._given.add(finished[0])
                return finished[0], self._trial(finished[0], rows[finished[0]].trial_id)
            for number in left if claim else []:
                if self._is_mine(number, rows.get(number)):
                    self._given.add(number)
                    return number, None
        return None

    def release(self, number: int) -> None:
        """Leave a trial that was not finished to whoever comes next."""
        with self._told("write to"):
            self._given.discard(number)
            self._first = min(self._first, number)
            self.claims.release(number)

    def trial(self, number: int) -> FrozenTrial | None:
        """The finished trial of a number, by whichever process it was written."""
        with self._told("read"):
            for row in self.claims.listed(number, number + 1):
                if row.trial_id is not None:
                    return self._trial(number, row.trial_id)
        return None

    def add(self, trial: FrozenTrial, number: int, scores: Float32Array | None) -> None:
        """Write a finished trial, its scores before it; not if another process has done so.

        Raises
        ------
        StoreError
            If it cannot be written; trials that were written before are not touched.
        """
        kept = {**trial.system_attrs, NUMBER: number}
        with self._told(f"write trial {number} to"):
            is_mine = number in self._given or self.claims.claim(number)
            if not is_mine or not self.claims.is_held(number):
                return
            if scores is not None:
                content = np.ascontiguousarray(scores, dtype="<f4").tobytes()
                kept[SCORES] = hashlib.sha256(content).hexdigest()
                if self._file is None:
                    self.claims.keep_scores(number, content)
                else:
                    write_atomically(self._folder / f"{number}.f4", content)
            whole = create_trial(
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
            made = patiently(lambda: self._storage.create_new_trial(self._study_id, whole))
            self.claims.finish(number, made)

    def scores(self, trial: FrozenTrial) -> Float32Array | None:
        """What `add` kept of a stored trial; None if there is nothing, or it is damaged."""
        if SCORES not in trial.system_attrs:
            return None
        number = trial.system_attrs[NUMBER]
        if self._file is None:
            with self._told("read"):
                content = self.claims.scores(number)
        else:
            try:
                content = (self._folder / f"{number}.f4").read_bytes()
            except OSError:
                content = None
        if content is None or hashlib.sha256(content).hexdigest() != trial.system_attrs[SCORES]:
            return None
        return np.frombuffer(content, dtype="<f4").astype(np.float32)

    def _is_mine(self, number: int, row: Any) -> bool:
        """Whether this process may evaluate a trial that is not finished."""
        if row is None:
            return self.claims.claim(number)
        if not self.claims.take_over(row):
            return False
        for left in self._storage.get_all_trials(self._study_id, deepcopy=False):
            # its owner ended between writing it and saying so
            if left.system_attrs.get(NUMBER) == number and left.state.is_finished():
                self.claims.finish(number, left._trial_id)
                return False
        return True

    def _read_many(self, wanted: list[int]) -> None:
        """Read trials that will be asked for, where they are many, in one go."""
        if len([one for one in wanted if one not in self._read]) > READ_ONE_BY_ONE:
            trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
            self._read = {trial._trial_id: trial for trial in trials}

    def _trial(self, number: int, trial_id: int) -> FrozenTrial:
        """A finished trial, as it was written."""
        stored = self._read.pop(trial_id, None)
        if stored is None:
            stored = patiently(lambda: self._storage.get_trial(trial_id))
        if stored.system_attrs.get(WHOLE) != _digest(stored):
            raise StoreError(
                f"trial {number} of the study {self.study_name!r} in {self.url} is not "
                "what was written there: restore the database, or give another study_name"
            )
        return stored

    def _check(self, fingerprint: Mapping[str, str]) -> None:
        """Refuse a study of something else; sign a new one."""
        if self._study.directions != [optuna.study.StudyDirection.MINIMIZE]:
            raise StoreError(
                f"the study {self.study_name!r} in {self.url} does not minimise one cost: give "
                "another study_name"
            )
        stored = self._study.user_attrs.get(FINGERPRINT) or self._signed(fingerprint)
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

    def _signed(self, fingerprint: Mapping[str, str]) -> Mapping[str, str]:
        """What a new study is made of; of several processes that come together the first says so."""
        while not self.claims.claim(SIGNING):
            rows = self.claims.listed(SIGNING, 0)
            if rows and self.claims.take_over(rows[0]):
                break
            time.sleep(0.02)
        try:
            stored: Mapping[str, str] | None = self._study.user_attrs.get(FINGERPRINT)
            if stored is not None:
                return stored
            if patiently(lambda: self._study.get_trials(deepcopy=False)):
                raise StoreError(
                    f"the study {self.study_name!r} in {self.url} was not made by optimize: give "
                    "another study_name"
                )
            self.claims.clear()
            patiently(lambda: self._study.set_user_attr(FINGERPRINT, dict(fingerprint)))
        finally:
            self.claims.release(SIGNING)
        return fingerprint

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Foreign errors as one sentence that names the place, without its password."""
        try:
            yield
        except StoreError:
            raise
        except ImportError as error:
            missing = getattr(error.__context__, "name", None) or "that SQLAlchemy uses for it"
            extra = "pip install 'costopt-ml[postgresql]'" if "psycopg" in missing else "install it"
            raise StoreError(
                f"{self.url} needs the database driver {missing}, which is not installed: {extra}"
            ) from None
        except Exception as error:  # SQLAlchemy's, Optuna's, a driver's: all is about this place
            cause = error.__cause__ or error
            reason = str(getattr(cause, "orig", None) or cause).splitlines()[0]
            raise StoreError(
                f"cannot {what} the study {self.study_name!r} in {self.url}: {reason}; trials that "
                "were written stay there, and the same call continues from them"
            ) from None


def _digest(trial: FrozenTrial) -> str:
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


def _connect(url: str, file: Path | None) -> optuna.storages.RDBStorage:
    """Optuna's storage in a database, with its tables."""
    options: dict[str, Any] = {"pool_pre_ping": True}
    if file is not None:
        options = {"connect_args": {"timeout": PATIENCE}}
    return patiently(lambda: optuna.storages.RDBStorage(url, engine_kwargs=options))


def _fill(file: Path) -> None:
    """Make Optuna's tables in a new SQLite file."""
    storage = _connect(sqlite_url(file), file)
    storage.remove_session()
    storage.engine.dispose()
