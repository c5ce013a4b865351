"""Where results go: asked before anything is computed, and never over something unasked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.cli.console import NotWritten
from costopt.errors import StoreError

if TYPE_CHECKING:
    from costopt.policy.policy import DecisionPolicy

__all__ = ["check_file", "check_folder", "made_folder", "policy_in", "write_file"]


def policy_in(folder: Path) -> DecisionPolicy:
    """The policy that is saved in a folder.

    Raises
    ------
    StoreError, PolicyError
        If there is none, or it cannot be read.
    """
    from costopt.policy.policy import DecisionPolicy

    if not (folder / "policy.json").exists():
        raise StoreError(
            f"No policy found in {folder}{os.sep}: name the folder that one was saved in"
        )
    return DecisionPolicy.load(folder)


def check_folder(out: Path, *, force: bool) -> None:
    """Refuse a folder that a policy cannot go to; meant to be asked before anything is fitted.

    Raises
    ------
    StoreError
    """
    from costopt.policy.files import check_free

    check_free(out, overwrite=force)
    nearest_folder = next(part for part in (out, *out.absolute().parents) if part.exists())
    if not os.access(nearest_folder, os.W_OK | os.X_OK):
        raise StoreError(f"{nearest_folder} cannot be written to: choose another place for --out")


def check_file(out: Path, data: Path | None = None, *, force: bool) -> None:
    """Refuse a file that a result cannot go to; asked before anything is computed.

    Parameters
    ----------
    out : Path
    data : Path, optional
        What the result is made from, which it must not replace.
    force : bool
        Whether another file may be replaced.

    Raises
    ------
    StoreError
    """
    if not out.parent.is_dir():
        raise StoreError(f"{out.parent} is not a folder: make it first, or choose another --out")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{out.parent} cannot be written to: choose another place for --out")
    # a link such as /dev/stdout would be replaced itself, not what it points to
    if out.is_symlink() or (out.exists() and not out.is_file()):
        raise StoreError(f"{out} is not a plain file: choose another --out")
    if not out.exists():
        return
    if data is not None and data.exists() and out.samefile(data):
        raise StoreError(f"{out} holds the data that are read: choose another --out")
    if not force:
        raise StoreError(f"{out} exists: choose another file, or replace it with --force")


def write_file(out: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    NotWritten
    """
    from costopt.policy.files import write_atomically

    try:
        write_atomically(out, content)
    except OSError as error:
        raise NotWritten(f"cannot write {out}: {error.strerror}") from error


@contextmanager
def made_folder(out: Path) -> Iterator[None]:
    """Make a folder for what follows, and leave none behind if that fails and wrote nothing."""
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {out}: {error.strerror}") from None
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):  # it is not empty
                out.rmdir()
        raise
