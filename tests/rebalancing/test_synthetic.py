"""Synthetic and cleaned rows: where they lie, what is left as it was, and what cannot be done."""

import numpy as np
import pandas as pd
import pytest
from imblearn.under_sampling import EditedNearestNeighbours, NearMiss, TomekLinks
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

from costopt import DataError
from costopt.inputs.frames import Table
from costopt.inputs.schema import Schema
from costopt.rebalancing import synthetic as synthesis
from costopt.rebalancing.cleaning import clean, near_miss
from costopt.rebalancing.neighbourhood import Neighbourhood
from costopt.rebalancing.synthetic import (
    synthesize,
    synthesize_and_clean,
)

NUMERIC = ("smote", "adasyn", "borderline_smote", "svm_smote")
BOTH = ("smote_tomek", "smote_enn")


def neighbourhood(X, y):
    table = Table(X)
    schema = Schema.infer(table)
    return Neighbourhood(schema.encode(table), schema, np.asarray(y) == 1)


def numbers(n=200, positives=20, seed=0, columns=3):
    """Overlapping classes in columns of very different scale."""
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=bool)
    y[rng.choice(n, positives, replace=False)] = True
    X = rng.normal(size=(n, columns)) + 1.5 * y[:, None]
    return X * 10.0 ** np.arange(columns), y


def mixed(n=200, positives=20, seed=0):
    X, y = numbers(n, positives, seed)
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["kind"] = pd.Categorical(np.where(y, rng.choice(["u", "v"], n), "w"))
    frame["place"] = pd.Categorical(rng.choice(["x", "y", None], n))
    frame.loc[rng.random(n) < 0.2, "b"] = np.nan
    return frame, y


def distance_to_nearest_segment(points, ends):
    """How far each point is from the nearest straight line between two of the ends."""
    first, second = (ends[at] for at in np.triu_indices(len(ends), 1))
    along = second - first
    found = np.empty(len(points))
    for at, point in enumerate(points):
        share = np.einsum("ij,ij->i", point - first, along) / np.einsum("ij,ij->i", along, along)
        foot = first + np.clip(share, 0, 1)[:, None] * along
        found[at] = np.sqrt(((foot - point) ** 2).sum(axis=1)).min()
    return found


# Where synthetic rows lie


@pytest.mark.parametrize("kind", ["smote", "adasyn"])
def test_synthetic_rows_lie_between_two_positives(kind):
    X, y = numbers()

    added = synthesize(kind, neighbourhood(X, y), 1.0, 0, None).added

    scale = X.std(axis=0)
    assert len(added) > 100
    distance = distance_to_nearest_segment(added / scale, X[y] / scale)
    assert_allclose(distance, 0, atol=1e-9)
    nearest = cdist(added / scale, X[y] / scale).min(axis=1)
    assert np.count_nonzero(nearest > 1e-6) > 100  # and are not copies


@pytest.mark.parametrize("kind", ["borderline_smote", "svm_smote"])
def test_synthetic_rows_at_the_border_lie_on_a_line_through_two_rows(kind):
    """SVM-SMOTE goes beyond a positive too, away from its neighbour, as its paper has it."""
    X, y = numbers()

    added = synthesize(kind, neighbourhood(X, y), 1.0, 0, None).added

    scale = X.std(axis=0)
    first, second = (X[y][at] / scale for at in np.triu_indices(20, 1))
    along = (second - first) / np.linalg.norm(second - first, axis=1)[:, None]
    for point in added[:40] / scale:
        off = point - first
        off -= np.einsum("ij,ij->i", off, along)[:, None] * along
        assert np.linalg.norm(off, axis=1).min() < 1e-9


def test_neighbours_are_looked_for_on_standardised_numbers():
    """The unit of a column changes no synthetic row."""
    X, y = numbers()
    unit = np.array([1000.0, 0.5, 3.0])

    one = synthesize("smote", neighbourhood(X, y), 1.0, 0, None).added
    other = synthesize("smote", neighbourhood(X * unit, y), 1.0, 0, None).added

    assert_allclose(one * unit, other)


def test_with_categories_smote_becomes_smote_nc():
    X, y = mixed()
    rows = neighbourhood(X, y)

    added = synthesize("smote", rows, 1.0, 0, None).added

    kind, place = added[:, 3], added[:, 4]
    assert set(np.unique(kind)) == {0.0, 1.0}  # "w" belongs to no positive
    assert set(np.unique(place[~np.isnan(place)])) == {0.0, 1.0}
    assert np.isnan(place).any()  # a missing category is one of them
    for column in (0, 2):
        values = X.iloc[:, column][y]
        assert values.min() <= added[:, column].min() <= added[:, column].max() <= values.max()
        assert np.isin(added[:, column], values).mean() < 0.1


