"""Checks of a JSON document that nobody vouches for, and the text that is made of what passed them."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from costopt.errors import PolicyError

__all__ = ["as_object", "as_text", "expect", "fields", "refuse", "require"]


def fields(value: Any, where: str, names: Collection[str]) -> dict[str, Any]:
    """An object that has these keys and no others."""
    if not isinstance(value, dict):
        refuse(where, "be an object with keys", value)
    for name in value:
        if name not in names:
            refuse(where, "have known keys only", name)
    for name in names:
        if name not in value:
            refuse(where, f"have the key {name!r}", list(value))
    return value


def expect(value: Any, expected: Any, where: str) -> str:
    """The text of the expected value, where the given one equals it."""
    if isinstance(expected, dict):
        fields(value, where, expected)
        for name, inner in expected.items():
            expect(value[name], inner, f"{where}.{name}")
    elif value != expected:
        refuse(where, f"be {reprlib.repr(expected)}", value)
    return as_text(expected)


def require(ok: NDArray[np.bool_], where: str, must: str, values: NDArray[Any]) -> None:
    """Refuse at the first place where a rule is broken; ``%d`` stands for the place."""
    if not ok.all():
        first = int(np.argmin(ok))
        refuse(where % first, must, values[first].item())


def refuse(where: str, must: str, got: Any) -> NoReturn:
    """Say what a part of the file must be, and what it is.

    Raises
    ------
    PolicyError
    """
    raise PolicyError(f"the model file is damaged: {where} must {must}, got {reprlib.repr(got)}")


def as_text(value: Any) -> str:
    """A value as JSON."""
    return json.dumps(value, separators=(",", ":"))


def as_object(texts: Mapping[str, str]) -> str:
    """Values that are JSON already, by their names, as one object."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in sorted(texts.items())) + "}"
