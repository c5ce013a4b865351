"""Settings of a whole process that several threads change for a while at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

__all__ = ["CommonSetting"]


class CommonSetting:
    """A change that the first thread in makes and the last thread out undoes.

    Where each thread remembered what was there when it came, the last one to leave would put back
    what another one had set.

    Parameters
    ----------
    change : callable
        Gives a context manager that makes the change and undoes it.
    """

    def __init__(self, change: Callable[..., AbstractContextManager[Any]]) -> None:
        self._change = change
        self._lock = threading.Lock()
        self._inside = 0
        self._made: AbstractContextManager[Any]

    @contextmanager
    def held(self, **how: Any) -> Iterator[None]:
        """The setting for as long as anybody is inside; how it is made, the first one says."""
        with self._lock:
            if self._inside == 0:
                self._made = self._change(**how)
                self._made.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._made.__exit__(None, None, None)
