import json
import math
import tomllib
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from costopt.decision.case_costs import CELLS, CaseCosts, check_regrets
from costopt.decision.costs import CostMatrix, as_case_costs
from costopt.decision.rules import decide
from costopt.errors import CostOptWarning, CostSpecError, DataError

ORDINARY = {"fp": 1, "fn": 5}


def table(kind, columns):
    """The same columns in each of the containers that a user may hold them in."""
    if kind == "dict":
        return columns
    if kind == "polars":
        return pl.DataFrame(columns)
    if kind == "records":
        return pd.DataFrame(columns).to_records(index=False)
    return pd.DataFrame(columns, index=np.arange(len(next(iter(columns.values()))))[::-1] + 7)


# what a declared matrix holds


def test_cells_are_kept_as_floats_and_formulas_as_text():
    costs = CostMatrix(fp=np.int64(2), fn="amount * 2", tp=Fraction(1, 4), tn=Decimal("-0.5"))

    assert (costs.fp, costs.fn, costs.tp, costs.tn) == (2.0, "amount * 2", 0.25, -0.5)
    assert all(type(cell) is float for cell in (costs.fp, costs.tp, costs.tn))
    assert costs.unit == "cost units"
    assert not costs.is_constant


def test_columns_of_all_cells_are_listed_once():
    costs = CostMatrix(fp="fee + amount", fn="amount * rate", tn="-fee")

    assert costs.columns == ("fee", "amount", "rate")
    assert CostMatrix(fp=1, fn=2).columns == ()


def test_a_matrix_cannot_be_changed():
    with pytest.raises(AttributeError, match="fp"):
        CostMatrix(fp=1, fn=5).fp = 2


@pytest.mark.parametrize("kind", ["dict", "pandas", "polars", "records"])
def test_formulas_are_resolved_on_the_columns_of_any_table(kind):
    X = table(kind, {"amount": [250.0, 40.0, 0.0], "rate": [1, 2, 3]})

    case = CostMatrix(fp="10 * rate", fn="0.5 * amount + 1", tp=3, tn=-1, unit="EUR").resolve(X)

    assert_array_equal(case.fp, [10, 20, 30])
    assert_array_equal(case.fn, [126, 21, 1])
    assert_array_equal(case.fp_regret, [11, 21, 31])
    assert_array_equal(case.fn_regret, [123, 18, -2])
    assert case.tp == 3
    assert case.tp.shape == ()
    assert case.n_cases == 3
    assert case.unit == "EUR"


@pytest.mark.parametrize(
    "column",
    [
        np.array([3, 4], dtype=np.int8),
        np.array([3, 4], dtype=np.float32),
        pd.array([3, 4], dtype="Int64"),
        np.array([3, 4], dtype=object),
    ],
    ids=["int8", "float32", "nullable", "object"],
)
def test_columns_of_any_numeric_type_become_float64(column):
    fn = CostMatrix(fp=1, fn="amount / 2").resolve(pd.DataFrame({"amount": column})).fn

    assert fn.dtype == np.float64
    assert_array_equal(fn, [1.5, 2.0])


def test_a_yes_no_column_counts_as_1_and_0():
    fn = CostMatrix(fp=1, fn="10 + 5 * vip").resolve({"vip": np.array([True, False])}).fn

    assert_array_equal(fn, [15, 10])


def test_constant_costs_do_not_look_at_the_table():
    case = CostMatrix(fp=1, fn=5).resolve(None)

    assert case.is_constant
    assert case.n_cases is None


