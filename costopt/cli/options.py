"""Options that commands share, and where their values come from."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from costopt.cli.config import declared_costs, read_config
from costopt.cli.console import speak
from costopt.errors import CostOptError, CostSpecError, nearest

if TYPE_CHECKING:
    from costopt.decision.costs import CostMatrix

__all__ = [
    "PATH",
    "ListingCommand",
    "as_json",
    "check_names",
    "column",
    "cost_options",
    "costs_from",
    "force",
    "loudness",
    "name_option",
    "option",
    "refuse_nan",
    "settings",
    "together",
]

PATH = click.Path(path_type=Path)
FILE = "costopt.configuration"
FILE_COSTS = "costopt.costs"

Decorator = Callable[[Any], Any]


class Setting(click.Option):
    """An option whose value is known by one name in the environment and in files: its own.

    Where the value is wrong, the message says which of them it came from.
    """

    @property
    def word(self) -> str:
        """The name without dashes before it."""
        return self.opts[0].removeprefix("--")

    def _variable(self, ctx: click.Context) -> str:
        return f"{ctx.auto_envvar_prefix}_{self.word.replace('-', '_').upper()}"

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value in the environment; an empty one counts as none."""
        return os.environ.get(self._variable(ctx)) or None

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """The name of the option, and of the variable or file that holds the value."""
        assert ctx is not None  # noqa: S101  # errors of options are always raised in a command
        hint = super().get_error_hint(ctx)
        source = ctx.get_parameter_source(str(self.name))
        if source is ParameterSource.ENVIRONMENT:
            return f"{hint} (from {self._variable(ctx)})"
        if source is ParameterSource.DEFAULT_MAP:
            return f"{hint} (from {ctx.meta[FILE]})"
        return hint


