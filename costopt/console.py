"""What leaves a command, and how it ends: results to stdout, messages to stderr, files as a whole."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costopt.errors import CostOptError, CostOptWarning, SearchError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from costopt.search.result import SearchResult

__all__ = [
    "NotWritten",
    "Program",
    "check_file",
    "check_folder",
    "print_decisions",
    "print_evaluation",
    "print_json",
    "print_result",
    "print_text",
    "say",
    "strict",
    "write_decisions",
]

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
    (r"\bgive another study_name, or a new storage$", "start anew with --force"),
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
        return f"{error.format_message().rstrip('.')} (see '{command} --help')"
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
            sys.stderr.flush()

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


def print_result(result: SearchResult, out: Path | None, *, as_json: bool) -> None:
    """Write what a search found to stdout, and where it was saved; None where it could not be."""
    if not as_json:
        print_text(result.summary() + (f"\nSaved to {out}" if out else ""))
        return
    evidence = result.policy.evidence
    print_json(
        {
            "threshold": result.threshold,
            "raw_threshold": result.policy.raw_threshold,
            "expected_cost": result.expected_cost.to_dict(),
            "apparent_cost": result.apparent_cost,
            "savings": result.savings.to_dict(),
            "baselines": {name: cost.to_dict() for name, cost in result.baselines.items()},
            "best_params": result.best_params,
            "trial_number": result.trial_number,
            "n_trials": result.n_trials,
            "n_cases": evidence.n_cases,
            "n_positives": evidence.n_positives,
            "reason": evidence.reason,
            "model": result.policy.model_name,
            "unit": result.expected_cost.unit,
            "out": None if out is None else str(out),
        }
    )


def print_evaluation(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Write what a policy costs on labelled rows to stdout."""
    if as_json:
        print_json(found)
        return
    unit, level = found["unit"], found["mean_cost"]["level"]
    lines = [
        f"Cost in {unit} per case, with its {level:.0%} interval, on {found['n_cases']:,} cases of "
        f"which {found['n_positives']:,} are positive"
    ]
    for name, cost in {**found["baselines"], "this policy": found["mean_cost"]}.items():
        interval = f"[{cost['low']:.4g}, {cost['high']:.4g}]"
        lines.append(f"  {name:<12}{cost['value']:>12.4g}   {interval}")
    lines.append(
        f"In total {found['total_cost']:,.6g} {unit} for {found['n_population']:,g} cases."
    )
    if not math.isnan(found["savings"]):
        share = 100 * found["savings"]
        lines.append(f"Saves {share:.3g} % of what the better of never and always acting costs.")
    print_text("\n".join(lines))


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


def check_file(out: Path, data: Path, *, force: bool) -> None:
    """Refuse a file that decisions on ``data`` cannot go to; asked before anything is computed.

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
    if data.exists() and out.samefile(data):
        raise StoreError(f"{out} holds the data to decide on: choose another --out")
    if not force:
        raise StoreError(f"{out} exists: choose another file, or replace it with --force")


def print_decisions(decisions: pd.DataFrame, *, as_json: bool) -> None:
    """Write decisions to stdout, as CSV or as one JSON object per line."""
    if as_json:
        rows = decisions.to_dict("records")
        click.echo("\n".join(json.dumps(row, allow_nan=False) for row in rows))
    else:
        click.echo(_as_csv(decisions), nl=False)


def write_decisions(out: Path, decisions: pd.DataFrame) -> None:
    """Write decisions to a file, whole or not at all: as Parquet if it is so named, else as CSV.

    Raises
    ------
    NotWritten
    """
    from costopt.policy.files import write_atomically

    is_parquet = out.suffix.lower() == ".parquet"
    try:
        write_atomically(
            out, decisions.to_parquet(index=False) if is_parquet else _as_csv(decisions).encode()
        )
    except OSError as error:
        raise NotWritten(f"cannot write {out}: {error.strerror}") from error
    acted = int((decisions["action"] == "act").sum())
    say(f"{len(decisions):,} decisions written to {out}: act on {acted:,}")


def _as_csv(decisions: pd.DataFrame) -> str:
    return str(decisions.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
