"""`optimize`: declare the costs, get the policy."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import optuna

from costopt.calibration.maps import CalibrationKind
from costopt.decision.costs import Costs
from costopt.errors import SearchError, StoreError
from costopt.evaluation.modes import ThresholdMode
from costopt.evaluation.rows import FOLDS, Rows
from costopt.evaluation.trial import FinalKind
from costopt.inputs.frames import Scalar
from costopt.learners.protocol import Learner
from costopt.rebalancing.names import BY_DEFAULT
from costopt.search.fingerprint import fingerprint
from costopt.search.loop import Callback, Loop
from costopt.search.objective import Search
from costopt.search.result import SearchResult
from costopt.search.sampler import settings_of
from costopt.search.selection import SelectionKind
from costopt.search.space import Resampling

if TYPE_CHECKING:
    from costopt.engine.store import Store

__all__ = ["optimize"]


def optimize(
    X: Any,
    y: Any,
    costs: Costs,
    *,
    n_trials: int = 100,
    timeout: float | None = None,
    learners: str | Learner | Sequence[str | Learner] = "xgboost",
    resampling: Resampling = BY_DEFAULT,
    threshold: ThresholdMode = "auto",
    calibration: CalibrationKind = "platt",
    cv: Any = FOLDS,
    groups: Any = None,
    time: Any = None,
    ignore: Collection[str] = (),
    sample_weight: Any = None,
    prevalence: float | None = None,
    pos_label: Scalar | None = None,
    random_state: int = 0,
    sampler: optuna.samplers.BaseSampler | None = None,
    n_jobs: int | None = None,
    racing: bool = True,
    selection: SelectionKind = "likelihood",
    final: FinalKind = "refit",
    storage: str | None = None,
    study_name: str = "costopt",
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
) -> SearchResult:
    """Find the decision policy that costs least, and say honestly what it will cost.

    Searches model parameters, one rebalancing method with its ratio, and the decision
    threshold together. The threshold is solved rather than searched: a trial's value is the
    out-of-fold cost of the rule that it leads to.

    Parameters
    ----------
    X : data frame or array-like of shape (n_cases, n_columns)
        Numbers, texts and categories; missing values are fine. Columns that the costs name are
        features too, unless they are in ``ignore`` or known only in hindsight.
    y : str or array-like of shape (n_cases,)
        Labels of two classes; a name takes that column, which is then no feature.
    costs : CostMatrix or CaseCosts
        What each outcome costs.
    n_trials : int, default=100
        The first few are the untuned model and simple methods. With ``storage``, those that are
        there already count.
    timeout : float, optional
        Seconds after which the search ends, in the middle of a trial if need be; only the first
        trial is always waited for. The final model is trained after that.
    learners : str, Learner, or list of them, default="xgboost"
        ``"xgboost"``, ``"logistic"``, ``"random_forest"``, ``"hist_gradient_boosting"``,
        ``"balanced_random_forest"``, ``"balanced_bagging"``, ``"easy_ensemble"``, ``"rusboost"``,
        ``"isolation_forest"``, ``"one_class_svm"``, ``"local_outlier_factor"``, ``"xgboost_focal"``,
        ``"xgboost_expected_cost"``, where they are installed ``"lightgbm"`` and ``"catboost"``, or
        ``SklearnLearner(classifier, space)``, or a `costopt.learners.protocol.Learner` of your own.
    resampling : str, RebalancingMethod, or collection of them
        Rebalancing methods to choose among: ``"none"``, ``"weight"``, ``"random_over"`` and
        ``"random_under"`` if not told otherwise. There are also ``"case_weight"``, ``"rejection"``,
        ``"smote"``, ``"adasyn"``, ``"borderline_smote"``, ``"svm_smote"``, ``"smote_tomek"``,
        ``"smote_enn"``, ``"tomek_links"``, ``"edited_nearest_neighbours"`` and ``"near_miss"``, or a
        `costopt.rebalancing.definition.RebalancingMethod` of your own.
    threshold : {"auto", "bayes", "exact", "sampled"}, default="auto"
        ``"bayes"``: Bayes' rule on calibrated probabilities. ``"exact"``: the cheapest single threshold.
        ``"auto"``: Bayes' rule, unless costs are constant and the threshold proves cheaper.
        ``"sampled"``: it is one more parameter for Optuna.
    calibration : {"platt", "beta", "isotonic", "none"} or class of CalibrationMap, default="platt"
        The map from scores to probabilities. ``"beta"`` needs 100 positives and ``"isotonic"`` 1,000.
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
        How Optuna proposes parameters. TPE where None, seeded for each trial with
        ``random_state`` and the trial's number, so that a resumed search goes on as if it had never
        been interrupted; a sampler of yours does not promise that. A study in a storage is
        continued only with a sampler of the same class, settings and seed.
    n_jobs : int, optional
        Cores to use; all where None. Results depend on it in the last digits at most.
    racing : bool, default=True
        Stop a trial before its last fold when it costs significantly more than the best one so
        far. Such trials are recorded as pruned, and nothing is estimated from them.
    selection : {"likelihood", "average", "cost", "cheapest"}, default="likelihood"
        Which trial the policy is of. ``"likelihood"``: the untuned model if its log loss is within
        one standard error of the lowest, else the trial of the lowest. ``"average"``: the mean of
        the three trials of lowest log loss and the untuned model. ``"cost"``: the untuned model if
        its cost is within one standard error of the lowest, else of the trials that are so the one
        of lowest log loss.
        ``"cheapest"``: the trial of lowest cost, whose cost is the most optimistic.
    final : {"refit", "folds"}, default="refit"
        The final model: one of all rows, or the average of the models of the folds.
    storage : str, optional
        Where trials are kept as they finish: ``"sqlite:///study.db"``, or a database server as
        SQLAlchemy names it. The same call with the same storage continues where it was left.
        Several processes that make it at the same time share the work: each trial is evaluated by
        one of them, and all return when ``n_trials`` are done.
    study_name : str, default="costopt"
        Its name there.
    callbacks : sequence of callable, default=()
        Called with the study and each finished trial, as Optuna's; ``study.stop()`` ends the
        search. One that raises an error is not called again, which a warning says; the search
        goes on.
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
    StoreError
        If the storage cannot be used, or holds a study of that name of something else.

    Warns
    -----
    CostOptWarning
        ``possible-leaks``, before anything is fitted: columns that nearly decide the label alone or
        look like identifiers, rows that repeat or contradict each other.

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
    _check_given(sampler, storage, callbacks)
    rows = Rows(
        cv=cv,
        groups=groups,
        time=time,
        ignore=ignore,
        sample_weight=sample_weight,
        prevalence=prevalence,
        pos_label=pos_label,
        random_state=random_state,
    )
    search = Search(
        X,
        y,
        costs,
        rows,
        learners=learners,
        resampling=resampling,
        threshold=threshold,
        calibration=calibration,
        n_jobs=n_jobs,
        selection=selection,
        final=final,
        racing=racing,
    )
    with _QUIET, _opened(storage, study_name, search, sampler) as store:
        loop = Loop(search, sampler, store, callbacks)
        return search.result(loop.run(n_trials, timeout, progress=progress))


