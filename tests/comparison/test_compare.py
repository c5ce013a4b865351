"""Strategies side by side: each cost counted again by hand, and what frames, orders and exports them."""

import math
import time as clock

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from costopt import (
    CaseCosts,
    CostMatrix,
    DataError,
    DecisionPolicy,
    SearchError,
    SklearnLearner,
    Strategy,
    XGBoostLearner,
    compare,
    decide,
)
from costopt.calibration.identity import IdentityMap
from costopt.comparison.strategies import STRATEGIES, at_one_half
from costopt.datasets import load_german_credit, make_transactions
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.cross_fitting import cross_fit
from costopt.evaluation.trial import evaluate
from costopt.learners.logistic import LogisticLearner
from costopt.metrics import decision_cost

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")
# What needs no training of its own beside the plain model's.
BY_THRESHOLD = [
    "threshold 0.5",
    "Bayes threshold (raw)",
    "Bayes threshold (calibrated)",
    "tuned threshold (raw)",
    "tuned threshold (calibrated)",
    "threshold 0.5 (calibrated)",
]
FAST = ["logistic regression", "class weights from costs", "SMOTE", *BY_THRESHOLD]


def clusters(n=600, rate=0.15, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    X = pd.DataFrame(rng.normal(size=(n, 4)) + 1.2 * y[:, None] * [1, 1, 0, 0], columns=[*"abcd"])
    X["amount"] = np.round(rng.lognormal(3, 1, n) + 6, 2)
    return X, y


def fast(X, y, costs=COSTS, strategies=FAST, **options):
    given = {"learner": "logistic", "n_jobs": 1, **options}
    return compare(X, y, costs, strategies=strategies, **given)


@pytest.fixture(scope="module")
def found():
    X, y = clusters()
    return fast(X, y, COSTS)


# --- each cost, counted by hand ---


@pytest.fixture(scope="module")
def by_hand():
    """Out-of-fold scores of the plain logistic regression, by scikit-learn."""
    X, y = clusters()
    raw = np.empty(y.size)
    splits = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    for train, test in splits:
        scaler = StandardScaler().fit(X.iloc[train])
        model = LogisticRegression(C=LogisticLearner().defaults()["C"], max_iter=5000, tol=1e-8)
        model.fit(scaler.transform(X.iloc[train]), y[train])
        raw[test] = model.predict_proba(scaler.transform(X.iloc[test]))[:, 1]
    return y, raw, splits


def money(y, act):
    (_, fp), (fn, _) = confusion_matrix(y, act)
    return (8 * fn + fp) / y.size


def cheapest_cut(y, score):
    """By trying each of them."""
    cuts = np.append(np.unique(score), np.inf)
    acts = score >= cuts[:, None]
    return cuts[np.argmin(np.where(y == 1, 8.0 * ~acts, 1.0 * acts).sum(axis=1))]


@pytest.mark.parametrize(
    ("name", "cut"), [("threshold 0.5", 0.5), ("Bayes threshold (raw)", 1 / 9)]
)
def test_the_models_own_scores_get_a_threshold_and_a_cost(found, by_hand, name, cut):
    y, raw, _ = by_hand
    act = raw >= cut

    result = found[name]

    assert result.expected_cost.value == pytest.approx(money(y, act), abs=2e-3)
    assert result.threshold == pytest.approx(cut)
    assert result.metrics["f1"] == pytest.approx(f1_score(y, act), abs=0.01)
    assert result.metrics["roc_auc"] == pytest.approx(roc_auc_score(y, raw), abs=1e-3)
    assert result.metrics["alert_share"] == pytest.approx(act.mean(), abs=0.005)


def test_bayes_threshold_on_calibrated_scores_is_platt_by_the_other_folds(found, by_hand):
    y, raw, _ = by_hand
    problem = found.problem
    calibrated = cross_fit(y == 1, raw, problem.folds.folds).calibrated

    result = found["Bayes threshold (calibrated)"]

    assert result.expected_cost.value == pytest.approx(money(y, calibrated >= 1 / 9), abs=2e-3)
    assert result.metrics["brier_score"] == pytest.approx(np.mean((calibrated - y) ** 2), abs=1e-4)


def test_a_tuned_threshold_is_judged_on_folds_that_it_was_not_chosen_on(found, by_hand):
    y, raw, splits = by_hand
    act = np.empty(y.size, dtype=bool)
    for train, test in splits:  # of one split per fold, the other folds' rows are the training rows
        act[test] = raw[test] >= cheapest_cut(y[train], raw[train])

    result = found["tuned threshold (raw)"]

    on_all = money(y, raw >= cheapest_cut(y, raw))
    assert result.expected_cost.value == pytest.approx(money(y, act), abs=0.02)
    assert result.expected_cost.value >= on_all - 1e-9


@pytest.mark.parametrize("name", ["xgboost", "random over-sampling", "SMOTE"])
def test_every_cost_is_that_of_the_one_pipeline(name, make_rows):
    """The same as evaluating the candidate alone, for money per case and per-case costs."""
    X, y = make_rows()
    costs = CostMatrix(fn="amount", fp=2, tp=0.01)
    learner = XGBoostLearner(max_rounds=15)

    found = compare(X, y, costs, strategies=[name], learner=learner, cv=3, n_jobs=1)

    problem = found.problem
    strategy = STRATEGIES[name]
    alone = evaluate(
        problem,
        Candidate(
            "xgboost", learner.defaults(), strategy.resampling, 1.0 if strategy.ratio else None
        ),
    )
    assert_allclose(found[name].expected_cost.value, alone.row_cost.mean() * problem.scale)
    truth = np.where(y == 1, np.where(alone.choice.act, 0.01, X["amount"]), 2.0 * alone.choice.act)
    assert_allclose(alone.row_cost * problem.scale, truth)


@pytest.mark.parametrize("source", ["balanced", "from costs"])
def test_weights_to_balance_and_weights_from_costs_are_two_things(source):
    """Both are trained, each with its own ratio: once per negatives per positive, once per costs."""
    X, y = clusters()
    names = ["class weights balanced", "class weights from costs"]

    found = fast(X, y, COSTS, names)

    ratios = {"balanced": 1.0, "from costs": 8 * y.sum() / (y == 0).sum()}
    multipliers = {"balanced": (y == 0).sum() / y.sum(), "from costs": 8.0}
    alone = evaluate(
        found.problem,
        Candidate("logistic", LogisticLearner().defaults(), "weight", ratios[source]),
    )
    record = found.records[f"class weights {source}"].found
    assert_allclose(record.odds_multipliers, multipliers[source], rtol=0.02)
    result = found[f"class weights {source}"]
    assert_allclose(result.metrics["brier_score"], np.mean((alone.calibrated - y) ** 2))


# --- order, differences, frame ---


def test_the_cheapest_comes_first_and_differences_are_paired(found):
    costs = [result.expected_cost.value for result in found.results]

    assert costs == sorted(costs)
    assert found.cheapest == found.results[0].name
    assert len(found.records) == len(FAST)
    for result in found.results:
        assert result.difference.value == pytest.approx(
            result.expected_cost.value - costs[0], abs=1e-12
        )
        assert result.difference.low <= result.difference.value <= result.difference.high
        assert result.tied == (not result.difference.low > 0)
    assert found.results[0].difference.note == "no row is decided differently"


def test_strategies_that_are_the_same_thing_share_a_row(found):
    """Bayes' rule on Platt's map is what a plain model does with constant costs."""
    shared = found["logistic regression"]

    assert shared.same_as == ("Bayes threshold (calibrated)",)
    assert found["Bayes threshold (calibrated)"] is shared
    assert [result.name for result in found.results].count("logistic regression") == 1
    assert shared.title == "logistic regression = Bayes threshold (calibrated)"
    assert len(found.results) == len(FAST) - 1
    assert found.policy("Bayes threshold (calibrated)").threshold == pytest.approx(1 / 9)


def test_what_comes_to_other_scores_or_decisions_has_a_row_of_its_own():
    X, y = clusters()
    alike = Strategy("twin", "", "", "", resampling="weight", ratio="balanced")

    found = fast(X, y, COSTS, ["class weights balanced", "threshold 0.5", alike])

    assert {result.title for result in found.results} == {
        "class weights balanced = twin",
        "threshold 0.5",
    }


def test_the_simplest_of_the_tied_is_selected_and_exported():
    """On labels that nothing predicts, whatever looks cheapest only looks so."""
    X, y = clusters()
    y = np.random.default_rng(1).permutation(y)

    found = fast(X, y, COSTS, ["SMOTE", "class weights balanced", "logistic regression"], cv=3)

    assert all(result.tied for result in found.results)
    assert found.best == "logistic regression"
    text = found.summary()
    if found.cheapest != found.best:
        assert f"the simplest of 3 that are tied with the cheapest ({found.cheapest})" in text
    policy = found.policy()
    assert policy.params == found.policy("logistic regression").params
    assert policy.evidence.expected_cost == found.expected_cost
    assert policy.evidence.selection_bias == pytest.approx(found.selection_bias)


def test_a_model_that_is_significantly_cheaper_is_selected_whatever_it_takes():
    """Where classes meet in a ring a linear model is useless, and boosted trees are not."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["a", "b"])
    y = ((X**2).sum(axis=1) > 2.5).astype(int).to_numpy()

    found = fast(X, y, CostMatrix(fn=2, fp=1), ["logistic regression", "random forest"])

    assert found.best == found.cheapest == "random forest"
    assert not found["logistic regression"].tied
    assert found.selection_bias == 0.0


def test_rules_without_a_model_are_compared_and_not_exported():
    X, y = clusters()
    y = np.random.default_rng(1).permutation(y)

    found = fast(X, y, CostMatrix(fn=1, fp=3), ["logistic regression", "SMOTE"], cv=3)

    assert set(found.beside) == {"never act", "always act"}
    never, always = found.beside.values()
    assert never.value == pytest.approx(
        found.baselines["never act"].value - found.results[0].expected_cost.value
    )
    assert always.low > 0
    assert "Without a model, never act is tied with the cheapest." in found.summary()
    assert found.best in {"logistic regression", "SMOTE"}


def test_a_paired_difference_is_surer_than_two_intervals(found):
    """Rows that cost much under both strategies say nothing of which costs more."""
    result = found["Bayes threshold (calibrated)"]
    width = result.difference.high - result.difference.low

    assert width < 0.7 * (result.expected_cost.high - result.expected_cost.low)


def test_baselines_are_what_acting_never_always_and_knowingly_costs(found):
    y = clusters()[1]
    values = {name: estimate.value for name, estimate in found.baselines.items()}

    assert values == {
        "never act": pytest.approx(8 * y.mean()),
        "always act": pytest.approx((1 - y).mean()),
        "perfect knowledge": 0.0,
    }
    savings = 1 - found.results[0].expected_cost.value / min(
        values["never act"], values["always act"]
    )
    assert found.results[0].savings.value == pytest.approx(savings)


def test_results_do_not_depend_on_what_else_is_compared(found):
    X, y = clusters()

    for alone in (["SMOTE"], ["threshold 0.5", "SMOTE"], ["RUSBoost", "SMOTE"]):
        other = fast(X, y, COSTS, alone)["SMOTE"]

        assert other.expected_cost == found["SMOTE"].expected_cost
        assert other.metrics == found["SMOTE"].metrics
        assert other.savings == found["SMOTE"].savings


def test_the_same_call_gives_the_same_ranking_on_any_number_of_cores(found):
    X, y = clusters()

    again = fast(X, y, COSTS, n_jobs=2)

    for one, other in zip(found.results, again.results, strict=True):
        assert (one.name, one.expected_cost, one.difference) == (
            other.name,
            other.expected_cost,
            other.difference,
        )


def test_strategies_that_differ_in_their_decisions_share_their_training(found):
    seconds = {found[name].seconds for name in BY_THRESHOLD}

    assert len(seconds) == 1
    assert found["SMOTE"].seconds not in seconds


def test_the_cheapest_is_corrected_for_having_been_chosen():
    """On labels that nothing predicts, whatever looks cheapest only looks so."""
    gaps = []
    for seed in range(6):
        X, y = clusters(200, seed=seed)
        y = np.random.default_rng(100 + seed).permutation(y)
        result = fast(X, y, COSTS, ["logistic regression", "SMOTE", "class weights balanced"], cv=3)
        gaps.append(result.expected_cost.value - result.results[0].expected_cost.value)

    assert np.mean(gaps) > 0
    assert min(gaps) > -0.02


def test_where_there_is_one_strategy_nothing_was_chosen():
    X, y = clusters()

    found = fast(X, y, COSTS, "logistic regression")

    assert found.expected_cost.value == pytest.approx(
        found.results[0].expected_cost.value, rel=0.02
    )


def test_money_is_money_in_any_currency(found):
    X, y = clusters()

    for rate in (1e-6, 1e6):
        other = fast(X, y, CostMatrix(fn=8 * rate, fp=rate))

        assert [result.name for result in other.results] == [r.name for r in found.results]
        assert_allclose(
            [result.expected_cost.value / rate for result in other.results],
            [result.expected_cost.value for result in found.results],
        )


# --- skipped, with a true reason ---


def test_what_cannot_be_done_is_listed_with_its_reason(make_rows):
    X, y = make_rows()
    names = ["logistic regression", "ADASYN", "isotonic calibration", "beta calibration"]

    found = fast(X, y, COSTS, names)

    assert list(found.skipped) == ["ADASYN", "isotonic calibration", "beta calibration"]
    assert "adasyn interpolates numbers only, and column 'kind'" in found.skipped["ADASYN"]
    positives = int(y.sum())
    for kind, least in (("isotonic", 1000), ("beta", 100)):
        reason = found.skipped[f"{kind} calibration"]
        assert reason.startswith(
            f"{kind} calibration needs at least {least} positives, got {positives}"
        )
    with pytest.raises(SearchError, match="'ADASYN' was not run: adasyn interpolates numbers only"):
        found["ADASYN"]
    with pytest.raises(SearchError, match="'ADASYN' was not run"):
        found.policy("ADASYN")
    frame = found.to_frame().set_index("strategy")
    assert frame.loc["ADASYN", "skipped"] == found.skipped["ADASYN"]
    assert math.isnan(frame.loc["ADASYN", "cost"])
    assert "Not run:\n  ADASYN: adasyn interpolates" in found.summary()


def test_what_a_library_raises_is_a_reason_too():
    class Fragile(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            if y.mean() > 0.4:
                raise ArithmeticError("too many positives\nand more")
            return super().fit(X, y, sample_weight)

    X, y = clusters()
    learner = SklearnLearner(Fragile(max_iter=5000), name="fragile")

    found = fast(X, y, COSTS, ["random under-sampling", "threshold 0.5"], learner=learner)

    reason = "fragile could not be trained on these rows: too many positives"
    assert found.skipped == {"random under-sampling": reason}
    assert found.best == "threshold 0.5"


def test_learners_that_take_no_weights_are_left_out_of_a_weighted_comparison():
    X, y = clusters()
    names = ["logistic regression", "isolation forest", "EasyEnsemble", "SMOTE"]

    found = fast(X, y, COSTS, names, sample_weight=np.where(y == 1, 1.0, 2.0))

    assert list(found.skipped) == ["isolation forest", "EasyEnsemble"]
    assert found.skipped["EasyEnsemble"] == (
        "easy_ensemble takes no weights, so it cannot learn what each row stands for"
    )
    with pytest.raises(SearchError, match="isolation forest: isolation_forest takes no weights"):
        fast(X, y, COSTS, "isolation forest", prevalence=0.1)


def test_weights_do_not_reach_a_learner_that_takes_none():
    from sklearn.neighbors import KNeighborsClassifier

    X, y = clusters()
    learner = SklearnLearner(KNeighborsClassifier(15), name="neighbours")
    names = ["threshold 0.5", "class weights balanced", "random over-sampling", "SMOTE"]

    found = fast(X, y, COSTS, names, learner=learner)

    assert found.skipped == {"class weights balanced": "neighbours takes no weights"}


def test_a_device_that_a_learner_knows_nothing_of_is_skipped():
    X, y = clusters()

    found = fast(X, y, COSTS, ["logistic regression", "SMOTE"], learner="isolation_forest")

    assert found.skipped == {"SMOTE": "isolation_forest cannot be combined with 'smote'"}


def test_where_nothing_can_be_run_all_reasons_are_told():
    X, y = clusters()

    with pytest.raises(SearchError, match="no strategy could be run: isotonic calibration: .*1000"):
        fast(X, y, COSTS, ["isotonic calibration"])


# --- time ---


def test_when_time_is_over_what_is_done_is_returned():
    X, y = clusters()
    start = clock.monotonic()

    found = fast(
        X, y, COSTS, ["logistic regression", "EasyEnsemble", "threshold 0.5"], timeout=1e-6
    )

    assert clock.monotonic() - start < 5
    assert found.best in {"logistic regression", "threshold 0.5"}
    assert found.skipped == {"EasyEnsemble": "the time of 1e-06 seconds was over"}
    assert "threshold 0.5" in found.records  # it needs no training any more


def test_the_first_that_can_be_run_is_waited_for():
    X, y = clusters()

    found = fast(X, y, COSTS, ["isotonic calibration", "SMOTE", "random forest"], timeout=1e-6)

    assert [result.name for result in found.results] == ["SMOTE"]
    assert list(found.skipped) == ["isotonic calibration", "random forest"]


# --- policies ---


@pytest.mark.parametrize("name", [None, "SMOTE", "threshold 0.5", "tuned threshold (raw)"])
def test_any_of_them_can_be_exported_and_saved(found, name, tmp_path):
    X, _ = clusters()

    policy = found.policy(name)
    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    result = found[name or found.best]
    assert_array_equal(loaded.decide(X), policy.decide(X))
    assert policy.threshold == pytest.approx(result.threshold)
    if name is None:
        assert policy.evidence.expected_cost.value == pytest.approx(found.expected_cost.value)
    else:
        assert policy.evidence.expected_cost.value == pytest.approx(result.expected_cost.value)
    # decisions on the rows it was made from: about as many alerts as out of fold
    assert policy.decide(X).mean() == pytest.approx(result.metrics["alert_share"], abs=0.05)


def test_a_policy_at_one_half_undoes_nothing(found):
    X, y = clusters()
    given = [at_one_half("class weights balanced"), at_one_half("SMOTE")]

    policy = fast(X, y, COSTS, given).policy("class weights balanced")

    assert policy.calibrator == IdentityMap()
    assert policy.ledger_of_score.multiplier == 1
    assert policy.threshold == policy.raw_threshold == 0.5
    balanced = LogisticRegression(C=1.0, class_weight="balanced", max_iter=5000)
    scaler = StandardScaler().fit(X)
    expected = balanced.fit(scaler.transform(X), y).predict(scaler.transform(X))
    assert np.mean(policy.decide(X) == expected) > 0.99


def test_a_model_that_has_no_safe_form_still_decides():
    X, y = clusters()
    learner = SklearnLearner(RandomForestClassifier(20))

    policy = fast(X, y, COSTS, ["threshold 0.5", "SMOTE"], learner=learner).policy("SMOTE")

    assert policy.decide(X).shape == (600,)
    assert policy.model_name == "RandomForestClassifier"


# --- what is told ---


def test_the_table_has_a_row_for_each_and_all_that_people_look_at(found):
    frame = found.to_frame()

    assert list(frame["strategy"]) == [result.name for result in found.results]
    assert frame["cost"].is_monotonic_increasing
    metrics = {
        "precision", "recall", "f1", "specificity", "g_mean", "accuracy", "alert_share", "roc_auc",
        "average_precision", "brier_score",
    }  # fmt: skip
    assert metrics <= set(frame.columns)
    assert {"savings", "difference", "threshold", "seconds", "skipped", "cost_low"} <= set(frame)
    assert frame["skipped"].isna().all()
    row = frame.set_index("strategy").loc["SMOTE"]
    assert row["g_mean"] == pytest.approx(math.sqrt(row["recall"] * row["specificity"]))
    assert row["cost_low"] <= row["cost"] <= row["cost_high"]


def test_the_summary_frames_the_ranking_and_warns_of_accuracy(found):
    y = clusters()[1]
    text = found.summary()
    names = [line.split("  ")[0] for line in text.splitlines()]

    ranked = [names.index(result.title) for result in found.results]
    assert names.index("perfect knowledge") < ranked[0]
    assert ranked == sorted(ranked)
    assert ranked[-1] < names.index("never act") < names.index("always act")
    assert f"{len(FAST)} strategies on 600 cases, of which {y.sum()}" in text
    assert f"a model that never acts is {100 * (1 - y.mean()):.3g} % accurate" in text
    assert f"Selected: {found.best}, the " in text
    assert f"Expected to cost {found.expected_cost.value:.4g} EUR per case (95% interval:" in text
    tied = [result.name for result in found.results if result.tied and result.name != found.best]
    assert f"Statistically tied with the cheapest: {'; '.join(tied)}." in text
    assert found.best in repr(found)
    assert f"n_strategies={len(found.results)}, n_skipped=0" in repr(found)


def test_advice_and_data_may_disagree_and_then_it_is_said(found):
    told = found.disagreements()

    for words in told:
        assert words.startswith(
            ("advised first, but significantly more expensive", "advised against, but the cheapest")
        )
        assert words in found.summary()


def test_one_that_is_advised_against_and_wins_is_named():
    """Here it is the only one that is compared."""
    X, y = clusters(rate=0.3)

    found = fast(X, y, CostMatrix(fn=8, fp=1), ["threshold 0.5"])

    assert found.best in found.advice.avoid
    assert found.disagreements() == ("advised against, but the cheapest here: threshold 0.5",)


def test_a_bar_names_what_is_at_work(capsys):
    X, y = clusters()

    fast(X, y, COSTS, ["threshold 0.5", "SMOTE"], progress=True)
    shown = capsys.readouterr().err
    fast(X, y, COSTS, ["threshold 0.5", "SMOTE"])

    assert "SMOTE" in shown
    assert capsys.readouterr().err == ""


# --- costs per case, groups, time, prevalence ---


def test_costs_per_case_are_decided_case_by_case():
    X, y = clusters()
    costs = CostMatrix(fn="amount", fp=5, tp=5)

    found = fast(X, y, costs)

    resolved = costs.resolve(X)
    problem = found.problem
    result = found["Bayes threshold (raw)"]
    raw = evaluate(problem, Candidate("logistic", {"C": LogisticLearner().defaults()["C"]})).raw
    by_hand = decision_cost(y, decide(raw, resolved), resolved)
    assert result.expected_cost.value == pytest.approx(by_hand.mean())
    assert result.threshold is None
    assert found["threshold 0.5"].threshold == 0.5
    perfect = np.where(y == 1, np.minimum(5, X["amount"]), 0)
    assert found.baselines["perfect knowledge"].value == pytest.approx(perfect.mean())
    assert result.description == STRATEGIES["Bayes threshold (raw)"].does


def test_costs_may_be_arrays():
    X, y = clusters()
    arrays = CaseCosts(fn=X["amount"].to_numpy(), fp=5.0, tp=5.0)

    one = fast(X, y, arrays, ["SMOTE", "cost-proportionate rejection", "case weights"])
    other = fast(
        X,
        y,
        CostMatrix(fn="amount", fp=5, tp=5),
        ["SMOTE", "cost-proportionate rejection", "case weights"],
    )

    assert [(r.name, r.expected_cost.value) for r in one.results] == [
        (r.name, pytest.approx(r.expected_cost.value)) for r in other.results
    ]


def test_groups_stay_on_one_side_and_are_drawn_together():
    X, y = clusters()
    X["customer"] = np.arange(600) // 4

    found = fast(X, y, COSTS, groups="customer")

    folds = found.problem.folds
    assert folds.kind == "grouped"
    for fold in folds.folds:
        assert not set(X["customer"].iloc[fold.train]) & set(X["customer"].iloc[fold.test])
    assert "customer" not in found.problem.schema.names
    assert len(found.records) == len(FAST)


def test_with_time_the_future_stays_out_and_the_first_period_is_not_judged():
    X, y = clusters()
    X["day"] = pd.date_range("2024-01-01", periods=600, freq="h")

    found = fast(X, y, COSTS, time="day", cv=4)

    assert found.problem.folds.kind == "time-ordered"
    assert found.results[0].expected_cost.n == 480
    never = found.baselines["never act"].value
    assert never == pytest.approx(8 * y[120:].mean())
    assert len(found.records) == len(FAST)


def test_prevalence_weighs_money_as_the_population_has_it():
    X, y = clusters()

    found = fast(X, y, COSTS, prevalence=0.02)

    assert found.baselines["never act"].value == pytest.approx(8 * 0.02)
    assert found.baselines["always act"].value == pytest.approx(0.98)
    raw = found["threshold 0.5"].metrics
    by_class = 0.02 * raw["recall"] + 0.98 * (1 - raw["specificity"])
    assert raw["alert_share"] == pytest.approx(by_class)
    assert len(found.records) == len(FAST)


# --- what is refused, before anything is fitted ---


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"strategies": "SMOT"}, SearchError, "no strategy 'SMOT': did you mean 'SMOTE'"),
        ({"strategies": []}, SearchError, "strategies must be 'all' or a list of names"),
        ({"learner": "xgbost"}, SearchError, "no learner named 'xgbost': did you mean 'xgboost'"),
        ({"timeout": 0}, SearchError, "timeout must be a number of seconds above 0, got 0"),
        ({"timeout": "1"}, SearchError, "timeout must be a number of seconds above 0, got '1'"),
        ({"timeout": True}, SearchError, "timeout must be a number of seconds above 0, got True"),
        ({"timeout": math.nan}, SearchError, "timeout must be .* got nan"),
        ({"cv": 1}, DataError, "cv must be at least 2 folds"),
        ({"cv": 300}, DataError, "positive rows for 300 folds"),
        ({"prevalence": 2}, DataError, "prevalence, the share of positives"),
        ({"random_state": None}, DataError, "random_state must be a whole number"),
        ({"groups": "custmer"}, DataError, "groups names the column 'custmer'"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_fitted(change, error, message):
    class Never(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            raise AssertionError("fitted")

    X, y = clusters()
    options = {"strategies": ["threshold 0.5"], "learner": SklearnLearner(Never()), **change}

    with pytest.raises(error, match=message):
        compare(X, y, COSTS, **options)


def test_an_unknown_name_is_refused_with_the_nearest(found):
    with pytest.raises(SearchError, match="there is no strategy 'SMOTEE': did you mean 'SMOTE'"):
        found["SMOTEE"]
    with pytest.raises(SearchError, match="there is no strategy 'smote'"):
        found.policy("smote")


def test_nothing_of_the_callers_is_changed():
    X, y = clusters()
    before = X.copy(), y.copy()
    state = np.random.get_state()[1].copy()  # noqa: NPY002  # the one that must not move

    fast(X, y, COSTS, ["SMOTE", "RUSBoost", "threshold 0.5"])

    pd.testing.assert_frame_equal(X, before[0])
    assert_array_equal(y, before[1])
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_a_strategy_of_ones_own_is_compared_by_its_name():
    X, y = clusters()
    own = Strategy(
        "cautious SMOTE",
        "SMOTE by the costs",
        "?",
        "?",
        resampling="smote",
        ratio="costs",
        rule="bayes",
    )

    found = fast(X, y, COSTS, [own, "SMOTE"])

    assert found["cautious SMOTE"].description == "SMOTE by the costs"


# --- every name, on what people have ---

TRUE_REASONS = (
    "interpolates numbers only",
    "calibration needs at least",
    "found no positive near the border",
    "cannot be done on these training rows",
    "cost-proportionate rejection kept",
    "is worse than random, ensemble can not be fit",  # RUSBoost, of a few positives
)


def check_all(found, least):
    assert len(found.results) + len(found.skipped) == len(STRATEGIES)
    assert len(found.results) >= least
    for name, reason in found.skipped.items():
        assert any(words in reason for words in TRUE_REASONS), (name, reason)
    for result in found.results:
        assert math.isfinite(result.expected_cost.value), result.name
        assert result.expected_cost.value <= 2 * found.baselines["never act"].value, result.name
    assert found.summary()


@pytest.mark.slow
def test_every_name_runs_on_german_credit():
    X, y = load_german_credit()

    found = compare(X, y, CostMatrix(fn=5, fp=1))

    check_all(found, len(STRATEGIES) - 4)
    assert set(found.skipped) == {"ADASYN", "BorderlineSMOTE", "SVM-SMOTE", "isotonic calibration"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
def test_every_name_runs_on_transactions_with_gaps():
    X, y = make_transactions(4000, fraud_rate=0.03, missing_rate=0.1, seed=0)

    found = compare(X, y, CostMatrix(fn="amount", fp=10, tp=10), time="time", ignore="customer")

    check_all(found, len(STRATEGIES) - 6)


@pytest.mark.slow
def test_every_name_runs_on_twelve_positives_among_ten_thousand():
    X, y = a_dozen(10_000)

    found = compare(X, y, CostMatrix(fn=500, fp=1), cv=4)

    check_all(found, len(STRATEGIES) - 4)
    # nobody has to be cheaper than doing the simpler thing, but most are with classes this far apart
    blanket = min(found.baselines[name].value for name in ("never act", "always act"))
    assert np.mean([r.expected_cost.value <= blanket + 1e-9 for r in found.results]) > 0.8


def a_dozen(n, seed=0):
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=int)
    y[rng.choice(n, 12, replace=False)] = 1
    X = rng.normal(size=(n, 4))
    X[y == 1, :2] += 2.5
    return X, y


QUICK = [name for name in STRATEGIES if name not in {"EasyEnsemble", "expected-cost objective"}]


def test_all_quick_names_run_on_a_dozen_positives_or_say_why_not():
    X, y = a_dozen(400)
    learner = XGBoostLearner(max_rounds=30)

    found = compare(
        X, y, CostMatrix(fn=30, fp=1), strategies=QUICK, learner=learner, cv=2, n_jobs=1
    )

    assert len(found.records) + len(found.skipped) == len(QUICK)
    assert len(found.records) >= len(QUICK) - 4
    listed = [name for result in found.results for name in (result.name, *result.same_as)]
    assert sorted(listed) == sorted(found.records)
    for name, reason in found.skipped.items():
        assert any(words in reason for words in TRUE_REASONS), (name, reason)
