"""Whether anybody looks at a progress bar."""

from __future__ import annotations

import sys

__all__ = ["is_shown"]


def is_shown(*, progress: bool | None) -> bool:
    """Whether to draw progress: as told, else on terminals; never where there is no stderr at all.

    Services and programs without a console have ``sys.stderr`` None or closed.
    """
    stream = sys.stderr
    if stream is None or getattr(stream, "closed", False):
        return False
    return stream.isatty() if progress is None else progress
