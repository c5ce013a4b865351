"""Policies from what was evaluated: for scores of a model that is not ours, and of our own models."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.naive_bayes import GaussianNB

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    DataError,
    DecisionPolicy,
    LogisticLearner,
    PolicyError,
    SklearnLearner,
    XGBoostLearner,
    choose_threshold,
    decide,
    mean_cost,
)
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.estimates import Sample
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.evaluation.trial import evaluate, fit_final
from costopt.inputs.frames import Table
from costopt.learners.protocol import Features
from costopt.policy.assemble import assemble, evidence_of
from costopt.policy.scoring import ModelPart

COSTS = CostMatrix(fn=9, fp=1)


# Only the threshold


def scored(n=4000, slope=1.0, intercept=0.0, seed=0):
    """Labels, and scores whose true probability is a logistic map of them."""
    rng = np.random.default_rng(seed)
    truth = expit(rng.normal(-2, 1.5, n))
    y = (rng.random(n) < truth).astype(int)
    return y, expit((logit(truth) - intercept) / slope), truth


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (3, 1), (0.4, -2)])
def test_miscalibrated_scores_are_cut_where_the_truth_reaches_the_bayes_threshold(slope, intercept):
    y, score, truth = scored(20_000, slope, intercept)

    policy = choose_threshold(y, score, COSTS, threshold="bayes")

    assert policy.threshold == pytest.approx(0.1)
    assert np.mean(policy.decide(score=score) == (truth >= 0.1)) > 0.98


def test_the_exact_cut_is_the_cheapest_one_there_is():
    y, score, _ = scored()

    policy = choose_threshold(y, score, COSTS, threshold="exact")

    mine = mean_cost(y, score >= policy.raw_threshold, COSTS)
    every = [mean_cost(y, score >= t, COSTS) for t in np.append(np.unique(score)[::7], np.inf)]
    assert mine <= min(every) + 1e-12


def test_the_evidence_is_of_decisions_that_did_not_see_their_row():
    y, score, _ = scored(400)

    policy = choose_threshold(y, score, COSTS, threshold="exact")

    seen = mean_cost(y, policy.decide(score=score), COSTS)
    assert policy.evidence.expected_cost.value > seen
    assert policy.evidence.n_positives == y.sum()


def test_costs_per_case_come_from_columns_or_arrays():
    y, score, _ = scored()
    amount = np.random.default_rng(1).lognormal(2, 1, y.size)
    X = pd.DataFrame({"amount": amount})

    by_column = choose_threshold(y, score, CostMatrix(fn="amount + 1", fp=1), X=X)
    by_array = choose_threshold(y, score, CaseCosts(fn=amount + 1, fp=1))

    assert by_column.threshold is None
    assert np.array_equal(
        by_column.decide(X, score=score),
        by_array.decide(score=score, costs=CaseCosts(fn=amount + 1, fp=1)),
    )


def test_scores_that_rank_no_better_than_chance_end_in_a_rule_without_a_model():
    rng = np.random.default_rng(0)
    y = np.tile([0, 0, 0, 1], 250)
    score = np.where(y == 1, 0.3, 0.4) + rng.normal(0, 0.01, 1000)

    policy = choose_threshold(y, score, COSTS)

    assert policy.decide(score=score).all()
    assert policy.raw_threshold == -np.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"score": np.array([0.5, 2.0] * 50)},
            r"got 2.0 in row 1: put decision values through 1 /",
        ),
        ({"score": np.full(99, 0.5)}, "one value for each of the 100 labels, got 99"),
        ({"score": np.full(100, np.nan)}, r"scores must lie in \[0, 1\], got nan in row 0"),
        ({"threshold": "sampled"}, "threshold='sampled' is for a search"),
        ({"y": np.array(["a", "b"] * 50)}, "the positive class must be named"),
        ({"sample_weight": -np.ones(100)}, "sample_weight must be finite and at least 0"),
    ],
)
def test_what_cannot_be_used_is_refused(change, message):
    given = {"y": np.tile([0, 1], 50), "score": np.full(100, 0.5), "costs": COSTS, **change}

    with pytest.raises(DataError, match=message):
        choose_threshold(**given)


@pytest.mark.parametrize("score", [np.array(["0.5"] * 100), ["a"] * 100, [None] * 99 + ["b"]])
def test_scores_that_are_texts_are_refused(score):
    with pytest.raises(DataError, match="^score must hold numbers, got "):
        choose_threshold(np.tile([0, 1], 50), score, COSTS)


@pytest.mark.parametrize("costs", [COSTS, CaseCosts(fp=1, fn=np.arange(1.0, 101.0))])
def test_constant_scores_are_decided_on_with_a_warning(costs):
    y = np.tile([0, 0, 0, 1], 25)
    with pytest.warns(CostOptWarning, match=r"^\[constant-scores\] every case has the score 0.3, "):
        policy = choose_threshold(y, np.full(100, 0.3), costs)

    now = costs if policy.needs_costs else None
    act = policy.decide(score=np.full(100, 0.3), costs=now)
    base_rate = policy.probability(score=[0.3])[0]
    assert_array_equal(act, decide(np.full(100, base_rate), costs))


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1e300])
def test_a_currency_of_any_size_gives_the_same_decisions(size):
    rng = np.random.default_rng(0)
    score = rng.random(200)
    y = rng.random(200) < score
    declared = choose_threshold(y, score, CostMatrix(fp=1, fn=3))

    found = choose_threshold(y, score, CostMatrix(fp=size, fn=3 * size))
    assert found.threshold == declared.threshold
    assert_array_equal(found.decide(score=score), declared.decide(score=score))


# What is known of the cost


def evaluated(rows, costs=COSTS, **options):
    X, y = rows
    options = {"cv": 3, "n_jobs": 1, "random_state": 2} | options
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    problem = prepare(X, y, costs, LEARNERS, rows_, **options)
    return problem, evaluate(problem, Candidate("logistic", {"C": 0.5}))


@pytest.mark.parametrize(
    "options",
    [{}, {"sample_weight": np.linspace(0.5, 2, 300)}, {"time": np.arange(300)}],
    ids=["plain", "weighted", "in time"],
)
def test_the_evidence_is_in_the_declared_unit_and_of_the_scored_rows(rows, options):
    costs = CostMatrix(fn="50 * amount", fp=70, tp=20, unit="EUR")
    problem, found = evaluated(rows, costs, **options)

    evidence = evidence_of(problem, found)

    X, y = (table.iloc[problem.scored.rows] for table in rows)
    resolved = costs.resolve(X)
    act = found.choice.act
    weight = options.get("sample_weight", np.ones(len(y)))
    paid = np.where(y, np.where(act, 20, resolved.fn), 70 * act)
    never, always = np.where(y, resolved.fn, 0), np.where(y, 20.0, 70)
    periods = np.arange(300) // 17 if "time" in options else None
    sample = Sample(
        y.to_numpy() == 1,
        resolved,
        None,
        found.calibrated,
        options.get("sample_weight"),
        None if periods is None else periods[problem.scored.rows],
    )
    nobody = np.zeros(len(y), dtype=bool)
    for estimate, row_cost, decided in (
        (evidence.expected_cost, paid, act),
        (evidence.baselines["never act"], never, nobody),
        (evidence.baselines["always act"], always, ~nobody),
    ):
        expected = sample.cost(decided)
        assert_allclose(estimate.value, np.average(row_cost, weights=weight))
        assert_allclose(
            [estimate.value, estimate.low, estimate.high],
            [expected.value, expected.low, expected.high],
            rtol=1e-6,
        )
        assert (estimate.unit, estimate.n) == ("EUR", len(y))
    shares = sample.savings(act)
    assert_allclose(
        [evidence.savings.value, evidence.savings.low, evidence.savings.high],
        [shares.value, shares.low, shares.high],
        rtol=1e-3,
    )
    assert (evidence.n_cases, evidence.n_positives) == (300, rows[1].sum())


def test_other_decisions_are_measured_beside_those_without_a_model(rows):
    problem, found = evaluated(rows)
    half = found.raw >= 0.5

    evidence = evidence_of(problem, found, baselines={"at 0.5": half})

    assert list(evidence.baselines) == ["never act", "always act", "at 0.5"]
    expected = mean_cost(rows[1], half, COSTS)
    assert_allclose(evidence.baselines["at 0.5"].value, expected)


def test_what_a_selection_hides_moves_money_and_savings_together(rows):
    problem, found = evaluated(rows)
    plain = evidence_of(problem, found)
    bias = 0.1 * found.value

    evidence = evidence_of(problem, found, bias=bias)

    base = min(plain.baselines[name].value for name in ("never act", "always act"))
    cost = plain.expected_cost.value
    assert_allclose(evidence.expected_cost.value, 1.1 * cost)
    assert_allclose(evidence.selection_bias, 0.1 * cost)
    assert_allclose(evidence.savings.value, 1 - 1.1 * cost / base)
    assert evidence.baselines == plain.baselines
    words = evidence.correction()
    assert words.startswith(f"On these rows it cost {cost:.4g}; ")
    assert words.endswith(" is added, since the policy was selected on them.")
    assert " is taken off, since" in evidence_of(problem, found, bias=-bias).correction()
    assert plain.selection_bias == 0


# Several models


LEARNERS = {
    "logistic": LogisticLearner(),
    "xgboost": XGBoostLearner(
        max_rounds=12, patience=12, fixed={"learning_rate": 0.3, "min_child_weight": 0.1}
    ),
    "bayes": SklearnLearner(GaussianNB()),
}
SAVED = pytest.mark.parametrize("learner", ["logistic", "xgboost"])
CLOSE = CostMatrix(fn=3, fp=1)
BY_COSTS = pytest.mark.parametrize(
    "costs", [CLOSE, CostMatrix(fn="amount", fp=3)], ids=["constant", "per case"]
)


def of_folds(rows, learner, costs=CLOSE, threshold="auto"):
    """A policy of the models of uneven folds, which were under-sampled differently."""
    X, y = rows
    positive, negative = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    few = np.r_[positive[:20], negative[:120]]  # half as many positives per negative
    many = np.setdiff1d(np.arange(300), few)
    pairs = [(few, many), (many, few)]
    problem = prepare(X, y, costs, LEARNERS, Rows(cv=pairs), n_jobs=1, threshold=threshold)
    found = evaluate(problem, Candidate(learner, {}, "random_under", 0.9))
    final = fit_final(problem, found.candidate, found.n_rounds, "folds")
    multipliers = [part.ledger.multiplier for part in final]
    assert multipliers == list(found.odds_multipliers)
    assert multipliers[0] > 1.5 * multipliers[1] > 2
    return assemble(problem, found, final, evidence_of(problem, found))


def averaged(policy, X):
    """Scores of its models with the odds divided by what each one's training did to them."""
    rows = Features(Table(X), policy.schema)
    undone = []
    for part in policy.models:
        score = policy.learner.score(part.model, rows)
        undone.append(score / (score + part.ledger.multiplier * (1 - score)))
    return np.average(undone, axis=0, weights=[part.share for part in policy.models])


