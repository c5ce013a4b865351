"""The four costs as numbers, one for all cases or one per case, and what no costs may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costopt.decision.checks import as_numbers, check_finite, check_unit
from costopt.errors import CostSpecError, DataError, warn
from costopt.inputs.row_labels import check_same_rows, row_labels
from costopt.showing.text import figure, printable

__all__ = ["CELLS", "CaseCosts", "check_regrets", "declared_cell"]

FloatArray = NDArray[np.float64]

CELLS = ("fp", "fn", "tp", "tn")


@dataclass(frozen=True, kw_only=True, eq=False)
class CaseCosts:
    """The four costs as numbers: one for all cases, or one per case.

    Parameters
    ----------
    fp, fn : float or array-like of shape (n_cases,)
        Acting on a negative case (Elkan's c10); not acting on a positive one (c01).
    tp, tn : float or array-like of shape (n_cases,), default=0
        The two right decisions (c11 and c00). A benefit is a negative cost.
    unit : str, default="cost units"
        Currency of all four; shown, never converted.
    index : pandas Index, optional
        Row labels of the cases; those of the cells where they are Series. Costs that carry labels
        are only used beside probabilities, labels and decisions of the same rows.

    Attributes
    ----------
    fp_regret, fn_regret : array of shape () or (n_cases,)
        Extra cost of each error, ``fp - tn`` and ``fn - tp``: all that a decision depends on.

    Raises
    ------
    CostSpecError
        If a cost is no number, or so large that differences overflow.
    DataError
        If a cost per case is not finite or not one-dimensional, or lengths or indexes differ.

    Examples
    --------
    >>> costs = CaseCosts(fp=10, tp=10, fn=[250.0, 40.0], unit="EUR")
    >>> costs.fn_regret
    array([240.,  30.])
    >>> costs.take([1]).fn
    array([40.])
    """

    fp: Any
    fn: Any
    tp: Any = 0.0
    tn: Any = 0.0
    unit: str = "cost units"
    index: Any = field(default=None, repr=False)

    fp_regret: FloatArray = field(init=False, repr=False)
    fn_regret: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_unit(self.unit)
        cells = {cell: getattr(self, cell) for cell in CELLS}
        check_same_rows(**cells)
        for cell, value in cells.items():
            object.__setattr__(self, cell, _frozen_numbers(cell, value))
        lengths = {cell: getattr(self, cell).size for cell in CELLS if getattr(self, cell).ndim}
        if len(set(lengths.values())) > 1:
            raise DataError(f"costs per case must have one length, got {lengths}")
        self._set_index(cells)
        with np.errstate(over="ignore"):
            regrets = {"fp_regret": self.fp - self.tn, "fn_regret": self.fn - self.tp}
        for name, regret in regrets.items():
            if not np.all(np.isfinite(regret)):
                raise CostSpecError(
                    f"the costs are too large: {name.replace('_', ' ')} overflows; use a larger unit"
                )
            regret = np.asarray(regret)
            regret.setflags(write=False)
            object.__setattr__(self, name, regret)

    @property
    def n_cases(self) -> int | None:
        """How many cases the costs are for; None where they hold for every case."""
        sizes = [getattr(self, cell).size for cell in CELLS if getattr(self, cell).ndim]
        return int(sizes[0]) if sizes else None

    @property
    def is_constant(self) -> bool:
        """Whether the same four numbers hold for every case."""
        return self.n_cases is None

    @property
    def magnitude(self) -> float:
        """The largest absolute regret, in `unit`; what a currency is divided by before comparing."""
        return float(
            max(np.abs(self.fp_regret).max(initial=0), np.abs(self.fn_regret).max(initial=0))
        )

    @property
    def by_action(self) -> FloatArray:
        """The costs by case, class and action, shape (n_cases or 1, n_classes, n_actions).

        Classes are negative, positive; actions are leave, act. The regrets are what acting adds
        for a negative case and what leaving adds for a positive one.

        Examples
        --------
        >>> CaseCosts(fp=10, tp=10, fn=250).by_action
        array([[[  0.,  10.],
                [250.,  10.]]])
        """
        table = np.empty((self.n_cases or 1, 2, 2))
        table[:, 0, 0], table[:, 0, 1] = self.tn, self.fp
        table[:, 1, 0], table[:, 1, 1] = self.fn, self.tp
        return table

    def take(self, rows: ArrayLike) -> CaseCosts:
        """The costs of some of the cases, by position or mask; constants stay as they are."""
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            check_same_rows(costs=self, rows=rows)
        index = None if self.index is None else self.index[chosen]
        return self._map(lambda value: value[chosen] if value.ndim else value, index)

    def scaled(self, factor: float) -> CaseCosts:
        """The costs times a positive number: another currency, the same decisions."""
        return self._map(lambda value: value * factor, self.index)

    def explain(self) -> str:
        """What the costs imply, in words."""
        return _explain(self)

    def _map(self, change: Callable[[FloatArray], Any], index: Any) -> CaseCosts:
        cells = {cell: change(getattr(self, cell)) for cell in CELLS}
        return CaseCosts(**cells, unit=self.unit, index=index)

    def _set_index(self, cells: dict[str, Any]) -> None:
        """The index given, or that of the cells; refused where it is of other cases."""
        if self.index is None:
            object.__setattr__(self, "index", row_labels(cells))
            return
        if row_labels(self) is None:
            raise DataError(
                f"index must be that of a data frame, such as X.index, got {self.index!r:.60}"
            )
        if self.is_constant:
            raise DataError("index is for costs per case, but these hold for every case: drop it")
        if len(self.index) != self.n_cases:
            raise DataError(
                f"index must have one label for each of the {self.n_cases} cases, got "
                f"{len(self.index)}: take the same rows"
            )
        check_same_rows(costs=self, **cells)


def check_regrets(costs: CaseCosts) -> None:
    """Refuse costs under which no decision makes sense, and name what is dominated.

    Raises
    ------
    CostSpecError
        If both regrets are negative for every case, or both are zero for every case.

    Warns
    -----
    CostOptWarning
        ``dominated-action`` where one action is never worse for any case;
        ``degenerate-cases`` where that holds for some of the cases.
    """
    act, leave = np.broadcast_arrays(costs.fp_regret, costs.fn_regret)
    if np.all((act == 0) & (leave == 0)):
        raise CostSpecError(
            "all actions cost the same (fp = tn and fn = tp), so there is nothing to decide: "
            "give errors their cost"
        )
    if np.all((act < 0) & (leave < 0)):
        raise CostSpecError(
            "both errors are cheaper than the right decisions (fp < tn and fn < tp): are fp and tn, "
            f"fn and tp swapped? got {_first_cells(costs)}; a benefit is a negative cost"
        )
    for name, dominated, reason in (
        ("not acting", (act <= 0) & (leave >= 0), "fp <= tn"),
        ("acting", (act >= 0) & (leave <= 0), "fn <= tp"),
    ):
        if np.all(dominated):
            warn(
                "dominated-action",
                f"{name} is never cheaper under these costs ({reason}): every decision will be the "
                f"same, whatever the model says; got {_first_cells(costs)}",
            )
            return
    odd = np.flatnonzero((act <= 0) | (leave <= 0))
    if odd.size:
        warn(
            "degenerate-cases",
            f"{odd.size} of {act.size} cases have an error that costs nothing or less (first rows "
            f"{', '.join(map(str, odd[:5]))}): for them the cheaper action is clear without a model",
        )


def _first_cells(costs: CaseCosts) -> str:
    first = {cell: getattr(costs, cell).flat[0] for cell in CELLS}
    where = "" if costs.is_constant else " in the first case"
    return ", ".join(f"{cell}={value:g}" for cell, value in first.items()) + where


def _explain(costs: CaseCosts) -> str:
    unit, act, leave = printable(costs.unit), costs.fp_regret, costs.fn_regret
    if not costs.is_constant:
        return (
            f"Costs of {costs.n_cases:,} cases: a missed positive costs "
            f"{_spread(leave)} {unit} more than a caught one, a false alarm "
            f"{_spread(act)} {unit} more than leaving a negative alone.\n"
            "Act where probability * (fn - tp) >= (1 - probability) * (fp - tn)."
        )
    text = (
        f"A missed positive costs {figure(float(leave), 6)} {unit} more than a caught one, a false alarm "
        f"{figure(float(act), 6)} {unit} more than leaving a negative alone.\n"
    )
    if act == leave == 0:
        return text + "Nothing is at stake: do nothing."
    if act < 0 and leave < 0:
        return text + "Both errors are cheaper than the right decisions: are the cells swapped?"
    if act <= 0 <= leave:
        return text + "Acting is never worse (not acting is dominated): act on every case."
    if leave <= 0 <= act:
        return text + "Not acting is never worse (acting is dominated): never act."
    threshold = 1 / (1 + float(leave) / float(act))
    return text + (
        f"Acting pays from a probability of {figure(threshold)} (the Bayes threshold): a group of cases "
        f"is worth acting on when more than {figure(100 * threshold)} % of them are positive "
        "(break-even precision)."
    )


def _spread(amounts: FloatArray) -> str:
    return f"from {figure(float(amounts.min()))} to {figure(float(amounts.max()))}"


def declared_cell(cell: str, value: Any) -> float | str:
    """A cell as it is kept: a float or the text of a formula."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, str):
        return value
    refused = bool | np.bool_ | complex | np.complexfloating | bytes
    if isinstance(value, refused) or value is None:
        raise CostSpecError(
            f"costs.{cell} must be a number or a formula over columns, got {value!r}"
        )
    if isinstance(value, list | tuple) or np.ndim(value) > 0:
        raise CostSpecError(
            f"costs.{cell} must be one number or a formula over columns, got {type(value).__name__}"
            f"{_shape(value)}: for one cost per case write CaseCosts(fp=..., fn=...)"
        )
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise CostSpecError(
            f"costs.{cell} must be a number or a formula over columns, got {value!r}"
        ) from None
    except OverflowError:
        raise CostSpecError(f"costs.{cell} must be finite, got {value!r:.40}") from None
    if not np.isfinite(number):
        raise CostSpecError(f"costs.{cell} must be finite, got {value!r}")
    return number


def _shape(value: Any) -> str:
    try:
        return f" of shape {np.shape(value)}"
    except ValueError:  # rows of different lengths
        return ""


def _frozen_numbers(cell: str, value: Any) -> FloatArray:
    """A read-only float64 copy of shape () or (n_cases,)."""
    if not isinstance(value, list | tuple) and np.ndim(value) == 0:
        declared = declared_cell(cell, value)
        if isinstance(declared, str):
            raise CostSpecError(
                f"costs.{cell} must be numbers in CaseCosts, got {value!r}: formulas belong in "
                "CostMatrix, whose resolve(X) gives CaseCosts"
            )
        numbers = np.asarray(declared)
    else:
        try:
            numbers = as_numbers(value)
            if _holds_booleans(value):
                raise TypeError
        except (TypeError, ValueError):
            raise DataError(f"costs.{cell} must hold numbers, got {value!r:.60}") from None
        if numbers.ndim != 1:
            raise DataError(
                f"costs.{cell} must have one value per case, got shape {numbers.shape}: pass a "
                "one-dimensional array"
            )
        check_finite(cell, numbers, "")
    numbers.setflags(write=False)
    return numbers


def _holds_booleans(value: Any) -> bool:
    """Whether some cost is True or False, which looks like an answer rather than a cost."""
    if not isinstance(value, list | tuple):
        value = np.asarray(value)
        if value.dtype.kind != "O":
            return bool(value.dtype.kind == "b")
    return any(isinstance(one, bool | np.bool_) for one in value)
