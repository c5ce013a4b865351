"""The one border of everything that learns: what the user passed, checked and prepared once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.calibration.base import CalibrationMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.maps import CalibrationKind, map_of
from costopt.calibration.platt import PlattMap
from costopt.decision.case_costs import CaseCosts, check_regrets
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.errors import DataError, check_choice
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
from costopt.evaluation.rows import Rows, check_n_jobs
from costopt.evaluation.scored import Scored, scored_rows
from costopt.inputs.frames import Table
from costopt.inputs.labels import Labels, encode_labels
from costopt.inputs.row_labels import check_same_rows
from costopt.inputs.schema import Schema
from costopt.inputs.suspicion import Suspicion
from costopt.inputs.unusable import ColumnsError
from costopt.learners.ledgers import warn_of_own_odds
from costopt.learners.protocol import Features, Learner
from costopt.rebalancing.neighbourhood import Neighbourhood

__all__ = ["Problem", "prepare", "prepare_encoded"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """Rows, labels, costs and folds, checked and prepared once; nothing here changes in a search.

    Rows with a population weight of 0 stand for nobody: they are not here, and indices count the
    others only. It can be pickled, for processes that evaluate candidates of it.

    Parameters
    ----------
    features : Features or anything that a learner indexes
    labels : Labels
        Of all rows that were passed.
    y : bool array of shape (n_cases,)
    costs : CaseCosts
        What decisions turn out to cost, divided by ``scale``.
    known : CaseCosts
        What a rule may know beforehand, divided by ``scale``.
    scale : float
        A power of two near the largest cost, so that no currency is too large or too small for
        the arithmetic of estimates.
    declared : CostMatrix or None
        The costs as declared; None where costs per case were given as arrays.
    declared_known : CostMatrix or None
        What the rule uses: the same, with class means in the place of hindsight.
    folds : Folds
    learners : mapping of str to Learner
    schema : Schema, optional
        None where rows are handed to a foreign estimator untouched.
    counted : int array, optional
        Indices, among the rows that were passed, of those that are here; None where all are.
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
    suspicions : tuple of Suspicion
        Leaks, identifiers and repeated rows that the features seem to hold.
    """

    features: Any
    labels: Labels
    y: BoolArray
    costs: CaseCosts
    known: CaseCosts
    scale: float
    declared: CostMatrix | None
    declared_known: CostMatrix | None
    folds: Folds
    learners: Mapping[str, Learner]
    schema: Schema | None = None
    counted: IntArray | None = None
    weight: FloatArray | None = None
    prevalence: float | None = None
    threshold: ThresholdMode = "auto"
    calibration: type[CalibrationMap] = PlattMap
    seed: int = 0
    n_jobs: int = 1
    suspicions: tuple[Suspicion, ...] = ()
    _prepared: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _scored: dict[int, Scored] = field(default_factory=dict, init=False, repr=False)
    _neighbourhoods: dict[int | None, Neighbourhood] = field(
        default_factory=dict, init=False, repr=False
    )

    def __getstate__(self) -> dict[str, Any]:
        """What was given; what is made of it is made again, by each process that needs it."""
        made: dict[str, Any] = {"_prepared": {}, "_scored": {}, "_neighbourhoods": {}}
        return vars(self) | made

    def of_counted(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of values of all rows that were passed, those of the rows that are here."""
        return values if self.counted is None else values[self.counted]

    @property
    def unit(self) -> str:
        """Currency of the costs."""
        return self.costs.unit

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
            self._scored[n_folds] = scored_rows(
                self.folds,
                n_folds,
                self.y,
                self.costs,
                self.known,
                self.weight,
                prevalence=self.prevalence,
                seed=self.seed,
            )
        return self._scored[n_folds]

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


def prepare(
    X: Any,
    y: Any,
    costs: Costs,
    learners: Mapping[str, Learner],
    rows: Rows | None = None,
    *,
    threshold: ThresholdMode = "auto",
    calibration: CalibrationKind = "platt",
    n_jobs: int | None = None,
) -> Problem:
    """Check a table, labels and costs, and prepare them for learners.

    Parameters are those of `costopt.optimize`, with what is declared about the rows in one.

    Raises
    ------
    CostSpecError, DataError, SearchError
        Before anything is fitted, if something cannot be used.
    """
    declared = rows or Rows()
    table = Table(X)
    check_same_rows(
        X=table, y=y, costs=costs,
        sample_weight=declared.sample_weight, groups=declared.groups, time=declared.time,
    )  # fmt: skip
    declared, y = declared.resolved(table, y)
    labels = encode_labels(y, declared.pos_label)
    if labels.y.size != table.n_rows:
        raise DataError(
            f"X has {table.n_rows} rows but y has {labels.y.size} labels: take the same rows of both"
        )
    counted = counted_rows(declared.sample_weight, table.n_rows)
    hindsight = costs.hindsight if isinstance(costs, CostMatrix) else ()
    # before the costs, which would name one column where several cannot be used
    seen = table if counted is None else table.take(counted)
    left_out = {*declared.ignore, *hindsight}
    try:
        schema = Schema.infer(seen, left_out)
    except ColumnsError as error:  # what leaks is said at the same time
        warn_of_leaks_beside(error.columns, seen, of_counted(labels.y, counted), costs, left_out)
        raise
    return prepare_encoded(
        Features(table, schema),
        labels,
        costs,
        learners,
        declared,
        table=table,
        schema=schema,
        threshold=threshold,
        calibration=calibration,
        n_jobs=n_jobs,
    )


