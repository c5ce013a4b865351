"""``costopt compare``: the ranking of Python, printed safely."""

import pytest

from costopt import CostMatrix, DecisionPolicy
from costopt.comparison.audit import audit
from costopt.comparison.compare import compare
from costopt.inputs.files import read_table

NAMES = ["logistic regression", "threshold 0.5", "Bayes threshold (calibrated)"]
COSTS = ["--fn", "5", "--fp", "1", "--unit", "\x1b[31mEUR"]
WORDS = ["--target", "y", "--learner", "logistic", "--folds", 3, "--ignore", "branch"]


@pytest.fixture
def compared(scored):
    """What Python says of it."""
    X = read_table(scored)
    return compare(
        X,
        X.pop("y"),
        CostMatrix(fn=5, fp=1, unit="\x1b[31mEUR"),
        strategies=NAMES,
        learner="logistic",
        cv=3,
        ignore=["branch"],
    )


def test_the_ranking_is_that_of_python(shell, scored, compared, tmp_path):
    words = ["compare", scored, *WORDS, *COSTS, "--strategies", "; ".join(NAMES)]

    found = shell.printed(*words, "--out", tmp_path / "best")
    text = shell.succeeded(*words).stdout

    assert found["best"] == compared.best
    assert [row["strategy"] for row in found["strategies"]] == [
        result.name for result in compared.results
    ]
    assert [row["cost"] for row in found["strategies"]] == [
        result.expected_cost.value for result in compared.results
    ]
    assert found["baselines"]["never act"] == compared.baselines["never act"].to_dict()
    doubts = audit(compared)
    shown = "\n\n".join([compared.summary(), *map(str, doubts)])
    assert text == shown.replace("\x1b", "\\x1b") + "\n"
    assert [doubt["code"] for doubt in found["findings"]] == [doubt.code for doubt in doubts]
    assert doubts
    saved = DecisionPolicy.load(tmp_path / "best")
    assert saved.evidence.expected_cost == compared.policy().evidence.expected_cost
    assert found["out"] == str(tmp_path / "best")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--strategies", "SMOT"], "there is no strategy 'SMOT', did you mean 'SMOTE'"),
        (["--strategies", "SMOTE; SMOTE"], "name each strategy once"),
        (["--learner", "xgbost"], "there is no learner 'xgbost', did you mean 'xgboost'"),
        (["--time", "p", "--groups", "branch"], "--groups and --time exclude each other"),
        (["--ignore", "z"], "--ignore names the column 'z'"),
    ],
)
def test_what_cannot_be_compared_is_named(shell, scored, words, complaint):
    assert complaint in shell.refused("compare", scored, "--target", "y", *COSTS, *words)


def test_a_saved_policy_is_not_replaced_unasked(shell, scored, tmp_path):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "policy.json").write_text("mine")

    line = shell.refused("compare", scored, *WORDS, *COSTS, "--out", tmp_path / "best")

    assert "exists: choose another folder, or replace it with --force" in line
    assert (tmp_path / "best" / "policy.json").read_text() == "mine"
