"""Names and labels from a file appear as text, in every command and format."""

import numpy as np
import pandas as pd
import pytest

COLUMN = "<script>alert(1)</script>\x1b[2J\nsecond"
POSITIVE, NEGATIVE = "=cmd()\x1b[31m\nred", "no\r"
TARGET = "target\x07"
QUICK = ["--fn", 5, "--fp", 1, "--learner", "logistic", "--folds", 2]
QUICK += ["--strategies", "logistic regression"]


@pytest.fixture(scope="module")
def folder(shell, tmp_path_factory):
    """Rows whose every name is hostile, and a policy made of them."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    signal = rng.normal(size=120)
    act = rng.normal(size=120) < signal
    kinds = np.where(rng.random(120) < 0.5, "\x1b]0;title\x07", "=1+1")
    table = pd.DataFrame({COLUMN: signal, "kind": kinds, TARGET: np.where(act, POSITIVE, NEGATIVE)})
    table.to_parquet(folder / "data.parquet")
    words = ["optimize", folder / "data.parquet", "--target", TARGET, "--positive", POSITIVE]
    words += ["--fn", 5, "--fp", 1, "--unit", "\x1b[1mEUR"]
    words += ["--learner", "logistic", "--trials", 1, "--folds", 2, "--out", folder / "policy"]
    (folder / "printed.txt").write_text(shell.succeeded(*words).stdout, encoding="utf-8")
    return folder


def is_safe(text):
    return all(character.isprintable() or character == "\n" for character in text)


def test_a_search_ends_with_lines_that_are_safe(folder):
    text = (folder / "printed.txt").read_text(encoding="utf-8")

    *_, what, _, _ = text.splitlines()
    assert is_safe(text)
    assert what.startswith("What to do: Act when the calibrated probability of '=cmd()\\x1b[31m")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("command", ["show", "evaluate", "decide", "init", "report", "compare"])
def test_a_command_prints_them_as_text(shell, folder, tmp_path, command, as_json):
    data, policy = folder / "data.parquet", folder / "policy"
    words = {
        "show": [policy],
        "evaluate": [policy, data, "--target", TARGET],
        "decide": [policy, data],
        "init": [data, "--target", TARGET, "--out", tmp_path / "costs.toml"],
        "report": [policy, "--out", tmp_path / "report.html"],
        "compare": [data, "--target", TARGET, "--positive", POSITIVE, *QUICK],
    }[command]

    result = shell.succeeded(command, *words, *(["--json"] if as_json else []))

    assert is_safe(result.stdout)
    assert is_safe(result.stderr)
    for file in tmp_path.iterdir():
        text = file.read_text(encoding="utf-8")
        assert is_safe(text.replace("\t", " "))
        assert "<script>alert" not in text or command == "init"


def test_an_error_names_them_as_text(shell, folder):
    line = shell.refused("evaluate", folder / "policy", folder / "data.parquet", "--target", "kind")

    assert is_safe(line)
    assert "=cmd()" in line