# cells that are refused


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "must be finite, got nan"),
        (math.inf, "must be finite, got inf"),
        (-math.inf, "must be finite, got -inf"),
        (np.float64("nan"), r"must be finite, got np.float64\(nan\)"),
        (None, "must be a number or a formula over columns, got None"),
        (True, "must be a number or a formula over columns, got True"),
        (np.False_, "must be a number or a formula over columns, got np.False_"),
        (2j, "must be a number or a formula over columns, got 2j"),
        (np.complex128(2), "must be a number or a formula over columns, got np.complex128"),
        ({"a": 1}, r"must be a number or a formula over columns, got \{'a': 1\}"),
        (b"10", "must be a number or a formula over columns, got b'10'"),
        (np.zeros((), dtype=bool), "must be a number or a formula over columns, got .*False"),
        (np.array("10"), "a cost formula must name a column, got .*'10'"),
        (np.array([1.0, 2.0]), r"got ndarray of shape \(2,\): .* write CaseCosts\(fp=\.\.\., fn="),
        ([1.0, 2.0, 3.0], r"got list of shape \(3,\): for one cost per case write CaseCosts"),
        (np.ones((3, 4)), r"got ndarray of shape \(3, 4\)"),
        (pd.Series([1.0]), r"got Series of shape \(1,\)"),
        ([[1], [1, 2]], "must be one number or a formula over columns, got list"),
        ("10", "a cost formula must name a column, got '10'.*plain number without quotes"),
        ("amount +", "cannot read the cost formula"),
        (10**400, "must be .*, got 1000"),
    ],
    ids=lambda value: repr(value)[:30],
)
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_neither_a_number_nor_a_formula_is_refused(cell, value, message):
    with pytest.raises(CostSpecError, match=rf"costs\.{cell}:? .*{message}"):
        CostMatrix(**{**ORDINARY, cell: value})


@pytest.mark.parametrize("unit", [None, 5, "", "  "])
def test_a_unit_must_be_a_word(unit):
    for declare in (CostMatrix, CaseCosts):
        with pytest.raises(CostSpecError, match=r"costs\.unit must be a word such as 'EUR', got"):
            declare(fp=1, fn=5, unit=unit)


def test_swapped_cells_are_refused():
    with pytest.raises(
        CostSpecError,
        match=r"both errors are cheaper than the right decisions \(fp < tn and fn < tp\): are fp and "
        r"tn, fn and tp swapped\? got fp=0, fn=0, tp=5, tn=1; a benefit is a negative cost",
    ):
        CostMatrix(fp=0, fn=0, tp=5, tn=1)


def test_the_sign_of_a_profit_reversed_is_refused_as_swapped():
    with pytest.raises(CostSpecError, match="swapped.*a benefit is a negative cost"):
        CostMatrix(fp=-10, fn=-50)


@pytest.mark.parametrize("cells", [{"fp": 0, "fn": 0}, {"fp": 3, "fn": 7, "tp": 7, "tn": 3}])
def test_costs_that_nothing_changes_are_refused(cells):
    with pytest.raises(CostSpecError, match="all actions cost the same.*give errors their cost"):
        CostMatrix(**cells)


@pytest.mark.parametrize("cells", [{"fp": 1e308, "fn": 1, "tn": -1e308}, {"fp": 1, "fn": 1e308}])
def test_costs_whose_differences_overflow_are_refused(cells):
    cells = {"tp": -1e308, **cells}

    with pytest.raises(CostSpecError, match="too large: f[pn] regret overflows; use a larger unit"):
        CostMatrix(**cells)


def test_costs_of_any_representable_size_are_kept():
    tiny, huge = CostMatrix(fp=1e-300, fn=5e-300), CostMatrix(fp=1e300, fn=5e300)

    assert_array_equal(decide([0.16, 0.17], tiny), [False, True])
    assert_array_equal(decide([0.16, 0.17], huge), [False, True])


# costs that hold no decision: warnings


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"fp": 0, "fn": 5}, r"not acting is never cheaper .*\(fp <= tn\).*got fp=0, fn=5, tp=0"),
        ({"fp": 1, "fn": 5, "tn": 2}, r"not acting is never cheaper .*\(fp <= tn\).*tn=2"),
        ({"fp": -1, "fn": 0}, r"not acting is never cheaper .*\(fp <= tn\)"),
        ({"fp": 5, "fn": 0}, r"acting is never cheaper .*\(fn <= tp\).*got fp=5, fn=0, tp=0, tn=0"),
        ({"fp": 5, "fn": 1, "tp": 3}, r"acting is never cheaper .*\(fn <= tp\).*tp=3"),
        ({"fp": 0, "fn": -1}, r"acting is never cheaper .*\(fn <= tp\)"),
    ],
)
def test_a_dominated_action_is_named(cells, message):
    with pytest.warns(CostOptWarning, match=rf"^\[dominated-action\] {message}") as caught:
        CostMatrix(**cells)

    assert [item.message.code for item in caught] == ["dominated-action"]


