import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from costopt import CaseCosts, decide
from costopt.calibration.identity import IdentityMap
from costopt.calibration.maps import MAPS
from costopt.decision.rules import GainRule, ThresholdRule
from costopt.evaluation.choice import POSITIVES_FOR_A_THRESHOLD, choose_rule
from costopt.evaluation.cross_fitting import CrossFitted, cross_fit
from costopt.evaluation.draws import Draws
from costopt.learners.protocol import Fold

QUICK = settings(max_examples=40, deadline=None, derandomize=True)
COSTS = CaseCosts(fp=1.0, fn=10.0)  # Bayes' threshold is 1 / 11


def halves(n):
    rows = np.arange(n)
    return Fold(rows[n // 2 :], rows[: n // 2]), Fold(rows[: n // 2], rows[n // 2 :])


def scored(n, positives, seed=0):
    """Calibrated scores and labels with so many positives, in random order."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) < positives)
    base = np.log(positives / (n - positives))
    # two normal classes one and a half apart: the log-odds are exactly linear in x
    x = rng.normal(size=n) + 1.5 * y
    return y, expit(base + 1.5 * x - 1.5**2 / 2)


def unchanged(score, calibrated=None, n_parts=2):
    """Scores that pass as they are, or whose cross-fitted probabilities are others."""
    maps = (IdentityMap(),) * n_parts
    return CrossFitted(score if calibrated is None else calibrated, IdentityMap(), maps)


def choose(y, score, costs=COSTS, known=None, weight=None, *, fitted=None, parts=None, **options):
    draws = options.pop("draws", None) or Draws(y.size, weight)
    parts = halves(y.size) if parts is None else parts
    fitted = unchanged(score, n_parts=len(parts)) if fitted is None else fitted
    return choose_rule(y, score, fitted, costs, known or costs, parts, draws, **options)


def spent(y, act, costs, weight=None):
    fp, fn, tp, tn = (np.broadcast_to(getattr(costs, c), y.shape) for c in ("fp", "fn", "tp", "tn"))
    cost = np.where(y, np.where(act, tp, fn), np.where(act, fp, tn))
    return np.average(cost, weights=weight)


# Asked for


def test_bayes_rule_is_asked_for():
    y, score = scored(400, 200)

    found = choose(y, score, threshold="bayes")

    assert found.rule == GainRule()
    assert_array_equal(found.act, score >= 1 / 11)
    assert_allclose(found.value, spent(y, score >= 1 / 11, COSTS))
    assert found.reason == "Bayes' rule was asked for"


def test_a_sampled_threshold_is_taken_as_it_is():
    y, score = scored(400, 200)

    found = choose(y, score, threshold="sampled", sampled=0.7)

    assert found.rule == ThresholdRule(0.7)
    assert_array_equal(found.act, score >= 0.7)
    assert_allclose(found.value, spent(y, score >= 0.7, COSTS))
    assert found.reason == "the threshold was sampled"


def test_bayes_rule_and_a_sampled_threshold_decide_on_cross_fitted_probabilities_alone():
    y, calibrated = scored(400, 200)
    pooled = 1 - calibrated

    for options in ({"threshold": "bayes"}, {"threshold": "sampled", "sampled": 1 / 11}):
        found = choose(y, pooled, fitted=unchanged(pooled, calibrated), **options)
        assert_array_equal(found.act, calibrated >= 1 / 11)


coarse = st.sampled_from([0.0, 0.2, 0.5, 0.5000001, 1.0])
money = st.sampled_from([0.0, 1.0, 7.0])


@QUICK
@given(
    st.lists(
        st.tuples(st.booleans(), coarse, money, money, st.sampled_from([0.5, 1.0, 3.0])),
        min_size=2,
        max_size=12,
    )
)
def test_the_exact_threshold_costs_the_least_of_all_thresholds_there_are(rows):
    y, score, fp, fn, weight = (np.array(column) for column in zip(*rows, strict=True))
    y, costs = y.astype(bool), CaseCosts(fp=fp, fn=fn)

    found = choose(y, score, costs, threshold="exact", weight=weight)

    every = [np.inf, -np.inf, *score]
    lowest = min(spent(y, score >= threshold, costs, weight) for threshold in every)
    assert_allclose(found.value, lowest, atol=1e-12)
    assert_allclose(spent(y, score >= found.rule.threshold, costs, weight), lowest, atol=1e-12)
    assert found.reason == "the cheapest threshold was asked for"


def test_a_threshold_is_chosen_on_the_probabilities_of_the_exported_map():
    y, pooled = scored(800, 300)
    calibrated = np.random.default_rng(1).permutation(pooled)

    exact = choose(y, pooled, fitted=unchanged(pooled, calibrated), threshold="exact")
    auto = choose(y, pooled, fitted=unchanged(pooled, calibrated))

    alone = choose(y, pooled, threshold="exact")
    assert exact.rule == auto.rule == alone.rule
    assert exact.value == alone.value
    assert_array_equal(exact.act, alone.act)
    assert_array_equal(auto.act, alone.act)


def test_never_and_always_may_be_the_exact_threshold():
    y, score = scored(400, 200)

    never = choose(y, 1 - score, CaseCosts(fp=1000.0, fn=1.0), threshold="exact")
    always = choose(y, 1 - score, CaseCosts(fp=1.0, fn=1000.0), threshold="exact")

    assert never.rule == ThresholdRule(np.inf)
    assert not never.act.any()
    assert always.rule == ThresholdRule(-np.inf)
    assert always.act.all()


# Cross-fitting of the threshold


@pytest.mark.parametrize("weighted", [False, True])
def test_each_fold_is_decided_by_the_cheapest_threshold_of_the_others(weighted):
    y, score = scored(60, 25)
    weight = np.random.default_rng(0).uniform(0.2, 3, 60) if weighted else None

    found = choose(y, score, threshold="exact", weight=weight)

    for fold in halves(60):
        others, own = fold.train, None if weight is None else weight[fold.train]

        def of_others(threshold, others=others, own=own):
            return spent(y[others], score[others] >= threshold, COSTS, own)

        # the decisions are those of some threshold, which the others cannot better
        acted, left = (
            score[fold.test][found.act[fold.test]],
            score[fold.test][~found.act[fold.test]],
        )
        assert not left.size or not acted.size or left.max() < acted.min()
        lower = left.max(initial=-np.inf)
        upper = acted.min(initial=np.inf)
        between = [upper, *score[others][(score[others] > lower) & (score[others] <= upper)]]
        every = [np.inf, -np.inf, *score[others]]
        assert_allclose(min(map(of_others, between)), min(map(of_others, every)))


def test_no_label_moves_the_decisions_on_its_own_fold():
    y, score = scored(400, 200)
    first, second = halves(400)
    clean = choose(y, score, threshold="exact")
    poisoned = y.copy()
    poisoned[first.test] = score[first.test] > 0.9

    found = choose(poisoned, score, threshold="exact")

    assert_array_equal(found.act[first.test], clean.act[first.test])
    assert not np.array_equal(found.act[second.test], clean.act[second.test])
    assert found.rule != clean.rule


def test_costs_and_weights_of_a_fold_do_not_move_its_own_decisions():
    y, score = scored(400, 200)
    first, _ = halves(400)
    fn, weight = np.full(400, 10.0), np.ones(400)
    clean = choose(y, score, CaseCosts(fp=1.0, fn=fn), threshold="exact", weight=weight)
    fn[first.test], weight[first.test] = 0.1, np.linspace(0.1, 9, 200)

    found = choose(y, score, CaseCosts(fp=1.0, fn=fn), threshold="exact", weight=weight)

    assert_array_equal(found.act[first.test], clean.act[first.test])


def test_a_part_without_training_rows_is_decided_by_bayes_rule_of_its_mean_costs():
    y, score = scored(100, 40)
    parts = Fold(np.arange(0), np.arange(30)), Fold(np.arange(30), np.arange(30, 100))
    costs = CaseCosts(fp=np.repeat([1.0, 3.0, 9.0], [15, 15, 70]), fn=np.repeat([8.0, 1.0], 50))

    found = choose(y, score, costs, parts=parts, threshold="exact")

    assert_array_equal(found.act[:30], score[:30] >= 2 / (2 + 8))


def test_map_and_threshold_of_a_part_are_fitted_together_on_the_same_rows():
    """On one row's neighbours: the threshold is chosen on what this map makes of them."""
    y, score = scored(3000, 1200)
    fitted = cross_fit(y, score, halves(3000), None, MAPS["isotonic"])

    found = choose(y, score, fitted=fitted, threshold="tuned")

    for part, calibrator in zip(halves(3000), fitted.maps, strict=True):
        alone = choose(
            y[part.train],
            score[part.train],
            fitted=CrossFitted(score[part.train], calibrator, ()),
            parts=(),
            threshold="exact",
        )
        expected = calibrator.apply(score[part.test]) >= alone.rule.threshold
        assert_array_equal(found.act[part.test], expected)


@pytest.mark.parametrize("kind", ["platt", "beta", "isotonic"])
def test_a_threshold_seldom_beats_bayes_rule_on_noise(kind):
    """By a map that had seen the row, isotonic regression let it win in half of the samples."""
    won = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y, score = rng.random(4000) < 0.3, rng.random(4000)
        fitted = cross_fit(y, score, halves(4000), None, MAPS[kind])
        found = choose(y, score, CaseCosts(fp=1.0, fn=7 / 3), fitted=fitted)
        won += isinstance(found.rule, ThresholdRule)

    assert won <= 6


# Chosen by what the data say


def test_costs_per_case_are_decided_case_by_case():
    y, score = scored(800, 400)
    costs = CaseCosts(fp=1.0, fn=np.random.default_rng(0).uniform(0.5, 30, 800))

    found = choose(y, 1 - score, costs)  # even where a threshold would be far cheaper

    assert found.rule == GainRule()
    assert_array_equal(found.act, decide(1 - score, costs))
    assert_allclose(found.value, spent(y, found.act, costs))
    assert found.reason.startswith("costs differ by case")


@pytest.mark.parametrize("positives", [5, POSITIVES_FOR_A_THRESHOLD, POSITIVES_FOR_A_THRESHOLD + 1])
def test_a_threshold_takes_more_positives_than_150(positives):
    y, score = scored(1500, positives)

    found = choose(y, score**4)  # badly calibrated: a threshold is much cheaper

    assert_array_equal(found.rule == GainRule(), positives <= 150)
    if positives <= 150:
        assert found.reason.startswith(
            f"{positives} positives are too few to choose a threshold from"
        )
        assert_allclose(found.value, spent(y, score**4 >= 1 / 11, COSTS))


def test_a_threshold_is_taken_where_it_is_significantly_cheaper():
    y, score = scored(2000, 600)
    wrong = score**4

    found = choose(y, wrong)
    exact = choose(y, wrong, threshold="exact")

    assert found.rule == exact.rule
    assert_array_equal(found.act, exact.act)
    # what the search minimises is honest: the threshold of the other folds, not of all
    assert_allclose(found.value, spent(y, exact.act, COSTS))
    assert found.value > exact.value
    difference = np.where(y, 10.0, -1.0) * (exact.act.astype(float) - (wrong >= 1 / 11))
    errors = difference.mean() / (difference.std() / np.sqrt(2000))
    assert errors > 1.645
    assert f"by {errors:.1f} standard errors out of fold" in found.reason


def test_bayes_rule_is_kept_where_no_threshold_is_significantly_cheaper():
    y, score = scored(2000, 600)

    found = choose(y, score)

    assert found.rule == GainRule()
    assert_array_equal(found.act, score >= 1 / 11)
    assert found.reason == "no threshold is significantly cheaper than Bayes' rule"


@QUICK
@given(st.integers(0, 30), st.sampled_from([0.8, 1.0, 1.25, 1.6]), st.booleans())
def test_the_proof_is_one_sided_five_per_cent_of_the_paired_difference(seed, power, weighted):
    y, score = scored(800, 250, seed)
    score = score**power
    weight = np.random.default_rng(seed).uniform(0.2, 3, 800) if weighted else np.ones(800)

    found = choose(y, score, weight=weight)

    by_threshold = choose(y, score, threshold="exact", weight=weight).act
    saved = np.where(y, 10.0, -1.0) * (by_threshold.astype(float) - (score >= 1 / 11))
    share = weight / weight.sum()
    mean = share @ saved
    error = np.sqrt(share**2 @ (saved - mean) ** 2)
    assert isinstance(found.rule, ThresholdRule) == (mean > 1.645 * error)


@pytest.mark.parametrize("copies", [1, 10])
def test_copies_of_the_cases_prove_nothing_more(copies):
    """600 positives with a threshold that is a little cheaper, each case once or ten times."""
    y, score = scored(2000, 600, seed=2)
    y, score = np.repeat(y, copies), np.repeat(score**1.25, copies)
    draws = Draws(y.size, units=np.repeat(np.arange(2000), copies))

    found = choose(y, score, draws=draws)

    by_threshold = choose(y, score, threshold="exact").act
    saved = np.where(y, 10.0, -1.0) * (by_threshold.astype(float) - (score >= 1 / 11))
    of_cases = saved.reshape(2000, copies).mean(axis=1)
    errors = of_cases.mean() / (of_cases.std() / np.sqrt(2000))
    assert isinstance(found.rule, ThresholdRule) == (errors > 1.645)
    alone = choose(y, score).rule if copies > 1 else found.rule
    assert isinstance(alone, ThresholdRule) == (errors * np.sqrt(copies) > 1.645)


def test_copies_of_positives_are_not_counted_as_more():
    y, score = scored(1000, 100)
    y, score = np.repeat(y, 10), np.repeat(score**4, 10)
    draws = Draws(y.size, units=np.repeat(np.arange(1000), 10))

    found = choose(y, score, draws=draws)

    assert found.rule == GainRule()
    assert found.reason.startswith(
        "1,000 positives, worth 100 independent and equally weighted ones, are too few"
    )


def test_both_rules_the_same_is_no_proof():
    """Scores without any overlap: no decision differs, and nothing is divided by nothing."""
    y = np.arange(600) % 2 == 0

    found = choose(y, np.where(y, 0.9, 0.05))

    assert found.rule == GainRule()
    assert found.value == 0


# Hindsight: what is known beforehand is constant, what is paid is not


def test_a_rule_sees_what_is_known_and_money_counts_what_is_paid():
    y, score = scored(1000, 300)
    paid = CaseCosts(fp=1.0, fn=np.where(y, np.random.default_rng(0).uniform(0, 20, 1000), 0.0))

    found = choose(y, score, paid, known=COSTS, threshold="bayes")

    assert_array_equal(found.act, score >= 1 / 11)
    assert_allclose(found.value, spent(y, score >= 1 / 11, paid))


def test_costs_that_are_constant_beforehand_may_have_a_threshold_by_what_they_turn_out_to_be():
    y, score = scored(2000, 600)
    wrong = score**4
    paid = CaseCosts(fp=1.0, fn=np.where(y, np.random.default_rng(0).uniform(0, 20, 2000), 0.0))

    found = choose(y, wrong, paid, known=COSTS)

    assert isinstance(found.rule, ThresholdRule)
    every = [spent(y, wrong >= threshold, paid) for threshold in wrong]
    assert_allclose(spent(y, wrong >= found.rule.threshold, paid), min(every))


@pytest.mark.parametrize("rate", [1e-9, 1e9])
@pytest.mark.parametrize("power", [1, 4])
def test_a_change_of_currency_changes_no_choice(rate, power):
    y, score = scored(1000, 300)
    dear = CaseCosts(fp=1.0 * rate, fn=10.0 * rate)

    first, second = choose(y, score**power), choose(y, score**power, dear)

    assert first.rule == second.rule
    assert_array_equal(first.act, second.act)
    assert_allclose(second.value / rate, first.value)
