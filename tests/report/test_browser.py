"""The page in a real browser: it computes what Python computes, alone, on any width, by keyboard."""

import os
import random
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from costopt import CostMatrix, choose_threshold, write_report
from costopt.report.curve import money_recall, recommended_at, threshold_text
from costopt.showing.text import fixed, money, percent

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DAY = 1000


def without(reason):
    return pytest.mark.skip(reason=reason)


try:
    from playwright.sync_api import sync_playwright
except ImportError:
    pytestmark = without("playwright is not installed: pip install 'costopt-ml[browser]'")
else:
    if CHROMIUM is None:
        pytestmark = without("chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="module")
def browser():
    # the sandbox of Chromium does not start for root
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Policies of constant costs, and of costs per case, with their pages."""
    rng = np.random.default_rng(3)
    score = 1 / (1 + np.exp(-rng.normal(-2.5, 1.5, 4000)))
    y = (rng.random(4000) < score).astype(int)
    X = pd.DataFrame({"amount": np.round(rng.lognormal(4, 1, 4000), 2) + 10})
    folder = tmp_path_factory.mktemp("reports")
    found = {}
    for name, costs in (
        ("constant", CostMatrix(fn=117.31, fp=9.99, tp=0.125, tn=-0.07, unit="EUR")),
        ("by case", CostMatrix(fn="amount", fp=10, tp=10, unit="<b>EUR</b>\n")),
    ):
        policy = choose_threshold(y, score, costs, X=X, threshold="bayes")
        write_report(policy, folder / f"{name}.html", cases_a_day=DAY)
        found[name] = SimpleNamespace(
            curve=policy.evidence.curve, address=(folder / f"{name}.html").as_uri()
        )
    return found


@pytest.fixture
def opened(browser, reports):
    """Opens a page and, at the end, asserts that it said nothing and asked for nothing."""
    said, asked, contexts = [], [], []

    def open_page(name, width=1200, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(reports[name].address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert set(asked) <= {report.address for report in reports.values()}


def move(page, position):
    """Set the slider as a hand would, to a position from the left."""
    page.evaluate(
        """position => {
            const slider = document.getElementById("threshold");
            slider.value = position;
            slider.dispatchEvent(new Event("input", {bubbles: true}));
        }""",
        position,
    )


def shown(page, column):
    names = ("threshold", "cost", "alerts", "precision", "recall", "saved", "missed")
    cells = {name: page.locator(f"#{column}-{name}") for name in names}
    return {name: cell.text_content() for name, cell in cells.items() if cell.count()}


def expected(curve, point, cases=DAY, changed=None, threshold=None):
    """What Python makes of a point."""
    at = point.threshold if threshold is None else threshold
    saved = {"saved": percent(money_recall(curve, point, changed), 1)} if curve.varies[1] else {}
    return {
        "threshold": "case by case" if at is None else threshold_text(at),
        "cost": money(cases * point.mean_cost(changed)),
        "alerts": fixed(cases * point.alerts, 1),
        "precision": percent(point.precision, 1),
        "recall": percent(point.recall, 1),
        **saved,
        "missed": fixed(cases * (point.missed / point.n_cases), 1),
    }


@pytest.mark.parametrize("name", ["constant", "by case"])
def test_wherever_the_slider_stands_the_numbers_are_those_of_python(opened, reports, name):
    page, curve = opened(name), reports[name].curve

    assert shown(page, "recommended") == expected(curve, curve.selected)
    last = len(curve) - 1
    for index in {0, 1, last - 1, last, *range(0, last, 40)}:
        move(page, last - index)
        assert shown(page, "chosen") == expected(curve, curve.point(index)), curve.thresholds[index]


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("constant", {"fn": 800.0, "fp": 3.5, "tp": 1.0, "tn": 0.005}),
        ("by case", {"fn": 0.35, "fp": 7.0}),
    ],
)
def test_changed_costs_are_priced_as_python_prices_them(opened, reports, name, changed):
    page, curve = opened(name), reports[name].curve
    before = page.get_attribute("#line", "d")

    for cell, value in changed.items():
        page.fill(f"#cost-{cell}", str(value))
    page.fill("#cases", "12345.5")
    page.click("#cheapest")

    assert shown(page, "chosen") == expected(curve, curve.cheapest(changed), 12345.5, changed)
    at, point = None, curve.selected
    if name == "constant":
        at, point = recommended_at(curve, "bayes", changed)
        assert at != curve.selected.threshold
    assert shown(page, "recommended") == expected(curve, point, 12345.5, changed, at)
    assert "measured for the declared costs only" in page.text_content("#say")
    assert page.get_attribute("#line", "d") != before
    page.click("#reset")
    assert shown(page, "recommended") == expected(curve, curve.selected)


def test_the_recommended_line_moves_with_the_costs_and_back(opened, reports):
    page, curve = opened("constant"), reports["constant"].curve
    home = page.get_attribute("#recommended", "x1")

    page.fill("#cost-fn", "800")

    places = page.evaluate("JSON.parse(document.getElementById('data').textContent).picture.x")
    _, point = recommended_at(curve, "bayes", {"fn": 800.0})
    assert page.get_attribute("#recommended", "x1") == str(
        places[curve.thresholds.index(point.threshold)]
    )
    assert page.get_attribute("#recommended", "x1") == page.get_attribute("#recommended", "x2")
    assert "Keeping the rule of the declared costs would cost" in page.text_content("#say")
    assert float(page.get_attribute("#recommended", "x1")) < float(home)
    page.fill("#cost-fn", "0")
    assert shown(page, "recommended")["threshold"] == "never act"
    page.fill("#cost-fp", "-5")
    assert shown(page, "recommended")["threshold"] == threshold_text(
        curve.cheapest({"fn": 0.0, "fp": -5.0}).threshold
    )
    page.click("#reset")
    assert page.get_attribute("#recommended", "x1") == home


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_key_shows_colours_as_they_are_drawn(opened, scheme):
    page = opened("constant", color_scheme=scheme)

    for name, style in (("mark", "stroke"), ("half", "stroke"), ("flat", "fill")):
        colours = page.eval_on_selector_all(
            f".{name}", "(all, style) => all.map((each) => getComputedStyle(each)[style])", style
        )
        assert len(colours) == 2
        assert len(set(colours)) == 1


@pytest.mark.parametrize("name", ["constant", "by case"])
def test_one_half_and_both_baselines_are_inside_the_picture(opened, name):
    page = opened(name)

    inside = page.locator("svg.curve").bounding_box()
    for each in (".curve .half", "#never-text", "#always-text"):
        box = page.locator(each).bounding_box()
        assert inside["x"] <= box["x"]
        assert box["x"] + box["width"] <= inside["x"] + inside["width"]
        assert inside["y"] <= box["y"] + 1
    assert page.text_content("#never-text").startswith("never act: ")


def test_what_is_no_number_changes_nothing_and_is_marked(opened, reports):
    page = opened("constant")

    page.fill("#cost-fn", "")
    page.fill("#cases", "-5")

    assert shown(page, "recommended") == expected(
        reports["constant"].curve, reports["constant"].curve.selected
    )
    assert page.get_attribute("#cost-fn", "aria-invalid") == "true"
    assert page.get_attribute("#cases", "aria-invalid") == "true"


def test_the_keyboard_moves_the_slider_and_what_it_says(opened, reports):
    page, curve = opened("constant"), reports["constant"].curve
    home = curve.thresholds.index(curve.selected.threshold)

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "threshold"
    page.keyboard.press("ArrowRight")

    assert shown(page, "chosen") == expected(curve, curve.point(home - 1))
    told = threshold_text(curve.thresholds[home - 1])
    assert page.get_attribute("#threshold", "aria-valuetext") == told
    page.keyboard.press("End")
    assert shown(page, "chosen")["threshold"] == "never act"
    assert "needs no model" in page.text_content("#say")
    page.keyboard.press("Home")
    assert shown(page, "chosen")["threshold"] == "always act"


def test_the_page_says_when_a_point_becomes_significantly_more_expensive(opened, reports):
    page, curve = opened("constant"), reports["constant"].curve
    last = len(curve) - 1

    def said_at(threshold):
        move(page, last - curve.thresholds.index(threshold))
        return page.text_content("#say")

    low, high = curve.flat
    assert "Not significantly more expensive than the cheapest threshold." in said_at(low)
    assert "Not significantly more expensive than the cheapest threshold." in said_at(high)
    beyond = curve.thresholds[curve.thresholds.index(high) - 1]
    assert "Significantly more expensive than the cheapest threshold." in said_at(beyond)
    rare = curve.thresholds[curve.thresholds.index(curve.supported[1]) - 1]
    assert "Fewer than 30 past cases" in said_at(rare)
    assert "Fewer than 30 past cases" not in said_at(curve.supported[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1200])
def test_no_width_scrolls_sideways_and_all_text_has_contrast(opened, width, scheme):
    page = opened("by case", width, color_scheme=scheme)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lowest = page.evaluate(
        """() => {
            const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
            const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
                .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            const behind = (element) => {
                for (let at = element; at; at = at.parentElement) {
                    const found = rgb(getComputedStyle(at).backgroundColor);
                    if (found.length === 3 || found[3] === 1) return found;
                }
                return [255, 255, 255];
            };
            let lowest = 21;
            for (const element of document.querySelectorAll("body *")) {
                const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
                if (!own || !element.getClientRects().length) continue;
                const style = getComputedStyle(element);
                const ink = light(rgb(element.closest("svg") ? style.fill : style.color));
                const paper = light(behind(element));
                const [low, high] = [ink, paper].sort((a, b) => a - b);
                lowest = Math.min(lowest, (high + 0.05) / (low + 0.05));
            }
            return lowest;
        }"""
    )
    assert lowest >= 4.5


def test_without_javascript_the_answer_is_there_and_no_dead_field(opened, reports):
    page = opened("constant", java_script_enabled=False)

    assert page.text_content("#recommended-cost") == money(
        DAY * reports["constant"].curve.selected.mean_cost()
    )
    assert page.locator("noscript").is_visible()
    assert not page.locator("input").first.is_visible()
    assert page.locator("svg.curve path").is_visible()


def test_numbers_exactly_between_two_cents_are_written_as_python_writes_them(opened):
    page = opened("constant")
    rng = random.Random(0)
    values = [
        0.125,
        0.375,
        -0.125,
        -0.0,
        123456.625,
        *(rng.randrange(-9999, 9999) / 8 for _ in range(60)),
    ]

    # every case costs the same, in eighths that are summed exactly, so the mean is that cost
    written = page.evaluate(
        """values => values.map((value) => {
            const fields = ["fp", "fn", "tp", "tn"].map((cell) => "cost-" + cell);
            for (const [name, number] of [["cases", 1], ...fields.map((field) => [field, value])]) {
                document.getElementById(name).value = number;
            }
            document.getElementById("cases").dispatchEvent(new Event("input"));
            return document.getElementById("chosen-cost").textContent;
        })""",
        values,
    )

    assert written == [money(value) for value in values]
