"""Displays of scores, searches and comparisons: `from costopt.plotting import CostCurveDisplay`.

The room's public face: each name is loaded when it is first used, and matplotlib when it draws.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costopt.plotting.calibration import CostCalibrationDisplay as CostCalibrationDisplay
    from costopt.plotting.comparison import ComparisonDisplay as ComparisonDisplay
    from costopt.plotting.gain import GainDisplay as GainDisplay
    from costopt.plotting.progress import SearchProgressDisplay as SearchProgressDisplay
    from costopt.plotting.ratio import CostRatioDisplay as CostRatioDisplay
    from costopt.plotting.scores import ScoreDistributionDisplay as ScoreDistributionDisplay
    from costopt.plotting.threshold import CostCurveDisplay as CostCurveDisplay
    from costopt.plotting.tradeoff import TradeoffDisplay as TradeoffDisplay

_HOMES = {
    "ComparisonDisplay": "comparison",
    "CostCalibrationDisplay": "calibration",
    "CostCurveDisplay": "threshold",
    "CostRatioDisplay": "ratio",
    "GainDisplay": "gain",
    "ScoreDistributionDisplay": "scores",
    "SearchProgressDisplay": "progress",
    "TradeoffDisplay": "tradeoff",
}
__all__ = list(_HOMES)  # type checkers read the imports above


def __getattr__(name: str) -> Any:
    """Load a display when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"costopt.plotting.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'costopt.plotting' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
