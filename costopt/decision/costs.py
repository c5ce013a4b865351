"""What the four outcomes of a yes/no decision cost, as the user declares it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from costopt.decision.case_costs import CELLS, CaseCosts, check_regrets, declared_cell
from costopt.decision.checks import cells_once, check_finite, check_unit, cost_column
from costopt.decision.formula import Formula
from costopt.errors import CostSpecError, DataError, nearest
from costopt.inputs.row_labels import check_same_rows, row_labels
from costopt.showing.overview import Overview, Presentable
from costopt.showing.text import figure, printable

__all__ = ["CostMatrix", "Costs", "as_case_costs"]

Matrix = TypeVar("Matrix")
# The class of the cases that an outcome can happen to.
_OUTCOME_OF = {"fp": 0, "tn": 0, "fn": 1, "tp": 1}


def _by_name(matrix: type[Matrix]) -> type[Matrix]:
    """Refuse cells without a name in a sentence, where Python would count arguments."""
    init = matrix.__init__

    @wraps(init)
    def __init__(self: Any, *cells: Any, **named: Any) -> None:
        if cells:
            raise CostSpecError(
                f"CostMatrix takes its cells by name, got {cells[0]!r:.60}: every library orders a "
                "table of costs differently, so write CostMatrix(fp=..., fn=..., tp=..., tn=...)"
            )
        init(self, **named)

    matrix.__init__ = __init__  # type: ignore[method-assign]  # with the same signature
    return matrix


@_by_name
@dataclass(frozen=True, kw_only=True)
class CostMatrix(Presentable):
    """What each outcome of a decision costs, as the user declares it.

    Parameters
    ----------
    fp, fn : float or str
        Cost of acting on a negative case; cost of not acting on a positive one. A string is
        a formula over columns, such as ``"0.75 * amount + 15"`` (see `Formula`).
    tp, tn : float or str, default=0
        Costs of the two right decisions. A benefit is a negative cost.
    unit : str, default="cost units"
        Currency of all four; shown, never converted.
    hindsight : tuple of str, default=()
        Columns that are known only after the decision, such as a claim's amount. They weigh
        money and training, but no rule and no model sees them.

    Raises
    ------
    CostSpecError
        If a cell is neither a finite number nor a formula, if both errors are cheaper than the
        right decisions (swapped cells), or if nothing that is decided changes any cost.

    Warns
    -----
    CostOptWarning
        ``dominated-action``, where one action is never worse, whatever the case.

    Examples
    --------
    >>> costs = CostMatrix(fn="amount", fp=10, tp=10, unit="EUR")
    >>> costs.resolve({"amount": [250.0, 40.0]}).fn_regret
    array([240.,  30.])
    >>> print(CostMatrix(fn=5, fp=1).explain())
    A missed positive costs 5 cost units more than a caught one, a false alarm 1 cost units more \
than leaving a negative alone.
    Acting pays from a probability of 0.1667 (the Bayes threshold): a group of cases is worth \
