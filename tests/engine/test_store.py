"""Trials in a database: nothing finished is lost, and a search goes on as if never interrupted."""

import datetime
import gc
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from sklearn.tree import DecisionTreeClassifier

from costopt import CostMatrix, SearchError, SklearnLearner, StoreError, XGBoostLearner, optimize
from costopt.engine import database
from costopt.engine.database import remove_sqlite, sqlite_url
from costopt.engine.store import Store

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")
THIS = {"what": "this"}
# Of 30 trials on 300 rows the race stops three.
RACED = {"learners": XGBoostLearner(max_rounds=10), "n_trials": 30, "n_jobs": 1}


def small(rows, url, **options):
    X, y = rows
    given = {"learners": "logistic", "n_trials": 3, "n_jobs": 1, **options}
    return optimize(X, y, COSTS, storage=url, **given)


def score_files(url):
    """The files of scores beside a database, by the number of their trial."""
    folder = Path(f"{url.removeprefix('sqlite:///')}.scores")
    return {int(file.stem): file for file in folder.glob("*/[0-9]*.f4")}


def files_in(folder):
    return {path.name for path in folder.iterdir()}


def as_is(trials):
    return [(t.number, t.state, t.values, t.params, t.user_attrs) for t in trials]


# --- interrupted ---


def check_kept(acknowledged, kept):
    """Every trial is whole and there once; what a process told of is there as it was told."""
    for trials in kept.values():
        assert [trial.state.is_finished() for trial in trials] == [True]
    for number, state, values in acknowledged:
        (trial,) = kept[number]
        assert (trial.state.name, trial.values) == (state, values)


def search_and_kill(start, rng, begun, **call):
    """Start a search and kill it at a random moment: at any time, or shortly after some trial."""
    process = start(**call)
    if rng.random() < 0.3:
        time.sleep(rng.uniform(0, 0.6))
    else:
        target = begun + rng.integers(0, 4)
        while len(process.acknowledged) < target and process.next() is not None:
            pass
        time.sleep(rng.uniform(0, 0.03))
    process.send_signal(signal.SIGKILL)
    process.end()
    return process


@pytest.fixture(scope="module")
def uninterrupted(make_rows, outcome_of):
    """What a search finds that nobody interrupts."""
    X, y = make_rows()
    return outcome_of(optimize(X, y, COSTS, **RACED), X)


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_search_that_is_killed_again_and_again_ends_as_one_that_never_was(
    kills, start, rows, tmp_path, stored, uninterrupted
):
    X, y = rows
    call = {"X": X, "y": y, "costs": COSTS, **RACED}
    rng = np.random.default_rng(kills)
    url, acknowledged = f"sqlite:///{tmp_path}/0.db", []
    for kill in range(kills):
        process = search_and_kill(start, rng, len(acknowledged), **call, storage=url)
        if len(process.acknowledged) > len(acknowledged):
            acknowledged = process.acknowledged
        if acknowledged:
            check_kept(acknowledged, stored(url))
        if process.outcome is not None:  # faster than the signal: the next kills are of another
            assert process.outcome == uninterrupted
            url, acknowledged = f"sqlite:///{tmp_path}/{kill + 1}.db", []

    last = start(**call, storage=url)

    assert last.end() == 0
    assert last.outcome == uninterrupted
    check_kept(last.acknowledged, stored(url))
    assert sorted(stored(url)) == list(range(30))


def test_sigterm_leaves_whole_trials_to_go_on_from(start, rows, new_url, stored, uninterrupted):
    X, y = rows
    ended = start(X, y, COSTS, **RACED, storage=new_url)
    while len(ended.acknowledged) < 12:
        ended.next()
    ended.send_signal(signal.SIGTERM)

    assert ended.end() == -signal.SIGTERM
    check_kept(ended.acknowledged, stored(new_url))
    resumed = start(X, y, COSTS, **RACED, storage=new_url)
    assert resumed.end() == 0
    assert resumed.outcome == uninterrupted


def test_ctrl_c_keeps_what_was_found_here_and_in_the_store(start, rows, url, stored, uninterrupted):
    X, y = rows
    ended = start(X, y, COSTS, **RACED, storage=url)
    while len(ended.acknowledged) < 12:
        ended.next()
    ended.send_signal(signal.SIGINT)

    assert ended.end() == 0
    done = len(ended.acknowledged)
    assert 12 <= done < 30
    assert ended.outcome["trials"][:done] == uninterrupted["trials"][:done]
    assert any("[interrupted] stopped in trial" in text for text in ended.warnings)
    check_kept(ended.acknowledged, stored(url))
    resumed = start(X, y, COSTS, **RACED, storage=url)
    assert resumed.end() == 0
    assert resumed.outcome == uninterrupted


