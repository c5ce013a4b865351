"""Overviews as HTML for notebooks; whatever they hold is shown as text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from costopt.showing.text import printable

if TYPE_CHECKING:
    from costopt.showing.overview import Overview, Row

__all__ = ["page_of", "shown"]

# Half transparent greys and two colours that stand on white and on black.
LINE = "1px solid rgba(128,128,128,.45)"
MOODS = {"": "transparent", "good": "rgba(0,130,110,.16)", "bad": "rgba(200,90,0,.18)"}
CELL = f"padding:.3em .7em;border-bottom:{LINE};vertical-align:top;text-align:"


def shown(value: object) -> str:
    """Any value as text of a page.

    Examples
    --------
    >>> shown("<b>bold</b>")
    '&lt;b&gt;bold&lt;/b&gt;'
    """
    return html.escape(printable(str(value)))


def page_of(overview: Overview) -> str:
    """A titled block: what it is, what matters most, a table, and notes.

    Parameters
    ----------
    overview : Overview
    """
    parts = []
    if overview.title:
        parts.append(f'<div style="opacity:.75;font-size:.85em">{shown(overview.title)}</div>')
    if overview.lead:
        style = "font-size:1.2em;font-weight:600;margin:.1em 0 .4em"
        parts.append(f'<div style="{style}">{shown(overview.lead)}</div>')
    if overview.rows or overview.measured:
        parts.append(_table(overview))
    parts += [f"<p>{shown(note)}</p>" for note in overview.notes]
    return (
        f'<div style="border:{LINE};border-radius:6px;padding:.7em 1em;max-width:46em;overflow-x:auto;'
        f'font-family:system-ui,sans-serif;line-height:1.45">{"".join(parts)}</div>'
    )


def _table(overview: Overview) -> str:
    """A table whose first column names the rows."""
    # numbers stand at the right, sentences at the left
    side = "right" if overview.measured else "left"
    heads = "".join(
        f'<th scope="col" style="{CELL}{side if at else "left"}">{shown(name)}</th>'
        for at, name in enumerate(overview.columns)
    )
    rows = [_measured(row) for row in overview.measured] or [_texts(row) for row in overview.rows]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        '<table style="border-collapse:collapse;font-size:.95em;background:transparent">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _texts(row: Sequence[str | tuple[str, str]]) -> str:
    cells = []
    for at, cell in enumerate(row):
        text, mood = (cell, "") if isinstance(cell, str) else cell
        head = at == 0
        tag = 'th scope="row"' if head else "td"
        style = f"{CELL}left;background:{MOODS[mood]}{';font-weight:normal' if head else ''}"
        cells.append(f'<{tag} style="{style}">{shown(text)}</{"th" if head else "td"}>')
    return "".join(cells)


def _measured(row: Row) -> str:
    """A number, its interval, and both as a picture."""
    colour = f"background:{MOODS['good' if row.chosen else '']}"
    number = f"{CELL}right;white-space:nowrap;{colour}"
    name = f"<b>{shown(row.name)}</b>" if row.chosen else shown(row.name)
    return (
        f'<th scope="row" style="{CELL}left;font-weight:normal;{colour}">{name}</th>'
        f'<td style="{number}">{shown(row.value)}</td>'
        f'<td style="{number}">{shown(row.interval)}</td>'
        f'<td style="{number}">{_bar(row)}</td>'
    )


def _bar(row: Row) -> str:
    if row.places is None:
        return ""
    low, value, high = row.places
    return (
        '<svg width="160" height="14" viewBox="0 0 100 14" preserveAspectRatio="none" '
        'role="img" aria-label="interval" style="vertical-align:middle">'
        f'<rect x="{low:.2f}" y="5" width="{max(high - low, 0.5):.2f}" height="4" '
        'fill="currentColor" opacity=".4"/>'
        f'<rect x="{value - 0.7:.2f}" y="1" width="1.4" height="12" fill="currentColor"/></svg>'
    )
