"""Calibration, score distribution and gain; and the ways into a display that all of them share."""

import sys
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from costopt import (
    CaseCosts,
    CostMatrix,
    CostThresholdClassifier,
    DataError,
    PolicyError,
    choose_threshold,
    decide,
    mean_cost,
    optimize,
)
from costopt.decision.rules import never_cost, perfect_cost
from costopt.plotting import (
    CostCalibrationDisplay,
    CostCurveDisplay,
    CostRatioDisplay,
    GainDisplay,
    ScoreDistributionDisplay,
    TradeoffDisplay,
)
from costopt.plotting.canvas import plain

COSTS = CostMatrix(fp=1, fn=5, unit="EUR")
DISPLAYS = (
    CostCalibrationDisplay,
    CostCurveDisplay,
    CostRatioDisplay,
    GainDisplay,
    ScoreDistributionDisplay,
    TradeoffDisplay,
)
OF_SCORES = DISPLAYS[1:]
PROBABILITIES = st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0])
WEIGHTS = st.sampled_from([1.0, 2.0, 3.0])


@pytest.fixture(autouse=True)
def _no_window():
    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@st.composite
def cases(draw):
    """Labels of both classes, probabilities and weights."""
    y = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=10))]
    values = (
        draw(st.lists(each, min_size=len(y), max_size=len(y))) for each in (PROBABILITIES, WEIGHTS)
    )
    return np.array(y), *map(np.array, values)


def axes():
    return Figure().add_subplot()


