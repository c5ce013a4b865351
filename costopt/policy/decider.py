"""What a policy decides on new cases: each alone, or as many of a batch as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.capacity import fit_into
from costopt.decision.case_costs import CaseCosts
from costopt.decision.costs import CostMatrix, Costs
from costopt.decision.promises import Guarantee
from costopt.decision.rules import Rule, expected_gain
from costopt.errors import DataError
from costopt.inputs.row_labels import check_same_rows
from costopt.policy.batches import displaced, fit, refuse_capacity
from costopt.policy.cases import CaseFeatures, one_row, record_of
from costopt.policy.costs import costs_of_cases, costs_of_record, present, say_if_unread
from costopt.policy.decisions import (
    COLUMNS,
    DISPLACED,
    Decision,
    columns_to_keep,
    decided,
    decision_frame,
)
from costopt.policy.scoring import Scorer

__all__ = ["Decider"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Decider(Scorer):
    """Decides on new rows by their probabilities and costs.

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
    guarantee : Guarantee or None
        What is promised of its threshold.
    """

    rule: Rule
    costs: CostMatrix | None
    known_costs: CostMatrix | None
    unit: str
    guarantee: Guarantee | None = None

    @property
    def threshold(self) -> float | None:
        """The calibrated probability from which it acts; None where that differs by case."""
        return self.rule.threshold_for(self.known_costs)

    @property
    def raw_threshold(self) -> float | None:
        """The same on the model's own score, to paste into a service; None where it differs by case.

        Infinite where the policy acts never or always. The score of several models is the average
        of theirs, after what training did to the odds of each was undone.
        """
        return None if self.threshold is None else self.raw_score_at(self.threshold)

    @property
    def needs_costs(self) -> bool:
        """Whether ``costs=`` must be passed with every batch of rows to decide on."""
        return self.rule.reads_costs and self.known_costs is None

    def decide(
        self,
        X: Any = None,
        *,
        score: ArrayLike | None = None,
        costs: Costs | None = None,
        capacity: int | None = None,
    ) -> BoolArray:
        """Whether to act on each case.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns), optional
            With the columns of the model, unless ``score`` is given, and those that the costs
            name. None will do where scores are given and costs are constant.
        score : array-like of shape (n_cases,), optional
            The model's own scores, computed elsewhere, as `raw_score` gives them.
        costs : CostMatrix or CaseCosts, optional
            Costs of these cases, in place of those the policy knows.
        capacity : int, optional
            How many of these cases can be acted on: those of the largest expected gain are. A
            decision then depends on the other cases.

        Returns
        -------
        act : bool array of shape (n_cases,)

        Raises
        ------
        PolicyError
            If there is neither model nor scores, or costs per case were arrays and none are passed.
        DataError, CostSpecError
            If a column is missing or holds something that cannot be used.

        Warns
        -----
        CostOptWarning
            ``costs-not-read``, if costs are passed and the rule is one threshold for all, and
            ``promise-displaced``, if the capacity leaves out cases of a policy that promises limits.
        """
        check_same_rows(X=X, score=score, costs=costs)
        say_if_unread(self.rule, costs)
        probability = self.probability(X, score=score)
        act = self._decide(probability, X, costs)
        if capacity is None:
            return act
        gain = expected_gain(probability, self._known(X, costs, act.size))
        return fit(act, gain, capacity, self.guarantee)

    def shadow_price(
        self,
        X: Any = None,
        *,
        score: ArrayLike | None = None,
        costs: Costs | None = None,
        capacity: int,
    ) -> float:
        """What room for one more is worth, in `unit`; 0 if all fit. Arguments as for `decide`."""
        found = self._decisions(X, score, costs)
        return fit_into(found["action"] == "act", found["expected_gain"], capacity).shadow_price

    def decide_frame(
        self,
        X: Any = None,
        *,
        score: ArrayLike | None = None,
        costs: Costs | None = None,
        capacity: int | None = None,
        keep: str | Sequence[str] = (),
    ) -> Any:
        """Decisions and what they stand on, as a table of the same kind as ``X``.

        The model scores once.

        Parameters
        ----------
        X, score, costs, capacity
            As for `decide`.
        keep : "all", str or sequence of str, default=()
            Columns of ``X`` to put in front of the decisions.

        Returns
        -------
        decisions : data frame
            Columns ``probability`` (calibrated), ``action`` (``"act"`` or ``"leave"``) and
            ``expected_gain`` (of acting, in `unit`); with a capacity also ``displaced``, whether a
            case was left out for want of room. pandas with the index of ``X``, else polars,
            pyarrow and so on as ``X`` is; pandas for arrays.

        Raises
        ------
        PolicyError, DataError, CostSpecError
            As for `decide`; also if a column to keep is not there or has a name of the decisions.

        Warns
        -----
        CostOptWarning
            As for `decide`.
        """
        names = COLUMNS if capacity is None else (*COLUMNS, DISPLACED)
        kept = columns_to_keep(X, keep, names)
        found = self._decisions(X, score, costs)
        if capacity is not None:
            found |= displaced(found, capacity, self.guarantee)
        return decision_frame(X, score, kept, found)

    def decide_one(
        self,
        record: Any = None,
        *,
        score: float | None = None,
        costs: Costs | None = None,
        capacity: None = None,
    ) -> Decision:
        """The decision on one case, the same as `decide_frame` on a table of one row.

        Parameters
        ----------
        record : mapping of str to value, or table of one row, optional
            The case by column names.
        score : float, optional
            The model's own score of the case, computed elsewhere.
        costs : CostMatrix or CaseCosts, optional
            Costs of this case, in place of those the policy knows.
        capacity : None
            Refused: which cases fit into a capacity depends on the others of their batch.

        Returns
        -------
        decision : Decision

        Raises
        ------
        PolicyError, DataError, CostSpecError
            As for `decide`; also if ``record`` is not one case.

        Warns
        -----
        CostOptWarning
            As for `decide`.
        """
        refuse_capacity(capacity)
        found = self._decision_of(record) if score is None and costs is None else None
        if found is None:
            row = one_row(record)
            found = self._decisions(row, None if score is None else np.ravel([score]), costs)
        if found["probability"].size != 1:
            raise DataError("score must be that of one case: use decide_frame for several")
        return Decision(**{name: values.item() for name, values in found.items()})

    def _decisions(
        self, X: Any, score: ArrayLike | None, costs: Costs | None
    ) -> dict[str, NDArray[Any]]:
        """The columns of `decide_frame`."""
        check_same_rows(X=X, score=score, costs=costs)
        say_if_unread(self.rule, None if self.known_costs is None else costs)  # the gain reads them
        probability = self.probability(X, score=score)
        act = self._decide(probability, X, costs)
        return decided(probability, act, self._known(X, costs, probability.size))

    def _decision_of(self, record: Any) -> dict[str, NDArray[Any]] | None:
        """The same for one record by the policy's own model and costs; None if that takes a table."""
        given = record_of(record)
        if given is None or self.schema is None or self.known_costs is None or not self.models:
            return None
        case = costs_of_record(self.known_costs, given)
        features = CaseFeatures.of_record(given, self.schema, self.codes)
        if case is None or features is None:
            return None
        probability = self.probability(features)
        return decided(probability, self.rule.decide(probability, case), case)

    def _decide(self, probability: FloatArray, X: Any, costs: Costs | None) -> BoolArray:
        known = self._known(X, costs, probability.size) if self.rule.reads_costs else None
        return self.rule.decide(probability, known)

    def _known(self, X: Any, costs: Costs | None, n_cases: int) -> CaseCosts:
        """What the rule may know of the costs of some cases."""
        chosen = present(self.known_costs if costs is None else costs)
        return costs_of_cases(chosen, X, n_cases, self.table)
