"""What a configuration file says: settings of commands by the names of their options, and costs."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costopt.errors import CostSpecError, StoreError, nearest

if TYPE_CHECKING:
    from costopt.decision.costs import CostMatrix

__all__ = ["declared_costs", "number_or_formula", "read_config"]

CELLS = ("fp", "fn", "tp", "tn")
COSTS = (*CELLS, "unit", "hindsight")


def declared_costs(in_file: Mapping[str, Any], given: Mapping[str, Any]) -> CostMatrix:
    """The costs of a configuration file, and cell by cell those that were given over them.

    Parameters
    ----------
    in_file : mapping
        As `read_config` returns them.
    given : mapping of str to str or None
        The texts of the options ``fp``, ``fn``, ``tp``, ``tn``, ``unit``, and the list
        ``hindsight``.

    Raises
    ------
    CostSpecError
        If a cost is missing or not usable.

    Examples
    --------
    >>> nothing = dict.fromkeys(("fp", "tp", "tn", "unit", "hindsight"))
    >>> declared_costs({"fn": 3, "fp": 1}, {**nothing, "fn": "2 * amount"}).fn
    '2 * amount'
    """
    from costopt.decision.costs import CostMatrix

    costs = dict(in_file)
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


def read_config(
    path: Path, command: str, options: Mapping[str, Collection[str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a TOML file holds for one command, its names checked.

    The table ``[costs]`` holds costs, a table named as a command that command's options, and what
    stands above the tables holds for every command that has such an option. A command's own table
    wins.

    Parameters
    ----------
    path : Path
    command : str
    options : mapping of str to collection of str
        The names of the options of every command.

    Returns
    -------
    settings : dict
        Values by the name of the option, costs left out.
    costs : dict
        What is declared of ``fp``, ``fn``, ``tp``, ``tn``, ``unit`` and ``hindsight``.

    Raises
    ------
    CostSpecError, StoreError
        If the file cannot be read, is not TOML, or holds a name that is not known.
    """
    document = _read(path)
    shared = set().union(*options.values()) - set(COSTS)
    settings: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in document.items():
        if name == "costs":
            continue
        if name in options and (isinstance(value, dict) or name not in shared):
            table = _table(path, name, value, options[name])
            own = table if name == command else own
        elif name in shared:
            settings |= {name: value} if name in options[command] else {}
        else:
            hint = (
                f"it belongs under [costs] as {name}"
                if name in COSTS
                else nearest(name, ["costs", *options, *sorted(shared)])
            )
            raise CostSpecError(f"{path}: {name} is not known: {hint}")
    costs = _table(path, "costs", document.get("costs", {}), COSTS)
    costs |= {name: own.pop(name) for name in COSTS if name in own}
    names = costs.get("hindsight", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CostSpecError(f"{path}: costs.hindsight must be a list of columns, got {names!r}")
    return settings | own, costs


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise StoreError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise CostSpecError(f"{path} is not valid TOML: {error}") from None


def _table(path: Path, name: str, table: Any, known: Collection[str]) -> dict[str, Any]:
    """A copy of a table of the file, if it is one of known names."""
    if not isinstance(table, dict):
        raise CostSpecError(f"{path}: {name} must be a table, [{name}], got {table!r}")
    for key in table:
        if key not in known:
            raise CostSpecError(f"{path}: {name}.{key} is not known: {nearest(key, sorted(known))}")
    return dict(table)


def number_or_formula(text: str) -> float | str:
    """A number where the text is one, else the text.

    Examples
    --------
    >>> number_or_formula("12.5"), number_or_formula("0.75 * amount")
    (12.5, '0.75 * amount')
    """
    try:
        return float(text)
    except ValueError:
        return text
