"""``costopt decide`` and ``evaluate``: own scores in place of a model, and columns that are kept."""

import json
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from costopt import CostMatrix, DecisionPolicy, choose_threshold, mean_cost, optimize

COSTS = CostMatrix(fn="amount", fp=20, unit="EUR")
FOUND = ["probability", "action", "expected_gain"]


@pytest.fixture
def rule(shell, scored, tmp_path):
    """A policy without a model whose costs differ by case."""
    words = ["--target", "y", "--score", "p", "--fn", "amount", "--fp", 20, "--unit", "EUR"]
    shell.succeeded("threshold", scored, *words, "--out", tmp_path / "rule")
    return tmp_path / "rule"


def csv(result):
    return pd.read_csv(StringIO(result.stdout), dtype={"id": str})


def test_own_scores_are_decided_on_with_the_costs_of_each_case(shell, rule, scored, scores):
    found = csv(shell.succeeded("decide", rule, scored, "--score", "p"))

    p = choose_threshold(scores["y"], scores["p"], COSTS, X=scores).probability(score=scores["p"])
    gain = p * scores["amount"] - (1 - p) * 20
    assert list(found.columns) == ["row", *FOUND]
    assert found["row"].tolist() == list(range(300))
    np.testing.assert_allclose(found["probability"], p, rtol=1e-5)
    np.testing.assert_allclose(found["expected_gain"], gain, rtol=1e-4)
    np.testing.assert_array_equal(found["action"] == "act", gain >= 0)
    assert found["action"].nunique() == 2


def test_own_scores_are_evaluated(shell, rule, scored, scores):
    words = [rule, scored, "--target", "y", "--score", "p", "--weight", "amount"]
    found = shell.printed("evaluate", *words)

    acted = DecisionPolicy.load(rule).decide(scores, score=scores["p"])
    cost = mean_cost(scores["y"], acted, COSTS.resolve(scores), scores["amount"])
    assert found["mean_cost"]["value"] == pytest.approx(cost)
    assert "this policy" in shell.succeeded("evaluate", *words).stdout


def test_scores_that_are_named_stand_in_for_the_model(shell, rows, tmp_path):
    X, y = rows
    policy = optimize(X, y, CostMatrix(fn=5, fp=1), learners="logistic", n_trials=1).policy
    policy.save(tmp_path / "policy")
    raw = policy.raw_score(X)
    X.assign(own=raw, other=1 - raw).to_csv(tmp_path / "data.csv", index=False)
    words = ["decide", tmp_path / "policy", tmp_path / "data.csv"]

    by_model = shell.succeeded(*words)

    assert shell.succeeded(*words, "--score", "own").stdout == by_model.stdout
    assert shell.succeeded(*words, "--score", "other").stdout != by_model.stdout


def test_columns_stand_beside_the_decisions_as_the_file_has_them(shell, rule, scores, tmp_path):
    file = tmp_path / "data.csv"
    scores.assign(
        id=[f"{at:05d}" for at in range(300)],
        long=[str(2**64 + at) for at in range(300)],
        some=["" if at else "7" for at in range(300)],
    ).to_csv(file, index=False)

    named = shell.succeeded("decide", rule, file, "--score", "p", "--keep", "id", "--keep", "some")
    everything = csv(shell.succeeded("decide", rule, file, "--score", "p", "--keep", "all"))

    assert named.stdout.splitlines()[0] == ",".join(["row", "id", "some", *FOUND])
    assert named.stdout.splitlines()[1].startswith("0,00000,7,")
    assert named.stdout.splitlines()[2].startswith("1,00001,,")
    kept = ["y", "p", "amount", "branch", "id", "long", "some"]
    assert list(everything.columns) == ["row", *kept, *FOUND]
    written = pd.read_csv(file, dtype={"id": str})
    pd.testing.assert_frame_equal(everything[kept], written[kept])


def test_kept_columns_are_in_json_and_parquet_too(shell, rule, scores, tmp_path):
    file, out = tmp_path / "data.csv", tmp_path / "out.parquet"
    scores.assign(note=[None, *["a, b"] * 299]).to_csv(file, index=False)
    words = ["decide", rule, file, "--score", "p", "--keep", "note", "--keep", "branch"]

    first, second, *_ = map(json.loads, shell.succeeded(*words, "--json").stdout.splitlines())
    shell.succeeded(*words, "--out", out)

    assert (first["note"], second["note"]) == (None, "a, b")
    assert first["branch"] == scores["branch"][0]
    stored = pd.read_parquet(out)
    assert list(stored.columns) == ["row", "note", "branch", *FOUND]
    assert stored["branch"].tolist() == scores["branch"].tolist()


def test_numbers_have_no_exponents(shell, scores, tmp_path):
    file, folder = tmp_path / "data.csv", tmp_path / "rule"
    scores.assign(p=scores["p"] * 1e-7, amount=scores["amount"] * 1e9).to_csv(file, index=False)
    words = ["--target", "y", "--score", "p", "--fn", "amount", "--fp", "1e9"]
    printed = shell.succeeded("threshold", file, *words, "--out", folder).stdout
    printed += shell.succeeded("decide", folder, file, "--score", "p").stdout
    printed += shell.succeeded("show", folder).stdout
    printed += shell.succeeded("evaluate", folder, file, "--target", "y", "--score", "p").stdout

    assert "e+" not in printed
    assert "e-0" not in printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "holds no model, so it decides on scores computed elsewhere: name the column that"),
        (["--score", "q"], "--score names the column 'q', which the data do not have"),
        (["--score", "percent"], "--score 'percent': scores must lie in [0, 1], got"),
        (["--score", "percent"], "divide by 100 if they are percent"),
        (["--score", "logit"], "put decision values through 1 / (1 + exp(-value)) first"),
        (["--score", "gaps"], "--score 'gaps': scores must lie in [0, 1], got nan in row 0: score"),
        (["--score", "word"], "--score must name a column of numbers, but 'word' holds texts such"),
        (["--score", "p", "--keep", "nope"], "--keep names the column 'nope'"),
        (["--score", "p", "--keep", "row"], "the data have a column 'row', as the decisions do"),
        (["--score", "p", "--keep", "all"], "the data have a column 'row', as the decisions do"),
    ],
)
def test_what_cannot_be_used_is_named(shell, rule, scores, tmp_path, words, complaint):
    file = tmp_path / "data.csv"
    strange = {"percent": 90 * scores["p"] + 3, "logit": scores["p"] - 9, "word": "so", "row": 1}
    scores.assign(**strange, gaps=scores["p"].where(scores.index > 0)).to_csv(file, index=False)

    assert complaint in shell.refused("decide", rule, file, *words)
    if "--keep" not in words:
        assert complaint in shell.refused("evaluate", rule, file, "--target", "y", *words)


def test_a_policy_without_a_model_is_shown_and_reported(shell, rule, tmp_path):
    text = shell.succeeded("show", rule).stdout

    assert "scores are computed elsewhere and passed as score= or --score" in text
    assert shell.printed("show", rule)["model"] == {"learner": "", "params": {}, "n_models": 0}
    shell.succeeded("report", rule, "--out", tmp_path / "page.html")
    assert "computed elsewhere" in (tmp_path / "page.html").read_text(encoding="utf-8")
