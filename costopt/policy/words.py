"""A policy in words, for people who decide rather than compute."""

from __future__ import annotations

import math

from costopt.decision.calibrators import BetaMap, Calibrator, IsotonicMap
from costopt.inputs.frames import Scalar
from costopt.showing.text import figure

__all__ = ["model_in_words", "rule_in_words"]


def rule_in_words(
    threshold: float | None, raw_threshold: float | None, positive: Scalar, unit: str
) -> str:
    """When a policy acts.

    Parameters
    ----------
    threshold : float or None
        On the calibrated probability; None where it differs by case.
    raw_threshold : float or None
        The same on the model's own score.
    positive : str, int, float or bool
        What the positive class is called.
    unit : str
        Currency of the costs.
    """
    if threshold is None:
        return (
            "Act when the expected loss from ignoring the case exceeds the expected cost of acting on "
            f"it, in {unit}: probability * (fn - tp) >= (1 - probability) * (fp - tn)."
        )
    if math.isinf(threshold):
        return f"{'Never' if threshold > 0 else 'Always'} act, whatever the model says."
    text = f"Act when the calibrated probability of {positive!r} is {figure(100 * threshold, 3)} % or more"
    if raw_threshold is None:
        return f"{text}."
    if math.isinf(raw_threshold):
        return f"{text}, which {'no' if raw_threshold > 0 else 'every'} case reaches."
    return f"{text} (raw model score {figure(raw_threshold)} or more)."


def model_in_words(name: str, odds_multiplier: float, calibrator: Calibrator, n_models: int) -> str:
    """What stands between a row and its probability."""
    text = f"Model: {name}"
    if not n_models:
        text = f"Model: {name}, not saved here" if name else "Model: none of its own"
        text += ", scores are computed elsewhere and passed as score= or --score"
    if n_models > 1:
        text += f"; the average of {n_models} models, after what training did to the odds of each is undone"
    elif odds_multiplier != 1:
        text += (
            f"; its training multiplied the odds by {figure(odds_multiplier, 3)}, which is undone"
        )
    if isinstance(calibrator, IsotonicMap):
        text += f"; calibrated by isotonic regression with {len(calibrator.scores)} knots"
    elif isinstance(calibrator, BetaMap):
        a, b, intercept = (figure(c, 3) for c in (calibrator.a, calibrator.b, calibrator.intercept))
        text += f"; calibrated by a beta map with a {a}, b {b} and intercept {intercept}"
    elif not calibrator.is_identity:
        text += (
            f"; calibrated by Platt's map with slope {figure(calibrator.slope, 3)} and intercept "
            f"{figure(calibrator.intercept, 3)}"
        )
    return f"{text}."
