"""xgboost's own JSON, read as the untrusted input that a file is.

The native parser and predictor go where a file sends them: a child, a feature or a category out of
range, or a cycle, ends the process. So nothing of a file reaches them. It is parsed here, each of
its values is checked against what xgboost itself writes, and the native parser gets a new text
that is made of the checked values alone. Each reader below checks one part and returns that text.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from costopt.errors import PolicyError
from costopt.learners.json_checks import as_object, as_text, expect, fields, refuse, require

__all__ = ["ABSENT", "read_model"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

MAX_BYTES = 256 * 2**20
MAX_TREES = 100_000
# xgboost walks trees by loops to predict, but by recursion to explain or print them
MAX_DEPTH = 1000
# the first category that xgboost itself refuses, as float32 has no odd numbers from here on
MAX_CATEGORY = 2**24
# a categorical split is a bitset up to its largest category, so that few bytes can ask for many
MAX_BITSET_BYTES = 256 * 2**20
# a list costs 60 bytes of memory and 2 of a file; a model of nothing but leaves has one per 29
BYTES_PER_LIST = 16

# the attribute of a booster that lists categories, by column and code, it takes for missing values
ABSENT = "absent_categories"

OLDEST_VERSION = [3, 1]
ROOT_PARENT = 2**31 - 1
LARGEST_SINGLE = 3.4028235e38  # as xgboost writes it; a little more would be read as infinity
BASE_SCORE = re.compile(r"\[([0-9](?:\.[0-9]+)?E[+-]?[0-9]{1,2})\]")
COUNT = re.compile(r"[1-9][0-9]{0,8}")

OBJECTIVE = {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}}
NO_CATEGORY_NAMES: dict[str, Any] = {"enc": [], "feature_segments": [], "sorted_idx": []}
MODEL_FIELDS = ("cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees")
LEARNER_FIELDS = (
    "attributes",
    "feature_names",
    "feature_types",
    "gradient_booster",
    "learner_model_param",
    "objective",
)
NODE_INTEGERS = (
    "default_left",
    "left_children",
    "parents",
    "right_children",
    "split_indices",
    "split_type",
)
NODE_SINGLES = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
CATEGORY_FIELDS = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
TREE_FIELDS = (*NODE_INTEGERS, *NODE_SINGLES, *CATEGORY_FIELDS, "id", "tree_param")


def read_model(content: bytes, n_features: int) -> bytes:
    """A model file for xgboost's native parser, written anew from values that were checked.

    Parameters
    ----------
    content : bytes
        What ``Booster.save_raw("json")`` of xgboost 3.1 or later gave for boosted trees with the
        objective ``binary:logistic``, trained on rows without column names.
    n_features : int
        How many features the model must have.

    Returns
    -------
    content : bytes
        JSON that gives the same predictions.

    Raises
    ------
    PolicyError
        If the file is too large or not JSON, names a key twice or one that is not known, or holds
        a value that xgboost would not have written or cannot safely read.

    Examples
    --------
    >>> read_model(b'{"learner": {}, "version": [2, 1, 0]}', n_features=3)
    Traceback (most recent call last):
    costopt.errors.PolicyError: the model file is damaged: version must be three small whole \
