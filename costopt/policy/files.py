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
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from costopt.decision.calibrators import PlattMap
from costopt.decision.costs import CostMatrix
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import CutRule, GainRule
from costopt.errors import CostOptError, PolicyError, StoreError, warn
from costopt.evaluation.estimates import Estimate
from costopt.frames import Feature, Schema
from costopt.policy.policy import DecisionPolicy, Evidence, ModelPart
from costopt.training.learners import restore_learner

__all__ = ["FORMAT", "load_policy", "save_policy", "write_atomically"]

FORMAT = 1
POLICY_FILE = "policy.json"
MAX_POLICY_BYTES = 16 * 2**20
MAX_MODEL_BYTES = 256 * 2**20
HOW_TO_USE = (
    "score = the model's own score; undo the ledger: odds(p) = odds(score) / product of its factors; "
    "calibrate: logit(q) = slope * logit(p) + intercept; then act where q >= threshold, or, where the "
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
    kind: Literal["gain", "cut"]
    threshold: Number | None = None


class _Calibrator(_Strict):
    kind: Literal["platt"]
    slope: Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
    intercept: Finite


class _Labels(_Strict):
    negative: Scalar
    positive: Scalar


class _Feature(_Strict):
    name: Name
    categories: list[Scalar] | None = None


class _Features(_Strict):
    named: bool
    columns: Annotated[list[_Feature], pydantic.Field(min_length=1, max_length=100_000)]


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


class _Evidence(_Strict):
    expected_cost: _Estimate | None
    savings: _Estimate | None
    baselines: dict[Name, _Estimate]
    n_cases: int
    n_positives: int
    reason: str


class _PolicyFile(_Strict):
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
    calibrator: _Calibrator
    features: _Features | None
    model: _Model
    evidence: _Evidence
    provenance: dict[Name, Name]


def save_policy(
    policy: DecisionPolicy, folder: str | PathLike[str], *, overwrite: bool = False
) -> None:
    """Write a policy; see `DecisionPolicy.save`."""
    target = Path(folder)
    commit = target / POLICY_FILE
    if commit.exists() and not overwrite:
        raise StoreError(f"{commit} exists: choose another folder, or pass overwrite=True")
    if target.exists() and not target.is_dir():
        raise StoreError(f"{target} is a file: a policy is saved as a folder")
    contents = _model_contents(policy)
    document = _document(policy, contents)
    try:
        target.mkdir(parents=True, exist_ok=True)
        stale = set(target.glob("model-????????????.json"))
        for part, content in zip(document["model"]["files"], contents, strict=True):
            write_atomically(target / part["name"], content)
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(commit, text.encode())
        for old in stale - {target / part["name"] for part in document["model"]["files"]}:
            old.unlink()
    except OSError as error:
        raise StoreError(f"cannot write the policy to {target}: {error}") from error


def load_policy(folder: str | PathLike[str]) -> DecisionPolicy:
    """Read a policy; see `DecisionPolicy.load`."""
    source = Path(folder)
    content = _read(source / POLICY_FILE, MAX_POLICY_BYTES)
    try:
        plain = json.loads(content, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{source / POLICY_FILE} is not valid JSON: {error}") from None
    version = plain.get("format_version") if isinstance(plain, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise PolicyError(
            f"{source / POLICY_FILE} has format {version}, this costopt reads up to {FORMAT}: "
            "update costopt"
        )
    try:
        stored = _PolicyFile.model_validate_json(json.dumps(plain))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise PolicyError(
            f"{source / POLICY_FILE} is not a policy saved by costopt: {where}: {first['msg']}"
        ) from None
    try:
        return _rebuild(stored, source)
    except PolicyError:
        raise
    except CostOptError as error:
        if isinstance(error, StoreError):
            raise
        raise PolicyError(f"{source / POLICY_FILE} declares what cannot be: {error}") from None


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


def _model_contents(policy: DecisionPolicy) -> list[bytes]:
    """The models as bytes; none, with a warning, where there is no safe format."""
    contents = []
    for part in policy.models:
        assert policy.learner is not None  # noqa: S101  # models come with their learner
        files = policy.learner.to_files(part.model)
        if files is None:
            warn(
                "model-not-saved",
                f"{policy.model_name} has no file format that is safe to load, so the policy is "
                "saved without its model: it still decides on scores, decide_scores(score)",
                stacklevel=5,
            )
            return []
        contents.append(files["model.json"])
    return contents


def _document(policy: DecisionPolicy, contents: list[bytes]) -> dict[str, Any]:
    """Everything but the models as plain values, the most wanted first."""
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    parts = policy.models[: len(contents)]
    files = [
        {
            "name": f"model-{digest[:12]}.json",
            "sha256": digest,
            "ledger": [list(entry) for entry in part.ledger.entries],
            "share": part.share,
        }
        for digest, part in zip(hashes, parts, strict=True)
    ]
    ledger = policy.models[0].ledger if len(policy.models) == 1 else policy.ledger
    evidence = policy.evidence
    rule: dict[str, Any] = {"kind": "gain"}
    if isinstance(policy.rule, CutRule):
        rule = {"kind": "cut", "threshold": _plain(policy.rule.threshold)}
    return {
        "format": "costopt-policy",
        "format_version": FORMAT,
        "threshold": _plain(policy.threshold),
        "raw_threshold": _plain(policy.raw_threshold),
        "unit": policy.unit,
        "how_to_use": HOW_TO_USE,
        "rule": rule,
        "costs": None if policy.costs is None else policy.costs.to_dict(),
        "known_costs": None if policy.known_costs is None else policy.known_costs.to_dict(),
        "labels": {"negative": policy.labels[0], "positive": policy.labels[1]},
        "calibrator": {
            "kind": "platt",
            "slope": policy.calibrator.slope,
            "intercept": policy.calibrator.intercept,
        },
        "features": _features(policy.schema),
        "model": {
            "learner": policy.model_name,
            "params": dict(policy.params),
            "files": files,
            "ledger": [list(entry) for entry in ledger.entries],
        },
        "evidence": {
            "expected_cost": _estimate(evidence.expected_cost),
            "savings": _estimate(evidence.savings),
            "baselines": {name: _estimate(found) for name, found in evidence.baselines.items()},
            "n_cases": evidence.n_cases,
            "n_positives": evidence.n_positives,
            "reason": evidence.reason,
        },
        "provenance": dict(policy.provenance),
    }


def _features(schema: Schema | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    return {
        "named": schema.named,
        "columns": [
            {"name": f.name, "categories": None if f.categories is None else list(f.categories)}
            for f in schema.features
        ],
    }


def _rebuild(stored: _PolicyFile, source: Path) -> DecisionPolicy:
    """The policy that a validated document describes."""
    schema = None
    if stored.features is not None:
        columns = stored.features.columns
        schema = Schema(
            tuple(
                Feature(c.name, None if c.categories is None else tuple(c.categories))
                for c in columns
            ),
            named=stored.features.named,
        )
    learner = restore_learner(stored.model.learner)
    models = []
    for part in stored.model.files:
        if learner is None or schema is None:
            raise PolicyError(
                f"{source / POLICY_FILE} lists model files of {stored.model.learner!r}, which is no "
                "learner whose models are saved"
            )
        content = _read(source / part.name, MAX_MODEL_BYTES)
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise PolicyError(
                f"{source / part.name} is not the model that policy.json was saved with (SHA-256 "
                "differs): restore both files from one save"
            )
        model = learner.from_files({"model.json": content}, len(schema.features))
        models.append(ModelPart(model, _ledger(part.ledger), part.share))
    rule = stored.rule
    if (rule.kind == "cut") != (rule.threshold is not None) or rule.threshold != rule.threshold:
        raise PolicyError(f"{source / POLICY_FILE}: a cut, and only a cut, has a threshold")
    policy = DecisionPolicy(
        rule=GainRule() if rule.threshold is None else CutRule(rule.threshold),
        costs=None if stored.costs is None else CostMatrix.from_dict(stored.costs),
        known_costs=(
            None if stored.known_costs is None else CostMatrix.from_dict(stored.known_costs)
        ),
        unit=stored.unit,
        labels=(stored.labels.negative, stored.labels.positive),
        calibrator=PlattMap(stored.calibrator.slope, stored.calibrator.intercept),
        schema=schema,
        learner=learner,
        models=tuple(models),
        ledger=_ledger(stored.model.ledger),
        model_name=stored.model.learner,
        params=stored.model.params,
        evidence=_evidence(stored.evidence),
        provenance=stored.provenance,
    )
    for name in ("threshold", "raw_threshold"):
        told, found = getattr(stored, name), getattr(policy, name)
        if (told is None) != (found is None) or (
            told is not None and not math.isclose(told, found, rel_tol=1e-9)
        ):
            raise PolicyError(
                f"{source / POLICY_FILE}: {name} is {told}, but rule, costs and calibration give "
                f"{found}: the file was edited in part"
            )
    return policy


def _ledger(entries: list[tuple[str, float]]) -> OddsLedger:
    return OddsLedger(tuple(entries))


def _evidence(stored: _Evidence) -> Evidence:
    def estimate(found: _Estimate | None) -> Estimate | None:
        if found is None:
            return None
        numbers = {
            name: math.nan if getattr(found, name) is None else getattr(found, name)
            for name in ("value", "low", "high")
        }
        return Estimate(**{**found.model_dump(), **numbers})

    return Evidence(
        expected_cost=estimate(stored.expected_cost),
        savings=estimate(stored.savings),
        baselines={name: found for name, e in stored.baselines.items() if (found := estimate(e))},
        n_cases=stored.n_cases,
        n_positives=stored.n_positives,
        reason=stored.reason,
    )


def _estimate(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {name: _plain(value) for name, value in found.to_dict().items()}


def _plain(value: Any) -> Any:
    """NaN as null and infinities as strings: JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


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
