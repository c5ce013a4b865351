"""Optuna's sampler: one for each trial, so that a search can be taken up where it was left."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import warnings
import zlib
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import optuna

__all__ = ["sampler_for", "settings_of"]

# Whatever is the default of the version that is installed: a study is continued only with the same.
SETTINGS: Mapping[str, Any] = {
    "n_startup_trials": 10,
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "constant_liar": True,
}


def sampler_for(seed: int, number: int) -> optuna.samplers.TPESampler:
    """TPE for one trial, whose randomness depends on the seed and the trial's number alone.

    A sampler that is seeded once draws on where its own process began, so a resumed study repeats
    itself. This one proposes, given the same trials before it, always the same next one.

    Parameters
    ----------
    seed, number : int

    Examples
    --------
    >>> x = optuna.distributions.FloatDistribution(0, 1)
    >>> first, second = (optuna.create_study(sampler=sampler_for(0, 0)) for _ in range(2))
    >>> first.ask({"x": x}).params == second.ask({"x": x}).params
    True
    """
    given = dict(SETTINGS)
    taken = inspect.signature(optuna.samplers.TPESampler).parameters
    if taken["warn_independent_sampling"].default:  # Optuna 5 does not warn unless it is told to
        given["warn_independent_sampling"] = False
    with warnings.catch_warnings():
        # what Optuna 4 calls experimental is the default of Optuna 5
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=zlib.crc32(f"{seed}:{number}".encode()), **given)


def settings_of(sampler: optuna.samplers.BaseSampler | None) -> str:
    """How trials are proposed, in a short text that is the same in every process.

    Parameters
    ----------
    sampler : optuna sampler or None
        Ours where None. Of any other, its class and all that it held when it was first seen here:
        what it was given, seeds included.
    """
    if sampler is None:
        return json.dumps({"TPESampler for each trial": dict(SETTINGS)}, sort_keys=True)
    if sampler not in _FIRST_SEEN:
        held = json.dumps(_plain(sampler, ()), sort_keys=True)
        digest = hashlib.sha256(held.encode()).hexdigest()[:16]
        _FIRST_SEEN[sampler] = f"{type(sampler).__name__} {digest}"
    return _FIRST_SEEN[sampler]


# a sampler that has been used holds more than what it was given
_FIRST_SEEN: WeakKeyDictionary[optuna.samplers.BaseSampler, str] = WeakKeyDictionary()


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    """A value and all that it holds as JSON has it; functions by their names."""
    if value is None or isinstance(value, str | int | float):
        return value
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    if isinstance(value, np.random.RandomState):
        return _plain(value.get_state(legacy=False), above)
    if isinstance(value, np.random.Generator):
        return _plain(value.bit_generator.state, above)
    if isinstance(value, np.ndarray | np.generic):
        return [str(value.dtype), value.tolist()]
    if isinstance(value, Mapping):
        return sorted([repr(name), _plain(held, above)] for name, held in value.items())
    if isinstance(value, set | frozenset):
        return sorted(repr(held) for held in value)
    if isinstance(value, list | tuple):
        return [_plain(held, above) for held in value]
    kind = value if hasattr(value, "__qualname__") else type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind is value:
        return name
    if hasattr(value, "__dict__"):
        return [name, _plain(vars(value), above)]
    return [name, re.sub(r" at 0x[0-9a-f]+", "", repr(value))]
