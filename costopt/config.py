"""Costs as the command line is told them: options over a configuration file, cell by cell."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costopt.errors import CostSpecError, StoreError, nearest

if TYPE_CHECKING:
    from costopt.decision.costs import CostMatrix

__all__ = ["declared_costs", "number_or_formula"]

CELLS = ("fp", "fn", "tp", "tn")
CONFIG_KEYS = (*CELLS, "unit", "hindsight")


def declared_costs(given: Mapping[str, Any]) -> CostMatrix:
    """The costs of the configuration file, and cell by cell those of the command line over them.

    Raises
    ------
    CostSpecError, StoreError
        If a cost is missing or not usable, or the file is not.
    """
    from costopt.decision.costs import CostMatrix

    costs = {} if given["config"] is None else _read_config(given["config"])
    costs |= {cell: number_or_formula(given[cell]) for cell in CELLS if given[cell] is not None}
    costs |= {"unit": given["unit"]} if given["unit"] is not None else {}
    costs |= {"hindsight": given["hindsight"]} if given["hindsight"] else {}
    missing = [cell for cell in ("fn", "fp") if cell not in costs]
    if missing:
        what = {"fn": "a missed positive", "fp": "a false alarm"}[missing[0]]
        raise CostSpecError(
            f"{' and '.join(f'--{cell}' for cell in missing)} must be given: say what {what} costs, "
            f"as in --{missing[0]} 500, or under [costs] in a --config file"
        )
    return CostMatrix.from_dict(costs)


def _read_config(path: Path) -> dict[str, Any]:
    """The table ``[costs]`` of a TOML file, its keys checked."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise StoreError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CostSpecError(f"{path} is not valid TOML: {error}") from None
    for name in document:
        if name != "costs":
            inside = f"it belongs under [costs] as {name}" if name in CONFIG_KEYS else ""
            raise CostSpecError(
                f"{path}: {name} is not known: {inside or nearest(name, ['costs'])}"
            )
    costs = document.get("costs", {})
    if not isinstance(costs, dict):
        raise CostSpecError(f"{path}: costs must be a table, [costs], got {costs!r}")
    for name in costs:
        if name not in CONFIG_KEYS:
            raise CostSpecError(f"{path}: costs.{name} is not known: {nearest(name, CONFIG_KEYS)}")
    names = costs.get("hindsight", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CostSpecError(f"{path}: costs.hindsight must be a list of columns, got {names!r}")
    return costs


def number_or_formula(text: str) -> float | str:
    """A number where the text is one, else the text."""
    try:
        return float(text)
    except ValueError:
        return text
