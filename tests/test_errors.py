"""What every error and warning of costopt has in common."""

import ast
import os
import re
import warnings
from pathlib import Path

import pytest

import costopt
from costopt import (
    CostOptWarning,
    CostSpecError,
    DataError,
    PolicyError,
    SearchError,
    StoreError,
    choose_threshold,
)
from costopt.errors import WARNINGS, CostOptError, check_choice, check_path, nearest, warn

COLOURS = ("red", "green", "blue")


# Kinds


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (CostSpecError, ValueError),
        (DataError, ValueError),
        (PolicyError, ValueError),
        (SearchError, RuntimeError),
        (StoreError, OSError),
    ],
)
def test_every_error_is_also_the_builtin_that_callers_know(error, builtin):
    assert issubclass(error, CostOptError)
    assert issubclass(error, builtin)
    with pytest.raises(builtin, match="^what must hold$"):
        raise error("what must hold")


def test_a_warning_is_no_error_and_shows_its_code_first():
    found = CostOptWarning("nothing at stake", "degenerate-cases")

    assert isinstance(found, UserWarning)
    assert not isinstance(found, CostOptError)
    assert (found.code, found.message) == ("degenerate-cases", "nothing at stake")
    assert str(found) == "[degenerate-cases] nothing at stake"


# One of a few


@pytest.mark.parametrize("given", COLOURS)
def test_what_is_known_passes(given):
    check_choice("colour", given, COLOURS)
    check_choice("colour", given, dict.fromkeys(COLOURS))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gren", r"^colour='gren' is not known: did you mean 'green'\?$"),
        ("Red", r"^colour='Red' is not known: did you mean 'red'\?$"),
        ("yellow", "^colour='yellow' is not known: known are 'red', 'green', 'blue'$"),
        ("", "^colour='' is not known: known are 'red', 'green', 'blue'$"),
        (None, "^colour=None is not known: known are 'red', 'green', 'blue'$"),
        (0.5, "^colour=0.5 is not known: known are 'red', 'green', 'blue'$"),
        (True, "^colour=True is not known: "),
        (["red"], r"^colour=\['red'\] is not known: "),
    ],
)
def test_what_is_not_known_is_refused_with_its_argument_its_value_and_a_remedy(given, message):
    with pytest.raises(DataError, match=message):
        check_choice("colour", given, COLOURS)


# The nearest name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("amonut", "did you mean 'amount'?"),
        ("amount", "did you mean 'amount'?"),
        ("amuont_eur", "did you mean 'amount_eur'?"),
        ("weight", "known are 'amount', 'amount_eur', 'age'"),
        (3, "known are 'amount', 'amount_eur', 'age'"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_and_a_strange_one_with_all(name, found):
    assert nearest(name, ["amount", "amount_eur", "age"]) == found


def test_of_many_names_the_first_eight_are_listed():
    letters = list("abcdefgh")

    all_eight = "known are 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'"
    assert nearest("strange", letters) == all_eight
    assert nearest("strange", [*letters, "i"]) == all_eight + ", ..."


def test_names_may_be_numbers_and_may_come_one_by_one():
    assert nearest("10", iter([1, 100, 1000])) == "did you mean '100'?"


# Warnings


def test_a_warning_points_at_the_line_that_led_to_it():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warn("some-code", "something legal")

    assert [str(one.message) for one in seen] == ["[some-code] something legal"]
    assert os.path.samefile(seen[0].filename, __file__)


def test_a_warning_from_deep_inside_points_at_the_callers_line():
    """Not at any of ours: a reader can do nothing there."""
    costs = costopt.CaseCosts(fp=1.0, fn=[0.0] * 10 + [1.0] * 90)

    with pytest.warns(CostOptWarning, match=r"^\[degenerate-cases\] ") as seen:
        choose_threshold([0, 1] * 50, [0.2, 0.7] * 50, costs)

    assert {os.path.realpath(one.filename) for one in seen} == {os.path.realpath(__file__)}
    assert seen[0].message.code == "degenerate-cases"


def test_a_kind_of_warning_can_be_silenced_alone():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\[some-code\]", CostOptWarning)
        warn("some-code", "silenced")
        with pytest.raises(CostOptWarning, match="other-code"):
            warn("other-code", "heard")


# The list of warnings


def codes_in_sources():
    """First arguments of every call of `warn`, and codes of findings that are issued as warnings."""
    found = {"asserted-costs-differ", "costs-counted-twice"}  # of costs_counted_twice alone
    for path in Path(costopt.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "warn":
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add(code.value)
                else:
                    assert ast.unparse(code) == "self.code", f"{path}:{node.lineno}"
    return found


def test_every_warning_is_listed():
    assert codes_in_sources() == set(WARNINGS)
    assert list(WARNINGS) == sorted(WARNINGS)


def test_the_page_of_warnings_lists_every_code():
    page = Path(costopt.__file__).parents[1] / "docs" / "warnings.md"

    assert re.findall(r"^\| `([a-z-]+)` \|", page.read_text("utf-8"), re.MULTILINE) == list(
        WARNINGS
    )


# Paths


@pytest.mark.parametrize("path", ["a\0b", Path("a\0b")])
def test_a_path_with_a_nul_is_refused(path):
    with pytest.raises(StoreError, match=r"a path must hold no NUL character, got 'a\\x00b'"):
        check_path(path)
    assert check_path("a") == check_path(Path("a")) == Path("a")
