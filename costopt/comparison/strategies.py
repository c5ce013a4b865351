"""What practitioners do against class imbalance, as data: each method by name, with what it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from costopt.calibration.identity import IdentityMap
from costopt.calibration.maps import MAPS, CalibrationKind
from costopt.calibration.platt import PlattMap
from costopt.errors import SearchError, nearest
from costopt.evaluation.modes import ThresholdMode

if TYPE_CHECKING:
    from costopt.learners.protocol import Learner

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
    resampling : str, default="none"
        Of `costopt.rebalancing.methods`.
    ratio : {"balanced", "costs"}, optional
        The ratio that the device aims at: classes of one weight, or as the costs have it.
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
    resampling: str = "none"
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
        treated = self.resampling != "none"
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


_KEEPS = "none: they stay probabilities of the population"
_ODDS = "the odds are multiplied by one known number, which is undone"
_SHAPE = "odds and shape change, which no number undoes: calibrated on rows that are real"
_BALANCES = (
    "each member learns on balanced classes: the odds are multiplied by negatives per positive"
)
_STRANGE = "scores are strangeness, no probabilities, until they are calibrated"

_LEARNERS = (
    Strategy(
        "xgboost", "Boosted trees with early stopping, on the rows as they are.",
        "The one to beat: on tables with a good threshold little else is better.", _KEEPS,
        learner="xgboost",
    ),
    Strategy(
        "logistic regression", "A linear model of standardised numbers and one-hot categories.",
        "With few positives, or where every step must be explained.", _KEEPS, learner="logistic",
    ),
    Strategy(
        "random forest", "The average of 100 deep trees.",
        "Few rows, noisy labels, no time to tune.", "close to the truth, drawn towards the middle",
        learner="random_forest",
    ),
    Strategy(
        "histogram gradient boosting", "scikit-learn's boosted trees.",
        "Where xgboost does, without another library.", _KEEPS, learner="hist_gradient_boosting",
    ),
)  # fmt: skip

_WEIGHTS = (
    Strategy(
        "class weights balanced", "Both classes get the same total weight.",
        "Models whose cut is fixed at 0.5; with a cost rule it mostly adds noise.", _ODDS,
        resampling="weight", ratio="balanced",
    ),
    Strategy(
        "class weights from costs", "Each class weighs what its errors cost on average.",
        "Models that cannot be cut anywhere but at 0.5.", _ODDS,
        resampling="weight", ratio="costs",
    ),
    Strategy(
        "case weights", "Each row weighs what its own misclassification costs.",
        "Costs that differ by case and are not known when it is decided.",
        "scores say what is cheaper, not how probable it is; no number undoes that",
        resampling="case_weight",
    ),
    Strategy(
        "scale_pos_weight from prevalence",
        "xgboost's scale_pos_weight at negatives per positive: the classes count alike, whatever "
        "errors cost.",
        "A habit; it says that a miss costs as many false alarms as there are negatives per positive.",
        _ODDS, learner="xgboost", resampling="weight", ratio="balanced",
    ),
    Strategy(
        "scale_pos_weight from costs",
        "xgboost's scale_pos_weight at the cost of a miss per cost of a false alarm, however rare "
        "positives are.",
        "Where the cut must stay at 0.5.",
        _ODDS, learner="xgboost", resampling="weight", ratio="costs",
    ),
    Strategy(
        "cost-proportionate rejection",
        "Keeps each row with a chance in proportion to what its misclassification costs.",
        "Learners without weights, and many rows.",
        "as weights by cost: with costs per case scores say what is cheaper",
        resampling="rejection",
    ),
)  # fmt: skip

_SAMPLING = (
    Strategy(
        "random over-sampling", "Repeats positives at random until the classes balance.",
        "Learners without weights.", _ODDS, resampling="random_over", ratio="balanced",
    ),
    Strategy(
        "random under-sampling", "Drops negatives at random until the classes balance.",
        "Very many rows: training takes a fraction of the time.", _ODDS,
        resampling="random_under", ratio="balanced",
    ),
    Strategy(
        "SMOTE", "Adds points between positives and their neighbours; SMOTE-NC where there are "
        "categories, SMOTEN where there is nothing else.",
        "Weak learners on smooth numbers; strong ones gain nothing that a threshold does not give.",
        _SHAPE, resampling="smote", ratio="balanced",
    ),
    Strategy(
        "ADASYN", "SMOTE with more points where positives are hard to tell from negatives.",
        "As SMOTE; it also multiplies wrong labels.", _SHAPE, resampling="adasyn", ratio="balanced",
    ),
    Strategy(
        "BorderlineSMOTE", "SMOTE from positives near the border of the classes only.",
        "As SMOTE.", _SHAPE, resampling="borderline_smote", ratio="balanced",
    ),
    Strategy(
        "SVM-SMOTE", "SMOTE from positives that support the border of a support vector machine.",
        "As SMOTE, on few rows.", _SHAPE, resampling="svm_smote", ratio="balanced",
    ),
    Strategy(
        "TomekLinks", "Drops negatives that are mutual nearest neighbours of positives.",
        "Labels that are wrong near the border; it hardly changes the ratio.", _SHAPE,
        resampling="tomek_links",
    ),
    Strategy(
        "NearMiss", "Keeps only the negatives that are nearest to positives.",
        "Rarely: what is left of the negatives is not what will be met.", _SHAPE,
        resampling="near_miss", ratio="balanced",
    ),
    Strategy(
        "edited nearest neighbours", "Drops negatives whose neighbours are not all negative.",
        "Labels that are wrong near the border.", _SHAPE, resampling="edited_nearest_neighbours",
    ),
    Strategy(
        "SMOTETomek", "SMOTE, then without both ends of Tomek links.",
        "As SMOTE.", _SHAPE, resampling="smote_tomek", ratio="balanced",
    ),
    Strategy(
        "SMOTEENN", "SMOTE, then without rows that their neighbours contradict.",
        "As SMOTE.", _SHAPE, resampling="smote_enn", ratio="balanced",
    ),
)  # fmt: skip

_ENSEMBLES = (
    Strategy(
        "balanced random forest", "A forest whose trees each see balanced classes.",
        "Few rows, no time to tune.", _BALANCES, learner="balanced_random_forest",
    ),
    Strategy(
        "balanced bagging", "Trees that each see balanced classes, ten of them.",
        "As the balanced random forest.", _BALANCES, learner="balanced_bagging", n_models=10,
    ),
    Strategy(
        "EasyEnsemble", "Ten AdaBoost models, each on balanced classes.",
        "Many rows, very few positives.", _BALANCES, learner="easy_ensemble", n_models=10,
    ),
    Strategy(
        "RUSBoost", "AdaBoost that samples to balance before each step.",
        "Rarely: it is noisy.", _BALANCES, learner="rusboost", n_models=50,
    ),
    Strategy(
        "isolation forest", "Finds what is unlike the negatives; sees no positive in training.",
        "A dozen positives, or kinds of fraud that nobody has seen.", _STRANGE,
        learner="isolation_forest",
    ),
    Strategy(
        "one-class SVM", "A border around the negatives; sees no positive in training.",
        "As the isolation forest, on few rows.", _STRANGE, learner="one_class_svm",
    ),
    Strategy(
        "local outlier factor", "Finds rows that lie less densely than their neighbours.",
        "As the isolation forest, where positives are locally strange.", _STRANGE,
        learner="local_outlier_factor",
    ),
    Strategy(
        "focal loss", "Boosted trees on log loss with well-classified rows turned down.",
        "Deep networks; on tables it has won nothing here.",
        "drawn towards the middle, until they are calibrated", learner="xgboost_focal",
    ),
    Strategy(
        "expected-cost objective", "Boosted trees on the expected cost itself, case by case.",
        "Rarely: rows that are badly wrong are given up.",
        "scores are driven to 0 and 1 and are no probabilities", learner="xgboost_expected_cost",
        resampling="case_weight",
    ),
)  # fmt: skip

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
    for strategy in (*_LEARNERS, *_WEIGHTS, *_SAMPLING, *_ENSEMBLES, *_THRESHOLDS, *_CALIBRATIONS)
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
