"""Optuna's sampler, made so that a search can be taken up where it was left."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import optuna

__all__ = ["RepeatableSampler"]


class RepeatableSampler(optuna.samplers.BaseSampler):
    """TPE whose randomness depends on the seed and the number of the trial, and on nothing else.

    A sampler that is seeded once draws on where its own process began, so a resumed study repeats
    itself. This one proposes, given the same trials before it, always the same next one.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> sampler = RepeatableSampler(seed=0)
    >>> first, second = (optuna.create_study(sampler=RepeatableSampler(0)) for _ in range(2))
    >>> x = optuna.distributions.FloatDistribution(0, 1)
    >>> first.ask({"x": x}).params == second.ask({"x": x}).params
    True
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._inner = self._for_trial(0)

    def reseed_rng(self) -> None:
        """Nothing: the number of a trial is its seed."""

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """Start anew for this trial."""
        self._inner = self._for_trial(trial.number)
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        """As TPE does."""
        found: dict[str, optuna.distributions.BaseDistribution]
        found = self._inner.infer_relative_search_space(study, trial)
        return found

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: dict[str, optuna.distributions.BaseDistribution],
    ) -> dict[str, Any]:
        """As TPE does."""
        found: dict[str, Any] = self._inner.sample_relative(study, trial, search_space)
        return found

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: optuna.distributions.BaseDistribution,
    ) -> Any:
        """As TPE does."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """As TPE does."""
        self._inner.after_trial(study, trial, state, values)

    def _for_trial(self, number: int) -> optuna.samplers.TPESampler:
        return optuna.samplers.TPESampler(seed=zlib.crc32(f"{self._seed}:{number}".encode()))
