"""What practitioners do against class imbalance, as data: each method by name, with what it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from costopt.calibration.identity import IdentityMap
from costopt.calibration.maps import MAPS, CalibrationKind
from costopt.calibration.platt import PlattMap
from costopt.errors import SearchError, nearest
from costopt.evaluation.modes import ThresholdMode
from costopt.learners.names import BUILT_IN
from costopt.learners.protocol import Learner
from costopt.learners.registry import LEARNERS
from costopt.rebalancing.definition import EFFECTS, RebalancingMethod
from costopt.rebalancing.methods import METHODS

__all__ = ["STRATEGIES", "Strategy", "at_one_half", "strategies_named"]

Ratio = Literal["balanced", "costs"]


@dataclass(frozen=True)
class Strategy:
    """One method, from rows to decisions.

    Parameters
    ----------
    name : str
    does : str
        What it does.
    helps : str
        When it helps, as far as that is known.
    probabilities : str
        What it does to the probabilities that a model learns.
    learner : str or Learner, optional
        Of `costopt.learners.registry`, or one of your own; the one that the comparison is made with
        where None.
    resampling : str or RebalancingMethod, default="none"
        Of `costopt.rebalancing.methods`, or one of your own.
    ratio : {"balanced", "costs"}, optional
        The ratio that the rebalancing method aims at: classes of one weight, or as the costs have it.
    calibration : {"platt", "beta", "isotonic", "none"} or CalibrationMap class, optional
        Platt's map where None.
    rule : {"auto", "bayes", "exact", "tuned", "half"}, optional
        What the data support where None.
    corrected : bool, default=True
        Whether what training did to the odds is undone.
    n_models : int, default=1
        How many models it averages: of strategies that cost the same, fewer are preferred.
    """

    name: str
    does: str
    helps: str
    probabilities: str
    learner: str | Learner | None = None
    resampling: str | RebalancingMethod = "none"
    ratio: Ratio | None = None
    calibration: CalibrationKind | None = None
    rule: ThresholdMode | None = None
    corrected: bool = True
    n_models: int = 1

    def simplicity(self, base: str) -> tuple[bool, int, bool, bool]:
        """What sorts simpler strategies first: untuned models as they are, and few of them.

        Parameters
        ----------
        base : str
            The learner that the comparison is made with.
        """
        treated = str(self.resampling) != "none"
        name = self.learner_name(base)
        decided = (
            self.rule not in (None, "auto", "bayes")
            or self.calibration not in (None, "platt", PlattMap)
            or not self.corrected
        )
        other = treated or decided or name != base
        return other, self.n_models, treated, decided

    def learner_name(self, base: str) -> str:
        """The name of its learner, in a comparison that is made with the learner ``base``."""
        if self.learner is None or isinstance(self.learner, str):
            return self.learner or base
        return self.learner.name


_KEEPS = EFFECTS["none"]


def _of_learner(name: str) -> Strategy:
    """A learner untuned, as it says itself."""
    made = LEARNERS[name]
    return Strategy(
        made.title,
        made.does,
        made.helps,
        made.probabilities,
        learner=name,
        resampling="none" if made.methods is None else made.methods[0],
        n_models=made.n_models,
    )


def _of_method(name: str) -> Strategy:
    """A rebalancing method that aims at balance, if it aims at a ratio, as it says itself."""
    made = METHODS[name]
    return Strategy(
        made.title,
        made.does,
        made.helps,
        EFFECTS[made.effect],
        resampling=name,
        ratio=None if made.ratio is None else "balanced",
    )


def _weights() -> tuple[Strategy, ...]:
    """Class weights by what they aim at, under both of their names."""
    plain = _of_method("weight")
    spw = replace(plain, name="scale_pos_weight", learner="xgboost")
    return (
        replace(
            plain,
            name=f"{plain.name} balanced",
            does="Both classes get the same total weight.",
        ),
        replace(
            plain,
            name=f"{plain.name} from costs",
            does="Each class weighs what its errors cost on average.",
            helps="Models whose threshold is fixed at 0.5.",
            ratio="costs",
        ),
        replace(
            spw,
            name=f"{spw.name} from prevalence",
            does="xgboost's scale_pos_weight at negatives per positive: the classes count alike, "
            "whatever errors cost.",
            helps="A habit; it says that a miss costs as many false alarms as there are negatives per "
            "positive.",
        ),
        replace(
            spw,
            name=f"{spw.name} from costs",
            does="xgboost's scale_pos_weight at the cost of a miss per cost of a false alarm, however "
            "rare positives are.",
            helps="Where the threshold must stay at 0.5.",
            ratio="costs",
        ),
    )


_THRESHOLDS = (
    Strategy(
        "threshold 0.5", "The model's own score and a threshold of 0.5, whatever errors cost.",
        "Never: it is what libraries do if they are not told.", _KEEPS,
        calibration="none", rule="half", corrected=False,
    ),
    Strategy(
        "Bayes threshold (raw)", "The model's own score, decided by the costs.",
        "Where the model's probabilities are right as they are.", _KEEPS,
        calibration="none", rule="bayes",
    ),
    Strategy(
        "Bayes threshold (calibrated)", "Probabilities calibrated by Platt's map, decided by the costs.",
        "The rule to beat.", _KEEPS, rule="bayes",
    ),
    Strategy(
        "tuned threshold (raw)", "One threshold for all, where it was cheapest on other rows.",
        "Constant costs and many positives.", _KEEPS, calibration="none", rule="tuned",
    ),
    Strategy(
        "tuned threshold (calibrated)", "The same on calibrated probabilities.",
        "As the tuned threshold.", _KEEPS, rule="tuned",
    ),
    Strategy(
        "threshold 0.5 (calibrated)",
        "Calibrated probabilities and a threshold of 0.5, whatever errors cost.",
        "Where both errors cost the same.", _KEEPS, rule="half",
    ),
)  # fmt: skip

# One for each map that is another one than Platt's, with which the rule above is.
_CALIBRATIONS = tuple(
    Strategy(
        f"{kind} calibration", f"{made.does.rstrip('.')}; decided by the costs.", made.helps, _KEEPS,
        calibration=kind, rule="bayes",
    )
    for kind, made in reversed(MAPS.items()) if made not in (PlattMap, IdentityMap)
)  # fmt: skip

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        *(_of_learner(name) for name in BUILT_IN if not LEARNERS[name].against_imbalance),
        *_weights(),
        *(_of_method(name) for name in METHODS if name not in ("none", "weight")),
        *(_of_learner(name) for name in BUILT_IN if LEARNERS[name].against_imbalance),
        *_THRESHOLDS,
        *_CALIBRATIONS,
    )
}


def at_one_half(name: str) -> Strategy:
    """A strategy as it is mostly used: its model's own scores, a threshold of 0.5, whatever errors cost.

    Examples
    --------
    >>> at_one_half("SMOTE").rule, at_one_half("SMOTE").corrected
    ('half', False)
    """
    (chosen,) = strategies_named(name)
    return replace(chosen, calibration="none", rule="half", corrected=False)


def strategies_named(names: object) -> tuple[Strategy, ...]:
    """Strategies by their names; ``"all"`` is all of them.

    Parameters
    ----------
    names : str, Strategy or iterable of them
        A `Strategy` of one's own is taken as it is.

    Raises
    ------
    SearchError
        If a name is unknown, or comes twice.

    Examples
    --------
    >>> [strategy.resampling for strategy in strategies_named(["SMOTE", "xgboost"])]
    ['smote', 'none']
    """
    if names == "all":
        return tuple(STRATEGIES.values())
    given = [names] if isinstance(names, str | Strategy) else names
    if not isinstance(given, list | tuple | set | frozenset) or not given:
        raise SearchError(f"strategies must be 'all' or a list of names, got {names!r:.60}")
    found: dict[str, Strategy] = {}
    for one in given:
        if isinstance(one, str) and one not in STRATEGIES:
            raise SearchError(f"there is no strategy {one!r}: {nearest(one, STRATEGIES)}")
        if not isinstance(one, str | Strategy):
            raise SearchError(f"a strategy is a name or a Strategy, got {one!r:.60}")
        chosen = STRATEGIES[one] if isinstance(one, str) else one
        if chosen.name in found:
            raise SearchError(f"the strategy {chosen.name!r} is named twice")
        found[chosen.name] = chosen
    return tuple(found.values())
