"""Every example runs in an empty folder, without a warning that is not its point."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
EVERY_EXAMPLE = pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
# Fewer trials, and fewer of the rows that an example makes up: every line still runs.
FEWER = {r"n_trials=\d+": "n_trials=4", r"\b([14])0_000\b": r"\g<1>_000"}


@pytest.fixture
def loud():
    """An example may silence Optuna, which is nothing to the tests after it."""
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.usefixtures("loud")
@pytest.mark.filterwarnings("ignore::costopt.CostOptWarning")
@EVERY_EXAMPLE
def test_an_example_runs(script, tmp_path, monkeypatch, capsys):
    code = script.read_text(encoding="utf-8")
    for figure, less in FEWER.items():
        code = re.sub(figure, less, code)
    copy = tmp_path / script.name
    copy.write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    runpy.run_path(str(copy), run_name="__main__")

    assert len(capsys.readouterr().out.splitlines()) >= 5


@pytest.mark.slow
@EVERY_EXAMPLE
def test_an_example_runs_as_printed(script, tmp_path):
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) >= 5


def test_what_takes_long_in_the_examples_is_made_smaller():
    """So that a figure that is written in another way does not make the tests slow unnoticed."""
    found = {
        script.stem: [figure for figure in FEWER if re.search(figure, script.read_text("utf-8"))]
        for script in EXAMPLES
    }

    trials, rows = FEWER
    assert found == {
        "anomaly": [rows],
        "card_fraud": [trials, rows],
        "compare_strategies": [rows],
        "gary": [],
        "german_credit": [trials],
        "own_study": [trials],
        "threshold_only": [],
    }
