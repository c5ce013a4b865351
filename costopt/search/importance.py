"""Which hyperparameters a search's costs depended on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from scipy.stats import rankdata

__all__ = ["importance_of"]

# With fewer trials a forest over several parameters describes noise.
MIN_TRIALS = 20


def importance_of(study: optuna.Study, chosen: int, seed: int) -> tuple[dict[str, float], str]:
    """Share of the differences in cost that each hyperparameter explains, and of what that is.

    Parameters
    ----------
    study : optuna.Study
        With a completed trial.
    chosen : int
        Trials that lack a parameter of this one, those of other learners for instance, are left
        out.
    seed : int
        Of the forest.

    Returns
    -------
    importance : dict of str to float
        The largest first; adds up to 1. Empty where there is too little to go by.
    note : str
        How many trials it is of, or why there is none.

    Notes
    -----
    A random forest predicts the rank of a trial's cost, and the variance of its predictions is
    attributed to the parameters. Ranks, since a few hopeless trials would otherwise decide.

    References
    ----------
    F. Hutter, H. Hoos, K. Leyton-Brown (2014). An Efficient Approach for Assessing Hyperparameter
    Importance. ICML, PMLR 32, 754-762.
    """
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    params = next((t for t in complete if t.number == chosen), complete[0]).distributions
    alike = [trial for trial in complete if params.items() <= trial.distributions.items()]
    if len(alike) < MIN_TRIALS:
        return {}, f"parameter importance needs {MIN_TRIALS} trials ({len(alike):,} so far)"
    varied = [name for name in params if len({repr(trial.params[name]) for trial in alike}) > 1]
    costs = [float(trial.value) for trial in alike]
    if not varied or len(set(costs)) == 1:
        return {}, "no parameter mattered: every trial cost the same"
    ranks = {trial.number: float(rank) for trial, rank in zip(alike, rankdata(costs), strict=True)}
    return _fanova(
        study, ranks, varied, seed
    ), f"Which parameters mattered, in {len(alike):,} trials"


def _fanova(
    study: optuna.Study, ranks: Mapping[int, float], varied: list[str], seed: int
) -> dict[str, float]:
    found: dict[str, Any] = optuna.importance.get_param_importances(
        study,
        evaluator=optuna.importance.FanovaImportanceEvaluator(seed=seed),
        params=varied,
        # trials without a rank are left out
        target=lambda trial: ranks.get(trial.number, float("nan")),
    )
    return {name: float(share) for name, share in found.items()}
