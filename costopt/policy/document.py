"""``policy.json``: what it holds, as one dataclass, and how it is read from text and written to it.

`Document` is the only definition of the format: pydantic reads and writes it, and all that it
holds, by the dataclasses themselves, which check what they hold when they are built. To change the
format, change these, raise ``format_version``, and add a stored example to the tests.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal

import pydantic
from pydantic_core import core_schema

from costopt.calibration.base import CalibrationMap
from costopt.calibration.maps import MAPS, how_to_calibrate
from costopt.decision.costs import CostMatrix
from costopt.decision.promises import Guarantee
from costopt.decision.rules import RULES, Rule
from costopt.errors import PolicyError
from costopt.inputs.frames import Scalar
from costopt.inputs.schema import Schema
from costopt.plain import INFINITIES, Name, Number, plain
from costopt.policy.evidence import Evidence
from costopt.showing.text import printable

__all__ = [
    "Document",
    "LabelNames",
    "Model",
    "ModelFile",
    "json_schema",
    "read_document",
    "write_document",
]

FORMAT: Final = 3
MAX_COLUMNS = 100_000
MAX_KNOTS = 1_000_000
HOW_TO_USE = (
    "score = the model's own score, or, of several models, the average by share of theirs after the "
    "ledger of each was undone in the same way; undo the ledger: odds(p) = odds(score) / product of "
    "its factors; "
    "keep p within [floor, 1 - floor] and below 1, where the calibrator has a floor; "
    f"calibrate: {how_to_calibrate()}; then act where q >= threshold, or, where the "
    "rule is 'gain', where q * (fn - tp) >= (1 - q) * (fp - tn). With constant costs this is the same "
    "as acting where score >= raw_threshold."
)


class _Kinds:
    """Tells pydantic that a field holds one of several dataclasses, which JSON names by ``kind``."""

    def __init__(self, *kinds: Any) -> None:
        self.kinds = {made.kind: made for made in kinds}

    @staticmethod
    def write(value: Any) -> dict[str, Any]:
        """The fields of an object, its kind first."""
        return {"kind": value.kind, **asdict(value)}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        choices: dict[Any, Any] = {
            kind: core_schema.no_info_before_validator_function(
                _own_fields, handler.generate_schema(made)
            )
            for kind, made in self.kinds.items()
        }
        writer = core_schema.plain_serializer_function_ser_schema(self.write)
        return core_schema.tagged_union_schema(choices, "kind", serialization=writer)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        found = []
        for kind, choice in schema["choices"].items():
            fields = handler.resolve_ref_schema(handler(choice["schema"]))
            own = {"kind": {"const": kind}, **fields["properties"]}
            found.append({**fields, "properties": own, "required": list(own)})
        return {"oneOf": found}


def _own_fields(stored: Any) -> Any:
    """The fields that JSON holds beside the kind, as Python holds them."""
    if not isinstance(stored, dict):
        return stored
    found = {}
    for name, value in stored.items():
        if isinstance(value, list):
            if len(value) > MAX_KNOTS:
                raise ValueError(f"{name} has at most {MAX_KNOTS:,} values")
            value = tuple(value)
        found[name] = INFINITIES.get(value, value) if isinstance(value, str) else value
    return {name: value for name, value in found.items() if name != "kind"}


def _has_columns(schema: Schema) -> Schema:
    if not 1 <= len(schema.features) <= MAX_COLUMNS:
        raise ValueError(f"must have between 1 and {MAX_COLUMNS:,} features")
    return schema


Factors = tuple[tuple[Name, float], ...]


@dataclass(frozen=True)
class ModelFile:
    """A file with a model, beside ``policy.json``, and the model's part in the policy."""

    name: Annotated[str, pydantic.Field(pattern=r"^model-[0-9a-f]{12}\.json$")]
    sha256: Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]
    ledger: Factors
    share: Annotated[float, pydantic.Field(gt=0)]

    def __post_init__(self) -> None:
        if self.name != f"model-{self.sha256[:12]}.json":
            raise ValueError("the name of a model file carries the start of its sha256")


@dataclass(frozen=True)
class Model:
    """How a model was made, where it is, and what is left to undo in its score."""

    learner: Name
    params: dict[Name, Any]
    files: Annotated[tuple[ModelFile, ...], pydantic.Field(max_length=1000)]
    ledger: Factors


@dataclass(frozen=True)
class LabelNames:
    """What the two classes are called."""

    negative: Scalar
    positive: Scalar


