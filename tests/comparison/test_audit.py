"""Costs counted twice, thresholds chosen on test rows, and what results should be doubted for."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    CostSpecError,
    DataError,
    OddsLedger,
    bayes_threshold,
    choose_threshold,
    compare,
    cost_curve,
    decide,
    optimize,
    scale_odds,
)
from costopt.checks import audit, check_threshold, costs_counted_twice
from costopt.comparison.counted import double_counting
from costopt.comparison.findings import Finding, ranked
from costopt.datasets import load_german_credit, make_transactions
from costopt.learners import ledger_of
from costopt.metrics import decision_cost
from costopt.showing.text import percent

REVIEW = CostMatrix(fn=100, fp=10, tp=10, unit="EUR")


def codes(findings):
    return [finding.code for finding in findings]


def scored(n_cases, positives=0.05, seed=0, shift=0.0):
    """Labels, and probabilities of them times a shift of the log odds."""
    rng = np.random.default_rng(seed)
    eta = rng.normal(math.log(positives / (1 - positives)), 1.5, n_cases)
    return rng.random(n_cases) < expit(eta), expit(eta + shift)


def payments(seed):
    X, y = make_transactions(20_000, fraud_rate=0.05, seed=seed)
    numbers = X[["amount", "hour", "age", "account_days", "amount_ratio", "count_24h"]]
    flags = (X["channel"] == "online", X["country"] != "home", X["category"] == "gift cards")
    return np.column_stack([np.log1p(numbers.clip(lower=0)), *flags]).astype(float), y.to_numpy()


# costs counted twice


def test_smote_with_class_weights_and_elkans_threshold():
    """The warning names every factor, and undoing them makes decisions as cheap as without."""
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    threshold = float(bayes_threshold(REVIEW))
    more, twice, plain = [], [], []
    for seed in (0, 2, 4, 6):
        X, y = payments(seed)
        X_new, y_new = payments(seed + 1)
        alone = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        piled = make_pipeline(
            StandardScaler(), SMOTE(random_state=0), LogisticRegression(class_weight={0: 1, 1: 9})
        ).fit(X, y)
        balance = (y == 0).sum() / (y == 1).sum()
        ledger = OddsLedger().record("SMOTE", balance).record("class weights", 9)
        with pytest.warns(CostOptWarning, match="costs-counted-twice") as caught:
            finding = costs_counted_twice(ledger, threshold, REVIEW)

        assert f"SMOTE {balance:.3g} x class weights 9" in str(caught[0].message)
        assert f"paid {balance * 9:.0f} times over" in finding.evidence
        score = piled.predict_proba(X_new)[:, 1]
        without = decide(alone.predict_proba(X_new)[:, 1], REVIEW)
        plain.append(decision_cost(y_new, without, REVIEW))
        twice.append(decision_cost(y_new, score >= threshold, REVIEW))
        more.append(decision_cost(y_new, decide(ledger.undo(score), REVIEW), REVIEW) - plain[-1])

    difference = np.concatenate(more)
    noise = difference.std() / math.sqrt(difference.size)
    cost = np.mean(plain)
    assert np.mean(twice) > 3 * cost  # it acts on nearly everybody
    assert difference.mean() < 2 * noise
    assert difference.mean() < 0.02 * cost


@pytest.mark.parametrize("multiplier", [1.0, 9.0, 400.0])
@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.5, 0.9])
def test_the_asserted_price_is_that_of_the_decisions(multiplier, threshold):
    """A cut under a multiplier decides as Bayes' rule does at the price that the finding names."""
    p = np.linspace(0.0005, 0.9995, 1999) + 1e-5  # on no threshold exactly
    act = scale_odds(p, multiplier) >= threshold
    asserted = multiplier * (1 - threshold) / threshold

    finding = double_counting(multiplier, threshold, CostMatrix(fn=asserted * 7, fp=1))

    assert np.array_equal(act, decide(p, CostMatrix(fn=asserted, fp=1)))
    assert "paid 7 times too little" in finding.evidence
    reached = float(finding.evidence.split("the threshold is ")[1].split()[0])
    assert_allclose(scale_odds([reached], multiplier), threshold, rtol=0.01)
    assert double_counting(multiplier, threshold, CostMatrix(fn=asserted, fp=1)) is None


def test_which_of_the_two_kinds_it_is():
    costs = CostMatrix(fn=100, fp=1)

    assert double_counting({"weights": 100}, 1 / 101, costs).code == "costs-counted-twice"
    assert double_counting({"weights": 1000}, 0.5, costs).code == "asserted-costs-differ"
    assert double_counting({"weights": 10}, 0.5, costs).code == "asserted-costs-differ"
    assert double_counting(OddsLedger(), 1 / 101, costs) is None
    assert double_counting({"weights": 100}, 0.5, costs) is None


