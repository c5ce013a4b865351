"""The folder of a saved policy: ``policy.json`` and its models, written and read side by side.

Files appear whole, by a rename from a name that nobody can guess. Models come first, under names
that carry their hash, and ``policy.json`` last: a crash leaves the old policy or the new one. Saves
to one folder wait for each other; a load that misses a model of a policy which was replaced
meanwhile starts again with the new one.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from costopt.errors import PolicyError, StoreError, check_path
from costopt.policy.document import Document, read_document

try:
    import fcntl
except ImportError:  # there are no such locks on Windows
    fcntl = None  # type: ignore[assignment]  # it is a module elsewhere

__all__ = ["check_free", "read_folder", "write_atomically", "write_folder"]

POLICY_FILE = "policy.json"
MAX_POLICY_BYTES = 16 * 2**20
MAX_MODEL_BYTES = 256 * 2**20
MAX_TOTAL_BYTES = 512 * 2**20
MODEL = re.compile(r"model-[0-9a-f]{12}\.json")
LEFT_BEHIND = re.compile(r"\.(policy|model-[0-9a-f]{12})\.json\.[0-9a-f]{16}\.tmp")
# seconds that a save waits for another, and times that a load starts again
PATIENCE = 60.0
MAX_TRIES = 1000
# where a system has no such flag, it has no such files either
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)


def write_folder(
    folder: str | PathLike[str],
    text: str,
    contents: Mapping[str, bytes],
    *,
    overwrite: bool = False,
) -> None:
    """Write a policy's document and its models, the document last.

    What killed saves left behind, and models of the policy that is replaced, are removed at the end.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    text : str
        What ``policy.json`` holds.
    contents : mapping of str to bytes
        Model files by name.
    overwrite : bool, default=False
        Replace a policy that is there; other files are left alone.

    Raises
    ------
    StoreError
        If there is a policy already, or the folder cannot be written.
    PolicyError
        If it is larger than what is loaded.
    """
    target = check_path(folder)
    check_free(target, overwrite=overwrite)
    _check_sizes(text, contents)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with _alone(target) as alone:
            check_free(target, overwrite=overwrite)
            for name, content in contents.items():
                write_atomically(target / name, content)
            _make_durable(target)
            write_atomically(target / POLICY_FILE, text.encode())
            _make_durable(target)
            if alone:
                _clean(target, contents)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"cannot write the policy to {target}: {error}") from error


def check_free(folder: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse a folder that holds a policy already, or that is a file.

    Raises
    ------
    StoreError
    """
    target = check_path(folder)
    commit = target / POLICY_FILE
    if commit.exists() and not overwrite:
        raise StoreError(f"{commit} exists: choose another folder, or overwrite it on purpose")
    for part in (target, *target.parents):
        if part.exists():
            if not part.is_dir():
                raise StoreError(f"{part} is a file: a policy is saved as a folder")
            break


def read_folder(folder: str | PathLike[str]) -> tuple[Document, dict[str, bytes]]:
    """Read a policy's document and its models, validated as far as they can be without building.

    Returns
    -------
    document : Document
    contents : dict of str to bytes
        Each model file that the document lists, read once; it has the hash that is stored.

    Raises
    ------
    StoreError
        If a file cannot be read.
    PolicyError
        If a file is not what `write_folder` writes.
    """
    path = check_path(folder) / POLICY_FILE
    for _ in range(MAX_TRIES):
        content, version = _read(path, MAX_POLICY_BYTES)
        document = read_document(content, path)
        try:
            return document, _read_models(path, document)
        except (StoreError, PolicyError):
            if _read(path, MAX_POLICY_BYTES)[1] == version:
                raise
    raise StoreError(f"{path} is replaced faster than it can be read: load it later")


def _read_models(path: Path, document: Document) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    left = MAX_TOTAL_BYTES
    for part in document.model.files:
        if part.name in contents:
            continue
        model = path.with_name(part.name)
        content, _ = _read(model, min(MAX_MODEL_BYTES, left))
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise PolicyError(
                f"{model} is not the model that policy.json was saved with (SHA-256 differs): "
                "restore both files from one save"
            )
        contents[part.name] = content
        left -= len(content)
    return contents


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that other readers see the old content or all of the new.

    It is written under a new name that nobody else uses, readable by its owner alone until it is
    whole, and then renamed. A link at ``path`` is replaced, not followed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, _NEW, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            _set_mode(descriptor, 0o600)
            sink.write(content)
            sink.flush()
            os.fsync(descriptor)
            _set_mode(descriptor, mode)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _set_mode(descriptor: int, mode: int) -> None:
    if hasattr(os, "fchmod"):  # not on Windows, where files have no such mode
        os.fchmod(descriptor, mode)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Wait until no other save writes to a folder; False where a system or disk cannot say."""
    if fcntl is None:
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        locked = _locked(descriptor, folder)
        try:
            yield locked
        finally:
            if locked:  # a process that was forked meanwhile holds the descriptor too
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, folder: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"{folder} is being saved to by another process for {PATIENCE:.0f} s: is it stopped?"
                ) from None
            time.sleep(0.01)
        except OSError:
            return False  # a network disk without locks
        else:
            return True


def _clean(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Remove what no policy needs: models that are not listed, and files of saves that were killed."""
    for path in folder.iterdir():
        old = MODEL.fullmatch(path.name) and path.name not in contents
        if old or LEFT_BEHIND.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _make_durable(folder: Path) -> None:
    """Have renames on disk before what follows, where folders can be synchronised."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check_sizes(text: str, contents: Mapping[str, bytes]) -> None:
    sizes = [len(content) for content in contents.values()]
    for what, size, limit in (
        ("policy.json", len(text.encode()), MAX_POLICY_BYTES),
        ("the largest model", max(sizes, default=0), MAX_MODEL_BYTES),
        ("all models together", sum(sizes), MAX_TOTAL_BYTES),
    ):
        if size > limit:
            raise PolicyError(
                f"{what} would take {size:,} bytes, and at most {limit:,} are loaded: save a smaller "
                "model"
            )


def _read(path: Path, limit: int) -> tuple[bytes, tuple[int, int, int]]:
    """The content of a plain file of a bounded size, and what differs in another of its name."""
    try:
        descriptor = os.open(path, _READ)
        with os.fdopen(descriptor, "rb") as source:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise _not_plain(path)
            if found.st_size > limit:
                raise PolicyError(
                    f"{path} is larger than {limit:,} bytes: it is not a saved policy"
                )
            content = source.read(limit + 1)
    except StoreError:
        raise
    except OSError as error:
        if path.is_symlink() or not path.is_file():
            raise _not_plain(path) from None
        raise StoreError(f"cannot read {path}: {error}") from error
    return content, (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def _not_plain(path: Path) -> StoreError:
    return StoreError(f"{path} is not there as a plain file: is this a saved policy?")