def test_a_warning_points_at_the_line_that_declared_the_costs():
    with pytest.warns(CostOptWarning, match="dominated-action") as caught:
        CostMatrix(fp=5, fn=0)

    assert caught[0].filename == __file__


def test_ordinary_costs_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CostMatrix(fp=10, fn="amount", tp=10)
        CostMatrix(fp=10, fn=500, tp=-3, tn=-1)
        check_regrets(CaseCosts(fp=1, fn=[1.0, 2.0]))


def test_degenerate_cases_are_counted_and_the_first_five_named():
    """Rows 1, 3, 4, 6, 7 and 9 have an error that costs nothing, or less."""
    fn = np.array([20, 10, 20, 5, 0, 20, 10, 10, 20, 9.0])
    costs = CaseCosts(fp=10, fn=fn, tp=10)

    with pytest.warns(
        CostOptWarning,
        match=r"^\[degenerate-cases\] 6 of 10 cases have an error that costs nothing or less "
        r"\(first rows 1, 3, 4, 6, 7\)",
    ) as caught:
        check_regrets(costs)

    assert len(caught) == 1
    # still decided: no probability is worth acting there
    assert_array_equal(decide(np.full(10, 0.999), costs), fn > 10)


def test_cases_that_are_all_dominated_in_one_way_are_named_as_such():
    with pytest.warns(CostOptWarning, match=r"dominated-action\] acting is .*in the first case"):
        check_regrets(CaseCosts(fp=[1.0, 0.0, 2.0], fn=[0.0, 0.0, -5.0]))


def test_cases_dominated_in_different_ways_are_degenerate():
    with pytest.warns(CostOptWarning, match=r"degenerate-cases\] 2 of 2 cases .*first rows 0, 1"):
        check_regrets(CaseCosts(fp=[0.0, 1.0], fn=[1.0, 0.0]))


@pytest.mark.parametrize(
    ("fp", "fn", "message"),
    [
        ([0.0, 0.0], [0.0, 0.0], "all actions cost the same"),
        ([-1.0, -2.0], [-1.0, -9.0], "swapped.*got fp=-1, fn=-1, tp=0, tn=0 in the first case"),
    ],
)
def test_cases_none_of_which_can_be_decided_are_refused(fp, fn, message):
    with pytest.raises(CostSpecError, match=message):
        check_regrets(CaseCosts(fp=fp, fn=fn))


# columns that are refused


@pytest.mark.parametrize("kind", ["dict", "pandas", "polars"])
def test_a_misspelt_column_is_answered_with_the_nearest(kind):
    X = table(kind, {"amount": [1.0], "age": [2.0]})

    with pytest.raises(
        CostSpecError,
        match=r"costs\.fn reads the column 'amuont', which the data do not have: did you mean "
        r"'amount'\?",
    ):
        CostMatrix(fp=1, fn="amuont * 2").resolve(X)


def test_the_columns_are_listed_where_none_is_near():
    with pytest.raises(CostSpecError, match="known are 'amount', 'age'"):
        CostMatrix(fp=1, fn="loss").resolve({"amount": [1.0], "age": [2.0]})


@pytest.mark.parametrize(
    "X", [None, np.ones((2, 2)), [[1.0], [2.0]]], ids=["none", "array", "list"]
)
def test_rows_without_column_names_are_refused_where_a_formula_names_one(X):
    with pytest.raises(CostSpecError, match="column 'amount', .*the data have no named columns"):
        CostMatrix(fp=1, fn="amount").resolve(X)


