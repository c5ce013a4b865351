"""What can be said of a situation before anything is fitted, each with its reason and source."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from costopt.calibration.maps import MAPS
from costopt.comparison.situation import Situation
from costopt.evaluation.choice import POSITIVES_FOR_A_THRESHOLD
from costopt.showing.text import percent

__all__ = ["Statement", "statements_on", "strategies_for"]

# Where regrets and odds, or two regrets, differ by less than this factor, they are called alike.
ALIKE = 2.0
# From this factor on, weights that assert other costs than yours are not worth a try.
FAR_OFF = 3.0
# Below, Platt's two parameters are about all that can be learned after the model itself.
FEW_POSITIVES = 100
# Beyond, the mean cost of misses is not known to a fifth.
WIDE = 0.2
# SMOTE's five neighbours and the row itself, out of four fifths of the positives.
POSITIVES_FOR_NEIGHBOURS = 8
# From here on, most negatives can be left out to save time.
MANY_ROWS = 500_000

SYNTHETIC = ("SMOTE", "ADASYN", "BorderlineSMOTE", "SVM-SMOTE", "SMOTETomek", "SMOTEENN")
INTERPOLATING = ("ADASYN", "BorderlineSMOTE", "SVM-SMOTE")
ANOMALY_DETECTORS = ("isolation forest", "one-class SVM", "local outlier factor")

ELKAN = "Elkan (2001), The Foundations of Cost-Sensitive Learning, IJCAI"
MEASURED_CUTS = (
    "costopt's measurement, simulated scores with known truth: the cheapest threshold of 10, 34, 102 and "
    "335 positives cost 8.4, 3.9, 1.8 and 1.0 % more than the best one; Platt's map with Bayes' rule "
    "3.9, 1.1, 0.4 and 0.1 %"
)
MEASURED_RULES = (
    "costopt's measurement, four public sets with costs per case, savings of xgboost: 0.15, 0.28, "
    "0.51 and 0.21 with the best single threshold; 0.23, 0.50, 0.53 and 0.33 case by case; 0.19, 0.48, 0.52 "
    "and 0.33 with rows weighed by their costs and a threshold of 0.5"
)


@dataclass(frozen=True)
class Statement:
    """One thing to know, and why.

    Parameters
    ----------
    code : str
        Stable, kebab-case name of what it is about.
    text : str
        The statement, in plain words.
    reason : str
        Why it holds.
    source : str
        A paper, a measurement, a derivation, or the plain word that there is none.
    """

    code: str
    text: str
    reason: str
    source: str

    def to_dict(self) -> dict[str, str]:
        """Plain values, for JSON."""
        return asdict(self)


def statements_on(at: Situation) -> tuple[Statement, ...]:
    """What can be said, the most important first."""
    groups = (_on_rarity, _on_costs, _on_decisions, _on_uncertainty, _on_training, _on_columns)
    return tuple(statement for group in groups for statement in group(at))


def strategies_for(at: Situation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of strategies to try first, and of those to avoid."""
    first = ["xgboost", "logistic regression"]
    if at.n_positives < FEW_POSITIVES:
        first.reverse()
    else:
        first.append("histogram gradient boosting")
    needed = at.rows_for_threshold
    if not at.per_case and needed is not None and at.n_cases >= needed:
        first.append("tuned threshold (calibrated)")
    if at.imbalance == "extreme" and at.n_positives < FEW_POSITIVES:
        first.append("isolation forest")
    if _is_large(at):
        first.append("random under-sampling")

    avoid = []
    if at.per_case or not _alike(at.cost_ratio, 1.0):
        avoid += ["threshold 0.5", "threshold 0.5 (calibrated)"]
    if at.per_case or at.n_positives <= POSITIVES_FOR_A_THRESHOLD:
        avoid += ["tuned threshold (raw)", "tuned threshold (calibrated)"]
    avoid += [f"{kind} calibration" for kind in _too_free(at)]
    asserted = at.odds_against / at.cost_ratio
    if asserted > FAR_OFF or asserted < 1 / FAR_OFF:
        avoid += ["class weights balanced", "scale_pos_weight from prevalence"]
    if at.imbalance in ("severe", "extreme"):
        avoid.append("NearMiss")
    if at.n_positives < POSITIVES_FOR_NEIGHBOURS:
        avoid += SYNTHETIC
    elif at.categorical:
        avoid += INTERPOLATING
    return tuple(first), tuple(avoid)


