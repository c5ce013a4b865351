"""The command line as an object, and small data for it."""

import inspect
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from costopt.cli import main


class Shell:
    """Runs commands in this process; words may be paths and numbers."""

    def run(self, *words, env=None):
        separate = "mix_stderr" in inspect.signature(CliRunner).parameters  # click < 8.2
        runner = CliRunner(**({"mix_stderr": False} if separate else {}))
        return runner.invoke(main, [str(word) for word in words], env=env)

    def succeeded(self, *words, env=None):
        result = self.run(*words, env=env)
        assert result.exit_code == 0, result.stderr
        return result

    def refused(self, *words, env=None):
        """The one line that a mistake is answered with."""
        result = self.run(*words, env=env)
        assert result.exit_code == 2, (result.exit_code, result.stdout, result.stderr)
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr

    def printed(self, *words, env=None):
        """What is printed with --json, if that is strict JSON."""

        def refuse(constant):
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(self.succeeded(*words, "--json", env=env).stdout, parse_constant=refuse)


@pytest.fixture(scope="session")
def shell():
    return Shell()


@pytest.fixture(scope="session")
def scores():
    """300 cases, with scores that are worth something but not calibrated; about a third positive."""
    rng = np.random.default_rng(0)
    chance = rng.random(300).round(2)
    return pd.DataFrame(
        {
            "y": (rng.random(300) < chance**2).astype(int),
            "p": chance,
            "amount": rng.integers(1, 9, 300) * 10.0,
            "branch": rng.integers(0, 60, 300),
        }
    )


@pytest.fixture
def scored(scores, tmp_path):
    """Those scores as a file."""
    scores.to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path / "scores.csv"
