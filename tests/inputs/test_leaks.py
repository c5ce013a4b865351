"""Files with a known leak are told of it by name; clean ones, and strong features, are not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from costopt.datasets import load_german_credit, make_transactions
from costopt.inputs.suspicion import find_suspicions, remedy


def loans(n=4000, positives=600, seed=0):
    """Business loans: what happened after a default, in texts, numbers and dates."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) < positives
    rng.shuffle(y)
    amount = np.round(rng.lognormal(11, 1, n), -2)
    X = pd.DataFrame({"term": rng.integers(6, 120, n), "amount": amount})
    X["state"] = rng.choice(list("ABCDEFGH"), n)
    X["MIS_Status"] = np.where(y, "CHGOFF", "P I F")
    X["ChgOffPrinGr"] = np.where(y & (rng.random(n) < 0.97), amount, 0.0)
    X["ChgOffDate"] = np.where(y & (rng.random(n) < 0.9), "2010-03-01", None)
    X["PaidOn"] = np.where(~y & (rng.random(n) < 0.9), "2011-03-01", None)
    return X, y, ["MIS_Status", "ChgOffPrinGr", "ChgOffDate", "PaidOn"]


def machines(n=10_000, seed=0):
    """Failures of machines, which are any of four rare modes or, nine times, none of them."""
    rng = np.random.default_rng(seed)
    rates = {"TWF": 0.0046, "HDF": 0.0115, "PWF": 0.0095, "OSF": 0.0098, "RNF": 0.0019}
    modes = {name: rng.random(n) < rate for name, rate in rates.items()}
    y = modes["TWF"] | modes["HDF"] | modes["PWF"] | modes["OSF"]
    y[rng.choice(n, 9, replace=False)] = True
    X = pd.DataFrame({"wear": rng.integers(0, 254, n), "air": rng.normal(300, 2, n) + y})
    return X.assign(**{name: rows.astype(int) for name, rows in modes.items()}), y, list(modes)[:4]


def churners(n=3000, seed=0):
    """Customers who left, with a second label and a reason."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.25
    X = pd.DataFrame({"tenure": rng.exponential(20, n) * (2 - y), "fee": rng.normal(60, 20, n)})
    X["Churn Value"] = y.astype(int)
    X["Churn Reason"] = np.where(y, rng.choice(["price", "moved", "rival"], n), None)
    X["noisy label"] = np.where(rng.random(n) < 0.01, ~y, y)
    return X, y, ["Churn Value", "Churn Reason", "noisy label"]


def codes_of_status(n=3000, seed=0):
    """Codes and texts of which no order tells the label, but each value does."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.1
    code = np.where(y, rng.choice([2, 5], n), rng.choice([1, 3, 4, 6], n))
    words = np.array(["", "paid", "late", "current", "waived", "sold", "settled"])
    X = pd.DataFrame({"age": rng.integers(18, 80, n), "code": code, "status": words[code]})
    return X, y, ["code", "status"]


