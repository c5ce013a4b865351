"""What a policy promises, and what room for some cases of a batch only makes of its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.decision.capacity import fit_into
from costopt.decision.promises import Guarantee
from costopt.errors import PolicyError, warn
from costopt.policy.decisions import DISPLACED

__all__ = ["check_promise", "displaced", "fit", "refuse_capacity"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def check_promise(guarantee: Guarantee | None, raw_threshold: float | None) -> None:
    """Refuse a guarantee of another threshold than the one that a policy acts from.

    Raises
    ------
    PolicyError
    """
    if guarantee is None or (raw_threshold is not None and guarantee.holds_at(raw_threshold)):
        return
    raise PolicyError(
        "a guarantee holds for the thresholds that it certifies, but the policy acts from "
        f"{raw_threshold}"
    )


def fit(act: BoolArray, gain: FloatArray, capacity: int, guarantee: Guarantee | None) -> BoolArray:
    """What is left of decisions where there is room for so many only, those of the largest gain.

    Parameters
    ----------
    act : bool array of shape (n_cases,)
    gain : array of shape (n_cases,)
    capacity : int
    guarantee : Guarantee or None
        Of limits that may not be kept any more, which is warned of.
    """
    taken = fit_into(act, gain, capacity).taken
    left_out, n_acted = int(np.count_nonzero(act & ~taken)), int(np.count_nonzero(act))
    if left_out and guarantee is not None:
        warn(
            "promise-displaced",
            f"the capacity leaves out {left_out:,} of {n_acted:,} cases that the policy acts on, so "
            f"that {', '.join(guarantee.constraints)} may not be kept",
        )
    return taken


def displaced(
    found: Mapping[str, NDArray[Any]], capacity: int, guarantee: Guarantee | None
) -> dict[str, NDArray[Any]]:
    """The columns of decisions that a capacity changes, and which cases it leaves out."""
    act = found["action"] == "act"
    taken = fit(act, found["expected_gain"], capacity, guarantee)
    return {"action": np.where(taken, "act", "leave"), DISPLACED: act & ~taken}


def refuse_capacity(capacity: object) -> None:
    """Refuse one for a case alone.

    Raises
    ------
    PolicyError
    """
    if capacity is not None:
        raise PolicyError(
            "which cases fit into a capacity depends on the others: use decide or decide_frame with "
            "all cases of a batch"
        )
