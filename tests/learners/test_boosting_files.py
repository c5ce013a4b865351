"""Run as a script, this module is the child process of its own mutation test."""

import copy
import functools
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from numpy.testing import assert_allclose, assert_array_equal

import costopt
from costopt.errors import PolicyError
from costopt.learners import boosting_files as xgboost_files
from costopt.learners.boosting_files import read_model

TYPES = ["q", "q", "c", "c"]
N_FEATURES = len(TYPES)
KINDS = {
    "mixed": {"max_depth": 3},
    "deep, pruned": {"max_depth": 8, "min_child_weight": 0, "gamma": 0.5, "reg_lambda": 0},
    "by loss": {"max_depth": 0, "max_leaves": 9, "grow_policy": "lossguide"},
    "forest": {"num_parallel_tree": 3, "subsample": 0.5, "colsample_bynode": 0.5},
    "one against the rest": {"max_cat_to_onehot": 100},
    "small sets of categories": {"max_cat_threshold": 2, "max_delta_step": 1, "reg_alpha": 0.1},
    "base score": {"base_score": 0.03, "learning_rate": 1.0},
    "single leaves": {"gamma": 1e9},
}


def rows(n=300, seed=0):
    """Two numbers, a category of 3, one of 40; a tenth missing."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.normal(size=(n, 2)), rng.integers(0, 3, n), rng.integers(0, 40, n)]
    ).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0]) + (np.nan_to_num(X[:, 3]) % 3 == 0) + rng.normal(size=n) > 0.5
    return X, y


def odd_rows():
    """Rows to predict: seen and unseen, missing, huge, with categories no one has met."""
    odd = [
        [np.nan, np.nan, np.nan, np.nan],
        [3e38, -3e38, 1e6, 2**24],
        [-0.0, 1e-45, 2**31, 1e9],
        [0.5, -0.5, -1.0, 39.5],
        [-1.0, 2.0, np.nan, 16_777_215.0],
    ]
    return np.concatenate([rows(40, seed=1)[0], np.array(odd, dtype=np.float32)])


def matrix(X, y=None, types=TYPES):
    return xgb.DMatrix(X, y, feature_types=types, enable_categorical=True, nthread=1)


def train(params, X, y, types=TYPES, rounds=4):
    settings = {"objective": "binary:logistic", "nthread": 1, "verbosity": 0, "seed": 0}
    return xgb.train(settings | params, matrix(X, y, types), rounds)


@functools.cache
def saved(kind="mixed"):
    return bytes(train(KINDS[kind], *rows()).save_raw("json"))


def load(content):
    booster = xgb.Booster({"nthread": 1, "verbosity": 0})
    booster.load_model(bytearray(content))
    return booster


# What xgboost writes is read


def assert_survives(model, X, types=TYPES):
    written = bytes(model.save_raw("json"))

    read = read_model(written, X.shape[1])

    loaded = load(read)
    expected = model.predict(matrix(X, types=types), output_margin=True)
    assert_array_equal(loaded.predict(matrix(X, types=types), output_margin=True), expected)
    assert bytes(loaded.save_raw("json")) == written
    assert read_model(read, X.shape[1]) == read


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_predicts_the_same_to_the_last_bit(kind):
    assert_survives(train(KINDS[kind], *rows()), odd_rows())


@pytest.mark.parametrize("label", [0, 1])
def test_a_model_of_constant_labels_is_read(label):
    X, _ = rows()

    assert_survives(train({}, X, np.full(len(X), label)), odd_rows())


def test_a_model_that_never_heard_of_types_is_read():
    X, y = rows()

    assert_survives(train({"max_depth": 4}, X, y, types=None), odd_rows(), types=None)


def test_a_model_without_categorical_features_is_read():
    X, y = rows()

    model = train({"max_depth": 4}, X[:, :2], y, types=["q", "q"])

    assert_survives(model, odd_rows()[:, :2], types=["q", "q"])


def test_thresholds_at_the_ends_of_float32_are_read():
    X, y = rows()
    X[:, 0] *= np.float32(1e37)
    X[:, 1] *= np.float32(1e-40)

    assert_survives(train({"max_depth": 4}, X, y), odd_rows())


def test_a_model_of_separable_labels_is_read():
    """Its hessians come close to zero, and nothing holds its leaves back."""
    X, _ = rows()
    params = {"reg_lambda": 0, "min_child_weight": 0, "learning_rate": 1.0}

    assert_survives(train(params, X, X[:, 0] > 0, rounds=60), odd_rows())


# Edits of a small model, and what is said of them

MODEL = ("learner", "gradient_booster", "model")
BOOSTER = ("learner", "gradient_booster")
PARAM = ("learner", "learner_model_param")
TREE = (*MODEL, "trees", 1)
NAN, INFINITY = float("nan"), float("inf")


def place(document, path):
    for step in path[:-1]:
        document = document[step]
    return document, path[-1]


def edited(path, value, kind="mixed"):
    document = json.loads(saved(kind))
    where, last = place(document, path)
    where[last] = value
    return json.dumps(document).encode()


def tree_of(content, index=1):
    return json.loads(content)["learner"]["gradient_booster"]["model"]["trees"][index]


EDITS = [
    # children, parents
    ((*TREE, "left_children", 1), 10**8, r"tree 1, node 1: left_children must be -1, or lie after"),
    ((*TREE, "left_children", 1), -2, r"tree 1, node 1: left_children must .* got -2"),
    ((*TREE, "left_children", 1), 0, r"tree 1, node 1: left_children must .* got 0"),
    ((*TREE, "left_children", 1), 1, r"tree 1, node 1: left_children must .* got 1"),
    ((*TREE, "left_children", 0), 3, r"tree 1, node 0: right_children must"),
    ((*TREE, "right_children", 0), 10**8, r"tree 1, node 0: right_children must .* got 100000000"),
    ((*TREE, "right_children", 0), -1, r"tree 1, node 0: right_children must"),
    ((*TREE, "right_children", -1), 1, r"right_children must be -1 at a leaf"),
    ((*TREE, "left_children", 0), -1, r"tree 1, node 0: right_children must be -1 at a leaf"),
    ((*TREE, "parents", 2), 1, r"tree 1, node 2: parents must be the node whose child it is"),
    ((*TREE, "parents", 0), 0, r"tree 1, node 0: parents must"),
    ((*TREE, "left_children", 1), 2**63, r"tree 1: left_children must lie within 64 bits"),
    ((*TREE, "left_children", 1), 2**63 - 1, r"left_children must be -1, or lie after"),
    ((*TREE, "left_children", 1), 10**400, r"tree 1: left_children must lie within 64 bits"),
    # features, kinds of splits
    ((*TREE, "split_indices", 0), 10**6, r"tree 1, node 0: split_indices must lie between 0 and 3"),
    ((*TREE, "split_indices", 0), 4, r"split_indices must lie between 0 and 3, got 4"),
    ((*TREE, "split_indices", 0), -1, r"split_indices must lie between 0 and 3, got -1"),
    ((*TREE, "split_indices", -1), 2**32 - 1, r"split_indices must lie between 0 and 3"),
    ((*TREE, "split_type", 0), 1, r"tree 1, node 0: split_type must be 1 where"),
    ((*TREE, "split_type", 0), 2, r"tree 1, node 0: split_type must"),
    ((*TREE, "split_type", -1), 1, r"split_type must"),
    ((*TREE, "default_left", 0), 2, r"tree 1, node 0: default_left must be 0 or 1, got 2"),
    # numbers
    ((*TREE, "split_conditions", 2), NAN, r"must be JSON as xgboost writes it: NaN is not a"),
    ((*TREE, "split_conditions", 2), INFINITY, r"Infinity is not a number of JSON"),
    (
        (*TREE, "split_conditions", 2),
        1e39,
        r"tree 1, node 2: split_conditions must lie within float32",
    ),
    # float32 rounds this down to its largest number, but its nine digits up to infinity
    ((*TREE, "split_conditions", 2), 3.402823567e38, r"split_conditions must lie within float32"),
    ((*TREE, "base_weights", 0), -1e300, r"tree 1, node 0: base_weights must lie within float32"),
    ((*TREE, "split_conditions", 2), 1, r"split_conditions must hold values of type float only"),
    ((*TREE, "split_conditions", 2), "0.5", r"hold values of type float only, got '0.5'"),
    ((*TREE, "split_conditions", 2), None, r"hold values of type float only, got None"),
    ((*TREE, "sum_hessian", 0), [1.0], r"hold values of type float only, got \[1.0\]"),
    ((*TREE, "default_left", 0), True, r"default_left must hold values of type int only, got True"),
    ((*TREE, "split_indices", 0), 1.0, r"split_indices must hold values of type int only, got 1.0"),
    # lengths
    ((*TREE, "loss_changes"), [0.5], r"tree 1: loss_changes must have \d+ values, got 1"),
    ((*TREE, "left_children"), [-1], r"tree 1: tree_param.num_nodes must be '1'"),
    ((*TREE, "left_children"), [], r"tree 1: tree_param.num_nodes must be '1'"),
    ((*TREE, "right_children"), {}, r"tree 1: right_children must be a list, got \{\}"),
    (
        (*TREE, "tree_param", "num_nodes"),
        "100000000",
        r"tree_param.num_nodes must be '\d+', got '1",
    ),
    ((*TREE, "tree_param", "num_nodes"), 7, r"tree_param.num_nodes must be '\d+', got 7"),
    ((*TREE, "tree_param", "num_deleted"), "1", r"tree_param.num_deleted must be '0', got '1'"),
    ((*TREE, "tree_param", "num_feature"), "9", r"tree_param.num_feature must be '4', got '9'"),
    ((*TREE, "tree_param", "size_leaf_vector"), "3", r"size_leaf_vector must be '1', got '3'"),
    ((*TREE, "id"), 0, r"tree 1: id must be 1, got 0"),
    # categories
    (
        (*TREE, "categories", 0),
        -1,
        r"tree 1: categories\[0\] must lie between 0 and 16777215, got -1",
    ),
    ((*TREE, "categories", -1), 2**24, r"categories\[\d+\] must lie between 0 and 16777215"),
    ((*TREE, "categories", 0), 10**6, r"categories\[1\] must be above the one before it"),
    ((*TREE, "categories"), [], r"categories_sizes\[0\] must lie between 1 and 0"),
    (
        (*TREE, "categories_nodes", 0),
        10**8,
        r"categories_nodes\[0\] must be the next node of split",
    ),
    ((*TREE, "categories_nodes"), [], r"tree 1: categories_nodes must have \d+ values, got 0"),
    ((*TREE, "categories_segments", 0), 1, r"categories_segments\[0\] must be the sum of sizes"),
    ((*TREE, "categories_segments", 0), -1, r"categories_segments\[0\] must be the sum of sizes"),
    ((*TREE, "categories_sizes", 0), 0, r"categories_sizes\[0\] must lie between 1 and"),
    ((*TREE, "categories_sizes", 0), 2**62, r"categories_sizes\[0\] must lie between 1 and"),
    ((*TREE, "categories_sizes", -1), 1, r"the number of categories must be \d+, got"),
    # the list of trees
    ((*MODEL, "gbtree_model_param", "num_trees"), "100000000", r"num_trees must be '4', got '1000"),
    ((*MODEL, "gbtree_model_param", "num_trees"), 4, r"num_trees must be '4', got 4"),
    ((*MODEL, "gbtree_model_param", "num_parallel_tree"), "0", r"num_parallel_tree must divide"),
    (
        (*MODEL, "gbtree_model_param", "num_parallel_tree"),
        "3",
        r"must divide 4, the number of trees, got '3'",
    ),
    (
        (*MODEL, "gbtree_model_param", "num_parallel_tree"),
        "\u0661",
        r"num_parallel_tree must divide",
    ),
    ((*MODEL, "trees"), [], r"the number of trees must lie between 1 and 100,000, got 0"),
    ((*MODEL, "trees"), {}, r"the number of trees must lie between 1 and 100,000, got 0"),
    ((*MODEL, "trees", 2), 5, r"tree 2 must be an object with keys, got 5"),
    ((*MODEL, "tree_info", 0), 7, r"tree_info must be \[0, 0, 0, 0\], got \[7, 0, 0, 0\]"),
    ((*MODEL, "tree_info"), [0], r"tree_info must be \[0, 0, 0, 0\], got \[0\]"),
    ((*MODEL, "iteration_indptr", 4), 10**8, r"iteration_indptr must be \[0, 1, 2, 3, 4\]"),
    ((*MODEL, "iteration_indptr"), [], r"iteration_indptr must be \[0, 1, 2, 3, 4\]"),
    ((*MODEL, "cats", "enc"), [{}], r"cats.enc must be \[\], got \[\{\}\]"),
    ((*MODEL, "cats"), [], r"cats must be an object with keys, got \[\]"),
    # the model as a whole
    ((*PARAM, "base_score"), "0.5", r"base_score must be a probability, like .* got '0.5'"),
    ((*PARAM, "base_score"), "[nan]", r"base_score must be a probability"),
    ((*PARAM, "base_score"), "[2E0]", r"base_score must be a probability"),
    ((*PARAM, "base_score"), "[1E-1,1E-1]", r"base_score must be a probability"),
    ((*PARAM, "base_score"), "", r"base_score must be a probability"),
    ((*PARAM, "base_score"), 0.5, r"base_score must be a probability"),
    ((*PARAM, "boost_from_average"), "2", r"boost_from_average must be '0' or '1', got '2'"),
    ((*PARAM, "num_class"), "3", r"learner_model_param.num_class must be '0', got '3'"),
    ((*PARAM, "num_feature"), "5", r"learner_model_param.num_feature must be '4', got '5'"),
    ((*PARAM, "num_target"), "2", r"learner_model_param.num_target must be '1', got '2'"),
    (("learner", "objective", "name"), "reg:squarederror", r"objective.name must be 'binary:log"),
    (("learner", "objective", "reg_loss_param"), {}, r"must have the key 'scale_pos_weight'"),
    (("learner", "attributes"), {"best_iteration": "9"}, r"attributes must have known keys only"),
    (("learner", "attributes"), [], r"attributes must be an object with keys, got \[\]"),
    (("learner", "feature_names"), ["a"] * 4, r"feature_names must be \[\], got \['a', 'a'"),
    (("learner", "feature_types"), ["q"], r"feature_types must be 4 letters"),
    (("learner", "feature_types", 0), "i", r"feature_types must be 'q' or 'c' each, got 'i'"),
    (
        ("learner", "feature_types"),
        [],
        r"split_type must be 1 where a categorical feature is split",
    ),
    (("learner", "gradient_booster"), None, r"booster must be 'gbtree', got None"),
    ((*BOOSTER, "name"), "dart", r"booster must be 'gbtree', got 'dart'"),
    ((*BOOSTER, "name"), ["gbtree"], r"booster must be 'gbtree', got \['gbtree'\]"),
    (
        ("learner", "learner_train_param"),
        {},
        r"learner must have known keys .* 'learner_train_param'",
    ),
    ((*TREE, "leaf_weights"), [], r"tree 1 must have known keys only, got 'leaf_weights'"),
    ((*MODEL, "gbtree_model_param", "size"), "1", r"gbtree_model_param must have known .* 'size'"),
    ((*MODEL, "weight_drop"), [], r"model must have known keys only, got 'weight_drop'"),
    ((*PARAM, "base_margin"), "0", r"learner_model_param must have known .* 'base_margin'"),
    (("config",), {}, r"the document must have known keys only, got 'config'"),
    (("version",), [2, 1, 4], r"version must be three small whole numbers from \[3, 1\] on"),
    (("version",), [3, 2, -1], r"version must be"),
    (("version",), [3, 2, 10**9], r"version must be"),
    (("version",), [3, 2], r"version must be"),
    (("version",), [3, True, 0], r"version must be"),
    (("version",), "3.2.0", r"version must be"),
]


@pytest.mark.parametrize(("path", "value", "message"), EDITS)
def test_a_value_that_xgboost_would_not_write_is_refused(path, value, message):
    with pytest.raises(PolicyError, match=message):
        read_model(edited(path, value), N_FEATURES)


@pytest.mark.parametrize("path", [("version",), (*BOOSTER, "model"), (*TREE, "parents")])
def test_a_key_that_is_missing_is_refused(path):
    document = json.loads(saved())
    where, last = place(document, path)
    del where[last]

    with pytest.raises(PolicyError, match=f"must have the key '{last}'"):
        read_model(json.dumps(document).encode(), N_FEATURES)


def test_a_cycle_is_refused():
    """Nodes 1 and 2 are each other's ancestors; all nodes still have one parent."""
    content = chain(3)
    document = json.loads(content)
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"] = [-1, 2, 1, -1, -1, -1, -1]
    tree["right_children"] = [-1, 3, 4, -1, -1, -1, -1]
    tree["parents"] = [2**31 - 1, 2, 1, 1, 2, 0, 0]

    with pytest.raises(PolicyError, match=r"tree 0, node 2: left_children must .* got 1"):
        read_model(json.dumps(document).encode(), 1)


