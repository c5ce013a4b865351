"""Values as strict JSON holds them, and what a reader of JSON is told of a field that holds one.

Infinities stand in JSON as the texts "inf" and "-inf", a number that is not known as null. The
types below say so to pydantic, which reads policies, by its protocol for annotations: those who
use them do not import it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

__all__ = ["INFINITIES", "MaybeNumber", "Name", "Number", "plain"]

INFINITIES = {"inf": math.inf, "-inf": -math.inf}
MAX_NAME = 1000


class _Written:
    """A number that JSON holds as something else in some cases."""

    def __init__(self, stands_for: Mapping[str | None, float]) -> None:
        self.stands_for = stands_for

    def read(self, value: Any) -> Any:
        """The number that a value of JSON stands for, else the value."""
        return self.stands_for.get(value, value) if isinstance(value, str | None) else value

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[..., Any]) -> Any:
        function = {"type": "no-info", "function": self.read}
        return {"type": "function-before", "function": function, "schema": handler(source)}

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[..., Any]) -> Any:
        return {"anyOf": [handler(schema["schema"]), {"enum": list(self.stands_for)}]}


class _Short:
    """A text of bounded length."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[..., Any]) -> Any:
        return {**handler(source), "max_length": MAX_NAME}


Number = Annotated[float, _Written(INFINITIES)]
MaybeNumber = Annotated[float, _Written({**INFINITIES, None: math.nan})]
Name = Annotated[str, _Short()]


def plain(value: Any) -> Any:
    """Plain values that strict JSON can hold: NaN as None, infinities as "inf" and "-inf".

    Parameters
    ----------
    value : plain value, mapping, list or tuple
        Of numbers, texts, booleans and None, nested as deep as you like.

    Examples
    --------
    >>> plain({"threshold": float("inf"), "range": (0.5, float("nan"))})
    {'threshold': 'inf', 'range': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
