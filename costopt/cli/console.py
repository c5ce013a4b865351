"""How a program speaks and ends: results to stdout; messages, warnings, errors to stderr, a line each."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from costopt.errors import CostOptError, CostOptWarning, SearchError, StoreError, nearest
from costopt.progress import is_shown
from costopt.showing.text import printable

__all__ = [
    "NotWritten",
    "Program",
    "detail",
    "is_quiet",
    "is_verbose",
    "print_json",
    "print_text",
    "say",
    "speak",
]

INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
LOUDNESS = "costopt.loudness"

# The library speaks of its arguments; here they are options.
OPTION_OF = (
    (r"^y must", "the target must"),
    (r"^X has", "the data have"),
    (r"\bignore=\[.*?\] \(on the command line: (.*?)\)(?=[.;:]|$)", r"\1"),
    (r"\bpos_label=", "--positive "),
    (r"\bhindsight=\((.*?),\)", r"--hindsight \1"),
    (r"\btime='", "--time '"),
    (r"\bheader=False\b", "--no-header"),
    (r"\btexts=", "--text "),
    (r"\bcv=(?=\d)", "--folds "),
    (r"\bignore=", "--ignore"),
    (r"\bsample_weight\b", "--weight"),
    (r"\boverwrite it on purpose\b", "replace it with --force"),
    (
        r"\bgive another study_name, or a new storage$",
        "choose another --out, or start anew with --force",
    ),
)


class NotWritten(StoreError):
    """A result that was there could not be written: no mistake in what was asked."""


class Program(click.Group):
    """A group of commands, in order of their use, whose warnings and errors are one line each.

    Exit codes: 0; 1 for a failure while running; 2 for a mistake in what was asked or given; 130
    after Ctrl-C. A traceback is shown only where ``--debug`` is among the words.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # as click has it
        **extra: Any,
    ) -> Any:
        """Run a command and end the process; without standalone mode, return or raise."""
        words = (sys.argv[1:] if args is None else list(args)) or ["--help"]
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
            click.echo(f"{_marked('error:', 'red')} {_one_line(_message(error))}", err=True)
            code = _exit_code(error)
        if standalone_mode:
            sys.exit(code)
        return code

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were added, which is the order in which they are used."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; the nearest one is offered for a misspelt word."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}: {nearest(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


def _message(error: Exception) -> str:
    if isinstance(error, click.Abort):
        return "interrupted: nothing was written"
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "costopt"
        return f"{error.format_message().rstrip('.')} (see '{command} --help')"
    if isinstance(error, CostOptError):
        return getattr(error, "on_command_line", None) or _in_options(str(error))
    return f"{type(error).__name__}: {error} (this was not expected: --debug shows where)"


def _exit_code(error: Exception) -> int:
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if isinstance(error, SearchError | NotWritten):
        return 1
    return 2 if isinstance(error, CostOptError | click.UsageError) else 1


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show each warning once, as one line on stderr; none in a quiet command."""
    shown = set()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        named = isinstance(message, CostOptWarning)
        text = _in_options(str(message)) if named else f"[{category.__name__}] {message}"
        if text not in shown and not is_quiet():
            shown.add(text)
            _beside_a_bar(f"{_marked('warning:', 'yellow')} {_one_line(text)}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", CostOptWarning)
        warnings.showwarning = show
        yield


def _beside_a_bar(line: str) -> None:
    """Write a line to stderr without tearing a progress bar that may stand there."""
    from tqdm import tqdm

    if sys.stderr is None:  # nobody to tell
        return
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


def _marked(word: str, colour: str) -> str:
    """A word in a colour, on a terminal whose owner has not said NO_COLOR."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return word if plain or not is_shown(progress=None) else click.style(word, fg=colour, bold=True)


def _in_options(text: str) -> str:
    """A message of the library in the words of the command line."""
    for argument, option in OPTION_OF:
        text = re.sub(argument, option, text)
    return text


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def speak(context: click.Context, change: int) -> None:
    """Make the rest of a command say less (-1) or more (1) than usual.

    Raises
    ------
    click.UsageError
        If both are asked for.
    """
    if context.meta.setdefault(LOUDNESS, change) != change:
        raise click.UsageError("--quiet and --verbose exclude each other", context)


def is_quiet() -> bool:
    """Whether the command that runs was asked for results and errors only."""
    return _loudness() < 0


def is_verbose() -> bool:
    """Whether the command that runs was asked to say what it does."""
    return _loudness() > 0


def _loudness() -> int:
    context = click.get_current_context(silent=True)
    return 0 if context is None else int(context.meta.get(LOUDNESS, 0))


def say(message: str) -> None:
    """Write a message to stderr, as one line; a quiet command does not."""
    if not is_quiet():
        click.echo(_one_line(message), err=True)


def detail(message: str) -> None:
    """Write to stderr what only a verbose command says, as one line."""
    if is_verbose():
        _beside_a_bar(_one_line(message))


def print_text(text: str) -> None:
    """Write to stdout, with escapes for what a terminal must not get or cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    lines = "\n".join(printable(line) for line in text.split("\n"))
    click.echo(lines.encode(encoding, "backslashreplace").decode(encoding))


def print_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    from costopt.plain import plain

    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))