def test_a_right_child_behind_the_last_node_is_refused():
    document = json.loads(chain(1))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"], tree["right_children"] = [2, -1, -1], [3, -1, -1]

    with pytest.raises(
        PolicyError, match=r"node 0: left_children must be -1, or .* before 2, got 2"
    ):
        read_model(json.dumps(document).encode(), 1)


def test_a_node_with_two_parents_is_refused():
    document = json.loads(chain(2))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"], tree["right_children"] = [1, 3, 3, -1, -1], [2, 4, 4, -1, -1]

    with pytest.raises(
        PolicyError, match=r"tree 0, node 3 must be the child of one node, .* got 2"
    ):
        read_model(json.dumps(document).encode(), 1)


def test_nodes_out_of_reach_are_refused():
    document = json.loads(chain(2))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"], tree["right_children"] = [1, -1, -1, -1, -1], [2, -1, -1, -1, -1]

    with pytest.raises(
        PolicyError, match=r"tree 0, node 3 must be the child of one node, .* got 0"
    ):
        read_model(json.dumps(document).encode(), 1)


def test_a_file_for_another_number_of_features_is_refused():
    with pytest.raises(PolicyError, match="feature_types must be 5 letters, one per feature"):
        read_model(saved(), N_FEATURES + 1)


# Files of another kind


