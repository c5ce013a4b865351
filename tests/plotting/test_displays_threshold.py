"""Cost, precision and recall against the threshold, and cost over all cost ratios."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn import metrics

from costopt import CaseCosts, CostMatrix, DataError, decide, mean_cost
from costopt.evaluation.estimates import Sample
from costopt.plotting import CostCurveDisplay, CostRatioDisplay, TradeoffDisplay
from costopt.showing.text import MISSING

COSTS = CostMatrix(fp=1, fn=5, unit="EUR")
# few distinct values, so that ties are common
SCORES = st.sampled_from([0.0, 0.2, 0.5, 0.500001, 1.0])
WEIGHTS = st.sampled_from([1.0, 2.0, 0.5])


@st.composite
def cases(draw):
    """Labels of both classes, scores and weights."""
    y = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=10))]
    values = (draw(st.lists(each, min_size=len(y), max_size=len(y))) for each in (SCORES, WEIGHTS))
    return np.array(y), *map(np.array, values)


def axes():
    """Axes that no window manager knows of."""
    return Figure().add_subplot()


def simulated(n=2000, base=-2.0, seed=0):
    """Labels, and the probabilities that they were drawn with."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-(1.5 * rng.normal(size=n) + base)))
    return (rng.random(n) < p).astype(int), p


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# cost against threshold


@settings(max_examples=15, deadline=None)
@given(cases())
def test_the_line_that_is_drawn_is_what_counting_errors_gives(case):
    y, score, weight = case
    ax = axes()
    CostCurveDisplay.from_predictions(y, score, COSTS, sample_weight=weight, scale="linear", ax=ax)

    x, height = next(line for line in ax.lines if line.get_drawstyle() == "steps-pre").get_data()

    for low, high, cost in zip(x[:-1], x[1:], height[1:], strict=True):
        inside = (low + high) / 2
        if low < inside < high:
            (_, fp), (fn, _) = metrics.confusion_matrix(y, score >= inside, sample_weight=weight)
            assert_allclose(cost, (fp + 5 * fn) / weight.sum())


def test_the_band_is_the_interval_that_is_stated_everywhere():
    y, p = simulated(60)
    display = CostCurveDisplay.from_predictions(y, p, COSTS, ax=axes())
    sample = Sample(y == 1, CaseCosts(fp=1, fn=5), None, p)

    for at in (0, 40, display.band_thresholds.size - 1):
        found = sample.cost(p >= display.band_thresholds[at])
        assert_allclose([display.band_low[at], display.band_high[at]], [found.low, found.high])


def test_rows_of_a_group_are_drawn_together():
    y, p = simulated(200)
    alone = CostCurveDisplay.from_predictions(y, p, COSTS, ax=axes())
    twice = CostCurveDisplay.from_predictions(
        np.tile(y, 2), np.tile(p, 2), COSTS, groups=np.tile(np.arange(200), 2), ax=axes()
    )
    width, doubled = (np.median(d.band_high - d.band_low) for d in (alone, twice))

    assert_allclose(alone.curve.at([0.1, 0.4]), twice.curve.at([0.1, 0.4]))
    assert 0.9 < doubled / width < 1.1  # not 0.71, as of twice the rows


def test_a_change_of_currency_changes_the_labels_only():
    y, p = simulated(300)
    euro, cent = (
        CostCurveDisplay.from_predictions(
            y, p, CostMatrix(fp=rate, fn=5 * rate, unit=unit), ax=axes()
        )
        for rate, unit in ((1, "EUR"), (100, "cent"))
    )

    assert_allclose(100 * euro.band_low, cent.band_low, rtol=1e-6)
    assert euro.near == cent.near
    assert euro.best.threshold == cent.best.threshold
    assert euro.ax_.get_ylabel() == "cost in EUR per case"
    assert cent.ax_.get_ylabel() == "cost in cent per case"


def test_thresholds_that_are_not_significantly_more_expensive_hold_the_bayes_threshold():
    y, p = simulated(20_000)
    display = CostCurveDisplay.from_predictions(y, p, COSTS, ax=axes())
    low, high = display.near

    assert_allclose(display.bayes_threshold, 1 / 6)
    assert low <= display.bayes_threshold <= high
    assert low <= display.best.threshold <= high
    assert high < 0.5
    assert display.curve.at(0.5) > 1.2 * display.best.mean_cost


