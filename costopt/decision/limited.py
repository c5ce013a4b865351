"""The metrics that a threshold can be limited by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["METRICS", "Metric"]


@dataclass(frozen=True)
class Metric:
    """Something that a threshold is limited by.

    Parameters
    ----------
    name : str
    at_least : bool
        Whether it is kept from below; else from above.
    side : {"fewer", "more", "cost"}
        What makes the limit easier to keep: acting on fewer cases, on more, or neither.
    counted : str
        The cases whose number decides whether anything can be promised.
    """

    name: str
    at_least: bool
    side: str
    counted: str


METRICS: Mapping[str, Metric] = {
    each.name: each
    for each in (
        Metric("recall", at_least=True, side="more", counted="positives"),
        Metric("precision", at_least=True, side="fewer", counted="alerts"),
        Metric("false_positive_rate", at_least=False, side="fewer", counted="negatives"),
        Metric("alert_rate", at_least=False, side="fewer", counted="cases"),
        Metric("mean_cost", at_least=False, side="cost", counted="cases"),
    )
}
