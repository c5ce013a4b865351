"""What notebooks show: the important number first, and text that stays text."""

import pytest

from costopt import CostMatrix, DecisionPolicy, advise, choose_threshold, compare, optimize
from costopt.checks import check_split
from costopt.comparison.findings import Finding, ranked
from costopt.decision.rules import ThresholdRule
from costopt.evaluation.estimates import Estimate
from costopt.policy.evidence import Evidence
from costopt.showing.html import page_of, shown
from costopt.showing.overview import Overview, cost_lines, rows_of

NASTY = "<script>alert(1)</script>"


def estimate(value=2.0, low=1.5, high=2.75, unit="EUR"):
    return Estimate(value, low, high, 0.95, "bootstrap", unit, 1200)


@pytest.fixture(scope="module")
def policy(make_rows):
    X, y = make_rows()
    score = (X["signal"] - X["signal"].min()) / (X["signal"].max() - X["signal"].min())
    return choose_threshold(y, score, CostMatrix(fn=8, fp=1, unit="EUR"))


# the one place that makes HTML


def test_whatever_an_overview_holds_is_shown_as_text():
    told = Overview(
        NASTY, NASTY, (NASTY, NASTY), [(NASTY, (f"{NASTY}\n\x1b[31m", "bad"))], notes=[NASTY]
    )

    page = page_of(told)

    assert shown(f"{NASTY}&\n") == "&lt;script&gt;alert(1)&lt;/script&gt;&amp;\\n"
    assert page.count(shown(NASTY)) == 7
    assert "\\n\\x1b[31m" in page
    assert "<script" not in page
    assert "<script" not in page_of(Overview("", measured=rows_of({NASTY: estimate()})))


def test_rows_share_a_scale_that_includes_nothing():
    first, second = rows_of({"low": estimate(2, 1, 3), "high": estimate(4, 4, 4)}, chosen="high")

    assert first.places == (25.0, 50.0, 75.0)
    assert second.places == (100.0, 100.0, 100.0)
    assert (first.zero, first.chosen, second.chosen) == (0.0, False, True)
    (gain,) = rows_of({"gain": estimate(-2, -4, 0)})
    assert (gain.zero, gain.places) == (100.0, (0.0, 50.0, 100.0))


def test_a_bar_stands_where_its_numbers_are():
    page = page_of(
        Overview("", measured=rows_of({"": estimate(2, 1, 3), "end": estimate(4, 4, 4)}))
    )

    assert '<rect x="25.00" y="5" width="50.00"' in page
    assert '<rect x="49.30"' in page


@pytest.mark.parametrize("low", [float("nan"), float("-inf")])
def test_an_interval_without_ends_has_no_bar(low):
    (row,) = rows_of({"": estimate(low=low)})

    assert row.places is None
    assert "<svg" not in page_of(Overview("", measured=[row]))


def test_lines_for_a_terminal_are_aligned():
    rows = rows_of({"never act": estimate(), "this": estimate(1234.5)}, times=2, write=str)

    assert cost_lines(rows, {"this": "selected"}) == [
        "  never act           4.0   3.0 to 5.5",
        "  this             2469.0   3.0 to 5.5   selected",
    ]


# what each type tells


def test_an_estimate_tells_the_number_first():
    assert repr(estimate()).startswith("Estimate(2 EUR [1.5 to 2.75], level=0.95, n=1200")
    told = estimate(unit=NASTY).overview()
    assert (told.title, told.lead) == ("Estimate from 1,200 cases", f"2 {NASTY}")
    assert told.columns[2] == "95% interval"
    assert [row.interval for row in told.measured] == ["1.5 to 2.75"]
    assert "<script" not in estimate(unit=NASTY)._repr_html_()


def test_costs_are_a_table_of_two_by_two_with_the_break_even_precision():
    told = CostMatrix(fn=5, fp=1, tp=0.5, unit=NASTY).overview()

    assert told.rows == (
        ("it is positive", ("caught: 0.5", "good"), ("missed: 5", "bad")),
        ("it is negative", ("false alarm: 1", "bad"), ("left alone: 0", "good")),
    )
    page = page_of(told)
    assert "break-even precision" in page
    assert "Acting pays from a probability of 0.1818" in page
    assert "<script" not in page