class ListingCommand(click.Command):
    """A command whose help lists names, which are looked up when the help is asked for.

    Parameters
    ----------
    listed : callable
        Gives what stands in the help for each ``{word}`` of it; to know it may take a large import.
    """

    def __init__(self, *args: Any, listed: Callable[[], Mapping[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._listed = listed

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help with the names."""
        written = self.help
        self.help = (written or "").format(**self._listed())
        try:
            super().format_help_text(ctx, formatter)
        finally:
            self.help = written


class _Column(click.types.StringParamType):
    """The name of a column. In the environment, commas stand between several: names hold blanks."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [name.strip() for name in rv.split(",")]


def option(*names: str, **more: Any) -> Decorator:
    """An option, as click's."""
    return click.option(*names, cls=Setting, **more)


def column(name: str, text: str, **more: Any) -> Decorator:
    """An option that names a column of the data."""
    return option(name, type=_Column(), metavar="COLUMN", help=text, **more)


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, shown in this order."""

    def add(command: Any) -> Any:
        for each in reversed(options):
            command = each(command)
        return command

    return add


def refuse_nan(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """A callback for numbers that a range cannot refuse."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number")
    return value


def name_option(
    *names: str, what: str, known: Callable[[], Collection[str]], **more: Any
) -> Decorator:
    """An option whose value, or values, are among known names, which a shell completes.

    Parameters
    ----------
    *names : str
        Of the option.
    what : str
        What is named, such as ``"learner"``.
    known : callable
        Gives the names when they are needed, since to know them may take a large import.
    **more
        As for `option`.
    """

    def check(_: click.Context, __: click.Parameter, given: Any) -> Any:
        if given:
            check_names(what, [given] if isinstance(given, str) else given, known())
        return given

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in known() if name.startswith(incomplete)]

    return option(*names, callback=check, shell_complete=complete, metavar="NAME", **more)


def check_names(what: str, names: Sequence[str], known: Collection[str]) -> None:
    """Refuse a name that is not known or comes twice.

    Raises
    ------
    click.BadParameter
    """
    for name in names:
        if name not in known:
            raise click.BadParameter(f"there is no {what} {name!r}, {nearest(name, known)}")
    if len(set(names)) < len(names):
        raise click.BadParameter(f"name each {what} once")


def _be(change: int) -> Callable[..., None]:
    def heed(context: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            speak(context, change)

    return heed


loudness = together(
    option("--quiet", "-q", is_flag=True, expose_value=False, callback=_be(-1),
           help="Results and errors only: no warnings, no progress."),
    option("--verbose", "-v", is_flag=True, expose_value=False, callback=_be(1),
           help="Say on stderr what is being done."),
    click.option("--debug", is_flag=True, expose_value=False, allow_from_autoenv=False,
                 help="Show where in the code an error arose."),
)  # fmt: skip


def _take_config(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Let the options that follow take their defaults from a file."""
    if path is None or context.resilient_parsing:
        return
    program = context.find_root().command
    assert isinstance(program, click.Group)  # noqa: S101  # commands are run by the program
    options = {name: list(_settable(command)) for name, command in program.commands.items()}
    command = str(context.info_name)
    found, costs = read_config(path, command, options)
    settable = _settable(context.command)
    context.meta[FILE], context.meta[FILE_COSTS] = path, costs
    context.default_map = {
        str(settable[name].name): _checked(settable[name], value, f"{path}: {name}")
        for name, value in found.items()
    }


def _settable(command: click.Command) -> dict[str, click.Option]:
    """The options that a file may set, by their names there: those of the command line."""
    return {
        parameter.word: parameter
        for parameter in command.params
        if isinstance(parameter, Setting) and parameter.name != "config"
    }


def _checked(parameter: click.Option, value: Any, where: str) -> Any:
    """A value of a TOML file as the command line would give it, to be converted like that."""
    if parameter.is_flag:
        if not isinstance(value, bool):
            raise click.UsageError(f"{where} must be true or false, got {value!r}")
        return value
    kind = "a text, a number, or a list of them" if parameter.multiple else "a text or a number"
    values = value if isinstance(value, list) and parameter.multiple else [value]
    for one in values:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise click.UsageError(f"{where} must be {kind}, got {value!r}")
    texts = [str(one) for one in values]
    return texts if parameter.multiple else texts[0]


_config = option(
    "--config", type=PATH, metavar="FILE", is_eager=True, expose_value=False,
    callback=_take_config, help="TOML file with values for these options, by the same names.",
)  # fmt: skip

as_json = option("--json", "as_json", is_flag=True, help="Print one JSON object, not text.")
force = option("--force", is_flag=True, help="Replace what is there already.")
settings = together(_config, loudness)


def _cost(name: str, text: str) -> Decorator:
    return option(name, metavar="COST", help=text)


cost_options = together(
    _cost("--fn", "Cost of not acting on a positive case, a miss."),
    _cost("--fp", "Cost of acting on a negative case, a false alarm."),
    _cost("--tp", "Cost of acting on a positive case; 0 if not given."),
    _cost("--tn", "Cost of leaving a negative case alone; 0 if not given."),
    option("--unit", metavar="TEXT", help="Currency of all four, such as EUR."),
    column("--hindsight", "Cost column known only after the decision; repeatable.", multiple=True),
)


def costs_from(given: Mapping[str, Any], data: Path) -> CostMatrix:
    """The costs that the options of a command and its configuration file declare.

    Parameters
    ----------
    given : mapping
        Values of options, those of `reading_options` among them.
    data : Path
        Where the columns are, to say which of them lack backquotes in a formula.

    Raises
    ------
    CostSpecError
        Before the data are read, if the costs are right.
    """
    in_file = click.get_current_context().meta.get(FILE_COSTS, {})
    try:
        return declared_costs(in_file, given)
    except CostSpecError as error:
        hint = _hint(str(error), data, given)
        if hint:
            complaint = str(error).partition("; if one column is called")[0]
            raise CostSpecError(f"{complaint}; {hint}") from None
        raise


def _hint(complaint: str, data: Path, given: Mapping[str, Any]) -> str:
    """Columns that a formula with an error names without backquotes, if the data can be read."""
    from costopt.decision.formula import hint_of_backquotes
    from costopt.inputs.files import read_table

    if "formula" not in complaint or str(data) == "-":
        return ""
    with warnings.catch_warnings(action="ignore"):
        try:
            names = read_table(data, header=not given["no_header"]).columns
        except CostOptError:
            return ""
    cells = (given.get(cell) for cell in ("fn", "fp", "tp", "tn"))
    formulas = (text for text in cells if isinstance(text, str) and repr(text) in complaint)
    return "; ".join(filter(None, (hint_of_backquotes(text, names) for text in formulas)))
