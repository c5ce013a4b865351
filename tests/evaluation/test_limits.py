"""Thresholds within limits: promised as often as they say, exact on the scores, refused in time."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    DataError,
    DecisionPolicy,
    InfeasibleError,
    PolicyError,
    choose_threshold,
    mean_cost,
)
from costopt.decision.constraints import parse_constraints

COSTS = CostMatrix(fn=4, fp=1, unit="EUR")
EVERY_KIND = (
    "recall >= 0.8",
    "precision >= 0.3",
    "false_positive_rate <= 0.1",
    "alert_rate <= 0.2",
    "mean_cost <= 0.8",
)


def sample(n=1500, prevalence=0.2, seed=0):
    """Scores of two normal classes: what any threshold does to the population is known."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < prevalence
    return y, expit(rng.normal(np.where(y, 1.0, -1.0), 1.0) - 1)


def in_population(threshold, prevalence, costs=COSTS):
    """Each metric of a threshold on infinitely many new cases."""
    at = math.log(threshold / (1 - threshold)) + 1 if 0 < threshold < 1 else threshold
    recall, fpr = norm.sf(at, 1), norm.sf(at, -1)
    alerts = prevalence * recall + (1 - prevalence) * fpr
    cost = prevalence * (1 - recall) * costs.fn + (1 - prevalence) * fpr * costs.fp
    return {
        "recall": recall,
        "precision": prevalence * recall / alerts if alerts else 1.0,
        "false_positive_rate": fpr,
        "alert_rate": alerts,
        "mean_cost": cost,
    }


def is_broken(texts, metrics):
    return any(
        (metrics[each.metric] < each.limit)
        if each.metric in ("recall", "precision")
        else (metrics[each.metric] > each.limit)
        for each in parse_constraints(texts)
    )


def chosen(texts, n=1500, prevalence=0.2, seed=0, **given):
    y, score = sample(n, prevalence, seed)
    given = {"scores": "held_out", "costs": COSTS, **given}
    return choose_threshold(y, score, constraints=texts, **given), y, score


def test_a_promise_is_broken_in_as_few_samples_as_it_says():
    """Alarms cost much, so that recall decides; kept on the cases only, it fails in many samples."""
    texts, n_samples, broken, naive = ["recall >= 0.8", "alert_rate <= 0.9"], 200, 0, 0
    for seed in range(n_samples):
        policy, y, score = chosen(
            texts, n=250, prevalence=0.4, seed=seed, costs=CostMatrix(fn=1, fp=9), cv=2
        )
        broken += is_broken(texts, in_population(policy.raw_threshold, 0.4))
        naive += is_broken(texts, in_population(np.quantile(score[y], 0.2), 0.4))

    assert broken / n_samples <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / n_samples)
    assert naive / n_samples > 0.3


@pytest.mark.parametrize("text", EVERY_KIND)
def test_every_kind_of_limit_is_kept_by_the_very_decisions_of_the_policy(text):
    policy, y, score = chosen(text)

    act = policy.decide(score=score)
    assert np.array_equal(act, score >= policy.raw_threshold)
    counted = {
        "recall": np.mean(act[y]),
        "precision": np.mean(y[act]),
        "false_positive_rate": np.mean(act[~y]),
        "alert_rate": np.mean(act),
        "mean_cost": mean_cost(y, act, COSTS),
    }
    promise = policy.guarantee
    (limit,) = parse_constraints(text)
    assert promise.sample == {limit.metric: pytest.approx(counted[limit.metric])}
    assert promise.constraints == (text,)
    assert not is_broken(text, promise.sample | {limit.metric: promise.bound[limit.metric]})
    assert promise.holds_at(policy.raw_threshold)
    cheapest = min(mean_cost(y, score >= t, COSTS) for t in [*score, np.inf])
    assert promise.price == pytest.approx(mean_cost(y, act, COSTS) - cheapest)


def test_the_threshold_is_the_cheapest_of_the_certified_ones_and_lies_inside_its_interval():
    policy, y, score = chosen("recall >= 0.9")
    promise = policy.guarantee

    certified = [t for t in score if promise.holds_at(t)]
    assert mean_cost(y, policy.decide(score=score), COSTS) == pytest.approx(
        min(mean_cost(y, score >= t, COSTS) for t in certified)
    )
    assert policy.raw_threshold not in score


