"""A mistake that was found: what kind, how bad, by which evidence, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from costopt.errors import warn
from costopt.inputs.suspicion import Suspicion, remedy
from costopt.showing.overview import Overview, Presentable

__all__ = ["Finding", "Findings", "findings_of", "ranked"]

Severity = Literal["error", "warning", "note"]

_ORDER = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """A mistake, or something that looks like one.

    Parameters
    ----------
    code : str
        Stable, kebab-case name of the kind of mistake.
    severity : {"error", "warning", "note"}
        An error makes what is measured wrong; a warning probably does; a note is worth knowing.
    evidence : str
        What was found, in numbers.
    remedy : str
        What to do.

    Examples
    --------
    >>> print(Finding("few-positives", "warning", "there are 12 positives", "collect more"))
    warning [few-positives] there are 12 positives: collect more
    """

    code: str
    severity: Severity
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity} [{self.code}] {self.evidence}: {self.remedy}"

    def warn(self) -> None:
        """Issue it as a `CostOptWarning` of the same code."""
        warn(self.code, f"{self.evidence}: {self.remedy}")

    def to_dict(self) -> dict[str, str]:
        """Plain values, for JSON."""
        return asdict(self)


_OF_SUSPICION: dict[str, tuple[str, Severity]] = {
    "leaking-column": ("leaking-column", "warning"),
    "leaking-flags": ("leaking-column", "warning"),
    "identifier": ("row-identifier", "warning"),
    "contradicting-rows": ("contradicting-rows", "warning"),
    "repeated-rows": ("repeated-rows", "warning"),
}


def findings_of(suspicions: Iterable[Suspicion]) -> Iterator[Finding]:
    """What is suspicious about a table, as findings."""
    for one in suspicions:
        code, severity = _OF_SUSPICION[one.kind]
        yield Finding(code, severity, one.evidence, remedy([one]))


class Findings(tuple[Finding, ...], Presentable):
    """What was found, the worst first; a tuple that notebooks show as a table.

    Examples
    --------
    >>> print(Findings())
    nothing found
    """

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing found"

    def overview(self) -> Overview:
        """One row for each; in words where there is none."""
        counts = Counter[str](each.severity for each in self)
        told = [f"{n:,} {kind}{'s' if n > 1 else ''}" for kind in _ORDER if (n := counts[kind])]
        return Overview(
            "Findings",
            ", ".join(told) or "Nothing found",
            ("severity", "code", "what was found", "what to do"),
            [(each.severity, each.code, each.evidence, each.remedy) for each in self],
        )


def ranked(findings: Iterable[Finding | None]) -> Findings:
    """Those there are, the worst first."""
    found = [finding for finding in findings if finding is not None]
    return Findings(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
