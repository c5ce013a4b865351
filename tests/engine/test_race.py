"""Giving trials up: by a bound worked out by hand, seldom the equal ones, never into the estimate."""

from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from scipy import stats
from scipy.special import expit

from costopt import CaseCosts, CostMatrix, ExpectedCostObjective, XGBoostLearner, optimize
from costopt.engine.race import Race
from costopt.evaluation.candidates import Candidate, evaluate_scores
from costopt.evaluation.problem import prepare_encoded
from costopt.evaluation.rows import Rows
from costopt.evaluation.trial import evaluate
from costopt.inputs.labels import encode_labels
from costopt.learners.logistic import LogisticLearner

COSTS = CostMatrix(fn=8, fp=1)


def prepared(n=500, costs=COSTS, cv=5, **options):
    """A problem of scores only: nothing is ever fitted."""
    rng = np.random.default_rng(n)
    signal = rng.normal(size=n)
    y = rng.random(n) < expit(1.5 * signal - 1)
    found = prepare_encoded(None, encode_labels(y), costs, {}, Rows(cv=cv, **options), n_jobs=1)
    score = expit(1.5 * signal - 1 + rng.normal(size=n) / 2)
    return found, found.of_counted(score)[found.scored.rows]


def cost_on_first(problem, raw, n_folds, odds_multipliers=(1.0,) * 10):
    """What scores of all rows cost on the first folds, by rules fitted to no more than these."""
    rows = np.isin(problem.scored.rows, problem.scored_by(n_folds).rows)
    multipliers = odds_multipliers[:n_folds]
    return evaluate_scores(
        problem, Candidate("scores", {}), raw[rows], odds_multipliers=multipliers
    )


def race_of(problem, raw, n_folds):
    """The function that says whether a trial is stopped early that costs so much more on each row."""
    race = Race(problem)
    race.enter(cost_on_first(problem, raw, problem.n_folds))
    best = cost_on_first(problem, raw, n_folds)
    return lambda excess: race.is_lost(replace(best, row_cost=best.row_cost + excess))


def first(n_rows, **counts):
    """So many rows of each difference, the others of none."""
    found = np.zeros(n_rows)
    at = 0
    for difference, count in (counts.get("up", (1, 0)), counts.get("down", (-1, 0))):
        found[at : at + count] = difference
        at += count
    return found


# --- the bound ---


@pytest.mark.parametrize(("cv", "n_looks"), [(3, 1), (4, 2), (5, 3), (10, 8)])
@pytest.mark.parametrize("n_folds", [2, 3, 7])
def test_it_is_five_percent_one_sided_shared_out_over_the_looks(cv, n_looks, n_folds):
    problem, raw = prepared(600, cv=cv)
    n_folds = min(n_folds, cv - 1)
    n = problem.scored_by(n_folds).rows.size
    bound = stats.norm.isf(0.05 / n_looks)

    is_lost, decisions = race_of(problem, raw, n_folds), set()
    for up in range(18, 60):
        for down in range(0, 40, 3):
            if up + down < 20:
                continue
            # n (mean / standard error), from counts of +1 and -1 among n rows
            mean = (up - down) / n
            z = mean / np.sqrt(((up + down) / n - mean**2) / n)
            if abs(z - bound) < 1e-9:
                continue
            excess = first(n, up=(1, up), down=(-1, down))
            assert is_lost(excess) == (z > bound), (up, down)
            decisions.add(z > bound)

    assert decisions == {True, False}


def test_with_two_folds_nobody_looks_and_with_three_only_once(rows):
    X, y = rows
    for cv, looks in ((2, 0), (3, 1), (5, 3)):
        seen = []
        objective = ExpectedCostObjective(X, y, COSTS, learners="logistic", cv=cv, n_jobs=1)
        candidate = objective.space.candidate(objective.space.defaults()[0])
        evaluate(objective.problem, candidate, stop_early=seen.append)
        assert [found.n_folds for found in seen] == list(range(2, 2 + looks))


@pytest.mark.parametrize(("n_differing", "lost"), [(0, False), (19, False), (20, True), (60, True)])
def test_fewer_than_twenty_differing_rows_say_nothing(n_differing, lost):
    problem, raw = prepared()
    n = problem.scored_by(2).rows.size

    assert race_of(problem, raw, 2)(first(n, up=(3, n_differing))) == lost