@pytest.mark.parametrize("decimals", [1, 2])
def test_tied_scores_are_decided_alike_by_both_thresholds(decimals):
    y, score = sample()
    score = score.round(decimals)

    policy = choose_threshold(
        y, score, COSTS, constraints="recall >= 0.7", confidence=None, threshold="exact"
    )

    assert np.array_equal(policy.decide(score=score), score >= policy.raw_threshold)
    assert np.mean(policy.decide(score=score)[y]) >= 0.7


def test_costs_per_case_get_one_threshold_for_all_cases():
    y, score = sample()
    X = pd.DataFrame({"amount": np.random.default_rng(1).lognormal(1, 1, y.size)})
    costs = CostMatrix(fn="amount", fp=1)

    policy = choose_threshold(
        y, score, costs, X=X, constraints="alert_rate <= 0.1", scores="held_out"
    )

    assert policy.raw_threshold is not None
    act = policy.decide(X, score=score)
    assert np.mean(act) <= policy.guarantee.bound["alert_rate"] <= 0.1
    with pytest.raises(DataError, match="bounds of what a case can cost"):
        choose_threshold(y, score, costs, X=X, constraints="mean_cost <= 9", scores="held_out")
    kept = choose_threshold(y, score, costs, X=X, constraints="mean_cost <= 9", confidence=None)
    assert mean_cost(y, kept.decide(X, score=score), costs.resolve(X)) <= 9


def test_the_cost_that_is_stated_comes_from_thresholds_that_had_not_seen_the_row():
    policy, y, score = chosen("recall >= 0.8")

    assert policy.evidence.reason == (
        "the cheapest threshold that keeps recall >= 0.8 with 90 % confidence, judged on other rows"
    )
    seen = mean_cost(y, policy.decide(score=score), COSTS)
    assert policy.evidence.expected_cost.value != seen
    assert policy.evidence.expected_cost.value == pytest.approx(seen, rel=0.2)


def test_parts_that_are_too_small_to_promise_as_much_are_judged_by_the_final_threshold():
    y, score = sample(130, 0.2)
    assert 22 <= y.sum() < 27  # 22 are needed, and four fifths of them are less

    policy = choose_threshold(y, score, COSTS, constraints="recall >= 0.9", scores="held_out")

    assert "5 of 5 parts of the cases are judged by it" in policy.evidence.reason
    assert policy.evidence.expected_cost.value == pytest.approx(
        mean_cost(y, policy.decide(score=score), COSTS)
    )


# what is refused


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scores": None}, "say scores='held_out' .*confidence=None"),
        ({"scores": "in_sample"}, "scores='in_sample': nothing can be promised"),
        ({"scores": "heldout"}, "did you mean 'held_out'"),
        ({"confidence": 90}, "confidence must be a number from 0.5 to below 1"),
        ({"confidence": True}, "confidence must be a number"),
        ({"threshold": "bayes"}, "threshold='bayes' leaves no choice"),
        ({"sample_weight": np.linspace(1, 2, 1500)}, "rows of one class stand for different"),
        ({"constraints": "precision >= 0.3", "prevalence": 0.01}, "precision depends on the share"),
        ({"constraints": "recall 0.8"}, "cannot read|has no limit"),
        ({"constraints": "recall >= 1"}, "leaves no room for a single error"),
    ],
)
def test_what_cannot_be_promised_is_refused(given, message):
    y, score = sample()
    given = {"constraints": "recall >= 0.8", "scores": "held_out", **given}

    with pytest.raises(DataError, match=message):
        choose_threshold(y, score, COSTS, **given)


def test_too_few_positives_are_named_with_the_number_that_is_needed():
    y, score = sample(60, 0.2)

    with pytest.raises(InfeasibleError, match="needs 22 positives, there are") as raised:
        choose_threshold(y, score, COSTS, constraints="recall >= 0.9", scores="held_out")
    assert raised.value.needed == 22
    assert raised.value.found == y.sum()


def test_limits_that_exclude_each_other_are_named_with_what_can_be_had():
    with pytest.raises(InfeasibleError, match="no threshold keeps .* beside ") as raised:
        chosen(["recall >= 0.95", "precision >= 0.9"])
    assert raised.value.attainable < 0.95


def test_scores_that_rank_no_better_than_chance_are_refused():
    y, score = sample()

    with pytest.raises(DataError, match="no better than chance"):
        choose_threshold(y, 1 - score, COSTS, constraints="recall >= 0.8", scores="held_out")