def prepare_encoded(
    features: Any,
    labels: Labels,
    costs: Costs,
    learners: Mapping[str, Learner],
    rows: Rows | None = None,
    *,
    table: Table | None = None,
    schema: Schema | None = None,
    threshold: ThresholdMode = "auto",
    calibration: CalibrationKind = "platt",
    n_jobs: int | None = None,
) -> Problem:
    """The same for rows that are already encoded, or that a foreign estimator takes as they are.

    Parameters
    ----------
    features : Features or anything that a learner indexes
    labels : Labels
    costs : CostMatrix or CaseCosts
    learners : mapping of str to Learner
    rows : Rows, optional
        With values in the place of names.
    table : Table, optional
        Where the columns are that the costs read.
    schema : Schema, optional
    threshold, calibration, n_jobs
        As for `costopt.optimize`.
    """
    rows = rows or Rows()
    check_choice("threshold", threshold, SEARCH_MODES)
    kind = map_of(calibration)
    counted = counted_rows(rows.sample_weight, labels.y.size)
    y = of_counted(labels.y, counted)
    weight = population_weight(y, of_counted(rows.sample_weight, counted), rows.prevalence)
    money = _money(costs, table, labels.y.size, counted, y, weight)
    folds = make_folds(
        labels.y,
        rows.cv,
        groups=rows.groups,
        time=rows.time,
        random_state=rows.random_state,
        counted=counted,
    )
    kind.check_positives(effective_positives(y, weight, folds.units))
    problem = Problem(
        features=features_of(features, counted),
        labels=labels,
        y=y,
        **money,
        folds=folds,
        learners={
            name: learner.for_labels(labels.negative, labels.positive)
            for name, learner in learners.items()
        },
        schema=schema,
        counted=counted,
        weight=weight,
        prevalence=rows.prevalence,
        threshold=threshold,
        calibration=kind,
        seed=rows.random_state,
        n_jobs=check_n_jobs(n_jobs),
    )
    return _warned(problem, costs, table)


def _money(
    costs: Costs,
    table: Table | None,
    n_cases: int,
    counted: IntArray | None,
    y: BoolArray,
    weight: FloatArray | None,
) -> dict[str, Any]:
    """What decisions cost, as it turns out and as a rule knows it; scaled, and as declared."""

    def resolved(declared: Costs) -> CaseCosts:
        found = as_case_costs(declared, table, n_cases)
        return found if counted is None else found.take(counted)

    paid = resolved(costs)
    declared, declared_known = _declared(costs, paid, y, weight)
    known = paid if declared_known is None else resolved(declared_known)
    if not known.is_constant:  # constant ones were checked when their matrix was built
        check_regrets(known)
    # the inverse of a smaller power would overflow
    scale = 2.0 ** max(math.floor(math.log2(paid.magnitude)), -1022)
    return {
        "costs": paid.scaled(1 / scale),
        "known": known.scaled(1 / scale),
        "scale": scale,
        "declared": declared,
        "declared_known": declared_known,
    }


def _warned(problem: Problem, costs: Costs, table: Table | None) -> Problem:
    """The problem with what is suspicious about it, of which the user is warned."""
    counted, weight = problem.counted, problem.weight
    suspicions = warn_of_leaks(
        problem.features,
        problem.y,
        costs,
        table if counted is None or table is None else table.take(counted),
        apart=problem.folds.kind in ("grouped", "given"),
    )
    for learner in problem.learners.values():
        if weight is not None and not learner.takes_weights:
            raise DataError(
                f"{learner.name} takes no sample_weight, so population weights cannot reach it: "
                "use another learner, or leave out sample_weight and prevalence"
            )
    if problem.calibration is IdentityMap:
        warn_of_own_odds(problem.learners.values(), problem.y, weight)
    return replace(problem, suspicions=suspicions)


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
