"""What a study is made of: the same from the same, another where something differs that counts."""

import json
import re

import numpy as np
import optuna
import pandas as pd
import polars as pl
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from costopt import CaseCosts, CostMatrix, CostOptWarning, SklearnLearner, XGBoostLearner
from costopt.evaluation.problem import prepare
from costopt.evaluation.rows import Rows
from costopt.search.fingerprint import PACKAGES, fingerprint
from costopt.search.space import resolve_learners

COSTS = CostMatrix(fn=8, fp=1)
SEARCH = {"racing": "True", "sampler": "NoneType"}


def of(rows, costs=COSTS, *, learners="logistic", resampling=("none", "weight"), **options):
    X, y = rows
    rows_ = Rows(**{name: options.pop(name) for name in list(options) if hasattr(Rows, name)})
    problem = prepare(X, y, costs, resolve_learners(learners), rows_, **options)
    return fingerprint(problem, resampling, SEARCH)


def differing(one, other):
    assert one.keys() == other.keys()
    return {name for name in one if one[name] != other[name]}


def test_it_is_short_plain_text_by_name(rows):
    found = of(rows)

    assert json.loads(json.dumps(found)) == found
    assert all(len(text) < 1000 for text in found.values())
    for name in ("data", "labels", "costs", "folds"):
        assert re.fullmatch("[0-9a-f]{16}", found[name])
    assert found["racing"] == "True"
    assert found["weights"] == "none"


def test_the_same_declared_again_has_the_same(make_rows):
    assert of(make_rows()) == of(make_rows())


def test_it_names_the_version_of_everything_that_decides_digits(rows):
    found = of(rows)

    for package in PACKAGES:
        assert found[f"version of {package}"]
    assert found["version of optuna"] == optuna.__version__
    assert found["version of numpy"] == np.__version__


def test_how_rows_are_held_does_not_matter(rows):
    X, y = rows
    plain = X[["signal", "amount"]]
    held = [
        (plain, y),
        (plain.set_axis(np.arange(len(X)) + 7), y.to_numpy()),
        (pd.DataFrame(dict(plain)), list(y)),
        (pl.from_pandas(plain), y.to_numpy()),
    ]

    first, *others = (of(one) for one in held)

    for other in others:
        assert other == first


def test_how_a_matrix_lies_in_memory_does_not_matter(rows):
    X, y = rows
    matrix = X[["signal", "amount"]].to_numpy()

    c_order, f_order, strided = (
        of((held, y))
        for held in (matrix, np.asfortranarray(matrix), np.repeat(matrix, 2, axis=0)[::2])
    )

    assert c_order == f_order == strided


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda X: X.assign(signal=X["signal"].where(X.index != 9, 1e-9)), {"data"}),
        (lambda X: X.assign(noise=X["noise"].fillna(0.0)), {"data"}),
        (lambda X: X.rename(columns={"signal": "sign"}), {"data"}),
        (lambda X: X[X.columns[::-1]], {"data"}),
        (lambda X: X.assign(kind=X["kind"].cat.rename_categories({"a": "A"})), {"data"}),
        (lambda X: X.drop(columns="noise"), {"data"}),
    ],
)
def test_other_features_are_other_data(change, named, rows):
    X, y = rows

    assert differing(of((X, y)), of((change(X), y))) == named


def test_rows_in_another_order_are_other_data(rows):
    X, y = rows
    order = np.random.default_rng(0).permutation(len(X))

    found = differing(of((X, y)), of((X.iloc[order], y.iloc[order])))

    assert {"data", "labels"} <= found


def test_what_labels_are_called_counts(rows):
    X, y = rows
    named = y.map({0: "good", 1: "bad"})

    assert differing(of((X, y)), of((X, named), pos_label="bad")) == {"labels"}
    with pytest.warns(CostOptWarning, match="positive-majority"):
        swapped = of((X, named), pos_label="good")
    assert "labels" in differing(of((X, named), pos_label="bad"), swapped)


@pytest.mark.parametrize(
    "other",
    [
        CostMatrix(fn=8 + 1e-12, fp=1),
        CostMatrix(fn=8, fp=1, tp=0.25),
        CostMatrix(fn=8, fp=1, tn=-0.25),
        CostMatrix(fn="8 + 0 * amount", fp=1),
        CostMatrix(fn="amount", fp=1, hindsight=("amount",)),
    ],
)
def test_other_costs_are_other_costs(other, rows):
    found = differing(of(rows), of(rows, other))

    assert "costs" in found
    assert found <= {"costs", "data"}  # what only hindsight knows is no feature


def test_what_only_hindsight_knows_counts_though_it_is_no_feature(rows):
    X, y = rows
    costs = CostMatrix(fn="amount", fp=1, hindsight=("amount",))
    X_other = X.assign(amount=X["amount"].where(X.index != 9, 5000.0))

    assert differing(of((X, y), costs), of((X_other, y), costs)) == {"costs"}


def test_what_a_rule_may_know_of_the_costs_counts(rows):
    told, hidden = (CostMatrix(fn="amount", fp=1, hindsight=names) for names in ((), ("amount",)))

    one, other = (of(rows, costs, ignore="amount") for costs in (told, hidden))

    assert differing(one, other) == {"costs"}


