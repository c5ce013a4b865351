"""The ways to choose a threshold, and where scores come from, by name: what each is, and for whom."""

from __future__ import annotations

from typing import Literal

from costopt.errors import DataError

__all__ = [
    "MODES",
    "SCORES",
    "SCORE_MODES",
    "SEARCH_MODES",
    "ScoresFrom",
    "ThresholdMode",
    "check_scores_mode",
    "modes_in_words",
]

ThresholdMode = Literal["auto", "bayes", "exact", "sampled", "tuned", "half"]

MODES: dict[ThresholdMode, str] = {
    "auto": "Bayes' rule or the cheapest threshold, as the data support",
    "bayes": "Bayes' rule on calibrated probabilities",
    "exact": "the cheapest threshold of the out-of-fold scores",
    "sampled": "the threshold is one more parameter for Optuna",
    "tuned": "the cheapest threshold, its cost measured on rows not used to choose it",
    "half": "act from 0.5 up, whatever errors cost",
}
# What can be asked for on scores of a model that is not ours, and in a search; the other two are
# for strategies that are compared.
SCORE_MODES: tuple[ThresholdMode, ...] = ("auto", "bayes", "exact")
SEARCH_MODES: tuple[ThresholdMode, ...] = (*SCORE_MODES, "sampled")

ScoresFrom = Literal["held_out", "out_of_fold"]
SCORES: dict[ScoresFrom, str] = {
    "held_out": "of rows that one model was not fitted to",
    "out_of_fold": "of the models of several folds, each of rows that its model was not fitted to",
}


def check_scores_mode(threshold: ThresholdMode) -> None:
    """Refuse a threshold that only a search can sample.

    Raises
    ------
    DataError
    """
    if threshold in SEARCH_MODES and threshold not in SCORE_MODES:
        *others, last = map(repr, SCORE_MODES)
        raise DataError(
            f"threshold={threshold!r} is for a search: use {', '.join(others)} or {last}"
        )


def modes_in_words(names: tuple[ThresholdMode, ...]) -> str:
    """Some of them with what they do, for a help text.

    Examples
    --------
    >>> modes_in_words(("bayes", "half"))
    "bayes: Bayes' rule on calibrated probabilities; half: act from 0.5 up, whatever errors cost"
    """
    return "; ".join(f"{name}: {MODES[name]}" for name in names)