def test_with_categories_alone_it_becomes_smoten():
    X, y = mixed()
    X = X[["kind", "place"]]

    added = synthesize("smote", neighbourhood(X, y), 1.0, 0, None).added

    assert len(added) == 160
    assert set(np.unique(added[:, 0])) <= {0.0, 1.0}
    seen = pd.isna(X["place"][y]).any()
    assert seen or not np.isnan(added[:, 1]).any()


@pytest.mark.parametrize("kind", [*NUMERIC[1:]])
def test_what_interpolates_numbers_only_refuses_categories(kind):
    with pytest.raises(
        DataError,
        match=f"{kind} interpolates numbers only, and column 'kind' holds categories: use 'smote'",
    ):
        synthesize(kind, neighbourhood(*mixed()), 1.0, 0, None)


# Missing values


@pytest.mark.parametrize("kind", NUMERIC)
def test_a_synthetic_row_is_missing_what_the_positive_next_to_it_is(kind):
    X, y = numbers()
    X[np.random.default_rng(1).random(X.shape) < 0.3] = np.nan
    rows = neighbourhood(X, y)
    rows.matrix[:, 2] = np.nan  # as in a fold none of whose rows has a value

    added = synthesize(kind, rows, 1.0, 0, None).added

    assert np.isnan(added[:, 2]).all()
    share, expected = np.isnan(added[:, :2]).mean(), np.isnan(X[y, :2]).mean()
    assert abs(share - expected) < 0.15
    patterns = {tuple(row) for row in np.isnan(rows.matrix[y])}
    assert {tuple(row) for row in np.isnan(added)} <= patterns


def test_nothing_is_missing_where_no_positive_misses_anything():
    X, y = numbers()
    X[np.flatnonzero(~y)[:50], 1] = np.nan

    added = synthesize("smote", neighbourhood(X, y), 1.0, 0, None).added

    assert not np.isnan(added).any()


def test_gaps_do_not_tell_what_is_synthetic():
    """With gaps at random in all rows, as many synthetic positives have one as real ones do."""
    X, y = numbers(2000, 200)
    X[np.random.default_rng(1).random(X.shape) < 0.3] = np.nan

    added = synthesize("smote", neighbourhood(X, y), 1.0, 0, None).added

    assert_allclose(np.isnan(added).mean(axis=0), 0.3, atol=0.1)


# How many


@pytest.mark.parametrize("kind", NUMERIC)
def test_a_lower_ratio_takes_the_first_of_the_same_rows(kind):
    X, y = numbers()
    rows = neighbourhood(X, y)

    balanced = synthesize(kind, rows, 1.0, 0, None).added
    fewer = synthesize(kind, rows, 0.5, 0, None)

    assert len(fewer.added) == 90 - 20
    assert_array_equal(fewer.added, balanced[:70])
    assert fewer.sampling_ratio == 0.5
    assert fewer.odds_multiplier == pytest.approx(0.5 / (20 / 180))


@pytest.mark.parametrize("kind", [*NUMERIC, *BOTH])
@pytest.mark.parametrize("ratio", [0.01, 1.0, 50.0])
def test_the_multiplier_is_what_counting_the_classes_gives(kind, ratio):
    X, y = numbers()
    make = synthesize_and_clean if kind in BOTH else synthesize

    found = make(kind, neighbourhood(X, y), ratio, 0, None)

    kept = y if found.rows is None else y[found.rows]
    n_added = 0 if found.added is None else len(found.added)
    counted = (kept.sum() + n_added) / (~kept).sum()
    assert found.sampling_ratio == pytest.approx(counted)
    assert found.odds_multiplier == pytest.approx(counted / (20 / 180))
    assert found.sample_weight.size == kept.size + n_added
    if kind == "smote":
        assert counted == pytest.approx(max(min(ratio, 1.0), 20 / 180))


def test_a_ratio_below_the_present_one_adds_nothing():
    found = synthesize("smote", neighbourhood(*numbers()), 0.05, 0, None)

    assert found.added is None
    assert found.rows is None
    assert found.odds_multiplier == pytest.approx(1)


def test_where_positives_are_the_majority_nothing_is_made():
    X, y = numbers()

    found = synthesize("smote", neighbourhood(X, ~y), 1.0, 0, None)

    assert found.added is None


