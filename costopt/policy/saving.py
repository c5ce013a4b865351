"""A policy to its folder and back: what stands between `DecisionPolicy` and `Document`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from costopt.calibration.maps import MAPS
from costopt.decision.odds import OddsLedger
from costopt.errors import CostOptError, PolicyError, warn
from costopt.learners.registry import built_in
from costopt.policy.document import Document, LabelNames, Model, ModelFile, write_document
from costopt.policy.files import read_folder, write_folder
from costopt.policy.scoring import ModelPart, Scorer
from costopt.showing.text import printable

if TYPE_CHECKING:
    from costopt.policy.policy import DecisionPolicy

__all__ = ["load_policy", "save_policy"]


def save_policy(policy: DecisionPolicy, folder: str | PathLike[str], *, overwrite: bool) -> None:
    """Write a policy into a folder, as `DecisionPolicy.save` says."""
    if type(policy.calibrator) not in MAPS.values():
        raise PolicyError(
            f"this policy is calibrated by {type(policy.calibrator).__name__}, a map of your own, so it "
            f"cannot be saved: only costopt's maps ({', '.join(MAPS)}) are read back without running code"
        )
    contents = _model_contents(policy)
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    files = tuple(
        ModelFile(f"model-{digest[:12]}.json", digest, part.ledger.entries, part.share)
        for part, digest in zip(policy.models, digests, strict=False)
    )
    text = write_document(_to_document(policy, files))
    named = {file.name: content for file, content in zip(files, contents, strict=True)}
    write_folder(folder, text, named, overwrite=overwrite)


def load_policy(made: type[DecisionPolicy], folder: str | PathLike[str]) -> DecisionPolicy:
    """Read a policy of some class from a folder, as `DecisionPolicy.load` says."""
    document, contents = read_folder(folder)
    where = f"policy.json in {folder}"
    try:
        policy = _from_document(document, contents, made)
    except CostOptError as error:
        raise PolicyError(f"{where} declares what cannot be: {printable(str(error))}") from None
    _check_said_twice(document, policy, where)
    return policy


def _to_document(policy: DecisionPolicy, files: tuple[ModelFile, ...]) -> Document:
    """All of a policy but its models, and the files that these are in."""
    return Document(
        threshold=policy.threshold,
        raw_threshold=policy.raw_threshold,
        unit=policy.unit,
        rule=policy.rule,
        costs=policy.costs,
        known_costs=policy.known_costs,
        labels=LabelNames(*policy.labels),
        calibrator=policy.calibrator,
        schema=policy.schema,
        model=Model(policy.model_name, dict(policy.params), files, policy.ledger_of_score.entries),
        evidence=policy.evidence,
        guarantee=policy.guarantee,
        provenance=dict(policy.provenance),
    )


def _model_contents(policy: Scorer) -> list[bytes]:
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


def _from_document(
    document: Document, contents: Mapping[str, bytes], made: type[DecisionPolicy]
) -> DecisionPolicy:
    """The policy that a document and its models, by the names of their files, describe."""
    models = _models(document, contents)
    return made(
        rule=document.rule,
        costs=document.costs,
        known_costs=document.known_costs,
        unit=document.unit,
        labels=(document.labels.negative, document.labels.positive),
        calibrator=document.calibrator,
        schema=document.schema,
        learner=built_in(document.model.learner) if models else None,
        models=models,
        ledger=OddsLedger(document.model.ledger),
        model_name=document.model.learner,
        params=document.model.params,
        evidence=document.evidence,
        guarantee=document.guarantee,
        provenance=document.provenance,
    )


def _models(document: Document, contents: Mapping[str, bytes]) -> tuple[ModelPart, ...]:
    """The models, each file read once however often it is listed."""
    learner = built_in(document.model.learner)
    if document.model.files and (learner is None or document.schema is None):
        raise PolicyError(
            f"it lists model files of {document.model.learner!r:.60}, whose models are never saved"
        )
    built: dict[str, Any] = {}
    for name, content in contents.items():
        assert learner is not None  # noqa: S101  # else there are no files, as checked above
        assert document.schema is not None  # noqa: S101  # as above
        built[name] = learner.from_files({"model.json": content}, len(document.schema.features))
    return tuple(
        ModelPart(built[part.name], OddsLedger(part.ledger), part.share)
        for part in document.model.files
    )


def _check_said_twice(document: Document, policy: DecisionPolicy, where: object) -> None:
    """Refuse a document whose thresholds or ledger are not those of the policy that it describes."""
    for name in ("threshold", "raw_threshold"):
        told, found = getattr(document, name), getattr(policy, name)
        same = told is found is None or (None not in (told, found) and math.isclose(told, found))
        if not same:
            raise PolicyError(
                f"{where}: {name} is {told}, but rule, costs and calibration give {found}: the file "
                "was edited in part"
            )
    if document.model.ledger != policy.ledger_of_score.entries:
        raise PolicyError(
            f"{where}: model.ledger is not that of the models: the file was edited in part"
        )
