"""A model in words, for people who decide rather than compute."""

from __future__ import annotations

from costopt.calibration.base import CalibrationMap
from costopt.showing.text import figure

__all__ = ["model_in_words"]


def model_in_words(
    name: str, odds_multiplier: float, calibrator: CalibrationMap, n_models: int
) -> str:
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
    calibrated = calibrator.in_words()
    return f"{text}; {calibrated}." if calibrated else f"{text}."
