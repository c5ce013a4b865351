"""The maps there are: the only place beside a map's own file that names it."""

from __future__ import annotations

from typing import Literal

from costopt.calibration.base import CalibrationMap
from costopt.calibration.beta import BetaMap
from costopt.calibration.identity import IdentityMap
from costopt.calibration.isotonic import IsotonicMap
from costopt.calibration.platt import PlattMap
from costopt.errors import check_choice

__all__ = ["MAPS", "CalibrationKind", "CalibrationName", "how_to_calibrate", "map_of"]

CalibrationName = Literal["platt", "beta", "isotonic", "none"]
# What an argument takes: the name of a map, or the class of one's own.
CalibrationKind = CalibrationName | type[CalibrationMap]

MAPS: dict[CalibrationName, type[CalibrationMap]] = {
    "platt": PlattMap,
    "beta": BetaMap,
    "isotonic": IsotonicMap,
    "none": IdentityMap,
}


def map_of(calibration: CalibrationKind) -> type[CalibrationMap]:
    """The class of a map, by its name or as it is given.

    Raises
    ------
    DataError
        If it is neither.

    Examples
    --------
    >>> map_of("isotonic").positives_needed
    1000
    """
    if isinstance(calibration, type) and issubclass(calibration, CalibrationMap):
        return calibration
    check_choice("calibration", calibration, tuple(MAPS))
    return MAPS[calibration]


def how_to_calibrate() -> str:
    """How each map is applied by hand, by its kind."""
    return "; ".join(f"of kind {kind}: {made.by_hand or 'q = p'}" for kind, made in MAPS.items())
