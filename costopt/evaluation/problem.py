"""The one border of everything that learns: what the user passed, checked and prepared once."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts, check_regrets
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.decision.rules import as_weights
from costopt.errors import DataError, check_choice, nearest, warn
from costopt.evaluation.calibration import CALIBRATIONS, CalibrationKind, check_positives
from costopt.evaluation.choice import THRESHOLDS, ThresholdMode
from costopt.evaluation.draws import Draws
from costopt.evaluation.folds import Folds, make_folds
from costopt.frames import Scalar, Table
from costopt.labels import Labels, encode_labels
from costopt.row_labels import check_same_rows
from costopt.schema import Schema
from costopt.training.learners import Features, Fold, Learner
from costopt.training.synthesis import Neighbourhood

__all__ = ["Posed", "Problem", "Scored", "check_n_jobs", "check_seed", "pose", "pose_rows"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# A cost column that ranks the classes this well knows the answer.
TELLTALE_AUC = 0.99


@dataclass(frozen=True, eq=False)
class Scored:
    """The rows that folds score, and what prices a decision on them.

    Parameters
    ----------
    rows : int array of shape (n_scored,)
        Indices into all cases, ascending.
    y : bool array of shape (n_scored,)
    costs, known : CaseCosts
        As in `Problem`, of these rows.
    weight : array of shape (n_scored,), optional
    folds : tuple of Fold
        Their ``test`` are indices into these rows.
    draws : Draws
        How these rows are drawn when uncertainty is measured.
    """

    rows: IntArray
    y: BoolArray
    costs: CaseCosts
    known: CaseCosts
    weight: FloatArray | None
    folds: tuple[Fold, ...]
    draws: Draws

    @property
    def is_populated(self) -> bool:
        """Whether some row stands for somebody."""
        return self.weight is None or bool(self.weight.any())


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, labels, costs and folds, checked and prepared once; nothing here changes in a search.

    Parameters
    ----------
    features : Features or anything that a learner indexes
    y : bool array of shape (n_cases,)
    costs : CaseCosts
        What decisions turn out to cost, divided by ``scale``.
    known : CaseCosts
        What a rule may know beforehand, divided by ``scale``.
    scale : float
        A power of two near the largest cost, so that no currency is too large or too small for
        the arithmetic of estimates.
    folds : Folds
    learners : mapping of str to Learner
    weight : array of shape (n_cases,), optional
        How many cases of the population each row stands for; mean 1.
    prevalence : float, optional
        The share of positives in the population, where it was declared; the weights have it then.
    threshold : {"auto", "bayes", "exact", "sampled"}
    calibration : {"platt", "beta", "isotonic", "none"}
    seed : int
        The same for every candidate, so that what differs is the candidate.
    n_jobs : int
        Cores to use: folds side by side times threads per fold never exceed it.
    """

    features: Any
    y: BoolArray
    costs: CaseCosts
    known: CaseCosts
    scale: float
    folds: Folds
    learners: Mapping[str, Learner]
    weight: FloatArray | None = None
    prevalence: float | None = None
    threshold: ThresholdMode = "auto"
    calibration: CalibrationKind = "platt"
    seed: int = 0
    n_jobs: int = 1
    _prepared: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _scored: dict[int, Scored] = field(default_factory=dict, init=False, repr=False)
    _neighbourhoods: dict[int | None, Neighbourhood] = field(
        default_factory=dict, init=False, repr=False
    )

    def prepared(self, learner: str) -> Any:
        """The rows as a learner wants them, made once."""
        if learner not in self._prepared:
            self._prepared[learner] = self.learners[learner].prepare(
                self.features, self.folds.folds
            )
        return self._prepared[learner]

    def neighbourhood(self, fold: int | None, rows: IntArray) -> Neighbourhood:
        """The training rows of a fold as samplers look at them, made once."""
        if fold not in self._neighbourhoods:
            features = self.features
            self._neighbourhoods[fold] = Neighbourhood(
                features.matrix[rows], features.schema, self.y[rows]
            )
        return self._neighbourhoods[fold]

    @property
    def n_folds(self) -> int:
        """How many folds there are."""
        return len(self.folds.folds)

    @property
    def scored(self) -> Scored:
        """The rows that some fold scores."""
        return self.scored_by(self.n_folds)

    def scored_by(self, n_folds: int) -> Scored:
        """The rows that the first folds score, gathered once."""
        if n_folds not in self._scored:
            self._scored[n_folds] = self._gather(self.folds.folds[:n_folds])
        return self._scored[n_folds]

    def _gather(self, folds: tuple[Fold, ...]) -> Scored:
        rows = np.sort(np.concatenate([fold.test for fold in folds]))
        weight = None if self.weight is None else self.weight[rows]
        units = None if self.folds.units is None else self.folds.units[rows]
        return Scored(
            rows,
            self.y[rows],
            self.costs.take(rows),
            self.known.take(rows),
            weight,
            tuple(Fold(fold.train, np.searchsorted(rows, fold.test)) for fold in folds),
            Draws(
                rows.size,
                weight=weight,
                units=units,
                seed=self.seed,
                classes=None if self.prevalence is None else self.y[rows],
            ),
        )

    def rng(self, fold: int | None) -> np.random.Generator:
        """Randomness of a fold's resampling, the same for every candidate."""
        return np.random.default_rng([self.seed, 0 if fold is None else fold + 1])