@pytest.mark.parametrize("positives", [2, 3, 4])
@pytest.mark.parametrize("kind", ["smote", "adasyn", "svm_smote", *BOTH])
def test_neighbours_are_as_many_as_a_handful_of_positives_allows(kind, positives):
    X, y = numbers(60, positives)
    make = synthesize_and_clean if kind in BOTH else synthesize

    found = make(kind, neighbourhood(X, y), 1.0, 0, None)

    assert found.added is not None
    assert np.isfinite(found.added).all()


def test_borderline_smote_says_so_where_no_positive_is_near_the_border():
    X, y = numbers(60, 20)

    with pytest.raises(DataError, match="borderline_smote made no row: it found no positive near"):
        synthesize("borderline_smote", neighbourhood(X + 1000 * y[:, None], y), 1.0, 0, None)


@pytest.mark.parametrize("kind", [*NUMERIC, *BOTH])
def test_one_positive_has_no_neighbour(kind):
    X, y = numbers(60, 1)
    make = synthesize_and_clean if kind in BOTH else synthesize
    named = "smote" if kind in BOTH else kind

    with pytest.raises(
        DataError, match=f"{named} needs at least 2 positives to train on, got 1: use 'weight'"
    ):
        make(kind, neighbourhood(X, y), 1.0, 0, None)


def test_what_a_library_refuses_is_said_with_its_name():
    """ADASYN makes nothing of positives that no negative is near."""
    X, y = numbers(60, 20)

    with pytest.raises(
        DataError, match="adasyn cannot be done on these training rows: Not any neigbours"
    ):
        synthesize("adasyn", neighbourhood(X + 1000 * y[:, None], y), 1.0, 0, None)


# Randomness, and what is kept


@pytest.mark.parametrize("kind", [*NUMERIC, *BOTH])
def test_the_same_seed_makes_the_same_rows_and_another_seed_others(kind):
    X, y = numbers()
    make = synthesize_and_clean if kind in BOTH else synthesize
    rows = neighbourhood(X, y)

    first, again = (make(kind, neighbourhood(X, y), 1.0, 7, None) for _ in range(2))
    make(kind, rows, 1.0, 8, None)  # what was found for one seed is not taken for another
    later = make(kind, rows, 1.0, 7, None)
    other = make(kind, rows, 1.0, 8, None)

    assert_array_equal(first.added, again.added)
    assert_array_equal(first.added, later.added)
    assert not np.array_equal(first.added[:5], other.added[:5])


@pytest.mark.parametrize("kind", [*NUMERIC, *BOTH])
def test_rows_that_are_there_are_not_changed(kind):
    X, y = numbers()
    X[::7, 0] = np.nan
    rows = neighbourhood(X, y)
    before, labels = rows.matrix.copy(), y.copy()
    make = synthesize_and_clean if kind in BOTH else synthesize

    make(kind, rows, 1.0, 0, None)

    assert_array_equal(rows.matrix, before)
    assert_array_equal(rows.y, labels)


def test_the_support_vector_machine_looks_at_a_bounded_number_of_negatives(monkeypatch):
    X, y = numbers(400, 20)
    monkeypatch.setattr(synthesis, "MAX_ROWS_OF_SVM", 100)
    without = numbers(400, 20)
    chosen = np.random.default_rng(0).choice(np.flatnonzero(~y), size=80, replace=False)
    ignored = np.setdiff1d(np.flatnonzero(~y), chosen)
    # rows that it does not look at may be anything, but for the scale of the columns
    without[0][ignored] = without[0][ignored][np.random.default_rng(1).permutation(ignored.size)]

    one = synthesize("svm_smote", neighbourhood(X, y), 1.0, 0, None).added
    other = synthesize("svm_smote", neighbourhood(*without), 1.0, 0, None).added

    assert len(one) > 200
    assert_allclose(one, other)


# Cleaning


@pytest.fixture
def standardised():
    X, y = numbers(400, 60)
    return X, y, StandardScaler().fit_transform(X)


