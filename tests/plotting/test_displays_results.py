"""Pictures of a comparison of strategies and of a search."""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import optuna
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from costopt import CostMatrix, DataError, SearchError, optimize
from costopt.comparison.compare import compare
from costopt.plotting import ComparisonDisplay, SearchProgressDisplay

COSTS = CostMatrix(fp=1, fn=8, unit="US$")
STRATEGIES = ["logistic regression", "class weights balanced", "random under-sampling"]


@pytest.fixture(autouse=True)
def _no_window():
    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def axes():
    return Figure().add_subplot()


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.fixture(scope="module")
def comparison(make_rows):
    X, y = make_rows(300, 1)
    options = {"learner": "logistic", "n_jobs": 1, "cv": 3, "progress": False}
    return compare(X, y, COSTS, strategies=STRATEGIES, **options)


@pytest.fixture(scope="module")
def result(make_rows):
    X, y = make_rows(300, 1)
    return optimize(X, y, COSTS, learners="logistic", n_trials=24, n_jobs=1, cv=3)


# strategies side by side


def test_strategies_stand_in_order_of_money_with_their_savings(comparison):
    display = ComparisonDisplay.from_comparison(comparison)
    ax = display.ax_
    bottom, top = ax.get_ylim()

    assert bottom > top  # the first name is on top
    assert [t.get_text() for t in ax.get_yticklabels()] == [r.name for r in comparison.results]
    assert_allclose(display.values, [r.savings.value for r in comparison.results])
    assert_allclose(display.low, [r.savings.low for r in comparison.results])
    assert np.all(np.diff(display.values) <= 0)
    assert [t.get_text() for t in ax.texts] == [
        f"{100 * r.savings.value:.3g} %" for r in comparison.results
    ]
    assert "%" in ax.get_xlabel()


def test_strategies_are_told_apart_by_the_paired_difference(comparison):
    expensive = replace(comparison.results[1], tied=False)
    changed = replace(comparison, results=(comparison.results[0], expensive))
    display = ComparisonDisplay.from_comparison(changed, ax=axes())

    assert_array_equal(display.as_good, [True, False])
    assert texts(display.ax_) == [
        "statistically tied with the cheapest",
        "significantly more expensive",
    ]


def test_other_measures_have_their_currency(comparison):
    cost = ComparisonDisplay.from_comparison(comparison, measure="expected_cost", ax=axes())
    difference = ComparisonDisplay.from_comparison(comparison, measure="difference", ax=axes())

    assert_allclose(cost.values, [r.expected_cost.value for r in comparison.results])
    assert difference.values[0] == 0
    assert cost.ax_.get_xlabel().startswith(r"expected cost in US\$ per case")


def test_where_savings_have_no_meaning_costs_are_shown(comparison):
    none = replace(
        comparison.results[0], savings=replace(comparison.results[0].savings, value=np.nan)
    )
    display = ComparisonDisplay.from_comparison(replace(comparison, results=(none,)), ax=axes())

    assert display.measure == "expected_cost"


def test_the_most_expensive_strategies_are_left_out_and_counted(comparison):
    display = ComparisonDisplay.from_comparison(comparison, limit=1, ax=axes())

    assert len(display.ax_.get_yticklabels()) == 1
    assert display.ax_.get_title(loc="left").endswith("; 2 more expensive ones not shown")


def test_names_of_strategies_are_text(comparison):
    hostile = replace(comparison.results[0], name="$\\frac{1}$ <b>\x1b[31m" + "y" * 90)
    display = ComparisonDisplay.from_comparison(replace(comparison, results=(hostile,)))
    display.figure_.canvas.draw()
    (name,) = (text.get_text() for text in display.ax_.get_yticklabels())

    assert is_math_text(name) is not True
    assert "\x1b" not in name
    assert len(name) < 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "profit"}, "measure='profit' is not known"),
        ({"limit": 0}, "limit must be a whole number of at least 1, got 0"),
    ],
)
def test_what_a_comparison_display_refuses(comparison, options, message):
    with pytest.raises(DataError, match=message):
        ComparisonDisplay.from_comparison(comparison, **options)


def test_a_comparison_of_nothing_is_refused(comparison):
    with pytest.raises(DataError, match="the comparison has no results"):
        ComparisonDisplay.from_comparison(replace(comparison, results=()))


# the search


def test_trials_and_the_honest_estimate(result):
    display = SearchProgressDisplay.from_result(result)
    values = [t.value for t in result.study.trials if t.state == optuna.trial.TrialState.COMPLETE]

    assert_allclose(display.costs, values)
    assert_allclose(display.lowest, [min(values[: i + 1]) for i in range(len(values))])
    assert display.expected_cost == result.expected_cost
    assert display.chosen == result.trial_number
    found = result.expected_cost
    said = f"expected on new cases: {found.value:.3g} (95%: {found.low:.3g} to {found.high:.3g})"
    assert said in texts(display.ax_)
    low, high = display.ax_.get_ylim()
    assert low < found.low < found.high < high
    assert display.ax_.get_ylabel() == r"cost in US\$ per case"


def test_trials_that_cost_far_too_much_do_not_flatten_the_picture(result):
    display = SearchProgressDisplay.from_result(result, ax=axes())
    display.costs = np.where(np.arange(display.costs.size) == 3, 1e6, display.costs)
    display.plot(ax=axes())

    assert display.ax_.get_ylim()[1] < 100
    assert "more expensive than is drawn" in texts(display.ax_)


def test_importance_finds_the_parameter_that_the_cost_depends_on(result, capfd):
    study = optuna.create_study()
    space = {
        "matters": optuna.distributions.FloatDistribution(0, 1),
        "idle": optuna.distributions.FloatDistribution(0, 1),
    }
    rng = np.random.default_rng(0)
    for _ in range(40):
        params = {"matters": rng.random(), "idle": rng.random()}
        value = (params["matters"] - 0.3) ** 2
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=value))
    capfd.readouterr()

    display = SearchProgressDisplay.from_result(replace(result, study=study, trial_number=0))

    assert next(iter(display.importance)) == "matters"
    assert display.importance["matters"] > 0.8
    assert_allclose(sum(display.importance.values()), 1)
    bars = [bar.get_width() for bar in display.beside_ax_.patches]
    assert_allclose(bars, list(display.importance.values()))
    assert display.note == "Which parameters mattered, in 40 trials"
    assert capfd.readouterr() == ("", "")  # Optuna says nothing either


def test_few_trials_are_said_to_be_few(make_rows):
    X, y = make_rows(300, 1)
    few = optimize(X, y, COSTS, learners="logistic", n_trials=2, n_jobs=1, cv=3)
    display = SearchProgressDisplay.from_result(few)

    assert display.importance == {}
    assert display.beside_ax_ is None  # no empty half
    said = "parameter importance needs 20 trials (2 so far)"
    assert display.ax_.get_title(loc="left").endswith(f"\n2 trials\n{said}")
    assert [tick for tick in display.ax_.get_xticks() if tick % 1] == []

    main, beside = Figure().subplots(1, 2)
    display.plot(ax=(main, beside))
    assert [text.get_text() for text in beside.texts] == [said]


def test_one_axes_is_for_the_trials(result):
    ax = axes()
    display = SearchProgressDisplay.from_result(result, ax=ax)

    assert display.ax_ is ax
    assert display.beside_ax_ is None
    assert display.figure_ is ax.figure


def test_a_study_without_a_trial_is_refused(result):
    with pytest.raises(SearchError, match="no trial of the study is complete"):
        SearchProgressDisplay.from_result(replace(result, study=optuna.create_study()))