def test_ubjson_is_refused():
    content = bytes(train({}, *rows()).save_raw("ubj"))

    with pytest.raises(PolicyError, match="must be JSON as xgboost writes it"):
        read_model(content, N_FEATURES)


def test_a_pickle_is_refused():
    content = pickle.dumps(train({}, *rows()))

    with pytest.raises(PolicyError, match="must be JSON as xgboost writes it: 'ascii' codec"):
        read_model(content, N_FEATURES)


@pytest.mark.parametrize("content", [b"", b"\x00", b"null", b"[]", b"{}", b"17", b'"gbtree"'])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(PolicyError, match="the model file"):
        read_model(content, N_FEATURES)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(share):
    content = saved()[: int(share * len(saved()))]

    with pytest.raises(PolicyError, match="must be JSON as xgboost writes it"):
        read_model(content, N_FEATURES)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_another_encoding_is_refused(encoding):
    with pytest.raises(PolicyError, match="must be JSON as xgboost writes it"):
        read_model(saved().decode().encode(encoding), N_FEATURES)


def test_a_key_given_twice_is_refused():
    """Python keeps the last one; a parser that keeps the first would read another tree."""
    content = saved().replace(b'"id":0', b'"id":0,"left_children":[-1]', 1)

    with pytest.raises(PolicyError, match="the key 'left_children' is given twice"):
        read_model(content, N_FEATURES)