def test_rows_that_stand_for_nobody_are_not_there_to_differ():
    problem, raw = prepared(sample_weight=np.where(np.arange(500) < 40, 0.0, 1.0))

    is_lost = race_of(problem, raw, 2)

    n = problem.scored_by(2).rows.size
    assert n == 184
    assert not is_lost(first(n, up=(1, 19)))
    assert is_lost(first(n, up=(1, 20)))


def by_hand(difference, weight, units):
    """Mean of paired differences over its standard error, units being drawn as a whole."""
    share = weight / weight.sum()
    mean = np.sum(share * difference)
    variance = 0.0
    for unit in np.unique(units):
        of_unit = units == unit
        variance += np.sum(share[of_unit] * (difference[of_unit] - mean)) ** 2
    return mean / np.sqrt(variance)


@pytest.mark.parametrize("kind", ["rows", "weights", "groups", "time", "weighted groups"])
def test_noise_is_that_of_what_is_drawn_together(kind):
    n, rng = 2500 if kind == "time" else 900, np.random.default_rng(3)
    options = {
        "rows": {},
        "weights": {"sample_weight": rng.uniform(0.1, 4, n)},
        "groups": {"groups": np.arange(n) // 4},
        "time": {"time": np.arange(n)},
        "weighted groups": {
            "groups": np.arange(n) // 4,
            "sample_weight": rng.uniform(0.1, 4, n),
        },
    }[kind]
    problem, raw = prepared(n, **options)
    scored = problem.scored_by(3)
    weight = np.ones(scored.rows.size) if scored.weight is None else scored.weight
    units = scored.rows if problem.folds.units is None else problem.folds.units[scored.rows]
    bound = stats.norm.isf(0.05 / 3)

    is_lost, decisions = race_of(problem, raw, 3), []
    for number in range(200):
        rng = np.random.default_rng(number)
        per_unit = rng.normal(0.1, 1, units.max() + 1)[units]
        difference = per_unit + rng.normal(0, 1, units.size)
        z = by_hand(difference, weight, units)
        decisions.append(bool(z > bound))
        assert is_lost(difference) == decisions[-1]

    assert 10 < sum(decisions) < 190


def test_rows_of_a_group_are_one_difference():
    problem, raw = prepared(600, groups=np.arange(600) // 3)
    scored = problem.scored_by(3)
    groups = problem.folds.units[scored.rows]

    for n_groups, lost in ((19, False), (20, True)):
        excess = np.isin(groups, np.unique(groups)[:n_groups]).astype(float)
        assert np.count_nonzero(excess) == 3 * n_groups
        assert race_of(problem, raw, 3)(excess) == lost


@pytest.mark.parametrize("rate", [1e-9, 1, 1e9, 2.0**-40])
def test_currency_changes_no_decision(rate):
    problem, raw = prepared(costs=CostMatrix(fn=8 * rate, fp=rate))
    n = problem.scored_by(2).rows.size

    plain, _ = prepared()
    scaled, unscaled = race_of(problem, raw, 2), race_of(plain, raw, 2)
    decisions = set()
    for up in range(60):
        excess = first(n, up=(1, up), down=(-1, 20))  # in units that are divided out
        decisions.add(scaled(excess))
        assert scaled(excess) == unscaled(excess)

    assert decisions == {True, False}


# --- against whom ---


def test_the_first_trial_is_never_given_up():
    problem, raw = prepared()
    found = cost_on_first(problem, raw, 2)

    assert not Race(problem).is_lost(replace(found, row_cost=found.row_cost + 100))


def test_a_cheaper_trial_is_never_given_up():
    problem, raw = prepared()

    assert not race_of(problem, raw, 2)(-np.ones(problem.scored_by(2).rows.size))


def test_a_trial_is_compared_with_the_cheapest_so_far():
    problem, raw = prepared(1000)
    rng = np.random.default_rng(0)
    good, bad = raw, expit(rng.normal(size=raw.size))
    middling = expit(np.log(raw / (1 - raw)) + rng.normal(0, 1.5, raw.size))
    races = {"bad": Race(problem), "bad, good": Race(problem), "good, bad": Race(problem)}
    scores = {"good": good, "bad": bad}

    lost = {}
    for order, race in races.items():
        for name in order.split(", "):
            race.enter(cost_on_first(problem, scores[name], 5))
            race.is_lost(
                cost_on_first(problem, middling, 3)
            )  # asked before the next one is entered
        lost[order] = race.is_lost(cost_on_first(problem, middling, 3))

    assert lost == {"bad": False, "bad, good": True, "good, bad": True}


@pytest.mark.parametrize("odds_multipliers", [(1.0,) * 5, (1.0, 9.0, 0.2, 4.0, 1.0)])
def test_both_are_priced_on_no_more_than_the_folds_that_are_done(odds_multipliers):
    fn = np.random.default_rng(1).lognormal(1, 2, 400)
    problem, raw = prepared(400, costs=CaseCosts(fn=fn, fp=2))
    rows = np.isin(problem.scored.rows, problem.scored_by(2).rows)
    whole = cost_on_first(problem, raw, 5, odds_multipliers)
    same = cost_on_first(problem, raw, 2, odds_multipliers)
    assert (whole.row_cost[rows] != same.row_cost).any()
    race = Race(problem)
    race.enter(whole)

    # what differs is exactly this: one row more or less, and the bound of twenty would not hold
    for n_rows, lost in ((19, False), (20, True)):
        excess = first(same.row_cost.size, up=(1, n_rows))
        assert race.is_lost(replace(same, row_cost=same.row_cost + excess)) == lost


# --- how often it is wrong ---


@pytest.mark.parametrize("cv", [3, 5, 10])
def test_a_trial_of_equal_cost_is_seldom_given_up(cv):
    problem, raw = prepared(400, cv=cv)
    race = Race(problem)
    race.enter(cost_on_first(problem, raw, cv))
    looks = range(2, cv)
    best = {n_folds: cost_on_first(problem, raw, n_folds) for n_folds in looks}
    order = np.concatenate([fold.test for fold in problem.scored.folds])
    rng = np.random.default_rng(cv)

    n_runs = 1500
    lost = 0
    for _ in range(n_runs):
        # one decision in six differs, to the better as often as to the worse
        kind = rng.integers(0, 12, order.size)
        difference = np.where(kind == 0, 1.0, np.where(kind == 1, -1.0, 0.0))
        for n_folds in looks:
            rows = np.isin(problem.scored.rows, problem.scored_by(n_folds).rows)
            found = replace(best[n_folds], row_cost=best[n_folds].row_cost + difference[rows])
            if race.is_lost(found):
                lost += 1
                break

    noise = np.sqrt(0.05 * 0.95 / n_runs)
    assert lost / n_runs < 0.05 + 3 * noise
    assert lost / n_runs > 0.01  # it is a race after all


def test_a_trial_that_is_clearly_more_expensive_is_mostly_stopped_at_the_first_look():
    problem, raw = prepared(400)
    n = problem.scored_by(2).rows.size
    rng = np.random.default_rng(0)

    is_lost, lost = race_of(problem, raw, 2), 0
    for _ in range(300):
        kind = rng.random(n)
        difference = np.where(kind < 0.2, 1.0, np.where(kind < 0.25, -1.0, 0.0))
        lost += is_lost(difference)

    assert lost > 0.9 * 300


# --- in a search ---


class Chancy(LogisticLearner):
    """Knows nothing where C is below 0.5; above, it is as good as it can be whatever C."""

    def __init__(self):
        super().__init__({"C": [1.0, 0.1, 0.2, 0.3, 0.4, 2.0, 2.1, 2.2]})

    def fit(self, prepared, fold, y, sample, params, **options):
        fitted = super().fit(prepared, fold, y, sample, {"C": max(params["C"], 1.0)}, **options)
        self.hopeless = params["C"] < 0.5
        return fitted

    def score_fold(self, prepared, fold, fitted, n_rounds):
        found = super().score_fold(prepared, fold, fitted, n_rounds)
        return np.full_like(found, 0.5) if self.hopeless else found


@pytest.fixture(scope="module")
def raced(make_rows):
    X, y = make_rows(600)
    costs = CostMatrix(fn=800, fp=100, unit="EUR")
    result = optimize(
        X, y, costs, learners=Chancy(), resampling="none", n_trials=25, n_jobs=1, cv=6
    )
    return X, y, costs, result


def test_hopeless_trials_are_given_up_after_the_second_fold_and_equal_ones_never(raced):
    result = raced[-1]

    hopeless = [trial for trial in result.study.trials if trial.params["C"] < 0.5]
    others = [trial for trial in result.study.trials if trial.params["C"] >= 0.5]
    assert {trial.state for trial in hopeless} == {TrialState.PRUNED}
    assert {trial.user_attrs["n_folds"] for trial in hopeless} == {2}
    assert {trial.state for trial in others} == {TrialState.COMPLETE}
    assert len(hopeless) > 3
    assert result.n_trials == len(others)


def test_a_pruned_trial_keeps_what_it_cost_so_far_in_the_declared_unit(raced):
    X, y, costs, result = raced
    never = {}
    objective = ExpectedCostObjective(X, y, costs, learners=Chancy(), cv=6, n_jobs=1)
    y_first = y.to_numpy()[objective.problem.scored_by(2).rows]
    never = 800 * y_first.mean()
    always = 100 * (1 - y_first.mean())

    for trial in result.study.trials:
        if trial.state == TrialState.PRUNED:
            (step, cost), *more = trial.intermediate_values.items()
            assert (step, more) == (2, [])
            assert cost == pytest.approx(trial.value)
            assert cost == pytest.approx(min(never, always), rel=0.05)  # all that can be done


def test_complete_trials_keep_what_they_cost_at_each_look(raced):
    result = raced[-1]
    seen = set()

    for trial in result.study.trials:
        if trial.state == TrialState.COMPLETE and str(trial.params) not in seen:
            assert list(trial.intermediate_values) == [2, 3, 4, 5]
            # of nested rows: the last look, on five sixths of them, is near the whole
            assert trial.intermediate_values[5] == pytest.approx(trial.value, rel=0.25)
            seen.add(str(trial.params))

    assert len(seen) > 1


def test_pruned_trials_are_in_no_estimate(make_rows, outcome_of):
    X, y = make_rows(300)
    call = {"learners": XGBoostLearner(max_rounds=10), "n_jobs": 1, "random_state": 0}
    result = optimize(X, y, COSTS, n_trials=20, **call)
    complete = [t for t in result.study.trials if t.state == TrialState.COMPLETE]
    assert 0 < len(complete) < 20
    without = optuna.create_study()
    without.add_trials(complete)

    again = ExpectedCostObjective(X, y, COSTS, **call).result(without)

    (one, other) = (outcome_of(found, X) for found in (result, again))
    for name in ("money", "savings", "scores"):
        assert one[name] == other[name]
    assert again.best_params == result.best_params
    assert again.n_trials == result.n_trials == len(complete)


def test_without_racing_every_trial_is_completed(make_rows):
    X, y = make_rows(300)

    result = optimize(
        X, y, COSTS, learners=XGBoostLearner(max_rounds=10), n_trials=15, n_jobs=1, racing=False
    )

    assert {trial.state for trial in result.study.trials} == {TrialState.COMPLETE}


def test_a_race_that_gives_nobody_up_changes_nothing(rows, outcome_of):
    X, y = rows
    call = {"learners": "logistic", "n_trials": 15, "n_jobs": 1}

    with_race, without = (optimize(X, y, COSTS, racing=racing, **call) for racing in (True, False))

    assert {trial.state for trial in with_race.study.trials} == {TrialState.COMPLETE}
    seen, unseen = outcome_of(with_race, X), outcome_of(without, X)
    assert all(seen.pop("intermediate values"))
    assert not any(unseen.pop("intermediate values"))  # nobody would have acted on them
    assert seen == unseen


@pytest.mark.slow
def test_racing_costs_nothing_but_noise(make_rows):
    X_new, y_new = make_rows(20_000, 999)
    differences, saved = [], 0
    for seed in range(12):
        X, y = make_rows(300, seed)
        call = {"learners": XGBoostLearner(max_rounds=10), "n_trials": 30, "random_state": seed}
        raced, complete = (optimize(X, y, COSTS, racing=racing, **call) for racing in (True, False))
        saved += 30 - raced.n_trials
        costs = [r.policy.evaluate(X_new, y_new).value for r in (raced, complete)]
        differences.append(costs[0] - costs[1])

    assert saved > 20
    noise = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert np.mean(differences) < 2 * noise


def test_racing_finds_trials_that_are_about_as_cheap(make_rows):
    """Of the same candidates: they are drawn at random, whatever came of those before."""
    lowest, saved = [], 0
    for seed in range(1, 4):
        X, y = make_rows(300, seed)
        raced, complete = (
            optimize(
                X,
                y,
                COSTS,
                learners=XGBoostLearner(max_rounds=5),
                n_trials=20,
                sampler=optuna.samplers.RandomSampler(seed),
                racing=racing,
            )
            for racing in (True, False)
        )
        lowest.append((raced.study.best_value, complete.study.best_value))
        saved += 20 - raced.n_trials

    assert saved > 6
    one, other = np.mean(lowest, axis=0)
    assert other <= one < 1.01 * other
