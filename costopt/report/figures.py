"""Numbers as the page writes them; its script writes the same numbers in the same digits."""

from __future__ import annotations

import math

__all__ = ["MISSING", "amount", "money", "percent", "threshold_text"]

MISSING = "\N{EN DASH}"


def money(value: float) -> str:
    """To the cent.

    Examples
    --------
    >>> money(-1234.5), money(-0.001)
    ('-1,234.50', '0.00')
    """
    return _fixed(value, 2)


def amount(value: float) -> str:
    """Cases, which weights make fractions of, with one decimal."""
    return _fixed(value, 1)


def percent(share: float) -> str:
    """A share of 1 in percent, with one decimal.

    Examples
    --------
    >>> percent(0.3333), percent(float("nan")) == MISSING
    ('33.3 %', True)
    """
    return MISSING if math.isnan(share) else f"{_fixed(100 * share, 1)} %"


def threshold_text(threshold: float) -> str:
    """A probability to act from; more digits for small ones.

    Examples
    --------
    >>> threshold_text(0.0459), threshold_text(0.00042), threshold_text(float("inf"))
    ('4.59 %', '0.042 %', 'never act')
    """
    if math.isinf(threshold):
        return "never act" if threshold > 0 else "always act"
    size = abs(threshold)
    digits = 2 if size >= 0.01 else 3 if size >= 0.0001 else 6
    return f"{_fixed(100 * threshold, digits)} %"


def _fixed(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return MISSING
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text
