"""Strategies as data: what each names exists, and names are checked."""

import pytest

from costopt import SearchError, Strategy
from costopt.calibration.maps import MAPS
from costopt.comparison.strategies import STRATEGIES, at_one_half, strategies_named
from costopt.learners.names import BUILT_IN
from costopt.learners.registry import learner
from costopt.rebalancing.methods import METHODS

ISSUED = {
    "resampling": {
        "none", "random_over", "random_under", "smote", "adasyn", "borderline_smote", "svm_smote",
        "tomek_links", "near_miss", "edited_nearest_neighbours", "smote_tomek", "smote_enn",
        "weight", "case_weight", "rejection",
    },
    "learner": {
        "balanced_random_forest", "balanced_bagging", "easy_ensemble", "rusboost", "random_forest",
        "logistic", "hist_gradient_boosting", "xgboost", "xgboost_focal", "xgboost_expected_cost",
        "isolation_forest", "one_class_svm", "local_outlier_factor",
    },
    "rule": {"bayes", "tuned", "half"},
    "calibration": {"none", "beta", "isotonic"},
}  # fmt: skip


@pytest.mark.parametrize("field", ISSUED)
def test_every_method_that_people_ask_for_is_there(field):
    assert ISSUED[field] <= {getattr(strategy, field) for strategy in STRATEGIES.values()}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=list(STRATEGIES))
def test_each_is_made_of_what_exists_and_says_what_it_does(strategy):
    assert STRATEGIES[strategy.name] is strategy
    assert strategy.resampling in METHODS
    assert strategy.learner is None or strategy.learner in BUILT_IN
    assert strategy.calibration is None or strategy.calibration in MAPS
    has_ratio = METHODS[strategy.resampling].ratio is not None
    assert (strategy.ratio is not None) == has_ratio
    for words in (strategy.does, strategy.helps, strategy.probabilities):
        assert words.strip()
    made = learner(strategy.learner or "xgboost")
    assert made.methods is None or strategy.resampling in made.methods


def test_every_learner_and_method_has_a_strategy():
    strategies = STRATEGIES.values()

    assert set(BUILT_IN) == {strategy.learner for strategy in strategies} - {None}
    assert set(METHODS) == {strategy.resampling for strategy in strategies}


def test_no_two_of_them_are_the_same_thing():
    """Names differ, and so does what is done, but for the learner that is chosen anyway."""
    seen = {}
    for strategy in STRATEGIES.values():
        what = (
            strategy.learner,
            strategy.resampling,
            strategy.ratio,
            strategy.calibration,
            strategy.rule,
            strategy.corrected,
        )
        assert what not in seen, (strategy.name, seen[what])
        seen[what] = strategy.name


def test_the_two_meanings_of_scale_pos_weight_are_told_apart():
    prevalence, costs = (
        STRATEGIES[f"scale_pos_weight from {source}"] for source in ("prevalence", "costs")
    )

    assert (prevalence.ratio, costs.ratio) == ("balanced", "costs")
    assert "whatever errors cost" in prevalence.does
    assert "however rare positives are" in costs.does


def test_names_are_looked_up_in_the_order_in_which_they_are_asked_for():
    own = Strategy("mine", "does", "helps", "keeps", learner="logistic")

    assert strategies_named("all") == tuple(STRATEGIES.values())
    assert strategies_named("SMOTE") == (STRATEGIES["SMOTE"],)
    assert strategies_named(["SMOTE", own, "xgboost"]) == (
        STRATEGIES["SMOTE"],
        own,
        STRATEGIES["xgboost"],
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("SMOT", "there is no strategy 'SMOT': did you mean 'SMOTE'"),
        (["SMOTE", "RUSBost"], "there is no strategy 'RUSBost': did you mean 'RUSBoost'"),
        (["SMOTE", "SMOTE"], "the strategy 'SMOTE' is named twice"),
        (["SMOTE", Strategy("SMOTE", "", "", "")], "the strategy 'SMOTE' is named twice"),
        ([3], "a strategy is a name or a Strategy, got 3"),
        ([], r"strategies must be 'all' or a list of names, got \[\]"),
        (3, "strategies must be 'all' or a list of names, got 3"),
        (None, "strategies must be 'all' or a list of names, got None"),
    ],
)
def test_what_is_no_strategy_is_refused(given, message):
    with pytest.raises(SearchError, match=message):
        strategies_named(given)


def test_at_one_half_is_the_models_own_score_and_nothing_else_changes():
    chosen = at_one_half("SMOTE")

    assert (chosen.calibration, chosen.rule, chosen.corrected) == ("none", "half", False)
    assert (chosen.name, chosen.resampling, chosen.ratio) == ("SMOTE", "smote", "balanced")
    with pytest.raises(SearchError, match="no strategy 'smoot'"):
        at_one_half("smoot")
