"""Published metrics against numerical integration of their definitions, and against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.metrics import brier_score_loss

from costopt import CaseCosts, mean_cost
from costopt.errors import DataError
from costopt.evaluation.published_metrics import (
    brier_curve,
    expected_maximum_profit_churn,
    expected_maximum_profit_credit,
    h_measure,
    net_benefit,
)

few = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.2, 0.5, 0.9, 1.0])),
    min_size=2,
    max_size=12,
).filter(lambda rows: len({label for label, _ in rows}) == 2)


def rates(y, score, weight):
    """False and true positive rates of acting from every threshold, never included."""
    act = score >= np.concatenate(([np.inf], np.unique(score)))[:, None]
    return (
        (act & ~y) @ weight / weight[~y].sum(),
        (act & y) @ weight / weight[y].sum(),
        weight[y].sum() / weight.sum(),
    )


def columns(rows):
    y, score = (np.array(column) for column in zip(*rows, strict=True))
    return y, score, np.random.default_rng(len(rows)).integers(1, 4, y.size).astype(float)


def integral(of, density, points=4001):
    c = (np.arange(points) + 0.5) / points
    return float(np.mean(of(c) * density(c)))


@given(few)
def test_h_is_what_its_definition_integrates_to(rows):
    y, score, weight = columns(rows)
    fpr, tpr, prevalence = rates(y, score, weight)
    beta = stats.beta(1 + prevalence, 2 - prevalence).pdf

    def least(c):
        lines = c * (1 - prevalence) * fpr[:, None] + (1 - c) * prevalence * (1 - tpr)[:, None]
        return lines.min(axis=0)

    worst = integral(lambda c: np.minimum(c * (1 - prevalence), (1 - c) * prevalence), beta)
    expected = 1 - integral(least, beta) / worst

    assert h_measure(y, score, sample_weight=weight) == pytest.approx(expected, abs=2e-4)


def test_h_is_one_for_separation_and_nothing_for_noise_and_needs_the_order_only():
    y = np.repeat([0, 1], 50)
    score = np.arange(100.0)

    assert h_measure(y, score) == pytest.approx(1)
    assert h_measure(y, np.zeros(100)) == pytest.approx(0, abs=1e-12)
    assert h_measure(y, -score) == pytest.approx(0, abs=1e-12)
    mixed = np.random.default_rng(0).normal(size=100) + y
    assert h_measure(y, mixed) == pytest.approx(h_measure(y, np.exp(3 * mixed)))


@given(few)
def test_the_area_below_the_brier_curve_is_the_brier_score(rows):
    y, p, weight = columns(rows)
    c, cost = brier_curve(y, p, weight)

    area = float(integrate.trapezoid(cost, c))
    assert area == pytest.approx(brier_score_loss(y, p, sample_weight=weight))


@given(few, st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.9]))
def test_a_brier_curve_and_net_benefit_are_mean_costs(rows, threshold):
    y, p, weight = columns(rows)
    act = p >= threshold
    odds = threshold / (1 - threshold)
    cost = mean_cost(y, act, CaseCosts(fp=odds, fn=1), weight)

    prevalence = weight[y].sum() / weight.sum()
    assert float(net_benefit(y, p, threshold, weight)) == pytest.approx(
        prevalence - cost, abs=1e-12
    )
    c, curve = brier_curve(y, p, weight)
    just_below = int(np.searchsorted(c, threshold, side="left"))
    if c[just_below] == threshold:  # deciding at p >= c: the side before the jump
        of_curve = curve[just_below]
    else:
        of_curve = np.interp(
            threshold, c[just_below - 1 : just_below + 1], curve[just_below - 1 : just_below + 1]
        )
    scaled = mean_cost(y, act, CaseCosts(fp=2 * threshold, fn=2 * (1 - threshold)), weight)
    assert float(of_curve) == pytest.approx(scaled, abs=1e-12)


@given(few)
def test_profit_of_a_campaign_is_what_its_definition_integrates_to(rows):
    y, score, weight = columns(rows)
    fpr, tpr, prevalence = rates(y, score, weight)

    def best(share):
        earned = (share[None, :] * 190 - 1) * prevalence * tpr[:, None]
        return (earned - 11 * (1 - prevalence) * fpr[:, None]).max(axis=0)

    expected = integral(best, stats.beta(6, 14).pdf)
    found = expected_maximum_profit_churn(y, score, sample_weight=weight)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(few)
def test_profit_of_a_credit_score_is_what_its_definition_integrates_to(rows):
    y, score, weight = columns(rows)
    fpr, tpr, prevalence = rates(y, score, weight)

    def best(loss):
        return (loss * prevalence * tpr[:, None] - 0.2644 * (1 - prevalence) * fpr[:, None]).max(0)

    expected = 0.35 * integral(best, np.ones_like) + 0.1 * float(best(np.array([1.0]))[0])
    found = expected_maximum_profit_credit(y, score, sample_weight=weight)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: h_measure([1, 1], [0.1, 0.2]), "both classes must be there"),
        (lambda: h_measure([0, 1], [0.1, np.nan]), "y_score must"),
        (lambda: h_measure([0, 1], [0.1, 0.2], severity=(0, 1)), "two numbers above 0"),
        (lambda: net_benefit([0, 1], [0.1, 0.2], 1.0), "threshold must lie above 0 and below 1"),
        (lambda: brier_curve([0, 1], [0.1, 0.2, 0.3]), "y_prob is for 3 cases but y_true has 2"),
        (
            lambda: expected_maximum_profit_churn([0, 1], [0.1, 0.2], incentive=300),
            "lifetime_value must be above incentive",
        ),
        (
            lambda: expected_maximum_profit_credit([0, 1], [0.1, 0.2], all_lost=0.6),
            "chances that add up to at most 1",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
