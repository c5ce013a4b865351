"""A policy as plain values and back: what stands between `DecisionPolicy` and its files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from costopt.calibration.base import CalibrationMap
from costopt.calibration.maps import MAPS
from costopt.decision.costs import CostMatrix
from costopt.decision.odds import OddsLedger
from costopt.decision.rules import GainRule, ThresholdRule
from costopt.errors import PolicyError, warn
from costopt.inputs.schema import Schema
from costopt.learners.registry import built_in
from costopt.policy.evidence import Evidence, plain, strict
from costopt.policy.files import FORMAT, HOW_TO_USE, StoredPolicy, model_name
from costopt.policy.scoring import ModelPart, Scorer

if TYPE_CHECKING:
    from costopt.policy.policy import DecisionPolicy

__all__ = ["check_thresholds", "from_document", "model_contents", "to_document"]


def to_document(policy: DecisionPolicy, contents: list[bytes]) -> dict[str, Any]:
    """Everything but the models as plain values, the most wanted first.

    Parameters
    ----------
    policy : DecisionPolicy
    contents : list of bytes
        Its models; empty where they are not saved.
    """
    files = []
    for part, content in zip(policy.models, contents, strict=False):
        name, digest = model_name(content)
        ledger = [list(entry) for entry in part.ledger.entries]
        files.append({"name": name, "sha256": digest, "ledger": ledger, "share": part.share})
    return {
        "format": "costopt-policy",
        "format_version": FORMAT,
        "threshold": plain(policy.threshold),
        "raw_threshold": plain(policy.raw_threshold),
        "unit": policy.unit,
        "how_to_use": HOW_TO_USE,
        "rule": {"kind": policy.rule.kind, **strict(vars(policy.rule))},
        "costs": None if policy.costs is None else policy.costs.to_dict(),
        "known_costs": None if policy.known_costs is None else policy.known_costs.to_dict(),
        "labels": {"negative": policy.labels[0], "positive": policy.labels[1]},
        "calibrator": _calibrator_to_dict(policy.calibrator),
        "features": None if policy.schema is None else policy.schema.to_dict(),
        "model": {
            "learner": policy.model_name,
            "params": dict(policy.params),
            "files": files,
            "ledger": [list(entry) for entry in policy.ledger_of_score.entries],
        },
        "evidence": policy.evidence.to_dict(),
        "provenance": dict(policy.provenance),
    }


def model_contents(policy: Scorer) -> list[bytes]:
    """The models as bytes; none, with a warning, where there is no safe format."""
    contents = []
    for part in policy.models:
        files = None if policy.learner is None else policy.learner.to_files(part.model)
        if files is None or policy.schema is None:
            warn(
                "model-not-saved",
                f"{policy.model_name} has no file format that is safe to load, so the policy is "
                "saved without its model: it still decides on scores, decide(X, score=...)",
            )
            return []
        contents.append(files["model.json"])
    return contents


def from_document(stored: StoredPolicy, contents: list[bytes]) -> dict[str, Any]:
    """The fields of the policy that a validated document and its models describe.

    Raises
    ------
    CostOptError
        If what is declared cannot be.
    """
    schema = None
    if stored.features is not None:
        schema = Schema.from_dict(stored.features.model_dump())
    learner = built_in(stored.model.learner)
    models = []
    for part, content in zip(stored.model.files, contents, strict=True):
        if learner is None or schema is None:
            raise PolicyError(
                f"policy.json lists model files of {stored.model.learner!r}, whose models are "
                "never saved"
            )
        model = learner.from_files({"model.json": content}, len(schema.features))
        models.append(ModelPart(model, OddsLedger(tuple(part.ledger)), part.share))
    rule = stored.rule
    if (rule.kind == "threshold") != (rule.threshold is not None):
        raise PolicyError(
            "policy.json: a rule of kind 'threshold', and only such a rule, has a threshold of its own"
        )
    costs, known = (
        None if declared is None else CostMatrix.from_dict(declared)
        for declared in (stored.costs, stored.known_costs)
    )
    return {
        "rule": GainRule() if rule.threshold is None else ThresholdRule(rule.threshold),
        "costs": costs,
        "known_costs": known,
        "unit": stored.unit,
        "labels": (stored.labels.negative, stored.labels.positive),
        "calibrator": _calibrator_from_dict(stored.calibrator.model_dump()),
        "schema": schema,
        "learner": learner if models else None,
        "models": tuple(models),
        "ledger": OddsLedger(tuple(stored.model.ledger)),
        "model_name": stored.model.learner,
        "params": stored.model.params,
        "evidence": Evidence.from_dict(stored.evidence.model_dump()),
        "provenance": stored.provenance,
    }


def check_thresholds(
    stored: StoredPolicy, policy: DecisionPolicy, folder: str | PathLike[str]
) -> None:
    """Refuse a document whose thresholds are not those of its own rule, costs and calibration.

    Raises
    ------
    PolicyError
    """
    for name in ("threshold", "raw_threshold"):
        told, found = getattr(stored, name), getattr(policy, name)
        same = told is found is None or (None not in (told, found) and math.isclose(told, found))
        if not same:
            raise PolicyError(
                f"policy.json in {folder}: {name} is {told}, but rule, costs and calibration give "
                f"{found}: the file was edited in part"
            )


def _calibrator_to_dict(calibrator: CalibrationMap) -> dict[str, Any]:
    if type(calibrator) not in MAPS.values():
        raise PolicyError(
            f"this policy is calibrated by {type(calibrator).__name__}, a map of your own, so it cannot "
            f"be saved: only costopt's maps ({', '.join(MAPS)}) are read back without running code"
        )
    parameters = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(calibrator).items()
    }
    return {"kind": calibrator.kind, **parameters}


def _calibrator_from_dict(stored: Mapping[str, Any]) -> CalibrationMap:
    parameters: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in stored.items()
        if name != "kind"
    }
    return MAPS[stored["kind"]](**parameters)
