"""What the rule of a policy may know of the costs of new cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from costopt.decision.case_costs import CELLS, CaseCosts
from costopt.decision.costs import CostMatrix, Costs, as_case_costs
from costopt.decision.formula import Formula
from costopt.decision.rules import Rule
from costopt.errors import PolicyError, warn
from costopt.inputs.frames import Table
from costopt.policy.cases import number_of

__all__ = ["check_costs", "costs_of_cases", "costs_of_record", "present", "say_if_unread"]


def check_costs(costs: CostMatrix | None, known: CostMatrix | None, unit: str) -> None:
    """Refuse costs of a rule that are not those declared, but for what only hindsight knows.

    Raises
    ------
    PolicyError
    """
    if costs is None or known is None:
        if costs is not known:
            raise PolicyError("costs and known_costs must both be given, or neither")
        return
    if not costs.unit == known.unit == unit:
        raise PolicyError(
            f"costs, known_costs and the policy must have one unit, got {costs.unit!r}, "
            f"{known.unit!r} and {unit!r}"
        )
    for cell in CELLS:
        declared, used = getattr(costs, cell), getattr(known, cell)
        columns = Formula(declared).columns if isinstance(declared, str) else ()
        hidden = not set(costs.hindsight).isdisjoint(columns)
        if isinstance(used, str) if hidden else used != declared:
            raise PolicyError(
                f"known_costs.{cell} contradicts costs.{cell}, got {used!r:.60} for {declared!r:.60}"
            )


def present(costs: Costs | None) -> Costs:
    """The costs, where there are any.

    Raises
    ------
    PolicyError
    """
    if costs is None:
        raise PolicyError(
            "this policy was made with costs per case given as arrays, which it cannot compute "
            "for new cases: pass costs=CaseCosts(fp=..., fn=...) for these cases"
        )
    return costs


def say_if_unread(rule: Rule, costs: Costs | None) -> None:
    """Say that costs of these cases change no decision, where the rule is one threshold for all."""
    if costs is not None and not rule.reads_costs:
        warn(
            "costs-not-read",
            "the rule is one threshold that was chosen for the declared costs, so costs= changes no "
            "decision: make the policy with threshold='bayes' to decide by other costs",
        )


def costs_of_cases(
    costs: Costs, X: Any, n_cases: int, table_of: Callable[[Any], Table]
) -> CaseCosts:
    """The costs of some cases; rows of any kind will do where no formula reads them."""
    if X is None or isinstance(costs, CaseCosts) or costs.is_constant:
        return as_case_costs(costs, None, n_cases)
    return as_case_costs(costs, X if isinstance(X, Mapping) else table_of(X), n_cases)


def costs_of_record(costs: CostMatrix, record: Mapping[str, Any]) -> CaseCosts | None:
    """The costs of one record; None where it takes a table to read them."""
    if costs.is_constant:
        return _of_every_case(costs)
    found = {name: number_of(record.get(name)) for name in costs.columns}
    if any(number is None or np.isnan(number) for number in found.values()):
        return None
    return costs.resolve({name: np.array([number]) for name, number in found.items()})


@lru_cache(maxsize=64)
def _of_every_case(costs: CostMatrix) -> CaseCosts:
    return costs.resolve({})
