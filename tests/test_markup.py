"""What notebooks show: the important number first, and text that stays text."""

import pytest

from costopt import CostMatrix, DecisionPolicy, choose_threshold, compare, optimize
from costopt.decision.rules import ThresholdRule
from costopt.evaluation.estimates import Estimate
from costopt.markup import bar, estimates_table, panel, printable, shown, table
from costopt.policy.evidence import Evidence

NASTY = "<script>alert(1)</script>"


def estimate(value=2.0, low=1.5, high=2.75, unit="EUR"):
    return Estimate(value, low, high, 0.95, "bootstrap", unit, 1200)


@pytest.fixture(scope="module")
def policy(make_rows):
    X, y = make_rows()
    score = (X["signal"] - X["signal"].min()) / (X["signal"].max() - X["signal"].min())
    return choose_threshold(y, score, CostMatrix(fn=8, fp=1, unit="EUR"))


def test_text_is_escaped_and_what_does_not_print_is_spelled():
    assert printable("a\x1b[2J\nb\u202ec") == "a\\x1b[2J\\nb\\u202ec"
    assert shown(f"{NASTY}&\n") == "&lt;script&gt;alert(1)&lt;/script&gt;&amp;\\n"
    assert "<script" not in panel(NASTY, NASTY)
    assert "<script" not in table([NASTY], [["1"]])
    assert "<script" not in estimates_table({NASTY: estimate()}, NASTY, chosen=NASTY)


def test_a_bar_stands_where_its_numbers_are():
    picture = bar(1.0, 2.0, 3.0, (0.0, 4.0))

    assert '<rect x="25.00" y="5" width="50.00"' in picture
    assert '<rect x="49.30"' in picture
    assert bar(float("nan"), 1.0, 2.0, (0.0, 4.0)) == ""
    assert bar(float("-inf"), 1.0, 2.0, (0.0, 4.0)) == ""
    assert 'x="50.00"' in bar(0.0, 0.0, 0.0, (0.0, 0.0))


def test_an_estimate_tells_the_number_first():
    assert repr(estimate()).startswith("Estimate(2 EUR [1.5 to 2.75], level=0.95, n=1200")
    page = estimate(unit=NASTY)._repr_html_()
    assert page.startswith(f"<span><b>2 {shown(NASTY)}</b>")
    assert "95% interval: 1.5 to 2.75, from 1,200 cases" in page


def test_costs_are_a_table_of_two_by_two_with_the_break_even_precision():
    page = CostMatrix(fn=5, fp=1, tp=0.5, unit=NASTY)._repr_html_()

    for words, value in (("caught", 0.5), ("missed", 5), ("false alarm", 1), ("left alone", 0)):
        assert f"{words}<br><b>{value:g}</b>" in page
    assert "break-even precision" in page
    assert "Acting pays from a probability of 0.1818" in page
    assert "<script" not in page


def test_costs_by_case_show_their_formulas():
    page = CostMatrix(fn=f"`{NASTY}`", fp=1)._repr_html_()

    assert "Costs that differ by case" in page
    assert f"<b>`{shown(NASTY)}`</b>" in page


def test_dominated_costs_say_so_first():
    with pytest.warns(UserWarning, match="dominated-action"):
        costs = CostMatrix(fn=5, fp=-1)

    assert ">Acting is never worse</div>" in costs._repr_html_()


def test_a_policy_tells_when_it_acts_and_what_that_costs(policy):
    cost = policy.evidence.expected_cost

    assert repr(policy) == (
        f"DecisionPolicy(acts from {policy.threshold:.4g}, expected_cost={cost}, model='')"
    )
    page = policy._repr_html_()
    assert policy.explain().splitlines()[0].replace("'", "&#x27;") in page
    assert f"{cost.value:.4g}" in page
    assert "never act" in page


def test_a_policy_without_a_measurement_is_shown_too():
    bare = DecisionPolicy(rule=ThresholdRule(0.25), costs=None, known_costs=None, unit="EUR")

    assert repr(bare) == "DecisionPolicy(acts from 0.25, model='')"
    assert "Nothing is known of its cost" in bare._repr_html_()
    assert Evidence()._repr_html_() == "<p>Nothing is known of its cost.</p>"


def test_a_search_tells_what_it_saves(rows):
    result = optimize(*rows, CostMatrix(fn=8, fp=1), learners="logistic", n_trials=2)

    page = result._repr_html_()

    assert f"Saves {100 * result.savings.value:.3g} %" in page
    assert "untuned model at 0.5" in page
    assert repr(result).startswith(f"SearchResult(expected_cost={result.expected_cost}")


def test_a_comparison_ranks_its_strategies(rows):
    strategies = ("logistic regression", "class weights balanced")
    comparison = compare(*rows, CostMatrix(fn=8, fp=1), learner="logistic", strategies=strategies)

    page = comparison._repr_html_()

    assert f"Selected: {comparison.best}" in page
    places = [page.rindex(f"{one.title}</") for one in comparison.results]
    assert places == sorted(places)
    assert f"<b>{comparison.best}</b>" in page