def claims(n=3000, seed=0):
    """Amounts and numbers of claims, which are 0 where there is none."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.04
    X = pd.DataFrame({"power": rng.integers(4, 15, n), "amount": y * rng.lognormal(7, 1, n)})
    X["number"] = y * (1 + rng.poisson(0.1, n)) + (~y & (rng.random(n) < 0.01))
    return X, y, ["amount", "number"]


def named(found):
    return {name for one in found for name in one.columns}


# Leaks


@pytest.mark.parametrize("file", [loans, machines, churners, codes_of_status, claims])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_leaking_column_is_named_and_no_other(file, seed):
    X, y, leaks = file(seed=seed)

    assert named(find_suspicions(X, y)) == set(leaks)
    assert find_suspicions(X, y, ignore=leaks) == ()


@pytest.mark.parametrize("positives", [20, 40])
def test_one_per_cent_of_positives_hides_no_leak(positives):
    X, y, leaks = loans(100 * positives, positives)

    assert named(find_suspicions(X, y)) == set(leaks)


def test_evidence_says_what_is_where():
    X, y, _ = machines()
    [flags] = find_suspicions(X, y)
    shares = X[["TWF", "HDF", "PWF", "OSF"]].any(axis=1)

    assert flags.kind == "leaking-flags"
    assert set(flags.columns) == {"TWF", "HDF", "PWF", "OSF"}
    assert flags.evidence.endswith(
        f"is set in {100 * shares[y].mean():.1f} % of the positives and 0 % of the negatives"
    )


def test_leaks_work_in_both_directions():
    X, y, leaks = claims()

    assert named(find_suspicions(-X, y)) == set(leaks)
    assert named(find_suspicions(X, ~y)) == set(leaks)
    X, y, leaks = machines()
    assert named(find_suspicions(X, ~y)) == set(leaks)


def test_the_remedy_names_columns_in_both_languages_and_hindsight_for_costs():
    X, y, _ = claims()
    found = find_suspicions(X, y)

    told = remedy(found, ["amount"])

    assert "ignore=['number'] (on the command line: --ignore number)" in told
    assert "declare hindsight=('amount',)" in told
    assert "if it is known when the decision is made, keep it" in told


# Identifiers


def test_row_numbers_and_identifiers():
    rng = np.random.default_rng(0)
    n = 2000
    y = rng.random(n) < 0.1
    X = pd.DataFrame({"x": rng.normal(size=n), "row": np.arange(n), "case": rng.permutation(n) + 7})
    X["customer_id"] = rng.choice(10**9, n, replace=False)
    X["income"] = rng.choice(10**7, n, replace=False)  # distinct by chance, or nearly so

    found = find_suspicions(X, y)

    assert named(found) == {"row", "case", "customer_id"}
    assert {one.kind for one in found} == {"identifier"}
    assert "in the order of the rows" in found[0].evidence
    assert "looks like an identifier" in found[1].evidence


def test_a_row_number_of_a_file_sorted_by_class_tells_the_label():
    n = 1500
    y = np.arange(n) < 30
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=n), "row": np.arange(n)})
    for rows in (np.arange(n), np.random.default_rng(1).permutation(n)):
        [found] = find_suspicions(X.iloc[rows].reset_index(drop=True), y[rows])
        assert found.columns == ("row",)
        assert "leaks the label" in found.evidence


# Repeated rows


@pytest.mark.parametrize("data", ["transactions", "german credit"])
def test_rows_repeated_with_flipped_labels(data):
    if data == "transactions":
        X, y = make_transactions(4000, fraud_rate=0.05)
        X = X.drop(columns=["time", "customer"])
    else:
        X, y = load_german_credit()
    y = np.asarray(y) == 1
    twice = pd.concat([X, X[:300]], ignore_index=True)

    found = find_suspicions(twice, np.concatenate((y, ~y[:300])))

    assert [one.kind for one in found] == ["contradicting-rows"]
    assert f"600 of {len(twice):,} rows" in found[0].evidence
    again = find_suspicions(twice, np.concatenate((y, y[:300])))
    assert [one.kind for one in again] == ["repeated-rows"]
    assert "300 of" in again[0].evidence


def test_many_rows_of_which_nothing_is_known_are_no_copies():
    X, y, _ = claims()
    X = X.drop(columns=["amount", "number"]).assign(x=np.random.default_rng(0).normal(size=len(X)))
    X.iloc[:200] = np.nan

    assert find_suspicions(X, y) == ()


def test_contradictions_among_counts_are_chance():
    rng = np.random.default_rng(0)
    for n_columns in (2, 4, 6):
        fond = rng.gamma(2, 0.6, size=(3000, 1))
        y = rng.random(3000) < 0.05
        X = pd.DataFrame(rng.poisson(fond * (1 + y[:, None]), (3000, n_columns)))
        assert find_suspicions(X, y) == ()


# Clean data


def clean_sets():
    X, y = load_german_credit()
    yield "german credit", X, y == 1
    for seed, rate in ((0, 0.05), (1, 0.005)):
        X, y = make_transactions(4000, fraud_rate=rate, missing_rate=0.1, seed=seed)
        yield f"transactions {rate}", X.drop(columns=["time", "customer"]), y == 1
    cancer = load_breast_cancer(as_frame=True)
    yield "breast cancer", cancer.data, cancer.target == 0
    for loader in (load_digits, load_wine):
        data = loader(as_frame=True)
        for target in np.unique(data.target):
            yield f"{loader.__name__} {target}", data.data, data.target == target


@pytest.mark.parametrize("data", list(clean_sets()), ids=lambda data: data[0])
def test_clean_sets_stay_clean(data):
    _, X, y = data

    assert find_suspicions(X, np.asarray(y)) == ()


@pytest.mark.parametrize(("n", "positives"), [(20_000, 200), (2000, 20), (1000, 300), (300, 30)])
def test_a_strong_feature_and_many_kinds_of_noise_are_no_leak(n, positives):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = np.arange(n) < positives
        rng.shuffle(y)
        X = pd.DataFrame({"strong": rng.normal(size=n) + 2.33 * y})  # an AUC of 0.95
        X["money"] = rng.lognormal(6, 1, n).round(2)
        X["income"] = rng.lognormal(10, 0.6, n).round()
        X["zip"] = rng.integers(0, n // 3, n).astype(str)
        X["flag"] = (rng.random(n) < 0.02 + 0.2 * y).astype(int)
        X["gap"] = np.where(rng.random(n) < 0.3 + 0.3 * y, np.nan, rng.normal(size=n))
        assert find_suspicions(X, y) == ()


def test_services_that_attacks_come_through_are_not_the_label():
    """As in the KDD Cup of 1999: 99 % of rare attacks, but 1 % of everything else, too."""
    rng = np.random.default_rng(0)
    y = np.arange(40_000) < 80
    rare = np.where(y, rng.random(y.size) < 0.99, rng.random(y.size) < 0.01)
    usual = rng.choice(["http", "smtp", "domain_u", "ecr_i"], y.size)
    service = np.where(rare, rng.choice(["ftp_data", "telnet"], y.size), usual)
    X = pd.DataFrame({"service": service, "other": rng.normal(size=y.size)})

    assert find_suspicions(X, y) == ()
    attack = np.where(y, rng.choice(["rootkit", "spy"], y.size), "normal")
    [found] = find_suspicions(X.assign(attack=attack), y)
    assert found.columns == ("attack",)
