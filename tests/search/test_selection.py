"""What is selected: recomputed from rows and from the study, by other means than the package's own."""

from functools import cache

import numpy as np
import pytest
from optuna.trial import TrialState

from costopt import CostMatrix, DataError, ExpectedCostObjective, XGBoostLearner, optimize
from costopt.engine.records import Record
from costopt.evaluation.candidates import Candidate, evaluate_scores
from costopt.evaluation.trial import evaluate
from costopt.search.selection import SELECTIONS, choose

COSTS = CostMatrix(fn=8, fp=1, unit="EUR")
KINDS = ("rows", "weights", "groups")


def arguments(kind, n=300):
    rng = np.random.default_rng(8)
    return {
        "learners": [XGBoostLearner(max_rounds=10), "logistic"],
        "n_jobs": 1,
        "random_state": 2,
        **{
            "rows": {},
            "weights": {"sample_weight": rng.uniform(0.2, 3, n)},
            "groups": {"groups": np.arange(n) // 3},
        }[kind],
    }


class ByHand:
    """Losses and costs of all complete trials of a study, row by row, and what follows of them."""

    def __init__(self, X, y, kind, study):
        objective = ExpectedCostObjective(X, y, COSTS, **arguments(kind))
        self.problem = objective.problem
        self.trials = [t for t in study.trials if t.state == TrialState.COMPLETE]
        candidates = [objective.space.candidate(trial.params) for trial in self.trials]
        found = [evaluate(self.problem, candidate) for candidate in candidates]
        self.found = found
        self.learner = np.array([candidate.learner for candidate in candidates])
        self.plain = [
            next(
                at
                for at, trial in enumerate(self.trials)
                if candidates[at].learner == name
                and candidates[at].resampling == "none"
                and trial.number < 2
            )
            for name in ("xgboost", "logistic")
        ]
        scored = self.problem.scored
        weight = np.ones(scored.y.size) if scored.weight is None else scored.weight
        self.share = weight / weight.sum()
        self.units = scored.rows if kind != "groups" else scored.rows // 3
        self.loss = np.stack([one.row_loss for one in found])
        self.cost = np.stack([one.row_cost for one in found]) * self.problem.scale

        numbers = range(len(found))
        self.noises = {
            selection: np.array([[self.noise(rows, a, b) for b in numbers] for a in numbers])
            for selection, rows in (("likelihood", self.loss), ("cost", self.cost))
        }

    def noise(self, rows, one, other):
        """Standard error of the difference of two trials' means, units being drawn as a whole."""
        difference = rows[one] - rows[other]
        centered = self.share * (difference - self.share @ difference)
        return np.sqrt(np.sum(np.bincount(self.units, centered) ** 2))

    def chosen(self, selection):
        return self.select(selection, self.cost @ self.share, self.loss @ self.share)

    def select(self, selection, cost, loss):
        """Positions of the trials that are selected, given mean cost and loss of each."""
        if selection == "cheapest":
            return (int(np.argmin(cost)),)
        if selection == "average":
            ranked = [int(at) for at in np.argsort(loss, kind="stable")]
            learner = self.learner[ranked[0]]
            alike = [at for at in ranked if self.learner[at] == learner]
            plain = [at for at in self.plain if self.learner[at] == learner]
            return tuple(dict.fromkeys((*alike[:3], *plain)))
        means = loss if selection == "likelihood" else cost
        best = int(np.argmin(means))
        within = [
            at
            for at in range(len(means))
            if means[at] - means[best] <= self.noises[selection][at, best]
        ]
        for plain in self.plain:
            if plain in within:
                return (plain,)
        return (min(within, key=lambda at: loss[at]),)

    def averaged(self, members):
        """The mean of the members' scores, priced as one."""
        if len(members) == 1:
            return self.found[members[0]]
        scores = []
        for member in members:
            one, score = self.found[member], self.found[member].raw.copy()
            for fold, multiplier in zip(
                self.problem.scored.folds, one.odds_multipliers, strict=True
            ):
                p = score[fold.test]
                score[fold.test] = p / (p + multiplier * (1 - p))
            scores.append(score)
        return evaluate_scores(self.problem, Candidate("xgboost", {}), np.mean(scores, axis=0))


@pytest.fixture(scope="module", params=KINDS)
def searched(request, make_rows):
    """The same search for each selection, and its recomputation."""
    X, y = make_rows(300, 3)
    results = {
        selection: optimize(
            X, y, COSTS, n_trials=20, racing=False, selection=selection, **arguments(request.param)
        )
        for selection in SELECTIONS
    }
    return results, ByHand(X, y, request.param, results["cost"].study)


def test_what_is_selected_does_not_change_what_is_searched(searched):
    results, _ = searched

    found = {
        selection: [(t.params, t.values, t.user_attrs) for t in result.study.trials]
        for selection, result in results.items()
    }
    assert found["likelihood"] == found["average"] == found["cost"] == found["cheapest"]


def test_the_study_holds_the_means_of_what_is_selected_by(searched):
    _, by_hand = searched

    for at, trial in enumerate(by_hand.trials):
        assert trial.value == pytest.approx(by_hand.cost[at] @ by_hand.share)
        assert trial.user_attrs["log_loss"] == pytest.approx(by_hand.loss[at] @ by_hand.share)


def test_the_cheapest_is_the_one_of_lowest_value(searched):
    results, _ = searched
    result = results["cheapest"]

    assert result.trial_number == result.study.best_trial.number
    assert result.best_params == result.study.best_params
    assert result.apparent_cost == pytest.approx(result.study.best_value)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_is_selected_is_what_its_definition_says(selection, searched):
    results, by_hand = searched
    result = results[selection]

    members = by_hand.chosen(selection)

    assert result.averaged == tuple(by_hand.trials[at].number for at in members)
    assert result.trial_number == by_hand.trials[members[0]].number
    assert result.best_params == by_hand.trials[members[0]].params


def test_selections_differ_where_they_should(searched):
    results, _ = searched

    chosen = {name: result.averaged for name, result in results.items()}
    assert len(set(chosen.values())) >= 2
    assert len(chosen["average"]) in (3, 4)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_the_apparent_cost_is_that_of_what_is_selected(selection, searched):
    results, by_hand = searched

    found = by_hand.averaged(by_hand.chosen(selection))

    assert results[selection].apparent_cost == pytest.approx(
        found.row_cost @ by_hand.share * by_hand.problem.scale
    )


@pytest.mark.parametrize("selection", SELECTIONS)
def test_the_expected_cost_is_that_of_selecting_anew_in_every_bootstrap(selection, searched):
    results, by_hand = searched
    draws = by_hand.problem.scored.draws
    part = np.unique(by_hand.units, return_inverse=True)[1]
    costs_of = cache(lambda members: by_hand.averaged(members).row_cost * by_hand.problem.scale)

    selected = costs_of(by_hand.chosen(selection))
    more = []
    for counts in draws.counts:
        times = counts[part].astype(float)
        inside = times * by_hand.share / (times @ by_hand.share)
        members = by_hand.select(selection, by_hand.cost @ inside, by_hand.loss @ inside)
        outside = (times == 0) * by_hand.share
        more.append((costs_of(members) - selected) @ outside / outside.sum())

    result = results[selection]
    observed = selected @ by_hand.share
    # a tie may fall otherwise in single precision, in few of a thousand draws
    assert result.expected_cost.value == pytest.approx(observed + np.mean(more), rel=3e-3)
    assert result.policy.evidence.selection_bias == pytest.approx(
        np.mean(more), abs=3e-3 * observed
    )
    assert result.policy.evidence.selection_bias != 0


def test_a_search_whose_untuned_model_is_gone_selects_among_the_rest(searched):
    _, by_hand = searched
    records = [Record.of(by_hand.problem, found) for found in by_hand.found]
    rest = [record for at, record in enumerate(records) if at not in by_hand.plain]

    for selection in ("likelihood", "cost", "cheapest"):
        selected = choose(by_hand.problem, rest, [], selection)
        (member,) = selected.members
        assert rest[member] in rest
    by_loss = choose(by_hand.problem, rest, [], "likelihood").members[0]
    assert rest[by_loss].found.log_loss == min(record.found.log_loss for record in rest)


def test_a_single_trial_is_selected_whatever_the_selection(rows):
    X, y = rows

    for selection in SELECTIONS:
        result = optimize(X, y, COSTS, learners="logistic", n_trials=1, selection=selection)
        assert result.averaged == (0,)
        assert result.policy.evidence.selection_bias == 0.0
        assert result.expected_cost.value == pytest.approx(result.apparent_cost, rel=1e-12)


def test_a_record_keeps_sums_by_part_but_nothing_by_row(rows):
    X, y = rows
    groups = np.arange(300) // 3
    objective = ExpectedCostObjective(X, y, COSTS, learners="logistic", groups=groups, n_jobs=1)
    problem = objective.problem
    found = evaluate(problem, objective.space.candidate(objective.space.defaults()[0]))

    record = Record.of(problem, found)

    assert record.cost.shape == record.loss.shape == (100,)
    assert record.cost == pytest.approx(np.bincount(groups, found.row_cost) / 300)
    assert record.loss == pytest.approx(np.bincount(groups, found.row_loss) / 300)
    assert record.cost.sum() == pytest.approx(found.value)
    assert record.loss.sum() == pytest.approx(found.log_loss)
    for name, kept in vars(record.found).items():
        assert np.size(kept) < 20, name
    assert record.found.choice.act.size == 0
    assert record.found.value == found.value


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"selection": "likelyhood"}, "selection='likelyhood' is not known: did you mean 'likel"),
        ({"selection": None}, "selection=None is not known"),
        ({"final": "fold"}, "final='fold' is not known: did you mean 'folds'"),
    ],
)
def test_unknown_ways_to_select_are_refused_beforehand(wrong, message, rows, counted):
    X, y = rows
    learner = counted()

    with pytest.raises(DataError, match=message):
        optimize(X, y, COSTS, learners=learner, **wrong)

    assert learner.fits == []
