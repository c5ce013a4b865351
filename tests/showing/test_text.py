"""Numbers as people read them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.showing.text import MISSING, figure, fixed, money, percent, printable


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.9992, "99.92 %"),
        (0.99996, "99.996 %"),
        (1e-6, "0.0001 %"),
        (0.123, "12.3 %"),
        (1 / 6, "16.7 %"),
        (1.7, "170 %"),
        (-0.2, "-20 %"),
        (math.nan, MISSING),
        (math.inf, MISSING),
    ],
)
def test_shares_are_never_rounded_to_nothing_or_all(share, text):
    assert percent(share) == text


@given(st.floats(1e-9, 1 - 1e-9))
def test_a_share_between_none_and_all_is_written_as_one(share):
    text = percent(share)

    assert 0 < float(text.removesuffix(" %")) < 100
    assert math.isclose(float(text.removesuffix(" %")), 100 * share, rel_tol=0.006)


def test_so_many_decimals_where_a_column_needs_them():
    assert percent(0.25, 1) == "25.0 %"
    assert percent(0.0004, 1) == "0.0 %"
    assert percent(math.nan, 1) == MISSING


@given(st.floats(1e-9, 1e14, allow_subnormal=False))
def test_no_number_below_a_quadrillion_has_an_exponent(value):
    for text in (figure(value), figure(-value, 3), money(value)):
        assert re.fullmatch(r"-?\d{1,3}(,\d{3})*(\.\d+)?", text)
    assert math.isclose(float(figure(value, 6).replace(",", "")), value, rel_tol=1e-5)


def test_what_floating_point_adds_is_not_shown():
    assert figure(0.1 + 0.2) == "0.3"
    assert figure(1.1 - 1.0, 10) == "0.1"
    assert figure(0.0) == "0"
    assert figure(float("nan")) == "nan"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"),
        (-0.004, "0.00"),
        (47.164, "47.16"),
        (99.999, "100.00"),
        (1234.56, "1,234.6"),
        (-99_999.96, "-100,000.0"),
        (15_220_000.4, "15,220,000"),
        (math.nan, MISSING),
    ],
)
def test_money_has_cents_where_they_say_something(value, text):
    assert money(value) == text


def test_fixed_decimals_have_no_negative_zero():
    assert fixed(-0.04, 1) == "0.0"
    assert fixed(-1234.56, 1) == "-1,234.6"
    assert fixed(math.inf, 1) == MISSING


def test_what_does_not_print_is_spelled():
    assert printable("a\x1b[2J\nb\u202ec") == "a\\x1b[2J\\nb\\u202ec"
