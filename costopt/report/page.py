"""One self-contained page for the person who decides: what to do, what it saves, how sure that is."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from costopt.errors import DataError, StoreError, check_path
from costopt.evaluation.operating import MIN_ROWS
from costopt.policy.files import write_atomically
from costopt.policy.policy import DecisionPolicy
from costopt.report.facts import facts_of
from costopt.showing.overview import rows_of
from costopt.showing.text import MISSING, figure, fixed, money, percent, printable

__all__ = ["write_report"]

TEMPLATES = Path(__file__).with_name("templates")


def write_report(
    found: Any,
    path: str | PathLike[str],
    *,
    cases_a_day: float = 1000,
    title: str = "Decision report",
    about: Mapping[str, str] | None = None,
) -> None:
    """Write one HTML file that opens anywhere, without a network: the answer, and a way to try others.

    A slider for the threshold and fields for the costs recompute money, alerts, precision and
    recall in the page, from the exact curve that the policy keeps. All else works without JavaScript.

    Parameters
    ----------
    found : SearchResult, Comparison or DecisionPolicy
        Of a comparison, its cheapest strategy is what the page recommends.
    path : path
        Its folder must be there; a file that is there is replaced, whole or not at all.
    cases_a_day : float, default=1000
        What money and alerts are given for; a field in the page changes it.
    title : str, default="Decision report"
    about : mapping of str to str, optional
        What readers need to know of the decision, by heading:
        ``{"Acting means": "an analyst calls the customer", "Rows": "payments of March 2024"}``.

    Raises
    ------
    DataError
        If there is nothing to report on, or ``cases_a_day`` is not a number above 0.
    StoreError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from costopt import CostMatrix, choose_threshold
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(500)
    >>> y = (rng.random(500) < score).astype(int)
    >>> policy = choose_threshold(y, score, CostMatrix(fp=1, fn=3, unit="EUR"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(policy, Path(folder) / "report.html")
    ...     (Path(folder) / "report.html").stat().st_size < 1_000_000
    True
    """
    number = isinstance(cases_a_day, int | float) and not isinstance(cases_a_day, bool)
    if not number or not 0 < cases_a_day <= 1e12:
        raise DataError(
            f"cases_a_day must be a number above 0 and at most 1e12, got {cases_a_day!r}"
        )
    told = {str(name): str(text) for name, text in (about or {}).items()}
    content = _render(_context(found, float(cases_a_day), title, told))
    target = check_path(path)
    if not target.parent.is_dir():
        raise StoreError(f"{target.parent} is not a folder: make it first, or choose another path")
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise StoreError(f"{target} is not a plain file: choose another path for the report")
    try:
        write_atomically(target, content.encode())
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from error


def _context(found: Any, cases: float, title: str, about: Mapping[str, str]) -> dict[str, Any]:
    """What the template shows, whichever of the three kinds was found."""
    nothing: dict[str, Any] = {
        "strategies": [], "skipped": {}, "advice": [], "tied": "", "best": "", "search": {}, "n_cases": 0,
    }  # fmt: skip
    beside: dict[str, Any] = {}
    if isinstance(found, DecisionPolicy):
        policy = found
    elif hasattr(found, "results") and hasattr(found, "baselines"):
        policy = found.policy(found.best)
        beside = _of_comparison(found, cases)
    elif isinstance(getattr(found, "policy", None), DecisionPolicy):
        policy = found.policy
        beside = _of_search(found)
    else:
        raise DataError(
            "a report is written on a SearchResult, a Comparison or a DecisionPolicy, got "
            f"{type(found).__name__}: pass what optimize, compare or choose_threshold returned"
        )
    per = f"{cases:,.15g}"
    return {**nothing, **facts_of(policy, cases, about), **beside, "title": title, "per": per}


def _of_search(result: Any) -> dict[str, Any]:
    return {
        "search": {
            "Trials": f"{result.n_trials:,}",
            "Why this model": result.reason,
            "Cost per case on the rows it was selected on": (
                f"{figure(result.apparent_cost)} {result.expected_cost.unit}"
            ),
        }
    }


def _of_comparison(comparison: Any, cases: float) -> dict[str, Any]:
    results = comparison.results
    costs = {one.title: one.expected_cost for one in results}
    chosen = comparison[comparison.best].title
    rows = [
        {
            **vars(row),
            "description": one.description,
            "saves": percent(one.savings.value, 1),
            "cheapest": one.name == comparison.cheapest,
            "above": money(cases * one.difference.value),
            "above_interval": one.difference.interval_text(cases, write=money),
            "recall": percent(one.metrics.get("recall", math.nan), 1),
            "alerts": fixed(cases * one.metrics.get("alert_share", math.nan), 1),
        }
        for row, one in zip(
            rows_of(costs, chosen=chosen, times=cases, write=money), results, strict=True
        )
    ]
    tied = [one.name for one in results if one.tied and one.name != comparison.cheapest]
    statements = getattr(comparison.advice, "statements", ())
    return {
        "strategies": rows,
        "best": comparison.best,
        "skipped": dict(comparison.skipped),
        "advice": [{"text": one.text, "reason": one.reason} for one in statements],
        "tied": f"Statistically tied with the cheapest: {', '.join(tied)}." if tied else "",
        "n_cases": comparison.n_cases,
    }


def _render(context: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def as_text(value: Any) -> Any:
        """Control characters and line breaks of the data as text; what is safe HTML as it is."""
        return (
            printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        )

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=as_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _source("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts: dict[str, Any] = {
        "style": Markup(_source("report.css").strip()),
        "script": Markup(script),
        "script_hash": f"sha256-{digest}",
        "missing": MISSING,
        "data": "",
    }
    curve = context["curve"]
    if curve is not None:
        names = ("left", "right", "top", "bottom", "x")
        picture = {name: curve["picture"][name] for name in names}
        data = {
            **curve["data"],
            "picture": picture,
            "unit": printable(context["unit"]),
            "cases_a_day": context["cases_a_day"],
            "min_rows": MIN_ROWS,
        }
        parts["data"] = Markup(_script_json(data))
    return environment.get_template("report.html").render({**context, **parts})


def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _script_json(value: Any) -> str:
    """JSON that no text in it can end the script element around it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
