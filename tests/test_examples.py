"""Every example runs as printed, in an empty folder, without a warning that is not its point."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(script, tmp_path):
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) >= 5


def test_there_are_examples():
    assert {path.stem for path in EXAMPLES} >= {
        "anomaly",
        "card_fraud",
        "compare_strategies",
        "gary",
        "german_credit",
        "own_study",
        "threshold_only",
    }
