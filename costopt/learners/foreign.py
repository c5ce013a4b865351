"""How classifiers of other libraries are copied, set and fitted, each as its library wants it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.inputs.frames import Scalar

__all__ = [
    "encodes_labels",
    "fit_on_labels",
    "fresh",
    "is_frozen",
    "known_parameters",
    "library_of",
    "name_of",
    "own_parameters",
    "unset_parameters",
]

BoolArray = NDArray[np.bool_]
Classes = tuple[Scalar, Scalar]

# Parameters that may be mappings from labels to numbers.
KEYED_BY_LABEL = ("class_weight", "class_weights", "sampling_strategy")
# What a parameter of CatBoost is where it was not set; its get_params lists only those that were.
CATBOOST = {
    "depth": 6,
    "max_depth": 6,
    "l2_leaf_reg": 3.0,
    "reg_lambda": 3.0,
    "iterations": 1000,
    "n_estimators": 1000,
    "random_strength": 1.0,
    "bagging_temperature": 1.0,
    "border_count": 254,
    "max_bin": 254,
    "rsm": 1.0,
    "colsample_bylevel": 1.0,
    "min_data_in_leaf": 1,
}
# What is set where the caller did not, under any of its names: threads, and no output of each fit.
_QUIET: dict[str, tuple[tuple[tuple[str, ...], Any], ...]] = {
    "lightgbm": ((("verbose", "verbosity"), -1),),
    "catboost": (
        (("verbose", "verbose_eval", "silent", "logging_level", "metric_period"), False),
        (("allow_writing_files", "train_dir"), False),
    ),
}
_THREADS = {
    "lightgbm": ("n_jobs", "num_threads", "num_thread", "nthread", "nthreads"),
    "xgboost": ("n_jobs", "nthread"),
    "catboost": ("thread_count",),
}


def library_of(estimator: Any) -> str:
    """``"lightgbm"``, ``"catboost"`` or ``"xgboost"``, whose classes an estimator is of; else ``""``."""
    for parent in type(estimator).__mro__:
        library = parent.__module__.partition(".")[0]
        if library in _THREADS:
            return library
    return ""


def is_frozen(estimator: Any) -> bool:
    """Whether it is a fitted model in scikit-learn's ``FrozenEstimator``, which is never fitted again."""
    from sklearn.frozen import FrozenEstimator

    return isinstance(estimator, FrozenEstimator)


def name_of(estimator: Any) -> str:
    """What a classifier is called: a fitted one by its own class."""
    inner = estimator.estimator if is_frozen(estimator) else estimator
    return type(inner).__name__


def fresh(estimator: Any) -> Any:
    """An unfitted copy; also of classifiers that scikit-learn cannot clone, which copy parameters."""
    from sklearn.base import clone

    try:
        return clone(estimator)
    except RuntimeError:  # "the constructor ... modifies parameter cat_features"
        return copy.deepcopy(estimator)


def own_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters of an estimator and all that it holds; those of CatBoost that are not set, too."""
    found = dict(estimator.get_params())
    for prefix, part in _parts(estimator):
        if library_of(part) == "catboost":
            found = {prefix + name: value for name, value in CATBOOST.items()} | found
    return found


def known_parameters(estimator: Any) -> set[str]:
    """Every name that ``set_params`` understands, other names of the same parameter included."""
    known = set(own_parameters(estimator))
    for prefix, part in _parts(estimator):
        known |= {prefix + name for name in _more_names(part)}
    return known


def unset_parameters(estimator: Any, n_threads: int, seed: int) -> dict[str, Any]:
    """Threads, silence and seeds of an estimator and all that it holds, where nobody set them."""
    given = {name: value for name, value in estimator.get_params().items() if value is not None}
    found: dict[str, Any] = {
        name: seed
        for name in estimator.get_params()
        if name.rpartition("__")[2] == "random_state" and name not in given
    }
    for prefix, part in _parts(estimator):
        library = library_of(part)
        if not library:
            continue
        for names, value in (*_QUIET.get(library, ()), (_THREADS[library], n_threads)):
            if not any(prefix + name in given for name in names):
                found[prefix + names[0]] = value
        seeded = any(prefix + name in given for name in ("random_state", "random_seed"))
        if library == "catboost" and not seeded:
            found[prefix + "random_seed"] = seed
    return found


def encodes_labels(estimator: Any, classes: Classes) -> bool:
    """Whether it is known to take no labels but 0 and 1, and these are others."""
    libraries = {library_of(part) for _, part in _parts(estimator)}
    if "catboost" in libraries and isinstance(classes[0], bool):
        return True  # it fails on class weights that are keyed by booleans
    return "xgboost" in libraries and set(classes) != {0, 1}


def fit_on_labels(
    make: Callable[[], Any], rows: Any, y: BoolArray, classes: Classes, options: Mapping[str, Any]
) -> tuple[Any, Scalar]:
    """A classifier fitted on the caller's labels, or on 0 and 1 where it takes no others.

    Parameters
    ----------
    make : callable
        Gives an unfitted one.
    rows : rows of any kind
    y : bool array of shape (n_rows,)
    classes : tuple of (negative, positive)
        The caller's labels.
    options : mapping
        What else its ``fit`` gets.

    Returns
    -------
    estimator : classifier
    positive : str, int, float or bool
        What the positive class is called in its ``classes_``.
    """
    estimator, refused = make(), None
    if not encodes_labels(estimator, classes):
        try:
            estimator.fit(rows, np.array(classes)[y.astype(np.intp)], **options)
        except Exception as error:  # whatever it says: it may understand 0 and 1
            if set(classes) == {0, 1}:  # it was given these already
                raise
            refused = error
        else:
            return estimator, classes[1]
    estimator = _with_encoded_keys(make(), classes)
    try:
        estimator.fit(rows, y.astype(np.intp), **options)
    except Exception:
        if refused is not None:  # labels were not what was wrong
            raise refused from None
        raise
    return estimator, 1


def _with_encoded_keys(estimator: Any, classes: Classes) -> Any:
    """The estimator with parameters that are keyed by label keyed by 0 and 1."""
    negative, positive = classes
    encoded = {
        name: {int(label == positive): number for label, number in value.items()}
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] in KEYED_BY_LABEL
        and isinstance(value, Mapping)
        and all(label in (negative, positive) for label in value)
    }
    if encoded:
        estimator.set_params(**encoded)
    return estimator


def _parts(estimator: Any) -> Iterator[tuple[str, Any]]:
    """The estimator and those among its parameters, with what their parameters' names begin with."""
    yield "", estimator
    if is_frozen(estimator):
        return
    for name, value in estimator.get_params().items():
        if hasattr(value, "get_params") and hasattr(value, "fit") and not isinstance(value, type):
            yield f"{name}__", value


def _more_names(estimator: Any) -> set[str]:
    """Parameters that ``get_params`` does not list while they are not set."""
    from inspect import Parameter, signature

    library = library_of(estimator)
    if library == "catboost":
        parameters = signature(type(estimator).__init__).parameters.values()
        return {one.name for one in parameters if one.kind is Parameter.POSITIONAL_OR_KEYWORD}
    if library == "lightgbm":
        from lightgbm.basic import _ConfigAliases

        by_name = _ConfigAliases._get_all_param_aliases()
        return {name for names in by_name.items() for name in (names[0], *names[1])}
    return set()
