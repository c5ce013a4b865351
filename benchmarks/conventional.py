"""costopt beside what people write today, with the same number of trials on the same folds.

Two conventional loops in Optuna, each over an imbalanced-learn pipeline with xgboost: one wraps it in
scikit-learn's `TunedThresholdClassifierCV` with its default refit, one has Optuna sample the
threshold. All search the same model parameters and sampling ratios; the loops also the number of
trees. What is found is priced on one locked test set. A missed fraud costs its amount, a review 10.
"As cheap as it ends": costopt's out-of-fold cost is no higher than what the loop's final decisions
cost on the test set; the loops' own out-of-fold costs are too low, since thresholds were chosen there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import sklearn
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV, train_test_split
from xgboost import XGBClassifier

from costopt import CostMatrix, CostOptWarning, mean_cost, optimize
from costopt.datasets import make_transactions

REVIEW = 10.0
Search = Callable[["Data", int, int], "Found"]


@dataclass(frozen=True)
class Data:
    """Rows to search on, folds of them, and rows that no search sees."""

    X: pd.DataFrame
    y: np.ndarray
    amount: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    fresh: pd.DataFrame
    fresh_y: np.ndarray
    fresh_amount: np.ndarray


@dataclass
class Found:
    """What a search took, how its lowest out-of-fold cost fell, and its decisions on fresh rows."""

    seconds: float = 0.0
    course: list[tuple[float, float]] = field(default_factory=list)
    act: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))

    def time_to(self, cost: float) -> float:
        """Seconds until the out-of-fold cost was no higher than this; infinite if never."""
        return next((seconds for seconds, value in self.course if value <= cost), math.inf)


def main() -> None:
    """Run all three on every seed, in turn, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", choices=list(SOURCES), default="simulated")
    parser.add_argument("--folder", type=Path, default=os.environ.get("COSTOPT_DATA"),
                        help="of the data files; COSTOPT_DATA if not given")  # fmt: skip
    parser.add_argument("--rows", type=int, default=200_000, help="to search on; as many are fresh")
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object per seed")
    options = parser.parse_args()
    # payments below the price of a review are meant to be there
    warnings.filterwarnings("ignore", category=CostOptWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = []
    for seed in range(options.seeds):
        data = split(SOURCES[options.data](options.folder, options.rows, seed), seed)
        found = {name: search(data, options.trials, seed) for name, search in SEARCHES.items()}
        rows.append(compared(data, found))
        if options.json:
            print(json.dumps({"seed": seed, **rows[-1]}), flush=True)
        else:
            print(
                f"seed {seed}: " + ", ".join(f"{k} {v:.3g}" for k, v in rows[-1].items()),
                flush=True,
            )
    if not options.json:
        report(rows)


def report(rows: list[dict[str, float]]) -> None:
    """Ratios over all seeds: the conventional loop's over costopt's."""
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    ours = table["costopt seconds"]
    for name in ("tuned", "sampled"):
        times = table[f"{name} seconds"] / ours
        reached = table[f"{name} seconds"] / table[f"costopt seconds to {name}"]
        cost = table["costopt cost"] / table[f"{name} cost"]
        error = cost.std(ddof=1) / math.sqrt(cost.size) if cost.size > 1 else math.nan
        print(
            f"against the {name} threshold: {np.median(times):.1f} times faster for as many trials, "
            f"{np.median(reached):.1f} times until as cheap as it ends; cost on fresh rows "
            f"{cost.mean():.3f} +- {error:.3f} times its cost"
        )


def compared(data: Data, found: dict[str, Found]) -> dict[str, float]:
    """Seconds and costs of one seed."""
    row: dict[str, float] = {}
    costs = CostMatrix(fn="amount", fp=REVIEW, tp=REVIEW).resolve({"amount": data.fresh_amount})
    for name, one in found.items():
        row[f"{name} seconds"] = one.seconds
        row[f"{name} cost"] = mean_cost(data.fresh_y, one.act, costs)
    for name in ("tuned", "sampled"):
        row[f"costopt seconds to {name}"] = found["costopt"].time_to(row[f"{name} cost"])
    return row


def split(table: tuple[pd.DataFrame, np.ndarray, np.ndarray], seed: int) -> Data:
    """Half of the rows to search on, half locked away."""
    X, y, amount = table
    train, test = train_test_split(np.arange(y.size), test_size=0.5, stratify=y, random_state=seed)
    rows = X.iloc[train].reset_index(drop=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return Data(
        rows,
        y[train],
        amount[train],
        list(folds.split(rows, y[train])),
        X.iloc[test].reset_index(drop=True),
        y[test],
        amount[test],
    )


def simulated(_: Path | None, rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Payments of the built-in simulator, 0.8 % of them fraudulent."""
    X, y = make_transactions(2 * rows, fraud_rate=0.008, seed=seed)
    amount = X["amount"].to_numpy(dtype=float)
    return as_categories(X.drop(columns=["time", "customer"])), y.to_numpy(), amount


def credit_card(
    folder: Path | None, rows: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The frauds of the ULB credit card data among a tenth of its other rows."""
    del rows, seed
    table = pd.read_parquet(there(folder) / "ulb_creditcard_sample.parquet").drop(columns="Time")
    table = table.rename(columns={"Amount": "amount"})
    y = table.pop("Class").to_numpy()
    return table, y, table["amount"].to_numpy(dtype=float)


def transactions(
    folder: Path | None, rows: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of the simulated transactions of the fraud detection handbook, drawn at random."""
    table = pd.read_parquet(there(folder) / "transactions_sim.parquet")
    table = table.sample(min(2 * rows, len(table)), random_state=seed).sort_index()
    y = table.pop("TX_FRAUD").to_numpy()
    X = table.drop(columns=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID"])
    X = X.rename(columns={"TX_AMOUNT": "amount"}).reset_index(drop=True)
    return X, y, X["amount"].to_numpy(dtype=float)


SOURCES = {"simulated": simulated, "credit-card": credit_card, "transactions": transactions}


def there(folder: Path | None) -> Path:
    """The folder of the data files."""
    if folder is None or not Path(folder).is_dir():
        raise SystemExit(
            "the data files are not here: name their folder with --folder or COSTOPT_DATA"
        )
    return Path(folder)


def as_categories(X: pd.DataFrame) -> pd.DataFrame:
    """Texts as pandas categories, for xgboost."""
    texts = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(texts, "category"))


def by_costopt(data: Data, trials: int, seed: int) -> Found:
    """`optimize` as it is."""
    found = Found()
    best = math.inf
    start = time.perf_counter()

    def note(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        nonlocal best
        del study
        if trial.state == optuna.trial.TrialState.COMPLETE:
            best = min(best, trial.value)
        found.course.append((time.perf_counter() - start, best))

    costs = CostMatrix(fn="amount", fp=REVIEW, tp=REVIEW)
    result = optimize(
        data.X, data.y, costs, n_trials=trials, cv=data.folds, random_state=seed, callbacks=[note]
    )
    found.seconds = time.perf_counter() - start
    found.act = result.policy.decide(data.fresh)
    return found


def cost_of(y: np.ndarray, act: np.ndarray, amount: np.ndarray) -> float:
    """Mean cost per payment."""
    return float(np.mean(np.where(act == 1, REVIEW, np.where(y == 1, amount, 0.0))))


def pipeline_of(trial: optuna.Trial, present: float, seed: int) -> Any:
    """Sampler and model with the trial's parameters, in the ranges that costopt searches."""
    method = trial.suggest_categorical("resampling", ["none", "random_over", "random_under"])
    model = XGBClassifier(
        n_estimators=trial.suggest_int("n_estimators", 100, 600),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        max_depth=trial.suggest_int("max_depth", 2, 8),
        min_child_weight=trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
        subsample=trial.suggest_float("subsample", 0.5, 1.0),
        colsample_bytree=trial.suggest_float("colsample_bytree", 0.3, 1.0),
        reg_lambda=trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
        gamma=trial.suggest_float("gamma", 0.001, 5.0, log=True),
        enable_categorical=True,
        random_state=seed,
    )
    if method == "none":
        return Pipeline([("model", model)])
    ratio = trial.suggest_float("sampling_ratio", min(1.1 * present, 1.0), 1.0, log=True)
    sampler = RandomOverSampler if method == "random_over" else RandomUnderSampler
    return Pipeline(
        [("sample", sampler(sampling_strategy=ratio, random_state=seed)), ("model", model)]
    )


def by_tuned_threshold(data: Data, trials: int, seed: int) -> Found:
    """Optuna around `TunedThresholdClassifierCV`."""
    present = float(data.y.sum() / (data.y == 0).sum())
    best: dict[str, Any] = {"cost": math.inf, "model": None}

    def objective(trial: optuna.Trial) -> float:
        scorer = make_scorer(cost_of, greater_is_better=False).set_score_request(amount=True)
        tuned = TunedThresholdClassifierCV(
            pipeline_of(trial, present, seed), scoring=scorer, cv=data.folds
        )
        tuned.fit(data.X, data.y, amount=data.amount)
        if -tuned.best_score_ < best["cost"]:
            best.update(cost=-tuned.best_score_, model=tuned)
        return float(-tuned.best_score_)

    def finish(study: optuna.Study) -> np.ndarray:
        del study
        return np.asarray(best["model"].predict(data.fresh)) == 1

    with sklearn.config_context(enable_metadata_routing=True):
        return run(objective, trials, seed, finish)


def by_sampled_threshold(data: Data, trials: int, seed: int) -> Found:
    """Optuna with the threshold as one more parameter; the best is refitted on all rows."""
    present = float(data.y.sum() / (data.y == 0).sum())

    def objective(trial: optuna.Trial) -> float:
        threshold = trial.suggest_float("threshold", 0.001, 0.999)
        pipeline = pipeline_of(trial, present, seed)
        costs = []
        for train, test in data.folds:
            fitted = clone(pipeline).fit(data.X.iloc[train], data.y[train])
            act = fitted.predict_proba(data.X.iloc[test])[:, 1] >= threshold
            costs.append(cost_of(data.y[test], act, data.amount[test]))
        return float(np.mean(costs))

    def finish(study: optuna.Study) -> np.ndarray:
        fixed = optuna.trial.FixedTrial(study.best_params)
        fitted = pipeline_of(fixed, present, seed).fit(data.X, data.y)
        scores = fitted.predict_proba(data.fresh)[:, 1]
        return np.asarray(scores >= study.best_params["threshold"])

    return run(objective, trials, seed, finish)


def run(
    objective: Callable[[optuna.Trial], float],
    trials: int,
    seed: int,
    finish: Callable[[optuna.Study], np.ndarray],
) -> Found:
    """A study, and the decisions of what it found."""
    start = time.perf_counter()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    # scikit-learn gives a whole trial up where one fold scores all rows alike
    study.optimize(objective, n_trials=trials, catch=(ValueError,))
    act = finish(study)
    return Found(time.perf_counter() - start, act=act)


SEARCHES: dict[str, Search] = {
    "costopt": by_costopt,
    "tuned": by_tuned_threshold,
    "sampled": by_sampled_threshold,
}


if __name__ == "__main__":
    main()
