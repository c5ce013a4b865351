"""What is said of a policy's cost, in words that the numbers carry."""

import json
import math
from dataclasses import replace

import pytest

from costopt import DataError
from costopt.evaluation.estimates import Estimate
from costopt.policy.evidence import Evidence


def estimate(value, low, high, unit="EUR", note=""):
    return Estimate(value, low, high, 0.95, "score interval", unit, 1000, 40.0, note)


def evidence(value=0.25, low=0.1, high=0.4, note="", **changes):
    found = Evidence(
        expected_cost=estimate(7.5, 6.0, 9.0),
        savings=estimate(value, low, high, "share", note),
        baselines={"never act": estimate(12, 9, 15), "always act": estimate(10, 10, 10)},
        n_cases=1000,
        n_positives=50,
        reason="it was asked for",
    )
    return replace(found, **changes)


@pytest.mark.parametrize(
    ("given", "mood", "sentence"),
    [
        ({}, "good", "It is significantly cheaper than the best rule without a model."),
        ({"low": -0.1}, "unsure", "It may save nothing: gather more cases before you rely on it."),
        (
            {"low": -math.inf},
            "unsure",
            "It may save nothing: gather more cases before you rely on it.",
        ),
        (
            {"value": -0.3, "low": -0.5, "high": -0.1},
            "bad",
            "It costs significantly more than the best rule without a model: do not use it.",
        ),
        (
            {"value": -0.3, "low": -0.9, "high": 0.01},
            "unsure",
            "It may save nothing: gather more cases before you rely on it.",
        ),
        (
            {"low": math.nan, "high": math.nan, "note": "too few amounts"},
            "unsure",
            "No interval can be stated: too few amounts.",
        ),
        (
            {"value": 0.0, "low": -0.01, "high": 0.01, "note": "the same decision as 'never act'"},
            "unsure",
            "It saves nothing: it makes the same decision as 'never act'.",
        ),
        (
            {"value": math.nan, "low": math.nan, "high": math.nan},
            "plain",
            "There is no cost to save a share of: compare the costs themselves.",
        ),
        ({"savings": None}, "plain", "There is no cost to save a share of: compare the costs"),
    ],
)
def test_a_verdict_says_no_more_than_the_interval_carries(given, mood, sentence):
    found = evidence(**given).verdict()

    assert found[0] == mood
    assert found[1].startswith(sentence)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {},
            "25 % cheaper than the best rule without a model (always act); 95% interval of the "
            "savings: 10 to 40 %.",
        ),
        (
            {"low": -math.inf},
            "25 % cheaper than the best rule without a model (always act); 95% interval of the "
            "savings: at most 40 %.",
        ),
        (
            {"value": -0.5, "low": math.nan, "high": math.nan, "note": "why"},
            "50 % more expensive than the best rule without a model (always act).",
        ),
    ],
)
def test_savings_are_told_with_the_rule_that_they_are_measured_against(given, sentence):
    found = evidence(**given)

    assert found.savings_in_words() == [sentence, found.verdict()[1]]


def test_where_savings_mean_nothing_nothing_is_said_of_them():
    assert evidence(value=math.nan).savings_in_words() == []
    assert Evidence().savings_in_words() == []


def test_the_cost_is_told_with_its_interval_its_note_and_what_the_selection_hid():
    cost = replace(estimate(7.5, 6.0, 9.0), note="all rows belong to one group")

    lines = evidence(expected_cost=cost, selection_bias=0.5).explain()

    assert lines[0] == (
        "Expected cost: 7.5 EUR per case, 95% interval: 6 to 9, from 1,000 cases of which 50 were "
        "positive."
    )
    assert lines[1] == "Note: all rows belong to one group."
    assert lines[2] == (
        "On these rows it cost 7 EUR; 0.5 EUR is added, since the policy was selected on them."
    )
    assert len(evidence().explain()) == len(lines) - 2


def test_evidence_is_plain_values_that_strict_json_can_hold():
    found = evidence(low=-math.inf, value=math.nan, selection_bias=0.25).to_dict()

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["savings"]["low"] == "-inf"
    assert found["savings"]["value"] is None
    assert found["baselines"]["never act"]["value"] == 12


@pytest.mark.parametrize(
    "wrong",
    [{"n_cases": -1, "n_positives": -1}, {"n_positives": 1001}, {"selection_bias": math.nan}],
)
def test_evidence_of_cases_that_cannot_be_is_refused(wrong):
    with pytest.raises(DataError, match="evidence has between 0 and all of its cases positive"):
        evidence(**wrong)
