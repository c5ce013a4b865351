"""How a program of commands ends and speaks, whatever its commands do."""

import inspect
import io
import math

import click
import pytest
from click.testing import CliRunner

from costopt.cli.console import NotWritten, Program, print_json, print_text, say
from costopt.errors import (
    CostSpecError,
    DataError,
    PolicyError,
    SearchError,
    StoreError,
    warn,
)
from costopt.plain import plain


def run(command, *words):
    """A program of one command, ``do``."""
    program = Program("program", commands=[click.Command("do", callback=command)])
    separate = "mix_stderr" in inspect.signature(CliRunner).parameters  # click < 8.2
    runner = CliRunner(**({"mix_stderr": False} if separate else {}))
    return runner.invoke(program, ["do", *words])


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SearchError("all 3 trials failed"), 1),
        (NotWritten("cannot write here"), 1),
        (StoreError("there is no file"), 2),
        (DataError("one class only"), 2),
        (CostSpecError("costs.fn is missing"), 2),
        (PolicyError("not a policy"), 2),
    ],
)
def test_an_error_is_one_line_and_its_kind_the_exit_code(error, code):
    result = run(raising(error))

    assert result.exit_code == code
    assert result.stderr == f"error: {error}\n"
    assert result.stdout == ""


def test_a_fault_of_the_program_is_one_line_too():
    result = run(raising(ZeroDivisionError("two\nlines")))

    assert result.exit_code == 1
    assert result.stderr == (
        "error: ZeroDivisionError: two lines (this was not expected: --debug shows where)\n"
    )


def test_ctrl_c_ends_with_130():
    result = run(raising(KeyboardInterrupt()))

    assert result.exit_code == 130
    assert result.stderr.strip() == "error: interrupted: nothing was written"


def test_a_command_that_succeeds_ends_with_0():
    assert run(lambda: None).exit_code == 0


def test_without_standalone_mode_errors_are_raised():
    program = Program("program", commands=[click.Command("do", callback=raising(DataError("x")))])

    with pytest.raises(DataError, match="x"):
        program.main(["do"], standalone_mode=False)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("y must have two classes", "the target must have two classes"),
        ("pass pos_label='yes' if that", "pass --positive 'yes' if that"),
        ("drop, or name in ignore=", "drop, or name in --ignore"),
        ("order the folds by it (time='day')", "order the folds by it (--time 'day')"),
        ("declare hindsight=('loss',); otherwise", "declare --hindsight 'loss'; otherwise"),
        ("get more rows, or use cv=3", "get more rows, or use --folds 3"),
        ("sample_weight must be finite", "--weight must be finite"),
        ("or overwrite it on purpose", "or replace it with --force"),
        ("a sample_weighted mean at halftime='x'", "a sample_weighted mean at halftime='x'"),
    ],
)
def test_arguments_of_the_library_are_called_by_their_options(said, shown):
    assert run(raising(DataError(said))).stderr == f"error: {shown}\n"


def test_each_warning_is_shown_once_on_stderr():
    def command():
        for _ in range(3):
            warn("odd-thing", "this is\nodd: see ignore=")
        print_text("done")

    result = run(command)

    assert result.stderr == "warning: [odd-thing] this is odd: see --ignore\n"
    assert result.stdout == "done\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"NO_COLOR": "", "TERM": "xterm"}, "\x1b[33m\x1b[1mwarning:\x1b[0m [odd] this is odd\n"),
        ({"NO_COLOR": "1", "TERM": "xterm"}, "warning: [odd] this is odd\n"),
        ({"NO_COLOR": "", "TERM": "dumb"}, "warning: [odd] this is odd\n"),
    ],
)
def test_a_warning_is_coloured_on_a_terminal_that_shows_colours(environment, shown, monkeypatch):
    program = Program("program", commands=[click.Command("do", callback=warn_of_something_odd)])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    program.main(["do"], standalone_mode=False)

    assert terminal.getvalue() == shown


def warn_of_something_odd():
    warn("odd", "this is odd")


def test_control_characters_of_names_are_escaped():
    def command():
        print_text("a\x1b[2J\nb\r€")
        say("c\x07\nd")

    result = run(command)

    assert result.stdout == "a\\x1b[2J\nb\\r€\n"
    assert result.stderr == "c\\x07 d\n"


def test_json_is_strict_at_any_depth():
    given = {"a": [math.nan, {"b": (math.inf, -math.inf, 1.5)}], "c": None, "d": True, "e": "x"}

    assert plain(given) == {
        "a": [None, {"b": ["inf", "-inf", 1.5]}],
        "c": None,
        "d": True,
        "e": "x",
    }
    assert "NaN" not in run(lambda: print_json(given)).stdout
