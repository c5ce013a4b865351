"""Small data that several test modules share."""

import numpy as np
import pandas as pd
import pytest


def mixed_rows(n=300, seed=0):
    """Numbers with gaps, a category, an amount of money; about a fifth positive."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "signal": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
        }
    )
    X.loc[rng.random(n) < 0.1, "noise"] = np.nan
    logit = 1.5 * X["signal"] + (X["kind"] == "b") - 2
    y = pd.Series((rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int), name="bad")
    return X, y


@pytest.fixture
def rows():
    """300 mixed rows and their labels."""
    return mixed_rows()


@pytest.fixture(scope="session")
def make_rows():
    """The function that makes mixed rows: ``make_rows(n, seed)``."""
    return mixed_rows
