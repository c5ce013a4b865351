"""Time of a whole search beside what its learner alone costs for the same trials.

Runs `optimize` without racing, its trials kept in SQLite, then trains xgboost with the parameters of
those trials on folds that are binned already: with early stopping on the same metric and one
prediction of the validation rows; and, for information, the same number of rounds without looking
at validation rows at all. At most 200 rounds, by all cores. They are run in turn, and ratios are of
sums over the repeats. Rows are not resampled, so that all three train on the same ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import xgboost as xgb
from sklearn.datasets import make_classification

from costopt import CostMatrix, CostOptWarning, SearchResult, XGBoostLearner, optimize
from costopt.evaluation.folds import make_folds

COSTS = CostMatrix(fp=1, fn=20)
MAX_ROUNDS = 200
PATIENCE = 30
FIXED = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "max_bin": 256,
    "verbosity": 0,
}


def main() -> None:
    """Measure every size and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--prevalence", type=float, default=0.02)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=CostOptWarning)
    if not options.json:
        print(
            f"{'rows':>9}{'search s':>10}{'bare s':>9}{'search / bare':>15}{'unwatched s':>13}"
            f"{'ending %':>10}{'other ms / trial':>18}"
        )
    for rows in options.rows:
        found = measure(rows, options.columns, options.trials, options.repeats, options.prevalence)
        if options.json:
            print(json.dumps(found), flush=True)
            continue
        print(
            f"{rows:>9,}{found['search_seconds']:>10.1f}{found['bare_seconds']:>9.1f}"
            f"{found['ratio']:>15.3f}{found['unwatched_seconds']:>13.1f}"
            f"{100 * found['ending_share']:>10.2f}{found['other_ms_per_trial']:>18.1f}",
            flush=True,
        )
    if not options.json:
        print(
            "search: all of optimize, from the arrays to the policy; ending: its part after the last "
            "trial, that is selection,\nhonest estimate and final model; other: the search less the "
            "bare training, per trial"
        )


def measure(
    rows: int, columns: int, trials: int, repeats: int, prevalence: float
) -> dict[str, float]:
    """Seconds summed over alternating runs."""
    X, y = make_classification(
        rows,
        columns,
        n_informative=10,
        n_redundant=5,
        weights=[1 - prevalence],
        flip_y=0.01,
        class_sep=0.7,
        random_state=0,
    )
    X = X.astype(np.float32)
    seconds = {"search": 0.0, "bare": 0.0, "unwatched": 0.0, "ending": 0.0}
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{Path(folder) / 'study.db'}"
            result, spent, ending = search(X, y, trials, repeat, url)
        seconds["search"] += spent
        seconds["ending"] += ending
        folds = binned_folds(X, y, repeat)
        rounds, spent = train(folds, result.study, repeat)
        seconds["bare"] += spent
        seconds["unwatched"] += train(folds, result.study, repeat, rounds)[1]
    count = trials * repeats
    return {
        "rows": rows,
        "columns": columns,
        "trials": trials,
        "repeats": repeats,
        "search_seconds": seconds["search"],
        "bare_seconds": seconds["bare"],
        "ratio": seconds["search"] / seconds["bare"],
        "unwatched_seconds": seconds["unwatched"],
        "ending_share": seconds["ending"] / seconds["search"],
        "other_ms_per_trial": 1000 * (seconds["search"] - seconds["bare"]) / count,
    }


def search(
    X: np.ndarray, y: np.ndarray, trials: int, seed: int, url: str
) -> tuple[SearchResult, float, float]:
    """The whole of `optimize`, its seconds, and those after its last trial."""
    last = 0.0

    def note(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        nonlocal last
        del study, trial
        last = time.perf_counter()

    start = time.perf_counter()
    result = optimize(
        X,
        y,
        COSTS,
        n_trials=trials,
        learners=XGBoostLearner(max_rounds=MAX_ROUNDS, patience=PATIENCE),
        resampling="none",
        racing=False,
        random_state=seed,
        storage=url,
        callbacks=[note],
    )
    end = time.perf_counter()
    return result, end - start, end - last


def binned_folds(X: np.ndarray, y: np.ndarray, seed: int) -> list[tuple[Any, Any]]:
    """The training and validation matrices of the folds that the search used."""
    found = []
    for fold in make_folds(y == 1, 5, random_state=seed).folds:
        train = xgb.QuantileDMatrix(X[fold.train], y[fold.train])
        found.append((train, xgb.QuantileDMatrix(X[fold.test], y[fold.test], ref=train)))
    return found


def train(
    folds: list[tuple[Any, Any]], study: optuna.Study, seed: int, rounds: list[int] | None = None
) -> tuple[list[int], float]:
    """Bare xgboost for every trial and fold: the rounds trained, and the seconds it took."""
    trained = []
    start = time.perf_counter()
    for trial in study.trials:
        for matrix, valid in folds:
            params = {**FIXED, **trial.params, "seed": seed}
            if rounds is not None:
                xgb.train(params, matrix, rounds[len(trained)])
                trained.append(0)
                continue
            booster = xgb.train(
                params,
                matrix,
                MAX_ROUNDS,
                evals=[(valid, "valid")],
                early_stopping_rounds=PATIENCE,
                verbose_eval=False,
            )
            booster.predict(valid, iteration_range=(0, booster.best_iteration + 1))
            trained.append(booster.num_boosted_rounds())
    return trained, time.perf_counter() - start


if __name__ == "__main__":
    main()
