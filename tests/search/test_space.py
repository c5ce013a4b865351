"""What a search may propose."""

import numpy as np
import optuna
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from costopt import CostMatrix, SearchError, SklearnLearner, XGBoostLearner
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.rebalancing.names import BY_DEFAULT
from costopt.search.space import SearchSpace, resolve_learners, resolve_resampling


def space_of(rows, costs=None, learners="logistic", resampling=BY_DEFAULT, **options):
    X, y = rows
    chosen = resolve_learners(learners)
    methods = resolve_resampling(resampling, chosen)
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    return SearchSpace(
        prepare(X, y, costs or CostMatrix(fn=8, fp=1), chosen, rows_, **options), methods
    )


def asked(space, params):
    return space.suggest(optuna.trial.FixedTrial(params))


def test_the_first_candidate_is_the_plain_default_model(rows):
    space = space_of(rows)

    first = space.candidate(space.defaults()[0])

    assert (first.resampling, first.sampling_ratio, dict(first.params)) == (
        "none",
        None,
        {"C": 1.0},
    )


def test_simple_methods_follow_balanced_and_by_cost(rows):
    _, y = rows
    odds = y.sum() / (1 - y).sum()
    space = space_of(rows)

    candidates = [space.candidate(params) for params in space.defaults()]

    found = [(c.resampling, c.sampling_ratio) for c in candidates]
    assert found == [
        ("none", None),
        ("weight", 1.0),
        ("weight", pytest.approx(8 * odds)),
        ("random_over", 1.0),
        ("random_under", 1.0),
    ]


def test_weights_that_costs_and_balance_agree_on_are_tried_once(rows):
    _, y = rows
    balance = float((1 - y).sum() / y.sum())

    space = space_of(rows, CostMatrix(fn=balance, fp=1), resampling=["none", "weight"])

    ratios = [space.candidate(params).sampling_ratio for params in space.defaults()]
    assert ratios == [None, 1.0, pytest.approx(1.0)][: len(ratios)]
    assert len(ratios) in (2, 3)  # rounding may keep them apart in the last digit


def test_defaults_lie_in_the_space(rows):
    space = space_of(rows, learners=["xgboost", "logistic"], threshold="sampled")

    for params in space.defaults():
        assert asked(space, params) == space.candidate(params)


def test_a_single_method_is_not_asked_for(rows):
    space = space_of(rows, resampling="random_under")

    candidate = asked(space, {"C": 0.5, "sampling_ratio": 0.7})

    assert (candidate.resampling, candidate.sampling_ratio) == ("random_under", 0.7)


def test_a_learner_without_weights_is_not_offered_them(rows):
    neighbours = SklearnLearner(KNeighborsClassifier())
    space = space_of(rows, learners=[neighbours, "logistic"])

    methods = {
        space.candidate(params).resampling
        for params in space.defaults()
        if params["learner"] == "KNeighborsClassifier"
    }

    assert methods == {"none", "random_over", "random_under"}
    with pytest.raises(SearchError, match="takes no sample_weight, so resampling='weight' cannot"):
        space_of(rows, learners=neighbours, resampling="weight")


def test_a_class_whose_errors_cost_nothing_has_no_cost_weight():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.tile([0, 0, 0, 1], 10)

    with pytest.warns(UserWarning, match="dominated-action"):
        costs = CostMatrix(fn=5, fp=0)

    space = space_of((X, y), costs)

    assert space.cost_ratio == space.present_ratio


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: XGBoostLearner({"max_dept": (2, 3)}),
            "no parameter 'max_dept': did you mean 'max_de",
        ),
        (lambda: XGBoostLearner({"scale_pos_weight": (1, 9)}), "it is the method 'weight'"),
        (lambda: XGBoostLearner({"n_estimators": (1, 9)}), "chosen by early stopping"),
        (lambda: XGBoostLearner({"max_depth": (5, 2)}), "low must not exceed high, got 5 > 2"),
        (lambda: XGBoostLearner({"gamma": (0, 1, "log")}), "a log scale needs low > 0, got 0"),
        (lambda: XGBoostLearner({"grow_policy": []}), "give at least one option, got none"),
        (lambda: XGBoostLearner({"gamma": (0, float("inf"))}), "bounds must be finite numbers"),
        (lambda: XGBoostLearner({"gamma": 3}), r"write \(low, high\).*got 3"),
        (lambda: XGBoostLearner(max_rounds=0), "max_rounds must be a whole number of at least 1"),
        (lambda: SklearnLearner(DecisionTreeClassifier(), {"dept": (1, 2)}), "no parameter 'dept'"),
        (lambda: SklearnLearner(DecisionTreeClassifier), "needs a classifier object"),
    ],
)
def test_an_unusable_space_is_named_before_any_trial(make, message):
    with pytest.raises(SearchError, match=message):
        make()


def test_a_parameter_named_like_one_of_the_searchs_own_is_refused(rows):
    class Clashing(DecisionTreeClassifier):
        def __init__(self, threshold=0.0):
            super().__init__()
            self.threshold = threshold

    learner = SklearnLearner(Clashing(), {"threshold": (0.0, 1.0)})

    with pytest.raises(SearchError, match="searches a parameter named 'threshold'"):
        space_of(rows, learners=learner)