@pytest.mark.parametrize(
    "column",
    [
        ["cheap", "dear"],
        ["250", "40"],
        pd.Categorical(["cheap", "dear"]),
        pd.to_datetime(["2020-01-01", "2020-01-02"]),
        pd.to_timedelta([1, 2], unit="D"),
        np.array([1 + 2j, 3]),
        np.array([[1], 2], dtype=object),
    ],
    ids=["text", "digits as text", "categories", "dates", "durations", "complex", "lists"],
)
def test_a_column_that_holds_no_numbers_is_refused(column):
    with pytest.raises(DataError, match=r"costs\.fn reads the column 'a', which must hold numbers"):
        CostMatrix(fp=1, fn="a").resolve(pd.DataFrame({"a": column}))


@pytest.mark.parametrize("kind", ["dict", "pandas", "polars"])
@pytest.mark.parametrize("missing", [math.nan, None, math.inf])
def test_a_gap_in_a_cost_column_is_named_with_its_row(kind, missing):
    X = table(kind, {"amount": [1.0, 2.0, missing, 3.0, missing]})

    with pytest.raises(
        DataError,
        match=r"costs\.fn must be finite for every case, got (nan|inf) in row 2 \(2 such rows\), "
        r"from the formula '2 \* amount': fill or drop these rows",
    ):
        CostMatrix(fp=1, fn="2 * amount").resolve(X)


def test_a_division_by_zero_is_named_with_its_row():
    X = {"loss": [1.0, 2.0, 0.0], "months": [12.0, 0.0, 0.0]}

    with pytest.raises(DataError, match=r"costs\.fn .*got inf in row 1 \(2 such rows\)"):
        CostMatrix(fp=1, fn="loss / months").resolve(X)


def test_a_sum_that_overflows_is_named_with_its_row():
    with pytest.raises(DataError, match=r"costs\.tn must be finite .*got inf in row 1"):
        CostMatrix(fp=1, fn=2, tn="a + a").resolve({"a": [1.0, 1.7e308]})


def test_a_table_inside_a_column_is_refused():
    with pytest.raises(
        DataError, match=r"costs\.fn must have one value per case, got shape \(2, 1"
    ):
        CostMatrix(fp=1, fn="a").resolve({"a": np.ones((2, 1))})


def test_two_columns_of_one_name_are_refused():
    X = pd.DataFrame([[1.0, 2.0]], columns=["amount", "amount"])

    with pytest.raises(
        DataError, match=r"costs\.fn must have one value per case, got shape \(1, 2"
    ):
        CostMatrix(fp=1, fn="amount").resolve(X)


@pytest.mark.parametrize("short", [[1.0, 2.0], [1.0]], ids=["two", "one"])
def test_columns_of_different_lengths_are_refused(short):
    """Numpy would repeat a single value for every case."""
    X = {"amount": [1.0, 2.0, 3.0], "fee": short}

    for costs in (CostMatrix(fp=1, fn="amount + fee"), CostMatrix(fp="fee", fn="amount")):
        with pytest.raises(DataError, match="must have one length, got"):
            costs.resolve(X)


# hindsight


def test_hindsight_must_name_a_column_that_a_cell_reads():
    with pytest.raises(
        CostSpecError, match=r"hindsight names 'loss', which no cell reads: known are"
    ):
        CostMatrix(fp=1, fn="amount", hindsight=("loss",))
    with pytest.raises(CostSpecError, match=r"names 'amuont', .* did you mean 'amount'\?"):
        CostMatrix(fp=1, fn="amount", hindsight="amuont")
    with pytest.raises(CostSpecError, match="names 'amount', .* every cell is a number"):
        CostMatrix(fp=1, fn=5, hindsight=["amount"])


@pytest.mark.parametrize("given", [None, 5, [5], {"loss": 1}])
def test_hindsight_must_be_names(given):
    with pytest.raises(CostSpecError, match=r"costs\.hindsight"):
        CostMatrix(fp=1, fn="amount", hindsight=given)


