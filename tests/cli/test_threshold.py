"""``costopt threshold``: the rule for somebody else's scores, and what it is worth."""

import numpy as np
import pytest

from costopt import CostMatrix, DecisionPolicy, choose_threshold, mean_cost

COSTS = ["--fn", "5", "--fp", "1", "--unit", "EUR"]
WORDS = ["--target", "y", "--score", "p"]


@pytest.mark.parametrize("rule", ["auto", "bayes", "exact"])
def test_the_rule_is_that_of_python(shell, scored, scores, rule):
    found = shell.printed("threshold", scored, *WORDS, *COSTS, "--threshold", rule, "--seed", 3)

    policy = choose_threshold(
        scores["y"],
        scores["p"],
        CostMatrix(fn=5, fp=1, unit="EUR"),
        threshold=rule,
        random_state=3,
    )
    assert found["raw_threshold"] == policy.raw_threshold
    assert found["threshold"] == policy.threshold
    assert found["expected_cost"] == policy.evidence.expected_cost.to_dict()
    assert found["savings"] == policy.evidence.savings.to_dict()


def test_the_alternatives_are_counted(shell, scored, scores):
    found = shell.printed("threshold", scored, *WORDS, *COSTS)["baselines"]

    y, at_half = scores["y"].to_numpy(), scores["p"].to_numpy() >= 0.5
    missed, alarms = (y & ~at_half).sum(), (~y.astype(bool) & at_half).sum()
    assert found["act from a score of 0.5"]["value"] == pytest.approx((5 * missed + alarms) / 300)
    assert found["never act"]["value"] == pytest.approx(5 * y.mean())
    assert found["always act"]["value"] == pytest.approx(1 - y.mean())
    assert found["act from a score of 0.5"]["low"] < found["act from a score of 0.5"]["value"]


def test_costs_per_case_groups_and_weights_are_heeded(shell, scored, scores):
    words = [*WORDS, "--fn", "amount", "--fp", "20", "--groups", "branch", "--weight", "amount"]

    found = shell.printed("threshold", scored, *words)

    costs = CostMatrix(fn="amount", fp=20)
    policy = choose_threshold(
        scores["y"],
        scores["p"],
        costs,
        X=scores,
        groups=scores["branch"],
        sample_weight=scores["amount"],
    )
    assert found["threshold"] is None
    assert found["expected_cost"] == policy.evidence.expected_cost.to_dict()
    expected = mean_cost(scores["y"], scores["p"] >= 0.5, costs.resolve(scores), scores["amount"])
    assert found["baselines"]["act from a score of 0.5"]["value"] == pytest.approx(expected)


def test_the_text_ends_with_what_to_do_what_it_saves_and_how_sure(shell, scored):
    found = shell.printed("threshold", scored, *WORDS, *COSTS)
    text = shell.succeeded("threshold", scored, *WORDS, *COSTS).stdout

    *_, what, saves, sure = text.splitlines()
    assert what == (
        f"What to do: Act when the calibrated probability of 1 is {100 * found['threshold']:.3g} % or "
        f"more (raw model score {found['raw_threshold']:.4g} or more)."
    )
    saved = found["baselines"]["always act"]["value"] - found["expected_cost"]["value"]
    assert f" {1000 * saved:,.4g} EUR per 1,000 cases: it is " in saves
    share = f"{100 * found['savings']['value']:.3g} %"
    assert f"{share} cheaper than the best rule without a model (always act)" in saves
    assert sure.startswith(
        "How sure: It is significantly cheaper than the best rule without a model."
    )
    cost = found["baselines"]["act from a score of 0.5"]
    interval = f"{cost['low']:.4g} to {cost['high']:.4g}"
    assert f"act from a score of 0.5  {cost['value']:>12.4g}   {interval}" in text


def test_a_saved_rule_decides_on_scores(shell, scored, scores, tmp_path):
    shell.succeeded("threshold", scored, *WORDS, *COSTS, "--out", tmp_path / "rule")

    policy = DecisionPolicy.load(tmp_path / "rule")
    cut = shell.printed("show", tmp_path / "rule")["raw_threshold"]
    np.testing.assert_array_equal(policy.decide(score=scores["p"]), scores["p"] >= cut)
    assert "exists" in shell.refused(
        "threshold", scored, *WORDS, *COSTS, "--out", tmp_path / "rule"
    )
    shell.succeeded("threshold", scored, *WORDS, *COSTS, "--out", tmp_path / "rule", "--force")