def _on_rarity(at: Situation) -> Iterator[Statement]:
    rare = at.prevalence <= 0.5
    counted = f"{at.n_positives:,} positives among {at.n_cases:,} cases"
    weighed = abs(at.prevalence - at.n_positives / at.n_cases) > 1e-9
    standing = f", which stand for {percent(at.prevalence)} of the population" if weighed else ""
    yield Statement(
        "severity",
        f"{_imbalance(at)}: {counted} ({percent(at.n_positives / at.n_cases)})"
        f"{standing}; {_ratio(at.odds_against)} negatives to a positive.",
        "Named by the share of the rarer class: mild under 30 %, moderate under 10 %, severe under "
        "1 %, extreme under 0.1 %.",
        "costopt's convention; there is no common one",
    )
    if not rare:
        yield Statement(
            "positive-majority",
            f"The class to act on holds {percent(at.prevalence)} of the cases. If the other one is "
            "the class to find, name it with pos_label and swap the costs.",
            "Costs belong to the positive class; with the classes mistaken, every number means "
            "its opposite.",
            ELKAN,
        )
    yield Statement(
        "positives-count",
        f"What limits you is that there are {at.n_positives:,} positives, not that there are so many "
        "negatives: more positives help, fewer negatives do not.",
        "The error of a threshold and of a cost shrinks with the number of positives; at the same "
        "number, more negatives change next to nothing.",
        MEASURED_CUTS,
    )
    commoner = max(at.prevalence, 1 - at.prevalence)
    if commoner >= 0.7:
        idle = "acts on nobody" if rare else "acts on everybody"
        yield Statement(
            "accuracy-trap",
            f"Do not look at accuracy: a model that {idle} is right in {percent(commoner)} of the "
            "cases, and finds nothing out.",
            "Accuracy counts both errors alike; it is money only where a miss costs what a false "
            "alarm costs.",
            "arithmetic: accuracy is one minus the mean cost where both errors cost 1",
        )


def _on_costs(at: Situation) -> Iterator[Statement]:
    if math.isnan(at.cost_ratio):
        yield Statement(
            "error-without-cost",
            "One of the two errors costs nothing or less on average, so the same action is right for "
            "nearly every case: check the costs before anything is fitted.",
            f"A miss costs {at.fn_regret:.4g} {at.unit} more than a catch, a false alarm "
            f"{at.fp_regret:.4g} {at.unit} more than leaving a negative alone.",
            ELKAN,
        )
        return
    mean = " on average" if at.per_case else ""
    yield Statement(
        "break-even",
        f"A miss costs as much as {_ratio(at.cost_ratio)} false alarms{mean}: acting pays from a "
        f"probability of {percent(at.bayes_threshold)}, and the base rate is "
        f"{percent(at.prevalence)}.",
        "Acting pays where probability times the cost of a miss reaches one minus probability times "
        "the cost of a false alarm.",
        f"{ELKAN}, equation 2",
    )
    never, always = at.prevalence * at.fn_regret, (1 - at.prevalence) * at.fp_regret
    better = "on nobody" if never <= always else "on everybody"
    yield Statement(
        "no-model",
        f"Without a model, it is cheapest to act {better}: {min(never, always):.4g} {at.unit} per case "
        f"above what perfect knowledge costs, against {max(never, always):.4g}. A model is worth what "
        "it saves of that.",
        f"A miss costs as much as {_ratio(at.cost_ratio)} false alarms, and there are "
        f"{_ratio(at.odds_against)} negatives to a positive.",
        "arithmetic: base rate times the cost of each error",
    )
    factor = at.odds_against / at.cost_ratio
    if _alike(factor, 1.0):
        text = (
            f"Class weights 'balanced' claim that a miss costs {_ratio(at.odds_against)} false alarms; "
            "here that is about what your costs say, by coincidence."
        )
    else:
        way = (
            f"{_ratio(factor)} times too much"
            if factor > 1
            else f"{_ratio(1 / factor)} times too little"
        )
        text = (
            "Class weights 'balanced', scale_pos_weight from prevalence and sampling to 1:1 claim that "
            f"a miss costs {_ratio(at.odds_against)} false alarms. Your costs say "
            f"{_ratio(at.cost_ratio)}: {way}."
        )
    yield Statement(
        "balanced-is-a-cost-ratio",
        text,
        "Weights multiply the odds by negatives over positives; acting from 0.5 is then a threshold on the "
        "probability at the base rate, whatever errors cost.",
        f"{ELKAN}, theorem 1",
    )