def test_dear_false_alarms_are_counted_twice_in_the_other_direction():
    costs = CostMatrix(fn=1, fp=20)

    finding = double_counting({"weights": 0.05}, float(bayes_threshold(costs)), costs)

    assert finding.code == "costs-counted-twice"


def test_the_remedy_acts_where_undoing_would():
    ledger = OddsLedger().record("weights", 50)
    finding = double_counting(ledger, 0.1, CostMatrix(fn=9, fp=1))
    cut = float(finding.remedy.split("decide on the score itself at ")[1].split(";")[0])

    assert_allclose(ledger.undo([cut]), 0.1, rtol=2e-2)


def test_costs_per_case_are_counted_twice_case_by_case():
    costs = CaseCosts(fn=np.array([20.0, 200.0, 2000.0]), fp=1)

    finding = double_counting({"weights": 30}, bayes_threshold(costs), costs)

    assert "paid 30 times over" in finding.evidence
    assert "medians over cases" in finding.evidence


def test_no_warning_where_costs_count_once():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert costs_counted_twice({"class weights": 9}, 0.5, REVIEW) is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((9.0, 0.0, REVIEW), DataError, "must lie between 0 and 1, got 0.0 in place 0"),
        ((9.0, [0.5, np.inf], REVIEW), DataError, "got inf in place 1"),
        ((-1.0, 0.5, REVIEW), CostSpecError, "positive number, got -1.0"),
        ((9.0, 0.5, CaseCosts(fn=-1, fp=1)), DataError, "give no threshold"),
    ],
)
def test_what_cannot_be_counted(arguments, error, message):
    with pytest.raises(error, match=message):
        costs_counted_twice(*arguments)


# what an estimator does to the odds

Y = np.array(["ok"] * 900 + ["fraud"] * 100)


@pytest.mark.parametrize(
    ("estimator", "entries"),
    [
        (LogisticRegression(), ()),
        (LogisticRegression(class_weight="balanced"), (("class_weight", 9.0),)),
        (LogisticRegression(class_weight={"fraud": 6, "ok": 2}), (("class_weight", 3.0),)),
        (XGBClassifier(scale_pos_weight=7), (("scale_pos_weight", 7.0),)),
        (CalibratedClassifierCV(LogisticRegression(class_weight="balanced")), ()),
    ],
)
def test_weights_are_read_off(estimator, entries):
    assert ledger_of(estimator, Y, pos_label="fraud").entries == entries


def test_steps_count_one_after_the_other():
    """Weights that balance do nothing to rows that a sampler has balanced already."""
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import Pipeline
    from imblearn.under_sampling import RandomUnderSampler

    def of(*steps):
        named = [(f"s{number}", step) for number, step in enumerate(steps)]
        return ledger_of(Pipeline(named), Y, pos_label="fraud").entries

    balanced = LogisticRegression(class_weight="balanced")
    assert of(StandardScaler(), SMOTE(), balanced) == (("SMOTE", 9.0),)
    assert of(SMOTE(sampling_strategy=0.5), balanced) == (("SMOTE", 4.5), ("class_weight", 2.0))
    assert of(RandomUnderSampler(sampling_strategy=1.0), LogisticRegression()) == (
        ("RandomUnderSampler", 9.0),
    )


def test_the_ledger_is_what_the_sampler_really_does():
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    X = np.random.default_rng(0).normal(size=(1000, 3))
    sampler = SMOTE(sampling_strategy=0.4, random_state=0)
    _, after = sampler.fit_resample(X, Y)
    odds = [(y == "fraud").sum() / (y == "ok").sum() for y in (after, Y)]

    ledger = ledger_of(make_pipeline(sampler, LogisticRegression()), Y, pos_label="fraud")

    assert_allclose(ledger.multiplier, odds[0] / odds[1])


def test_balanced_ensembles_are_known():
    from imblearn.ensemble import BalancedRandomForestClassifier

    ledger = ledger_of(BalancedRandomForestClassifier(), Y, pos_label="fraud")

    assert ledger.entries == (("BalancedRandomForestClassifier", 9.0),)


# thresholds chosen on test rows


def test_a_threshold_chosen_on_the_test_rows_is_recognised():
    for seed in range(5):
        y, score = scored(4000, positives=0.1, seed=seed)
        chosen = cost_curve(y, score, REVIEW).best()
        finding = check_threshold(chosen.threshold, y, score, REVIEW)

        assert finding.code == "threshold-on-test-rows"
        assert f"at {chosen.mean_cost:.4g} EUR per case" in finding.evidence


