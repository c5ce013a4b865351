"""policy.json: one definition, a digest over all that it says, and a JSON Schema made from it."""

import json
import time
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from costopt import CostMatrix, DecisionPolicy, PolicyError, choose_threshold
from costopt.inputs.features import Feature
from costopt.inputs.schema import Schema
from costopt.policy.document import json_schema, read_document

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def policy():
    rng = np.random.default_rng(0)
    score = rng.random(40).round(2)
    y = (rng.random(40) < score).astype(int)
    return choose_threshold(y, score, CostMatrix(fn=3, fp=1, unit="EUR"))


@pytest.fixture
def path(policy, tmp_path):
    policy.save(tmp_path / "p")
    return tmp_path / "p" / "policy.json"


def test_edits_of_single_bytes_are_noticed_or_change_nothing(policy, path):
    """Before there was a digest, 27 of 1,393 such edits changed decisions in silence."""
    whole = path.read_bytes()
    saved = read_document(whole, path)
    rng = np.random.default_rng(0)
    n_alike = 0

    for at in rng.choice(len(whole), 1500):
        edited = bytearray(whole)
        edited[at] ^= int(rng.integers(1, 256))
        try:
            found = read_document(bytes(edited), path)
        except PolicyError:
            continue
        n_alike += 1
        assert found == saved

    assert n_alike < 150  # blanks for line breaks, say


def test_an_edit_by_hand_is_told_from_damage_of_the_model(path):
    path.write_text(path.read_text().replace('"fn": 3.0', '"fn": 300.0'))

    with pytest.raises(
        PolicyError, match=r"policy.json was changed after it was saved \(its digest"
    ):
        DecisionPolicy.load(path.parent)


def test_another_layout_of_the_same_values_is_the_same_policy(policy, path):
    document = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(document.items())), separators=(",", ":")))

    loaded = DecisionPolicy.load(path.parent)

    assert loaded.explain() == policy.explain()
    assert loaded.evidence == policy.evidence


def test_keys_are_checked_in_linear_time(path):
    """98 kB of keys took 1.6 s before, and 428 kB over 20 s."""
    keys = ",".join(f'"{number:x}": 0' for number in range(100_000))
    start = time.process_time()

    with pytest.raises(PolicyError, match="'0' is given twice"):
        read_document(f'{{{keys}, "0": 1}}', path)

    assert time.process_time() - start < 5


def test_the_schema_in_the_docs_is_the_one_that_is_generated():
    """docs/policy-format.md says how to write it anew."""
    assert json.loads((DOCS / "policy.schema.json").read_text()) == json_schema()


@pytest.mark.parametrize("kind", ["constant", "per case", "never"])
def test_a_saved_policy_is_valid_by_the_schema(policy, tmp_path, kind):
    per_case = CostMatrix(fn="amount", fp=1, unit="EUR")
    policies = {
        "constant": policy,
        "per case": replace(policy, costs=per_case, known_costs=per_case),
        "never": replace(policy, calibrator=replace(policy.calibrator, slope=0.0, intercept=-9.0)),
    }
    policies[kind].save(tmp_path / "p")
    document = json.loads((tmp_path / "p" / "policy.json").read_text())

    schema = jsonschema.Draft202012Validator(json_schema())

    schema.check_schema(json_schema())
    schema.validate(document)

    assert not schema.is_valid({**document, "more": 1})
    assert not schema.is_valid({k: v for k, v in document.items() if k != "digest"})
    assert not schema.is_valid({**document, "rule": {"kind": "threshold"}})
    assert not schema.is_valid({**document, "threshold": "infinity"})


def test_what_could_not_be_loaded_is_not_saved(policy, tmp_path):
    for changes, message in (
        ({"params": {"depth": np.int64(3)}}, "the policy holds what JSON cannot: .*int64"),
        ({"model_name": "\ud800"}, "the policy holds what JSON cannot"),
        ({"model_name": "x" * 1001}, "the policy .* model.learner: String should have at most"),
        ({"params": {"depth": float("inf")}}, None),
    ):
        changed = replace(policy, **changes)
        if message is None:
            changed.save(tmp_path / "fine")
            assert DecisionPolicy.load(tmp_path / "fine").params == {"depth": "inf"}
            continue
        with pytest.raises(PolicyError, match=message):
            changed.save(tmp_path / "p")
        assert not (tmp_path / "p").exists()


ESCAPE = "\x1b]0;owned\x07\u202e"


def test_no_code_for_terminals_comes_through(policy, path, tmp_path):
    """As a hostile file may hold them, with a digest that fits."""
    hostile = replace(
        policy,
        labels=(f"ok{ESCAPE}", f"bad{ESCAPE}"),
        model_name=f"model{ESCAPE}",
        schema=Schema((Feature(f"a{ESCAPE}", (f"x{ESCAPE}", "y")),)),
        evidence=replace(
            policy.evidence,
            reason=f"because{ESCAPE}\nand so",
            expected_cost=replace(policy.evidence.expected_cost, note=f"note{ESCAPE}"),
            baselines={**policy.evidence.baselines, f"rule{ESCAPE}": policy.evidence.expected_cost},
        ),
    )
    hostile.save(tmp_path / "hostile")

    loaded = DecisionPolicy.load(tmp_path / "hostile")

    assert loaded.labels == hostile.labels
    shown = [loaded.explain(), repr(loaded), repr(loaded.evidence), repr(loaded.schema)]
    shown += [loaded._repr_html_(), *loaded.evidence.explain(), str(loaded.evidence.expected_cost)]
    for text in shown:
        assert all(line.isprintable() for line in text.splitlines())
    assert r"because\x1b]0;owned\x07\u202e\nand so" in loaded.explain()


@pytest.mark.parametrize(
    "text", [f'{{"format": "{{}}", "{ESCAPE}": 1}}', f'{{"{ESCAPE}": 1, "{ESCAPE}": 2}}']
)
def test_messages_about_hostile_files_print_as_text(text, path):
    with pytest.raises(PolicyError) as told:
        read_document(text.replace("\x1b", "\\u001b").replace("\x07", "\\u0007"), path)

    assert str(told.value).isprintable()
