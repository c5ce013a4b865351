"""The one border of everything that learns: what the user passed, checked and prepared once."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.calibration.base import CalibrationMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.maps import CalibrationKind, map_of
from costopt.calibration.platt import PlattMap
from costopt.decision.case_costs import CaseCosts, check_regrets
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.errors import DataError, check_choice, nearest
from costopt.evaluation.draws import Draws
from costopt.evaluation.effective import effective_positives
from costopt.evaluation.estimates import Sample
from costopt.evaluation.folds import Folds, make_folds
from costopt.evaluation.leakage import warn_of_leaks, warn_of_leaks_beside
from costopt.evaluation.modes import SEARCH_MODES, ThresholdMode
from costopt.evaluation.population import (
    counted_rows,
    features_of,
    of_counted,
    population_weight,
)
from costopt.evaluation.scored import Scored, calibration_parts
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.labels import Labels, encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.inputs.schema import Schema
from costopt.inputs.suspicion import Suspicion
from costopt.inputs.unusable import ColumnsError
from costopt.learners.ledgers import warn_of_own_odds
from costopt.learners.protocol import Features, Fold, Learner
from costopt.rebalancing.neighbourhood import Neighbourhood

__all__ = ["Posed", "Problem", "as_names", "check_n_jobs", "check_seed", "pose", "pose_rows"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, labels, costs and folds, checked and prepared once; nothing here changes in a search.

    Rows with a population weight of 0 stand for nobody: they are not here, and indices count the
    others only.

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
    calibration : class of CalibrationMap
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
    calibration: type[CalibrationMap] = PlattMap
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
                self.features, self.folds.trained_on
            )
        return self._prepared[learner]

    def features_at(self, rows: IntArray) -> Any:
        """Some of the rows in the form in which learners score new ones."""
        return features_of(self.features, rows)

    def neighbourhood(self, fold: int | None, rows: IntArray) -> Neighbourhood:
        """The training rows of a fold as samplers look at them, made once."""
        if fold not in self._neighbourhoods:
            features = self.features
            self._neighbourhoods[fold] = Neighbourhood(
                features.matrix[rows], features.schema, self.y[rows]
            )
        return self._neighbourhoods[fold]

    @property
    def n_cases(self) -> int:
        """How many rows stand for somebody: there are no others here."""
        return self.y.size

    @property
    def n_positives(self) -> int:
        """How many of them are positive."""
        return int(np.count_nonzero(self.y))

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
            self._scored[n_folds] = self._gather(n_folds)
        return self._scored[n_folds]

    def _gather(self, n_folds: int) -> Scored:
        folds = self.folds.folds[:n_folds]
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
            calibration_parts(
                self.folds, rows, self.y, self.weight, n_folds=n_folds, seed=self.seed
            ),
            Draws(
                rows.size,
                weight=weight,
                units=units,
                seed=self.seed,
                classes=None if self.prevalence is None else self.y[rows],
            ),
        )

    def sample(self, probability: FloatArray) -> Sample:
        """The scored rows as costs are estimated on them, in the problem's scaled unit.

        Parameters
        ----------
        probability : array of shape (n_scored,)
            That each is positive, from a model and a map that were not fitted to it.
        """
        scored = self.scored
        return Sample(
            scored.y,
            scored.costs,
            scored.known,
            probability,
            scored.weight,
            scored.draws.units,
            self.prevalence,
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
        Of all rows that were passed.
    costs : CostMatrix or None
        As declared; None where costs per case were given as arrays.
    known : CostMatrix or None
        What the rule uses: the same, with class means in the place of hindsight.
    schema : Schema or None
        None where rows are handed to a foreign estimator untouched.
    counted : int array, optional
        Indices, among the rows that were passed, of those of the problem; None where all are.
    suspicions : tuple of Suspicion
        Leaks, identifiers and repeated rows that the features seem to hold.
    """

    problem: Problem
    labels: Labels
    costs: CostMatrix | None
    known: CostMatrix | None
    schema: Schema | None
    counted: IntArray | None = None
    suspicions: tuple[Suspicion, ...] = ()

    def of_problem(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of values of all rows that were passed, those of the problem's rows."""
        return values if self.counted is None else values[self.counted]

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
    ignore = as_names(ignore)
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
    counted = counted_rows(_values(table, sample_weight), table.n_rows)
    # before the costs, which would name one column where several cannot be used
    seen = table if counted is None else table.take(counted)
    try:
        schema = Schema.infer(seen, {*ignore, *hindsight, *named})
    except ColumnsError as error:  # what leaks is said at the same time
        left_out = {*ignore, *hindsight, *named}
        warn_of_leaks_beside(error.columns, seen, of_counted(labels.y, counted), costs, left_out)
        raise
    resolved = as_case_costs(costs, table, labels.y.size)
    return pose_rows(
        Features(table, schema),
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


def as_names(ignore: Any) -> tuple[str, ...]:
    """Column names to ignore; a text is one of them."""
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
    check_choice("threshold", threshold, SEARCH_MODES)
    kind = map_of(calibration)
    n_passed = labels.y.size
    counted = counted_rows(sample_weight, n_passed)
    y = of_counted(labels.y, counted)
    weight = population_weight(y, of_counted(sample_weight, counted), prevalence)
    if resolved is None:
        resolved = as_case_costs(costs, table, n_cases=n_passed)
    resolved = resolved if counted is None else resolved.take(counted)
    declared, known_matrix = _declared(costs, resolved, y, weight)
    known = resolved
    if known_matrix is not None:
        known = as_case_costs(known_matrix, table, n_passed)
        known = known if counted is None else known.take(counted)
    if not known.is_constant:  # constant ones were checked when their matrix was built
        check_regrets(known)
    # the inverse of a smaller power would overflow
    scale = 2.0 ** max(math.floor(math.log2(resolved.magnitude)), -1022)
    folds = make_folds(
        labels.y,
        cv,
        groups=groups,
        time=time,
        random_state=check_seed(random_state),
        counted=counted,
    )
    learners = {
        name: learner.for_labels(labels.negative, labels.positive)
        for name, learner in learners.items()
    }
    kind.check_positives(effective_positives(y, weight, folds.units))
    seen = features_of(features, counted)
    suspicions = warn_of_leaks(
        seen,
        y,
        costs,
        table if counted is None or table is None else table.take(counted),
        apart=folds.kind in ("grouped", "given"),
    )
    problem = Problem(
        seen,
        y,
        resolved.scaled(1 / scale),
        known.scaled(1 / scale),
        scale,
        folds,
        learners,
        weight=weight,
        prevalence=prevalence,
        threshold=threshold,
        calibration=kind,
        seed=random_state,
        n_jobs=check_n_jobs(n_jobs),
    )
    for learner in learners.values():
        if weight is not None and not learner.takes_weights:
            raise DataError(
                f"{learner.name} takes no sample_weight, so population weights cannot reach it: "
                "use another learner, or leave out sample_weight and prevalence"
            )
    if kind is IdentityMap:
        warn_of_own_odds(learners.values(), y, weight)
    return Posed(problem, labels, declared, known_matrix, schema, counted, suspicions)


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