def test_the_legend_gives_every_mark_its_number():
    display = CostCurveDisplay.from_predictions(
        [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], COSTS, ax=axes()
    )
    shown = texts(display.ax_)

    assert "cheapest, 0.1 to 0.4: 0.25 EUR" in shown
    assert "Bayes threshold 0.1667: 0.25 EUR" in shown
    assert "threshold 0.5: 1.5 EUR" in shown


def test_never_acting_can_be_the_cheapest():
    display = CostCurveDisplay.from_predictions(
        [0, 1, 0, 0], [0.1, 0.2, 0.6, 0.9], CostMatrix(fp=9, fn=1, unit="EUR"), ax=axes()
    )

    assert "cheapest, never acting: 0.25 EUR" in texts(display.ax_)


def test_costs_per_case_have_no_bayes_threshold_but_a_rule():
    y, p = simulated(500)
    X = pd.DataFrame({"amount": np.tile([2.0, 40.0], 250)})
    costs = CostMatrix(fp=1, fn="amount", unit="EUR")

    display = CostCurveDisplay.from_predictions(y, p, costs, X=X, ax=axes())

    priced = costs.resolve(X)
    assert display.bayes_threshold is None
    assert_allclose(display.rule_cost, mean_cost(y, decide(p, priced), priced))
    assert any(text.startswith("decided case by case: ") for text in texts(display.ax_))


def test_what_only_hindsight_knows_is_a_class_mean_to_the_rule():
    y, p = simulated(500)
    claim = np.where(y == 1, np.tile([2.0, 6.0], 250), 0.0)
    costs = CostMatrix(fp=1, fn="claim", hindsight=("claim",))

    X = pd.DataFrame({"claim": claim})
    display = CostCurveDisplay.from_predictions(y, p, costs, X=X, ax=axes())

    assert_allclose(display.bayes_threshold, 1 / (1 + claim[y == 1].mean()))
    assert_allclose(display.curve.mean_cost[0], claim.mean())  # the money is as it was
    assert display.rule_cost is None


def test_small_thresholds_get_log_odds_and_others_do_not():
    y, p = simulated(2000, base=-4)
    rare = CostCurveDisplay.from_predictions(y, p, CostMatrix(fp=1, fn=100), ax=axes())
    even = CostCurveDisplay.from_predictions(y, p, CostMatrix(fp=1, fn=5), ax=axes())

    assert rare.ax_.get_xscale() == "logit"
    assert rare.ax_.get_xlim()[0] < 1 / 101 < 0.5 < rare.ax_.get_xlim()[1]
    assert even.ax_.get_xscale() == "linear"
    assert even.ax_.get_xlim() == (0, 1)


def test_scores_that_are_no_probabilities_have_no_bayes_threshold():
    display = CostCurveDisplay.from_predictions([0, 1, 0, 1], [-3, 2, -1, 5], COSTS, ax=axes())

    assert display.bayes_threshold is None
    assert not any("Bayes" in text or "0.5" in text for text in texts(display.ax_))


# precision, recall and alerts


@settings(max_examples=15, deadline=None)
@given(cases())
def test_shares_are_scikit_learns(case):
    y, score, weight = case
    display = TradeoffDisplay.from_predictions(y, score, sample_weight=weight, ax=axes())

    for at in [*display.thresholds, 0.1, 0.3]:
        act, shares = (score >= at).astype(int), display.at(at)
        if act.any():
            expected = metrics.precision_score(y, act, sample_weight=weight)
            assert_allclose(shares["precision"], expected)
        else:
            assert np.isnan(shares["precision"])
        assert_allclose(shares["recall"], metrics.recall_score(y, act, sample_weight=weight))
        assert_allclose(shares["alert_share"], np.average(act, weights=weight))


def test_the_cheapest_threshold_is_marked_with_what_it_does():
    display = TradeoffDisplay.from_predictions([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], COSTS, ax=axes())
    title = display.ax_.get_legend().get_title().get_text()

    assert 0.1 < display.threshold < 0.4
    assert title == "From 0.2139 up: precision 66.7 %, recall 100 %, alerts 75 %"


def test_a_threshold_that_nobody_reaches_is_named_in_words():
    display = TradeoffDisplay.from_predictions([0, 1], [0.1, 0.4], threshold=np.inf, ax=axes())
    title = display.ax_.get_legend().get_title().get_text()

    assert title == f"Never acting: precision {MISSING}, recall 0 %, alerts 0 %"


# cost ratios