@pytest.mark.parametrize(
    ("kind", "sampler"),
    [
        ("tomek_links", TomekLinks(sampling_strategy=[0])),
        ("edited_nearest_neighbours", EditedNearestNeighbours(sampling_strategy=[0])),
    ],
)
def test_cleaning_is_imbalanced_learns_on_standardised_numbers(kind, sampler, standardised):
    X, y, standard = standardised
    sampler.fit_resample(standard, y.astype(int))
    kept = np.sort(sampler.sample_indices_)

    found = clean(kind, neighbourhood(X, y), None)

    assert 60 < kept.size < 400
    assert_array_equal(found.rows, kept)
    assert y[found.rows].sum() == 60  # positives all stay
    assert found.odds_multiplier == pytest.approx((60 / (kept.size - 60)) / (60 / 340))


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0, 2.0])
def test_near_miss_is_imbalanced_learns_on_standardised_numbers(ratio, standardised):
    X, y, standard = standardised
    sampler = NearMiss(sampling_strategy={0: round(60 / ratio)}, n_neighbors=3)
    sampler.fit_resample(standard, y.astype(int))

    found = near_miss(neighbourhood(X, y), ratio, None)

    assert_array_equal(found.rows, np.sort(sampler.sample_indices_))
    assert found.sampling_ratio == pytest.approx(60 / round(60 / ratio))


def test_near_miss_keeps_all_where_the_ratio_is_there_already(standardised):
    X, y, _ = standardised

    found = near_miss(neighbourhood(X, y), 0.01, None)

    assert found.rows is None
    assert found.odds_multiplier == pytest.approx(1)


@pytest.mark.parametrize(
    ("kind", "cleaner"),
    [
        ("smote_tomek", TomekLinks(sampling_strategy="all")),
        ("smote_enn", EditedNearestNeighbours(sampling_strategy="all")),
    ],
)
def test_smote_with_cleaning_is_both_one_after_the_other(kind, cleaner, standardised):
    X, y, _ = standardised
    added = synthesize("smote", neighbourhood(X, y), 1.0, 0, None).added
    both = np.concatenate((X, added))
    labels = np.append(y, np.ones(len(added), dtype=bool))
    cleaner.fit_resample(StandardScaler().fit_transform(both), labels.astype(int))
    kept = np.sort(cleaner.sample_indices_)

    found = synthesize_and_clean(kind, neighbourhood(X, y), 1.0, 0, None)

    real = np.arange(400) if found.rows is None else found.rows
    assert_array_equal(real, kept[kept < 400])
    assert_allclose(found.added, both[kept[kept >= 400]])
    assert kept.size < 400 + len(added)


def test_two_rows_of_another_category_are_as_far_apart_as_two_spreads():
    """sqrt(2) for one category more or less on each side of a one-hot pair, times sqrt(2)."""
    X = pd.DataFrame({"number": [0.0, 2.0, 0.0, 2.0], "kind": pd.Categorical(list("aabb"))})
    rows = neighbourhood(X, [0, 0, 1, 1])

    design = rows.encoder.spread(rows.standard)

    assert_allclose(cdist(design[:1], design)[0], [0, 2, 2, np.sqrt(8)])


@pytest.mark.parametrize("kind", ["tomek_links", "edited_nearest_neighbours"])
def test_too_many_rows_to_compare_are_refused_before_it_is_tried(kind):
    X = np.arange(100_001.0)[:, None] % 2
    y = np.arange(100_001) < 10

    with pytest.raises(
        DataError,
        match=f"{kind} compares every training row with every other, .* above 100,000 rows, got "
        "100,001: use 'random_under'",
    ):
        clean(kind, neighbourhood(X, y), None)


def test_a_cleaner_that_leaves_no_negative_says_so():
    X = np.array([[0.0], [1.0], [0.1], [0.9], [0.05], [0.95]])
    y = np.array([0, 0, 1, 1, 1, 1])

    with pytest.raises(DataError, match="edited_nearest_neighbours left no negative row"):
        clean("edited_nearest_neighbours", neighbourhood(X, y), None)


# Population weights


@pytest.mark.parametrize("kind", ["smote", "smote_enn", "tomek_links", "near_miss"])
def test_each_row_keeps_what_it_stands_for_and_a_synthetic_one_is_an_average_positive(kind):
    X, y = numbers()
    population = np.random.default_rng(0).uniform(0.5, 3, 200)
    rows = neighbourhood(X, y)

    if kind == "tomek_links":
        found = clean(kind, rows, population)
    elif kind == "near_miss":
        found = near_miss(rows, 1.0, population)
    else:
        make = synthesize if kind == "smote" else synthesize_and_clean
        found = make(kind, rows, 1.0, 0, population)

    kept = np.arange(200) if found.rows is None else found.rows
    n_added = 0 if found.added is None else len(found.added)
    expected = np.append(population[kept], np.full(n_added, population[y].mean()))
    assert_allclose(found.sample_weight, expected / expected.mean())
    assert found.sample_weight.mean() == pytest.approx(1)
