"""The list of rebalancing methods: all that costopt itself can do to the training rows of a fold.

To add one, write its `RebalancingMethod` in the file of its family, in the list there or here, and
name it in `costopt.rebalancing.names`. Strategies, help texts and the tables of the docs are made
from these.
"""

from __future__ import annotations

from collections.abc import Mapping

from costopt.errors import DataError, nearest
from costopt.rebalancing.cleaning import CLEANING
from costopt.rebalancing.definition import RebalancingMethod
from costopt.rebalancing.names import NAMES
from costopt.rebalancing.random import RANDOM_OVER, RANDOM_UNDER
from costopt.rebalancing.rejection import REJECTION
from costopt.rebalancing.synthetic import SYNTHETIC
from costopt.rebalancing.weights import CASE_WEIGHT, NONE, WEIGHT

__all__ = ["METHODS", "method"]

_MADE: Mapping[str, RebalancingMethod] = {
    each.name: each
    for each in (
        NONE,
        WEIGHT,
        RANDOM_OVER,
        RANDOM_UNDER,
        CASE_WEIGHT,
        REJECTION,
        *SYNTHETIC,
        *CLEANING,
    )
}
METHODS: Mapping[str, RebalancingMethod] = {name: _MADE[name] for name in NAMES}


def method(given: str | RebalancingMethod) -> RebalancingMethod:
    """A rebalancing method by its name; one of your own is taken as it is.

    Raises
    ------
    DataError
        If there is none of that name.

    Examples
    --------
    >>> method("random_under").effect
    'multiplier'
    """
    if isinstance(given, RebalancingMethod):
        return given
    if given not in METHODS:
        raise DataError(f"there is no resampling named {given!r}: {nearest(given, METHODS)}")
    return METHODS[given]