def test_one_name_of_hindsight_needs_no_tuple():
    assert CostMatrix(fp=1, fn="loss", hindsight="loss").hindsight == ("loss",)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1]),
            st.sampled_from([0.0, 3.0, 250.0]),
            st.sampled_from([0.5, 1.0, 4.0]),
        ),
        max_size=8,
    )
)
def test_before_the_decision_a_hindsight_cell_is_its_class_mean(rows):
    y, loss, weight = zip(*rows, (0, 8.0, 1.0), (1, 2.0, 3.0), strict=True)
    costs = CostMatrix(
        fp="loss + fee", fn="2 * loss", tp="fee", tn=-1, hindsight="loss", unit="EUR"
    )
    fee = np.arange(len(y), dtype=float)

    known = costs.known_beforehand(costs.resolve({"loss": loss, "fee": fee}), y, weight)

    expected = {
        "fp": [Fraction(m) + Fraction(f) for m, f in zip(loss, fee, strict=True)],
        "fn": [2 * Fraction(m) for m in loss],
    }
    for cell, label in (("fp", 0), ("fn", 1)):
        rows = [i for i, own in enumerate(y) if own == label]
        total = sum(Fraction(weight[i]) for i in rows)
        mean = sum(Fraction(weight[i]) * expected[cell][i] for i in rows) / total
        assert_allclose(getattr(known, cell), float(mean), rtol=1e-12)
    assert (known.tp, known.tn, known.unit, known.hindsight) == ("fee", -1.0, "EUR", ())


def test_without_weights_every_case_counts_once():
    costs = CostMatrix(fp=1, fn="loss", hindsight="loss")

    known = costs.known_beforehand(costs.resolve({"loss": [10.0, 2.0, 6.0, 99.0]}), [1, 1, 0, 1])

    assert known == CostMatrix(fp=1, fn=37.0)


def test_costs_without_hindsight_are_known_beforehand_as_they_are():
    costs = CostMatrix(fp=1, fn="amount")

    assert costs.known_beforehand(costs.resolve({"amount": [1.0, 2.0]}), [0, 1]) is costs


def test_a_class_mean_needs_a_case_of_the_class():
    costs = CostMatrix(fp=1, fn="loss", hindsight="loss")

    with pytest.raises(DataError, match=r"costs\.fn"):
        costs.known_beforehand(costs.resolve({"loss": [1.0, 2.0]}), [0, 0])


# dict, JSON, TOML


ROUND_TRIPS = [
    CostMatrix(fp=1, fn=5),
    CostMatrix(fp=0.1, fn=1e300, tp=-1e-300, tn=-1 / 3, unit="zł"),
    CostMatrix(fp="fee", fn="0.75 * `größter Betrag` + 15", tn=-2, hindsight=("fee",), unit="EUR"),
]


@pytest.mark.parametrize("costs", ROUND_TRIPS)
def test_costs_survive_a_dict_and_json(costs):
    assert CostMatrix.from_dict(costs.to_dict()) == costs
    assert CostMatrix.from_json(costs.to_json()) == costs
    assert CostMatrix.from_dict(json.loads(json.dumps(costs.to_dict()))) == costs
    assert "\\u" not in costs.to_json()


@pytest.mark.parametrize("costs", ROUND_TRIPS)
@pytest.mark.parametrize("header", ["", "[costs]\n"])
def test_costs_can_be_written_in_toml(costs, header):
    lines = [f"{name} = {json.dumps(value)}" for name, value in costs.to_dict().items()]

    assert CostMatrix.from_toml(header + "\n".join(lines)) == costs


def test_a_toml_document_may_hold_more_than_its_costs():
    text = "title = 'fraud'\n[costs]\nfn = 5\nfp = 1\n[search]\nn_trials = 100\n"

    assert CostMatrix.from_toml(text) == CostMatrix(fp=1, fn=5)


