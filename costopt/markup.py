"""Small pieces of HTML for notebooks; whatever they are given is shown as text."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "BAD",
    "GOOD",
    "bar",
    "estimates_table",
    "figure",
    "panel",
    "percent",
    "printable",
    "shown",
    "table",
]

# Half transparent greys and two colours that stand on white and on black.
LINE = "1px solid rgba(128,128,128,.45)"
GOOD = "rgba(0,130,110,.16)"
BAD = "rgba(200,90,0,.18)"
_CELL = f"padding:.3em .7em;border-bottom:{LINE};text-align:"


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
    if not math.isfinite(value) or value == 0 or not 1e-6 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


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


def shown(value: object) -> str:
    """Any value as text of a page.

    Examples
    --------
    >>> shown("<b>bold</b>")
    '&lt;b&gt;bold&lt;/b&gt;'
    """
    return html.escape(printable(str(value)))


def panel(title: str, lead: str, *parts: str) -> str:
    """A titled block.

    Parameters
    ----------
    title, lead : str
        Shown as text: what it is, and what matters most of it.
    *parts : str
        HTML that follows.
    """
    return (
        f'<div style="border:{LINE};border-radius:6px;padding:.7em 1em;max-width:46em;overflow-x:auto;'
        'font-family:system-ui,sans-serif;line-height:1.45">'
        f'<div style="opacity:.75;font-size:.85em">{shown(title)}</div>'
        f'<div style="font-size:1.2em;font-weight:600;margin:.1em 0 .4em">{shown(lead)}</div>'
        f"{''.join(parts)}</div>"
    )


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    colours: Sequence[Sequence[str]] = (),
) -> str:
    """A table whose first column names the rows.

    Parameters
    ----------
    head : sequence of str
        Shown as text.
    rows : iterable of sequence of str
        HTML.
    colours : sequence of sequence of str, optional
        Background of each cell, as CSS.
    """

    def cell(row: int, column: int, content: str) -> str:
        tag = 'th scope="row"' if column == 0 else "td"
        colour = f";background:{colours[row][column]}" if colours else ""
        align = "left;font-weight:normal" if column == 0 else "right;white-space:nowrap"
        style = f"{_CELL}{align}{colour}"
        return f'<{tag} style="{style}">{content}</{tag.split()[0]}>'

    titles = "".join(
        f'<th scope="col" style="{_CELL}{"right" if column else "left"}">{shown(name)}</th>'
        for column, name in enumerate(head)
    )
    body = "".join(
        f"<tr>{''.join(cell(at, column, content) for column, content in enumerate(row))}</tr>"
        for at, row in enumerate(rows)
    )
    return (
        '<table style="border-collapse:collapse;font-size:.95em;background:transparent">'
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
    )


def bar(low: float, value: float, high: float, ends: tuple[float, float]) -> str:
    """A number and its interval as a picture, on a scale from one end to the other.

    Numbers that are not finite give an empty picture.
    """
    span = ends[1] - ends[0]
    places = [100 * (each - ends[0]) / span if span > 0 else 50.0 for each in (low, value, high)]
    if not all(-1e6 < place < 1e6 for place in places):
        return ""
    left, middle, right = places
    return (
        '<svg width="160" height="14" viewBox="0 0 100 14" preserveAspectRatio="none" '
        'role="img" aria-label="interval" style="vertical-align:middle">'
        f'<rect x="{left:.2f}" y="5" width="{max(right - left, 0.5):.2f}" height="4" '
        'fill="currentColor" opacity=".4"/>'
        f'<rect x="{middle - 0.7:.2f}" y="1" width="1.4" height="12" fill="currentColor"/></svg>'
    )


def estimates_table(rows: Mapping[str, Any], what: str, *, chosen: str = "") -> str:
    """Numbers with their intervals, side by side on one scale that starts at 0.

    Parameters
    ----------
    rows : mapping of str to Estimate
    what : str
        What the numbers are, in which unit.
    chosen : str, optional
        The row that stands out.
    """
    bounds = [bound for found in rows.values() for bound in (found.low, found.high)]
    finite = [bound for bound in bounds if abs(bound) < 1e300]
    ends = (min(0.0, *finite, 0.0), max(0.0, *finite, 0.0))
    cells = []
    for name, found in rows.items():
        title = f"<b>{shown(name)}</b>" if name == chosen else shown(name)
        interval = shown(found.interval_text())
        picture = bar(found.low, found.value, found.high, ends)
        cells.append((title, figure(found.value), interval, picture))
    colours = [[GOOD if name == chosen else "transparent"] * 4 for name in rows]
    return table(["", what, "95 % interval", ""], cells, colours)