def _on_decisions(at: Situation) -> Iterator[Statement]:
    if at.per_case:
        yield Statement(
            "per-case-rule",
            "Costs differ by case, so decide each case by its own expected gain instead of by one "
            "threshold.",
            "A small amount is not worth an alarm at a probability at which a large one is.",
            MEASURED_RULES,
        )
    platt = (
        f"Calibrate with Platt's map, which has two parameters and does with about ten positives; "
        f"{_not_yet(at)}."
    )
    if at.n_positives < MAPS["isotonic"].positives_needed:
        yield Statement(
            "calibrate-with-platt",
            platt,
            "A map with more freedom repeats the accidents of a few positives.",
            f"{MEASURED_CUTS}. That isotonic maps need {MAPS['isotonic'].positives_needed:,} positives and "
            f"beta maps {MAPS['beta'].positives_needed:,} is costopt's limit, not a theorem",
        )
    if at.per_case:
        return
    if at.n_positives <= POSITIVES_FOR_A_THRESHOLD:
        yield Statement(
            "no-tuned-threshold",
            f"Do not tune the threshold: {at.n_positives:,} positives are too few. Take Bayes' rule on "
            "calibrated probabilities.",
            f"Up to {POSITIVES_FOR_A_THRESHOLD} positives the cheapest threshold of the data cost more on "
            "new cases than the threshold that follows from the costs.",
            MEASURED_CUTS,
        )
    needed = at.rows_for_threshold
    if needed is not None:
        enough = "you have" if at.n_cases >= needed else "you have only"
        yield Statement(
            "rows-for-threshold",
            f"To choose a threshold from data takes about {_round(needed)} rows, some "
            f"{_round(needed * at.prevalence)} of them positive; {enough} {at.n_cases:,}.",
            "From there on, a threshold that saves 5 % of the cost of the better baseline stands out of the "
            "noise of the cost difference, whose standard error is sqrt(q * fn * fp / n).",
            "derived in costopt.comparison.situation.rows_for_threshold; the least number, 150 "
            "positives, is measured",
        )


def _on_uncertainty(at: Situation) -> Iterator[Statement]:
    half = at.half_width
    width = f"about {percent(round(half, 2 if half > 0.1 else 3))} either way"
    concentrated = at.effective_positives < 0.7 * at.n_positives
    few = (
        f" The money is in few hands: the {at.n_positives:,} positives tell as much as "
        f"{_round(at.effective_positives)} that cost and count the same."
        if concentrated
        else ""
    )
    verdict = "Intervals will be wide" if half > WIDE else "Intervals will be narrow enough to use"
    yield Statement(
        "interval-width",
        f"{verdict}: what misses cost is known to {width}, and what is left of it under a good policy "
        f"less well.{few}",
        "The relative standard error of a sum over positives is one over the root of their number, "
        "and grows with the spread of their costs.",
        "derived in costopt.comparison.situation.half_width",
    )
    if half > WIDE:
        yield Statement(
            "differences-are-noise",
            "Most differences between strategies will be within noise: prefer the simpler of two that "
            "cannot be told apart, and do not report the winner's own figure as what it will cost.",
            "The best of many is partly luck.",
            "Tsamardinos, Greasidou and Borboudakis (2018), Machine Learning 107",
        )


