"""The list of learners; the library of a learner is loaded only when that learner is used.

To add one, write it in the file of its family, in the list there or here, and name it in
`costopt.learners.names`. Strategies, help texts and the tables of the docs are made from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from costopt.errors import SearchError, nearest
from costopt.learners.anomaly import DETECTORS
from costopt.learners.boosting import XGBoostLearner
from costopt.learners.families import ENSEMBLES, OF_OTHER_PACKAGES
from costopt.learners.logistic import LogisticLearner
from costopt.learners.names import BUILT_IN, OPTIONAL
from costopt.learners.protocol import Learner

__all__ = ["LEARNERS", "built_in", "learner"]

_MADE: Mapping[str, Learner] = {
    each.name: each
    for each in (
        XGBoostLearner(),
        LogisticLearner(),
        *ENSEMBLES,
        *DETECTORS,
        XGBoostLearner(objective="focal"),
        XGBoostLearner(objective="expected_cost"),
        *OF_OTHER_PACKAGES,
    )
}
LEARNERS: Mapping[str, Learner] = {name: _MADE[name] for name in (*BUILT_IN, *OPTIONAL)}


def learner(name: str) -> Learner:
    """A learner by its name, such as ``"xgboost"``, ``"logistic"`` or ``"random_forest"``.

    Raises
    ------
    SearchError
        If there is none of that name, or the package that it needs is not installed.

    Examples
    --------
    >>> learner("balanced_random_forest").balances
    True
    """
    if name not in LEARNERS:
        raise SearchError(f"there is no learner named {name!r}: {nearest(name, LEARNERS)}")
    found = LEARNERS[name]
    if found.needs and find_spec(found.needs) is None:
        raise SearchError(
            f"the learner {name!r} needs the package {found.needs}, which is not installed: "
            "pip install 'costopt-ml[integrations]'"
        )
    return found


def built_in(name: str) -> Learner | None:
    """The learner that reads models saved under a name; None where models of it are not saved."""
    found = LEARNERS.get(name)
    return found if found is not None and found.saves_models else None
