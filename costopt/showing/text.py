"""Numbers and texts as people read them: separators, no exponents, nothing that a terminal obeys."""

from __future__ import annotations

import math

__all__ = ["MISSING", "figure", "fixed", "money", "percent", "printable"]

MISSING = "\N{EN DASH}"


def printable(text: str) -> str:
    r"""A text with escapes for what does not print: line breaks, and codes that terminals obey.

    Examples
    --------
    >>> print(printable("two\nlines \x1b[31mred"))
    two\nlines \x1b[31mred
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def figure(value: float, digits: int = 4) -> str:
    """A number in so many significant digits, with thousands separators and without exponents.

    Examples
    --------
    >>> figure(1234567.0), figure(0.001234567), figure(0.1 + 0.2), figure(-3e20)
    ('1,234,567', '0.001235', '0.3', '-3e+20')
    """
    if not math.isfinite(value) or value == 0 or not 1e-12 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return _stripped(f"{value:,.{max(places, 0)}f}")


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals; a dash where there is none.

    Examples
    --------
    >>> fixed(1234.56, 1), fixed(-0.001, 2), fixed(float("nan"), 1) == MISSING
    ('1,234.6', '0.00', True)
    """
    if not math.isfinite(value):
        return MISSING
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def money(value: float) -> str:
    """An amount: to the cent, from 100 on with one decimal, from 100,000 on whole.

    Examples
    --------
    >>> money(-12.345), money(1234.56), money(1234567.8)
    ('-12.35', '1,234.6', '1,234,568')
    """
    size = abs(value)
    return fixed(value, 0 if size >= 1e5 else 1 if size >= 100 else 2)


def percent(share: float, decimals: int | None = None) -> str:
    """A share of 1 in percent.

    Parameters
    ----------
    share : float
        A dash where it is NaN.
    decimals : int, optional
        As many; three significant digits where None, or as many more as it takes to differ
        from 0 and 100.

    Examples
    --------
    >>> percent(0.0008), percent(0.16667), percent(0.25), percent(0.9992), percent(0.999999)
    ('0.08 %', '16.7 %', '25 %', '99.92 %', '99.9999 %')
    >>> percent(0.25, 1), percent(-0.0312)
    ('25.0 %', '-3.12 %')
    """
    if not math.isfinite(share):
        return MISSING
    value = 100 * share
    if decimals is not None:
        return f"{fixed(value, decimals)} %"
    # three digits of the share, two of what is left to 100
    places = max(_places(abs(value), 3), _places(abs(100 - value), 2))
    return f"{_stripped(fixed(value, places))} %"


def _places(size: float, digits: int) -> int:
    """Decimals that show so many significant digits of a number; none of 0."""
    places, unit = 0, 10.0 ** (digits - 1)
    while 0 < size < unit and places < 12:
        places, unit = places + 1, unit / 10
    return places


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
