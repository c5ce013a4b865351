"""From a row to its calibrated probability: the models of a policy, and what corrects their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.calibration.base import CalibrationMap
from costopt.calibration.identity import IdentityMap
from costopt.decision.odds import OddsLedger
from costopt.errors import DataError, PolicyError
from costopt.inputs.frames import Table
from costopt.inputs.row_labels import check_same_rows
from costopt.inputs.schema import Schema
from costopt.learners.protocol import Features, Learner
from costopt.policy.cases import Codes, check_scores

__all__ = ["ModelPart", "Scorer"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelPart:
    """One model of a policy, with its share of the averaged probability and its own ledger."""

    model: Any
    ledger: OddsLedger = field(default_factory=OddsLedger)
    share: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Scorer:
    """Gives new rows the probabilities that the evaluation gave its own: score, odds, calibration.

    Parameters
    ----------
    calibrator : CalibrationMap
    schema : Schema, optional
        Features by name; None without a model.
    learner : Learner, optional
        Knows how to score with the models.
    models : tuple of ModelPart
        Empty where scores are computed elsewhere.
    ledger : OddsLedger
        What the training of a model that scores elsewhere did to the odds.
    model_name : str
    """

    calibrator: CalibrationMap = field(default_factory=IdentityMap)
    schema: Schema | None = None
    learner: Learner | None = None
    models: tuple[ModelPart, ...] = ()
    ledger: OddsLedger = field(default_factory=OddsLedger)
    model_name: str = ""

    @cached_property
    def codes(self) -> Codes:
        """The features by name, with the codes of their categories, to read one record by.

        Empty where cells have readings of their own, which are the table's to know.
        """
        schema = self.schema
        features = () if schema is None or _has_readings(schema) else schema.features
        return tuple(
            (
                each.name,
                None
                if each.categories is None
                else {value: code for code, value in enumerate(each.categories)},
            )
            for each in features
        )

    @property
    def ledger_of_score(self) -> OddsLedger:
        """What is left to undo in the model's own score; each of several models has its own."""
        if not self.models:
            return self.ledger
        return self.models[0].ledger if len(self.models) == 1 else OddsLedger()

    def raw_score(self, X: Any) -> FloatArray:
        """The model's own score, before any correction: what ``score=`` of the other methods takes.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns)
            Columns are matched by name; others may be there.

        Returns
        -------
        score : array of shape (n_cases,)
            Of several models, the average of theirs after what training did to the odds of each
            was undone.

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
                f"this policy holds no model{lost}: compute the scores with yours, and pass score="
            )
        if X is None:
            raise DataError("there are no cases to score: pass rows X, or scores as score=")
        is_table = isinstance(X, list) and len(X) > 0 and isinstance(X[0], Mapping)
        if isinstance(X, list | np.ndarray) and np.ndim(X[:1]) == 1 and not is_table:
            raise DataError(
                "X must have rows and columns, got one value per case: pass scores as score=, or "
                "Reshape your data with X.reshape(-1, 1) where it is one feature"
            )
        read = self.schema is None or isinstance(X, Features)
        rows = X if read or self.schema is None else Features(Table(X), self.schema)
        scores = [self.learner.score(part.model, rows) for part in self.models]
        if len(scores) == 1:
            return np.asarray(scores[0], dtype=np.float64)
        total = sum(part.share for part in self.models)
        undone = zip(self.models, scores, strict=True)
        return np.asarray(sum(part.share * part.ledger.undo(raw) for part, raw in undone)) / total

    def table(self, X: Any) -> Table:
        """Rows whose costs are read as the features were, one row like many."""
        return Table(X).read_as({} if self.schema is None else self.schema.decimals)

    def raw_score_at(self, probability: float) -> float:
        """The lowest of the model's own scores from which a calibrated probability is reached.

        Infinite where every score reaches it, or none.
        """
        score = self.calibrator.invert(probability)
        return float(self.ledger_of_score.redo([score])[0]) if 0 < score < 1 else score

    def probability(self, X: Any = None, *, score: ArrayLike | None = None) -> FloatArray:
        """Calibrated probability of the positive class.

        Parameters
        ----------
        X : data frame or array-like of shape (n_cases, n_columns), optional
            Columns are matched by name; others may be there. Not read where ``score`` is given.
        score : array-like of shape (n_cases,), optional
            The model's own scores, computed elsewhere, as `raw_score` gives them.

        Returns
        -------
        probability : array of shape (n_cases,)

        Raises
        ------
        PolicyError
            If the policy has no model and no scores are given.
        DataError
            If scores are outside [0, 1], or a column is missing or holds something else than when
            the model was fitted.
        """
        check_same_rows(X=X, score=score)
        raw = self.raw_score(X) if score is None else check_scores(score, X)
        ledger = self.ledger_of_score
        return self.calibrator.apply(ledger.undo(raw) if ledger.entries else raw)


def _has_readings(schema: Schema) -> bool:
    """Whether some values are missing, or dates, because somebody said so."""
    return bool(schema.missing) or any(each.date_format for each in schema.features)
