"""How a command speaks and how it ends: results to stdout, all else to stderr, one line each."""

from __future__ import annotations

import json
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from costopt.errors import CostOptError, CostOptWarning, SearchError, StoreError

__all__ = ["NotWritten", "Program", "print_json", "print_text", "say", "strict"]

INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended

# The library speaks of its arguments; here they are options.
OPTION_OF = (
    (r"^y must", "the target must"),
    (r"^X has", "the data have"),
    (r"\bpos_label=", "--positive "),
    (r"\bhindsight=\((.*?),\)", r"--hindsight \1"),
    (r"\btime='", "--time '"),
    (r"\bcv=(?=\d)", "--folds "),
    (r"\bignore=", "--ignore"),
    (r"\bsample_weight\b", "--weight"),
    (r"\boverwrite it on purpose\b", "replace it with --force"),
)


class NotWritten(StoreError):
    """A result that was there could not be written: no mistake in what was asked."""


class Program(click.Group):
    """A group of commands whose warnings and errors are one line each.

    Exit codes: 0; 1 for a failure while running; 2 for a mistake in what was asked or given; 130
    after Ctrl-C. A traceback is shown only where ``--debug`` is among the words.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  # as click has it
        **extra: Any,
    ) -> Any:
        """Run a command and end the process; without standalone mode, return or raise."""
        words = sys.argv[1:] if args is None else list(args)
        try:
            with _warnings_as_lines():
                code = super().main(
                    words, prog_name or "costopt", complete_var, standalone_mode=False, **extra
                )
        except Exception as error:
            if not standalone_mode:
                raise
            # looked for here, since words can be wrong before any option is parsed
            if "--debug" in words:
                traceback.print_exception(error)
            say(f"error: {_message(error)}")
            code = _exit_code(error)
        if standalone_mode:
            sys.exit(code)
        return code


def _message(error: Exception) -> str:
    if isinstance(error, click.Abort):
        return "interrupted: nothing was written"
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "costopt"
        return f"{error.format_message().rstrip('.')}: see '{command} --help'"
    if isinstance(error, CostOptError):
        return _in_options(str(error))
    return f"{type(error).__name__}: {error} (this was not expected: --debug shows where)"


def _exit_code(error: Exception) -> int:
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if isinstance(error, SearchError | NotWritten):
        return 1
    return 2 if isinstance(error, CostOptError | click.UsageError) else 1


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show each warning once, as one line on stderr."""
    shown = set()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        from tqdm import tqdm  # writes without tearing a progress bar

        named = isinstance(message, CostOptWarning)
        text = _in_options(str(message)) if named else f"[{category.__name__}] {message}"
        if text not in shown:
            shown.add(text)
            tqdm.write(f"warning: {_one_line(text)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CostOptWarning)
        warnings.showwarning = show
        yield


def _in_options(text: str) -> str:
    """A message of the library in the words of the command line."""
    for argument, option in OPTION_OF:
        text = re.sub(argument, option, text)
    return text


def _one_line(text: str) -> str:
    return _printable(" ".join(text.split()))


def _printable(line: str) -> str:
    """A line with escapes for control characters, which names in a file may carry to a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def say(message: str) -> None:
    """Write a message to stderr, as one line."""
    click.echo(_one_line(message), err=True)


def print_text(text: str) -> None:
    """Write to stdout, with escapes for what a terminal must not get or cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    lines = "\n".join(_printable(line) for line in text.split("\n"))
    click.echo(lines.encode(encoding, "backslashreplace").decode(encoding))


def print_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    click.echo(json.dumps(strict(value), indent=2, allow_nan=False))


def strict(value: Any) -> Any:
    """Plain values that strict JSON can hold: NaN as None, infinities as "inf" and "-inf".

    Parameters
    ----------
    value : plain value, mapping, list or tuple
        Of numbers, texts, booleans and None, nested as deep as you like.

    Examples
    --------
    >>> strict({"threshold": float("inf"), "range": (0.5, float("nan"))})
    {'threshold': 'inf', 'range': [0.5, None]}
    """
    from costopt.policy.evidence import plain

    if isinstance(value, Mapping):
        return {str(name): strict(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return plain(value)
