"""What a search may propose: learners' spaces, rebalancing with its ratios, and their names in Optuna."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import optuna

from costopt.decision.thresholds import bayes_threshold
from costopt.errors import CostSpecError, SearchError, nearest
from costopt.evaluation.candidates import Candidate
from costopt.evaluation.problem import Problem
from costopt.learners.dimensions import Choice, Dimension, Integer, Real, within
from costopt.learners.protocol import Learner, combines
from costopt.learners.registry import learner
from costopt.rebalancing.definition import RebalancingMethod
from costopt.rebalancing.methods import METHODS
from costopt.rebalancing.weights import class_weight

__all__ = ["Resampling", "SearchSpace", "resolve_learners", "resolve_resampling"]

Resampling = str | RebalancingMethod | Collection[str | RebalancingMethod]

OWN_NAMES = ("learner", "resampling", "weight_ratio", "sampling_ratio", "threshold")
# Of more learners than this only the first is tried under every method before the search proper.
LEARNERS_TRIED_THROUGHOUT = 3
# Thresholds on calibrated probabilities, where they are sampled.
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
        if isinstance(chosen, type) or not isinstance(chosen, Learner):
            raise SearchError(
                f"a learner must be a name or a learner object, got {item!r:.60}: wrap a "
                "scikit-learn classifier as SklearnLearner(classifier, {'parameter': (low, high)}), "
                "or derive a class of your own from costopt.learners.protocol.Learner"
            )
        if chosen.name in found:
            raise SearchError(f"two learners are named {chosen.name!r}: give one another name=")
        found[chosen.name] = chosen
    return found


def resolve_resampling(
    given: Resampling, learners: Mapping[str, Learner]
) -> dict[str, RebalancingMethod]:
    """Rebalancing methods by name, from names, methods of the caller's own, or a list of both.

    Raises
    ------
    SearchError
        If a name is unknown, two methods have one name, or a learner can use none of them.
    """
    if not isinstance(given, Collection | RebalancingMethod):
        raise SearchError(
            f"resampling must be a name or a list of names, got {given!r:.60}: 'none' leaves the rows "
            "as they are"
        )
    items = (given,) if isinstance(given, str | RebalancingMethod) else tuple(given)
    found: dict[str, RebalancingMethod] = {}
    for item in items:
        known = item if isinstance(item, RebalancingMethod) else None
        if isinstance(item, str):
            known = METHODS.get(item)
        if known is None:
            raise SearchError(f"there is no resampling named {item!r}: {nearest(item, METHODS)}")
        if found.setdefault(known.name, known) != known or METHODS.get(known.name, known) != known:
            raise SearchError(
                f"two rebalancing methods are named {known.name!r}: give yours another name"
            )
    if not found:
        raise SearchError("resampling must name at least one method: 'none' is one")
    for chosen in learners.values():
        if not _usable(found, chosen):
            first = next(iter(found))
            raise SearchError(
                f"{chosen.name} takes no sample_weight, so resampling={first!r} cannot reach it: "
                "add 'none', 'random_over' or 'random_under'"
            )
    return found


class SearchSpace:
    """Names, ranges and conditions of everything that is searched, and the first candidates.

    Parameters of a learner keep their own names where there is one learner, and are preceded by
    its name and two underscores where there are several.

    Parameters
    ----------
    problem : Problem
    resampling : mapping of str to RebalancingMethod
        The methods to choose among.
    """

    def __init__(self, problem: Problem, resampling: Mapping[str, RebalancingMethod]) -> None:
        self.learners = problem.learners
        self.resampling = resampling
        self._methods = {**METHODS, **resampling}
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
        usable = _usable(self.resampling, chosen)
        resampling = usable[0]
        if len(usable) > 1:
            resampling = trial.suggest_categorical(self._resampling_key(name), usable)
        if (ratio := self._methods[resampling].ratio) is not None:
            _suggest(trial, ratio, self._ratio_range(ratio))
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
            usable = _usable(self.resampling, chosen)
            resampling = params[self._resampling_key(name)] if len(usable) > 1 else usable[0]
            ratio = self._methods[resampling].ratio
            return Candidate(
                name,
                {key: params[self._key(name, key)] for key in chosen.space()},
                resampling if resampling in METHODS else self._methods[resampling],
                None if ratio is None else params[ratio],
                params["threshold"] if self.sampled_threshold else None,
            )
        except KeyError as error:
            raise SearchError(
                f"a trial has no parameter {error}: was the study made by another objective?"
            ) from None

    def defaults(self) -> list[dict[str, Any]]:
        """First trials: each learner untuned, plain; then the first of them under each method.

        Class weights are tried at balance and as costs have it, other methods with a ratio at
        balance. Where there are few learners, each is tried under the simple methods.
        """
        of_each = [self._first_trials(name) for name in self.learners]
        ordered = [trials[0] for trials in of_each]
        tried = of_each if len(of_each) <= LEARNERS_TRIED_THROUGHOUT else of_each[:1]
        ordered += [params for trials in tried for params in trials[1:]]
        return [params for at, params in enumerate(ordered) if params not in ordered[:at]]

    def _first_trials(self, name: str) -> list[dict[str, Any]]:
        """A learner's untuned model, plain and under each simple method."""
        chosen = self.learners[name]
        params = {self._key(name, key): value for key, value in chosen.defaults().items()}
        if len(self.learners) > 1:
            params["learner"] = name
        if self.sampled_threshold:
            params["threshold"] = self.first_threshold
        usable = _usable(self.resampling, chosen)
        trials = []
        for resampling in sorted(usable, key=list(self._methods).index):
            treated = dict(params)
            if len(usable) > 1:
                treated[self._resampling_key(name)] = resampling
            ratio = self._methods[resampling].ratio
            if ratio is None:
                trials.append(treated)
                continue
            aims = [1.0, self.cost_ratio] if ratio == "weight_ratio" else [1.0]
            usual = self._ratio_range(ratio)
            trials += [{**treated, ratio: within(usual, aim)} for aim in aims]
        return trials

    def _ratio_range(self, ratio: str) -> Real:
        """From the ratio as it is to balance, or to what the costs ask for if that is more."""
        high = max(1.0, self.cost_ratio) if ratio == "weight_ratio" else 1.0
        low = min(self.present_ratio, high)
        return Real(low, high, log=True)

    def _key(self, name: str, parameter: str) -> str:
        return parameter if len(self.learners) == 1 else f"{name}__{parameter}"

    def _resampling_key(self, name: str) -> str:
        """One choice for all learners that take the same methods, else one of their own."""
        same = len({tuple(_usable(self.resampling, chosen)) for chosen in self.learners.values()})
        return "resampling" if same == 1 else f"{name}__resampling"


def _usable(resampling: Mapping[str, RebalancingMethod], chosen: Learner) -> list[str]:
    """The methods that a learner can be combined with; some know one only, asked for or not."""
    combined = [name for name, each in resampling.items() if combines(chosen, each)]
    return combined or list(chosen.methods or ())


def _suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> None:
    if isinstance(dimension, Choice):
        trial.suggest_categorical(name, dimension.options)
    elif isinstance(dimension, Integer):
        trial.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
    else:
        trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