@settings(max_examples=15, deadline=None)
@given(cases())
def test_the_area_of_the_brier_curve_is_the_brier_score(case):
    y, p, weight = case
    display = CostRatioDisplay.from_predictions(y, p, sample_weight=weight, ax=axes())

    expected = metrics.brier_score_loss(y, p, sample_weight=weight)
    assert_allclose(display.brier_score, expected, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(cases())
def test_no_threshold_beats_the_cost_curve_and_one_reaches_it(case):
    y, p, weight = case
    display = CostRatioDisplay.from_predictions(y, p, sample_weight=weight, ax=axes())
    share = weight / weight.sum()

    for c, found in zip(display.cost_proportion, display.optimal_loss, strict=True):
        losses = [
            2 * (c * share[(p >= t) & (y == 0)].sum() + (1 - c) * share[(p < t) & (y == 1)].sum())
            for t in [*p, np.inf]
        ]
        assert_allclose(found, min(losses), atol=1e-12)
    dense = np.linspace(0, 1, 20_001)
    straight = np.interp(dense, display.cost_proportion, display.optimal_loss)
    cuts = [(share[(p >= t) & (y == 0)].sum(), share[(p < t) & (y == 1)].sum()) for t in [*p, 2]]
    lowest = np.min([2 * (dense * alarm + (1 - dense) * miss) for alarm, miss in cuts], axis=0)
    assert_allclose(straight, lowest, atol=1e-12)  # between its corners too
    assert np.all(display.optimal_loss <= display.brier_loss + 1e-12)
    assert np.all(display.optimal_loss <= display.baseline_loss + 1e-12)


def test_calibrated_scores_pay_nothing_for_miscalibration():
    y = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    p = np.repeat([0.25, 0.75], 4)  # as the labels have it
    display = CostRatioDisplay.from_predictions(y, p, ax=axes())

    assert_allclose(display.brier_loss, display.optimal_loss)
    assert_allclose(display.refinement_loss, display.brier_score)


def test_drummond_and_holtes_axes_hold_their_formula():
    y, p = simulated(300)
    ax = axes()
    CostRatioDisplay.from_predictions(y, p, view="normalized", ax=ax)
    x, optimal = ax.lines[2].get_data()

    for at in (20, 100, 250):
        rates = [((p < t)[y == 1].mean(), (p >= t)[y == 0].mean()) for t in [*p, np.inf]]
        lines = [miss * x[at] + alarm * (1 - x[at]) for miss, alarm in rates]
        assert_allclose(optimal[at], min(lines))
    assert ax.get_xlim() == (0, 1)
    assert "normalized" in ax.get_ylabel()


def test_the_declared_ratio_is_marked():
    y, p = simulated(300)
    display = CostRatioDisplay.from_predictions(y, p, CostMatrix(fp=10, tp=10, fn=50), ax=axes())

    assert_allclose(display.marked, 10 / (10 + 40))
    assert "declared costs, 4:1 (threshold 0.2)" in texts(display.ax_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"view": "roc"}, "view='roc' is not known: known are 'loss', 'normalized'"),
        ({"y_score": [0.1, 1.4]}, r"y_score must lie in \[0, 1\], got 1.4 in row 1"),
    ],
)
def test_what_a_ratio_display_refuses(options, message):
    with pytest.raises(DataError, match=message):
        CostRatioDisplay.from_predictions(**{"y_true": [0, 1], "y_score": [0.1, 0.4], **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"costs": None}, "this display needs costs: pass costs=CostMatrix"),
        ({"scale": "log"}, "scale='log' is not known: did you mean 'logit'?"),
        ({"y_score": [-3, 2]}, r"scale='logit' needs scores in \[0, 1\], got -3 to 2"),
        ({"groups": [1]}, "groups must have one value for each of the 2 rows, got 1"),
        ({"y_score": [0.1]}, r"y_score must have one value for each of the 2 cases, got .*\(1,\)"),
        ({"y_score": [0.1, np.nan]}, "y_score must be finite, got nan in row 1"),
        ({"y_score": ["a", "b"]}, "y_score must hold numbers"),
        ({"y_true": [1, 1]}, "y must have two classes"),
        ({"y_true": ["no", "yes"]}, "pass pos_label="),
    ],
)
def test_what_a_cost_curve_display_refuses(options, message):
    given = {"y_true": [0, 1], "y_score": [0.1, 0.4], "costs": COSTS, "scale": "logit", **options}
    with pytest.raises(DataError, match=message):
        CostCurveDisplay.from_predictions(**given, ax=axes())


def test_shares_of_a_class_without_weight_are_refused():
    with pytest.raises(DataError, match="sample_weight is 0 for every positive case"):
        TradeoffDisplay.from_predictions([0, 1], [0.1, 0.4], sample_weight=[1, 0], ax=axes())