@dataclass(frozen=True, kw_only=True)
class Document:
    """What ``policy.json`` holds, the most wanted first."""

    __pydantic_config__ = pydantic.ConfigDict(extra="forbid", strict=True)

    format: Literal["costopt-policy"] = "costopt-policy"
    format_version: Literal[3] = FORMAT
    threshold: Number | None
    raw_threshold: Number | None
    unit: Name
    how_to_use: str = HOW_TO_USE
    rule: Annotated[Rule, _Kinds(*RULES)]
    costs: CostMatrix | None
    known_costs: CostMatrix | None
    labels: LabelNames
    calibrator: Annotated[CalibrationMap, _Kinds(*MAPS.values())]
    schema: Annotated[Schema, pydantic.AfterValidator(_has_columns)] | None
    model: Model
    evidence: Evidence
    guarantee: Guarantee | None
    provenance: dict[Name, Name]
    digest: Annotated[str, pydantic.Field(pattern=r"^([0-9a-f]{64})?$")] = ""


@cache
def _adapter() -> pydantic.TypeAdapter[Document]:
    return pydantic.TypeAdapter(Document)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``policy.json``; every field is required, as a save writes all of them."""
    schema = _adapter().json_schema(mode="validation")
    for part in (schema, *schema["$defs"].values()):
        part.pop("description", None)  # of Python's side
        part["required"] = list(part["properties"])
        for told in part["properties"].values():
            told.pop("default", None)
            told.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "costopt policy",
        "description": "policy.json of a saved decision policy",
    }


def write_document(document: Document) -> str:
    """The text of ``policy.json``, with a digest of all that it says.

    Raises
    ------
    PolicyError
        If it could not be read back.
    """
    found = plain(_adapter().dump_python(document))
    try:
        found["digest"] = _digest(found)
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise PolicyError(f"the policy holds what JSON cannot: {printable(str(error))}") from None
    read_document(text, "the policy")
    # each list of numbers on one line; text in JSON holds no line break
    return re.sub(
        r'\[\n\s+(?:(?:-?\d[-+.\de]*|"-?inf"),?\s+)+\]',
        lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"),
        text,
    )


def read_document(text: str | bytes, where: object) -> Document:
    """What a text says, where it is one that `write_document` writes.

    Parameters
    ----------
    text : str or bytes
    where : path or str
        Where it is from.

    Raises
    ------
    PolicyError
        With the first place that is not as it must be.
    """
    try:
        found = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{where} is not valid JSON: {printable(str(error))}") from None
    version = found.get("format_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version != FORMAT:
        remedy = "update costopt" if version > FORMAT else "save the policy anew"
        raise PolicyError(f"{where} has format {version}, this costopt reads {FORMAT}: {remedy}")
    try:
        document = _adapter().validate_json(json.dumps(found))
    except pydantic.ValidationError as error:
        raise PolicyError(f"{where} is not a policy saved by costopt: {_first(error)}") from None
    if document.digest != _digest(found):
        raise PolicyError(
            f"{where} was changed after it was saved (its digest differs): save the policy anew, or "
            "restore the file"
        )
    place = _difference(found, plain(_adapter().dump_python(document)))
    if place is not None:
        raise PolicyError(
            f"{where} is not a policy saved by costopt: {place} is not as it is saved"
        )
    return document


def _digest(found: Mapping[str, Any]) -> str:
    """SHA-256 of all values but the digest, in one way to write them."""
    said = {name: value for name, value in found.items() if name != "digest"}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _first(error: pydantic.ValidationError) -> str:
    """The first place where a document is not as it must be, and what is wrong there."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "the document"
    return printable(f"{place}: {first['msg'].removeprefix('Value error, ')}")


def _difference(found: Any, written: Any, place: str = "the document") -> str | None:
    """The first place where what was read is not what would be written."""
    if isinstance(found, dict) and isinstance(written, dict) and found.keys() == written.keys():
        pairs: Any = ((name, found[name], written[name]) for name in found)
    elif isinstance(found, list) and isinstance(written, list) and len(found) == len(written):
        pairs = ((at, *both) for at, both in enumerate(zip(found, written, strict=True)))
    else:
        return None if found == written else printable(place)
    for name, one, other in pairs:
        inner = _difference(one, other, f"{place}.{name}".removeprefix("the document."))
        if inner is not None:
            return inner
    return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r:.60} is given twice")
        found[name] = value
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits:.20} is not a JSON number that a computer can hold")
    return number