acting on when more than 16.67 % of them are positive (break-even precision).
    """

    fp: float | str
    fn: float | str
    tp: float | str = 0.0
    tn: float | str = 0.0
    unit: str = "cost units"
    hindsight: tuple[str, ...] = ()
    _formulas: dict[str, Formula] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_unit(self.unit)
        formulas = {}
        for cell in CELLS:
            value = declared_cell(cell, getattr(self, cell))
            object.__setattr__(self, cell, value)
            if isinstance(value, str):
                try:
                    formulas[cell] = Formula(value)
                except CostSpecError as error:
                    raise CostSpecError(f"costs.{cell}: {error}") from None
        object.__setattr__(self, "_formulas", formulas)
        object.__setattr__(self, "hindsight", self._declared_hindsight())
        if not formulas:
            check_regrets(self.resolve({}))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the formulas read, in order of appearance."""
        return tuple(
            dict.fromkeys(name for formula in self._formulas.values() for name in formula.columns)
        )

    @property
    def is_constant(self) -> bool:
        """Whether all four cells are numbers."""
        return not self._formulas

    def resolve(self, X: Any) -> CaseCosts:
        """The costs of the cases of a table.

        Parameters
        ----------
        X : data frame or mapping
            Anything where ``X[name]`` gives a column; untouched where no cell is a formula.

        Returns
        -------
        costs : CaseCosts
            With the row labels of a pandas ``X``, where a cell is a formula.

        Raises
        ------
        CostSpecError
            If a column is missing.
        DataError
            If a column holds something else than numbers, or a cost comes out not finite.
        """
        cells: dict[str, Any] = {}
        lengths: dict[str, int] = {}
        for cell in CELLS:
            formula = self._formulas.get(cell)
            if formula is None:
                cells[cell] = getattr(self, cell)
                continue
            columns = {name: cost_column(X, cell, name, formula.text) for name in formula.columns}
            lengths |= {name: np.size(column) for name, column in columns.items()}
            if len(set(lengths.values())) > 1:
                raise DataError(f"the columns of the costs must have one length, got {lengths}")
            cells[cell] = formula.evaluate(columns.__getitem__)
            check_finite(cell, cells[cell], f", from the formula {formula.text!r}")
        return CaseCosts(**cells, unit=self.unit, index=self._index_of(X, cells))

    def _index_of(self, X: Any, cells: Mapping[str, Any]) -> Any:
        """The row labels of a table that costs per case are read from."""
        if isinstance(X, Mapping):
            X = {name: X[name] for name in self.columns}
            check_same_rows(**X)
        return row_labels(X) if any(np.ndim(cell) for cell in cells.values()) else None

    def known_beforehand(
        self, resolved: CaseCosts, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> CostMatrix:
        """The same costs with each cell that hindsight touches replaced by its class mean.

        A rule may use these: E[cost | class] is what is left of a cost that is not known yet.

        Parameters
        ----------
        resolved : CaseCosts
            This matrix on the rows of ``y``.
        y : array-like of shape (n_cases,)
            0 or 1.
        sample_weight : array-like of shape (n_cases,), optional

        Returns
        -------
        costs : CostMatrix
        """
        touched = [
            cell
            for cell, formula in self._formulas.items()
            if not set(self.hindsight).isdisjoint(formula.columns)
        ]
        if not touched:
            return self
        check_same_rows(resolved=resolved, y=y, sample_weight=sample_weight)
        labels = np.asarray(y, dtype=bool)
        weight = np.ones(labels.size) if sample_weight is None else np.asarray(sample_weight)
        means = {}
        for cell in touched:
            rows = labels == _OUTCOME_OF[cell]
            if not weight[rows].any():
                raise DataError(
                    f"costs.{cell} is known only in hindsight, so a rule needs its mean over class "
                    f"{_OUTCOME_OF[cell]}, of which there is no case"
                )
            means[cell] = float(np.average(getattr(resolved, cell)[rows], weights=weight[rows]))
        return replace(self, **means, hindsight=())  # type: ignore[arg-type]  # mypy cannot match ** to fields

    def explain(self) -> str:
        """What the costs imply, in words: break-even precision, Bayes threshold, dominated actions."""
        if self.is_constant:
            return self.resolve({}).explain()
        cells = ", ".join(f"{cell} = {printable(str(getattr(self, cell)))}" for cell in CELLS)
        text = (
            f"Costs per case, in {printable(self.unit)}: {cells}.\n"
            "Act where probability * (fn - tp) >= (1 - probability) * (fp - tn)."
        )
        if self.hindsight:
            columns = ", ".join(map(printable, self.hindsight))
            text += f"\nKnown only afterwards: {columns}. Rules use class means instead."
        return text

    def overview(self) -> Overview:
        """The four outcomes as a table of two by two, and what they imply."""

        def cell(words: str, name: str) -> str:
            value = getattr(self, name)
            return f"{words}: {value if isinstance(value, str) else figure(value, 10)}"

        explained = self.explain().splitlines()
        lead = explained[1].split(" (")[0] if self.is_constant else "Costs that differ by case"
        return Overview(
            f"Costs in {self.unit}",
            lead,
            ("", "act", "do not act"),
            (
                ("it is positive", (cell("caught", "tp"), "good"), (cell("missed", "fn"), "bad")),
                (
                    "it is negative",
                    (cell("false alarm", "fp"), "bad"),
                    (cell("left alone", "tn"), "good"),
                ),
            ),
            notes=explained,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them."""
        return {
            **{cell: getattr(self, cell) for cell in CELLS},
            "unit": self.unit,
            "hindsight": list(self.hindsight),
        }

    @classmethod
    def from_dict(cls, declared: Mapping[str, Any]) -> Self:
        """Build from plain values with the constructor's names.

        Raises
        ------
        CostSpecError
            If a name is unknown or missing, or a value is refused by the constructor.

        Examples
        --------
        >>> CostMatrix.from_dict({"fp": 1, "fn": "amount"}).fn
        'amount'
        """
        if not isinstance(declared, Mapping):
            raise CostSpecError(
                f"costs must be a table with fp and fn, got {type(declared).__name__}"
            )
        known = [*CELLS, "unit", "hindsight"]
        for name in declared:
            if name not in known:
                raise CostSpecError(f"costs.{name} is not known: {nearest(name, known)}")
        for cell in ("fp", "fn"):
            if cell not in declared:
                raise CostSpecError(f"costs.{cell} is missing: declare what it costs")
        values = dict(declared)
        if isinstance(values.get("hindsight"), list):
            values["hindsight"] = tuple(values["hindsight"])
        return cls(**values)

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build from the text of one JSON object.

        Raises
        ------
        CostSpecError
            If the text is not JSON, names a cell twice, or declares what is refused.

        Examples
        --------
        >>> CostMatrix.from_json('{"fp": 10, "fn": "amount", "unit": "EUR"}').unit
        'EUR'
        """
        try:
            declared = json.loads(text, object_pairs_hook=cells_once)
        except CostSpecError:
            raise
        except (TypeError, ValueError, RecursionError) as error:
            raise CostSpecError(f"costs are not valid JSON: {error}") from None
        return cls.from_dict(declared)

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Build from the text of a TOML document: its table ``[costs]``, or the whole of it.

        Raises
        ------
        CostSpecError
            If the text is not TOML, or declares what is refused.

        Examples
        --------
        >>> CostMatrix.from_toml('''
        ... [costs]
        ... fn = "0.75 * amount"
        ... fp = 15
        ... ''').fp
        15.0
        """
        try:
            document = tomllib.loads(text)
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            path = not isinstance(text, str) or text.strip().endswith(".toml")
            hint = ": pass its text, Path(...).read_text()" if path else ""
            raise CostSpecError(f"costs are not valid TOML ({error}){hint}") from None
        return cls.from_dict(document.get("costs", document))

    def _declared_hindsight(self) -> tuple[str, ...]:
        given: Any = (self.hindsight,) if isinstance(self.hindsight, str) else self.hindsight
        if not isinstance(given, tuple | list | set | frozenset):
            raise CostSpecError(
                f"costs.hindsight must name columns, such as ('claim',), got {given!r}"
            )
        names = tuple(given)
        for name in names:
            if name not in self.columns:
                raise CostSpecError(
                    f"costs.hindsight names {name!r}, which no cell reads: "
                    f"{nearest(name, self.columns) if self.columns else 'every cell is a number'}"
                )
        return names


Costs = CostMatrix | CaseCosts


def as_case_costs(costs: Costs, X: Any = None, n_cases: int | None = None) -> CaseCosts:
    """The costs of the cases at hand, whichever of the two types is given.

    Parameters
    ----------
    costs : CostMatrix or CaseCosts
    X : data frame or mapping, optional
        Columns for the formulas of a `CostMatrix`.
    n_cases : int, optional
        How many cases there are; costs for another number are refused.

    Raises
    ------
    CostSpecError
        If ``costs`` is neither type, or a formula lacks its column.
    DataError
        If the costs are for another number of cases.
    """
    if isinstance(costs, CostMatrix):
        if X is None and not costs.is_constant:
            raise CostSpecError(
                f"the costs are formulas over {', '.join(map(repr, costs.columns))}: pass the table "
                "that has these columns, or costs.resolve(table)"
            )
        resolved = costs.resolve(X)
    elif isinstance(costs, CaseCosts):
        resolved = costs
    else:
        shape = (
            f" of shape {np.shape(costs)}" if isinstance(costs, np.ndarray | list | tuple) else ""
        )
        raise CostSpecError(
            f"costs must be a CostMatrix or CaseCosts with named cells, got {type(costs).__name__}"
            f"{shape}: every library orders such numbers differently, so write "
            "CostMatrix(fp=..., fn=...) or, for one cost per case, CaseCosts(fp=..., fn=...)"
        )
    if n_cases is not None and resolved.n_cases not in (None, n_cases):
        raise DataError(
            f"the costs are for {resolved.n_cases} cases but there are {n_cases}: take the same rows "
            "of both"
        )
    return resolved