def test_a_number_beyond_double_is_refused():
    content = re.sub(rb'"base_weights":\[[^,\]]+', b'"base_weights":[1E999', saved(), count=1)

    with pytest.raises(PolicyError, match=r"tree 0, node 0: base_weights must lie within float32"):
        read_model(content, N_FEATURES)


def test_an_endless_number_is_refused():
    content = saved().replace(b'"id":1,', b'"id":' + b"1" * 100_000 + b",")

    with pytest.raises(PolicyError, match="must be JSON as xgboost writes it"):
        read_model(content, N_FEATURES)


def test_a_linear_booster_is_refused():
    X, y = rows()
    model = train({"booster": "gblinear"}, np.nan_to_num(X), y, types=None)

    with pytest.raises(PolicyError, match="booster must be 'gbtree', got 'gblinear'"):
        read_model(bytes(model.save_raw("json")), N_FEATURES)


def test_dart_is_refused():
    content = bytes(train({"booster": "dart", "rate_drop": 0.5}, *rows()).save_raw("json"))

    with pytest.raises(PolicyError, match="booster must be 'gbtree', got 'dart'"):
        read_model(content, N_FEATURES)


def test_several_outputs_are_refused():
    X, y = rows()
    labels = np.column_stack([y, ~y])
    for strategy in ("one_output_per_tree", "multi_output_tree"):
        params = {"multi_strategy": strategy, "tree_method": "hist"}
        model = train(params, X, labels, types=None)

        with pytest.raises(PolicyError, match="the model file is damaged"):
            read_model(bytes(model.save_raw("json")), N_FEATURES)


