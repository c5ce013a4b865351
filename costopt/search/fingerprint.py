"""What a study is made of, as short texts: a study is continued only with the same."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

import joblib
import numpy as np

from costopt.decision.case_costs import CaseCosts
from costopt.evaluation.problem import Problem
from costopt.learners.foreign import is_frozen, library_of
from costopt.learners.protocol import Features, Learner
from costopt.rebalancing.definition import RebalancingMethod

__all__ = ["fingerprint"]

# What decides, down to the last digit, which trials come and what they cost.
PACKAGES = ("costopt-ml", "numpy", "optuna", "scikit-learn", "xgboost")


def fingerprint(
    problem: Problem, resampling: Iterable[str | RebalancingMethod], search: Mapping[str, str]
) -> dict[str, str]:
    """Digests and plain texts by the name of what they stand for.

    Parameters
    ----------
    problem : Problem
    resampling : iterable of str or RebalancingMethod
    search : mapping of str to str
        How trials are proposed and stopped early.
    """
    found = {
        "data": _of_features(problem.features),
        "labels": _digest(
            problem.y, json.dumps([problem.labels.negative, problem.labels.positive])
        ),
        "costs": _digest(_of_costs(problem.costs, problem.known), f"{problem.scale}{problem.unit}"),
        "weights": "none" if problem.weight is None else _digest(problem.weight),
        "folds": _digest(
            *(rows for fold in problem.folds.folds for rows in (fold.train, fold.test))
        ),
        "groups or time": "none" if problem.folds.units is None else _digest(problem.folds.units),
        "learners": ", ".join(_of_learner(learner) for learner in problem.learners.values()),
        "resampling": ", ".join(map(str, resampling)),
        "threshold": problem.threshold,
        "calibration": problem.calibration.kind,
        "random_state": str(problem.seed),
        **search,
    }
    estimators = (one.estimator for one in problem.learners.values())
    libraries = {library_of(one) for one in estimators} - {"", *PACKAGES}
    for name in (*PACKAGES, *sorted(libraries)):
        try:
            found[f"version of {name}"] = version(name)
        except PackageNotFoundError:
            found[f"version of {name}"] = "unknown"
    return found


def _of_learner(learner: Learner) -> str:
    """A learner in words, and a digest of all that it was given, however long."""
    estimator = learner.estimator
    wordless = type(learner).__repr__ is object.__repr__
    settings = vars(learner).items() if wordless and estimator is None else ()
    with np.printoptions(threshold=sys.maxsize):
        params = {} if estimator is None else estimator.get_params()
        given = repr(sorted((name, repr(value)) for name, value in (*params.items(), *settings)))
    if estimator is not None and is_frozen(estimator):
        given += str(joblib.hash(estimator))  # what it has learned, which no parameter tells
    # functions and the like show where they lie in memory, which every process changes
    told, given = (re.sub(r" at 0x[0-9a-f]+", "", text) for text in (repr(learner), given))
    return f"{told} {_digest(given)}"


def _of_features(features: Features) -> str:
    names = json.dumps(asdict(features.schema), sort_keys=True, default=str)
    return _digest(features.matrix, names)


def _of_costs(*costs: CaseCosts) -> str:
    return _digest(*(getattr(one, cell) for one in costs for cell in ("fp", "fn", "tp", "tn")))


def _digest(*parts: np.ndarray | str) -> str:
    """Of arrays with their shapes and types, and of texts."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            found.update(part.encode())
            continue
        array = np.ascontiguousarray(part)
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:16]
