"""Saved policies: readable, complete, atomic, and safe to load whatever is in the folder."""

import json
import math
import pickle

import numpy as np
import pytest

from costopt import (
    CostMatrix,
    DecisionPolicy,
    PolicyError,
    StoreError,
    XGBoostLearner,
    choose_threshold,
    optimize,
)
from costopt.decision.rules import CutRule
from costopt.frames import Table
from costopt.training.learners import Features

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")


def search(rows, learners, costs=COSTS):
    X, y = rows
    return optimize(X, y, costs, learners=learners, resampling="weight", n_trials=2).policy


@pytest.fixture(scope="module")
def policy(make_rows):
    return search(make_rows(), XGBoostLearner(max_rounds=10))


@pytest.fixture
def saved(policy, tmp_path):
    policy.save(tmp_path / "policy")
    return tmp_path / "policy"


def edit(folder, change):
    """Change the document of a saved policy in place."""
    path = folder / "policy.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("learner", ["xgboost", "logistic"])
def test_a_loaded_policy_decides_bit_for_bit_as_the_saved_one(rows, tmp_path, learner):
    X, y = rows
    policy = search(rows, XGBoostLearner(max_rounds=10) if learner == "xgboost" else learner)

    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert np.array_equal(loaded.score(X), policy.score(X))
    assert np.array_equal(loaded.decide(X), policy.decide(X))
    assert (loaded.threshold, loaded.raw_threshold) == (policy.threshold, policy.raw_threshold)
    assert loaded.evaluate(X, y) == policy.evaluate(X, y)
    assert loaded.explain() == policy.explain()
    assert loaded.evidence == policy.evidence
    assert loaded.schema == policy.schema


def test_the_document_leads_with_what_people_look_for(saved, policy):
    document = json.loads((saved / "policy.json").read_text())

    assert list(document)[:5] == [
        "format",
        "format_version",
        "threshold",
        "raw_threshold",
        "unit",
    ]
    assert document["threshold"] == policy.threshold
    assert document["costs"]["fn"] == 8
    assert document["provenance"]["random_state"] == "0"


def test_the_document_alone_decides_on_scores_computed_elsewhere(saved, policy, rows):
    """By an independent reading of how_to_use, with the standard library only."""
    X, _ = rows
    document = json.loads((saved / "policy.json").read_text())
    raw = policy.learner.score(policy.models[0].model, Features(Table(X), policy.schema))

    acted = []
    for score in raw:
        odds = score / (1 - score)
        for _, factor in document["model"]["ledger"]:
            odds /= factor
        logit = document["calibrator"]["slope"] * math.log(odds)
        q = 1 / (1 + math.exp(-(logit + document["calibrator"]["intercept"])))
        acted.append(q >= document["threshold"])

    assert acted == policy.decide(X).tolist()


@pytest.mark.parametrize("threshold", [math.inf, -math.inf])
def test_never_and_always_survive_saving(tmp_path, threshold):
    rng = np.random.default_rng(0)
    score = rng.random(300)
    y = (score + rng.normal(size=300) > 1).astype(int)
    base = choose_threshold(y, score, COSTS)
    policy = DecisionPolicy(
        rule=CutRule(threshold), costs=COSTS, known_costs=COSTS, unit="EUR", evidence=base.evidence
    )

    policy.save(tmp_path / "p")
    loaded = DecisionPolicy.load(tmp_path / "p")

    assert loaded.threshold == threshold
    assert json.loads((tmp_path / "p/policy.json").read_text())["threshold"] == str(threshold)
    assert loaded.decide_scores([0.0, 1.0]).tolist() == [threshold < 0] * 2


def test_per_case_costs_survive_saving(tmp_path, rows):
    X, _ = rows
    costs = CostMatrix(fn="2 * amount", fp=1, unit="EUR")
    policy = search(rows, "logistic", costs)

    policy.save(tmp_path / "p")
    loaded = DecisionPolicy.load(tmp_path / "p")

    assert loaded.costs == costs
    assert loaded.threshold is None
    assert np.array_equal(loaded.decide(X), policy.decide(X))


def test_nothing_is_overwritten_unasked(saved, policy):
    with pytest.raises(StoreError, match=r"policy.json exists: choose another folder"):
        policy.save(saved)

    (saved / "notes.txt").write_text("mine")
    policy.save(saved, overwrite=True)

    assert (saved / "notes.txt").read_text() == "mine"


def test_overwriting_leaves_only_the_new_model(saved, rows):
    other = search(rows, XGBoostLearner(max_rounds=3))

    other.save(saved, overwrite=True)

    assert len(list(saved.glob("model-*.json"))) == 1
    X, _ = rows
    assert np.array_equal(DecisionPolicy.load(saved).score(X), other.score(X))