def test_several_classes_are_refused():
    X, y = rows()
    params = {"objective": "multi:softprob", "num_class": 3}
    content = bytes(train(params, X, y + (X[:, 0] > 1)).save_raw("json"))

    with pytest.raises(PolicyError, match="the model file is damaged"):
        read_model(content, N_FEATURES)


def test_a_model_that_keeps_names_of_columns_and_categories_is_refused():
    """xgboost would look for them in the rows to predict, which costopt hands over as numbers."""
    X, y = rows()
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    frame["c"] = pd.Categorical(np.where(X[:, 2] > 0, "x", "y"))
    model = train({}, frame, y, types=None)

    with pytest.raises(PolicyError, match=r"the model file is damaged"):
        read_model(bytes(model.save_raw("json")), 3)


# Files that ask for too much


def chain(depth, *, category=None):
    """A model of one tree that branches off a leaf at each level."""
    n_nodes = 2 * depth + 1
    inner = [0, *range(1, n_nodes - 2, 2)] if depth else []
    left, parents = [-1] * n_nodes, [2**31 - 1] * n_nodes
    for level, node in enumerate(inner):
        left[node] = 2 * level + 1
        parents[2 * level + 1] = parents[2 * level + 2] = node
    splits = inner if category is not None else []
    zeros = [0] * n_nodes
    document = json.loads(saved())
    model = document["learner"]["gradient_booster"]["model"]
    model["trees"] = [
        {name: [0.5] * n_nodes for name in xgboost_files.NODE_SINGLES}
        | {
            "categories": [category] * len(splits),
            "categories_nodes": splits,
            "categories_segments": list(range(len(splits))),
            "categories_sizes": [1] * len(splits),
            "default_left": zeros,
            "id": 0,
            "left_children": left,
            "parents": parents,
            "right_children": [child + 1 if child > 0 else -1 for child in left],
            "split_indices": zeros,
            "split_type": [int(node in splits) for node in range(n_nodes)],
            "tree_param": {
                "num_deleted": "0",
                "num_feature": "1",
                "num_nodes": str(n_nodes),
                "size_leaf_vector": "1",
            },
        }
    ]
    model["tree_info"], model["iteration_indptr"] = [0], [0, 1]
    model["gbtree_model_param"]["num_trees"] = "1"
    document["learner"]["feature_types"] = ["q" if category is None else "c"]
    document["learner"]["learner_model_param"]["num_feature"] = "1"
    return json.dumps(document).encode()


