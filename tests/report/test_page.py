"""The page as a file: complete without JavaScript, nothing from outside, text stays text."""

import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from costopt import (
    CostMatrix,
    CostOptWarning,
    DataError,
    DecisionPolicy,
    StoreError,
    choose_threshold,
    compare,
    optimize,
    write_report,
)
from costopt.report.curve import money_recall, recommended_at, threshold_text
from costopt.showing.text import fixed, money, percent

NASTY = "<script>alert(1)</script>"
SIGNS = f"=cmd() \x1b[31m{NASTY}\nnext"


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.text = [], [], [], ""
        self._inside = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.text += " " if tag == "br" else ""
        if tag in {"script", "style"}:
            self._inside.append(tag)
            self.scripts.append("")

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data
        else:
            self.text += data


def scored(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-rng.normal(-2, 1.5, n)))
    return (rng.random(n) < score).astype(int), score, rng


@pytest.fixture(scope="module")
def policy():
    y, score, _ = scored()
    return choose_threshold(y, score, CostMatrix(fn=9, fp=1.25, tp=0.5, unit="EUR"))


def page_of(found, folder, **settings):
    write_report(found, folder / "report.html", **settings)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_answer_is_in_the_text_with_the_numbers_of_python(policy, tmp_path):
    page = page_of(policy, tmp_path)

    evidence = policy.evidence
    shown = " ".join(page.text.split())
    assert f"Act from {100 * policy.threshold:.3g} % up" in shown
    assert f"{percent(evidence.savings.value)} of the cost" in shown
    assert evidence.savings.interval_text(100, " %", digits=3) in shown
    assert "It is significantly cheaper than the best rule without a model." in shown
    assert f"{evidence.n_cases:,} cases of which {evidence.n_positives:,}" in shown
    for found in (*evidence.baselines.values(), evidence.expected_cost):
        assert money(1000 * found.value) in shown
        assert f"{money(1000 * found.low)} to {money(1000 * found.high)}" in shown
    selected = evidence.curve.selected
    for text in (
        money(1000 * selected.mean_cost()),
        fixed(1000 * selected.alerts, 1),
        percent(selected.precision, 1),
        percent(selected.recall, 1),
    ):
        assert text in shown
    assert evidence.reason in shown
    assert policy.explain().splitlines()[0] in shown


def test_the_page_says_what_it_is_about(policy, tmp_path):
    named = replace(
        policy, labels=("No", "Yes"), provenance={"target": "churned", "source": "a.csv"}
    )

    page = page_of(named, tmp_path, about={"Acting means": f"a call {NASTY}"})

    shown = " ".join(page.text.split())
    assert "Positive cases churned is 'Yes'" in shown  # as it was given
    assert (
        f"Rows a.csv: 2,000 cases, of which {policy.evidence.n_positives:,} are positive" in shown
    )
    assert f"Acting means a call {NASTY}" in shown
    assert f"Written {date.today().day} " in shown
    assert "target churned" not in shown  # said once


def test_an_estimate_of_fewer_cases_says_so(policy, tmp_path):
    cost = replace(policy.evidence.expected_cost, n=1500)
    fewer = replace(policy, evidence=replace(policy.evidence, expected_cost=cost))

    assert "from 1,500 of the 2,000 cases of which" in page_of(fewer, tmp_path).text


def test_one_half_and_the_baselines_are_in_the_picture(policy, tmp_path):
    page = page_of(policy, tmp_path)

    curve = policy.evidence.curve
    assert f"never act: {money(1000 * curve.point(0).mean_cost())}" in page.text
    assert f"always act: {money(1000 * curve.point(len(curve) - 1).mean_cost())}" in page.text
    assert "50 %, as libraries decide" in page.text
    assert ("class", "half") in page.attributes
    names = [value for name, value in page.attributes if name == "class"]
    assert {"mark", "flat"} <= set(names)  # the key shows what it names as it is drawn


def test_the_rule_that_is_recommended_follows_the_costs(policy):
    curve = policy.evidence.curve
    fp, fn, tp, tn = 1.25, 30.0, 0.5, 0.0

    threshold, point = recommended_at(curve, "bayes", {"fn": fn})

    assert threshold == (fp - tn) / ((fp - tn) + (fn - tp))
    assert point.threshold >= threshold
    assert recommended_at(curve, "exact", {"fn": fn})[1] == curve.cheapest({"fn": fn})
    assert recommended_at(curve, "bayes", {"fn": 0.0})[0] == np.inf  # a miss costs no more
    assert recommended_at(curve, "bayes", {"fp": -1.0})[0] == -np.inf
    assert recommended_at(curve, "bayes", {"fp": -1.0, "fn": 0.0})[1] == curve.cheapest(
        {"fp": -1.0, "fn": 0.0}
    )