def simulated(n=1000, base=-2.0, seed=0):
    """Labels, and the probabilities that they were drawn with."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-(1.5 * rng.normal(size=n) + base)))
    return (rng.random(n) < p).astype(int), p


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.fixture(scope="module")
def searched(make_rows):
    """Rows, and policies made on them: with costs alike for all cases, and by amount."""
    X, y = make_rows(400, 3)
    found = []
    for costs in (COSTS, CostMatrix(fp=4, fn="amount", unit="EUR")):
        options = {"learners": "logistic", "resampling": "random_under", "n_trials": 2}
        found.append(optimize(X, y, costs, n_jobs=1, **options).policy)
    return X, y, *found


# calibration


@settings(max_examples=20, deadline=None)
@given(cases())
def test_groups_are_counted_and_hold_equal_probabilities_together(case):
    y, p, weight = case
    display = CostCalibrationDisplay.from_predictions(y, p, sample_weight=weight, ax=axes())
    found = display.curves["probabilities"]

    # five values and ten groups: a value is a group of its own, unless two share a tenth
    assert_allclose(found.n.shape, found.predicted.shape)
    for predicted, observed in zip(found.predicted, found.observed, strict=True):
        if np.isclose(p, predicted).any():
            rows = np.isclose(p, predicted)
            assert_allclose(observed, np.average(y[rows], weights=weight[rows]))
    assert np.all(np.diff(found.predicted) > 0)
    assert_allclose(found.brier_score, np.average((y - p) ** 2, weights=weight))
    assert_allclose(display.base_rate, np.average(y, weights=weight))

    alike = CostCalibrationDisplay.from_predictions(y, p, ax=axes()).curves["probabilities"]
    assert_allclose(alike.n.sum(), y.size)
    assert_allclose(alike.n @ alike.observed, y.sum())
    assert_allclose(alike.n @ alike.predicted, p.sum(), atol=1e-12)


def test_groups_are_of_about_equal_size_and_their_intervals_are_wilsons():
    y, p = simulated(1000)
    found = CostCalibrationDisplay.from_predictions(y, p, ax=axes()).curves["probabilities"]
    order = np.argsort(p)

    assert_allclose(found.n, 100)
    for group, rows in enumerate(np.split(order, 10)):
        assert_allclose(found.predicted[group], p[rows].mean())
        assert_allclose(found.observed[group], y[rows].mean())
        expected = binomtest(int(y[rows].sum()), 100).proportion_ci(method="wilson")
        assert_allclose([found.low[group], found.high[group]], [expected.low, expected.high])


def test_a_policy_is_shown_at_every_stage(searched):
    X, y, policy, _ = searched
    display = CostCalibrationDisplay.from_policy(policy, X, y, ax=axes())
    stages = display.curves
    ledger = policy.ledger_of_score

    assert ledger.multiplier > 2  # under-sampling did something to undo
    assert list(stages) == ["model's own scores", "odds restored", "calibrated"]
    raw, restored, calibrated = (
        np.average(each.predicted, weights=each.n) for each in stages.values()
    )
    assert_allclose(calibrated, policy.probability(X).mean())
    assert raw > 1.5 * y.mean()
    assert abs(restored - y.mean()) < 0.1 * y.mean()
    assert stages["calibrated"].brier_score < stages["model's own scores"].brier_score
    assert_allclose(display.bayes_threshold, 1 / 6)
    assert "Bayes threshold 0.1667" in texts(display.ax_)


def test_a_policy_without_a_model_has_no_stages():
    y, p = simulated(300)
    policy = choose_threshold(y, p, COSTS)

    with pytest.raises(PolicyError, match="holds no model"):
        CostCalibrationDisplay.from_policy(policy, np.zeros((300, 1)), y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 1}, "n_bins must be a whole number of at least 2, got 1"),
        ({"y_score": {}}, "y_score must name at least one stage"),
        (
            {"y_score": {"odds": [2, 0]}},
            r"y_score must lie in \[0, 1\], got 2.0 in row 0 \(stage 'odds'\)",
        ),
    ],
)
def test_what_a_calibration_display_refuses(options, message):
    with pytest.raises(DataError, match=message):
        CostCalibrationDisplay.from_predictions(
            **{"y_true": [0, 1], "y_score": [0.1, 0.4], **options}
        )


# distribution of scores


@settings(max_examples=20, deadline=None)
@given(cases())
def test_bins_hold_every_case_once(case):
    y, p, weight = case
    display = ScoreDistributionDisplay.from_predictions(
        y, p, COSTS, sample_weight=weight, n_bins=7, scale="linear", ax=axes()
    )

    for label, shares in ((1, display.positives), (0, display.negatives)):
        counts, _ = np.histogram(p[y == label], display.edges, weights=weight[y == label])
        assert_allclose(shares, counts / weight[y == label].sum())
    act = p >= 1 / 6
    assert display.threshold in display.edges
    assert_allclose(display.positives_acted, np.average(act[y == 1], weights=weight[y == 1]))
    assert_allclose(display.negatives_acted, np.average(act[y == 0], weights=weight[y == 0]))
    # the threshold is an edge, so that no bin is half acted on
    assert set(display.acted[~np.isnan(display.acted)]) <= {0.0, 1.0}


def test_regions_and_shares_are_said_in_words():
    y, p = simulated(1000)
    ax = axes()
    ScoreDistributionDisplay.from_predictions(y, p, COSTS, ax=ax)
    notes = [text.get_text() for text in ax.texts]
    recall = 100 * (p >= 1 / 6)[y == 1].mean()

    assert notes == ["act from 0.1667", "leave"]
    assert f"positive cases, {recall:.3g} % of them acted on" in texts(ax)
    assert ax.get_xlabel() == "score"
    assert "%" in ax.get_ylabel()


def test_decisions_case_by_case_shade_bins_by_how_often_one_acts(searched):
    X, y, _, policy = searched
    ax = axes()
    display = ScoreDistributionDisplay.from_policy(policy, X, y, n_bins=5, ax=ax)
    score, act = policy.probability(X), policy.decide(X)
    inside = np.clip(np.digitize(score, display.edges) - 1, 0, 4)

    assert display.threshold is None
    for bin_, share in enumerate(display.acted):
        if (inside == bin_).any():
            assert_allclose(share, act[inside == bin_].mean())
    assert 0 < np.nanmin(display.acted[display.acted > 0]) < 1
    assert_allclose(display.positives_acted, act[y == 1].mean())
    assert [text.get_text() for text in ax.texts] == ["darker: a larger share is acted on"]


@pytest.mark.parametrize("display", [ScoreDistributionDisplay, GainDisplay, CostCalibrationDisplay])
def test_scores_from_elsewhere_show_what_the_model_shows(searched, display):
    X, y, *policies = searched
    for policy in policies:
        elsewhere = replace(policy, models=(), learner=None, ledger=policy.ledger_of_score)
        with pytest.raises(PolicyError, match="pass score="):
            display.from_policy(elsewhere, X, y, ax=axes())
        kinds = [
            texts(display.from_policy(each, X, y, score=score, ax=axes()).ax_)
            for each, score in ((policy, None), (elsewhere, policy.raw_score(X)))
        ]
        assert kinds[0] == kinds[1]


def test_without_costs_nothing_is_decided():
    y, p = simulated(200)
    display = ScoreDistributionDisplay.from_predictions(y, p, ax=axes())

    assert np.isnan(display.acted).all()
    assert texts(display.ax_) == ["negative cases", "positive cases"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 2.5}, "n_bins must be a whole number of at least 2, got 2.5"),
        ({"threshold": 0.2, "act": [0, 1]}, "both threshold and act say what is decided"),
        ({"act": [0, 1, 1]}, "act is for 3 cases but y_true has 2"),
        ({"act": [0, 2]}, "act must hold 0 and 1, got"),
        ({"sample_weight": [1, 0]}, "sample_weight is 0 for every positive case"),
    ],
)
def test_what_a_score_display_refuses(options, message):
    with pytest.raises(DataError, match=message):
        ScoreDistributionDisplay.from_predictions([0, 1], [0.1, 0.4], **options)


# gain


@settings(max_examples=20, deadline=None)
@given(cases(), st.lists(st.sampled_from([0.0, 2.0, 8.0]), min_size=12, max_size=12))
def test_money_is_what_the_best_cases_add_up_to(case, amounts):
    y, p, weight = case
    costs = CaseCosts(fp=1.0, fn=amounts[: y.size])
    display = GainDisplay.from_predictions(y, p, costs, sample_weight=weight, ax=axes())
    gain = p * costs.fn - (1 - p)
    earned = np.where(y == 1, costs.fn, -1.0)

    for n, least, expected, actual in zip(
        display.n_acted[1:], display.gain, display.expected[1:], display.actual[1:], strict=True
    ):
        taken = gain >= least
        assert_allclose(n, weight[taken].sum())
        assert_allclose(expected, weight[taken] @ gain[taken], atol=1e-12)
        assert_allclose(actual, weight[taken] @ earned[taken], atol=1e-12)
    act = decide(p, costs)
    total = weight.sum()
    saved = never_cost(y, costs, weight) - mean_cost(y, act, costs, weight)
    assert_allclose(display.decided_gain.value, total * saved, atol=1e-9)
    assert_allclose(display.decided, weight[act].sum())
    perfect = total * (never_cost(y, costs, weight) - perfect_cost(y, costs, weight))
    assert_allclose(display.perfect_gain, perfect, atol=1e-9)


def test_the_order_of_rows_does_not_matter_even_among_equals():
    y, p = simulated(400)
    p = np.round(p, 1)
    order = np.random.default_rng(1).permutation(400)
    first = GainDisplay.from_predictions(y, p, COSTS, ax=axes())
    second = GainDisplay.from_predictions(y[order], p[order], COSTS, ax=axes())

    assert_allclose(first.actual, second.actual)
    assert first.at(17.5) == pytest.approx(second.at(17.5))


def test_a_policys_own_decisions_are_marked(searched):
    X, y, _, policy = searched
    display = GainDisplay.from_policy(policy, X, y)
    act = policy.decide(X)
    costs = policy.costs.resolve(X)
    saved = never_cost(y, costs) - mean_cost(y, act, costs)

    assert display.decided == act.sum()
    assert_allclose(display.decided_gain.value, 400 * saved)
    assert display.decided_gain.low < display.decided_gain.value < display.decided_gain.high
    assert display.beside_ax_ is not display.ax_
    assert display.ax_.get_ylabel() == "gain over never acting, EUR"
    assert display.beside_ax_.get_ylabel() == "share that is caught"
    assert any(text.startswith(f"decided: {act.sum()} cases, ") for text in texts(display.ax_))


def test_shares_of_the_money_stand_beside_shares_of_the_cases():
    """Two of four positives are acted on: half of the cases, and 90 of 100 of the money."""
    y, p = np.array([1, 1, 1, 1, 0]), np.array([0.5, 0.5, 0.5, 0.01, 0.01])
    costs = CaseCosts(fp=8.0, tp=8.0, fn=[68.0, 38.0, 13.0, 13.0, 50.0], unit="EUR")
    display = GainDisplay.from_predictions(y, p, costs)

    assert display.decided == 2
    assert_allclose(display.caught[:3], [0, 1 / 4, 2 / 4])
    assert_allclose(display.caught_money[:3], [0, 60 / 100, 90 / 100])
    assert texts(display.beside_ax_) == [
        "of the money at stake in them: 90 % at the decisions made",
        "of the positive cases: 50 %",
    ]


def test_one_axes_is_for_the_money_and_three_are_too_many():
    y, p = simulated(100)
    ax = axes()
    display = GainDisplay.from_predictions(y, p, COSTS, ax=ax)

    assert display.ax_ is ax
    assert display.beside_ax_ is None
    with pytest.raises(DataError, match="ax must be one axes or a pair of them, got 3"):
        display.plot([ax, ax, ax])


# the ways in, and what is alike


@pytest.mark.parametrize("display", OF_SCORES)
def test_an_estimator_is_asked_for_the_class_that_is_named(display):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.where(X[:, 0] + rng.normal(size=200) > 1, "bad", "ok")  # "bad" sorts first
    model = LogisticRegression().fit(X, y)

    found = display.from_estimator(model, X, y, COSTS, pos_label="bad")

    score = model.predict_proba(X)[:, 0]
    expected = display.from_predictions(y == "bad", score, COSTS)
    for name, value in vars(expected).items():
        if isinstance(value, np.ndarray):
            assert_array_equal(getattr(found, name), value)


def test_decision_values_point_to_the_class_that_is_named():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.where(X[:, 0] > 0, "bad", "ok")
    found = TradeoffDisplay.from_estimator(LinearSVC().fit(X, y), X, y, pos_label="bad", ax=axes())

    assert found.at(0.0)["precision"] > 0.95


def test_an_estimator_of_ours_knows_its_positive_class():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.where(X[:, 0] + rng.normal(size=200) > 1, "bad", "ok")
    model = CostThresholdClassifier(GaussianNB(), COSTS, pos_label="bad").fit(X, y)

    found = CostCurveDisplay.from_estimator(model, X, y, COSTS, ax=axes())

    assert_allclose(found.curve.mean_cost[0], 5 * (y == "bad").mean())  # never acting


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_policy_brings_its_costs_and_labels(display, searched):
    X, y, policy, _ = searched
    found = display.from_policy(policy, X, y)

    assert found.figure_ is found.ax_.figure
    assert found.title == f"400 cases, {y.sum()} of them positive"
    titled = found.ax_ if found.beside_ax_ is None else found.beside_ax_
    assert titled.get_title(loc="left") == f"{found.heading}\n{found.title}"


@pytest.mark.parametrize("display", [CostCurveDisplay, ScoreDistributionDisplay, TradeoffDisplay])
def test_an_axis_says_what_its_scores_are(display, searched):
    X, y, policy, _ = searched
    score = policy.probability(X)
    named = [
        display.from_policy(policy, X, y, ax=axes()),
        display.from_predictions(y, score, COSTS, ax=axes()),
        display.from_predictions(y, score, COSTS, score_name="risk", ax=axes()),
    ]

    said = [each.ax_.get_xlabel().removeprefix("threshold on the ") for each in named]
    assert said == ["calibrated probability", "score", "risk"]


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_legend_covers_no_data(display):
    y, p = simulated(300)
    found = display.from_predictions(y, p, COSTS)
    found.figure_.canvas.draw()

    for ax in (found.ax_, found.beside_ax_):
        if ax is not None:
            legend, picture = ax.get_legend().get_window_extent(), ax.get_window_extent()
            assert legend.y1 < picture.y0


def test_costs_per_case_of_a_policy_must_be_passed_again(searched):
    X, y, *_ = searched
    costs = CaseCosts(fp=4, fn=X["amount"], unit="EUR")
    policy = optimize(X, y, costs, learners="logistic", n_trials=1, n_jobs=1).policy

    with pytest.raises(
        PolicyError, match=r"pass costs=CaseCosts\(fp=..., fn=...\) for these cases"
    ):
        GainDisplay.from_policy(policy, X, y)
    found = GainDisplay.from_policy(policy, X, y, costs=costs, ax=axes())
    assert found.decided == policy.decide(X, costs=costs).sum()


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (LogisticRegression(), [0, 1], "LogisticRegression must be a fitted classifier"),
        (GaussianNB().fit([[0], [1], [2]], [0, 1, 2]), [0, 1], "must know two classes, 1 among"),
        (GaussianNB().fit([[0], [1]], ["a", "b"]), [0, 1], "1 among them, got .*'a'.*'b'"),
    ],
)
def test_what_an_estimator_must_be(estimator, y, message):
    with pytest.raises(DataError, match=message):
        TradeoffDisplay.from_estimator(estimator, [[0.0], [1.0]], y)


def test_a_policy_is_no_estimator(searched):
    X, y, policy, _ = searched
    with pytest.raises(DataError, match=r"use from_policy\(policy, X, y\)"):
        TradeoffDisplay.from_estimator(policy, X, y)


def test_rows_of_another_order_are_refused():
    X = pd.DataFrame({"amount": [1.0, 2.0]}, index=[0, 1])
    y = pd.Series([0, 1], index=[1, 0])
    with pytest.raises(DataError, match="y_true has other row labels"):
        GainDisplay.from_predictions(y, [0.1, 0.4], CostMatrix(fp=1, fn="amount"), X=X)


@pytest.mark.parametrize("display", DISPLAYS)
def test_text_of_the_callers_is_never_mathematics_nor_markup_and_not_too_long(display):
    y, p = simulated(100)
    hostile = r"$\frac{1}{$ <script>" + "x" * 100 + "\x1b[31m\n"
    if display is CostCalibrationDisplay:
        found = display.from_predictions(y, {hostile: p, "_hidden": p}, COSTS)
        assert len(texts(found.ax_)) == 3  # none is dropped for its underscore
    else:
        found = display.from_predictions(y, p, CostMatrix(fp=1, fn=5, unit=hostile))
    found.figure_.canvas.draw()  # matplotlib parses mathematics only now

    drawn = [t.get_text() for t in found.figure_.findobj(mpl.text.Text)]
    assert not any(is_math_text(text) is True for text in drawn)
    assert not any("\x1b" in text or "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" in text for text in drawn)


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_can_be_drawn_again_elsewhere_and_keeps_the_title_there(display):
    y, p = simulated(100)
    found = display.from_predictions(y, p, COSTS)
    first, ax = found.figure_, axes()
    ax.set_title("mine")

    assert found.plot(ax=ax) is found
    assert found.ax_ is ax
    assert found.figure_ is not first
    assert ax.get_title() == "mine"
    assert ax.get_title(loc="left") == ""
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.get_legend() is not None


def test_global_settings_stay_as_they_were():
    y, p = simulated(100)
    before = dict(mpl.rcParams)
    for display in DISPLAYS:
        display.from_predictions(y, p, COSTS)

    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("display", DISPLAYS)
def test_without_matplotlib_one_is_told_what_to_install(display, monkeypatch):
    y, p = simulated(50)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(ImportError, match=r"pip install 'costopt-ml\[plot\]'"):
        display.from_predictions(y, p, COSTS)


def test_many_rows_are_drawn_with_no_more_points_than_paper_shows():
    y, p = simulated(30_000)
    for display in (CostCurveDisplay, TradeoffDisplay, CostRatioDisplay, GainDisplay):
        found = display.from_predictions(y, p, COSTS, ax=axes())
        assert max(len(line.get_xdata()) for line in found.ax_.lines) < 5000


def test_short_text_is_left_as_it_is():
    assert plain("amount") == "amount"
    assert plain("a\tb") == r"a\tb"
    assert len(plain("x" * 100, 20)) == 20
