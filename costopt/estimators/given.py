"""What scikit-learn passes to `fit` and `predict` beside rows and labels, as costs and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.errors import CostSpecError, DataError
from costopt.inputs.frames import Table

__all__ = [
    "CellValue",
    "cost_table",
    "declaration",
    "one_core_unless",
    "resolved",
    "those_given",
    "with_cells",
    "without_hindsight",
]

CellValue = float | ArrayLike | None


def those_given(**metadata: Any) -> dict[str, Any]:
    """The arguments that are not None."""
    return {name: value for name, value in metadata.items() if value is not None}


def one_core_unless(given: int | None) -> int:
    """One core where None: whoever runs several fits side by side is in charge of the cores."""
    return 1 if given is None else given


def declaration(costs: Any) -> CostMatrix | None:
    """The constructor's costs; refused where they are for some cases and not for others."""
    if costs is None or isinstance(costs, CostMatrix):
        return costs
    numbers = as_case_costs(costs)
    names = [cell for cell in CELLS if np.ndim(getattr(numbers, cell))]
    if names:
        passed = ", ".join(f"{name}=costs.{name}" for name in names)
        raise CostSpecError(
            f"costs of an estimator must hold for any cases, got {' and '.join(names)} for "
            f"{numbers.n_cases} cases, which could not be split with the folds: pass them to fit, as in "
            f"fit(X, y, {passed}), or declare a formula over a column of X in a CostMatrix"
        )
    cells: dict[str, Any] = {cell: float(getattr(numbers, cell)) for cell in CELLS}
    return CostMatrix(**cells, unit=numbers.unit)


def with_cells(declared: CostMatrix | None, given: Mapping[str, Any], X: Any) -> Costs:
    """The declared costs with some cells replaced: a declaration still, or numbers for each case."""
    if declared is None:
        missing = [cell for cell in ("fp", "fn") if cell not in given]
        if missing:
            raise CostSpecError(
                f"costs is None, so {' and '.join(missing)} must be passed to fit, as numbers or one "
                "per case; or declare costs=CostMatrix(fp=..., fn=...)"
            )
        kind = CaseCosts if any(np.ndim(value) for value in given.values()) else CostMatrix
        return kind(**given)
    if not given:
        return declared
    if declared.hindsight:
        raise CostSpecError(
            f"costs with hindsight ({', '.join(declared.hindsight)}) cannot be mixed with "
            f"{', '.join(given)} for these cases: declare all cells in the CostMatrix"
        )
    if not any(np.ndim(value) for value in given.values()):
        return replace(declared, **given)
    rest: Any = declared
    if any(isinstance(getattr(declared, cell), str) for cell in CELLS if cell not in given):
        nothing: dict[str, Any] = dict.fromkeys(given, 0.0)  # what is replaced need not be there
        read = replace(declared, **nothing)
        rest = resolved(read, X)
    cells = {cell: given.get(cell, getattr(rest, cell)) for cell in CELLS}
    return CaseCosts(**cells, unit=declared.unit)


def resolved(costs: Costs, X: Any, n_cases: int | None = None) -> CaseCosts:
    """Costs of the rows of ``X``, which is looked at only where a formula reads it."""
    return as_case_costs(costs, cost_table(costs, X), n_cases)


def cost_table(costs: Costs, X: Any) -> Table | None:
    """The columns that the costs read; None where they read none."""
    return Table(X) if isinstance(costs, CostMatrix) and costs.columns else None


def without_hindsight(X: Any, declared: CostMatrix | None) -> Any:
    """The columns that a model may see; ``X`` itself unless some are known only in hindsight."""
    if declared is None or not declared.hindsight:
        return X
    names = list(declared.hindsight)
    if not nw.dependencies.is_into_dataframe(X):
        raise DataError(
            f"{', '.join(names)} of the costs is known only in hindsight, so rows to predict come "
            "without: pass data frames, whose columns have names"
        )
    return nw.from_native(X, eager_only=True).drop(names, strict=False).to_native()