def test_money_saved_is_counted_beside_cases_caught(tmp_path):
    y, score, rng = scored()
    X = pd.DataFrame({"amount": rng.lognormal(3, 1.5, y.size) + 5})
    costs = CostMatrix(fn="amount", fp=5, tp=5, unit="EUR")
    policy = choose_threshold(y, score, costs, X=X)
    curve = policy.evidence.curve

    page = page_of(policy, tmp_path)

    act, stake = policy.decide(X, score=score), X["amount"].to_numpy() - 5
    caught = stake[act & (y == 1)].sum() / stake[y == 1].sum()
    assert money_recall(curve, curve.selected) == pytest.approx(caught, abs=0.1)
    assert money_recall(curve, curve.point(0)) == 0
    assert money_recall(curve, curve.point(len(curve) - 1)) == pytest.approx(1)
    middle = curve.point(len(curve) // 2)
    assert middle.recall < money_recall(curve, middle, {"fn": 3.0}) or middle.recall > 0
    share = percent(money_recall(curve, curve.selected), 1)
    assert f"and with them {share} of the money at stake in positive cases" in page.text


def test_money_at_stake_that_is_the_same_for_all_is_not_counted_twice(policy, tmp_path):
    page = page_of(policy, tmp_path)

    assert "money at stake" not in page.text
    curve = policy.evidence.curve
    assert money_recall(curve, curve.selected) == pytest.approx(curve.selected.recall)
    assert np.isnan(money_recall(curve, curve.selected, {"fn": 0.0}))


def test_what_happens_if_costs_change_is_priced_on_the_curve(policy, tmp_path):
    shown = " ".join(page_of(policy, tmp_path, cases_a_day=250).text.split())

    curve = policy.evidence.curve
    changed = {"fn": 18.0}
    cheapest = curve.cheapest(changed)
    for text in (
        threshold_text(cheapest.threshold),
        money(250 * cheapest.mean_cost(changed)),
        money(250 * curve.selected.mean_cost(changed)),
    ):
        assert text in shown


def test_nothing_comes_from_outside_and_the_file_is_small(policy, tmp_path):
    source = (page_of(policy, tmp_path), (tmp_path / "report.html").read_text())[1]
    page = Page(source)

    assert len(source.encode()) < 1_000_000
    assert {"img", "link", "iframe", "object", "embed", "base", "form"}.isdisjoint(page.tags)
    names = {name for name, _ in page.attributes}
    assert {"src", "href", "srcset", "action"}.isdisjoint(names)
    assert not {name for name in names if name.startswith("on")}
    assert "http" not in source.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "default-src 'none'" in source


def test_every_field_has_a_label_and_every_table_heading_a_scope(policy, tmp_path):
    source = (page_of(policy, tmp_path), (tmp_path / "report.html").read_text())[1]

    fields = re.findall(r'<input id="([^"]+)"', source)
    assert {"threshold", "cases", "cost-fp", "cost-fn", "cost-tp", "cost-tn"} == set(fields)
    for name in fields:
        assert f'<label for="{name}">' in source
    assert not re.findall(r"<th(?! scope=)(?!ead)[ >]", source)
    assert 'lang="en"' in source
    assert 'aria-live="polite"' in source


def test_text_from_the_data_stays_text_everywhere(tmp_path):
    y, score, rng = scored()
    labels = np.where(y == 1, SIGNS, "fine")
    X = pd.DataFrame({"amount": rng.lognormal(3, 1, y.size)})
    costs = CostMatrix(fn="amount", fp=5, unit=f"</script>{SIGNS}")

    policy = choose_threshold(labels, score, costs, X=X, pos_label=SIGNS)
    page = page_of(policy, tmp_path, title=SIGNS)

    source = (tmp_path / "report.html").read_text()
    assert source.count("<script") == 2
    assert source.count("</script") == 2
    assert "\x1b" not in source
    assert f"=cmd() \\x1b[31m{NASTY}\\nnext" in page.text
    assert "=cmd() \\\\x1b[31m\\u003cscript\\u003ealert(1)" in page.scripts[1]
    json.loads(page.scripts[1])


def test_a_column_that_is_a_script_is_shown_as_its_name(tmp_path):
    y, score, rng = scored(600)
    X = pd.DataFrame({NASTY: rng.lognormal(3, 1, y.size)})

    policy = choose_threshold(y, score, CostMatrix(fn=f"`{NASTY}`", fp=5), X=X)
    page = page_of(policy, tmp_path)

    assert NASTY in page.text
    assert page.tags.count("script") == 2


def test_costs_per_case_are_factors_and_the_rule_stands_beside_the_curve(tmp_path):
    y, score, rng = scored()
    X = pd.DataFrame({"amount": rng.lognormal(3, 1, y.size)})

    policy = choose_threshold(y, score, CostMatrix(fn="amount", fp=5, unit="EUR"), X=X)
    page = page_of(policy, tmp_path)

    assert "Decide case by case" in page.text
    assert "1 is amount" in page.text
    assert json.loads(page.scripts[1])["declared"] == [5.0, 1.0, 0.0, 0.0]
    assert json.loads(page.scripts[1])["selected"]["by_case"] is True


def test_a_search_tells_how_it_chose(rows, tmp_path):
    result = optimize(*rows, CostMatrix(fn=8, fp=1), learners="logistic", n_trials=2)

    text = page_of(result, tmp_path).text

    assert result.reason in text
    assert "untuned model at 0.5" in text
    assert "logistic" in text


def test_a_comparison_ranks_its_strategies(rows, tmp_path):
    strategies = ("logistic regression", "class weights balanced", "case weights")
    comparison = compare(*rows, CostMatrix(fn=8, fp=1), learner="logistic", strategies=strategies)

    page = page_of(comparison, tmp_path)

    shown = " ".join(page.text.split())
    places = [shown.index(f"{one.name} {one.description}") for one in comparison.results]
    assert places == sorted(places)
    best = comparison.results[0]
    assert money(1000 * best.expected_cost.value) in shown
    for name, reason in comparison.skipped.items():
        assert f"{name}: {' '.join(reason.split())}" in shown
    assert comparison.advice.statements[0].text in shown


def test_a_policy_without_its_curve_or_measurement_still_has_a_page(tmp_path, policy):
    nothing = {"curve": None, "expected_cost": None, "savings": None, "baselines": {}}
    replace(policy, evidence=replace(policy.evidence, **nothing)).save(tmp_path / "policy")

    page = page_of(DecisionPolicy.load(tmp_path / "policy"), tmp_path)

    assert "without a measurement" in page.text
    assert "without the curve" in page.text
    assert "script" not in page.tags


@pytest.mark.parametrize(("fn", "headline"), [(1, "Never act"), (1e6, "Act from")])
def test_rules_at_the_ends_have_a_page(tmp_path, fn, headline):
    y, _, _ = scored(300)
    threshold = "exact" if fn == 1 else "bayes"
    costs = CostMatrix(fn=fn, fp=1)
    with pytest.warns(CostOptWarning, match="constant-scores"):
        policy = choose_threshold(y, np.full(300, 0.1), costs, threshold=threshold)

    assert headline in page_of(policy, tmp_path).text


def test_a_saving_that_may_be_none_is_called_so(tmp_path):
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.3).astype(int)

    policy = choose_threshold(y, rng.random(400), CostMatrix(fn=2.4, fp=1), threshold="exact")
    page = page_of(policy, tmp_path)

    low, high = policy.evidence.savings.low, policy.evidence.savings.high
    assert low <= 0
    assert ("costs more than" if high < 0 else "may save nothing") in page.text


# where it goes


def test_a_report_replaces_the_old_one_and_leaves_nothing_beside_it(policy, tmp_path):
    (tmp_path / "report.html").write_text("old")

    page_of(policy, tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert "old" not in (tmp_path / "report.html").read_text()[:100]


def test_a_place_that_cannot_hold_a_report_is_refused(policy, tmp_path):
    with pytest.raises(StoreError, match="nowhere is not a folder: make it first"):
        write_report(policy, tmp_path / "nowhere" / "report.html")
    with pytest.raises(StoreError, match="is not a plain file"):
        write_report(policy, tmp_path)
    (tmp_path / "link.html").symlink_to(tmp_path / "other.html")
    with pytest.raises(StoreError, match="is not a plain file"):
        write_report(policy, tmp_path / "link.html")


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="got dict: pass what optimize, compare or choose_threshold"
    ):
        write_report({}, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cases", [0, -1, float("nan"), float("inf"), True, "many"])
def test_cases_a_day_must_be_a_number_above_0(policy, tmp_path, cases):
    with pytest.raises(DataError, match="cases_a_day must be a number above 0"):
        write_report(policy, tmp_path / "report.html", cases_a_day=cases)
