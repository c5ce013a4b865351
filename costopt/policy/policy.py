"""A decision policy: the rule, and everything between a new row and its decision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.calibrators import Calibrator, PlattMap
from costopt.decision.case_costs import CaseCosts, as_floats
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import (
    CutRule,
    GainRule,
    Rule,
    as_probabilities,
    as_weights,
    expected_gain,
)
from costopt.decision.thresholds import rule_threshold
from costopt.errors import CostOptError, DataError, PolicyError, warn
from costopt.evaluation.estimates import Estimate, Sample
from costopt.evaluation.folds import units_of
from costopt.frames import Scalar, Table
from costopt.labels import encode_known
from costopt.markup import panel
from costopt.policy.document import ModelPart, from_document, to_document
from costopt.policy.evidence import Evidence
from costopt.policy.files import model_name, read_folder, write_folder
from costopt.policy.words import model_in_words, rule_in_words
from costopt.row_labels import check_same_rows
from costopt.schema import Schema
from costopt.training.learners import Features, Learner

__all__ = ["DecisionPolicy", "ModelPart"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class DecisionPolicy:
    """Decides on new rows as the evaluation did: score, odds, calibration, rule.

    Made by `optimize`, `choose_threshold` or `DecisionPolicy.load`.

    Parameters
    ----------
    rule : GainRule or CutRule
        On calibrated probabilities.
    costs : CostMatrix or None
        As declared; None where costs per case were given as arrays, which are then asked for.
    known_costs : CostMatrix or None
        What the rule uses: ``costs``, with class means for what only hindsight knows.
    unit : str
        Currency of the costs.
    labels : tuple of (negative, positive)
    calibrator : PlattMap, BetaMap or IsotonicMap
    schema : Schema, optional
        Features by name; None without a model.
    learner : Learner, optional
        Knows how to score with the models.
    models : tuple of ModelPart
        Empty where scores are computed elsewhere.
    ledger : OddsLedger
        What the training of a model that scores elsewhere did to the odds.
    model_name : str
    params : mapping
        How the model was made.
    evidence : Evidence
    provenance : mapping of str to str
        Versions and seeds.
    """

    rule: Rule
    costs: CostMatrix | None
    known_costs: CostMatrix | None
    unit: str
    labels: tuple[Scalar, Scalar] = (0, 1)
    calibrator: Calibrator = field(default_factory=PlattMap)
    schema: Schema | None = None
    learner: Learner | None = None
    models: tuple[ModelPart, ...] = ()
    ledger: OddsLedger = field(default_factory=OddsLedger)
    model_name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def threshold(self) -> float | None:
        """The calibrated probability from which it acts; None where that differs by case."""
        return rule_threshold(self.rule, self.known_costs)

    @property
    def raw_threshold(self) -> float | None:
        """The same on the model's own score, to paste into a service; None where it differs by case.

        Infinite where the policy acts never or always. The score of several models is the average
        of theirs, after what training did to the odds of each was undone.
        """
        if self.threshold is None:
            return None
        score = self.calibrator.invert(self.threshold)
        if not 0 < score < 1:
            return score
        return float(self.ledger_of_score.redo([score])[0])

    @property
    def needs_costs(self) -> bool:
        """Whether ``costs=`` must be passed with every batch of rows to decide on."""
        return isinstance(self.rule, GainRule) and self.known_costs is None

    def score(self, X: Any) -> FloatArray:
        """Calibrated probability of the positive class.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns)
            Columns are matched by name; others may be there.

        Returns
        -------
        probability : array of shape (n_cases,)

        Raises
        ------
        PolicyError
            If the policy has no model.
        DataError
            If a column is missing or holds something else than when the model was fitted.
        """
        if self.learner is None or not self.models:
            lost = f" ({self.model_name} was not saved)" if self.model_name else ""
            raise PolicyError(
                f"this policy holds no model{lost}: compute the scores with yours, and call decide_scores"
            )
        rows = X if self.schema is None else Features(Table(X), self.schema)
        total = sum(part.share for part in self.models)
        mixed = sum(
            part.share * part.ledger.undo(self.learner.score(part.model, rows))
            for part in self.models
        )
        return self.calibrator.apply(np.asarray(mixed) / total)

    def decide(self, X: Any, *, costs: Costs | None = None) -> BoolArray:
        """Whether to act on each case.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns)
            With the columns of the model and those that the costs name.
        costs : CostMatrix or CaseCosts, optional
            Costs of these cases, in place of those the policy knows.

        Returns
        -------
        act : bool array of shape (n_cases,)

        Raises
        ------
        PolicyError
            If there is no model, or costs per case were arrays and none are passed.
        DataError, CostSpecError
            If a column is missing or holds something that cannot be used.

        Warns
        -----
        CostOptWarning
            ``costs-not-read``, if costs are passed and the rule is one cut for all.
        """
        check_same_rows(X=X, costs=costs)
        self._say_if_unread(costs)
        return self._decide(self.score(X), X, costs)

    def decide_scores(
        self, score: ArrayLike, X: Any = None, *, costs: Costs | None = None
    ) -> BoolArray:
        """Whether to act, on the model's own scores, computed elsewhere.

        Parameters
        ----------
        score : array-like of shape (n_cases,)
            As the model gives them, before any correction.
        X : data frame, optional
            The columns that the costs name; not needed where costs are constant.
        costs : CostMatrix or CaseCosts, optional
            Costs of these cases, in place of those the policy knows.

        Returns
        -------
        act : bool array of shape (n_cases,)
        """
        check_same_rows(score=score, X=X, costs=costs)
        self._say_if_unread(costs)
        return self._decide(self.calibrate(score), X, costs)

    def calibrate(self, score: ArrayLike) -> FloatArray:
        """The model's own scores as calibrated probabilities, shape (n_cases,)."""
        given = as_floats(score, "score")
        ledger = self.ledger_of_score
        changes = not self.calibrator.is_identity or ledger.entries
        bad = np.flatnonzero(~((given >= 0) & (given <= 1)) if changes else ~np.isfinite(given))
        if given.ndim != 1 or bad.size:
            found = (
                f"shape {given.shape}" if given.ndim != 1 else f"{given[bad[0]]} in row {bad[0]}"
            )
            raise DataError(f"scores must be probabilities, one per case, got {found}")
        return self.calibrator.apply(
            self.ledger_of_score.undo(given) if self.ledger_of_score.entries else given
        )

    def expected_gain(
        self, probability: ArrayLike, X: Any = None, *, costs: Costs | None = None
    ) -> FloatArray:
        """What acting is expected to save on each case, in `unit`, from calibrated probabilities."""
        check_same_rows(probability=probability, X=X, costs=costs)
        p = as_probabilities(probability, "probability")
        return expected_gain(p, self._known(X, costs, p.size))

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        costs: Costs | None = None,
        groups: Any = None,
        time: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Estimate:
        """What the decisions cost on labelled rows, best on rows that nobody has seen.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns)
            With the columns of the model and those that the costs name, hindsight included.
        y : array-like of shape (n_cases,)
            Labels, named as when the policy was made.
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
        measured = self.measure(
            X, y, costs=costs, groups=groups, time=time, sample_weight=sample_weight
        )
        assert measured.expected_cost is not None  # noqa: S101  # it was just measured
        return measured.expected_cost

    def measure(
        self,
        X: Any,
        y: Any,
        *,
        costs: Costs | None = None,
        groups: Any = None,
        time: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Evidence:
        """The same beside acting never and always on these rows, with what is saved against them.

        Parameters
        ----------
        X, y, costs, groups, time, sample_weight
            As for `evaluate`.

        Returns
        -------
        evidence : Evidence
            With ``expected_cost``, ``savings`` and ``baselines``.
        """
        table = Table(X)
        beside = {"y": y, "costs": costs, "sample_weight": sample_weight}
        check_same_rows(X=table, **beside, groups=groups, time=time)
        labels = self.encode(y)
        n_cases = labels.size
        if n_cases != table.n_rows:
            raise DataError(f"X has {table.n_rows} rows but y has {n_cases} labels")
        probability = self.score(X)
        act = self._decide(probability, X, costs)
        declared = self._present(self.costs if costs is None else costs)
        known = None if costs is not None else self.known_costs
        sample = Sample(
            labels,
            as_case_costs(declared, table, n_cases),
            None if known is None else as_case_costs(known, table, n_cases),
            probability,
            None if sample_weight is None else as_weights(sample_weight, n_cases),
            units_of(n_cases, groups=table.values_of(groups), time=table.values_of(time)),
        )
        return Evidence(
            expected_cost=sample.cost(act),
            savings=sample.savings(act),
            baselines={name: sample.cost(rule) for name, rule in sample.baselines().items()},
            n_cases=sample.n,
            n_positives=sample.count_positives(),
        )

    def encode(self, y: Any) -> BoolArray:
        """Labels as booleans, True for the positive class; unknown ones are refused."""
        return encode_known(y, *self.labels)

    def explain(self) -> str:
        """In words: when it acts, what that costs, how sure that is, and why this rule."""
        rule = rule_in_words(self.threshold, self.raw_threshold, self.labels[1], self.unit)
        lines = [rule, *self.evidence.explain()]
        if self.model_name:
            multiplier = self.ledger_of_score.multiplier
            n_models = len(self.models)
            lines.append(model_in_words(self.model_name, multiplier, self.calibrator, n_models))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        lead, *_ = self.explain().splitlines()
        return panel(
            f"Decision policy, {self.model_name or 'for scores'}", lead, self.evidence._repr_html_()
        )

    def __repr__(self) -> str:
        threshold = self.threshold
        acts = "acts case by case" if threshold is None else f"acts from {threshold:.4g}"
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
        contents = self._model_contents()
        document = to_document(self, contents)
        named = {model_name(content)[0]: content for content in contents}
        write_folder(folder, document, named, overwrite=overwrite)

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
        stored, contents = read_folder(folder)
        try:
            policy = cls(**from_document(stored, contents))
        except PolicyError:
            raise
        except CostOptError as error:
            raise PolicyError(f"policy.json in {folder} declares what cannot be: {error}") from None
        for name in ("threshold", "raw_threshold"):
            told, found = getattr(stored, name), getattr(policy, name)
            same = told is found is None or (
                None not in (told, found) and math.isclose(told, found)
            )
            if not same:
                raise PolicyError(
                    f"policy.json in {folder}: {name} is {told}, but rule, costs and calibration give "
                    f"{found}: the file was edited in part"
                )
        return policy

    @property
    def ledger_of_score(self) -> OddsLedger:
        """What is left to undo in the model's own score; each of several models has its own."""
        if not self.models:
            return self.ledger
        return self.models[0].ledger if len(self.models) == 1 else OddsLedger()

    def _say_if_unread(self, costs: Costs | None) -> None:
        if costs is not None and isinstance(self.rule, CutRule):
            warn(
                "costs-not-read",
                "the rule is a cut that was chosen for the declared costs, so costs= changes no "
                "decision: make the policy with threshold='bayes' to decide by other costs",
            )

    def _decide(self, probability: FloatArray, X: Any, costs: Costs | None) -> BoolArray:
        if isinstance(self.rule, CutRule):
            return np.asarray(probability >= self.rule.threshold)
        return self.rule.decide(probability, self._known(X, costs, probability.size))

    def _known(self, X: Any, costs: Costs | None, n_cases: int) -> CaseCosts:
        """What the rule may know of the costs of some cases."""
        chosen = self._present(self.known_costs if costs is None else costs)
        if X is None or isinstance(chosen, CaseCosts) or chosen.is_constant:
            return as_case_costs(chosen, None, n_cases)  # rows of any kind will do
        return as_case_costs(chosen, X if isinstance(X, Mapping) else Table(X), n_cases)

    @staticmethod
    def _present(costs: Costs | None) -> Costs:
        if costs is None:
            raise PolicyError(
                "this policy was made with costs per case given as arrays, which it cannot compute "
                "for new cases: pass costs=CaseCosts(fp=..., fn=...) for these cases"
            )
        return costs

    def _model_contents(self) -> list[bytes]:
        """The models as bytes; none, with a warning, where there is no safe format."""
        contents = []
        for part in self.models:
            files = None if self.learner is None else self.learner.to_files(part.model)
            if files is None or self.schema is None:
                warn(
                    "model-not-saved",
                    f"{self.model_name} has no file format that is safe to load, so the policy is "
                    "saved without its model: it still decides on scores, decide_scores(score)",
                )
                return []
            contents.append(files["model.json"])
        return contents