def _on_training(at: Situation) -> Iterator[Statement]:
    yield Statement(
        "resampling-is-a-threshold",
        "Over-sampling, under-sampling and SMOTE mostly do what moving the threshold does. Learn on "
        "the data as they are and decide by the costs; try sampling with weak learners.",
        "Sampling moves the odds by one factor; strong learners gained nothing from it once the "
        "threshold was right, and probabilities came out far too high.",
        "Elkan (2001), IJCAI; van den Goorbergh, van Smeden, Timmerman and Van Calster (2022), JAMIA 29; "
        "Elor and Averbuch-Elor (2022), arXiv 2201.08528",
    )
    yield Statement(
        "pay-once",
        "Let the costs act once: in weights, in sampling or in the threshold. Where two of them carry "
        "the costs, a miss is paid for twice.",
        "Each multiplies the odds, and several multiply each other; costopt's ledger undoes what "
        "training did before a cost rule is applied.",
        f"{ELKAN}, theorems 1 and 2",
    )
    if at.imbalance == "extreme" and at.n_positives < FEW_POSITIVES:
        yield Statement(
            "anomaly-detectors",
            "Try anomaly detectors as one more candidate: isolation forest first. Let the same "
            "cost-optimal threshold decide on their scores, not their own contamination setting.",
            f"They learn from negatives alone, and {at.n_positives:,} positives teach a classifier "
            "little.",
            "none that says they win: compare measures it on your rows",
        )
    if at.n_positives < POSITIVES_FOR_NEIGHBOURS:
        yield Statement(
            "no-neighbours",
            f"Leave SMOTE and its kin: {at.n_positives:,} positives give no neighbourhood to draw from.",
            "SMOTE looks for five neighbours among the positives of four fifths of the rows; among so "
            "few it joins whatever there is.",
            "measured: imbalanced-learn refuses five neighbours among fewer than six positives",
        )
    if _is_large(at):
        yield Statement(
            "sample-for-speed",
            "Random under-sampling saves time here and loses little: most of the negatives say the "
            "same. The odds are corrected exactly afterwards.",
            "Keeping a share of the negatives divides their odds by that share, and nothing else.",
            "Dal Pozzolo, Caelen, Johnson and Bontempi (2015), IEEE SSCI",
        )


def _on_columns(at: Situation) -> Iterator[Statement]:
    if at.missing:
        yield Statement(
            "missing-values",
            f"{_named(at.missing, at.n_columns)} missing values. xgboost and histogram gradient boosting "
            "take them as they are; samplers that look for neighbours see the median instead.",
            "A neighbour needs every coordinate.",
            "measured: imbalanced-learn's SMOTE refuses missing values; its random samplers do not",
        )
    if at.categorical:
        only = len(at.categorical) == at.n_columns
        kind = "SMOTEN, since there are no numbers" if only else "SMOTE-NC"
        yield Statement(
            "categorical-columns",
            f"{_named(at.categorical, at.n_columns)} categories. SMOTE is run as {kind}; "
            f"{', '.join(INTERPOLATING)} are left out.",
            "There is nothing halfway between two categories.",
            "measured: imbalanced-learn's SMOTE refuses categories",
        )


def _not_yet(at: Situation) -> str:
    kinds = " and ".join(_too_free(at))
    return f"{at.n_positives:,} positives are too few for {kinds} calibration"


def _too_free(at: Situation) -> list[str]:
    """Maps with more freedom than there are positives to fit them on."""
    return [kind for kind, made in MAPS.items() if at.n_positives < made.positives_needed]


def _imbalance(at: Situation) -> str:
    if at.imbalance == "balanced":
        return "The classes are about balanced"
    return f"The imbalance is {at.imbalance}"


def _is_large(at: Situation) -> bool:
    return at.n_cases >= MANY_ROWS and at.prevalence < 0.01


def _alike(one: float, other: float) -> bool:
    return 1 / ALIKE < one / other < ALIKE


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _round(count: float) -> str:
    """A count of which two digits are meant."""
    digits = max(len(str(math.ceil(count))) - 2, 0)
    return f"{round(count, -digits):,.0f}"


def _named(names: Sequence[str], total: int) -> str:
    listed = ", ".join(repr(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    verb = "holds" if len(names) == 1 else "hold"
    return f"{len(names)} of {total} columns ({listed}) {verb}"