def test_costs_by_case_show_their_formulas():
    told = CostMatrix(fn=f"`{NASTY}`", fp=0.1 + 0.2).overview()

    assert told.lead == "Costs that differ by case"
    assert told.rows[0][2] == (f"missed: `{NASTY}`", "bad")
    assert told.rows[1][1] == ("false alarm: 0.3", "bad")


def test_dominated_costs_say_so_first():
    with pytest.warns(UserWarning, match="dominated-action"):
        costs = CostMatrix(fn=5, fp=-1)

    assert costs.overview().lead == "Acting is never worse"


def test_a_policy_tells_when_it_acts_and_what_that_costs(policy):
    cost = policy.evidence.expected_cost

    assert repr(policy) == (
        f"DecisionPolicy(acts from {policy.threshold:.4g}, expected_cost={cost}, model='')"
    )
    told = policy.overview()
    assert told.lead == policy.explain().splitlines()[0]
    assert [row.name for row in told.measured] == [*policy.evidence.baselines, "this policy"]
    assert told.measured[-1].value == f"{cost.value:.4g}"
    assert told.measured[-1].chosen
    assert "never act" in policy._repr_html_()


def test_a_policy_without_a_measurement_is_shown_too():
    bare = DecisionPolicy(rule=ThresholdRule(0.25), costs=None, known_costs=None, unit="EUR")

    assert repr(bare) == "DecisionPolicy(acts from 0.25, model='')"
    assert "Nothing is known of its cost" in bare._repr_html_()
    assert "Nothing is known of its cost" in Evidence()._repr_html_()


def test_a_search_tells_what_it_saves(rows):
    result = optimize(*rows, CostMatrix(fn=8, fp=1), learners="logistic", n_trials=2)

    told = result.overview()

    assert told.lead.startswith(f"Saves {100 * result.savings.value:.3g} % (")
    assert "untuned model at 0.5" in [row.name for row in told.measured]
    assert result.policy.explain().splitlines()[0] in told.notes
    assert repr(result).startswith(f"SearchResult(expected_cost={result.expected_cost}")


def test_a_comparison_ranks_its_strategies(rows):
    strategies = ("logistic regression", "class weights balanced")
    comparison = compare(*rows, CostMatrix(fn=8, fp=1), learner="logistic", strategies=strategies)

    told = comparison.overview()

    assert told.lead == f"Selected: {comparison.best}"
    assert [row.name for row in told.measured] == [one.title for one in comparison.results]
    assert [row.name for row in told.measured if row.chosen] == [comparison[comparison.best].title]
    assert any("Expected to cost" in note for note in told.notes)
    assert f"<b>{comparison[comparison.best].title}</b>" in comparison._repr_html_()


def test_advice_is_a_table_of_statements_with_their_reasons(rows):
    X, y = rows
    advice = advise(y, CostMatrix(fn=8, fp=1), X)

    told = advice.overview()

    assert [row[0] for row in told.rows] == [one.text for one in advice.statements]
    assert advice.statements[0].reason in told.rows[0][1]
    assert told.lead == f"Try first: {', '.join(advice.try_first)}"


def test_findings_are_a_table_the_worst_first_or_say_that_there_are_none(rows):
    note, error = (Finding("few", kind, "there are 12", "get more") for kind in ("note", "error"))
    found = ranked([note, None, error, note])

    assert found == (error, note, note)
    assert found.overview().lead == "1 error, 2 notes"
    assert found.overview().rows[0] == ("error", "few", "there are 12", "get more")
    assert str(found).splitlines()[0] == "error [few] there are 12: get more"

    X, y = rows
    nothing = check_split(X[:150], X[150:], y[:150], y[150:])
    assert str(nothing) == "nothing found"
    assert "Nothing found" in nothing._repr_html_()