def test_a_parsed_toml_table_is_a_dict():
    assert CostMatrix.from_dict(tomllib.loads("fn = 5\nfp = 1")) == CostMatrix(fp=1, fn=5)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            {"fp": 1, "fn": 5, "hindsigth": []},
            r"costs\.hindsigth is not known: did you mean 'hinds",
        ),
        ({"fp": 1, "fn": 5, "fn_cost": 2}, r"costs\.fn_cost is not known"),
        (
            {"fp": 1, "fn": 5, 7: 2},
            r"costs\.7 is not known: known are 'fp', 'fn', 'tp', 'tn', 'unit'",
        ),
        ({"fp": 1}, r"costs\.fn is missing: declare what it costs"),
        ({"fn": 1}, r"costs\.fp is missing: declare what it costs"),
        ({"fp": 1, "fn": None}, r"costs\.fn must be a number or a formula over columns, got None"),
        ({"fp": 1, "fn": {"column": "amount"}}, r"costs\.fn must be a number or a formula"),
        ({"fp": 1, "fn": 5, "unit": 3}, r"costs\.unit must be a word"),
        ([1, 5], "costs must be a table with fp and fn, got list"),
        (None, "costs must be a table with fp and fn, got NoneType"),
    ],
)
def test_a_dict_that_declares_something_else_is_refused(declared, message):
    with pytest.raises(CostSpecError, match=message):
        CostMatrix.from_dict(declared)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "costs are not valid JSON: Expecting value"),
        ("costs.json", "costs are not valid JSON: Expecting value"),
        ('{"fp": 1, "fn": 2, "fp": 3}', r"costs\.fp is given twice: keep one"),
        ('{"fp": 1, "fn": NaN}', r"costs\.fn must be finite, got nan"),
        ('{"fp": 1, "fn": Infinity}', r"costs\.fn must be finite, got inf"),
        ('{"fp": 1, "fn": 1e999}', r"costs\.fn must be finite, got inf"),
        ('{"fp": 1, "fn": 1' + "0" * 400 + "}", r"costs\.fn must be"),
        ('{"fp": 1, "fn": 1' + "0" * 9000 + "}", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"fp": 1, "fn": true}', r"costs\.fn must be a number or a formula .* got True"),
        ('{"fp": 1, "fn": "10"}', r"costs\.fn: a cost formula must name a column"),
        ("[1, 2]", "must be a table with fp and fn, got list"),
    ],
    ids=range(12),
)
def test_json_that_declares_something_else_is_refused(text, message):
    with pytest.raises(CostSpecError, match=message):
        CostMatrix.from_json(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fp = 1\nfn = ", r"costs are not valid TOML \(Invalid value.*\)$"),
        ("fp = 1\nfp = 2\nfn = 3", "costs are not valid TOML .Cannot overwrite"),
        ("fp = 1\nfn = nan", r"costs\.fn must be finite, got nan"),
        ("fp = 1\nfn = 2020-01-01", r"costs\.fn must be a number or a formula"),
        ("fp = 1\nfn = [1, 2]", r"costs\.fn must be one number .* got list of shape \(2,\)"),
        ("costs = 5", "must be a table with fp and fn, got int"),
        ("[cost]\nfp = 1\nfn = 2", r"costs\.cost is not known"),
        ("costs.toml", r"not valid TOML .*: pass its text, Path\(\.\.\.\)\.read_text\(\)"),
        (Path("costs.toml"), r"pass its text, Path\(\.\.\.\)\.read_text\(\)"),
    ],
    ids=str,
)
def test_toml_that_declares_something_else_is_refused(text, message):
    with pytest.raises(CostSpecError, match=message):
        CostMatrix.from_toml(text)


# words


def test_constant_costs_are_explained_by_their_break_even():
    text = CostMatrix(fp=25, fn=475, unit="EUR").explain()

    assert text == (
        "A missed positive costs 475 EUR more than a caught one, a false alarm 25 EUR more than "
        "leaving a negative alone.\n"
        "Acting pays from a probability of 0.05 (the Bayes threshold): a group of cases is worth "
        "acting on when more than 5 % of them are positive (break-even precision)."
    )


def test_formulas_are_explained_by_the_rule():
    costs = CostMatrix(fp=10, fn="amount + loss", tp=10, unit="EUR", hindsight="loss")

    assert costs.explain() == (
        "Costs per case, in EUR: fp = 10.0, fn = amount + loss, tp = 10.0, tn = 0.0.\n"
        "Act where probability * (fn - tp) >= (1 - probability) * (fp - tn).\n"
        "Known only afterwards: loss. Rules use class means instead."
    )
    assert "afterwards" not in CostMatrix(fp=10, fn="amount").explain()


