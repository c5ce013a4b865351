"""What a rebalancing method is: one object that holds all there is of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from costopt.decision.case_costs import CaseCosts
from costopt.errors import DataError

if TYPE_CHECKING:
    from costopt.rebalancing.neighbourhood import Neighbourhood

__all__ = ["EFFECTS", "RebalancingMethod", "Reweighting", "TrainingRows"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Effect = Literal["none", "multiplier", "by case", "shape"]
Need = Literal["weights", "neighbours", "costs"]

# What a method does to the probabilities that a model learns.
EFFECTS: dict[Effect, str] = {
    "none": "none: they stay probabilities of the population",
    "multiplier": "the odds are multiplied by one known number, which is undone",
    "by case": "with costs per case, scores say what costs less, not how probable it is; no number "
    "undoes that",
    "shape": "odds and shape change, which no number undoes: calibrated on rows that are real",
}


@dataclass(frozen=True, eq=False)
class Reweighting:
    """Weights for training, and what they do to the odds that a model learns.

    Parameters
    ----------
    sample_weight : array of shape (n_rows,)
        Mean 1: the scale of weights acts on a learner's regularisation, so the currency stays
        out of it.
    odds_multiplier : float or None
        Divide the odds of the model's scores by it to get probabilities of the population.
        None for weights that differ within a class: no single number undoes those.
    source : str
        What the weights came from.
    rows : array of shape (n_rows,), optional
        The rows that are kept, where not all are.
    sampling_ratio : float, optional
        Positives per negative that was reached, where rows were sampled or weighed to a ratio:
        counted in rows, whatever each stands for.
    added : array of shape (n_added, n_features), optional
        Synthetic positives, encoded as the learner's rows are; their weights come last.
    """

    sample_weight: FloatArray
    odds_multiplier: float | None
    source: str
    rows: IntArray | None = None
    sampling_ratio: float | None = None
    added: NDArray[np.floating] | None = None

    @property
    def class_weight(self) -> dict[int, float] | None:
        """Weights by class, for ``class_weight=`` of scikit-learn; None for weights within a class."""
        if self.odds_multiplier is None:
            return None
        return {0: 1.0, 1: self.odds_multiplier}


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What a method may look at: the training rows of one fold, and nothing else.

    Parameters
    ----------
    y : bool array of shape (n_rows,)
    population : array of shape (n_rows,), optional
        How many cases of the population each row stands for.
    costs : CaseCosts, optional
        Of these rows.
    find_neighbours : callable, optional
        Gives the features of these rows; None where costopt cannot read them.
    """

    y: BoolArray
    population: FloatArray | None = None
    costs: CaseCosts | None = None
    find_neighbours: Callable[[], Neighbourhood] | None = None

    @property
    def known_costs(self) -> CaseCosts:
        """The costs, for methods that need them."""
        assert self.costs is not None  # noqa: S101  # who evaluates a candidate knows its costs
        return self.costs

    @property
    def neighbourhood(self) -> Neighbourhood:
        """The features, for methods that need them: whether there are any was asked before."""
        assert self.find_neighbours is not None  # noqa: S101  # see RebalancingMethod.reweight
        return self.find_neighbours()


@dataclass(frozen=True, kw_only=True)
class RebalancingMethod:
    """One way to treat training rows before a learner sees them.

    Pass an object of your own in ``resampling=``, alone or beside names.

    Parameters
    ----------
    name : str
        What it is called in ``resampling=``, and the key of its ratio's trials.
    apply : callable
        ``(rows, sampling_ratio, rng) -> Reweighting``, with `TrainingRows` and a
        `numpy.random.Generator`. It must give the same for the same three.
    effect : {"none", "multiplier", "by case", "shape"}
        What it does to the probabilities that a model learns. ``"by case"``: rows of one class are
        treated by their own costs, so that with costs that differ by case no one number undoes what
        happened to the odds. ``"shape"``: the multiplier alone does not undo it.
    ratio : {"weight_ratio", "sampling_ratio"}, optional
        The parameter that is searched, where the method aims at a ratio of positives per negative: in
        weights, up to what the costs ask for, or in rows, up to balance.
    needs : tuple of {"weights", "neighbours", "costs"}, default=()
        Learners that take weights; features that costopt can read; costs of the rows.
    title : str, optional
        What people call it; ``name`` where None.
    does, helps : str, optional
        What it does, and when it helps.

    Examples
    --------
    >>> from costopt.rebalancing.random import random_over
    >>> twice = RebalancingMethod(
    ...     name="to_one_fifth",
    ...     apply=lambda rows, ratio, rng: random_over(rows.y, 0.2, rng),
    ...     effect="multiplier",
    ... )
    >>> sample = twice.reweight(
    ...     TrainingRows(np.arange(110) < 10), None, np.random.default_rng(0)
    ... )
    >>> sample.odds_multiplier, sample.sampling_ratio
    (2.0, 0.2)
    """

    name: str
    apply: Callable[[TrainingRows, float, np.random.Generator], Reweighting] = field(compare=False)
    effect: Effect
    ratio: Literal["weight_ratio", "sampling_ratio"] | None = None
    needs: tuple[Need, ...] = ()
    title: str = ""
    does: str = ""
    helps: str = ""

    def __str__(self) -> str:
        return self.name

    def reweight(
        self, rows: TrainingRows, sampling_ratio: float | None, rng: np.random.Generator
    ) -> Reweighting:
        """What one trial does to the training rows of one fold.

        Raises
        ------
        DataError
            If it cannot be applied to these rows.
        """
        if "neighbours" in self.needs and rows.find_neighbours is None:
            raise DataError(
                f"{self.name} looks for neighbours, so the rows must be columns that costopt reads: "
                "pass a table rather than rows for an estimator of your own"
            )
        return self.apply(rows, 1.0 if sampling_ratio is None else sampling_ratio, rng)