def test_weights_that_are_constant_within_a_class_change_no_recall():
    y, score = sample()
    given = {"constraints": "recall >= 0.8", "scores": "held_out"}

    plain = choose_threshold(y, score, CostMatrix(fn=1, fp=1), **given)
    weighted = choose_threshold(y, score, CostMatrix(fn=1, fp=1), prevalence=0.05, **given)

    assert weighted.guarantee.certified == plain.guarantee.certified
    assert weighted.guarantee.bound == plain.guarantee.bound


# what is never silent


def test_acting_on_nobody_or_everybody_is_said():
    y, score = sample()
    y[np.argmin(score)], y[np.argmax(score)] = True, False
    given = {"scores": "held_out"}

    with pytest.warns(CostOptWarning, match=r"\[never-or-always\] .* act on every case"):
        policy = choose_threshold(
            y, score, CostMatrix(fn=9999, fp=1), constraints="recall >= 0.8", **given
        )
    assert policy.decide(score=score).all()
    with pytest.warns(CostOptWarning, match=r"\[never-or-always\] .* act on no case"):
        policy = choose_threshold(
            y, score, CostMatrix(fn=1, fp=9999), constraints="alert_rate <= 0.5", **given
        )
    assert not policy.decide(score=score).any()


@pytest.mark.parametrize("argument", ["groups", "time"])
def test_dependent_cases_are_warned_of(argument):
    with pytest.warns(CostOptWarning, match=r"\[promise-untested\]"):
        chosen("recall >= 0.8", **{argument: np.arange(1500) // 2})


# where it shows


def test_a_promise_is_told_in_plain_sentences():
    policy, *_ = chosen(["recall >= 0.8", "alert_rate <= 0.5"], costs=CostMatrix(fn=1, fp=2))
    text = policy.explain()
    sample_recall, bound = (
        100 * each["recall"] for each in (policy.guarantee.sample, policy.guarantee.bound)
    )

    assert (
        "Recall of at least 80 % is promised with 90 % confidence, jointly with the other limits: "
        f"{sample_recall:.3g} % on these cases, at least {bound:.3g} % on new ones."
    ) in text
    assert "Alert rate of at most 50 % is promised" in text
    assert f"It costs {policy.guarantee.price:.4g} cost units per case beside the cheapest" in text
    assert "above all for recall >= 0.8." in text
    assert policy.overview().notes[0].startswith("Recall of at least 80 % is promised")


def test_what_is_not_promised_and_what_is_approximate_is_said():
    here, *_ = chosen("recall >= 0.1", confidence=None, scores=None)
    average, *_ = chosen("recall >= 0.1", scores="out_of_fold")

    assert "Recall of at least 10 % is kept on these cases: " in here.explain()
    assert "Nothing is promised of new cases" in here.explain()
    assert here.guarantee.bound == {}
    assert average.guarantee.approximate
    assert "The promise is approximate" in average.explain()
    assert "That costs nothing beside the cheapest threshold." in average.explain()
    assert average.guarantee.binding is None


@pytest.mark.parametrize("text", ["recall >= 0.8", "alert_rate <= 0.2"])
def test_a_promise_is_saved_and_loaded(tmp_path, text):
    policy, _, score = chosen(text)

    policy.save(tmp_path / "p")
    loaded = DecisionPolicy.load(tmp_path / "p")

    assert loaded.guarantee == policy.guarantee
    assert loaded.explain() == policy.explain()
    assert np.array_equal(loaded.decide(score=score), policy.decide(score=score))


def test_a_promise_of_another_threshold_is_refused():
    policy, *_ = chosen("alert_rate <= 0.05")

    with pytest.raises(PolicyError, match="a guarantee holds for the thresholds that it certifies"):
        replace(policy, rule=replace(policy.rule, threshold=0.01))
    for change in ({"certified": ()}, {"confidence": 1.5}, {"sample": {}}):
        with pytest.raises(DataError):
            replace(policy.guarantee, **change)


def test_costs_as_arrays_and_a_policy_without_limits_promise_nothing():
    y, score = sample()

    policy = choose_threshold(y, score, CaseCosts(fn=4, fp=1), scores="held_out")

    assert policy.guarantee is None
    assert "promised" not in policy.explain()
