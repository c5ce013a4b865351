"""What acting from each threshold up catches and disturbs, for displays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.decision.sweeps import sweep
from costopt.errors import DataError
from costopt.plotting.cases import Cases

__all__ = ["ErrorShares", "error_shares"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ErrorShares:
    """What acting from each threshold up catches and disturbs.

    Parameters
    ----------
    thresholds : array of shape (n_thresholds,)
        ``inf`` (never), then every distinct score in descending order, then ``-inf`` (always).
    caught, disturbed : array of shape (n_thresholds,)
        Shares of the positive and of the negative cases that are acted on.
    positive_share : float
        Of the population.
    """

    thresholds: FloatArray
    caught: FloatArray
    disturbed: FloatArray
    positive_share: float


def error_shares(cases: Cases) -> ErrorShares:
    """Count at every threshold that matters, in one sort.

    Raises
    ------
    DataError
        If one class has no weight.
    """
    thresholds, n_acted, order = sweep(cases.score)
    y, weight = cases.y[order], cases.weights[order]
    totals = {name: float(weight[rows].sum()) for name, rows in (("positive", y), ("negative", ~y))}
    for name, total in totals.items():
        if not total > 0:
            raise DataError(f"sample_weight is 0 for every {name} case: both classes are needed")
    shares = []
    for rows, total in ((y, totals["positive"]), (~y, totals["negative"])):
        up_to = np.concatenate(([0.0], np.cumsum(np.where(rows, weight, 0.0))))[n_acted]
        shares.append(np.append(up_to[:-1] / total, 1.0))
    positive_share = totals["positive"] / float(weight.sum())
    return ErrorShares(thresholds, shares[0], shares[1], positive_share)