def test_costs_per_case_are_explained_by_their_range():
    assert CaseCosts(fp=[3.0, 5.0], fn=[250.0, 40.0], tp=10, unit="EUR").explain() == (
        "Costs of 2 cases: a missed positive costs from 30 to 240 EUR more than a caught one, a "
        "false alarm from 3 to 5 EUR more than leaving a negative alone.\n"
        "Act where probability * (fn - tp) >= (1 - probability) * (fp - tn)."
    )


@pytest.mark.filterwarnings("ignore::costopt.errors.CostOptWarning")
@pytest.mark.parametrize(
    ("cells", "verdict"),
    [
        ({"fp": 0, "fn": 5}, "Acting is never worse (not acting is dominated): act on every case."),
        (
            {"fp": -2, "fn": 5},
            "Acting is never worse (not acting is dominated): act on every case.",
        ),
        ({"fp": 5, "fn": 0}, "Not acting is never worse (acting is dominated): never act."),
        ({"fp": 5, "fn": -2}, "Not acting is never worse (acting is dominated): never act."),
    ],
)
def test_a_dominated_action_is_explained(cells, verdict):
    assert CostMatrix(**cells).explain().splitlines()[1:] == [verdict]


@pytest.mark.parametrize(("fp", "fn"), [(0, 0), (-1, -2)], ids=["nothing at stake", "swapped"])
def test_costs_that_hold_no_threshold_are_not_explained_by_one(fp, fn):
    text = CaseCosts(fp=fp, fn=fn).explain()

    assert "act on every case" not in text
    assert "Bayes threshold" not in text


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.sampled_from([1e-9, 0.5, 3.0, 1e9]), st.sampled_from([1e-9, 0.25, 7.0, 1e9]))
def test_the_break_even_that_is_explained_is_where_decisions_turn(fp, fn):
    costs = CostMatrix(fp=fp, fn=fn)
    stated = float(costs.explain().split("probability of ")[1].split()[0])

    assert_array_equal(decide([stated * 0.999, min(stated * 1.001, 1)], costs), [False, True])


# costs per case