@SAVED
@BY_COSTS
def test_several_models_are_averaged_after_their_odds_are_undone_and_then_calibrated(
    rows, make_rows, learner, costs
):
    policy = of_folds(rows, learner, costs)
    X, _ = make_rows(200, seed=8)

    mean = averaged(policy, X)

    assert len(policy.models) == 2
    assert_allclose(policy.probability(X), policy.calibrator.apply(mean))
    assert_array_equal(policy.decide(X), decide(policy.calibrator.apply(mean), costs.resolve(X)))
    assert_array_equal(policy.decide(X, score=mean), policy.decide(X))
    assert 0 < policy.decide(X).sum() < 200


@SAVED
@pytest.mark.parametrize("threshold", ["bayes", "exact"])
def test_the_raw_threshold_of_several_models_is_one_of_their_average(
    rows, make_rows, learner, threshold
):
    policy = of_folds(rows, learner, threshold=threshold)
    X, _ = make_rows(1000, seed=8)

    assert 0 < policy.raw_threshold < 1
    assert_array_equal(averaged(policy, X) >= policy.raw_threshold, policy.decide(X))
    assert 0 < policy.decide(X).sum() < 1000


def test_models_may_have_unequal_shares(rows):
    policy = of_folds(rows, "logistic")
    first, second = policy.models
    uneven = replace(policy, models=(replace(first, share=3.0), replace(second, share=0.5)))
    alone = replace(policy, models=(first,))

    mean = averaged(uneven, rows[0])

    assert_allclose(uneven.probability(rows[0]), policy.calibrator.apply(mean))
    one_sided = replace(policy, models=(first, ModelPart(second.model, second.ledger, 1e-12)))
    assert_allclose(one_sided.probability(rows[0]), alone.probability(rows[0]))


