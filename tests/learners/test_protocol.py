import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from costopt import CostOptWarning, DataError, LogisticLearner, SearchError, XGBoostLearner
from costopt.inputs.features import Feature
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.learners import registry
from costopt.learners.dimensions import Choice, Integer, Real, as_dimension, within
from costopt.learners.names import BUILT_IN, OPTIONAL
from costopt.learners.protocol import Features, check_magnitude, warn_of_unsaved_models
from costopt.learners.registry import LEARNERS, built_in, learner

QUICK = settings(max_examples=50, deadline=None, derandomize=True)

# Shorthand for a dimension


@pytest.mark.parametrize(
    ("given_as", "dimension"),
    [
        ((2, 8), Integer(2, 8)),
        ((1, 64, "log"), Integer(1, 64, log=True)),
        ((0.5, 1), Real(0.5, 1.0)),
        ((1, 2.5), Real(1.0, 2.5)),
        ((1e-3, 10, "log"), Real(1e-3, 10.0, log=True)),
        ((3, 3), Integer(3, 3)),
        (["gini", "entropy"], Choice(("gini", "entropy"))),
        ([None, 3, 0.5, True], Choice((None, 3, 0.5, True))),
        (Real(1, 4), Real(1.0, 4.0)),
        (Integer(1, 4, log=True), Integer(1, 4, log=True)),
        (Choice(("a",)), Choice(("a",))),
    ],
)
def test_shorthand_says_what_is_searched(given_as, dimension):
    found = as_dimension("depth", given_as)

    assert found == dimension
    assert type(found) is type(dimension)


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ([], "give at least one option, got none"),
        (Choice(()), "give at least one option, got none"),
        ([1, [2]], "options must be texts, numbers, booleans or None, got list"),
        ([{"a": 1}], "options must be texts, numbers, booleans or None, got dict"),
        ((3,), r"write \(low, high\), \(low, high, 'log'\) or a list of options, got \(3,\)"),
        (3, "write .* got 3"),
        ("log", "write .* got 'log'"),
        ({"low": 1, "high": 2}, "write .* got {'low': 1, 'high': 2}"),
        ((1, 2, "logarithmic"), "the third entry may be 'log', got 'logarithmic'"),
        ((1, 2, "log", 4), "the third entry may be 'log'"),
        ((8, 2), "low must not exceed high, got 8 > 2"),
        (Real(2.0, 1.0), "low must not exceed high, got 2.0 > 1.0"),
        ((0, 1, "log"), "a log scale needs low > 0, got 0"),
        ((-1.0, 1.0, "log"), "a log scale needs low > 0, got -1.0"),
        (Integer(0, 4, log=True), "a log scale needs low > 0, got 0"),
        (("1", 2), "bounds must be finite numbers, got '1'"),
        ((False, True), "bounds must be finite numbers, got False"),
        ((0, math.inf), "bounds must be finite numbers, got inf"),
        ((math.nan, 1), "bounds must be finite numbers, got nan"),
        ((None, 1), "bounds must be finite numbers, got None"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_by_name(given_as, message):
    with pytest.raises(SearchError, match=f"search space of 'depth': {message}"):
        as_dimension("depth", given_as)


def test_numpy_numbers_are_bounds_and_options_like_any_other():
    assert as_dimension("depth", (np.float64(0.5), np.float64(2))) == Real(0.5, 2.0)
    assert as_dimension("depth", (np.int64(2), np.int64(8))) == Integer(2, 8)
    assert as_dimension("depth", [np.int64(2), np.int64(8)]).options == (2, 8)


# A value within a dimension


@pytest.mark.parametrize(
    ("dimension", "value", "found"),
    [
        (Integer(2, 8), 4, 4),
        (Integer(2, 8), 1, 2),
        (Integer(2, 8), 9, 8),
        (Integer(2, 8), None, 5),
        (Real(0.1, 1.0), 0.3, 0.3),
        (Real(0.1, 1.0), 3, 1.0),
        (Real(0.0, 1.0), None, 0.5),
        (Real(0.01, 100.0, log=True), None, 1.0),
        (Choice(("a", "b")), "b", "b"),
        (Choice(("a", "b")), "c", "a"),
        (Choice((3, None)), None, None),
    ],
)
def test_a_default_is_kept_or_moved_to_the_nearest_middle_or_first(dimension, value, found):
    assert within(dimension, value) == found


@QUICK
@given(
    st.integers(1, 5),
    st.integers(0, 5),
    st.sampled_from([None, -3, 0, 0.5, 2, 2.5, 4, 100, 1e9, True, "auto"]),
    st.booleans(),
)
def test_a_default_lies_in_its_dimension(low, span, value, log):
    """Optuna refuses an enqueued value outside, and a fraction of an integer."""
    number = within(Integer(low, low + span, log=log), value)
    assert low <= number <= low + span
    assert number == int(number)
    assert low <= within(Real(float(low), float(low + span), log=log), value) <= low + span


# Features


def test_rows_are_encoded_once_in_the_order_of_the_schema():
    X = pd.DataFrame({"b": [1.0, 2.0], "a": ["u", "v"], "c": [5, 6]}, index=[7, 8])
    schema = Schema.infer(Table(X), ignore=("c",))

    features = Features(Table(X), schema)

    assert features.n_rows == 2
    assert features.matrix is features.matrix
    assert features.frame is features.frame
    assert_array_equal(features.matrix, [[1.0, 0.0], [2.0, 1.0]])
    assert list(features.frame.columns) == ["b", "a"]
    assert list(features.frame.index) == [0, 1]


# The registry


def test_the_registry_makes_each_built_in_learner():
    assert isinstance(learner("xgboost"), XGBoostLearner)
    assert isinstance(learner("logistic"), LogisticLearner)
    assert [learner(name).name for name in BUILT_IN] == list(BUILT_IN)


def test_every_learner_that_is_defined_has_a_name_that_help_texts_can_show():
    assert set(registry._MADE) == {*BUILT_IN, *OPTIONAL}
    assert tuple(name for name, made in LEARNERS.items() if not made.needs) == BUILT_IN


def test_an_unknown_learner_is_refused_with_the_nearest():
    with pytest.raises(SearchError, match=r"no learner named 'xgbost': did you mean 'xgboost'\?"):
        learner("xgbost")
    with pytest.raises(SearchError, match="named 'svm': known are 'xgboost', 'logistic'"):
        learner("svm")


def test_models_of_foreign_learners_are_read_by_nobody():
    assert built_in("RandomForestClassifier") is None
    assert built_in("logistic").name == "logistic"


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_learner_says_beforehand_whether_its_models_are_saved(name):
    made = learner(name)

    assert made.saves_models == (built_in(name) is not None)
    if made.saves_models:
        warn_of_unsaved_models([made])
        return
    with pytest.warns(CostOptWarning, match=rf"model-will-not-be-saved\] models of {name} have no"):
        warn_of_unsaved_models([made, learner("logistic")])


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_default_model_lies_in_the_space_that_is_searched(name):
    made = learner(name)

    defaults = made.defaults()

    assert defaults.keys() == made.space().keys()
    for parameter, dimension in made.space().items():
        if isinstance(dimension, Choice):
            assert defaults[parameter] in dimension.options
        else:
            assert dimension.low <= defaults[parameter] <= dimension.high


def test_small_floats_are_compared_with_a_large_limit_without_a_warning():
    matrix = np.array([[1.0], [np.inf]], dtype=np.float32)
    features = Features.of_matrix(matrix, Schema((Feature("a"),)))

    with pytest.raises(DataError, match=r"column 'a' must stay below 1e\+150.* got inf in row 1"):
        check_magnitude(features, 1e150, "squares overflow")
