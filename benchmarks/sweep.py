"""The exact threshold beside one `numpy.argsort` of the same scores, and beside a tuned grid.

Ratios are of medians, measured side by side in one run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV

from costopt import CaseCosts, CostMatrix, cost_curve, mean_cost


class GivenScores(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities are the only column of X."""

    classes_ = np.array([0, 1])
    is_fitted_ = True

    def fit(self, X: np.ndarray, y: np.ndarray) -> GivenScores:
        """There is nothing to learn."""
        del X, y
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Both classes' probabilities."""
        return np.column_stack((1 - X[:, 0], X[:, 0]))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class at a threshold of 0.5."""
        return (X[:, 0] >= 0.5).astype(int)


def main() -> None:
    """Measure every size and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--prevalence", type=float, default=0.01)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()

    if not options.json:
        print(
            f"{'rows':>10}{'argsort s':>11}{'constant':>10}{'amount':>8}{'all four':>10}{'grid':>8}"
            f"{'grid cost':>11}"
        )
    for rows in options.rows:
        found = measure(rows, options.repeats, options.prevalence)
        if options.json:
            print(json.dumps(found), flush=True)
            continue
        grid = f"{found['grid']:>8.1f}{found['grid_cost']:>11.4f}" if found["grid"] else ""
        print(
            f"{rows:>10,}{found['argsort_seconds']:>11.4f}{found['constant']:>10.2f}"
            f"{found['amount']:>8.2f}{found['all_four']:>10.2f}{grid}",
            flush=True,
        )
    if not options.json:
        print(
            "columns 3 to 6: time as a multiple of argsort's; last: the grid's mean cost as a "
            "multiple of the exact threshold's"
        )


def measure(rows: int, repeats: int, prevalence: float) -> dict[str, float]:
    """Medians over alternating runs, as multiples of the sort's."""
    rng = np.random.default_rng(0)
    y = rng.random(rows) < prevalence
    score = 1 / (1 + np.exp(4 - 2 * y - rng.normal(size=rows)))
    amount = rng.lognormal(4, 1, rows)
    constant = CostMatrix(fp=1, fn=50)
    by_amount = CaseCosts(fp=10, tp=10, fn=amount)
    all_four = CaseCosts(fp=5 + amount / 100, tp=5 - amount / 100, fn=amount, tn=-amount / 1000)
    runs: dict[str, Callable[[], object]] = {
        "argsort": lambda: np.argsort(score),
        "constant": lambda: cost_curve(y, score, constant).best(),
        "amount": lambda: cost_curve(y, score, by_amount).best(),
        "all_four": lambda: cost_curve(y, score, all_four).best(),
    }
    tuned = TunedThresholdClassifierCV(
        GivenScores(),
        cv="prefit",
        refit=False,
        scoring=make_scorer(lambda t, p: -mean_cost(t, p, constant)),
    )
    with_grid = rows <= 10**6
    if with_grid:
        runs["grid"] = lambda: tuned.fit(score[:, None], y.astype(int))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: float(np.median(spent)) for name, spent in seconds.items()}
    base = medians.pop("argsort")
    found = {"rows": rows, "argsort_seconds": base}
    found |= {name: spent / base for name, spent in medians.items()}
    found["grid"] = found.get("grid", 0.0)
    if with_grid:
        exact = cost_curve(y, score, constant).best().mean_cost
        by_grid = mean_cost(y, score >= tuned.best_threshold_, constant)
        found["grid_cost"] = by_grid / exact
    return found


if __name__ == "__main__":
    main()