def test_which_rows_are_scored_counts_though_the_same_are_trained_on(rows):
    train = np.arange(200)
    one, other = (of(rows, cv=[(train, np.arange(200, end))]) for end in (299, 300))

    assert differing(one, other) == {"folds"}


def test_costs_of_one_case_count(rows):
    X, _ = rows
    amount = X["amount"].to_numpy()
    other = amount.copy()
    other[17] += 0.01

    one, another = (of(rows, CaseCosts(fn=fn, fp=1)) for fn in (amount, other))

    assert differing(one, another) == {"costs"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"cv": 4}, {"folds"}),
        ({"random_state": 1}, {"folds", "random_state"}),
        ({"time": np.arange(300)}, {"folds", "groups or time"}),
        ({"groups": np.arange(300) // 3}, {"folds", "groups or time"}),
        ({"sample_weight": np.linspace(1, 2, 300)}, {"weights"}),
        ({"prevalence": 0.01}, {"weights"}),
        ({"threshold": "exact"}, {"threshold"}),
        ({"resampling": ("none",)}, {"resampling"}),
        ({"learners": ["logistic", "xgboost"]}, {"learners"}),
        ({"learners": XGBoostLearner()}, {"learners"}),
        ({"ignore": "noise"}, {"data"}),
    ],
)
def test_other_arguments_are_named(options, named, rows):
    assert differing(of(rows), of(rows, **options)) == named


@pytest.mark.parametrize(
    "other",
    [
        XGBoostLearner(max_rounds=10, patience=7),
        XGBoostLearner(max_rounds=11),
        XGBoostLearner({"max_depth": (2, 3)}, max_rounds=10),
        XGBoostLearner(max_rounds=10, fixed={"gamma": 1.0}),
        XGBoostLearner(max_rounds=10, fixed={"gamma": 1.0 + 1e-15}),
        SklearnLearner(DecisionTreeClassifier(), name="xgboost"),
    ],
)
def test_another_learner_of_the_same_name_is_another(other, rows):
    one = of(rows, learners=XGBoostLearner(max_rounds=10))

    assert differing(one, of(rows, learners=other)) == {"learners"}


def test_a_learner_is_the_same_when_it_is_made_again(rows):
    one, other = (
        of(
            rows,
            learners=SklearnLearner(DecisionTreeClassifier(max_depth=2), {"ccp_alpha": (0, 1)}),
        )
        for _ in range(2)
    )

    assert one == other


def test_the_number_of_cores_does_not_matter(rows):
    assert of(rows, n_jobs=1) == of(rows, n_jobs=2)


@pytest.mark.parametrize("factor", [2, 1024, 0.5])
def test_costs_that_are_twice_as_high_are_other_costs(factor, rows):
    other = CostMatrix(fn=8 * factor, fp=factor)

    assert differing(of(rows), of(rows, other)) == {"costs"}


def test_another_unit_is_another_study(rows):
    other = CostMatrix(fn=8, fp=1, unit="EUR")

    assert differing(of(rows), of(rows, other))


def test_groups_count_even_where_folds_are_given(rows):
    groups = np.arange(300) // 3
    cv = [
        (np.flatnonzero(groups % 2 == side), np.flatnonzero(groups % 2 != side)) for side in (0, 1)
    ]

    assert differing(of(rows, cv=cv), of(rows, cv=cv, groups=groups))


class Weighing(DecisionTreeClassifier):
    """A classifier with a long list for a parameter."""

    def __init__(self, extra=None, max_depth=2):
        super().__init__(max_depth=max_depth)
        self.extra = extra


def test_every_element_of_a_learners_parameters_counts(rows):
    one, other = (
        of(rows, learners=SklearnLearner(Weighing(extra=[0] * 50 + [last]))) for last in (1, 2)
    )

    assert differing(one, other) == {"learners"}


def passed_on(X):
    return X


def test_a_function_in_a_learner_does_not_depend_on_where_it_lies_in_memory(rows):
    learner = SklearnLearner(
        make_pipeline(FunctionTransformer(passed_on), DecisionTreeClassifier(max_depth=2))
    )

    assert "0x" not in of(rows, learners=learner)["learners"]


def test_fitted_models_that_learned_something_else_differ(rows):
    X, y = rows
    columns = X.select_dtypes("number").fillna(0)
    names = list(columns.columns)

    def of_model(depth):
        tree = DecisionTreeClassifier(random_state=0).set_params(max_depth=depth).fit(columns, y)
        fitted = FrozenEstimator(tree.set_params(max_depth=None))
        return of((columns[names], y), learners=SklearnLearner(fitted), resampling=("none",))

    assert of_model(2) == of_model(2)
    assert differing(of_model(2), of_model(3)) == {"learners"}


def test_it_names_the_version_of_a_library_that_a_learner_is_of(rows):
    lightgbm = pytest.importorskip("lightgbm")

    found = of(rows, learners=SklearnLearner(lightgbm.LGBMClassifier()))

    assert found["version of lightgbm"] == lightgbm.__version__