@dataclass(frozen=True, eq=False)
class Posed:
    """A problem, and what a policy for it must remember of how it was declared.

    Parameters
    ----------
    problem : Problem
    labels : Labels
    costs : CostMatrix or None
        As declared; None where costs per case were given as arrays.
    known : CostMatrix or None
        What the rule uses: the same, with class means in the place of hindsight.
    schema : Schema or None
        None where rows are handed to a foreign estimator untouched.
    """

    problem: Problem
    labels: Labels
    costs: CostMatrix | None
    known: CostMatrix | None
    schema: Schema | None

    @property
    def unit(self) -> str:
        """Currency of the costs."""
        return self.problem.costs.unit


def pose(
    X: Any,
    y: Any,
    costs: Costs,
    learners: Mapping[str, Learner],
    *,
    threshold: ThresholdMode = "auto",
    calibration: CalibrationKind = "platt",
    cv: Any = 5,
    groups: Any = None,
    time: Any = None,
    ignore: Collection[str] = (),
    sample_weight: Any = None,
    prevalence: float | None = None,
    pos_label: Scalar | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Posed:
    """Check a table, labels and costs, and prepare them for learners.

    Parameters are those of `costopt.optimize`.

    Raises
    ------
    CostSpecError, DataError, SearchError
        Before anything is fitted, if something cannot be used.
    """
    ignore = _as_names(ignore)
    table = Table(X)
    check_same_rows(
        X=table, y=y, costs=costs, sample_weight=sample_weight, groups=groups, time=time
    )
    hindsight = costs.hindsight if isinstance(costs, CostMatrix) else ()
    named = [name for name in (groups, time, sample_weight) if isinstance(name, str)]
    for argument, given in (("groups", groups), ("time", time), ("sample_weight", sample_weight)):
        if isinstance(given, str) and given not in table.columns:
            raise DataError(
                f"{argument} names the column {given!r}, which X does not have: "
                f"{nearest(given, table.columns)}"
            )
    labels = encode_labels(y, pos_label)
    if labels.y.size != table.n_rows:
        raise DataError(
            f"X has {table.n_rows} rows but y has {labels.y.size} labels: take the same rows of both"
        )
    resolved = as_case_costs(costs, table, labels.y.size)
    schema = Schema.infer(table, {*ignore, *hindsight, *named})
    features = Features(table, schema)
    _ = features.matrix  # encoded now, so that a bad value is named before anything is fitted
    return pose_rows(
        features,
        labels,
        costs,
        learners,
        table=table,
        resolved=resolved,
        schema=schema,
        threshold=threshold,
        calibration=calibration,
        cv=cv,
        groups=_values(table, groups),
        time=_values(table, time),
        sample_weight=_values(table, sample_weight),
        prevalence=prevalence,
        random_state=random_state,
        n_jobs=n_jobs,
    )


def _as_names(ignore: Any) -> tuple[str, ...]:
    names = (ignore,) if isinstance(ignore, str) else ignore
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise DataError(
            f"ignore must be a collection of column names, got {ignore!r:.60}: () ignores none"
        )
    return tuple(names)


def pose_rows(
    features: Any,
    labels: Labels,
    costs: Costs,
    learners: Mapping[str, Learner],
    *,
    table: Any = None,
    resolved: CaseCosts | None = None,
    schema: Schema | None = None,
    threshold: ThresholdMode = "auto",
    calibration: CalibrationKind = "platt",
    cv: Any = 5,
    groups: Any = None,
    time: Any = None,
    sample_weight: Any = None,
    prevalence: float | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Posed:
    """The same for rows that are already encoded, or that a foreign estimator takes as they are."""
    check_choice("threshold", threshold, THRESHOLDS)
    check_choice("calibration", calibration, CALIBRATIONS)
    y = labels.y
    check_positives(calibration, int(np.count_nonzero(y)))
    if resolved is None:
        resolved = as_case_costs(costs, table, n_cases=y.size)
    weight = _population_weight(y, sample_weight, prevalence)
    _warn_telltale(y, costs, table)
    declared, known_matrix = _declared(costs, resolved, y, weight)
    known = resolved if known_matrix is None else as_case_costs(known_matrix, table, y.size)
    if not known.is_constant:  # constant ones were checked when their matrix was built
        check_regrets(known)
    # the inverse of a smaller power would overflow
    scale = 2.0 ** max(math.floor(math.log2(resolved.magnitude)), -1022)
    folds = make_folds(y, cv, groups=groups, time=time, random_state=check_seed(random_state))
    _check_weighted(folds, y, weight)
    problem = Problem(
        features,
        y,
        resolved.scaled(1 / scale),
        known.scaled(1 / scale),
        scale,
        folds,
        learners,
        weight=weight,
        prevalence=prevalence,
        threshold=threshold,
        calibration=calibration,
        seed=random_state,
        n_jobs=check_n_jobs(n_jobs),
    )
    for learner in learners.values():
        if weight is not None and not learner.takes_weights:
            raise DataError(
                f"{learner.name} takes no sample_weight, so population weights cannot reach it: "
                "use another learner, or leave out sample_weight and prevalence"
            )
    return Posed(problem, labels, declared, known_matrix, schema)


def check_n_jobs(n_jobs: int | None) -> int:
    """How many cores to use: all that this process may use where None or -1."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if n_jobs in (None, -1):
        return cores
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs < 1:
        raise DataError(f"n_jobs must be a number of cores of at least 1, or -1, got {n_jobs!r}")
    return min(int(n_jobs), cores)


def check_seed(random_state: Any) -> int:
    """A seed as an int; generators and None are refused, since a search must be repeatable."""
    whole = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if not whole or not 0 <= random_state < 2**31:
        raise DataError(
            f"random_state must be a whole number from 0 to 2**31 - 1, got {random_state!r}"
        )
    return int(random_state)


def _values(table: Table, given: Any) -> Any:
    """A column by its name, or values as they are."""
    return table.native_column(given) if isinstance(given, str) else given


def _declared(
    costs: Costs, resolved: CaseCosts, y: BoolArray, weight: FloatArray | None
) -> tuple[CostMatrix | None, CostMatrix | None]:
    """The costs as a policy keeps them, and as its rule uses them; None for arrays."""
    if isinstance(costs, CostMatrix):
        return costs, costs.known_beforehand(resolved, y, weight)
    if not resolved.is_constant:
        return None, None
    cells = {cell: float(getattr(resolved, cell)) for cell in ("fp", "fn", "tp", "tn")}
    matrix = CostMatrix(**cells, unit=resolved.unit)  # type: ignore[arg-type]  # mypy cannot match ** to fields
    return matrix, matrix


def _population_weight(
    y: BoolArray, sample_weight: Any, prevalence: float | None
) -> FloatArray | None:
    """Weights of mean 1 from those given and from the share of positives in the population."""
    if sample_weight is None and prevalence is None:
        return None
    weight = np.ones(y.size) if sample_weight is None else as_weights(sample_weight, y.size)
    if not (weight[y].any() and weight[~y].any()):
        raise DataError("sample_weight must be above 0 for some row of each class")
    if prevalence is not None:
        number = isinstance(prevalence, int | float) and not isinstance(prevalence, bool)
        if not number or not 0 < prevalence < 1:
            raise DataError(
                "prevalence, the share of positives in the population, must lie between 0 and 1, "
                f"got {prevalence!r}"
            )
        present = float(weight[y].sum() / weight.sum())
        weight = weight * np.where(y, prevalence / present, (1 - prevalence) / (1 - present))
    return np.asarray(weight / weight.mean())


def _check_weighted(folds: Folds, y: BoolArray, weight: FloatArray | None) -> None:
    """Refuse weights that leave a class of some fold's training rows without any."""
    if weight is None:
        return
    for number, fold in enumerate(folds.folds):
        for name, rows in (
            ("positive", fold.train[y[fold.train]]),
            ("negative", fold.train[~y[fold.train]]),
        ):
            if not weight[rows].any():
                raise DataError(
                    f"sample_weight is 0 for every {name} row that fold {number} trains on: use fewer "
                    "folds, or leave out the rows that stand for nobody"
                )


def _warn_telltale(y: BoolArray, costs: Costs, table: Any) -> None:
    """Warn of a cost column that separates the classes: it knows the answer."""
    if not isinstance(costs, CostMatrix) or table is None:
        return
    from sklearn.metrics import roc_auc_score

    for name in costs.columns:
        if name in costs.hindsight:
            continue
        auc = float(roc_auc_score(y, np.asarray(table[name], dtype=np.float64)))
        if max(auc, 1 - auc) >= TELLTALE_AUC:
            warn(
                "telltale-cost",
                f"the cost column {name!r} separates the classes almost perfectly: if it is known "
                f"only after the decision, declare hindsight=({name!r},); otherwise check for a leak",
            )
