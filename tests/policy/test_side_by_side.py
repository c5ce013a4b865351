"""Saves and loads of one folder side by side: every load is one of the policies that were saved."""

import os
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from costopt import CostMatrix, DecisionPolicy, PolicyError, StoreError, optimize
from costopt.policy import files
from costopt.policy.scoring import ModelPart


@pytest.fixture(scope="module")
def policy(make_rows):
    X, y = make_rows()
    costs = CostMatrix(fn=8, fp=1)
    return optimize(X, y, costs, learners="logistic", n_trials=1, n_jobs=1).policy


def variant(policy, number):
    """A policy whose model, name of the model's file and parameters tell which one it is."""
    model = replace(policy.models[0].model, intercept=float(number))
    return replace(policy, models=(ModelPart(model),), params={"number": number})


def save_and_load(policy, folder, first, n_rounds, wrong):
    """Save and load in turns; what went wrong is added to a list."""
    for number in range(first, first + n_rounds):
        try:
            variant(policy, number).save(folder, overwrite=True)
            for _ in range(2):
                found = DecisionPolicy.load(folder)
                if found.models[0].model.intercept != found.params["number"]:
                    wrong.append(f"{found.params} with {found.models[0].model.intercept}")
        except Exception as error:
            wrong.append(repr(error))


# Another process: it varies the policy that it finds, as above.
OTHER = """
import sys, pathlib
sys.path.insert(0, sys.argv[4])
import test_side_by_side as here
from costopt import DecisionPolicy
wrong = []
policy = DecisionPolicy.load(sys.argv[1])
here.save_and_load(policy, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), wrong)
print(*wrong, sep="\\n")
"""


def side_by_side(policy, folder, *, n_threads, n_processes, n_rounds):
    """What goes wrong where threads and processes save and load at once."""
    variant(policy, 0).save(folder)
    here = str(Path(__file__).parent)
    others = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER, str(folder), str(10**6 * (at + 1)), str(n_rounds), here],
            stdout=subprocess.PIPE,
            text=True,
        )
        for at in range(n_processes)
    ]
    wrong = []
    threads = [
        threading.Thread(target=save_and_load, args=(policy, folder, 10**3 * at, n_rounds, wrong))
        for at in range(1, n_threads + 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        wrong += other.communicate()[0].split("\n")
        assert other.returncode == 0
    return [line for line in wrong if line]


def test_threads_that_save_and_load_meet_whole_policies_only(policy, tmp_path):
    wrong = side_by_side(policy, tmp_path / "p", n_threads=6, n_processes=0, n_rounds=5)

    assert wrong == []
    assert len(list((tmp_path / "p").iterdir())) == 2


@pytest.mark.slow
def test_threads_and_processes_that_save_and_load_meet_whole_policies_only(policy, tmp_path):
    wrong = side_by_side(policy, tmp_path / "p", n_threads=4, n_processes=4, n_rounds=25)

    assert wrong == []
    assert len(list((tmp_path / "p").iterdir())) == 2


def test_of_two_first_saves_one_is_told_that_the_folder_is_taken(policy, tmp_path):
    told = []

    def save(number):
        try:
            variant(policy, number).save(tmp_path / "p")
            told.append(number)
        except StoreError as error:
            assert "exists: choose another folder" in str(error)  # noqa: PT017  # in a thread

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told) == 1
    assert DecisionPolicy.load(tmp_path / "p").params == {"number": told[0]}


def test_a_load_whose_model_was_replaced_meanwhile_starts_again(policy, tmp_path, monkeypatch):
    variant(policy, 1).save(tmp_path / "p")
    read_models, calls = files._read_models, []

    def replaced_meanwhile(path, document):
        calls.append(path)
        if len(calls) < 4:
            variant(policy, len(calls) + 1).save(tmp_path / "p", overwrite=True)
        return read_models(path, document)

    monkeypatch.setattr(files, "_read_models", replaced_meanwhile)

    assert DecisionPolicy.load(tmp_path / "p").params == {"number": 4}
    assert len(calls) == 4


def test_a_model_that_is_missing_for_good_is_told_at_once(policy, tmp_path):
    variant(policy, 1).save(tmp_path / "p")
    next((tmp_path / "p").glob("model-*.json")).unlink()

    with pytest.raises(StoreError, match=r"model-\w{12}.json is not there as a plain file"):
        DecisionPolicy.load(tmp_path / "p")


KILLED = """
import os, signal, sys
from costopt import DecisionPolicy
from costopt.policy import files
policy = DecisionPolicy.load(sys.argv[1])
files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
policy.save(sys.argv[1], overwrite=True)
"""


def test_what_a_killed_save_left_behind_is_removed_by_the_next(policy, tmp_path):
    folder = tmp_path / "p"
    variant(policy, 1).save(folder)
    (folder / "mine.tmp").write_text("")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(folder.glob(".*.tmp"))) == 1
    assert DecisionPolicy.load(folder).params == {"number": 1}

    variant(policy, 2).save(folder, overwrite=True)

    assert not list(folder.glob(".*.tmp"))
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".json", ".tmp"]
    assert DecisionPolicy.load(folder).params == {"number": 2}


