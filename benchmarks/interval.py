"""Coverage of the reported interval, and bias of the reported cost, where the truth is known.

Draws many samples of simulated card payments, searches a policy on each, and prices that policy on
a large fresh sample of the same population, which stands for the truth. Every way to choose what
ships is applied to the trials of the same search.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from costopt import CostMatrix, CostOptWarning, decision_cost, optimize
from costopt.datasets import make_transactions

SETTINGS = {
    "per-case": CostMatrix(fn="amount", fp=10, tp=10, unit="EUR"),
    "constant": CostMatrix(fn=100, fp=10, tp=10, unit="EUR"),
}


def main() -> None:
    """Search on every sample, price its policy on fresh rows, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--fraud-rate", type=float, default=0.05)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--truth-rows", type=int, default=200_000)
    parser.add_argument("--learners", nargs="+", default=["xgboost"])
    parser.add_argument("--selections", nargs="+", default=["likelihood"])
    parser.add_argument("--costs", choices=list(SETTINGS), default="per-case")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    # rows whose amount is below the price of a review are meant to be there
    warnings.filterwarnings("ignore", category=CostOptWarning)

    costs = SETTINGS[options.costs]
    fresh, labels = make_transactions(
        options.truth_rows, fraud_rate=options.fraud_rate, seed=1_000_000
    )
    fresh_costs = costs.resolve(fresh)
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in options.selections}
    for sample in range(options.samples):
        X, y = make_transactions(options.rows, fraud_rate=options.fraud_rate, seed=sample)
        with TemporaryDirectory() as folder:
            for selection, found in rows.items():
                result = optimize(
                    X,
                    y,
                    costs,
                    groups="customer",
                    ignore=["time"],
                    learners=options.learners,
                    n_trials=options.trials,
                    random_state=sample,
                    selection=selection,
                    storage=f"sqlite:///{Path(folder) / 'study.db'}",
                )
                truth = decision_cost(labels, result.policy.decide(fresh), fresh_costs).mean()
                stated = result.expected_cost
                found.append((truth, stated.value, stated.low, stated.high, result.apparent_cost))
        if not options.json and (sample + 1) % 10 == 0:
            print(f"after {sample + 1} samples: {json.dumps(summarised(rows))}", flush=True)
    if options.json:
        print(json.dumps(summarised(rows)))
        return
    print(f"{options.samples} samples of {options.rows} rows, {options.trials} trials each")
    for selection, found in summarised(rows).items():
        print(f"selection {selection}")
        for name, value in found.items():
            print(f"  {name:<28}{value:.4f}")


def summarised(rows: dict[str, list[tuple[float, ...]]]) -> dict[str, dict[str, float]]:
    """The summary of each selection."""
    return {selection: summarise(found) for selection, found in rows.items()}


def summarise(rows: list[tuple[float, ...]]) -> dict[str, float]:
    """Coverage, and bias relative to the mean true cost."""
    truth, stated, low, high, apparent = np.array(rows).T
    base = truth.mean()
    count = len(rows)
    return {
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "too_low": float(np.mean(high < truth)),
        "too_high": float(np.mean(truth < low)),
        "mean_true_cost": float(base),
        "bias_of_expected_cost": float((stated - truth).mean() / base),
        "its_standard_error": float((stated - truth).std(ddof=1) / np.sqrt(count) / base)
        if count > 1
        else float("nan"),
        "bias_of_apparent_cost": float((apparent - truth).mean() / base),
        "relative_width": float((high - low).mean() / base),
    }


if __name__ == "__main__":
    main()
