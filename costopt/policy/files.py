"""Policies as files: readable JSON plus a model, validated before anything is built from them.

``policy.json`` is the commit point of a save: the model is written first, under a name that
carries its hash, so that a crash leaves the old policy or the new one, never half of each.

To change the format, raise `FORMAT`, keep reading the older ones, and add a stored example of
each to the tests.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from costopt.calibration.maps import how_to_calibrate
from costopt.errors import PolicyError, StoreError, check_path

__all__ = [
    "FORMAT",
    "HOW_TO_USE",
    "StoredPolicy",
    "check_free",
    "model_name",
    "read_folder",
    "write_atomically",
    "write_folder",
]

FORMAT = 1
POLICY_FILE = "policy.json"
MAX_POLICY_BYTES = 16 * 2**20
MAX_MODEL_BYTES = 256 * 2**20
HOW_TO_USE = (
    "score = the model's own score, or, of several models, the average by share of theirs after the "
    "ledger of each was undone in the same way; undo the ledger: odds(p) = odds(score) / product of "
    "its factors; "
    "keep p within [floor, 1 - floor] and below 1, where the calibrator has a floor; "
    f"calibrate: {how_to_calibrate()}; then act where q >= threshold, or, where the "
    "rule is 'gain', where q * (fn - tp) >= (1 - q) * (fp - tn). With constant costs this is the same "
    "as acting where score >= raw_threshold."
)


def _number(value: Any) -> Any:
    """Infinities stand in JSON as the strings 'inf' and '-inf'."""
    return (
        {"inf": math.inf, "-inf": -math.inf}.get(value, value) if isinstance(value, str) else value
    )


Number = Annotated[float, pydantic.BeforeValidator(_number)]
Finite = Annotated[float, pydantic.Field(allow_inf_nan=False)]
Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, pydantic.Field(max_length=1000)]
Scalar = str | bool | int | float


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class _Rule(_Strict):
    kind: Literal["gain", "threshold"]
    threshold: Number | None = None


NotNegative = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
Floor = Annotated[float, pydantic.Field(gt=0, lt=0.5, allow_inf_nan=False)]


class _Platt(_Strict):
    kind: Literal["platt"]
    slope: NotNegative
    intercept: Finite
    floor: Floor


class _Beta(_Strict):
    kind: Literal["beta"]
    a: NotNegative
    b: NotNegative
    intercept: Finite
    floor: Floor


class _Isotonic(_Strict):
    kind: Literal["isotonic"]
    scores: Annotated[list[Finite], pydantic.Field(max_length=1_000_000)]
    values: Annotated[list[Finite], pydantic.Field(max_length=1_000_000)]


class _NoMap(_Strict):
    kind: Literal["none"]


class _Labels(_Strict):
    negative: Scalar
    positive: Scalar


class _Feature(_Strict):
    name: Name
    categories: list[Scalar] | None = None
    decimal: Literal["", ".", ","] = ""
    unit: Annotated[str, pydantic.Field(max_length=16)] = ""
    date_format: Annotated[str, pydantic.Field(max_length=100)] = ""


class _Features(_Strict):
    named: bool
    columns: Annotated[list[_Feature], pydantic.Field(min_length=1, max_length=100_000)]
    missing: Annotated[list[str], pydantic.Field(max_length=1000)] = []


class _ModelFile(_Strict):
    name: Annotated[str, pydantic.Field(pattern=r"^model-[0-9a-f]{12}\.json$")]
    sha256: Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]
    ledger: list[tuple[Name, Positive]]
    share: Positive


class _Model(_Strict):
    learner: Name
    params: dict[Name, Any]
    files: Annotated[list[_ModelFile], pydantic.Field(max_length=1000)]
    ledger: list[tuple[Name, Positive]]


class _Estimate(_Strict):
    value: Number | None
    low: Number | None
    high: Number | None
    level: Finite
    method: Name
    unit: Name
    n: int
    n_positives: Number | None
    note: Name


Points = Annotated[list[Finite], pydantic.Field(max_length=10_000)]


class _Cells(_Strict):
    fp: Finite | Points
    fn: Finite | Points
    tp: Finite | Points
    tn: Finite | Points


class _ShippedCells(_Strict):
    fp: Finite
    fn: Finite
    tp: Finite
    tn: Finite


class _ShippedPoint(_Strict):
    threshold: Number | None
    caught: Finite
    false_alarms: Finite
    cells: _ShippedCells


class _Curve(_Strict):
    """Shapes only; what the numbers must be is `OperatingCurve`'s to say."""

    thresholds: Annotated[list[Number], pydantic.Field(max_length=10_000)]
    caught: Points
    false_alarms: Points
    cells: _Cells
    selected: _ShippedPoint
    best: Number
    flat: tuple[Number, Number]
    supported: tuple[Number, Number] | None