def test_the_raw_threshold_of_a_single_model_is_one_of_its_own_score(rows):
    policy = of_folds(rows, "xgboost")
    alone = replace(policy, models=policy.models[:1])
    X, _ = rows

    raw = policy.learner.score(alone.models[0].model, Features(Table(X), policy.schema))

    assert_array_equal(raw >= alone.raw_threshold, alone.decide(X))
    assert alone.raw_threshold > policy.raw_threshold  # under-sampled, it scores higher


@SAVED
@BY_COSTS
def test_several_models_survive_saving(rows, make_rows, tmp_path, learner, costs):
    policy = of_folds(rows, learner, costs)
    policy = replace(policy, models=(replace(policy.models[0], share=2.5), policy.models[1]))
    X, y = make_rows(200, seed=8)

    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert len(list((tmp_path / "policy").glob("model-*.json"))) == 2
    assert_array_equal(loaded.probability(X), policy.probability(X))
    assert_array_equal(loaded.decide(X), policy.decide(X))
    assert (loaded.threshold, loaded.raw_threshold) == (policy.threshold, policy.raw_threshold)
    assert [(part.ledger, part.share) for part in loaded.models] == [
        (part.ledger, part.share) for part in policy.models
    ]
    assert loaded.evaluate(X, y) == policy.evaluate(X, y)
    assert loaded.explain() == policy.explain()
    assert loaded.evidence == policy.evidence


