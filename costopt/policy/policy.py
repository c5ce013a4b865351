"""A decision policy: the rule, and everything between a new row and its decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_weights
from costopt.decision.costs import Costs, as_case_costs
from costopt.errors import PolicyError
from costopt.evaluation.estimates import Estimate, Sample
from costopt.evaluation.folds import units_of
from costopt.inputs.frames import Scalar
from costopt.inputs.labels import encode_known
from costopt.inputs.row_labels import check_same_rows
from costopt.policy.batches import check_promise
from costopt.policy.cases import check_n_cases, values_of
from costopt.policy.costs import check_costs, present
from costopt.policy.decider import Decider
from costopt.policy.evidence import Evidence
from costopt.policy.saving import load_policy, save_policy
from costopt.policy.words import model_in_words
from costopt.showing.overview import Overview, Presentable
from costopt.showing.text import figure, printable

__all__ = ["DecisionPolicy"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class DecisionPolicy(Decider, Presentable):
    """Decides on new rows as the evaluation did: score, odds, calibration, rule.

    Made by `optimize`, `choose_threshold` or `DecisionPolicy.load`.

    Parameters
    ----------
    rule : GainRule or ThresholdRule
        On calibrated probabilities.
    costs : CostMatrix or None
        As declared; None where costs per case were given as arrays, which are then asked for.
    known_costs : CostMatrix or None
        What the rule uses: ``costs``, with class means for what only hindsight knows.
    unit : str
        Currency of the costs.
    labels : tuple of (negative, positive)
    calibrator, schema, learner, models, ledger, model_name
        From a row to its probability, as for `Scorer`.
    params : mapping
        How the model was made.
    evidence : Evidence
    guarantee : Guarantee or None
        What is promised of its threshold, where limits were asked for.
    provenance : mapping of str to str
        Versions and seeds.

    Raises
    ------
    PolicyError
        If both classes have one label, `known_costs` or `unit` contradict `costs`, or `guarantee`
        is of another threshold.
    """

    labels: tuple[Scalar, Scalar] = (0, 1)
    params: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        negative, positive = self.labels
        if negative == positive:
            raise PolicyError(
                f"two classes must have two labels, got {negative!r} and {positive!r}"
            )
        check_costs(self.costs, self.known_costs, self.unit)
        check_promise(self.guarantee, self.raw_threshold)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        score: ArrayLike | None = None,
        costs: Costs | None = None,
        groups: Any = None,
        time: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Estimate:
        """What the decisions cost on labelled rows, best on rows that nobody has seen.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns), or None
            As for `decide`, with the columns that only hindsight knows too.
        y : array-like of shape (n_cases,)
            Labels, named as when the policy was made.
        score : array-like of shape (n_cases,), optional
            The model's own scores, computed elsewhere, as `raw_score` gives them.
        costs : CostMatrix or CaseCosts, optional
            Costs of these cases, in place of those the policy knows.
        groups : str or array-like of shape (n_cases,), optional
            Rows that belong together, such as a customer's: the interval is then that of groups.
            A name takes that column.
        time : str or array-like of shape (n_cases,), optional
            The order of rows: the interval is then that of periods of about sqrt(n) rows.
        sample_weight : array-like of shape (n_cases,), optional
            How many cases of the population each row stands for.

        Returns
        -------
        cost : Estimate
            Mean cost per case with its interval.

        Raises
        ------
        DataError
            If a label is unknown, or lengths or row labels differ.
        """
        sample, act = self.sample(X, y, score, costs, groups, time, sample_weight)
        return sample.cost(act)

    def sample(
        self,
        X: Any,
        y: Any,
        score: ArrayLike | None,
        costs: Costs | None,
        groups: Any,
        time: Any,
        sample_weight: ArrayLike | None,
    ) -> tuple[Sample, BoolArray]:
        """Labelled rows to state costs on, and what is decided of each; arguments as for `evaluate`."""
        table = None if X is None else self.table(X)
        rows = {"score": score, "y": y, "costs": costs, "sample_weight": sample_weight}
        check_same_rows(X=table, **rows, groups=groups, time=time)
        labels = self.is_positive(y)
        n_cases = labels.size
        check_n_cases(n_cases, table, score)
        probability = self.probability(X, score=score)
        act = self._decide(probability, X, costs)
        declared = present(self.costs if costs is None else costs)
        known = None if costs is not None else self.known_costs
        units = units_of(
            n_cases,
            groups=values_of(table, groups, "groups"),
            time=values_of(table, time, "time"),
        )
        sample = Sample(
            labels,
            as_case_costs(declared, table, n_cases),
            None if known is None else as_case_costs(known, table, n_cases),
            probability,
            None if sample_weight is None else as_weights(sample_weight, n_cases),
            units,
        )
        return sample, act

    def is_positive(self, y: Any) -> BoolArray:
        """Labels as booleans, True for the positive class; unknown ones are refused."""
        return encode_known(y, *self.labels)

    def explain(self) -> str:
        """In words: when it acts, what that costs, how sure that is, and why this rule."""
        multiplier, n_models = self.ledger_of_score.multiplier, len(self.models)
        lines = [
            self.rule.in_words(self.known_costs, self.raw_threshold, self.labels[1], self.unit),
            *(() if self.guarantee is None else self.guarantee.explain(self.unit)),
            *self.evidence.explain(),
            model_in_words(self.model_name, multiplier, self.calibrator, n_models),
        ]
        return "\n".join(map(printable, lines))

    def overview(self) -> Overview:
        """When it acts, and what that costs beside the obvious alternatives."""
        lead, *_ = self.explain().splitlines()
        title = f"Decision policy, {self.model_name or 'for scores'}"
        known = self.evidence.overview()
        if self.evidence.expected_cost is None:
            return Overview(title, lead, notes=(known.lead,))
        promised = () if self.guarantee is None else self.guarantee.explain(self.unit)
        return replace(known, title=title, lead=lead, notes=(*promised, *known.notes))

    def __repr__(self) -> str:
        threshold = self.threshold
        acts = "acts case by case" if threshold is None else f"acts from {figure(threshold)}"
        cost = self.evidence.expected_cost
        told = "" if cost is None else f", expected_cost={cost}"
        return f"DecisionPolicy({acts}{told}, model={self.model_name!r})"

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write ``policy.json`` and the model into a folder, made if it is not there.

        Parameters
        ----------
        folder : path
        overwrite : bool, default=False
            Replace a policy that is there already; other files are left alone.

        Raises
        ------
        StoreError
            If the folder holds a policy and ``overwrite`` is False, or cannot be written.

        Warns
        -----
        CostOptWarning
            ``model-not-saved``, for models of classes that have no safe file format.
        """
        save_policy(self, folder, overwrite=overwrite)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> DecisionPolicy:
        """Read a policy back. Nothing in the files is ever run as code.

        Raises
        ------
        StoreError
            If the folder or a file cannot be read.
        PolicyError
            If a file is not what `save` writes.
        """
        return load_policy(cls, folder)