def test_case_costs_keep_a_read_only_copy():
    amount = np.array([250.0, 40.0])

    case = CaseCosts(fp=1, fn=amount)
    amount[0] = 0

    assert case.fn[0] == 250
    for values in (case.fp, case.fn, case.fp_regret, case.fn_regret):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (None, CostSpecError, "must be a number or a formula over columns, got None"),
        (math.nan, CostSpecError, "must be finite, got nan"),
        (True, CostSpecError, "must be a number or a formula over columns, got True"),
        (10**400, CostSpecError, "must be .*, got 1000"),
        (
            "amount",
            CostSpecError,
            r"must be numbers in CaseCosts, got 'amount': formulas belong in C",
        ),
        ([1.0, None], DataError, r"must be finite for every case, got nan in row 1 \(1 such rows"),
        ([1.0, -math.inf], DataError, "must be finite for every case, got -inf in row 1"),
        ([1.0, "a"], DataError, r"must hold numbers, got \[1.0, 'a'\]"),
        (["1", "2"], DataError, r"must hold numbers, got \['1', '2'\]"),
        ([1j, 2], DataError, "must hold numbers, got"),
        (np.array(["2020-01-01"] * 2, dtype="M8[D]"), DataError, "must hold numbers, got"),
        ([10**400, 1], DataError, "must hold numbers, got|must be finite"),
        ([[1], [1, 2]], DataError, "must hold numbers, got|one value per case"),
        (
            [[1.0], [2.0]],
            DataError,
            r"must have one value per case, got shape \(2, 1\): pass a one-",
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_case_costs_that_are_no_numbers_are_refused(value, error, message):
    with pytest.raises(error, match=rf"costs\.fn {message}"):
        CaseCosts(fp=1, fn=value)


def test_lengths_must_agree():
    with pytest.raises(DataError, match=r"one length, got \{'fn': 3, 'tp': 2\}"):
        CaseCosts(fp=1, fn=np.ones(3), tp=[1.0, 2.0])
    with pytest.raises(DataError, match=r"one length, got \{'fn': 3, 'tp': 1\}"):
        CaseCosts(fp=1, fn=np.ones(3), tp=[1.0])


def test_series_with_other_row_labels_are_refused():
    fn = pd.Series([1.0, 2.0, 3.0], index=["a", "b", "c"])

    with pytest.raises(
        DataError, match=r"tp has other row labels \(index\) than fn: use tp\.loc\[fn\.index\]"
    ):
        CaseCosts(fp=0, fn=fn, tp=fn[["b", "a", "c"]])
    assert_array_equal(CaseCosts(fp=0, fn=fn, tp=fn + 1).fn_regret, [-1, -1, -1])
    assert CaseCosts(fp=[1, 2, 3], fn=fn).index.equals(fn.index)


def test_case_costs_that_overflow_are_refused():
    with pytest.raises(CostSpecError, match="too large: fn regret overflows; use a larger unit"):
        CaseCosts(fp=1, fn=[1.0, 1.7e308], tp=-1.7e308)


def test_cases_are_taken_by_index_or_mask():
    case = CaseCosts(fp=2, fn=[10.0, 20.0, 30.0], unit="EUR")

    assert_array_equal(case.take([2, 0]).fn, [30, 10])
    assert_array_equal(case.take(np.array([False, True, False])).fn_regret, [20])
    assert case.take([2, 0]).fp == 2
    assert case.take([2, 0]).unit == "EUR"
    assert case.take(np.array([], dtype=int)).n_cases == 0


def test_another_currency_multiplies_every_cell():
    scaled = CaseCosts(fp=2, fn=[10.0, 20.0], tp=-1, tn=0.5, unit="EUR").scaled(4)

    assert_array_equal(scaled.fn, [40, 80])
    assert (scaled.fp, scaled.tp, scaled.tn, scaled.fp_regret) == (8, -4, 2, 6)


def test_the_magnitude_is_the_largest_regret():
    assert CaseCosts(fp=2, fn=[10.0, -30.0], tp=1).magnitude == 31
    assert CaseCosts(fp=0, fn=0).magnitude == 0
    assert CaseCosts(fp=-7, fn=np.zeros(0)).magnitude == 7


# either type


def test_either_type_gives_the_costs_of_the_cases():
    case = CaseCosts(fp=1, fn=[1.0, 2.0])

    assert as_case_costs(case, n_cases=2) is case
    assert as_case_costs(CostMatrix(fp=1, fn=5), n_cases=2).fn == 5
    assert_array_equal(as_case_costs(CostMatrix(fp=1, fn="a"), {"a": [3, 4]}, n_cases=2).fn, [3, 4])


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (np.ones((3, 4)), r"with named cells, got ndarray of shape \(3, 4\): every library orders"),
        ([[0, 1], [5, 0]], r"with named cells, got list of shape \(2, 2\)"),
        (pd.DataFrame(np.ones((3, 4))), "with named cells, got DataFrame"),
        ({"fp": 1, "fn": 5}, "with named cells, got dict"),
        (5, r"got int: .*CostMatrix\(fp=\.\.\., fn=\.\.\.\) or, for one cost per case, CaseCosts"),
        (None, "got NoneType"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unnamed_numbers_are_refused(costs, message):
    with pytest.raises(CostSpecError, match=message):
        as_case_costs(costs)


def test_formulas_need_their_table():
    with pytest.raises(
        CostSpecError,
        match=r"formulas over 'amount', 'fee': pass the table .* costs\.resolve\(table",
    ):
        as_case_costs(CostMatrix(fp=1, fn="amount + fee"))


def test_costs_of_another_number_of_cases_are_refused():
    with pytest.raises(DataError, match="for 3 cases but there are 2: take the same rows of both"):
        as_case_costs(CaseCosts(fp=1, fn=np.ones(3)), n_cases=2)


@pytest.mark.parametrize("cells", [([[0, 1], [5, 0]],), (5, 1)])
def test_cells_without_names_are_refused_in_a_sentence(cells):
    with pytest.raises(CostSpecError, match=r"by name, got .* write CostMatrix\(fp=\.\.\., fn="):
        CostMatrix(*cells)
