"""A mistake that was found: what kind, how bad, by which evidence, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from costopt.errors import warn

__all__ = ["Finding", "Severity", "percent", "ranked"]

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


def ranked(findings: Iterable[Finding | None]) -> tuple[Finding, ...]:
    """Those there are, the worst first."""
    found = [finding for finding in findings if finding is not None]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


def percent(share: float) -> str:
    """A share in per cent, never rounded to 0 or 100 unless it is that.

    Examples
    --------
    >>> percent(0.0008), percent(0.9992), percent(0.25), percent(0.999999)
    ('0.08 %', '99.92 %', '25 %', '99.9999 %')
    """
    rest = min(share, 1 - share)
    if not rest > 0:
        return f"{100 * share:.3g} %"
    digits = 0
    # two significant digits of what is left to 0 or 100
    while round(100 * rest, digits) < 10 ** (1 - digits) and digits < 12:
        digits += 1
    shown = f"{100 * share:.{digits}f}"
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown} %"