@contextmanager
def _opened(
    storage: str | None,
    study_name: str,
    search: Search,
    sampler: optuna.samplers.BaseSampler | None,
) -> Iterator[Store | None]:
    """The store of a search, and None where its trials are kept in memory only."""
    if storage is None:
        yield None
        return
    from costopt.engine.store import Store  # SQLAlchemy is loaded by those who need it

    how = {"racing": str(search.racing), "sampler": settings_of(sampler)}
    made_of = fingerprint(search.problem, search.space.resampling, how)
    with Store(storage, study_name, made_of) as store:
        yield store


def _check_given(sampler: Any, storage: Any, callbacks: Any) -> None:
    if sampler is not None and not isinstance(sampler, optuna.samplers.BaseSampler):
        raise SearchError(f"sampler must be an Optuna sampler, got {sampler!r:.60}")
    if storage is not None and not isinstance(storage, str):
        raise StoreError(f"storage must be a URL such as sqlite:///study.db, got {storage!r:.60}")
    if not isinstance(callbacks, Sequence) or not all(callable(one) for one in callbacks):
        raise SearchError(f"callbacks must be a list of callables, got {callbacks!r:.60}")


def _check_budget(n_trials: Any, timeout: Any) -> None:
    whole = isinstance(n_trials, int) and not isinstance(n_trials, bool)
    if not whole or n_trials < 1:
        raise SearchError(f"n_trials must be a whole number of at least 1, got {n_trials!r}")
    if timeout is not None:
        number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        if not number or not timeout > 0:
            raise SearchError(f"timeout must be a number of seconds above 0, got {timeout!r}")


class _QuietOptuna:
    """Optuna's log of every trial is ours to show; its level is put back after the last search.

    The level is common to all threads: the first search that begins remembers it, and the last
    that ends puts it back. Where each remembered what was there when it came, the last one would
    put back what another had set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches = 0
        self._before = optuna.logging.WARNING

    def __enter__(self) -> None:
        with self._lock:
            if self._searches == 0:
                self._before = optuna.logging.get_verbosity()
                optuna.logging.set_verbosity(optuna.logging.WARNING)
            self._searches += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._searches -= 1
            if self._searches == 0:
                optuna.logging.set_verbosity(self._before)


_QUIET = _QuietOptuna()