def test_a_save_waits_for_another_and_says_so_in_the_end(policy, tmp_path, monkeypatch):
    variant(policy, 1).save(tmp_path / "p")
    monkeypatch.setattr(files, "PATIENCE", 0.05)

    with (
        files._alone(tmp_path / "p"),
        pytest.raises(StoreError, match="is being saved to by another process for"),
    ):
        variant(policy, 2).save(tmp_path / "p", overwrite=True)

    variant(policy, 2).save(tmp_path / "p", overwrite=True)


def test_without_locks_nothing_is_removed(policy, tmp_path, monkeypatch):
    """On such a disk, another save may need any model that it finds."""
    variant(policy, 1).save(tmp_path / "p")

    def no_locks(descriptor, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    variant(policy, 2).save(tmp_path / "p", overwrite=True)
    monkeypatch.setattr(files, "fcntl", None)
    variant(policy, 3).save(tmp_path / "p", overwrite=True)

    assert len(list((tmp_path / "p").glob("model-*.json"))) == 3
    assert DecisionPolicy.load(tmp_path / "p").params == {"number": 3}


def test_a_temporary_file_is_new_private_and_of_a_name_of_its_own(tmp_path, monkeypatch):
    seen = []

    def look(descriptor):
        (path,) = tmp_path.glob(".result.json.*.tmp")
        seen.append((path.name, stat.S_IMODE(path.stat().st_mode)))

    monkeypatch.setattr(files.os, "fsync", look)
    for _ in range(2):
        files.write_atomically(tmp_path / "result.json", b"{}")

    assert [mode for _, mode in seen] == [0o600, 0o600]
    assert seen[0][0] != seen[1][0]
    (tmp_path / "as usual").write_text("")
    assert (tmp_path / "result.json").stat().st_mode == (tmp_path / "as usual").stat().st_mode
    assert not list(tmp_path.glob(".*"))


def test_neither_a_name_that_is_taken_nor_a_link_is_written_to(tmp_path, monkeypatch):
    (tmp_path / "theirs").write_text("theirs")
    monkeypatch.setattr(files.secrets, "token_hex", lambda n_bytes: "known")
    (tmp_path / ".result.json.known.tmp").symlink_to(tmp_path / "theirs")

    with pytest.raises(FileExistsError):
        files.write_atomically(tmp_path / "result.json", b"ours")

    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / ".result.json.known.tmp").is_symlink()


def test_a_pipe_in_the_place_of_a_policy_is_refused_rather_than_waited_for(policy, tmp_path):
    os.mkfifo(tmp_path / "policy.json")

    with pytest.raises(StoreError, match="is not there as a plain file"):
        DecisionPolicy.load(tmp_path)


def listed(policy, folder, n_times):
    """A saved policy that lists its one model many times."""
    part = variant(policy, 1).models[0]
    replace(policy, models=(part,) * n_times).save(folder)
    return folder


def test_a_model_that_is_listed_often_is_read_and_built_once(policy, tmp_path, monkeypatch):
    folder = listed(policy, tmp_path / "p", 500)
    read, names = files._read, []
    monkeypatch.setattr(files, "_read", lambda path, n: (names.append(path.name), read(path, n))[1])

    loaded = DecisionPolicy.load(folder)

    assert len(names) == 2
    assert len(loaded.models) == 500
    assert len({id(part.model) for part in loaded.models}) == 1


def test_more_than_a_thousand_models_are_neither_saved_nor_loaded(policy, tmp_path):
    with pytest.raises(PolicyError, match="the policy .* model.files: .*at most 1000 items"):
        listed(policy, tmp_path / "p", 1001)


def test_models_that_are_too_large_together_are_refused(policy, tmp_path, monkeypatch):
    parts = tuple(variant(policy, number).models[0] for number in range(3))
    several = replace(policy, models=parts)
    several.save(tmp_path / "p")
    size = max(path.stat().st_size for path in (tmp_path / "p").glob("model-*.json"))
    monkeypatch.setattr(files, "MAX_TOTAL_BYTES", 2 * size)

    with pytest.raises(PolicyError, match="larger than .* bytes: it is not a saved policy"):
        DecisionPolicy.load(tmp_path / "p")
    with pytest.raises(PolicyError, match="all models together would take .* save a smaller model"):
        several.save(tmp_path / "q")
    assert not (tmp_path / "q").exists()
