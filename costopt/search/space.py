"""What a search may propose: learners' spaces, devices with their ratios, and their names in Optuna."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import optuna

from costopt.decision.thresholds import bayes_threshold
from costopt.errors import CostSpecError, SearchError, nearest
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import Problem
from costopt.learners.protocol import Choice, Dimension, Integer, Learner, Real, combines, within
from costopt.learners.registry import learner
from costopt.rebalancing.methods import DEVICES
from costopt.rebalancing.weights import class_weight

__all__ = ["SearchSpace", "resolve_learners", "resolve_resampling"]

OWN_NAMES = ("learner", "resampling", "weight_ratio", "sampling_ratio", "threshold")
# Of more learners than this only the first is tried under every device before the search proper.
LEARNERS_TRIED_THROUGHOUT = 3
# Cuts on calibrated probabilities, where they are sampled.
THRESHOLD_RANGE = Real(1e-4, 1.0, log=True)


def resolve_learners(given: Any) -> dict[str, Learner]:
    """Learners by name, from names, learner objects, or a list of both.

    Raises
    ------
    SearchError
        If a name is unknown, given twice, or something is no learner.
    """
    items = [given] if isinstance(given, str) or not isinstance(given, Sequence) else list(given)
    if not items:
        raise SearchError("learners must name at least one, such as 'xgboost'")
    found: dict[str, Learner] = {}
    for item in items:
        chosen = learner(item) if isinstance(item, str) else item
        if not hasattr(chosen, "space") or isinstance(chosen, type):
            raise SearchError(
                f"a learner must be a name or a learner object, got {item!r:.60}: wrap a "
                "scikit-learn classifier as SklearnLearner(classifier, {'parameter': (low, high)})"
            )
        if chosen.name in found:
            raise SearchError(f"two learners are named {chosen.name!r}: give one another name=")
        found[chosen.name] = chosen
    return found


def resolve_resampling(given: Any, learners: Mapping[str, Learner]) -> tuple[str, ...]:
    """Names of devices, checked.

    Raises
    ------
    SearchError
        If a name is unknown, or no learner can use any of them.
    """
    if not isinstance(given, Collection):
        raise SearchError(
            f"resampling must be a name or a list of names, got {given!r:.60}: 'none' leaves the rows "
            "as they are"
        )
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if not isinstance(name, str) or name not in DEVICES:
            raise SearchError(f"there is no resampling named {name!r}: {nearest(name, DEVICES)}")
    if not names:
        raise SearchError("resampling must name at least one device: 'none' is one")
    for chosen in learners.values():
        if not _usable(names, chosen):
            raise SearchError(
                f"{chosen.name} takes no sample_weight, so resampling={names[0]!r} cannot reach it: "
                "add 'none', 'random_over' or 'random_under'"
            )
    return tuple(dict.fromkeys(names))


class SearchSpace:
    """Names, ranges and conditions of everything that is searched, and the first candidates.

    Parameters of a learner keep their own names where there is one learner, and are preceded by
    its name and two underscores where there are several.

    Parameters
    ----------
    problem : Problem
    resampling : tuple of str
        Devices to choose among.
    """

    def __init__(self, problem: Problem, resampling: tuple[str, ...]) -> None:
        self.learners = problem.learners
        self.resampling = resampling
        self.sampled_threshold = problem.threshold == "sampled"
        y = problem.y
        self.present_ratio = float(np.count_nonzero(y) / np.count_nonzero(~y))
        try:
            weighed = class_weight(y, problem.known, population=problem.weight).sampling_ratio
        except CostSpecError:  # a class whose errors cost nothing has no weight
            weighed = None
        self.cost_ratio = weighed or self.present_ratio
        self.first_threshold = 0.5
        if problem.known.is_constant:
            self.first_threshold = within(THRESHOLD_RANGE, float(bayes_threshold(problem.known)))
        for name, chosen in self.learners.items():
            for parameter in chosen.space():
                if self._key(name, parameter) in OWN_NAMES:
                    raise SearchError(
                        f"{name} searches a parameter named {parameter!r}, a name that the search "
                        "uses itself: leave it out"
                    )

    def suggest(self, trial: optuna.Trial) -> Candidate:
        """Ask a trial for a candidate."""
        names = list(self.learners)
        name = names[0]
        if len(names) > 1:
            name = trial.suggest_categorical("learner", names)
        chosen = self.learners[name]
        for parameter, dimension in chosen.space().items():
            _suggest(trial, self._key(name, parameter), dimension)
        devices = _usable(self.resampling, chosen)
        device = devices[0]
        if len(devices) > 1:
            device = trial.suggest_categorical(self._device_key(name), devices)
        if DEVICES[device].has_ratio:
            _suggest(trial, _ratio_key(device), self._ratio_range(device))
        if self.sampled_threshold:
            _suggest(trial, "threshold", THRESHOLD_RANGE)
        return self.candidate(trial.params)

    def candidate(self, params: Mapping[str, Any]) -> Candidate:
        """The candidate of a trial's parameters.

        Raises
        ------
        SearchError
            If the parameters are not those of this space.
        """
        try:
            name = params["learner"] if len(self.learners) > 1 else next(iter(self.learners))
            chosen = self.learners[name]
            devices = _usable(self.resampling, chosen)
            device = params[self._device_key(name)] if len(devices) > 1 else devices[0]
            return Candidate(
                name,
                {key: params[self._key(name, key)] for key in chosen.space()},
                device,
                params[_ratio_key(device)] if DEVICES[device].has_ratio else None,
                params["threshold"] if self.sampled_threshold else None,
            )
        except KeyError as error:
            raise SearchError(
                f"a trial has no parameter {error}: was the study made by another objective?"
            ) from None

    def defaults(self) -> list[dict[str, Any]]:
        """First trials: each learner untuned, plain; then the first of them under each device.

        Class weights are tried at balance and as costs have it, other devices with a ratio at
        balance. Where there are few learners, each is tried under the simple devices.
        """
        of_each = [self._first_trials(name) for name in self.learners]
        ordered = [trials[0] for trials in of_each]
        tried = of_each if len(of_each) <= LEARNERS_TRIED_THROUGHOUT else of_each[:1]
        ordered += [params for trials in tried for params in trials[1:]]
        return [params for at, params in enumerate(ordered) if params not in ordered[:at]]

    def _first_trials(self, name: str) -> list[dict[str, Any]]:
        """A learner's untuned model, plain and under each simple device."""
        chosen = self.learners[name]
        params = {self._key(name, key): value for key, value in chosen.defaults().items()}
        if len(self.learners) > 1:
            params["learner"] = name
        if self.sampled_threshold:
            params["threshold"] = self.first_threshold
        devices = _usable(self.resampling, chosen)
        trials = []
        for device, ratio in self._simple_devices(devices):
            given = dict(params)
            if len(devices) > 1:
                given[self._device_key(name)] = device
            if ratio is not None:
                given[_ratio_key(device)] = within(self._ratio_range(device), ratio)
            trials.append(given)
        return trials

    def _simple_devices(self, devices: list[str]) -> list[tuple[str, float | None]]:
        found: list[tuple[str, float | None]] = []
        for device in sorted(devices, key=list(DEVICES).index):
            if not DEVICES[device].has_ratio:
                found.append((device, None))
            elif device == "weight":
                found += [(device, 1.0), (device, self.cost_ratio)]
            else:
                found.append((device, 1.0))
        return found

    def _ratio_range(self, device: str) -> Real:
        """From the ratio as it is to balance, or to what the costs ask for if that is more."""
        high = max(1.0, self.cost_ratio) if device == "weight" else 1.0
        low = min(self.present_ratio, high)
        return Real(low, high, log=True)

    def _key(self, name: str, parameter: str) -> str:
        return parameter if len(self.learners) == 1 else f"{name}__{parameter}"

    def _device_key(self, name: str) -> str:
        """One choice for all learners that take the same devices, else one of their own."""
        same = len({tuple(_usable(self.resampling, chosen)) for chosen in self.learners.values()})
        return "resampling" if same == 1 else f"{name}__resampling"


def _usable(resampling: tuple[str, ...], chosen: Learner) -> list[str]:
    """The devices that a learner can be combined with; some know one only, asked for or not."""
    own = getattr(chosen, "devices", None) or ()
    return [name for name in resampling if combines(chosen, name)] or list(own)


def _ratio_key(device: str) -> str:
    return "weight_ratio" if device == "weight" else "sampling_ratio"


def _suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> None:
    if isinstance(dimension, Choice):
        trial.suggest_categorical(name, dimension.options)
    elif isinstance(dimension, Integer):
        trial.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
    else:
        trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