class _Evidence(_Strict):
    expected_cost: _Estimate | None
    savings: _Estimate | None
    baselines: dict[Name, _Estimate]
    selection_bias: Finite
    n_cases: int
    n_positives: int
    reason: str
    curve: _Curve | None = None


class StoredPolicy(_Strict):
    """What ``policy.json`` holds, checked field by field."""

    format: Literal["costopt-policy"]
    format_version: Literal[1]
    how_to_use: str
    threshold: Number | None
    raw_threshold: Number | None
    unit: Name
    rule: _Rule
    costs: dict[str, Any] | None
    known_costs: dict[str, Any] | None
    labels: _Labels
    calibrator: Annotated[_Platt | _Beta | _Isotonic | _NoMap, pydantic.Field(discriminator="kind")]
    features: _Features | None
    model: _Model
    evidence: _Evidence
    provenance: dict[Name, Name]


def write_folder(
    folder: str | PathLike[str],
    document: Mapping[str, Any],
    contents: Mapping[str, bytes],
    *,
    overwrite: bool = False,
) -> None:
    """Write a policy's document and its models, the document last.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    document : mapping
        What ``policy.json`` holds.
    contents : mapping of str to bytes
        Model files by name, see `model_name`.
    overwrite : bool, default=False
        Replace a policy that is there; other files are left alone.

    Raises
    ------
    StoreError
        If there is a policy already, or the folder cannot be written.
    """
    target = check_path(folder)
    check_free(target, overwrite=overwrite)
    text = _as_text(document)
    try:
        target.mkdir(parents=True, exist_ok=True)
        stale = set(target.glob("model-????????????.json")) - {target / name for name in contents}
        for name, content in contents.items():
            write_atomically(target / name, content)
        write_atomically(target / POLICY_FILE, text.encode())
        for old in stale:
            old.unlink()
    except OSError as error:
        raise StoreError(f"cannot write the policy to {target}: {error}") from error


def check_free(folder: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse a folder that holds a policy already, or that is a file.

    Raises
    ------
    StoreError
    """
    target = check_path(folder)
    commit = target / POLICY_FILE
    if commit.exists() and not overwrite:
        raise StoreError(f"{commit} exists: choose another folder, or overwrite it on purpose")
    for part in (target, *target.parents):
        if part.exists():
            if not part.is_dir():
                raise StoreError(f"{part} is a file: a policy is saved as a folder")
            break


def read_folder(folder: str | PathLike[str]) -> tuple[StoredPolicy, list[bytes]]:
    """Read a policy's document and its models, validated as far as they can be without building.

    Returns
    -------
    stored : StoredPolicy
    contents : list of bytes
        The models, in the order of ``stored.model.files``; each has the hash that is stored.

    Raises
    ------
    StoreError
        If a file cannot be read.
    PolicyError
        If a file is not what `write_folder` writes.
    """
    path = check_path(folder) / POLICY_FILE
    content = _read(path, MAX_POLICY_BYTES)
    try:
        found = json.loads(content, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{path} is not valid JSON: {error}") from None
    version = found.get("format_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise PolicyError(
            f"{path} has format {version}, this costopt reads up to {FORMAT}: update costopt"
        )
    try:
        stored = StoredPolicy.model_validate_json(json.dumps(found))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise PolicyError(
            f"{path} is not a policy saved by costopt: {where}: {first['msg']}"
        ) from None
    contents = []
    for part in stored.model.files:
        model = path.with_name(part.name)
        contents.append(_read(model, MAX_MODEL_BYTES))
        if hashlib.sha256(contents[-1]).hexdigest() != part.sha256:
            raise PolicyError(
                f"{model} is not the model that policy.json was saved with (SHA-256 differs): "
                "restore both files from one save"
            )
    return stored, contents


def model_name(content: bytes) -> tuple[str, str]:
    """The file name of a model, which carries the start of its hash, and the whole hash."""
    digest = hashlib.sha256(content).hexdigest()
    return f"model-{digest[:12]}.json", digest


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that other readers see the old content or all of the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _as_text(document: Mapping[str, Any]) -> str:
    """Indented JSON with each list of numbers on one line; text in JSON holds no line break."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return re.sub(
        r'\[\n\s+(?:(?:-?\d[-+.\de]*|"-?inf"),?\s+)+\]',
        lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"),
        text,
    )


def _read(path: Path, limit: int) -> bytes:
    """The content of a plain file of a bounded size."""
    try:
        if path.is_symlink() or not path.is_file():
            raise StoreError(f"{path} is not there as a plain file: is this a saved policy?")
        if path.stat().st_size > limit:
            raise PolicyError(f"{path} is larger than {limit:,} bytes: it is not a saved policy")
        return path.read_bytes()
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return found


def _no_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")
