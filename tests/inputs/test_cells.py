"""What cells say: numbers with units, dates, marks of a missing value."""

from decimal import Decimal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from costopt.inputs.cells import TextStyle, is_mark, number_of, read_cells
from costopt.inputs.dates import date_format

nan = np.nan


@pytest.mark.parametrize(
    ("values", "numbers", "decimal", "unit"),
    [
        (["?", "1", "2.5"], [nan, 1, 2.5], "", ""),
        (["\t?", "-", ".", "unknown", "#VALUE!", "#DIV/0!", "7"], [nan] * 6 + [7], "", ""),
        (["$32,812.00", "$900"], [32812, 900], ".", "$"),
        (["29.85 €", "1 €"], [29.85, 1], "", "€"),
        (["8.90%", "7%"], [8.9, 7], "", "%"),
        (["36 months", "60 months"], [36, 60], "", "months"),
        (["1.234,56", "29,850"], [1234.56, 29.85], ",", ""),
        (["29,850", "30,100.50"], [29850, 30100.5], ".", ""),
        (["1,234,567", "29,850"], [1234567, 29850], ".", ""),
        (["1 234,56", "7"], [1234.56, 7], ",", ""),
        (["(1,234.00)", "5"], [-1234, 5], ".", ""),
        (["1.234", "2.500"], [1.234, 2.5], "", ""),
        ([Decimal("1.5"), 2, True, None], [1.5, 2, 1, nan], "", ""),
        ([10**400, -1], [np.inf, -1], "", ""),
    ],
)
def test_texts_are_numbers_where_all_of_them_are(values, numbers, decimal, unit):
    cells = read_cells(values)

    assert cells.kind == "numbers"
    assert_array_equal(cells.numbers, numbers)
    assert cells.style == TextStyle(decimal, unit)


@pytest.mark.parametrize(
    ("values", "kind", "odd"),
    [
        (["31", "4O", "27"], "nearly numbers", [(1, "4O")]),
        (["0", "1", "2", "3+"], "nearly numbers", [(3, "3+")]),
        (["$5", "€4", "$3"], "nearly numbers", [(1, "€4")]),
        (["29,850", "30,100"], "ambiguous", [(0, "29,850"), (1, "30,100")]),
        (["10/17/2014", "12/01/2013"], "dates", [(0, "10/17/2014")]),
        (["17.10.2014", "x", "18.10.2014"], "dates", [(1, "x")]),
        (["Dec-2015", "Jan-2014"], "dates", [(0, "Dec-2015")]),
        (["a", "b", 3], "mixed", [(2, 3)]),
        ([[1], [2]], "other", [(0, [1])]),
        (["a", "none"], "texts", []),
        (["-", "?"], "texts", []),
        (["01067", "10115"], "texts", []),
        (["12k", "900"], "texts", []),
        (["10+ years", "< 1 year", "2 years"], "texts", []),
        ([None, nan], "empty", []),
    ],
)
def test_what_is_no_number_is_told_with_its_row(values, kind, odd):
    cells = read_cells(values)

    assert cells.kind == kind
    assert list(cells.odd) == odd


def test_a_single_text_is_a_number_only_where_it_cannot_be_two():
    assert number_of("29,850", TextStyle()) is None
    assert number_of("29,850", TextStyle(".")) == 29850
    assert number_of("29.850", TextStyle(",")) == 29850
    assert number_of("$5", TextStyle(unit="€")) is None
    assert number_of("inf", TextStyle()) is None


def test_marks_are_known_in_any_case_and_between_blanks():
    assert is_mark(" N/A ")
    assert not is_mark("0")


def test_the_format_of_dates_is_one_that_fits_all():
    assert date_format(["17.10.2014", "01.02.2015"]) == "%d.%m.%Y"
    assert date_format(["10/17/2014 10:30"]) == "%m/%d/%Y %H:%M"
    assert date_format(["17.10.2014", "x"]) == ""