def test_thresholds_chosen_elsewhere_are_left_alone():
    suspected = 0
    for seed in range(20):
        y, score = scored(4000, positives=0.1, seed=seed)
        elsewhere = cost_curve(*scored(4000, positives=0.1, seed=seed + 100), REVIEW).best()
        suspected += check_threshold(elsewhere.threshold, y, score, REVIEW) is not None

    assert suspected <= 1


def test_bayes_threshold_never_and_wide_gaps_are_not_suspected():
    y, score = scored(4000, positives=0.1)
    assert check_threshold(float(bayes_threshold(REVIEW)), y, score, REVIEW) is None
    assert check_threshold(np.inf, y, score, REVIEW) is None
    apart = np.where(y, 0.9, 0.1)
    assert check_threshold(0.4, y, apart, REVIEW) is None


# policies


def test_a_sound_policy_is_not_doubted():
    y, score = scored(10_000)

    assert audit(choose_threshold(y, score, REVIEW)) == ()


@pytest.mark.parametrize(("n_positives", "severity"), [(8, "error"), (60, "warning")])
def test_few_positives(n_positives, severity):
    y, score = scored(200 * n_positives, positives=0.005)
    kept = np.flatnonzero(y)[:n_positives]
    rows = np.sort(np.concatenate((kept, np.flatnonzero(~y))))
    policy = choose_threshold(y[rows], score[rows], REVIEW, cv=4)
    found = audit(policy)

    finding = next(each for each in found if each.code == "few-positives")
    assert finding.severity == severity
    assert f"rests on {n_positives} positives" in finding.evidence
    cost = policy.evidence.expected_cost
    wide = cost.high - cost.low > 2 * 0.25 * cost.value
    assert ("interval-wide" in codes(found)) == wide == (n_positives == 8)


def test_a_cut_on_few_positives():
    y, score = scored(1000)
    assert y.sum() <= 150

    assert "threshold-on-few-positives" in codes(
        audit(choose_threshold(y, score, REVIEW, threshold="exact"))
    )
    assert "threshold-on-few-positives" not in codes(audit(choose_threshold(y, score, REVIEW)))


def test_scores_of_a_weighted_model_are_found_out():
    """Calibration takes out what weights did; what is pasted elsewhere must know."""
    y, score = scored(10_000, shift=math.log(20))
    policy = choose_threshold(y, score, REVIEW)

    (finding,) = audit(policy)

    assert finding.code == "scores-not-probabilities"
    told = float(finding.evidence.split("odds are ")[1].split()[0])
    assert_allclose(told, 20, rtol=0.3)
    assert f"threshold is {policy.raw_threshold:.4g}, not 0.1" in finding.evidence


def test_odds_that_a_policy_undoes_are_told():
    y, score = scored(10_000)
    policy = replace(
        choose_threshold(y, score, REVIEW), ledger=OddsLedger().record("class weights", 19)
    )

    (finding,) = audit(policy)

    assert (finding.code, finding.severity) == ("odds-in-training", "note")
    assert "by 19 (class weights 19)" in finding.evidence


def test_scores_that_tell_nothing():
    y, _ = scored(3000)
    score = np.full(3000, 0.3)

    with pytest.warns(CostOptWarning, match="constant-scores"):
        policy = choose_threshold(y, score, CostMatrix(fn=5, fp=1))
    found = audit(policy)

    assert {"threshold-at-edge", "no-better-than-baseline"} <= set(codes(found))
    edge = next(finding for finding in found if finding.code == "threshold-at-edge")
    assert "acts never" in edge.evidence


def test_base_rate_of_deployment():
    y, score = scored(10_000)
    policy = choose_threshold(y, score, REVIEW)
    share = float(y.mean())

    (finding,) = audit(policy, prevalence=0.001)

    assert (finding.code, finding.severity) == ("prevalence-differs", "error")
    factor = 0.001 / 0.999 * (1 - share) / share
    assert f"scale_odds(probability, {factor:.3g})" in finding.remedy
    assert_allclose(scale_odds([share], factor), 0.001)
    assert audit(policy, prevalence=share) == ()


# searches and comparisons