def test_the_document_of_several_models_says_what_each_did_to_the_odds(rows, tmp_path):
    """By an independent reading with the standard library only, of scores computed elsewhere."""
    X, _ = rows
    policy = of_folds(rows, "xgboost")
    policy = replace(policy, models=(replace(policy.models[0], share=2.5), policy.models[1]))
    policy.save(tmp_path / "policy")
    document = json.loads((tmp_path / "policy" / "policy.json").read_text())
    rows_ = Features(Table(X), policy.schema)
    scores = np.column_stack([policy.learner.score(part.model, rows_) for part in policy.models])

    acted, files = [], document["model"]["files"]
    for row in scores:
        total = 0.0
        for part, score in zip(files, row, strict=True):
            odds = score / (1 - score) / math.prod(factor for _, factor in part["ledger"])
            total += part["share"] * odds / (1 + odds)
        mean = total / sum(part["share"] for part in files)
        linear = document["calibrator"]["slope"] * math.log(mean / (1 - mean))
        q = 1 / (1 + math.exp(-linear - document["calibrator"]["intercept"]))
        acted.append(q >= document["threshold"])

    assert document["model"]["ledger"] == []  # of the average nothing is left to undo
    assert acted == policy.decide(X).tolist()


def test_the_same_model_twice_is_one_file_and_survives_saving(rows, tmp_path):
    policy = of_folds(rows, "logistic")
    first, second = policy.models
    policy = replace(policy, models=(first, second, first))

    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert len(list((tmp_path / "policy").glob("model-*.json"))) == 2
    assert len(loaded.models) == 3
    assert_array_equal(loaded.probability(rows[0]), policy.probability(rows[0]))


def test_one_model_after_several_leaves_no_file_behind(rows, tmp_path):
    policy = of_folds(rows, "logistic")
    policy.save(tmp_path / "policy")
    alone = replace(policy, models=policy.models[1:])

    alone.save(tmp_path / "policy", overwrite=True)

    assert len(list((tmp_path / "policy").glob("model-*.json"))) == 1
    assert_array_equal(
        DecisionPolicy.load(tmp_path / "policy").probability(rows[0]), alone.probability(rows[0])
    )


def test_of_several_models_each_must_be_the_one_that_was_saved(rows, tmp_path):
    of_folds(rows, "logistic").save(tmp_path / "policy")
    one, other = sorted((tmp_path / "policy").glob("model-*.json"))
    other.write_bytes(one.read_bytes())

    with pytest.raises(PolicyError, match=r"is not the model that policy.json was saved with"):
        DecisionPolicy.load(tmp_path / "policy")


def test_several_models_that_cannot_be_saved_leave_a_policy_for_their_average(rows, tmp_path):
    policy = of_folds(rows, "bayes")
    X, _ = rows

    with pytest.warns(CostOptWarning, match="model-not-saved"):
        policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert loaded.raw_threshold == policy.raw_threshold
    assert_array_equal(loaded.decide(score=averaged(policy, X)), policy.decide(X))
    with pytest.raises(PolicyError, match="holds no model"):
        loaded.decide(X)
