"""The program ``costopt`` and its commands.

Results go to stdout; messages, warnings and errors go to stderr, one line each. Exit codes: 0, 1 for
a failure while running, 2 for a mistake in what was asked or given, 130 after Ctrl-C.

A value is taken from the command line, else from the environment (COSTOPT_OPTIMIZE_TRIALS=50), else
from the file of --config, else it is the default that --help shows.
"""

# Commands import nothing heavy before they run, so that --help answers at once.
from __future__ import annotations

import click

from costopt.cli.compare import compare
from costopt.cli.completion import completion
from costopt.cli.console import Program
from costopt.cli.init import init
from costopt.cli.optimize import optimize
from costopt.cli.options import loudness
from costopt.cli.show import report, show
from costopt.cli.threshold import threshold
from costopt.cli.use import decide, evaluate

__all__ = ["main"]


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    from importlib.metadata import PackageNotFoundError, version

    if not wanted or context.resilient_parsing:
        return
    try:
        click.echo(f"costopt {version('costopt-ml')}")
    except PackageNotFoundError:
        click.echo("costopt (not installed, run from its source)")
    context.exit()


@click.group(
    "costopt",
    cls=Program,
    commands=[init, compare, optimize, threshold, show, evaluate, decide, report, completion],
    context_settings={"auto_envvar_prefix": "COSTOPT", "help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n"
    "  costopt optimize loans.csv --target defaulted --fn 5000 --fp 300 --out loans\n"
    "  costopt decide loans new.csv --out decisions.csv",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
@loudness
def main() -> None:
    """Declare what each mistake costs, get the decision policy that costs least.

    Options of commands can also be given in the environment, as COSTOPT_OPTIMIZE_TRIALS=50, or by
    the same names in a TOML file, with --config. The command line wins over the environment, and
    that over the file.
    """