def test_a_place_that_cannot_hold_a_folder_is_refused(policy, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file is a file: a policy is saved as a folder"):
        policy.save(tmp_path / "file")
    with pytest.raises(StoreError, match="file is a file"):
        policy.save(tmp_path / "file" / "below")


def test_a_crash_between_files_leaves_the_old_policy(saved, policy, rows, monkeypatch):
    """The model is written, then the disk is full: policy.json still names the old model."""
    X, _ = rows
    expected = policy.score(X)
    other = search(rows, XGBoostLearner(max_rounds=3))
    import costopt.policy.files as files

    write = files.write_atomically

    def full_disk(path, content):
        if path.name == "policy.json":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(files, "write_atomically", full_disk)
    with pytest.raises(StoreError, match="cannot write the policy to .*No space left"):
        other.save(saved, overwrite=True)

    assert np.array_equal(DecisionPolicy.load(saved).score(X), expected)
    assert not list(saved.glob(".*.tmp"))


def test_a_folder_without_a_policy_is_told(tmp_path):
    with pytest.raises(StoreError, match=r"policy.json is not there as a plain file"):
        DecisionPolicy.load(tmp_path)


class Canary:
    def __reduce__(self):
        return (open, ("canary-was-here", "w"))


def test_a_pickle_under_the_name_of_a_policy_is_never_run(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (saved / "policy.json").write_bytes(pickle.dumps(Canary()))

    with pytest.raises(PolicyError, match="is not valid JSON"):
        DecisionPolicy.load(saved)

    assert not (tmp_path / "canary-was-here").exists()


def test_a_pickle_under_the_name_of_the_model_is_never_run(saved, tmp_path, monkeypatch):
    """Even with a hash that fits."""
    import hashlib

    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(Canary())
    model = next(saved.glob("model-*.json"))
    model.write_bytes(content)

    def fit_hash(document):
        document["model"]["files"][0]["sha256"] = hashlib.sha256(content).hexdigest()

    edit(saved, fit_hash)
    with pytest.raises(PolicyError):
        DecisionPolicy.load(saved)

    assert not (tmp_path / "canary-was-here").exists()


def test_a_model_of_another_save_is_refused(saved, rows, tmp_path):
    search(rows, XGBoostLearner(max_rounds=3)).save(tmp_path / "other")
    other = next((tmp_path / "other").glob("model-*.json")).read_bytes()
    next(saved.glob("model-*.json")).write_bytes(other)

    with pytest.raises(PolicyError, match=r"is not the model that policy.json was saved with"):
        DecisionPolicy.load(saved)


def test_a_model_behind_a_link_is_not_read(saved, tmp_path):
    model = next(saved.glob("model-*.json"))
    moved = tmp_path / "elsewhere.json"
    model.rename(moved)
    model.symlink_to(moved)

    with pytest.raises(StoreError, match="is not there as a plain file"):
        DecisionPolicy.load(saved)


def put(*path, value):
    """A change of one entry deep in the document."""

    def change(document):
        *parents, last = path
        for key in parents:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", value="other"), "format: Input should be 'costopt-policy'"),
        (put("format_version", value=99), "has format 99, this costopt reads up to 1: update"),
        (put("surprise", value=1), "surprise: Extra inputs are not permitted"),
        (put("unit", value=3), "unit: Input should be a valid string"),
        (put("rule", "kind", value="exec"), "rule.kind: Input should be 'gain' or 'cut'"),
        (put("rule", "threshold", value=0.3), "a cut, and only a cut, has a threshold"),
        (put("costs", "fn", value="__import__('os')"), r"declares what cannot be: costs\.fn"),
        (put("costs", "fn", value=None), r"declares what cannot be: costs\.fn must be a number"),
        (put("known_costs", "fn", value=80), "threshold is .* the file was edited in part"),
        (put("threshold", value=0.9), "threshold is 0.9, but .* the file was edited in part"),
        (put("raw_threshold", value=None), "raw_threshold is None, but"),
        (put("calibrator", "slope", value=-1.0), "calibrator.platt.slope"),
        (put("calibrator", "slope", value="1"), "calibrator.platt.slope"),
        (put("labels", "positive", value=[1]), "labels.positive"),
        (put("features", "columns", value=[]), "features.columns"),
        (put("model", "files", 0, "name", value="../../etc/passwd"), "model.files.0.name"),
        (put("model", "files", 0, "name", value="model-.json"), "model.files.0.name"),
        (put("model", "files", 0, "sha256", value="00"), "model.files.0.sha256"),
        (put("model", "files", 0, "ledger", value=[["w", 0.0]]), "model.files.0.ledger"),
        (put("model", "files", 0, "share", value=-1.0), "model.files.0.share"),
        (put("model", "learner", value="pickle"), "lists model files of 'pickle'"),
        (put("evidence", "n_cases", value="many"), "evidence.n_cases"),
        (put("provenance", value=[]), "provenance"),
    ],
)
@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
def test_a_document_that_save_does_not_write_is_refused(saved, change, message):
    edit(saved, change)

    with pytest.raises(PolicyError, match=message):
        DecisionPolicy.load(saved)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ("[]", "is not a policy saved by costopt"),
        ("null", "is not a policy saved by costopt"),
        ('{"format": "a", "format": "b"}', "'format' is given twice"),
        ('{"threshold": NaN}', "NaN is not a JSON number"),
        ('{"threshold": Infinity}', "Infinity is not a JSON number"),
        ("[" * 100_000, "is not valid JSON|is not a policy"),
        ("\xff\xfe", "is not valid JSON"),
    ],
)
def test_text_that_is_no_policy_is_refused(saved, text, message):
    (saved / "policy.json").write_bytes(text.encode("latin-1"))

    with pytest.raises(PolicyError, match=message):
        DecisionPolicy.load(saved)


def test_every_truncation_of_the_document_is_refused(saved):
    path = saved / "policy.json"
    whole = path.read_bytes()

    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(PolicyError):
            DecisionPolicy.load(saved)


def test_the_document_round_trips_through_a_second_save(saved, tmp_path):
    DecisionPolicy.load(saved).save(tmp_path / "again")

    first, second = ((folder / "policy.json").read_text() for folder in (saved, tmp_path / "again"))
    assert first == second