def test_every_float32_survives():
    """Values of any exponent, with subnormal numbers, both zeros and the largest."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**32, 2001, dtype=np.uint32).view(np.float32)
    values[~np.isfinite(values)] = 0
    values[:6] = [1e-45, -1e-45, -0.0, 3.4028235e38, -3.4028235e38, 1.1754942e-38]
    values[6:206] = np.arange(1, 201, dtype=np.uint32).view(np.float32)
    document = json.loads(chain(1000))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    # as xgboost writes them; what follows is how others might
    tree["loss_changes"] = [float(str(value)) for value in values]
    tree["base_weights"] = [float(value) for value in values]
    tree["sum_hessian"] = [*[7e-46, 7.1e-46, 9.999e-46, -1e-60, 1e-300, 1e-320], *[1.0] * 1995]
    content = json.dumps(document).encode()

    back = tree_of(bytes(load(read_model(content, 1)).save_raw("json")), 0)

    assert_array_equal(back["sum_hessian"][:6], [0, 1e-45, 1e-45, 0, 0, 0])
    for name in ("loss_changes", "base_weights"):
        assert_array_equal(np.float32(back[name]).view(np.uint32), values.view(np.uint32))


def test_a_tree_too_deep_to_walk_by_recursion_is_refused():
    read_model(chain(1000), 1)

    with pytest.raises(PolicyError, match="tree 0 must be at most 1000 levels deep"):
        read_model(chain(1001), 1)


def test_categories_that_would_fill_the_memory_are_refused():
    """Each of 200 splits on category 16,777,215 is a bitset of 2 MiB."""
    read_model(chain(100, category=2**24 - 1), 1)

    with pytest.raises(PolicyError, match=r"bitsets .* must take at most 268,435,456 bytes"):
        read_model(chain(200, category=2**24 - 1), 1)


def test_a_file_of_nothing_but_lists_is_refused_before_it_is_parsed():
    with pytest.raises(PolicyError, match="must consist of numbers, got 1,000,001 lists"):
        read_model(b"[" + b"[]," * 10**6 + b"0]", N_FEATURES)


def test_deep_nesting_is_refused():
    with pytest.raises(PolicyError, match="the model file must be JSON as xgboost writes it"):
        read_model(b"[" * 50_000 + b" " * 16 * 50_000, N_FEATURES)


def test_many_keys_are_refused_at_once():
    keys = ",".join(f'"{key}":0' for key in range(200_000))

    with pytest.raises(PolicyError, match="the key '7' is given twice"):
        read_model(f'{{{keys},"7":0}}'.encode(), N_FEATURES)


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(xgboost_files, "MAX_BYTES", 1000)

    with pytest.raises(PolicyError, match=r"must have at most 1,000 bytes, got \d,\d\d\d"):
        read_model(saved(), N_FEATURES)


def test_too_many_trees_are_refused(monkeypatch):
    monkeypatch.setattr(xgboost_files, "MAX_TREES", 3)

    with pytest.raises(PolicyError, match="the number of trees must lie between 1 and 3, got 4"):
        read_model(saved(), N_FEATURES)


def test_a_hostile_value_is_not_repeated_at_length():
    with pytest.raises(PolicyError) as caught:
        read_model(edited((*PARAM, "base_score"), "\x1b[2J" * 10_000), N_FEATURES)

    assert len(str(caught.value)) < 200
    assert "\x1b" not in str(caught.value)


# Mutations: whatever is done to a file, it is refused, or it is read and then predicts what it
# says. This runs in a child process, which the native code may end.

NASTY = (
    *(0, 1, 2, -1, -2, 3, 7, 31, 32, 255, 65_536, 2**24, 10**8, 2**31 - 1, 2**31, 2**32 - 1),
    *(2**63 - 1, 2**63, -(2**63), 10**30, 0.0, -0.0, 0.5, -1.5, 1e-45, 1e38, 3.4e38, 1e39, -1e308),
    *(NAN, INFINITY, None, True, False, "", "0", "1", "-1", "4", "1e8", "[5E-1]", "nan", "gbtree"),
    *([], {}, [0], [[]], [0.5], {"name": "dart"}),
)


def any_path(document, rng):
    """A place in the document; trees are entered often enough to reach their numbers."""
    path = []
    while isinstance(document, dict | list) and document:
        steps = list(document) if isinstance(document, dict) else range(len(document))
        path.append(steps[rng.integers(len(steps))])
        document = document[path[-1]]
        if isinstance(document, dict | list) and rng.random() < 0.1:
            break
    return path


def into_a_tree(document, rng):
    model = document["learner"]["gradient_booster"]["model"]
    index = int(rng.integers(len(model["trees"])))
    return ["learner", "gradient_booster", "model", "trees", index]


def mutate_value(document, rng):
    """One value is replaced, nudged, removed, repeated, exchanged or put where it was not."""
    start = into_a_tree(document, rng) if rng.random() < 0.7 else []
    part = functools.reduce(lambda found, step: found[step], start, document)
    path = any_path(part, rng)
    where, last = place(part, path)
    value = where[last]
    match int(rng.integers(8)):
        case 0 | 1:
            where[last] = copy.deepcopy(NASTY[rng.integers(len(NASTY))])
        case 2 | 3 if type(value) in (int, float):
            where[last] = value + type(value)(rng.choice([-2, -1, 1, 2, 10]))
        case 4:
            del where[last]
        case 5 if isinstance(where, list):
            where.insert(last, copy.deepcopy(value))
        case 6 if isinstance(where, list):
            other = int(rng.integers(len(where)))
            where[last], where[other] = where[other], where[last]
        case _:
            source, key = place(part, any_path(part, rng))
            where[last] = copy.deepcopy(source[key])


def mutate_sense(document, rng):
    """A value becomes another that xgboost might have written, so that the file is read."""
    part = functools.reduce(lambda found, step: found[step], into_a_tree(document, rng), document)
    node = int(rng.integers(len(part["left_children"])))
    match int(rng.integers(4)):
        case 0:
            choice = [0.0, -1.5, 1e-45, -1e-30, 2.5e20, 3.4e38, -3.4e38, rng.normal()]
            part["split_conditions"][node] = float(rng.choice(choice))
        case 1:
            part["default_left"][node] = int(rng.integers(2))
        case 2 if part["split_type"][node] == 0:
            part["split_indices"][node] = int(rng.integers(2))
        case _ if part["categories_sizes"]:
            last = int(
                np.cumsum(part["categories_sizes"])[rng.integers(len(part["categories_nodes"]))]
            )
            part["categories"][last - 1] += int(rng.choice([1, 31, 32, 1000, 10**6]))


def mutate_bytes(content, rng):
    """Some bytes are changed, removed, repeated or cut off."""
    at, length = int(rng.integers(len(content))), int(rng.integers(1, 12))
    match int(rng.integers(6)):
        case 0:
            return (
                content[:at]
                + bytes([content[at] ^ (1 << int(rng.integers(8)))])
                + content[at + 1 :]
            )
        case 1:
            return content[:at] + content[at + length :]
        case 2:
            return content[: at + length] + content[at:]
        case 3:
            return content[:at] + rng.bytes(length) + content[at:]
        case 4:
            digits = str(rng.integers(10 ** int(rng.integers(1, 19)))).encode()
            numbers = [found.span() for found in re.finditer(rb"\d+", content)]
            start, stop = numbers[rng.integers(len(numbers))]
            return content[:start] + digits + content[stop:]
        case _:
            return content[:at]


def mutated(content, rng):
    kind = rng.random()
    document = json.loads(content)
    try:
        for _ in range(rng.integers(1, 4)):
            if kind < 0.25:
                content = mutate_bytes(content, rng)
            else:
                (mutate_value if kind < 0.75 else mutate_sense)(document, rng)
    except (AttributeError, LookupError, TypeError, ValueError):
        pass  # an earlier mutation left nothing to mutate
    return content if kind < 0.25 else json.dumps(document).encode()


def walk(tree, row):
    """The leaf of a row, as the documentation of xgboost has it; none of its code is used."""
    sets = {
        node: set(tree["categories"][start : start + size])
        for node, start, size in zip(
            tree["categories_nodes"],
            tree["categories_segments"],
            tree["categories_sizes"],
            strict=True,
        )
    }
    node = 0
    while tree["left_children"][node] != -1:
        value = row[tree["split_indices"][node]]
        if np.isnan(value):
            left = tree["default_left"][node] == 1
        elif node in sets:
            left = not 0 <= value < 2**24 or int(value) not in sets[node]
        else:
            left = value < np.float32(tree["split_conditions"][node])
        node = tree["left_children" if left else "right_children"][node]
    return np.float32(tree["split_conditions"][node])


def assert_predicts_what_it_says(content, X):
    """Margins are what walking the accepted file gives, summed in its order."""
    learner = json.loads(content)["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    [share] = json.loads(learner["learner_model_param"]["base_score"])
    with np.errstate(over="ignore", divide="ignore"):
        base = np.clip(np.log(np.float32(share) / np.float32(1 - share)), -13.81551, 13.74516)
        margins = [sum((walk(tree, row) for tree in trees), np.float32(base)) for row in X]
    found = load(content).predict(matrix(X), output_margin=True)
    assert_allclose(found, np.array(margins, dtype=np.float32), rtol=1e-5, atol=1e-5)


def fuzz(kind, seed, n):
    content, X = saved(kind), odd_rows()[-12:]
    n_read = 0
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        try:
            read = read_model(mutated(content, rng), N_FEATURES)
        except PolicyError:
            continue
        n_read += 1
        sys.stdout.write(f"{number}\n")
        assert_predicts_what_it_says(read, X)
    sys.stdout.write(f"read {n_read}\n")


def fuzz_in_a_child(kind, seed, n, timeout):
    """How many of the mutated files were read; the test fails if the child does not end well."""
    root = str(Path(costopt.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-u", "-X", "faulthandler", __file__, kind, str(seed), str(n)],
        env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{kind}, {seed}: {done.stdout[-60:]}\n{done.stderr[-3000:]}"
    return int(done.stdout.rpartition("read")[2])


def test_no_mutation_ends_the_process():
    n_read = fuzz_in_a_child("mixed", 0, 1000, timeout=120)

    assert 100 < n_read < 900


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_of_many_ends_the_process(kind):
    n_read = fuzz_in_a_child(kind, 1, 20_000, timeout=3600)

    assert n_read > 0


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
