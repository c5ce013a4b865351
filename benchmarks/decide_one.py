"""Time of one decision: a record or a row of a table, by one xgboost model at constant costs.

Times `DecisionPolicy.decide_one` as ``python -m timeit`` does, one call after another, and prints the
median of the repeats in milliseconds, beside what a table of one row takes (`decide_frame`).
"""

from __future__ import annotations

import argparse
import statistics
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from costopt import CostMatrix, DecisionPolicy, XGBoostLearner, optimize


def main() -> None:
    """Measure and print a line for each way to pass a case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args()
    X, policy = made(options.columns)
    row, record = X.iloc[[0]], X.iloc[0].to_dict()
    ways: dict[str, Callable[[], Any]] = {
        "decide_one, a record": lambda: policy.decide_one(record),
        "decide_one, a row": lambda: policy.decide_one(row),
        "decide_frame, a row": lambda: policy.decide_frame(row),
    }
    for name, way in ways.items():
        way()
        times = timeit.repeat(way, number=1, repeat=options.repeats)
        print(f"{name:<22}{1000 * statistics.median(times):8.3f} ms")


def made(n_columns: int) -> tuple[pd.DataFrame, DecisionPolicy]:
    """Rows of numbers and one category, and a policy for them."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(5000, n_columns - 1))
    X = pd.DataFrame(numbers, columns=[f"x{at}" for at in range(n_columns - 1)])
    X["kind"] = rng.choice(["card", "cash", "transfer"], len(X))
    y = (X["x0"] + rng.normal(size=len(X)) > 2).astype(int)
    learner = XGBoostLearner()
    costs = CostMatrix(fn=20, fp=1)
    return X, optimize(X, y, costs, learners=learner, n_trials=1, progress=False).policy


if __name__ == "__main__":
    main()
