"""Which strategies are called more expensive, on scores whose worth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from costopt import CaseCosts
from costopt.comparison.ranking import Evaluated, ranked
from costopt.comparison.strategies import Strategy
from costopt.engine.records import Record
from costopt.evaluation.candidates import Candidate, evaluate_scores
from costopt.evaluation.problem import prepare_encoded
from costopt.inputs.labels import encode_labels


def compared(errors, seed=0, n=500, tail=0.0):
    """Models that know the risk but for an error of their own, of so much of the log-odds."""
    rng = np.random.default_rng(seed)
    risk = -2.8 + 1.5 * rng.normal(size=n)
    y = rng.random(n) < expit(risk)
    amount = 10 + 100 * rng.lognormal(0, tail, n) if tail else 100.0
    costs = CaseCosts(fp=10, tp=10, fn=amount, unit="EUR")
    problem = prepare_encoded(
        None, encode_labels(y.astype(int), None), costs, {}, threshold="bayes", n_jobs=1
    )
    evaluated = {}
    for name, error in errors.items():
        raw = expit(risk + error * rng.normal(size=n))
        found = evaluate_scores(problem, Candidate("scores", {}), raw)
        found = replace(found, log_odds=logit(raw).astype(np.float32))
        strategy = Strategy(name, "", "", "", n_models=1 + len(evaluated))
        act = found.choice.act
        sample = problem.sample(found.calibrated)
        record = Record.of(problem, found)
        evaluated[name] = Evaluated(
            strategy, record, act, sample.cost(act), sample.savings(act), {}, 0.0
        )
    return ranked(evaluated, problem.sample(found.calibrated), problem, "scores"), evaluated


@pytest.mark.parametrize("tail", [0.0, 1.0])
def test_of_equal_strategies_any_is_called_more_expensive_in_one_comparison_of_twenty(tail):
    n_samples = 25
    called = 0
    for seed in range(n_samples):
        found, evaluated = compared({str(at): 0.7 for at in range(8)}, seed, tail=tail)
        called += len(found.tied) < len(evaluated)

    assert called / n_samples <= 0.08 + 2 * np.sqrt(0.08 * 0.92 / n_samples)


def test_a_strategy_that_knows_much_less_is_called_more_expensive():
    found, _ = compared({"good": 0.1, "as good": 0.1, "useless": 20.0}, n=3000)

    assert found.tied == {"good", "as good"}
    assert found.names[-1] == "useless"
    assert found.differences["useless"].low > 0
    assert found.selected == "good"


def test_the_simplest_of_the_tied_is_selected_whatever_it_cost():
    """Of equal models the first averages the fewest."""
    selected, cheapest = set(), set()
    for seed in range(8):
        found, _ = compared({str(at): 0.7 for at in range(5)}, seed)
        selected.add(found.selected)
        cheapest.add(found.names[0])

    assert selected == {"0"}
    assert len(cheapest) > 1


def test_the_correction_is_of_this_selection():
    """Where every resample selects the same, nothing was selected."""
    found, _ = compared({"good": 0.1, "useless": 20.0}, n=3000)

    assert found.selected == "good"
    assert found.bias == 0.0


def test_rules_without_a_model_are_compared_with_the_cheapest_strategy():
    found, evaluated = compared({"good": 0.1, "other": 0.4}, n=3000)

    assert set(found.beside) == set(found.baselines) == {"never act", "always act"}
    best = evaluated[found.names[0]].expected_cost.value
    for name, above in found.beside.items():
        assert above.value == pytest.approx(found.baselines[name].value - best)
        assert above.low > 0
