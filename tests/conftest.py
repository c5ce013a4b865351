"""Small data that several test modules share; searches in processes of their own, to be killed."""

import inspect
import multiprocessing
import os
import shutil
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from costopt.learners.logistic import LogisticLearner


def mixed_rows(n=300, seed=0):
    """Numbers with gaps, a category, an amount of money; about a fifth positive."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "signal": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
        }
    )
    X.loc[rng.random(n) < 0.1, "noise"] = np.nan
    logit = 1.5 * X["signal"] + (X["kind"] == "b") - 2
    y = pd.Series((rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int), name="bad")
    return X, y


@pytest.fixture
def rows():
    """300 mixed rows and their labels."""
    return mixed_rows()


@pytest.fixture(scope="session")
def make_rows():
    """The function that makes mixed rows: ``make_rows(n, seed)``."""
    return mixed_rows


# Runs in the process; X, y, costs, options and pipe are put there, and `_outcome_of` before it.
SEARCH = """
import multiprocessing
import warnings

from costopt import optimize
from costopt.errors import CostOptError

multiprocessing.set_start_method("fork", force=True)  # locks that need no tracker to clean up
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        def tell(study, trial):
            pipe.send((trial.number, trial.state.name, trial.values))

        found = _outcome_of(optimize(X, y, costs, callbacks=[tell], **options), X)
        pipe.send(("outcome", found, [str(one.message) for one in caught]))
    except CostOptError as error:
        pipe.send(("error", type(error).__name__, str(error)))
"""
PRELOADED = [
    "costopt.search.study",
    "pandas",
    "pytest",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sqlalchemy.dialects.sqlite",
]


def _outcome_of(result, X):
    """What no interruption may change, to the last bit."""
    trials = result.study.trials
    return {
        "trials": [(t.number, t.state.name, t.values, t.params, t.user_attrs) for t in trials],
        "intermediate values": [t.intermediate_values for t in trials],
        "distributions": [t.distributions for t in trials],
        "chosen": (result.trial_number, result.averaged, result.best_params),
        "money": (result.expected_cost, result.apparent_cost, dict(result.baselines)),
        "savings": result.savings,
        "scores": result.policy.probability(X).tobytes(),
    }


class SearchProcess:
    """One call of `optimize` in a process of its own, which tells of every trial as it ends."""

    def __init__(self, context, source, given):
        self._reader, writer = context.Pipe(duplex=False)
        self._process = context.Process(target=exec, args=(source, {**given, "pipe": writer}))
        self._process.start()
        writer.close()
        self.acknowledged = []
        self.outcome = None
        self.warnings = []
        self.error = None

    def next(self):
        """The next trial that ended; None once there is nothing more to come."""
        try:
            told = self._reader.recv()
        except (EOFError, OSError):  # it ended, or was killed in the middle of a word
            return None
        if told[0] == "outcome":
            self.outcome, self.warnings = told[1:]
        elif told[0] == "error":
            self.error = told[1:]
        else:
            self.acknowledged.append(told)
            return told
        return None

    def send_signal(self, number):
        """Nothing if it has ended: its number may by then be another process's."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def end(self):
        """Listen until it ends; its exit code, or the negative signal that ended it."""
        while self.next() is not None:
            pass
        self._process.join()
        return self._process.exitcode

    def close(self):
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._reader.close()
        self._process.close()


@pytest.fixture(scope="session")
def _forkserver():
    """A process that has everything imported, and becomes a new search in milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@pytest.fixture
def start(_forkserver):
    """The function that starts a search in a process: ``start(X, y, costs, **options)``."""
    running = []

    def begin(X, y, costs, *, before="", **options):
        given = {"X": X, "y": y, "costs": costs, "options": options}
        source = f"{before}\n{inspect.getsource(_outcome_of)}\n{SEARCH}"
        running.append(SearchProcess(_forkserver, source, given))
        return running[-1]

    yield begin
    for process in running:
        process.close()


@pytest.fixture(scope="session")
def outcome_of():
    """What of a result no interruption may change: ``outcome_of(result, X)``."""
    return _outcome_of


@pytest.fixture
def stored():
    """What a database holds, as Optuna itself reads it: ``stored(url)``, trials by their number."""

    import optuna

    def read(url, study_name="costopt"):
        found = {}
        for trial in optuna.load_study(study_name=study_name, storage=url).trials:
            found.setdefault(trial.system_attrs["costopt:number"], []).append(trial)
        return found

    return read


@pytest.fixture
def new_url(tmp_path):
    """A database that is not there yet."""
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture(scope="session")
def _empty_database(tmp_path_factory):
    from costopt.engine.database import make_sqlite
    from costopt.engine.store import _fill

    file = tmp_path_factory.mktemp("empty") / "study.db"
    make_sqlite(file, _fill)
    return file


@pytest.fixture
def url(_empty_database, tmp_path):
    """A database in which no study was begun, as a search makes it."""
    return f"sqlite:///{shutil.copy(_empty_database, tmp_path)}"


class CountedLearner(LogisticLearner):
    """Logistic regression that remembers which folds it was fitted to; None for all rows."""

    def __init__(self):
        super().__init__()
        self.fits = []

    def fit(self, prepared, fold, *args, **options):
        self.fits.append(fold)
        return super().fit(prepared, fold, *args, **options)


@pytest.fixture
def counted():
    """The class of a learner that counts its fits in ``.fits``."""
    return CountedLearner
