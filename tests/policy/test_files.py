"""Saved policies: readable, complete, atomic, and safe to load whatever is in the folder."""

import hashlib
import json
import math
import pickle
from dataclasses import replace

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
from costopt.calibration.beta import BetaMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.isotonic import IsotonicMap
from costopt.calibration.platt import PlattMap
from costopt.decision.rules import ThresholdRule
from costopt.inputs.frames import Table
from costopt.learners.protocol import Features
from costopt.policy import files

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


def edit(folder, change, *, sign=True):
    """Change the document of a saved policy in place, and its digest as somebody hostile would."""
    path = folder / "policy.json"
    document = json.loads(path.read_text())
    change(document)
    if sign:
        document.pop("digest")
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("learner", ["xgboost", "logistic"])
def test_a_loaded_policy_decides_bit_for_bit_as_the_saved_one(rows, tmp_path, learner):
    X, y = rows
    policy = search(rows, XGBoostLearner(max_rounds=10) if learner == "xgboost" else learner)

    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert np.array_equal(loaded.probability(X), policy.probability(X))
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
        rule=ThresholdRule(threshold),
        costs=COSTS,
        known_costs=COSTS,
        unit="EUR",
        evidence=base.evidence,
    )

    policy.save(tmp_path / "p")
    loaded = DecisionPolicy.load(tmp_path / "p")

    assert loaded.threshold == threshold
    assert json.loads((tmp_path / "p/policy.json").read_text())["threshold"] == str(threshold)
    assert loaded.decide(score=[0.0, 1.0]).tolist() == [threshold < 0] * 2


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
    assert np.array_equal(DecisionPolicy.load(saved).probability(X), other.probability(X))


