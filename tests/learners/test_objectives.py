"""Focal loss and expected cost: their derivatives, and what boosting makes of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from costopt import CaseCosts, CostMatrix, DecisionPolicy, SearchError, XGBoostLearner, optimize
from costopt.calibration.identity import IdentityMap
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.evaluation.training import train
from costopt.evaluation.trial import evaluate
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.learners.objectives import OBJECTIVES, objective
from costopt.learners.protocol import Features
from costopt.learners.registry import learner
from costopt.rebalancing.definition import TrainingRows
from costopt.rebalancing.methods import method

NAMES = ("focal", "expected_cost")
MARGINS = np.linspace(-8, 8, 161)


def both_labels():
    margin = np.repeat(MARGINS, 2)
    return margin, np.arange(margin.size) % 2 == 0


def rare(rate=0.01, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < rate
    X = rng.normal(size=(n, 5))
    X[y, :2] += 1.5
    return X, y.astype(int)


def problem_of(X, y, name, costs=None, **options):
    made = options.pop("made", None) or learner(name)
    costs = CostMatrix(fp=1, fn=100) if costs is None else costs
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    return made, prepare(X, y, costs, {name: made}, rows_, n_jobs=1, **options)


# Derivatives


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_loss(name):
    chosen = objective(name)
    margin, y = both_labels()

    gradient, _ = chosen.derivatives(margin, y)

    step = 1e-5
    slope = (chosen.loss(margin + step, y) - chosen.loss(margin - step, y)) / (2 * step)
    assert_allclose(gradient, slope, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_curvatures_are_positive_and_never_below_those_of_the_loss(name):
    """Steps are too short rather than too long, whatever the loss bends like."""
    chosen = objective(name)
    margin, y = both_labels()

    _, curvature = chosen.derivatives(margin, y)

    step = 1e-3
    below, at, above = (chosen.loss(margin + shift, y) for shift in (-step, 0, step))
    bend = (below - 2 * at + above) / step**2
    assert np.all(curvature > 0)
    assert np.all(curvature >= bend - 1e-7)


def test_the_curvature_of_focal_loss_is_its_own_for_rows_that_are_right():
    chosen = objective("focal")
    margin, y = np.linspace(1, 4, 31), np.ones(31, dtype=bool)

    _, curvature = chosen.derivatives(margin, y)

    step = 1e-3
    below, at, above = (chosen.loss(margin + shift, y) for shift in (-step, 0, step))
    bend = (below - 2 * at + above) / step**2
    assert_allclose(curvature, bend, rtol=1e-4)


def test_focal_loss_is_log_loss_times_the_square_of_the_chance_of_error():
    """Equation 4 of Lin et al. (2017), and the row of its text: p = 0.9 counts 100 times less."""
    chosen = objective("focal")
    margin, y = both_labels()
    p = np.where(y, expit(margin), 1 - expit(margin))

    assert_allclose(chosen.loss(margin, y), -((1 - p) ** 2) * np.log(p), rtol=1e-6)
    at = np.log(0.9 / 0.1)
    assert chosen.loss(np.array([at]), np.array([True]))[0] / -np.log(0.9) == pytest.approx(0.01)


def test_the_expected_cost_is_what_acting_at_random_with_the_probability_costs():
    costs = CaseCosts(fp=np.array([5.0, 5.0]), fn=np.array([80.0, 30.0]))
    margin, y = np.array([-1.0, 2.0]), np.array([True, False])
    act = expit(margin)

    loss = objective("expected_cost").loss(margin, y)

    money = np.where(y, (1 - act) * costs.fn, act * costs.fp)
    assert_allclose(loss * np.where(y, costs.fn, costs.fp), money)


@pytest.mark.parametrize("name", NAMES)
def test_extreme_margins_overflow_nothing(name):
    chosen = objective(name)
    margin = np.array([-1e4, -800.0, -40.0, 40.0, 800.0, 1e4])

    for y in (np.zeros(6, dtype=bool), np.ones(6, dtype=bool)):
        gradient, curvature = chosen.derivatives(margin, y)

        assert np.isfinite(gradient).all()
        assert np.isfinite(curvature).all()
        assert np.isfinite(chosen.loss(margin, y)).all()


def test_names_are_checked():
    assert list(OBJECTIVES) == ["log_loss", "focal", "expected_cost"]
    assert objective("log_loss") is None
    with pytest.raises(SearchError, match="no objective named 'focl': did you mean 'focal'"):
        XGBoostLearner(objective="focl")


# Boosting


@pytest.mark.parametrize(
    ("name", "resampling"), [("xgboost_focal", "none"), ("xgboost_expected_cost", "case_weight")]
)
def test_boosting_reduces_the_loss_on_rows_it_is_trained_on(name, resampling):
    X, y = rare(0.1, 1000)
    made, problem = problem_of(X, y, name, CostMatrix(fp=1, fn=9))
    features = Features(Table(X), Schema.infer(Table(X)))
    chosen = objective(name.removeprefix("xgboost_"))
    weight = np.where(y == 1, 9.0, 1.0) if resampling == "case_weight" else np.ones(y.size)

    losses = []
    for rounds in (1, 10, 40, 160):
        candidate = Candidate(name, made.defaults(), resampling)
        model = train(problem, candidate, None, n_threads=1, n_rounds=rounds).fitted.model
        score = made.score(model, features)
        losses.append(np.average(chosen.loss(np.log(score / (1 - score)), y == 1), weights=weight))

    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(
    ("name", "resampling"), [("xgboost_focal", "none"), ("xgboost_expected_cost", "case_weight")]
)
def test_trees_grow_and_rank_where_one_in_a_hundred_is_positive(name, resampling):
    """Within 0.05 of log loss; focal loss once stayed at the base rate, then overshot it."""
    X, y = rare()
    found = {}
    for learned, treated in (("xgboost", "none"), (name, resampling)):
        made, problem = problem_of(X, y, learned, cv=3)
        out = evaluate(problem, Candidate(learned, made.defaults(), treated))
        found[learned] = roc_auc_score(y, out.raw)
        assert out.n_rounds > 20

    assert found[name] > found["xgboost"] - 0.05


@pytest.mark.parametrize("name", ["xgboost_focal", "xgboost_expected_cost"])
def test_a_policy_of_another_objective_is_saved_and_decides_the_same(rows, name, tmp_path):
    X, y = rows
    made = XGBoostLearner(max_rounds=20, objective=name.removeprefix("xgboost_"))

    policy = optimize(X, y, CostMatrix(fn=8, fp=1), learners=made, n_trials=2).policy
    policy.save(tmp_path / "policy")
    loaded = DecisionPolicy.load(tmp_path / "policy")

    assert loaded.model_name == name
    assert np.unique(policy.probability(X)).size > 20
    assert_array_equal(loaded.probability(X), policy.probability(X))
    assert_array_equal(loaded.decide(X), policy.decide(X))


def test_rounds_are_chosen_by_the_loss_that_is_trained_on(rows):
    """Validation rows weigh as training rows do, and start from the margin that weights lead to."""
    X, y = rows
    made, problem = problem_of(X, y, "xgboost_expected_cost", CostMatrix(fp=1, fn=8))
    fold = problem.folds.folds[0]
    sample = method("case_weight").reweight(
        TrainingRows(problem.y[fold.train], None, problem.costs),
        None,
        problem.rng(0),
    )
    prepared = problem.prepared("xgboost_expected_cost")
    fitted = made.fit(prepared, 0, problem.y, sample, made.defaults(), seed=0, n_threads=1)

    for at in (0, 4, 12):
        score = made.score_fold(prepared, 0, fitted, int(fitted.rounds[at]))
        act = problem.y[fold.test]
        wrong = np.where(act, 1 - score, score)
        weight = np.where(act, 8.0, 1.0)
        assert fitted.losses[at] == pytest.approx(np.average(wrong, weights=weight), rel=1e-5)


def test_expected_cost_takes_costs_case_by_case(rows):
    """Whoever costs nothing to miss does not move the model."""
    X, y = rows
    made, problem = problem_of(X, y, "xgboost_expected_cost", CostMatrix(fn="amount", fp=5, tp=1))

    found = evaluate(problem, Candidate("xgboost_expected_cost", made.defaults(), "case_weight"))

    assert found.odds_multipliers == (1.0,) * 5
    assert found.calibrator == IdentityMap()
    assert made.methods == ("case_weight",)
    assert XGBoostLearner(objective="focal").methods is None


def test_an_objective_is_named_in_the_words_of_a_learner():
    assert "objective='focal'" in repr(XGBoostLearner(objective="focal"))
    assert "objective" not in repr(XGBoostLearner())
