"""Without an optional extra, what needs it says which one to install; the rest works.

A fresh interpreter that cannot find the package stands for a machine where it is not installed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import costopt

ROOT = Path(costopt.__file__).parents[1]
WITHOUT = """
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {missing}:
            return self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
try:
    {code}
except Exception as error:
    print(type(error).__name__, error)
else:
    print("works")
"""


def told(code, *missing):
    """What a program says where some packages are not there."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(code=code, missing=set(missing))],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout


def test_displays_name_the_extra_with_matplotlib():
    code = (
        "from costopt.plotting import CostCurveDisplay; from costopt import CostMatrix; "
        "CostCurveDisplay.from_predictions([0, 1], [0.2, 0.8], CostMatrix(fp=1, fn=2)).plot()"
    )

    assert told(code, "matplotlib").startswith(
        "ImportError displays need matplotlib: pip install 'costopt-ml[plot]'"
    )


@pytest.mark.parametrize("name", ["lightgbm", "catboost"])
def test_learners_name_the_extra_with_their_package(name):
    code = f"from costopt.learners.registry import learner; learner({name!r})"

    found = told(code, name)

    assert found.startswith(f"SearchError the learner {name!r} needs the package {name}")
    assert "pip install 'costopt-ml[integrations]'" in found


def test_a_database_server_names_the_extra_with_its_driver():
    code = (
        "from costopt.engine.store import Store; "
        "Store('postgresql+psycopg://nobody@127.0.0.1:1/x', 'study', {})"
    )

    found = told(code, "psycopg", "psycopg2")

    assert found.startswith("StoreError")
    assert "pip install 'costopt-ml[postgresql]'" in found


def test_a_search_needs_no_extra():
    code = (
        "from costopt import CostMatrix, optimize; "
        "from costopt.datasets import load_german_credit; "
        "X, y = load_german_credit(); "
        "optimize(X, y, CostMatrix(fn=5, fp=1), learners='logistic', n_trials=2).summary()"
    )
    extras = ("matplotlib", "lightgbm", "catboost", "psycopg", "playwright", "polars")

    assert told(code, *extras) == "works\n"
