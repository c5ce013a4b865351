"""Measure whether intervals cover the truth, and whether stated costs are the true ones.

Two parts, both resumable: what is measured is kept in ``--out``, and the same command goes on.

``--part scores`` draws samples from a population that is known exactly, gives `choose_threshold`
scores of an imperfect model, and compares what the policy says of itself with what it costs in the
population. The grid is rows x positives x tails of the amounts x weights x groups.

``--part searches`` runs whole searches on simulated card payments, for every ``selection`` and
``final``, and prices the policies on fresh payments.

The default is small; ``--grid full --samples 400`` is what the README quotes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from costopt import CaseCosts, CostMatrix, CostOptWarning, DataError, choose_threshold, optimize
from costopt.datasets import make_transactions
from costopt.metrics import decision_cost

POPULATION = 200_000
REVIEW = 10.0
TAILS = ("constant", "lognormal 1", "lognormal 1.5", "lognormal 2", "pareto 1.8")


@dataclass(frozen=True)
class Cell:
    """One combination of the grid."""

    rows: int
    positives: float
    tail: str
    weights: str = "none"
    groups: str = "none"

    @property
    def name(self) -> str:
        """For files and tables."""
        return " ".join(map(str, asdict(self).values())).replace(" ", "_")


def grid(size: str) -> list[Cell]:
    """The cells of a small or the full grid."""
    if size == "small":
        return [
            Cell(1000, 0.01, "lognormal 1.5"),
            Cell(1000, 0.05, "constant"),
            Cell(1000, 0.05, "lognormal 1.5", weights="by case"),
            Cell(1000, 0.05, "lognormal 1.5", weights="by class"),
            Cell(1000, 0.05, "lognormal 1.5", weights="declared"),
            Cell(1000, 0.05, "lognormal 1.5", groups="of ten"),
        ]
    plain = [
        Cell(*one)
        for one in itertools.product((500, 1000, 4000), (0.005, 0.01, 0.05, 0.3), TAILS)
        if one[0] * one[1] >= 5
    ]
    tails = ("constant", "lognormal 1.5")
    weighted = [
        Cell(rows, positives, tail, weights=weights)
        for rows, positives, tail, weights in itertools.product(
            (1000, 4000), (0.01, 0.05), tails, ("by case", "by class", "declared")
        )
    ]
    grouped = [
        Cell(rows, positives, tail, groups="of ten")
        for rows, positives, tail in itertools.product((1000, 4000), (0.01, 0.05), tails)
    ]
    return plain + weighted + grouped


@cache
def shift_of(positives: float) -> float:
    """The mean log-odds under which so many of the cases are positive."""
    risk = np.random.default_rng(0).normal(size=100_000)
    return float(brentq(lambda shift: expit(shift + 1.5 * risk).mean() - positives, -20, 10))


class Population:
    """Cases whose risk and amount are known, and a model that sees the risk with an error."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.shift = shift_of(cell.positives)

    def draw(self, n: int, rng: np.random.Generator) -> dict[str, Any]:
        """Cases with risk, amount, score, group and label."""
        group = np.arange(n) if self.cell.groups == "none" else rng.integers(0, max(n // 10, 2), n)
        if self.cell.groups == "none":
            risk = rng.normal(size=n)
        else:  # half of the variance of the risk, and the error of the model, belong to the group
            risk = (rng.normal(size=group.max() + 1)[group] + rng.normal(size=n)) / np.sqrt(2)
        z = self.shift + 1.5 * risk
        kind, _, shape = self.cell.tail.partition(" ")
        if kind == "constant":
            amount = np.full(n, 100.0)
        elif kind == "lognormal":
            amount = 100 * rng.lognormal(0, float(shape), n)
        else:
            amount = 100 * (1 + rng.pareto(float(shape), n))
        return {
            "p": expit(z),
            "amount": amount,
            "score": expit(z + 0.5 * rng.normal(size=n)),
            "group": group,
            "risk": risk,
            "y": rng.random(n) < expit(z),
        }

    def sample(self, rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
        """Rows as they are collected, and what is said of them."""
        n, weights = self.cell.rows, self.cell.weights
        if weights == "none":
            rows = self.draw(n, rng)
            said = {} if self.cell.groups == "none" else {"groups": rows["group"]}
            return rows, said
        rows = self.draw(12 * n, rng)
        if weights == "by case":  # risky cases are collected more often
            chance = np.minimum(np.exp(0.5 * rows["risk"] - 2), 1)
        else:  # one negative in ten
            chance = np.where(rows["y"], 1.0, 0.1)
        kept = np.flatnonzero(rng.random(12 * n) < chance)[:n]
        rows = {name: values[kept] for name, values in rows.items()}
        if weights == "declared":
            return rows, {"prevalence": float(population_of(self.cell)["p"].mean())}
        return rows, {"sample_weight": 1 / chance[kept]}


def costs_of(rows: dict[str, Any]) -> CaseCosts:
    """A missed positive costs its amount, a review ten."""
    constant = np.ptp(rows["amount"]) == 0
    return CaseCosts(fp=REVIEW, tp=REVIEW, fn=100.0 if constant else rows["amount"], unit="EUR")


@cache
def population_of(cell: Cell) -> dict[str, Any]:
    """What stands for the truth: cases as they are, however they are collected."""
    plain = Population(replace(cell, weights="none"))
    return plain.draw(POPULATION, np.random.default_rng(0))


def measure(cell: Cell, seed: int) -> dict[str, list[float]]:
    """One sample of a cell: truth, stated number and ends of the interval of each quantity."""
    rows, said = Population(cell).sample(np.random.default_rng([seed, 1]))
    positives = int(np.count_nonzero(rows["y"]))
    if positives < 2:  # no folds can be made: left out, and counted
        return {}
    try:
        policy = choose_threshold(
            rows["y"], rows["score"], costs_of(rows), cv=min(5, positives), **said
        )
    except DataError:  # whole groups leave a fold without a positive: as above
        return {}
    fresh = population_of(cell)
    costs = costs_of(fresh)
    act = policy.decide(score=fresh["score"], costs=costs if policy.needs_costs else None)
    p = fresh["p"]
    missed = p * np.broadcast_to(costs.fn, p.shape)
    true = {"cost": float(np.where(act, REVIEW, missed).mean()), "never": float(missed.mean())}
    true["savings"] = 1 - true["cost"] / min(true["never"], REVIEW)
    evidence = policy.evidence
    stated = {
        "cost": evidence.expected_cost,
        "never": evidence.baselines["never act"],
        "savings": evidence.savings,
    }
    return {
        name: [true[name], found.value, found.low, found.high]
        for name, found in stated.items()
        if found is not None
    }


def kept(folder: Path, name: str, seeds: range, run: Any) -> Iterator[dict[str, list[float]]]:
    """What was measured for each seed: read where it is there, else measured and written."""
    file = folder / f"{name}.jsonl"
    known = {}
    if file.exists():
        for line in file.read_text().splitlines():
            record = json.loads(line)
            known[record["seed"]] = record["found"]
    with file.open("a") as out:
        for seed in seeds:
            if seed not in known:
                known[seed] = run(seed)
                out.write(json.dumps({"seed": seed, "found": known[seed]}) + "\n")
                out.flush()
            yield known[seed]


def summarise(found: list[dict[str, list[float]]], quantity: str) -> dict[str, float]:
    """Coverage, bias and width of one quantity over samples."""
    rows = np.array([each[quantity] for each in found if quantity in each])
    truth, value, low, high = rows.T
    stated = ~np.isnan(low)
    covers = ((low <= truth) & (truth <= high))[stated]
    finite = stated & np.isfinite(low) & np.isfinite(high)
    error = value - truth
    ideal = float(np.diff(np.quantile(error, [0.025, 0.975]))[0])
    scale = float(np.abs(truth).mean()) or 1.0
    n = max(int(stated.sum()), 1)
    coverage = float(covers.mean()) if covers.size else float("nan")
    return {
        "samples": len(rows),
        "without interval": int((~stated).sum()),
        "coverage": coverage,
        "its s.e.": float(np.sqrt(max(coverage * (1 - coverage), 0.25 / n) / n)),
        "bias": float(error.mean() / scale),
        "its s.e. ": float(error.std(ddof=1) / np.sqrt(len(rows)) / scale),
        "width / ideal": float(np.median((high - low)[finite]) / ideal) if finite.any() else np.nan,
        "wrongly worse": float(np.mean((high < 0) & (truth >= 0)))
        if quantity == "savings"
        else 0.0,
    }


def scores(folder: Path, size: str, samples: int) -> None:
    """The grid of simulated scores."""
    print(f"{'rows positives tail weights groups':<44}{'':10}{'cover':>7}{'s.e.':>7}"
          f"{'bias':>8}{'s.e.':>7}{'width':>7}{'none':>6}{'worse':>7}")  # fmt: skip
    totals: dict[str, list[float]] = {}
    for cell in grid(size):
        found = list(kept(folder, cell.name, range(samples), lambda seed, c=cell: measure(c, seed)))
        for quantity in ("cost", "never", "savings"):
            told = summarise(found, quantity)
            totals.setdefault(quantity, []).append(told["coverage"])
            print(
                f"{cell.name.replace('_', ' '):<44}{quantity:<10}{told['coverage']:>7.1%}"
                f"{told['its s.e.']:>7.1%}{told['bias']:>+8.1%}{told['its s.e. ']:>7.1%}"
                f"{told['width / ideal']:>7.2f}{told['without interval']:>6}{told['wrongly worse']:>7.1%}",
                flush=True,
            )
    for quantity, coverages in totals.items():
        print(f"mean coverage of {quantity}: {np.nanmean(coverages):.1%}")


SEARCHES = [
    (selection, final)
    for selection in ("likelihood", "cost", "cheapest")
    for final in ("refit", "folds")
]
COSTS = CostMatrix(fn="amount", fp=REVIEW, tp=REVIEW, unit="EUR")


@cache
def fresh_payments() -> tuple[Any, Any, CaseCosts]:
    """What stands for the truth."""
    fresh, labels = make_transactions(POPULATION, fraud_rate=0.05, seed=1_000_000)
    return fresh, labels, COSTS.resolve(fresh)


def search(seed: int, rows: int, trials: int, jobs: int | None) -> dict[str, list[float]]:
    """One search on simulated payments; what is selected of it is priced on fresh ones."""
    X, y = make_transactions(rows, fraud_rate=0.05, seed=seed)
    fresh, labels, priced = fresh_payments()
    base = min(
        decision_cost(labels, np.full(labels.size, act), priced).mean() for act in (False, True)
    )
    found = {}
    with TemporaryDirectory() as folder:
        for selection, final in SEARCHES:  # the first evaluates the trials, the others find them
            result = optimize(
                X,
                y,
                COSTS,
                groups="customer",
                ignore=["time"],
                n_trials=trials,
                random_state=seed,
                n_jobs=jobs,
                selection=selection,  # type: ignore[arg-type]  # one of those above
                final=final,  # type: ignore[arg-type]  # as above
                storage=f"sqlite:///{Path(folder) / 'study.db'}",
            )
            truth = float(decision_cost(labels, result.policy.decide(fresh), priced).mean())
            cost, saved = result.expected_cost, result.savings
            name = f"{selection}, {final}"
            found[f"{name}: cost"] = [truth, cost.value, cost.low, cost.high]
            found[f"{name}: savings"] = [1 - truth / base, saved.value, saved.low, saved.high]
            found[f"{name}: apparent"] = [truth, result.apparent_cost, cost.low, cost.high]
    return found


def searches(folder: Path, samples: int, rows: int, trials: int, jobs: int | None) -> None:
    """Whole searches."""
    name = f"searches_{rows}_{trials}"
    run = partial(search, rows=rows, trials=trials, jobs=jobs)
    found = list(kept(folder, name, range(samples), run))
    print(f"{'selection, final':<32}{'cover':>7}{'s.e.':>7}{'bias':>8}{'s.e.':>7}")
    for quantity in found[0]:
        told = summarise(found, quantity)
        print(
            f"{quantity:<32}{told['coverage']:>7.1%}{told['its s.e.']:>7.1%}"
            f"{told['bias']:>+8.1%}{told['its s.e. ']:>7.1%}"
        )


def main() -> None:
    """Measure what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=("scores", "searches"), default="scores")
    parser.add_argument("--grid", choices=("small", "full"), default="small")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--rows", type=int, default=2000, help="of a search")
    parser.add_argument("--trials", type=int, default=25, help="of a search")
    parser.add_argument("--jobs", type=int, help="cores of a search; all if not given")
    parser.add_argument("--out", type=Path, default=Path("interval-results"))
    options = parser.parse_args()
    # rows whose amount is below the cost of a review are meant to be there
    warnings.filterwarnings("ignore", category=CostOptWarning)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part == "scores":
        scores(options.out, options.grid, options.samples)
    else:
        searches(options.out, options.samples, options.rows, options.trials, options.jobs)


if __name__ == "__main__":
    main()