def test_limits_are_those_of_python(shell, scored, scores):
    limits = ["recall >= 0.7", "alert_rate <= 0.9"]
    words = [*WORDS, *COSTS, *(word for each in limits for word in ("--constraint", each))]

    found = shell.printed("threshold", scored, *words, "--scores", "held_out", "--confidence", 0.8)
    text = shell.succeeded("threshold", scored, *words, "--scores", "out_of_fold").stdout

    policy = choose_threshold(
        scores["y"],
        scores["p"],
        CostMatrix(fn=5, fp=1, unit="EUR"),
        scores="held_out",
        constraints=limits,
        confidence=0.8,
    )
    promise = policy.guarantee
    assert found["raw_threshold"] == policy.raw_threshold
    assert found["guarantee"]["constraints"] == limits
    assert found["guarantee"]["bound"] == promise.bound
    assert found["guarantee"]["confidence"] == 0.8
    assert "\nRecall of at least 70 % is promised with 90 % confidence" in text
    assert "\nThe promise is approximate" in text


def test_without_confidence_nothing_need_be_said_of_the_scores(shell, scored):
    words = [*WORDS, *COSTS, "--constraint", "recall >= 0.7"]

    assert shell.printed("threshold", scored, *WORDS, *COSTS)["guarantee"] is None
    found = shell.printed("threshold", scored, *words, "--confidence", "none")["guarantee"]
    assert found["confidence"] is None
    assert found["sample"]["recall"] >= 0.7


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--constraint", "recall"], "in quotes on the command line"),
        (["--constraint", "recal >= 0.8"], "did you mean 'recall'?"),
        (["--constraint", "recall >= 0.8"], "--scores held_out"),
        (
            ["--constraint", "recall >= 0.8", "--scores", "in_sample"],
            "Invalid value for '--scores'",
        ),
        (["--confidence", "high"], "'high' is neither a number nor none"),
        (
            ["--constraint", "recall >= 0.99", "--scores", "held_out"],
            "recall >= 0.99 with confidence 0.9 needs 230 positives, there are",
        ),
    ],
)
def test_limits_that_cannot_be_kept_are_named(shell, scored, words, complaint):
    assert complaint in shell.refused("threshold", scored, *WORDS, *COSTS, *words)


def test_scores_that_say_nothing_lead_to_a_simple_rule_and_no_promise(shell, scores, tmp_path):
    scores.assign(p=0.5).to_csv(tmp_path / "scores.csv", index=False)

    text = shell.succeeded("threshold", tmp_path / "scores.csv", *WORDS, *COSTS).stdout

    *_, what, saves, sure = text.splitlines()
    assert what.endswith(" 16.7 % or more, which every case reaches.")
    assert saves.startswith("What it saves: 0 EUR per 1,000 cases")
    assert "significantly cheaper" not in sure


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--target", "y", "--score", "q", *COSTS], "--score names the column 'q', which the data"),
        (["--target", "z", "--score", "p", *COSTS], "--target names the column 'z'"),
        (["--target", "y", *COSTS], "Missing option '--score'"),
        ([*WORDS], "--fn and --fp must be given"),
        ([*WORDS, *COSTS, "--groups", "z"], "--groups names the column 'z'"),
        (["--target", "y", "--score", "amount", *COSTS], "scores must lie in [0, 1], got"),
        (["--target", "y", "--score", "word", *COSTS], "'word' holds texts such as 'so'"),
        ([*WORDS, *COSTS, "--threshold", "sampled"], "Invalid value for '--threshold'"),
    ],
)
def test_what_cannot_be_used_is_named(shell, scores, tmp_path, words, complaint):
    scores.assign(word="so").to_csv(tmp_path / "scores.csv", index=False)

    assert complaint in shell.refused("threshold", tmp_path / "scores.csv", *words)
