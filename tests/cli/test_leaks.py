"""Commands tell of leaks before they learn, in their own words."""

import numpy as np
import pandas as pd
import pytest

COSTS = ("--target", "default", "--fn", 20, "--fp", 1)
COLUMNS = "--ignore status --ignore 'written off'"


@pytest.fixture
def loans(tmp_path):
    """A file of loans, with what became of them in two columns."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random(500) < 0.2, 1, 0)
    table = pd.DataFrame({"term": rng.integers(6, 60, 500), "debt": rng.normal(size=500) + y})
    table["status"] = np.where(y == 1, "charged off", "paid in full")
    table["written off"] = y * rng.lognormal(8, 1, 500)
    table.assign(default=y).to_csv(tmp_path / "loans.csv", index=False)
    return tmp_path / "loans.csv"


def test_optimize_and_init_and_compare_tell_once(shell, loans):
    quick = ("--learner", "logistic", "--trials", 1, "--out", loans.parent / "policy")
    searched = shell.succeeded("optimize", loans, *COSTS, *quick)
    begun = shell.succeeded("init", loans, "--target", "default", "--out", loans.parent / "c.toml")
    ranked = shell.succeeded("compare", loans, *COSTS, "--strategies", "logistic regression")

    for told in (searched.stderr, begun.stderr, ranked.stderr):
        assert told.count("[possible-leaks]") == 1
        assert f"Leave out with {COLUMNS}" in told
        assert "ignore=" not in told
    assert "warning [leaking-column] 'status' is other than 'paid in full'" in ranked.stdout


def test_what_is_ignored_is_not_told_of(shell, loans):
    ignored = ("--ignore", "status", "--ignore", "written off")

    ranked = shell.succeeded("compare", loans, *COSTS, *ignored, "--strategies", "xgboost")

    assert "leak" not in ranked.stderr + ranked.stdout
