"""What is claimed where there is nothing to be found: equal trials, and equal strategies.

``--part trials``: a search among trials whose models are all equally good, each by its own luck. The
stated cost should be the true one, for every ``selection``.

``--part strategies``: a comparison of strategies that are all equally good. None of them should be
called more expensive than the cheapest, but in one comparison of twenty.

Both are resumable: what is measured is kept in ``--out``, and the same command goes on.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from interval import kept
from scipy.special import expit

from costopt import CaseCosts, CostOptWarning, Strategy, compare, optimize
from costopt.learners.dimensions import Dimension, Integer
from costopt.learners.protocol import Features, Fitted, Fold, Learner

RISK, ROW = "risk", "row"
ROWS = 200_000
ERROR = 0.7  # of each model's log-odds
SELECTIONS = ("likelihood", "cost", "cheapest", "average")


class Lucky(Learner):
    """A learner whose models know every row's risk but for an error of their own, and learn nothing."""

    def __init__(self, number: int | None = None) -> None:
        self.number = number
        self.name = "lucky" if number is None else f"lucky {number}"

    def space(self) -> dict[str, Dimension]:
        """The number of the model, which decides its error and nothing else."""
        return {"number": Integer(0, 10**9)} if self.number is None else {}

    def defaults(self) -> dict[str, Any]:
        """Any number is as good as another."""
        return {"number": 0} if self.number is None else {}

    def prepare(self, features: Features, folds: Sequence[Fold]) -> Any:
        """The columns, and the folds."""
        return features.matrix, features.schema.names, folds

    def fit(self, prepared: Any, fold: int | None, *args: Any, **options: Any) -> Fitted:
        """Nothing is learned."""
        del prepared, fold, options
        params = args[2]
        return Fitted(int(params.get("number", self.number or 0)))

    def score_fold(self, prepared: Any, fold: int, fitted: Fitted, n_rounds: int | None) -> Any:
        """Scores of the fold's validation rows."""
        del n_rounds
        matrix, names, folds = prepared
        return self._scores(matrix[folds[fold].test], names, fitted.model)

    def score(self, model: Any, features: Features) -> Any:
        """Scores of new rows."""
        return self._scores(features.matrix, features.schema.names, model)

    def _scores(self, matrix: Any, names: Sequence[str], number: int) -> Any:
        risk, row = (matrix[:, list(names).index(name)] for name in (RISK, ROW))
        error = np.random.default_rng(number).normal(size=ROWS)[row.astype(np.intp)]
        return expit(risk + ERROR * error)


def payments(n: int, rate: float, tail: float, seed: int) -> tuple[pd.DataFrame, Any, CaseCosts]:
    """Rows, labels and costs: a review of ten, a miss of the amount."""
    rng = np.random.default_rng([seed, 5])
    risk = np.log(rate) - 0.8 + 1.5 * rng.normal(size=n)
    row = rng.choice(ROWS, n, replace=False)
    amount = 100 * rng.lognormal(0, tail, n) if tail else np.full(n, 100.0)
    frame = pd.DataFrame({RISK: risk, ROW: row.astype(np.float64)})
    costs = CaseCosts(fp=10, tp=10, fn=amount if tail else 100.0, unit="EUR")
    return frame, (rng.random(n) < expit(risk)).astype(int), costs


def true_cost(policy: Any, rate: float, tail: float) -> float:
    """What a policy costs in the population."""
    fresh, _, costs = payments(ROWS, rate, tail, seed=10**6)
    p = expit(fresh[RISK].to_numpy())
    act = policy.decide(fresh, costs=costs if policy.needs_costs else None)
    return float(np.where(act, 10.0, p * np.broadcast_to(costs.fn, p.shape)).mean())


def search(seed: int, selection: Any, n: int, rate: float, tail: float, trials: int) -> Any:
    """One search among equal trials: truth, stated and apparent cost."""
    X, y, costs = payments(n, rate, tail, seed)
    result = optimize(
        X, y, costs, learners=Lucky(), resampling="none", n_trials=trials, random_state=seed,
        selection=selection, racing=False, n_jobs=1,
    )  # fmt: skip
    truth = true_cost(result.policy, rate, tail)
    cost = result.expected_cost
    return {"cost": [truth, cost.value, cost.low, cost.high], "apparent": result.apparent_cost}


def trials(folder: Path, samples: int, n_trials: int) -> None:
    """Equal trials."""
    print(f"{'rows selection':<24}{'stated':>9}{'s.e.':>7}{'apparent':>10}{'cover':>8}")
    for n in (1000, 4000):
        for selection in SELECTIONS:
            name = f"trials_{n}_{selection}_{n_trials}"
            found = list(
                kept(
                    folder, name, range(samples),
                    lambda seed, n=n, s=selection: search(seed, s, n, 0.05, 0.0, n_trials),
                )
            )  # fmt: skip
            truth, stated, low, high = np.array([each["cost"] for each in found]).T
            apparent = np.array([each["apparent"] for each in found])
            base = truth.mean()
            print(
                f"{n:<8}{selection:<16}{(stated - truth).mean() / base:>+9.1%}"
                f"{(stated - truth).std() / base / len(truth) ** 0.5:>7.1%}"
                f"{(apparent - truth).mean() / base:>+10.1%}"
                f"{np.mean((low <= truth) & (truth <= high)):>8.1%}",
                flush=True,
            )


def comparison(seed: int, n: int, rate: float, tail: float, count: int) -> Any:
    """One comparison of equal strategies: how many are called more expensive."""
    X, y, costs = payments(n, rate, tail, seed)
    strategies = [
        Strategy(f"lucky {number}", "", "", "", learner=Lucky(1000 * seed + number), rule="bayes")
        for number in range(1, count + 1)
    ]
    found = compare(X, y, costs, strategies=strategies, random_state=seed, n_jobs=1)
    return {"called": [sum(not result.tied for result in found.results)]}


def strategies(folder: Path, samples: int) -> None:
    """Equal strategies."""
    print(f"{'rows rate tail strategies':<32}{'any called more expensive':>28}{'s.e.':>7}")
    for n, rate, tail in ((1000, 0.05, 0.0), (1000, 0.05, 1.0), (4000, 0.01, 1.5)):
        for count in (10, 38):
            name = f"strategies_{n}_{rate}_{tail}_{count}"
            found = list(
                kept(
                    folder, name, range(samples),
                    lambda seed, n=n, r=rate, t=tail, c=count: comparison(seed, n, r, t, c),
                )
            )  # fmt: skip
            share = float(np.mean([each["called"][0] > 0 for each in found]))
            error = (max(share * (1 - share), 0.25 / len(found)) / len(found)) ** 0.5
            print(f"{n:<7}{rate:<7}{tail:<8}{count:<10}{share:>28.1%}{error:>7.1%}", flush=True)


def main() -> None:
    """Measure what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=("trials", "strategies"), default="trials")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("null-results"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=CostOptWarning)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part == "trials":
        trials(options.out, options.samples, options.trials)
    else:
        strategies(options.out, options.samples)


if __name__ == "__main__":
    main()