numbers from [3, 1] on, got [2, 1, 0]
    """
    document = fields(_parse(content), "the document", ("learner", "version"))
    version = _version(document["version"])
    learner = _learner(document["learner"], n_features)
    return as_object({"learner": learner, "version": version}).encode("ascii")


# The document


def _parse(content: bytes) -> Any:
    if len(content) > MAX_BYTES:
        raise PolicyError(
            f"the model file must have at most {MAX_BYTES:,} bytes, got {len(content):,}"
        )
    n_lists = content.count(b"[") + content.count(b"{")
    if n_lists > 1000 + len(content) // BYTES_PER_LIST:
        raise PolicyError(
            f"the model file must consist of numbers, got {n_lists:,} lists in "
            f"{len(content):,} bytes"
        )
    try:
        return json.loads(
            content.decode("ascii"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"the model file must be JSON as xgboost writes it: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {reprlib.repr(twice)} is given twice")
    return found


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def _version(version: Any) -> str:
    plain = isinstance(version, list) and [type(part) for part in version] == [int] * 3
    if not plain or max(version) > 999 or min(version) < 0 or version[:2] < OLDEST_VERSION:
        refuse("version", f"be three small whole numbers from {OLDEST_VERSION} on", version)
    return as_text(version)


def _learner(learner: Any, n_features: int) -> str:
    fields(learner, "learner", LEARNER_FIELDS)
    categorical = _categorical(learner["feature_types"], n_features)
    booster = learner["gradient_booster"]
    # before the keys, which differ from booster to booster
    name = expect(booster.get("name") if isinstance(booster, dict) else None, "gbtree", "booster")
    fields(booster, "gradient_booster", ("model", "name"))
    model = _model(booster["model"], categorical)
    return as_object(
        {
            "attributes": _attributes(learner["attributes"], n_features),
            "feature_names": expect(learner["feature_names"], [], "feature_names"),
            "feature_types": as_text(learner["feature_types"]),
            "gradient_booster": as_object({"model": model, "name": name}),
            "learner_model_param": _learner_param(learner["learner_model_param"], n_features),
            "objective": expect(learner["objective"], OBJECTIVE, "objective"),
        }
    )


def _attributes(given: Any, n_features: int) -> str:
    """Nothing, or the categories that the model was not trained on: pairs of column and code."""
    if given == {}:
        return "{}"
    fields(given, "attributes", (ABSENT,))
    try:
        pairs = json.loads(given[ABSENT])
    except (ValueError, TypeError, RecursionError):
        pairs = None
    plain = isinstance(pairs, list) and all(
        isinstance(pair, list) and [type(part) for part in pair] == [int, int] for pair in pairs
    )
    if not plain or not all(
        0 <= column < n_features and 0 <= code < MAX_CATEGORY for column, code in pairs
    ):
        refuse(f"attributes.{ABSENT}", "hold pairs of column and category", given[ABSENT])
    return as_text({ABSENT: json.dumps(pairs)})


def _categorical(types: Any, n_features: int) -> BoolArray:
    """Which features are categorical; a file that names no types has numbers only."""
    if types == []:
        return np.zeros(n_features, dtype=bool)
    if not isinstance(types, list) or len(types) != n_features:
        refuse("feature_types", f"be {n_features} letters, one per feature", types)
    for kind in types:
        if kind not in ("q", "c"):
            refuse("feature_types", "be 'q' or 'c' each", kind)
    return np.array([kind == "c" for kind in types])


def _learner_param(param: Any, n_features: int) -> str:
    where = "learner_model_param"
    fixed = {"num_class": "0", "num_feature": str(n_features), "num_target": "1"}
    fields(param, where, ("base_score", "boost_from_average", *fixed))
    for name, expected in fixed.items():
        expect(param[name], expected, f"{where}.{name}")
    score, estimated = param["base_score"], param["boost_from_average"]
    match = BASE_SCORE.fullmatch(score) if isinstance(score, str) else None
    # [0E0] and [1E0] are what xgboost writes where all labels are equal; it reads them back
    if match is None or not 0 <= float(match[1]) <= 1:
        refuse("base_score", "be a probability, like '[2.5E-1]'", score)
    if estimated not in ("0", "1"):
        refuse("boost_from_average", "be '0' or '1'", estimated)
    return as_text(
        {"base_score": f"[{float(match[1]):.8E}]", "boost_from_average": estimated, **fixed}
    )


def _model(model: Any, categorical: BoolArray) -> str:
    fields(model, "model", MODEL_FIELDS)
    trees = model["trees"]
    n_trees = len(trees) if isinstance(trees, list) else 0
    if not 1 <= n_trees <= MAX_TREES:
        refuse("the number of trees", f"lie between 1 and {MAX_TREES:,}", n_trees)
    param, where = model["gbtree_model_param"], "gbtree_model_param"
    fields(param, where, ("num_parallel_tree", "num_trees"))
    expect(param["num_trees"], str(n_trees), f"{where}.num_trees")
    parallel = param["num_parallel_tree"]
    countable = isinstance(parallel, str) and COUNT.fullmatch(parallel)
    if not countable or n_trees % int(parallel):
        refuse("num_parallel_tree", f"divide {n_trees}, the number of trees", parallel)
    starts = list(range(0, n_trees + 1, int(parallel)))
    return as_object(
        {
            "cats": expect(model["cats"], NO_CATEGORY_NAMES, "cats"),
            "gbtree_model_param": as_text(param),
            "iteration_indptr": expect(model["iteration_indptr"], starts, "iteration_indptr"),
            "tree_info": expect(model["tree_info"], [0] * n_trees, "tree_info"),
            "trees": _trees(trees, categorical),
        }
    )


# Trees


def _trees(trees: list[Any], categorical: BoolArray) -> str:
    texts = []
    n_bytes = 0
    for index, tree in enumerate(trees):
        text, in_bitsets = _tree(tree, index, categorical)
        texts.append(text)
        n_bytes += in_bitsets
        if n_bytes > MAX_BITSET_BYTES:
            where = f"tree {index}: the bitsets of all categories so far"
            refuse(where, f"take at most {MAX_BITSET_BYTES:,} bytes", n_bytes)
    return f"[{','.join(texts)}]"


def _tree(tree: Any, index: int, categorical: BoolArray) -> tuple[str, int]:
    """The text of a tree, and the bytes that its categories will take in memory."""
    where = f"tree {index}"
    fields(tree, where, TREE_FIELDS)
    texts = {"id": expect(tree["id"], index, f"{where}: id")}
    left = tree["left_children"]
    n_nodes = max(1, len(left) if isinstance(left, list) else 0)
    param = {"num_deleted": "0", "num_feature": str(categorical.size), "num_nodes": str(n_nodes)}
    param["size_leaf_vector"] = "1"
    texts["tree_param"] = expect(tree["tree_param"], param, f"{where}: tree_param")
    nodes = {name: _integers(tree, name, where, n_nodes) for name in NODE_INTEGERS}
    _check_links(nodes["left_children"], nodes["right_children"], nodes["parents"], where)
    _check_splits(nodes, categorical, where)
    texts |= {name: _singles(tree, name, where, n_nodes) for name in NODE_SINGLES}
    segments, in_bitsets = _categories(tree, np.flatnonzero(nodes["split_type"]), where)
    texts |= {name: as_text(values.tolist()) for name, values in (nodes | segments).items()}
    return as_object(texts), in_bitsets


def _check_links(left: IntArray, right: IntArray, parents: IntArray, where: str) -> None:
    """The nodes form one tree, with children after their parents and side by side.

    xgboost finds the right child as the one that follows the left child.
    """
    node, last = f"{where}, node %d", left.size - 1
    nodes = np.arange(left.size)
    leaf = left == -1
    ok = leaf | ((nodes < left) & (left < last))
    require(ok, f"{node}: left_children", f"be -1, or lie after its node and before {last}", left)
    ok = right == np.where(leaf, -1, left + 1)
    require(ok, f"{node}: right_children", "be -1 at a leaf, else follow the left child", right)
    inner = nodes[~leaf]
    children = np.concatenate([left[inner], right[inner]])
    n_parents = np.bincount(children, minlength=left.size)
    require(
        n_parents == (nodes > 0), node, "be the child of one node, the first of none", n_parents
    )
    expected = np.full(left.size, ROOT_PARENT)
    expected[children] = np.concatenate([inner, inner])
    require(parents == expected, f"{node}: parents", "be the node whose child it is", parents)
    level = nodes[:1]
    for _ in range(MAX_DEPTH + 1):
        level = left[level[~leaf[level]]]
        if not level.size:
            return
        level = np.concatenate([level, level + 1])
    refuse(where, f"be at most {MAX_DEPTH} levels deep", "more")


def _check_splits(nodes: Mapping[str, IntArray], categorical: BoolArray, where: str) -> None:
    """Features exist, and categories are asked for at those that have some."""
    node, last = f"{where}, node %d", categorical.size - 1
    feature, kind, default = nodes["split_indices"], nodes["split_type"], nodes["default_left"]
    ok = (feature >= 0) & (feature <= last)
    require(ok, f"{node}: split_indices", f"lie between 0 and {last}", feature)
    ok = kind == (categorical[feature] & (nodes["left_children"] != -1))
    require(ok, f"{node}: split_type", "be 1 where a categorical feature is split, else 0", kind)
    ok = (default == 0) | (default == 1)
    require(ok, f"{node}: default_left", "be 0 or 1", default)


def _categories(tree: Any, nodes: IntArray, where: str) -> tuple[dict[str, IntArray], int]:
    """The categories that go right at each categorical node, and the bytes they take."""
    found = {name: _integers(tree, name, where, nodes.size) for name in CATEGORY_FIELDS[1:]}
    given, segments, sizes = found.values()
    found["categories"] = categories = _integers(tree, "categories", where)
    ok = given == nodes
    require(ok, f"{where}: categories_nodes[%d]", "be the next node of split_type 1", given)
    ok = (sizes >= 1) & (sizes <= categories.size)
    require(ok, f"{where}: categories_sizes[%d]", f"lie between 1 and {categories.size}", sizes)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    ok = segments == starts
    require(ok, f"{where}: categories_segments[%d]", "be the sum of sizes before it", segments)
    expect(categories.size, int(sizes.sum()), f"{where}: the number of categories")
    ok = (categories >= 0) & (categories < MAX_CATEGORY)
    name = f"{where}: categories[%d]"
    require(ok, name, f"lie between 0 and {MAX_CATEGORY - 1}", categories)
    ok = np.diff(categories, prepend=-1) > 0
    ok[starts] = True
    require(ok, name, "be above the one before it", categories)
    return found, int((categories[ends - 1] // 32 + 1).sum()) * 4


# Lists of a tree


def _integers(tree: Any, name: str, where: str, length: int | None = None) -> IntArray:
    values = _check_list(tree[name], int, f"{where}: {name}", length)
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        refuse(f"{where}: {name}", "lie within 64 bits", max(values, key=abs))


def _singles(tree: Any, name: str, where: str, length: int) -> str:
    """Numbers in nine digits: they tell all float32 apart, and xgboost reads more by the locale."""
    numbers = np.array(_check_list(tree[name], float, f"{where}: {name}", length))
    ok = np.abs(numbers) <= LARGEST_SINGLE
    require(ok, f"{where}, node %d: {name}", "lie within float32", numbers)
    return f"[{','.join(['%.8E'] * length)}]" % tuple(numbers.tolist())


def _check_list(value: Any, kind: type, where: str, length: int | None) -> list[Any]:
    if not isinstance(value, list):
        refuse(where, "be a list", value)
    if length is not None and len(value) != length:
        refuse(where, f"have {length} values", len(value))
    if not set(map(type, value)) <= {kind}:
        strange = next(item for item in value if type(item) is not kind)
        refuse(where, f"hold values of type {kind.__name__} only", strange)
    return value
