"""`optimize`: declare the costs, get the policy."""

from __future__ import annotations

import math
import sys
import time as clock
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from tqdm import tqdm

from costopt.decision.costs import Costs
from costopt.errors import CostOptError, SearchError, warn
from costopt.evaluation.choice import ThresholdMode
from costopt.frames import Scalar
from costopt.search.objective import ExpectedCostObjective
from costopt.search.result import SearchResult
from costopt.training.learners import Learner
from costopt.training.resampling import DEVICES

__all__ = ["optimize"]


def optimize(
    X: Any,
    y: Any,
    costs: Costs,
    *,
    n_trials: int = 100,
    timeout: float | None = None,
    learners: str | Learner | Sequence[str | Learner] = "xgboost",
    resampling: str | Collection[str] = tuple(DEVICES),
    threshold: ThresholdMode = "auto",
    cv: Any = 5,
    groups: Any = None,
    time: Any = None,
    ignore: Collection[str] = (),
    sample_weight: Any = None,
    prevalence: float | None = None,
    pos_label: Scalar | None = None,
    random_state: int = 0,
    sampler: optuna.samplers.BaseSampler | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
) -> SearchResult:
    """Find the decision policy that costs least, and say honestly what it will cost.

    Searches model parameters, one class-level device against imbalance with its ratio, and the
    decision threshold together. The threshold is solved rather than searched: a trial's value
    is the out-of-fold cost of the rule that it would ship.

    Parameters
    ----------
    X : data frame or array-like of shape (n_cases, n_columns)
        Numbers, texts and categories; missing values are fine. Columns that the costs name are
        features too, unless they are in ``ignore`` or known only in hindsight.
    y : array-like of shape (n_cases,)
        Labels of two classes.
    costs : CostMatrix or CaseCosts
        What each outcome costs.
    n_trials : int, default=100
        The first few are the untuned model and simple devices.
    timeout : float, optional
        Seconds after which no further trial starts.
    learners : str, Learner, or list of them, default="xgboost"
        ``"xgboost"``, ``"logistic"``, or ``SklearnLearner(classifier, space)``.
    resampling : str or collection of str
        Devices to choose among: ``"none"``, ``"weight"``, ``"random_over"``, ``"random_under"``.
    threshold : {"auto", "bayes", "exact", "sampled"}, default="auto"
        ``"bayes"``: Bayes' rule on calibrated probabilities. ``"exact"``: the cheapest single cut.
        ``"auto"``: Bayes' rule, unless costs are constant and the cut proves cheaper.
        ``"sampled"``: the cut is one more parameter for Optuna.
    cv : int, splitter or iterable of (train, test), default=5
        Folds that make the out-of-fold scores.
    groups : str or array-like of shape (n_cases,), optional
        Rows that belong together, such as a customer's; a name takes that column, which is then
        no feature.
    time : str or array-like of shape (n_cases,), optional
        Folds in order of time; a name takes that column, which is then no feature.
    ignore : collection of str, default=()
        Columns that are no features: costs, groups, times, identities.
    sample_weight : str or array-like of shape (n_cases,), optional
        How many cases of the population each row stands for.
    prevalence : float, optional
        Share of positives in the population, where rows were sampled by class.
    pos_label : str, int, float or bool, optional
        The class to act on; needed where labels are not 0 and 1.
    random_state : int, default=0
        The same inputs, seed and versions give the same result.
    sampler : optuna sampler, optional
        How Optuna proposes parameters; TPE seeded with ``random_state`` where None.
    n_jobs : int, optional
        Cores to use; all where None. Results depend on it in the last digits at most.
    progress : bool, optional
        Show a progress bar on stderr; on terminals only where None.

    Returns
    -------
    result : SearchResult

    Raises
    ------
    CostSpecError, DataError, SearchError
        Before anything is fitted, if something cannot be used; `SearchError` also if every
        trial fails.

    Examples
    --------
    >>> from costopt import CostMatrix
    >>> from costopt.datasets import load_german_credit
    >>> X, y = load_german_credit()
    >>> costs = CostMatrix(fn=5, fp=1)
    >>> result = optimize(X, y, costs, learners="logistic", n_trials=4)
    >>> round(result.threshold, 4)
    0.1667
    >>> result.expected_cost.value < result.baselines["always act"].value
    True
    """
    _check_budget(n_trials, timeout)
    if sampler is not None and not isinstance(sampler, optuna.samplers.BaseSampler):
        raise SearchError(f"sampler must be an Optuna sampler, got {sampler!r:.60}")
    objective = ExpectedCostObjective(
        X,
        y,
        costs,
        learners=learners,
        resampling=resampling,
        threshold=threshold,
        cv=cv,
        groups=groups,
        time=time,
        ignore=ignore,
        sample_weight=sample_weight,
        prevalence=prevalence,
        pos_label=pos_label,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    with _quiet_optuna():
        study = optuna.create_study(sampler=sampler or _sampler(random_state))
        objective.enqueue_defaults(study)
        _run(study, objective, n_trials, timeout, progress=progress)
        return objective.result(study)


def _run(
    study: optuna.Study,
    objective: ExpectedCostObjective,
    n_trials: int,
    timeout: float | None,
    *,
    progress: bool | None,
) -> None:
    """Ask, evaluate and tell until the budget is spent or Ctrl-C is pressed."""
    end = math.inf if timeout is None else clock.monotonic() + timeout
    reasons: Counter[str] = Counter()
    best = math.inf
    hidden = not (sys.stderr.isatty() if progress is None else progress)
    with tqdm(total=n_trials, desc="trials", disable=hidden, leave=False) as bar:
        try:
            for done in range(n_trials):
                if done and clock.monotonic() >= end:
                    break
                value = _tried(study, objective, reasons)
                best = min(best, value)
                bar.set_postfix_str(f"lowest cost {best:.4g}")
                bar.update()
        except KeyboardInterrupt:
            if math.isinf(best):  # nothing to keep yet
                raise
            warn(
                "interrupted",
                f"stopped in trial {bar.n} of {n_trials}: the result is of those completed",
            )
    _report_failures(reasons, nothing_left=math.isinf(best))


def _tried(study: optuna.Study, objective: ExpectedCostObjective, reasons: Counter[str]) -> float:
    """The value of one more trial; infinite, with its reason recorded, where it failed."""
    trial = study.ask()
    try:
        value = objective(trial)
    except KeyboardInterrupt:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise
    except Exception as error:  # one candidate that cannot be fitted must not end the search
        reason = f"{type(error).__name__}: {error}"[:500]
        trial.set_user_attr("reason", reason)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        if trial.number == 0 and isinstance(error, CostOptError):
            raise  # the plain default failed for a reason that holds for every candidate
        reasons[reason] += 1
        return math.inf
    study.tell(trial, value)
    return value


def _report_failures(reasons: Counter[str], *, nothing_left: bool) -> None:
    if not reasons:
        return
    failed = sum(reasons.values())
    listed = "; ".join(f"{count} times {reason}" for reason, count in reasons.most_common(3))
    if nothing_left:
        raise SearchError(
            f"all {failed} trials failed, so there is nothing to choose from: {listed}"
        )
    warn("failed-trials", f"{failed} trials failed and count for nothing: {listed}")


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed)


def _check_budget(n_trials: Any, timeout: Any) -> None:
    whole = isinstance(n_trials, int) and not isinstance(n_trials, bool)
    if not whole or n_trials < 1:
        raise SearchError(f"n_trials must be a whole number of at least 1, got {n_trials!r}")
    if timeout is not None:
        number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        if not number or not timeout > 0:
            raise SearchError(f"timeout must be a number of seconds above 0, got {timeout!r}")


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Optuna's log of every trial is ours to show; its level is put back afterwards."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
