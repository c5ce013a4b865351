"""The cost curve as a picture in the page; its script draws the same again when costs change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from costopt.evaluation.operating import OperatingCurve
from costopt.showing.text import money

__all__ = ["curve_picture"]

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 88, 12, 12, 44
# Marks closer than the second number are left out on a phone, closer than the first everywhere.
CLOSE, CLOSE_ON_A_PHONE = 52, 120
# Never and always acting stand so far off the thresholds between.
APART = 14
TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)


def curve_picture(curve: OperatingCurve, cases: float) -> dict[str, Any]:
    """Coordinates of the curve, its axes and its ranges, in pixels of the view box.

    Thresholds stand on a scale of log-odds that includes one half, costs on one from 0 to above
    what acting from one half up costs, and the better of never and always: what costs more is cut off.
    """
    across, ticks, half_at = _across(curve)
    means = np.array([cases * curve.point(index).mean_cost() for index in range(len(curve))])
    half = cases * curve.at(0.5).mean_cost()
    low, high, step = _cost_scale(means, half)
    inner = HEIGHT - TOP - BOTTOM

    def down(value: float) -> float:
        return round(TOP + inner * (high - value) / (high - low), 1)

    # a step function: each cost holds down to the next threshold
    path = f"M{across[0]:.1f} {down(means[0])}"
    for x, value in zip(across[1:], means[1:], strict=True):
        path += f"H{x:.1f}V{down(value)}"
    selected = curve.selected
    start = curve.best if selected.threshold is None else selected.threshold

    left, right = (across[curve.thresholds.index(each)] for each in curve.flat)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "x": [round(x, 1) for x in across],
        "path": path,
        "x_ticks": ticks,
        "y_ticks": [
            (down(value), f"{value:,.10g}") for value in np.arange(low, high + step / 2, step)
        ],
        "flat": (round(left, 1), round(max(right - left, 1.0), 1)),
        "selected": round(across[curve.thresholds.index(start)], 1),
        "selected_y": down(cases * selected.mean_cost()),
        "by_case": selected.threshold is None,
        "half": (half_at, down(half)),
        "ends": [
            _end("always act", "start", LEFT + 6, means[-1], down(means[-1])),
            _end("never act", "end", WIDTH - RIGHT - 6, means[0], down(means[0])),
        ],
    }


def _end(
    name: str, anchor: str, x: float, cost: float, y: float
) -> tuple[str, str, float, float, str]:
    """A baseline by its name and cost at its end of the curve; with an arrow where that is cut off."""
    text = f"{name}: {money(cost)}{' ↑' if y < TOP else ''}"
    return name.split()[0], anchor, round(x, 1), max(y, TOP + 12.0) - 6, text


def _across(curve: OperatingCurve) -> tuple[list[float], list[tuple[float, str, bool]], float]:
    """Where each threshold stands, what is written below the axis, and where one half stands."""
    finite = np.array([each for each in curve.thresholds if math.isfinite(each)])
    left, right = LEFT + APART, WIDTH - RIGHT - APART
    ends = [(float(LEFT), "always", False), (float(WIDTH - RIGHT), "never", False)]
    places: FloatArray = logit(np.clip(finite, 1e-9, 1 - 1e-9))
    low, high = places.min(initial=-1.0), places.max(initial=1.0)

    def at(place: float) -> float:
        return float(left + (right - left) * (place - low) / (high - low))

    ticks = list(ends)
    for tick in TICKS:
        x = at(float(logit(tick)))
        apart = min(abs(x - taken) for taken, _, is_minor in ticks)
        if low <= logit(tick) <= high and apart > CLOSE:
            roomy = all(
                is_minor or abs(x - taken) > CLOSE_ON_A_PHONE for taken, _, is_minor in ticks
            )
            ticks.append((round(x, 1), f"{100 * tick:g} %", not roomy))
    across = [float(WIDTH - RIGHT), *(at(place) for place in places), float(LEFT)]
    return across, ticks, round(at(0.0), 1)


def _cost_scale(means: FloatArray, half: float) -> tuple[float, float, float]:
    """Lowest and highest cost of the axis, and the step between its marks."""
    lowest, base = float(means.min()), float(min(means[0], means[-1]))
    top = min(float(means.max()), base + 0.6 * (base - lowest)) if base > lowest else 0.0
    top = max(top, base, half, 0.0)
    low = min(lowest, 0.0)
    span = (top - low) or 1.0
    rough = 10 ** math.floor(math.log10(span / 4))
    step = next(rough * nice for nice in (1, 2, 5, 10) if span / (rough * nice) <= 5)
    return step * math.floor(low / step), step * math.ceil((top or step) / step), step
