"""Leaks between training and test rows, and other mistakes that a split shows."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costopt.comparison.findings import Finding, Findings, findings_of, ranked
from costopt.comparison.neighbours import Rows, encode_both, on_lines, too_near
from costopt.comparison.separation import time_overlap, values_shared
from costopt.decision.costs import Costs, as_case_costs
from costopt.errors import CostOptWarning, DataError, nearest
from costopt.inputs.frames import Scalar, Table
from costopt.inputs.identifiers import find_identifiers
from costopt.inputs.labels import encode_known, encode_labels
from costopt.inputs.repeats import repeat_by_chance, row_keys
from costopt.inputs.row_labels import check_same_rows
from costopt.inputs.suspicion import Suspicion, identifier_suspicion, suspicions_of
from costopt.showing.text import percent

__all__ = ["check_split"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# From this share of the rows looked at, a finding is no accident.
WORTH_SAYING = 0.01
LEAST_ROWS = 5
# Rows of one class this many times more often among the copies than those of the other.
ENRICHED = 3.0
# Two base rates that chance makes differ so much once in a thousand splits.
BEYOND_NOISE = 0.001
ACCURACY = ("accuracy", "accuracy_score", "zero_one_loss", "error_rate")


def check_split(
    X_train: Any,
    X_test: Any,
    y_train: Any = None,
    y_test: Any = None,
    *,
    id_columns: str | Collection[str] = (),
    groups: Any = None,
    time: Any = None,
    costs: Costs | None = None,
    metric: Any = None,
    pos_label: Scalar | None = None,
    random_state: int = 0,
) -> Findings:
    """Mistakes that make a test look better than it is, found in the rows themselves.

    Pass the rows that a model was fitted to, or that a threshold was chosen on, as training rows.

    Parameters
    ----------
    X_train, X_test : data frame or array-like of shape (n_cases, n_columns)
        With the same columns.
    y_train, y_test : array-like of shape (n_cases,), optional
        Labels of two classes; more is found with them.
    id_columns : str or collection of str, default=()
        Columns that name rows, customers, devices: none of their values may be on both sides. They
        are left out where rows are compared.
    groups : str or pair of array-like, optional
        Rows that belong together: the name of a column, or the values of the training rows and
        those of the test rows.
    time : str or pair of array-like, optional
        When rows happened, in the same form: training rows must come first.
    costs : CostMatrix or CaseCosts, optional
        What errors cost; for one cost per case, a matrix of formulas.
    metric : str or callable, optional
        What models are chosen by.
    pos_label : str, int, float or bool, optional
        The class to act on, where labels are not 0 and 1.
    random_state : int, default=0
        Draws the rows that are looked at where there are many: 1,000 test and 50,000 training rows
        for near duplicates, 600 of 20,000 rows of a class for synthetic ones.

    Returns
    -------
    findings : tuple of Finding, shown as a table in notebooks
        The worst first; empty where nothing was found, which proves nothing. The codes are

        ``duplicate-rows``
            test rows that are training rows too, as after over-sampling before the split, and
            more of them than columns as coarse as these repeat by chance;
        ``near-duplicates``
            test rows with a training row at less than a hundredth of the typical distance;
        ``synthetic-rows``
            rows that lie exactly between two rows of their class, with both sides of the split
            among the three, as after SMOTE before the split;
        ``synthetic-test-rows``
            the same among test rows alone: the test was over-sampled;
        ``shared-identifiers``, ``shared-groups``
            values of an id column, or groups, on both sides;
        ``time-overlap``
            training rows that are not older than all test rows;
        ``row-identifier``
            a column that looks like an identifier, so that it can only be learned by heart;
        ``leaking-column``
            a column, or a few flags together, that nearly decide the label alone;
        ``base-rate-differs``
            shares of positives that differ beyond chance;
        ``positive-majority``
            the positive class is the larger one;
        ``accuracy-metric``
            models are chosen by accuracy although one class is rare.

    Raises
    ------
    DataError
        If tables, labels, groups or times do not fit each other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 3)), np.arange(300) % 10 == 0
    >>> check_split(X[:200], X[200:], y[:200], y[200:])
    ()
    >>> for finding in check_split(X[:200], X[180:], y[:200], y[180:]):
    ...     print(finding.severity, finding.code)
    error duplicate-rows
    """
    train, test = Table(X_train), Table(X_test)
    for name, table in (("X_train", train), ("X_test", test)):
        if not table.n_rows:
            raise DataError(f"{name} has no rows: at least one is needed on each side")
    y = _labels(train, test, y_train, y_test, pos_label)
    ids = (id_columns,) if isinstance(id_columns, str) else tuple(id_columns)
    for name in (*ids, *(each for each in (groups, time) if isinstance(each, str))):
        if name not in train.columns:
            raise DataError(f"X_train has no column {name!r}: {nearest(name, train.columns)}")
    rows = encode_both(train, test)
    named = {*ids, *(each for each in (groups, time) if isinstance(each, str))}
    identifiers = find_identifiers(rows, named)
    content = rows.without(named | set(identifiers))
    rng = np.random.default_rng(random_state)
    return ranked(
        [
            *values_shared(rows, ids, groups, train, test),
            time_overlap(time, train, test),
            *(_copies(content, y) if content.names else ()),
            _near(content, rng) if content.names else None,
            *(_synthetic(content, y, rng) if content.names else ()),
            *findings_of(_suspicious(rows.without(named), identifiers, y)),
            _base_rates(y, rows.n_train),
            _majority(y, costs, train),
            _metric(metric, y),
        ]
    )


def _labels(
    train: Table, test: Table, y_train: Any, y_test: Any, pos_label: Scalar | None
) -> BoolArray | None:
    """Labels of training and test rows, one after the other; None unless both are there."""
    parts = []
    for side, table, given in (("train", train, y_train), ("test", test, y_test)):
        if given is not None:
            check_same_rows(**{f"X_{side}": table, f"y_{side}": given})
            if len(given) != table.n_rows:
                raise DataError(
                    f"X_{side} has {table.n_rows} rows but y_{side} has {len(given)} labels: take "
                    "the same rows of both"
                )
            parts.append(given)
    if len(parts) < 2:
        if parts:
            raise DataError("y_train and y_test go together: pass both, or neither")
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CostOptWarning)  # a large positive class is a finding here
        labels = encode_labels(y_train, pos_label)
    return np.concatenate((labels.y, encode_known(y_test, labels.negative, labels.positive)))


def _copies(rows: Rows, y: BoolArray | None) -> Iterator[Finding]:
    """Test rows that are training rows too."""
    key, _ = row_keys(rows.values)
    train, test = key[: rows.n_train], key[rows.n_train :]
    copied = np.isin(test, train)
    if not copied.any() or repeat_by_chance(rows.values):
        return
    share = float(copied.mean())
    evidence = (
        f"{np.count_nonzero(copied):,} of {test.size:,} test rows ({percent(share)}) are also "
        "training rows"
    )
    enriched = False
    if y is not None:
        labels = y[rows.n_train :]
        of_class = [
            float(copied[labels == c].mean()) if (labels == c).any() else 0.0 for c in (1, 0)
        ]
        enriched = of_class[0] > max(ENRICHED * of_class[1], WORTH_SAYING)
        evidence += (
            f": {percent(of_class[0])} of the positives, {percent(of_class[1])} of the negatives"
        )
        disagree = _with_other_label(key, y, rows.n_train)
        if disagree:
            evidence += f"; {disagree:,} of them with another label there"
    if enriched:
        remedy = (
            "positives were repeated before the split, as random over-sampling does: split first, and "
            "sample training rows only"
        )
    else:
        remedy = "drop repeated rows before the split, or keep copies on one side with groups="
    bad = enriched or share >= WORTH_SAYING
    yield Finding("duplicate-rows", "error" if bad else "warning", evidence, remedy)


def _with_other_label(key: NDArray[np.uint64], y: BoolArray, n_train: int) -> int:
    """Test rows whose copies among the training rows all have the other label."""
    of_train = pd.Series(y[:n_train].astype(np.int8)).groupby(key[:n_train]).agg(["min", "max"])
    found = of_train.reindex(key[n_train:])
    label = y[n_train:].astype(np.int8)
    other = (found["min"].to_numpy() > label) | (found["max"].to_numpy() < label)
    return int(np.count_nonzero(other))


def _near(rows: Rows, rng: np.random.Generator) -> Finding | None:
    n_near, n_looked_at, typical = too_near(rows, rng)
    if n_near < max(LEAST_ROWS, WORTH_SAYING * n_looked_at):
        return None
    return Finding(
        "near-duplicates",
        "warning",
        f"{n_near:,} of {n_looked_at:,} test rows have a training row at less than a hundredth of the "
        f"typical distance to the nearest ({typical:.3g} standard deviations)",
        "find what makes them alike (one case recorded twice, jittered copies), and keep such rows "
        "on one side with groups=",
    )


def _synthetic(rows: Rows, y: BoolArray | None, rng: np.random.Generator) -> Iterator[Finding]:
    """Rows between two others, far more often in one class than in the other."""
    everyone = np.ones(len(rows.values), dtype=bool)
    classes = {"": everyone} if y is None else {"positive ": y, "negative ": ~y}
    found = {name: on_lines(rows, members, rng) for name, members in classes.items()}
    for name, lines in found.items():
        # the other class shows how often real rows of these columns do that
        others = [other for each, other in found.items() if each != name]
        usual_across = max((other.share_across for other in others), default=0.0)
        usual_in_test = max((other.share_in_test for other in others), default=0.0)
        least = max(WORTH_SAYING, ENRICHED * lines.by_chance)
        if lines.across >= LEAST_ROWS and lines.share_across > max(least, ENRICHED * usual_across):
            yield Finding(
                "synthetic-rows",
                "error",
                f"{lines.across:,} of {lines.n_looked_at:,} {name}rows lie exactly between two others "
                "of their class, with training and test rows among the three"
                + (f" ({percent(usual_across)} in the other class)" if others else ""),
                "rows were made up before the split, as SMOTE does, so that test rows are mixtures of "
                "training rows: split first, and make up training rows only",
            )
        elif lines.in_test >= LEAST_ROWS and lines.share_in_test > max(
            least, ENRICHED * usual_in_test
        ):
            yield Finding(
                "synthetic-test-rows",
                "error",
                f"{lines.in_test:,} of {lines.n_looked_at:,} {name}rows are test rows that lie exactly "
                "between two other test rows of their class",
                "the test was over-sampled: measure on real rows with their real base rate",
            )


def _suspicious(
    rows: Rows, identifiers: dict[str, str], y: BoolArray | None
) -> tuple[Suspicion, ...]:
    """Columns that are suspicious whatever the split; without labels, identifiers alone."""
    if y is not None and y.any() and not y.all():
        return suspicions_of(rows, y, rows=False)
    return tuple(identifier_suspicion(name, why) for name, why in identifiers.items())


def _base_rates(y: BoolArray | None, n_train: int) -> Finding | None:
    if y is None:
        return None
    from scipy.stats import fisher_exact

    counts = [(int(np.count_nonzero(part)), int(part.size)) for part in (y[:n_train], y[n_train:])]
    table = [[positives, size - positives] for positives, size in counts]
    if float(fisher_exact(table)[1]) >= BEYOND_NOISE:
        return None
    rates = [positives / size for positives, size in counts]
    odds = [(positives + 0.5) / (size - positives + 0.5) for positives, size in counts]
    return Finding(
        "base-rate-differs",
        "warning",
        f"{percent(rates[0])} of the training rows are positive and {percent(rates[1])} of the test "
        f"rows: odds that differ by a factor of {odds[0] / odds[1]:.3g}, beyond chance",
        "if training rows were sampled, undo it (OddsLedger, or prevalence= in optimize); the test "
        "must have the base rate of deployment",
    )


def _majority(y: BoolArray | None, costs: Costs | None, train: Table) -> Finding | None:
    if y is None or y.mean() <= 0.5:
        return None
    evidence = f"the positive class holds {percent(float(y.mean()))} of the rows"
    costs_more = False
    if costs is not None:
        case = as_case_costs(costs, train)
        miss, alarm = float(np.mean(case.fn_regret)), float(np.mean(case.fp_regret))
        costs_more = miss > alarm
        evidence += f", and missing one costs {miss:.4g} against {alarm:.4g} for a false alarm"
    return Finding(
        "positive-majority",
        "error" if costs_more else "warning",
        evidence,
        "if the rare class is the one to find, name it with pos_label=, and check which cell of the "
        "costs is which",
    )


def _metric(metric: Any, y: BoolArray | None) -> Finding | None:
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", str(metric))
    known = name.lower() in ACCURACY or "accuracy_score" in name.replace("balanced_accuracy", "")
    if metric is None or y is None or not known:
        return None
    idle = max(float(y.mean()), 1 - float(y.mean()))
    if idle < 0.7:
        return None
    what = "on nobody" if y.mean() <= 0.5 else "on everybody"
    return Finding(
        "accuracy-metric",
        "error",
        f"models are chosen by accuracy, and one that acts {what} is right in {percent(idle)} of the "
        "rows",
        "choose by what mistakes cost: mean_cost, or ExpectedCostObjective in a search",
    )
