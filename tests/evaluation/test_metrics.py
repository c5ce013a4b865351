import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import metrics

from costopt import CaseCosts, CostMatrix, CostSpecError, DataError
from costopt.metrics import decision_metrics

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
coarse = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def decided(draw):
    n = draw(st.integers(1, 10))

    def column(of):
        return np.array(draw(st.lists(of, min_size=n, max_size=n)))

    weight = column(st.sampled_from([0.5, 1.0, 3.0]))
    return column(st.booleans()), column(st.booleans()), column(coarse), weight


@QUICK
@given(decided(), st.booleans())
def test_each_metric_is_what_counting_gives(case, weighted):
    y, act, probability, weight = case
    if not weighted:
        weight = np.ones(y.size)
    costs = CaseCosts(fp=2.0, fn=np.arange(y.size) + 3.0, tp=1.0, tn=-0.5)

    found = decision_metrics(
        y, act, costs, y_prob=probability, sample_weight=weight if weighted else None
    )

    tp, fp, fn, tn = (weight[m].sum() for m in (y & act, ~y & act, y & ~act, ~y & ~act))
    share = weight / weight.sum()
    if_act, if_not = np.where(y, 1.0, 2.0), np.where(y, np.arange(y.size) + 3.0, -0.5)
    never, always, perfect = share @ if_not, share @ if_act, share @ np.minimum(if_act, if_not)
    spent = share @ np.where(act, if_act, if_not)
    base = min(never, always)

    def ratio(part, whole):
        return part / whole if whole else math.nan

    expected = {
        "accuracy": (tp + tn) / weight.sum(),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "specificity": ratio(tn, tn + fp),
        "g_mean": math.sqrt(ratio(tp, tp + fn) * ratio(tn, tn + fp)),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "alert_share": (tp + fp) / weight.sum(),
        "mean_cost": spent,
        "savings": 1 - spent / base if base > 0 else math.nan,
        "gain_share": ratio(base - spent, base - perfect) if base > perfect else math.nan,
        "brier_score": share @ (probability - y) ** 2,
    }
    for name, value in expected.items():
        assert_allclose(found[name], value, atol=1e-12, err_msg=name)
    if not 0 < y.sum() < y.size:
        assert math.isnan(found["roc_auc"])
        assert math.isnan(found["average_precision"])
        return
    pairs = (weight[y][:, None] * weight[~y]) / (weight[y].sum() * weight[~y].sum())
    wins = np.sign(probability[y][:, None] - probability[~y]) / 2 + 0.5
    assert_allclose(found["roc_auc"], (pairs * wins).sum(), atol=1e-12)
    assert_allclose(
        found["average_precision"],
        metrics.average_precision_score(y, probability, sample_weight=weight),
    )


def test_a_guard_who_stops_nobody_is_accurate_and_saves_nothing():
    y = np.arange(1000) % 100 == 0

    found = decision_metrics(y, np.zeros(1000), CostMatrix(fp=10, tp=10, fn=1000))

    assert found["accuracy"] == 0.99
    assert found["recall"] == 0
    assert math.isnan(found["precision"])
    assert found["mean_cost"] == 10
    assert found["savings"] == 0
    assert found["alert_share"] == 0


def test_without_probabilities_nothing_is_ranked():
    found = decision_metrics([0, 1], [0, 1], CostMatrix(fp=1, fn=1))

    assert all(math.isnan(found[name]) for name in ("roc_auc", "average_precision", "brier_score"))


def test_costs_may_differ_by_case_and_be_gains():
    found = decision_metrics([1, 0], [1, 1], CaseCosts(fp=1.0, fn=[0.0, 0.0], tp=[-30.0, -30.0]))

    assert found["mean_cost"] == -14.5
    assert math.isnan(found["savings"])  # not acting costs nothing: no share of that can be saved
    assert_allclose(found["gain_share"], 0.0)  # acting on all is the better baseline


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_true": [0, 2, 1]}, "y_true must hold 0 and 1, got .*2.* in row 1"),
        ({"act": [0, 1]}, "act is for 2 cases but y_true has 3: take the same rows"),
        ({"act": [0.2, 0.9, 0.5]}, "act must hold 0 and 1, got .*0.2.* in row 0"),
        ({"y_prob": [0.1, 0.2]}, "y_prob is for 2 cases but y_true has 3"),
        ({"y_prob": [0.1, 1.2, 0.3]}, r"y_prob must lie in \[0, 1\], got 1.2 in row 1"),
        ({"y_prob": [0.1, 0.2, np.nan]}, r"y_prob must lie in \[0, 1\], got nan in row 2"),
        ({"y_prob": ["a", "b", "c"]}, "y_prob must "),
        (
            {"sample_weight": [1.0, -1.0, 1.0]},
            "sample_weight must be finite and at least 0, got -1",
        ),
        ({"sample_weight": [1.0, 1.0]}, "sample_weight must have one value for each of the 3"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight must not be zero for every case"),
        ({"costs": CaseCosts(fp=1.0, fn=[1.0, 2.0])}, "the costs are for 2 cases but there are 3"),
        ({"y_true": [], "act": []}, "there are no cases: a mean cost needs at least one row"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    given_as = {"y_true": [0, 1, 1], "act": [0, 1, 0], "costs": CostMatrix(fp=1, fn=2)} | options

    with pytest.raises(DataError, match=message):
        decision_metrics(
            given_as.pop("y_true"), given_as.pop("act"), given_as.pop("costs"), **given_as
        )


def test_costs_without_names_are_refused():
    with pytest.raises(CostSpecError, match="must be a CostMatrix or CaseCosts with named cells"):
        decision_metrics([0, 1], [0, 1], [[0, 1], [5, 0]])


def test_a_class_without_weight_is_a_class_that_is_not_there():
    found = decision_metrics(
        [0, 0, 1],
        [0, 1, 1],
        CostMatrix(fp=1, fn=2),
        y_prob=[0.1, 0.2, 0.3],
        sample_weight=[1, 1, 0],
    )

    assert math.isnan(found["roc_auc"])
    assert math.isnan(found["average_precision"])
    assert math.isnan(found["recall"])
    assert found["specificity"] == 0.5