def test_a_search_on_few_rows_is_doubted_for_its_optimism():
    X, y = load_german_credit()
    result = optimize(X[:300], y[:300], CostMatrix(fn=5, fp=1), n_trials=8, learners="logistic")
    found = audit(replace(result, apparent_cost=0.5 * result.expected_cost.value))

    finding = next(each for each in found if each.code == "apparent-cost-too-low")
    assert f"expected to cost {result.expected_cost.value:.4g}" in finding.evidence
    assert "apparent-cost-too-low" not in codes(
        audit(replace(result, apparent_cost=result.expected_cost.value))
    )
    assert "no-better-than-baseline" in codes(found) or result.savings.low > 0


def test_a_sampled_threshold_at_the_end_of_its_range():
    import optuna

    X, y = load_german_credit()
    result = optimize(X[:300], y[:300], CostMatrix(fn=5, fp=1), n_trials=4, learners="logistic")
    study = optuna.create_study()
    ranges = {
        "threshold": optuna.distributions.FloatDistribution(0.01, 0.99),
        "alpha": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        "depth": optuna.distributions.IntDistribution(2, 9),
        "class_ratio": optuna.distributions.FloatDistribution(0.1, 1.0),
        "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
    }
    values = {"threshold": 0.99, "alpha": 0.01, "depth": 2, "class_ratio": 1.0, "kind": "a"}
    study.add_trial(optuna.create_trial(params=values, distributions=ranges, value=1.0))

    found = audit(replace(result, study=study, trial_number=0))

    edges = {each.code: each.evidence for each in found if each.code.endswith("-at-edge")}
    assert "upper end of its range 0.01 to 0.99" in edges["threshold-at-edge"]
    assert "depth at the lower end of its range 2 to 9" in edges["parameter-at-edge"]
    assert "alpha" not in edges["parameter-at-edge"]
    assert "class_ratio" not in edges["parameter-at-edge"]


def test_accuracy_that_prefers_to_do_nothing():
    X, y = make_transactions(6000, fraud_rate=0.03)
    result = optimize(
        X.drop(columns=["time", "customer"]), y, REVIEW, n_trials=2, learners="logistic"
    )
    never = result.baselines["never act"]

    finding = next(each for each in audit(result) if each.code == "accuracy-misleads")

    assert f"right in {percent(1 - y.mean())}" in finding.evidence
    assert f"costs {never.value:.4g} EUR per case" in finding.evidence


def test_a_comparison_is_doubted_in_money():
    X, y = load_german_credit()
    names = ["logistic regression", "threshold 0.5", "class weights balanced"]
    found = compare(X, y, CostMatrix(fn=5, fp=1), strategies=names, cv=3)

    findings = {finding.code: finding for finding in audit(found, prevalence=0.02)}

    assert findings["prevalence-differs"].severity == "error"
    favourite = max(found.results, key=lambda each: each.metrics["accuracy"])
    assert not favourite.tied  # the threshold at 0.5, which costs more
    assert f"{favourite.name} is right most often" in findings["accuracy-misleads"].evidence
    (tied,) = [each.name for each in found.results[1:] if each.tied]
    unclear = findings["winner-unclear"]
    assert unclear.evidence == (
        f"1 of 2 other strategies are statistically tied with the cheapest, {found.cheapest}: {tied}"
    )
    assert unclear.remedy == f"the simplest of them, {found.best}, is selected"


def test_strategies_that_could_not_run_are_named():
    X, y = load_german_credit()
    names = ["logistic regression", "ADASYN"]
    found = compare(X, y, CostMatrix(fn=5, fp=1), strategies=names, cv=3)
    assert set(found.skipped) == {"ADASYN"}

    finding = next(each for each in audit(found) if each.code == "skipped-strategies")

    assert finding.evidence.startswith("1 strategies could not run: ADASYN (")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2],), {}, "audit takes a SearchResult, a Comparison or a DecisionPolicy, got list"),
        ((None,), {"prevalence": 1.0}, "must lie between 0 and 1, got 1.0"),
    ],
)
def test_what_cannot_be_audited(arguments, options, message):
    with pytest.raises(DataError, match=message):
        audit(*arguments, **options)


# findings


def test_a_finding_can_be_read_stored_and_issued():
    finding = Finding("few-positives", "warning", "there are 3", "get more")

    assert str(finding) == "warning [few-positives] there are 3: get more"
    assert Finding(**finding.to_dict()) == finding
    with pytest.warns(CostOptWarning, match="there are 3: get more") as caught:
        finding.warn()
    assert caught[0].message.code == "few-positives"
    assert caught[0].filename == __file__


def test_findings_are_ranked_by_severity_and_else_keep_their_order():
    made = [
        Finding(code, severity, "", "")
        for code, severity in zip("abcd", ["note", "error", "warning", "error"], strict=True)
    ]

    assert codes(ranked([*made, None])) == ["b", "d", "c", "a"]