class Fragile(DecisionTreeClassifier):
    """Cannot be fitted with a depth of 3."""

    def fit(self, X, y, sample_weight=None):
        if self.max_depth == 3:
            raise RuntimeError("too deep for me")
        return super().fit(X, y, sample_weight=sample_weight)


def of_one_column(n):
    """Arguments whose results depend on more than rows and labels."""
    rng = np.random.default_rng(5)
    return {"groups": np.arange(n) // 2, "sample_weight": rng.uniform(0.5, 2, n)}


CASES = {
    "raced": lambda n: {"learners": XGBoostLearner(max_rounds=10)},
    "few candidates": lambda n: {
        "learners": XGBoostLearner({"max_depth": (2, 4)}, max_rounds=5),
        "resampling": ["none", "random_under"],
    },
    "failures": lambda n: {"learners": SklearnLearner(Fragile(max_depth=2), {"max_depth": (1, 5)})},
    "several learners": lambda n: {
        "learners": ["logistic", XGBoostLearner(max_rounds=5)],
        "threshold": "sampled",
        "final": "folds",
    },
    "averaged": lambda n: {"learners": "logistic", "selection": "average", "racing": False},
    "by case": lambda n: {
        "costs": CostMatrix(fn="amount", fp=5),
        "learners": "logistic",
        **of_one_column(n),
        "random_state": 3,  # one under which a trial is stopped early
    },
}

# Trials before each interruption and in the end. Of the raced, two of the last are stopped early.
PARTS = {"raced": (11, 18, 20), "averaged": (5, 8, 12)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:.*failed-trials")
def test_a_search_in_three_parts_is_the_same_as_one(case, rows, url, outcome_of):
    X, y = rows
    given = {"costs": COSTS, "random_state": 4, "n_jobs": 1, **CASES[case](len(X))}
    parts = PARTS.get(case, (8, 11, 16))

    straight = optimize(X, y, n_trials=parts[-1], **given)
    for n_trials in parts:
        result = optimize(X, y, n_trials=n_trials, storage=url, **given)
        assert len(result.study.trials) == n_trials

    assert outcome_of(result, X) == outcome_of(straight, X)
    states = {trial.state for trial in result.study.trials}
    assert (TrialState.PRUNED in states) == (case not in ("failures", "averaged"))
    assert (TrialState.FAIL in states) == (case == "failures")
    different = len({str(trial.params) for trial in result.study.trials})
    assert (different < parts[-1]) == (case in ("few candidates", "failures"))


def test_a_finished_search_evaluates_nothing_when_it_is_asked_for_again(
    rows, url, outcome_of, counted
):
    X, _ = rows
    first = small(rows, url, learners=counted(), n_trials=9)
    again = counted()

    second = small(rows, url, learners=again, n_trials=9)

    assert again.fits == [None]  # the final model
    assert outcome_of(second, X) == outcome_of(first, X)


def test_a_finished_search_that_is_extended_evaluates_only_what_is_new(rows, url, counted):
    first = small(rows, url, learners=counted(), n_trials=9, racing=False)
    more = counted()

    result = small(rows, url, learners=more, n_trials=12, racing=False)

    assert more.fits == [*range(5), *range(5), *range(5), None]
    assert as_is(result.study.trials[:9]) == as_is(first.study.trials)
    assert len({str(trial.params) for trial in result.study.trials}) == 12


def test_a_search_of_fewer_trials_than_are_there_uses_the_first_of_them(rows, url, outcome_of):
    X, _ = rows
    small(rows, url, n_trials=9)

    fewer = small(rows, url, n_trials=4)

    assert outcome_of(fewer, X) == outcome_of(small(rows, None, n_trials=4), X)


def test_when_trials_began_and_ended_is_kept(rows, url):
    first = small(rows, url)

    again = small(rows, url)

    times = [
        [(t.datetime_start, t.datetime_complete) for t in r.study.trials] for r in (first, again)
    ]
    assert times[0] == times[1]


# --- many at once ---


# writes down each fit of a fold; of all rows only the final model is
TOLD = """
from costopt.learners.logistic import LogisticLearner

class Told(LogisticLearner):
    def fit(self, prepared, fold, *args, **given):
        with open({file!r}, "a") as file:
            file.write(f"{{fold}}\\n")
        return super().fit(prepared, fold, *args, **given)

options["learners"] = Told()
"""


def together_on(url, start, rows, tmp_path, n_processes, **options):
    """Processes that run one search on one storage, when all have ended, and which fits they made."""
    X, y = rows
    file = tmp_path / "fits.txt"
    call = {"X": X, "y": y, "costs": COSTS, "n_jobs": 1, "racing": False, **options}
    before = TOLD.format(file=str(file))
    together = [start(**call, storage=url, before=before) for _ in range(n_processes)]
    assert [process.end() for process in together] == [0] * n_processes
    return together, file.read_text().split()


@pytest.mark.parametrize("there", ["nothing", "an empty file"])
@pytest.mark.parametrize(
    ("n_processes", "n_trials"), [(3, 9), pytest.param(16, 20, marks=pytest.mark.slow)]
)
def test_processes_that_start_together_share_the_work_and_find_the_same(
    there, n_processes, n_trials, start, make_rows, new_url, stored, tmp_path
):
    if there == "an empty file":
        (tmp_path / "study.db").touch()

    together, fits = together_on(
        new_url, start, make_rows(80), tmp_path, n_processes, cv=3, n_trials=n_trials
    )

    kept = stored(new_url)
    assert sorted(kept) == list(range(n_trials))
    assert {len(trials) for trials in kept.values()} == {1}
    assert sorted(fits) == sorted([*"012"] * n_trials + ["None"] * n_processes)
    for process in together:
        assert process.outcome == together[0].outcome
        assert [number for number, *_ in process.outcome["trials"]] == list(range(n_trials))
        assert sorted(number for number, *_ in process.acknowledged) == list(range(n_trials))


def test_whoever_is_left_does_what_a_killed_process_was_at(start, rows, new_url, stored):
    X, y = rows
    call = {"X": X, "y": y, "costs": COSTS, **RACED, "storage": new_url}
    killed, left = start(**call), start(**call)
    while len(killed.acknowledged) < 3:
        killed.next()
    killed.send_signal(signal.SIGKILL)
    killed.end()

    assert left.end() == 0
    kept = stored(new_url)
    assert sorted(kept) == list(range(30))
    check_kept(left.acknowledged, kept)
    assert len(left.outcome["trials"]) == 30


def of_another_machine(url, number, beats=0):
    """What a process elsewhere has claimed, and adds to its beats."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute(
            "INSERT INTO costopt_trials (study_id, number, owner, beats) "
            "VALUES (1, ?, 'elsewhere 1 ? x', ?) ON CONFLICT DO UPDATE SET beats = excluded.beats",
            (number, beats),
        )
        database.commit()


def test_a_number_is_handed_out_once(url):
    with Store(url, "one", THIS) as one, Store(url, "one", THIS) as other:
        given = [store.next_trial(4)[0] for store in (one, other, other, one)]

        assert given == [0, 1, 2, 3]
        assert one.next_trial(4) is None
        assert other.next_trial(4, claim=False) is None
        other.add(frozen(0), 2, None)
        assert one.next_trial(4)[0] == 2
        assert one.next_trial(4) is None


def test_what_is_released_is_handed_out_again(url):
    with Store(url, "one", THIS) as one, Store(url, "one", THIS) as other:
        assert one.next_trial(1) == (0, None)
        assert other.next_trial(1) is None
        one.release(0)

        assert other.next_trial(1) == (0, None)


def test_a_claim_without_signs_of_life_is_taken_over_and_one_with_them_is_not(url, monkeypatch):
    monkeypatch.setattr("costopt.engine.claims.EXPIRY", 1.0)
    with Store(url, "one", THIS) as mine:
        for beats in range(5):
            of_another_machine(url, 0, beats)
            assert mine.next_trial(1) is None
            time.sleep(0.3)
        time.sleep(1.0)

        assert mine.next_trial(1) == (0, None)


def test_a_process_that_is_at_work_gives_signs_of_life(url, monkeypatch):
    monkeypatch.setattr("costopt.engine.claims.BEAT", 0.02)
    with Store(url, "one", THIS) as mine:
        mine.next_trial(1)
        (before,) = mine.claims.listed(0, 1)
        for _ in range(100):
            time.sleep(0.05)
            (after,) = mine.claims.listed(0, 1)
            if after.beats > before.beats:
                break

    assert after.beats > before.beats


def test_who_was_taken_for_dead_and_is_not_writes_no_second_trial(url):
    with Store(url, "one", THIS) as slow:
        slow.next_trial(1)
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            database.execute("UPDATE costopt_trials SET owner = 'elsewhere 1 ? x'")
            database.commit()
        slow.add(frozen(0), 0, None)

        assert slow.trial(0) is None
    assert optuna.load_study(study_name="one", storage=url).trials == []


def test_a_trial_whose_owner_ended_before_saying_so_is_not_evaluated_again(url, monkeypatch):
    monkeypatch.setattr("costopt.engine.claims.EXPIRY", 0.05)
    with Store(url, "one", THIS) as ended:
        ended.next_trial(2)
        ended.add(frozen(0), 0, None)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute("UPDATE costopt_trials SET trial_id = NULL, owner = 'elsewhere 1 ? x'")
        database.commit()

    with Store(url, "one", THIS) as mine:
        assert mine.next_trial(1) is None
        time.sleep(0.1)
        assert mine.next_trial(1) is None  # it is found, and said to be finished
        number, trial = mine.next_trial(1)

    assert (number, trial.value) == (0, 0.5)


def test_a_study_that_was_deleted_leaves_nothing_to_the_next_of_its_name(make_rows, url):
    rows = make_rows(80)
    small(rows, url, n_trials=2)
    optuna.delete_study(study_name="costopt", storage=url)

    assert small(rows, url, n_trials=2, random_state=1).n_trials == 2


def test_what_is_looked_up_does_not_grow_with_the_trials_that_are_there(url):
    """Rows that are read for one more trial, of a study of ten and of a hundred."""
    read = []
    with Store(url, "many", THIS) as opened:
        for number in range(100):
            opened.next_trial(101)
            if number in (10, 99):
                read.append(len(opened.claims.listed(opened._first, 101)))
            opened.add(frozen(number), number, None)

    assert read[0] == read[1]


def test_a_reader_finds_each_number_once_however_many_wrote_it(url):
    with Store(url, "many", THIS) as writer:
        writer.add(frozen(0), 0, None)
    study = optuna.load_study(study_name="many", storage=url)
    for _ in range(2):  # each found none there, as it happens when all are equally fast
        study.add_trial(study.trials[0])

    with Store(url, "many", THIS) as reader:
        assert reader.trial(0).value == 0.5
        assert reader.trial(1) is None
        reader.add(frozen(0), 0, None)

    assert len(optuna.load_study(study_name="many", storage=url).trials) == 3


def test_studies_of_different_names_share_a_file(start, make_rows, new_url, stored):
    X, y = make_rows(80)
    call = {"X": X, "y": y, "costs": COSTS, "learners": "logistic", "n_trials": 2}
    seeds = range(8)

    together = [
        start(**call, storage=new_url, study_name=f"seed {seed}", random_state=seed)
        for seed in seeds
    ]

    assert [process.end() for process in together] == [0] * 8
    for seed, process in zip(seeds, together, strict=True):
        check_kept(process.acknowledged, stored(new_url, f"seed {seed}"))
        assert sorted(stored(new_url, f"seed {seed}")) == [0, 1]
    assert len({str(process.outcome["trials"]) for process in together}) == 8


def test_studies_in_one_file_keep_their_scores_apart(make_rows, url, counted):
    rows = make_rows(80)
    for seed in (1, 2):
        small(rows, url, study_name=f"seed {seed}", random_state=seed, learners=counted())

    for seed in (1, 2):
        learner = counted()
        small(rows, url, study_name=f"seed {seed}", random_state=seed, learners=learner)
        assert learner.fits == [None]


@pytest.mark.parametrize("name", ["../../above", "", "été ☂" * 100])
def test_any_name_of_a_study_keeps_its_scores_beside_the_database(
    name, make_rows, new_url, tmp_path
):
    small(make_rows(80), new_url, n_trials=2, study_name=name)

    assert sorted(score_files(new_url)) == [0, 1]
    assert files_in(tmp_path) == {"study.db", "study.db.scores"}


# --- what is written is what is read ---


def frozen(number, *marks, **given):
    """A finished trial, as a study in memory would have it."""
    trial = optuna.trial.create_trial(
        value=0.5,
        params={"x": 0.25},
        distributions={"x": FloatDistribution(0, 1)},
        system_attrs=dict.fromkeys(marks, number),
        **given,
    )
    trial.number = number
    return trial


def test_a_trial_comes_back_to_the_last_bit(url):
    numbers = {"tiny": 5e-324, "huge": 1.7e308, "third": 1 / 3, "sum": 0.1 + 0.2}
    params = {**numbers, "whole": 2**53, "nothing": None, "flag": True, "text": "été"}
    distributions = {
        **{name: FloatDistribution(5e-324, 1.7e308, log=True) for name in numbers},
        "whole": IntDistribution(1, 2**53),
        "nothing": CategoricalDistribution((None, 1, 1.5)),
        "flag": CategoricalDistribution((False, True)),
        "text": CategoricalDistribution(("a", "été")),
    }
    trial = optuna.trial.create_trial(
        value=-1 / 3,
        params=params,
        distributions=distributions,
        user_attrs={"list": [None, 1 / 7, 5e-324], "text": "été", "none": None},
        intermediate_values={2: 1e-300, 3: float("inf"), 4: 1 / 9},
    )
    trial.number = 7
    trial.datetime_start = datetime.datetime(2026, 3, 29, 2, 30, 0, 123456)
    trial.datetime_complete = datetime.datetime(2026, 3, 29, 1, 30, 0, 1)  # clocks go back
    scores = np.array([0, 1, 1 / 3, 1e-38], dtype=np.float32)

    with Store(url, "exact", THIS) as writer:
        writer.add(trial, 7, scores)

    with Store(url, "exact", THIS) as reader:
        found, read = reader.trial(7), reader.scores(reader.trial(7))
    for field in (
        "state", "values", "params", "distributions", "user_attrs", "intermediate_values",
        "datetime_start", "datetime_complete",
    ):  # fmt: skip
        assert getattr(found, field) == getattr(trial, field), field
    assert read.tobytes() == scores.tobytes()


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.FAIL])
def test_a_trial_without_scores_comes_back_without(state, url):
    trial = optuna.trial.create_trial(state=state, user_attrs={"reason": "because"})

    with Store(url, "none", THIS) as opened:
        opened.add(trial, trial.number, None)
        found = opened.trial(trial.number)
        assert opened.scores(found) is None

    assert (found.state, found.user_attrs) == (state, {"reason": "because"})
    assert score_files(url) == {}


def test_a_trial_that_is_running_is_not_there_yet(url):
    running = frozen(0, "costopt:number")
    running.state, running.values, running.datetime_complete = TrialState.RUNNING, None, None

    with Store(url, "running", THIS) as opened:
        opened._storage.create_new_trial(opened._study._study_id, running)
        assert opened.trial(0) is None


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no other way to see it")
def test_a_search_that_has_ended_holds_nothing_open(make_rows, new_url):
    rows = make_rows(80)
    small(rows, new_url)
    gc.collect()  # what other tests have left may be closed at any time
    before = set(os.listdir("/proc/self/fd"))

    results = [small(rows, new_url), small(rows, new_url, n_trials=4)]
    with pytest.raises(StoreError, match="something else"):
        small(rows, new_url, random_state=5)

    assert set(os.listdir("/proc/self/fd")) == before
    assert len(results) == 2  # and are still there


def test_nothing_but_the_database_and_scores_is_left(make_rows, new_url, tmp_path):
    small(make_rows(80), new_url)

    assert files_in(tmp_path) == {"study.db", "study.db.scores"}
    (folder,) = (tmp_path / "study.db.scores").iterdir()
    assert {path.name for path in folder.iterdir()} == {"0.f4", "1.f4", "2.f4"}


def test_optuna_and_its_tools_can_read_the_study(rows, url):
    result = small(rows, url, n_trials=6)

    theirs = optuna.load_study(study_name="costopt", storage=url)

    assert theirs.best_value == result.study.best_value
    assert theirs.best_params == result.study.best_params
    assert len(theirs.trials_dataframe()) == 6


def test_removing_a_database_takes_its_scores_along(rows, new_url, tmp_path):
    small(rows, new_url)

    remove_sqlite(tmp_path / "study.db")
    remove_sqlite(tmp_path / "study.db")  # nothing there is as good

    assert list(tmp_path.iterdir()) == []


# --- damaged scores ---


def truncated(length):
    return lambda file: os.truncate(file, length)


def flipped(offset):
    def damage(file):
        content = bytearray(file.read_bytes())
        content[offset] ^= 1
        file.write_bytes(content)

    return damage


def made_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.fixture(scope="module")
def finished(make_rows, outcome_of, tmp_path_factory):
    """A database of six trials, and what the search found; only to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    rows = make_rows()
    result = small(rows, f"sqlite:///{folder}/study.db", n_trials=6)
    return folder, outcome_of(result, rows[0])


DAMAGE = {
    **{f"{left} bytes are left": truncated(left) for left in (0, 600, 1199)},
    **{f"byte {at} is flipped": flipped(at) for at in (0, 1199)},
    "all bytes are zero": lambda file: file.write_bytes(bytes(1200)),
    "a byte is added": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "the file is gone": Path.unlink,
    "a folder is there": made_a_folder,
}


@pytest.mark.parametrize(
    ("damage", "number"),
    [*((damage, 3) for damage in DAMAGE), ("600 bytes are left", 0), ("the file is gone", 0)],
)
def test_a_trial_whose_scores_are_damaged_is_evaluated_again_with_the_same_result(
    damage, number, rows, finished, outcome_of, counted, tmp_path
):
    X, _ = rows
    folder, found = finished
    url = f"sqlite:///{shutil.copytree(folder, tmp_path / 'copy')}/study.db"
    file = score_files(url)[number]
    assert file.stat().st_size == 1200  # 300 rows
    DAMAGE[damage](file)
    again = counted()

    result = small(rows, url, learners=again, n_trials=6)

    assert again.fits == [*range(5), None]
    assert outcome_of(result, X) == found


def test_a_database_without_its_scores_is_enough(rows, finished, outcome_of, counted, tmp_path):
    X, _ = rows
    folder, found = finished
    copy = tmp_path / "elsewhere.db"
    original = folder / "study.db"
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    again = counted()

    result = small(rows, f"sqlite:///{copy}", learners=again, n_trials=6)

    assert again.fits == [*range(5)] * 6 + [None]
    assert outcome_of(result, X) == found


# --- places that cannot be used ---


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("study.db", "storage must be a URL such as sqlite:///study.db, got 'study.db'"),
        ("", "storage must be a URL such as sqlite:///study.db, got ''"),
        (5, "storage must be a URL such as sqlite:///study.db, got 5"),
        (Path("study.db"), "storage must be a URL such as sqlite:///study.db, got PosixPath"),
        ("sqlite://", "does not outlive this process: name a file"),
        ("sqlite:///", "does not outlive this process: name a file"),
        ("sqlite:///:memory:", "does not outlive this process: name a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "does not outlive this process: name a file"),
        ("mongodb://host/x", "cannot open the study 'costopt' in mongodb://host/x: .*mongodb"),
        ("sqlite:///{tmp_path}/no/study.db", "/no is not a folder: make it first"),
        ("sqlite:///{tmp_path}", "is a folder: name a file for the study"),
        ("sqlite:///{tmp_path}/" + "x" * 300, "cannot open the study.*File name too long"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_before_anything_is_fitted(
    storage, message, make_rows, tmp_path, counted
):
    learner = counted()
    if isinstance(storage, str):
        storage = storage.format(tmp_path=tmp_path)

    with pytest.raises(StoreError, match=message):
        small(make_rows(80), storage, learners=learner)

    assert learner.fits == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="is told apart beforehand")
def test_a_folder_that_takes_no_files_is_refused(make_rows):
    with pytest.raises(StoreError, match="cannot open the study 'costopt' in sqlite:////proc/stu"):
        small(make_rows(80), "sqlite:////proc/study.db")  # root may write there, but nobody can


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(make_rows, new_url, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot be written to: choose another place"):
            small(make_rows(80), new_url)
    finally:
        tmp_path.chmod(0o700)


def test_a_file_that_is_no_database_is_refused_and_left_alone(make_rows, new_url, tmp_path):
    content = b"the thesis, last version " * 100
    (tmp_path / "study.db").write_bytes(content)

    with pytest.raises(StoreError, match="cannot open the study.*file is not a database"):
        small(make_rows(80), new_url)

    assert (tmp_path / "study.db").read_bytes() == content


def test_a_database_of_another_program_is_refused(make_rows, new_url, tmp_path):
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("CREATE TABLE studies (professor TEXT)")

    with pytest.raises(StoreError, match="cannot open the study.*no column named study_name"):
        small(make_rows(80), new_url)


@pytest.mark.parametrize("left", [50, 100, 4095, 4096, 40_000, 80_000])
def test_a_database_that_was_cut_off_is_refused_by_name(left, rows, finished, tmp_path):
    copy = shutil.copy(finished[0] / "study.db", tmp_path)
    os.truncate(copy, left)

    with pytest.raises(StoreError, match="cannot .* the study 'costopt' in .*study.db: "):
        small(rows, f"sqlite:///{copy}", n_trials=6)


def test_a_database_that_another_process_does_not_let_go_of_is_named(
    make_rows, url, tmp_path, monkeypatch
):
    small(make_rows(80), url)
    monkeypatch.setattr("costopt.engine.store.PATIENCE", 0.05)
    monkeypatch.setattr("costopt.engine.database.ATTEMPTS", 2)
    holder = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreError, match="study.db: database is locked; trials that were wri"):
            small(make_rows(80), url, n_trials=4)
    finally:
        holder.close()

    assert small(make_rows(80), url, n_trials=4).n_trials == 4


def locked(times, words="database is locked"):
    """An act that fails so often, as Optuna fails where SQLite does."""
    left = iter(range(times))

    def act():
        for _ in left:
            try:
                raise sqlite3.OperationalError(words)
            except sqlite3.OperationalError as error:
                raise optuna.exceptions.StorageInternalError("told by Optuna") from error
        return "done"

    return act


def test_what_another_process_locks_for_a_moment_is_tried_again(monkeypatch):
    waited = []
    monkeypatch.setattr("costopt.engine.database.time.sleep", waited.append)

    assert database.patiently(locked(5)) == "done"
    assert len(waited) == 5
    with pytest.raises(optuna.exceptions.StorageInternalError):
        database.patiently(locked(1000))
    waited.clear()
    with pytest.raises(optuna.exceptions.StorageInternalError):
        database.patiently(locked(1, "disk I/O error"))
    assert waited == []


def test_somebody_who_reads_keeps_nobody_from_writing(make_rows, url, tmp_path, monkeypatch):
    small(make_rows(80), url)
    monkeypatch.setattr("costopt.engine.store.PATIENCE", 0.05)
    monkeypatch.setattr("costopt.engine.database.ATTEMPTS", 2)
    with closing(sqlite3.connect(tmp_path / "study.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM trials").fetchone() == (3,)

        assert small(make_rows(80), url, n_trials=5).n_trials == 5

        assert reader.execute("SELECT count(*) FROM trials").fetchone() == (3,)


def test_scores_that_cannot_be_written_end_the_search_and_earlier_trials_stay(
    make_rows, url, tmp_path, outcome_of
):
    rows = make_rows(80)
    small(rows, url, n_trials=2)
    blocked = score_files(url)[0].with_name("3.f4")
    blocked.mkdir()

    with pytest.raises(StoreError, match=r"cannot write trial 3 to the study.*Is a directory"):
        small(rows, url, n_trials=5)

    kept = optuna.load_study(study_name="costopt", storage=url).trials
    assert [trial.system_attrs["costopt:number"] for trial in kept] == [0, 1, 2]
    blocked.rmdir()
    resumed = small(rows, url, n_trials=5)
    assert outcome_of(resumed, rows[0]) == outcome_of(small(rows, None, n_trials=5), rows[0])


def test_a_file_in_the_place_of_the_scores_is_refused(make_rows, url, tmp_path):
    (tmp_path / "study.db.scores").write_text("mine")

    with pytest.raises(StoreError, match="cannot open the study.*Not a directory"):
        small(make_rows(80), url)


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
"""


@pytest.mark.parametrize("room", [30_000, pytest.param(-60_000, marks=pytest.mark.slow)])
def test_a_full_disk_ends_the_search_and_space_lets_it_go_on(
    room, start, rows, new_url, stored, outcome_of
):
    X, y = rows
    call = {"X": X, "y": y, "costs": COSTS, "learners": "logistic", "n_jobs": 1}
    optimize(**call, n_trials=3, storage=new_url)
    limit = Path(new_url.removeprefix("sqlite:///")).stat().st_size + room

    full = start(**call, n_trials=12, storage=new_url, before=LIMITED.format(limit=limit))

    assert full.end() == 0
    kind, message = full.error
    assert kind == "StoreError"
    assert "study.db: " in message
    check_kept(full.acknowledged, stored(new_url))
    assert sorted(stored(new_url))[:3] == [0, 1, 2]
    resumed, whole = (optimize(**call, n_trials=12, storage=place) for place in (new_url, None))
    assert outcome_of(resumed, X) == outcome_of(whole, X)


# --- studies of something else ---


def test_a_study_that_maximises_is_refused(make_rows, url):
    optuna.create_study(storage=url, study_name="costopt", direction="maximize")

    with pytest.raises(
        StoreError, match="the study 'costopt' in .* does not minimise one cost: give another"
    ):
        small(make_rows(80), url)


def test_a_study_that_optimize_did_not_make_is_refused(make_rows, url):
    theirs = optuna.create_study(storage=url, study_name="costopt")
    theirs.add_trial(frozen(0))

    with pytest.raises(StoreError, match="the study 'costopt' in .* was not made by optimize"):
        small(make_rows(80), url)

    assert len(theirs.trials) == 1


def test_an_empty_study_of_that_name_will_do(make_rows, url):
    optuna.create_study(storage=url, study_name="costopt")

    assert small(make_rows(80), url).n_trials == 3


@pytest.fixture(scope="module")
def begun(make_rows, tmp_path_factory):
    """A database with a trial of an ordinary search, and the arguments of that."""
    X, y = make_rows()
    call = {"costs": COSTS, "learners": XGBoostLearner(max_rounds=5), "n_trials": 1}
    url = f"sqlite:///{tmp_path_factory.mktemp('begun')}/study.db"
    optimize(X, y, **call, storage=url)
    return url, call


def changed_cell(X):
    return X.assign(signal=X["signal"].where(X.index != 7, 0.0))


@pytest.mark.parametrize(
    ("named", "change"),
    [
        ("costs", lambda X, y: {"costs": CostMatrix(fn=9, fp=1, unit="EUR")}),
        ("costs", lambda X, y: {"costs": CostMatrix(fn=8, fp=1, tn=0.5, unit="EUR")}),
        ("labels", lambda X, y: {"y": y.where(y.index != 7, 1 - y)}),
        ("data", lambda X, y: {"X": changed_cell(X)}),
        ("data", lambda X, y: {"X": X.rename(columns={"signal": "sign"})}),
        ("data", lambda X, y: {"ignore": "noise"}),
        ("weights", lambda X, y: {"sample_weight": np.linspace(1, 2, len(X))}),
        ("folds", lambda X, y: {"cv": 4}),
        ("learners", lambda X, y: {"learners": XGBoostLearner(max_rounds=6)}),
        ("learners", lambda X, y: {"learners": XGBoostLearner({"gamma": (0, 1)}, max_rounds=5)}),
        ("resampling", lambda X, y: {"resampling": ["none", "weight"]}),
        ("random_state", lambda X, y: {"random_state": 1}),
        ("racing", lambda X, y: {"racing": False}),
        ("sampler", lambda X, y: {"sampler": optuna.samplers.RandomSampler(0)}),
        ("threshold", lambda X, y: {"threshold": "exact"}),
    ],
)
def test_a_study_of_something_else_is_refused_and_what_differs_is_named(
    named, change, rows, begun, stored
):
    X, y = rows
    url, call = begun
    before = stored(url)

    with pytest.raises(StoreError) as refused:
        optimize(**{"X": X, "y": y, "storage": url, **call, **change(X, y), "n_trials": 2})

    told = str(refused.value)
    assert "cannot be continued, since it was made with something else: " in told
    differing = set(told.split("something else: ")[1].split(";")[0].split(", "))
    also = {"random_state": {"folds"}, "labels": {"folds"}}.get(named, set())
    assert {named} <= differing <= {named, *also}
    assert stored(url) == before


def test_what_is_selected_may_change_between_calls(rows, url, counted):
    small(rows, url, learners=counted(), n_trials=6)
    again = counted()

    result = small(rows, url, learners=again, n_trials=6, selection="cheapest", final="folds")

    assert again.fits == [*range(5)]
    assert result.trial_number == result.study.best_trial.number


def test_another_version_of_a_package_is_named_with_both(rows, url, monkeypatch):
    small(rows, url)
    monkeypatch.setattr(
        "costopt.search.fingerprint.version", lambda name: "99.0" if name == "xgboost" else "1"
    )

    with pytest.raises(StoreError, match=r"version of xgboost \(.* there, 99\.0 here\)"):
        small(rows, url)


# --- servers ---


def test_a_driver_that_is_not_installed_is_named(make_rows):
    with pytest.raises(
        StoreError, match=r"\*\*\*@.* needs the database driver pymssql, which is not"
    ):
        small(make_rows(80), "mssql+pymssql://user:secret@127.0.0.1:1/x")


@pytest.mark.parametrize(
    "storage",
    [
        "mssql+pymssql://user:secret@127.0.0.1:1/x",
        "oddsql://user:secret@127.0.0.1:1/x",
        "postgresql://user:secret@127.0.0.1:1/x",
        "postgresql://user:p@secret@127.0.0.1:1/x",
        "postgresql://user:p@secret/secret@127.0.0.1:1/x",
        "postgresql://user:p/secret@127.0.0.1:1/x?password=secret",
        "mysql+pymysql://user:p:secret@secret@127.0.0.1:1/x",
        pytest.param(
            "postgresql://user:secret@127.0.0.1:port/x",
        ),
        pytest.param(
            "postgresql//user:secret@127.0.0.1/x",
        ),
    ],
)
def test_a_password_is_never_shown(storage, make_rows):
    with pytest.raises(StoreError) as refused:
        small(make_rows(80), storage)

    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_study_of_two_objectives_is_refused(make_rows, url):
    optuna.create_study(storage=url, study_name="costopt", directions=["minimize", "minimize"])

    with pytest.raises(StoreError, match="give another study_name"):
        small(make_rows(80), url)


def test_a_database_of_a_newer_optuna_is_refused(make_rows, url, tmp_path):
    small(make_rows(80), url)
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'v99.0.0'")
        database.commit()

    with pytest.raises(StoreError, match="cannot open the study"):
        small(make_rows(80), url)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'n_rounds'",
        "DELETE FROM trial_user_attributes WHERE key = 'n_rounds'",
        "UPDATE trial_params SET distribution_json = '{}' WHERE param_id = 1",
        "UPDATE trials SET state = 'COMPLIED' WHERE trial_id = 2",
    ],
)
def test_a_damaged_trial_is_named_or_evaluated_again(damage, make_rows, url, tmp_path, outcome_of):
    rows = make_rows(80)
    first = outcome_of(small(rows, url), rows[0])
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute(damage)
        database.commit()

    try:
        assert outcome_of(small(rows, url), rows[0]) == first
    except StoreError as error:
        assert "study.db" in str(error)  # noqa: PT017  # either will do


def test_a_value_that_somebody_changed_is_noticed(make_rows, url, tmp_path, outcome_of):
    rows = make_rows(80)
    first = outcome_of(small(rows, url), rows[0])
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute("UPDATE trial_values SET value = 0.001 WHERE trial_id = 2")
        database.commit()

    try:
        assert outcome_of(small(rows, url), rows[0]) == first
    except StoreError as error:
        assert "study.db" in str(error)  # noqa: PT017  # either will do


@pytest.mark.parametrize("name", ["a%41b", "a%20b"])
def test_a_folder_may_be_named_as_one_likes(name, make_rows, tmp_path):
    folder = tmp_path / name
    folder.mkdir()

    small(make_rows(80), sqlite_url(folder / "study.db"))

    assert files_in(folder) == {"study.db", "study.db.scores"}


@pytest.mark.parametrize("name", [5, None])
def test_a_name_that_is_no_text_is_refused(name, make_rows, url):
    with pytest.raises((StoreError, SearchError), match="study_name must be"):
        small(make_rows(80), url, study_name=name)
