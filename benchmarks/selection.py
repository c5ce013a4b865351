"""Which trial of a search to select, and what final model: savings on held-out rows, every way.

For each split one search is run, and of its trials everything is selected that `optimize` offers:
by likelihood, an average, by cost, the cheapest; refitted on all rows, or as the models of the
folds. Differences are to the untuned model of the same search, refitted.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from itertools import product

import numpy as np
import optuna
import pandas as pd
from published import SETS, costs_of, saved, summary
from sklearn.model_selection import train_test_split

from costopt import CaseCosts, CostOptWarning, ExpectedCostObjective
from costopt.datasets import CostedData, make_transactions
from costopt.search.selection import SELECTIONS

WAYS = list(product(SELECTIONS, ("refit", "folds")))


def main() -> None:
    """Search on every split of every set, and print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=list(SOURCES), default=["churn", "payments"])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one JSON object per set")
    options = parser.parse_args()
    # cases in which acting cannot pay are meant to be there
    warnings.filterwarnings("ignore", category=CostOptWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in options.sets:
        data = SOURCES[name]()
        found = [measure(data, split, options.trials) for split in range(options.splits)]
        base = np.array([one["untuned"] for one in found])
        table = {
            " ".join(way): summary(np.array([one[" ".join(way)] for one in found]) - base)
            for way in WAYS
        }
        if options.json:
            print(json.dumps({"set": name, "untuned": summary(base), **table}), flush=True)
            continue
        print(f"{name}: untuned {base.mean():.4f} +- {summary(base)[1]:.4f}")
        for way, (mean, error) in table.items():
            print(f"  {way:<20}{mean:>+9.4f} +- {error:.4f}", flush=True)


def measure(data: CostedData, split: int, trials: int) -> dict[str, float]:
    """Savings of every way on the held-out rows of one split."""
    y = np.asarray(data.y)
    train, test = train_test_split(
        np.arange(y.size), test_size=0.25, stratify=y, random_state=split
    )
    X, fresh = (data.X.iloc[rows].reset_index(drop=True) for rows in (train, test))
    fresh_costs = costs_of(data, test)
    objective = ExpectedCostObjective(
        X, y[train], costs_of(data, train), selection="average", random_state=split
    )
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=split))
    objective.enqueue_defaults(study)

    def savings_of(selection: str, final: str) -> float:
        objective.selection, objective.final = selection, final
        act = objective.result(study).policy.decide(fresh, costs=fresh_costs)
        return saved(y[test], act, fresh_costs)

    study.optimize(objective, n_trials=1)
    found = {"untuned": savings_of("cheapest", "refit")}
    study.optimize(objective, n_trials=trials - 1)
    return found | {" ".join(way): savings_of(*way) for way in WAYS}


def payments() -> CostedData:
    """Simulated card payments, 0.8 % of them fraudulent; a review costs 10."""
    X, y = make_transactions(60_000, fraud_rate=0.008)
    costs = CaseCosts(fp=10.0, fn=X["amount"].to_numpy(dtype=float), tp=10.0)
    return CostedData(
        X.drop(columns=["time", "customer"]),
        pd.Series(y),
        **{
            cell: np.broadcast_to(getattr(costs, cell), y.shape)
            for cell in ("fp", "fn", "tp", "tn")
        },
    )


SOURCES: dict[str, Callable[[], CostedData]] = {
    **{name: load for name, (load, _) in SETS.items()},
    "payments": payments,
}


if __name__ == "__main__":
    main()