def test_a_place_that_cannot_hold_a_folder_is_refused(policy, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file is a file: a policy is saved as a folder"):
        policy.save(tmp_path / "file")
    with pytest.raises(StoreError, match="file is a file"):
        policy.save(tmp_path / "file" / "below")


def test_a_crash_between_files_leaves_the_old_policy(saved, policy, rows, monkeypatch):
    """The model is written, then the disk is full: policy.json still names the old model."""
    X, _ = rows
    expected = policy.probability(X)
    other = search(rows, XGBoostLearner(max_rounds=3))
    write = files.write_atomically

    def full_disk(path, content):
        if path.name == "policy.json":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(files, "write_atomically", full_disk)
    with pytest.raises(StoreError, match="cannot write the policy to .*No space left"):
        other.save(saved, overwrite=True)

    assert np.array_equal(DecisionPolicy.load(saved).probability(X), expected)
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
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(Canary())
    model = next(saved.glob("model-*.json"))
    model.write_bytes(content)

    digest = hashlib.sha256(content).hexdigest()
    name = f"model-{digest[:12]}.json"
    model.rename(model.with_name(name))

    def fit_hash(document):
        document["model"]["files"][0].update(sha256=digest, name=name)

    edit(saved, fit_hash)
    with pytest.raises(PolicyError, match="the model file must"):
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
        (put("format_version", value=99), "has format 99, this costopt reads 3: update"),
        (
            put("format_version", value=1),
            "has format 1, this costopt reads 3: save the policy anew",
        ),
        (put("format_version", value="3"), "format_version: Input should be 3"),
        (put("surprise", value=1), "surprise: Unexpected keyword argument"),
        (put("evidence", "surprise", value=1), "evidence.surprise: Unexpected keyword argument"),
        (put("unit", value=3), "unit: Input should be a valid string"),
        (put("unit", value="x" * 1001), "unit: String should have at most 1000 characters"),
        (put("unit", value="USD"), "must have one unit, got 'EUR', 'EUR' and 'USD'"),
        (put("rule", "kind", value="exec"), "rule: Input tag 'exec' found using 'kind'"),
        (put("rule", "threshold", value=0.3), "rule.gain.threshold: Unexpected keyword argument"),
        (put("rule", value={"kind": "threshold"}), "rule.threshold.threshold: Field required"),
        (
            put("rule", value={"kind": "threshold", "threshold": True}),
            "rule.threshold.threshold: Input should",
        ),
        (put("costs", "fn", value="__import__('os')"), r"costs: costs\.fn"),
        (put("costs", "fn", value=None), r"costs\.fn\.float: Input should be a valid number"),
        (
            put("costs", "fn", value=80),
            r"known_costs\.fn contradicts costs\.fn, got 8\.0 for 80\.0",
        ),
        (put("known_costs", "fn", value=80), r"known_costs\.fn contradicts costs\.fn"),
        (put("known_costs", value=None), "costs and known_costs must both be given, or neither"),
        (put("threshold", value=0.9), "threshold is 0.9, but .* the file was edited in part"),
        (put("raw_threshold", value=None), "raw_threshold is None, but"),
        (put("raw_threshold", value="inf"), "raw_threshold is inf, but"),
        (put("calibrator", "slope", value=-1.0), "calibrator.platt: a Platt map needs"),
        (put("calibrator", "slope", value="1"), "calibrator.platt.slope: Input should be a valid"),
        (put("labels", "positive", value=[1]), "labels.positive"),
        (put("labels", "positive", value=0), "two classes must have two labels, got 0 and 0"),
        (put("labels", "positive", value=False), "two classes must have two labels"),
        (put("schema", "features", value=[]), "schema: must have between 1 and 100,000 features"),
        (put("schema", "features", 1, "name", value="signal"), "two columns named 'signal'"),
        (
            put("schema", "features", 2, "categories", value=["a", "b", "a"]),
            "categories, each once",
        ),
        (put("schema", "features", 0, "decimal", value=";"), "decimals after"),
        (
            put("schema", "features", 0, "unit", value="x" * 17),
            "a unit and a format of dates of at most 16",
        ),
        (put("schema", "features", 0, "name", value="x" * 1001), "schema.features.0.name"),
        (put("schema", "named", value=False), "columns of an array are named x0, x1"),
        (put("model", "files", 0, "name", value="../../etc/passwd"), "model.files.0.name"),
        (put("model", "files", 0, "name", value="model-.json"), "model.files.0.name"),
        (put("model", "files", 0, "name", value="model-000000000000.json"), "start of its sha256"),
        (put("model", "files", 0, "sha256", value="00"), "model.files.0.sha256"),
        (put("model", "files", 0, "ledger", value=[["w", 0.0]]), "an odds multiplier must be"),
        (
            put("model", "files", 0, "ledger", value=[["w", 1e200]] * 2),
            "an odds multiplier must be",
        ),
        (put("model", "files", 0, "ledger", value=[["w"]]), "model.files.0.ledger.0"),
        (put("model", "ledger", value=[["w", 2.0]]), "model.ledger is not that of the models"),
        (put("model", "files", 0, "share", value=-1.0), "model.files.0.share"),
        (put("model", "files", 0, "share", value="inf"), "model.files.0.share"),
        (put("model", "learner", value="pickle"), "lists model files of 'pickle'"),
        (put("evidence", "n_cases", value="many"), "evidence.n_cases"),
        (put("evidence", "n_cases", value=-1), "evidence: evidence has between 0 and all"),
        (put("evidence", "n_positives", value=10**6), "evidence: evidence has between 0 and all"),
        (
            put("evidence", "expected_cost", "n", value=-3),
            "evidence.expected_cost: an estimate has",
        ),
        (put("evidence", "expected_cost", "level", value=95), "an estimate has a level between"),
        (put("evidence", "expected_cost", "low", value=10**6), "its ends in order"),
        (put("evidence", "savings", "unit", value="x" * 1001), "evidence.savings.unit"),
        (lambda document: document["evidence"].pop("savings"), "evidence is not as it is saved"),
        (put("evidence", "selection_bias", value=10**400), "evidence"),
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
        ('{"threshold": 1e999}', "1e999 is not a JSON number that a computer can hold"),
        ('{"\x1b[2J": 1, "\x1b[2J": 2}', "is not valid JSON"),
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


# Other calibrators than Platt's

BETA = BetaMap(0.7, 1.4, -0.3, 1e-30)
ISOTONIC = IsotonicMap((0.0, 0.1, 0.25, 1 / 3, 1.0), (0.01, 0.05, 0.05, 0.4, 0.97))
KINDS = {"beta": BETA, "isotonic": ISOTONIC}


@pytest.fixture
def saved_as(policy, tmp_path):
    def save(kind):
        replace(policy, calibrator=KINDS[kind]).save(tmp_path / kind)
        return tmp_path / kind

    return save


@pytest.mark.parametrize("floor", [1e-12, 1e-300])
def test_a_map_for_tiny_scores_decides_alike_once_loaded(floor, policy, tmp_path):
    tiny = 10.0 ** np.linspace(-40, -1, 79)
    made = replace(policy, calibrator=PlattMap(0.3, 5.0, floor))

    made.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert loaded.calibrator == made.calibrator
    assert np.array_equal(loaded.decide(score=tiny), made.decide(score=tiny))
    assert 0 < loaded.decide(score=tiny).mean() < 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_of_another_calibrator_is_loaded_to_the_last_bit(kind, policy, saved_as, rows):
    X, _ = rows
    original = replace(policy, calibrator=KINDS[kind])

    loaded = DecisionPolicy.load(saved_as(kind))

    assert loaded.calibrator == KINDS[kind]
    assert np.array_equal(loaded.probability(X), original.probability(X))
    assert not np.array_equal(loaded.probability(X), policy.probability(X))
    assert (loaded.threshold, loaded.raw_threshold) == (original.threshold, original.raw_threshold)
    assert loaded.explain() == original.explain()
    words = {"beta": "a beta map with a 0.7, b 1.4", "isotonic": "isotonic regression with 5 knots"}
    assert words[kind] in str(loaded.explain())


@pytest.mark.parametrize("kind", KINDS)
def test_the_raw_threshold_of_another_calibrator_takes_the_same_decisions(kind, policy, rows):
    X, _ = rows
    middle = float(np.median(replace(policy, calibrator=IdentityMap()).probability(X)))
    intercept = math.log((1 / 9) / (8 / 9)) - 0.7 * math.log(middle) + 1.4 * math.log(1 - middle)
    around = {
        "beta": BetaMap(0.7, 1.4, intercept),
        "isotonic": IsotonicMap((0.0, 0.9 * middle, 1.1 * middle, 1.0), (0.01, 0.05, 0.3, 0.97)),
    }
    used = replace(policy, calibrator=around[kind])
    features = Features(Table(X), used.schema)

    own_scores = used.learner.score(used.models[0].model, features)

    clear = np.abs(used.probability(X) - used.threshold) > 1e-9
    assert np.array_equal((own_scores >= used.raw_threshold)[clear], used.decide(X)[clear])
    assert 0 < used.decide(X).mean() < 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_document_says_of_its_calibrator_is_enough_to_apply_it(kind, saved_as, policy, rows):
    """By hand, from the numbers in the file and the formula in ``how_to_use``."""
    X, _ = rows
    document = json.loads((saved_as(kind) / "policy.json").read_text())
    stored = document["calibrator"]
    p = replace(policy, calibrator=IdentityMap()).probability(X)

    if kind == "beta":
        log_odds = stored["a"] * np.log(p) - stored["b"] * np.log(1 - p) + stored["intercept"]
        by_hand = 1 / (1 + np.exp(-log_odds))
    else:
        by_hand = np.interp(p, stored["scores"], stored["values"])

    assert stored["kind"] == kind
    assert kind in document["how_to_use"]
    assert np.allclose(by_hand, replace(policy, calibrator=KINDS[kind]).probability(X))


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("beta", put("calibrator", "a", value=-1.0), "calibrator.beta: a beta map needs"),
        ("beta", put("calibrator", "b", value="1"), "calibrator.beta.b"),
        ("beta", put("calibrator", "intercept", value="inf"), "and a finite intercept"),
        ("beta", put("calibrator", "intercept", value=None), "calibrator.beta.intercept"),
        (
            "beta",
            put("calibrator", "slope", value=1.0),
            "calibrator.beta.slope: Unexpected keyword",
        ),
        ("beta", put("calibrator", "floor", value=0.0), "calibrator.beta: the floor of a map"),
        ("beta", put("calibrator", "floor", value=-1e-12), "the floor of a map must lie between"),
        ("beta", put("calibrator", "floor", value=0.5), "the floor of a map must lie between"),
        ("beta", put("calibrator", "floor", value="1e-12"), "calibrator.beta.floor"),
        ("beta", put("calibrator", "floor", value=None), "calibrator.beta.floor"),
        ("isotonic", put("calibrator", "floor", value=1e-12), "isotonic.floor: Unexpected keyword"),
        (
            "beta",
            put("calibrator", "kind", value="platt"),
            "calibrator.platt.slope: Field required",
        ),
        ("beta", put("calibrator", "kind", value="pickle"), "calibrator: Input tag 'pickle'"),
        ("beta", put("calibrator", "kind", value=["beta"]), "calibrator"),
        ("beta", put("calibrator", value={}), "calibrator: Unable to extract tag"),
        ("beta", put("calibrator", value=None), "calibrator"),
        ("beta", put("calibrator", "a", value=3.0), "raw_threshold is .* edited in part"),
        (
            "isotonic",
            put("calibrator", "scores", value=[]),
            "calibrator.isotonic: an isotonic map needs",
        ),
        ("isotonic", put("calibrator", "scores", value=[0.1]), "got 1 scores and 5 values"),
        ("isotonic", put("calibrator", "scores", 1, value=0.0), "scores strictly ascending"),
        ("isotonic", put("calibrator", "scores", 4, value=1.5), r"all in \[0, 1\]"),
        ("isotonic", put("calibrator", "scores", 4, value="inf"), "calibrator.isotonic.scores.4"),
        ("isotonic", put("calibrator", "scores", value=0.5), "calibrator.isotonic.scores"),
        ("isotonic", put("calibrator", "scores", value={"0": 1}), "calibrator.isotonic.scores"),
        ("isotonic", put("calibrator", "values", 0, value=0.9), "values ascending"),
        ("isotonic", put("calibrator", "values", 0, value=None), "calibrator.isotonic.values.0"),
        ("isotonic", put("calibrator", "values", 0, value=-0.1), r"all in \[0, 1\]"),
        ("isotonic", put("calibrator", "values", 2, value=[0.1]), "calibrator.isotonic.values.2"),
        (
            "isotonic",
            put("calibrator", "values", 3, value=0.9),
            "raw_threshold is .* edited in part",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
def test_a_calibrator_that_save_does_not_write_is_refused(saved_as, kind, change, message):
    folder = saved_as(kind)
    edit(folder, change)

    with pytest.raises(PolicyError, match=message):
        DecisionPolicy.load(folder)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_calibrator_with_a_number_that_is_none_is_refused(saved_as, kind, constant):
    path = saved_as(kind) / "policy.json"
    told = '"intercept": -0.3' if kind == "beta" else "0.97"
    text = path.read_text()
    assert text.count(told) == 1
    path.write_text(text.replace(told, told.replace("-0.3", constant).replace("0.97", constant)))

    with pytest.raises(PolicyError, match="not a JSON number|calibrator"):
        DecisionPolicy.load(path.parent)
