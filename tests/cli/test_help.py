"""Examples that run as they are printed, and what a shell needs to complete words."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig

import pytest
from click.testing import CliRunner

from costopt.cli import main
from costopt.datasets import load_german_credit, make_transactions

# The examples are for real data; here they are to be quick.
QUICK = {
    "COSTOPT_OPTIMIZE_TRIALS": "2",
    "COSTOPT_OPTIMIZE_LEARNER": "logistic",
    "COSTOPT_COMPARE_LEARNER": "logistic",
    "COSTOPT_COMPARE_STRATEGIES": "logistic regression; threshold 0.5",
}


def examples(shell, *command):
    """The commands below "Example:" in a help text, lines that go on put together."""
    _, found = shell.succeeded(*command, "--help").stdout.split("Example:\n")
    return re.sub(r"\\\n\s*", "", found).strip().splitlines()


@pytest.fixture
def folder(tmp_path, monkeypatch, scores):
    """A folder with the files that examples name."""
    X, y = make_transactions(400, fraud_rate=0.2, seed=1)
    frame = X.assign(is_fraud=y)
    frame.to_csv(tmp_path / "transactions.csv", index=False)
    frame.head(50).to_csv(tmp_path / "last-month.csv", index=False)
    X.head(50).to_csv(tmp_path / "today.csv", index=False)
    X, y = load_german_credit()
    X.assign(defaulted=y).head(200).to_csv(tmp_path / "loans.csv", index=False)
    X.head(20).to_csv(tmp_path / "new.csv", index=False)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_as_printed(shell, line, folder):
    words = shlex.split(line)
    if words[0] == "costopt" and ">" not in line:
        return shell.run(*words[1:], env=QUICK)
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, **QUICK, "HOME": str(folder), "PATH": _path()},
        capture_output=True,
        text=True,
        check=False,
    )
    done.exit_code = done.returncode
    return done


def _path():
    return f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"


def has_script():
    return os.path.exists(os.path.join(sysconfig.get_path("scripts"), "costopt"))


def test_the_examples_of_the_program_run_as_they_are_printed(shell, folder):
    for line in examples(shell):
        done = run_as_printed(shell, line, folder)
        assert done.exit_code == 0, (line, done.stderr)
    assert (folder / "decisions.csv").read_text().count("\n") == 21


def test_the_examples_of_commands_run_as_they_are_printed_one_after_another(shell, folder):
    for command in main.commands:
        for line in examples(shell, command) if command != "completion" else ():
            done = run_as_printed(shell, line, folder)
            assert done.exit_code == 0, (line, done.stderr)
    assert (folder / "costs.toml").read_text().startswith("# For transactions.csv")
    assert (folder / "decisions.csv").read_text().count("\n") == 51
    assert (folder / "card-fraud.html").exists()


@pytest.mark.skipif(
    os.name == "nt" or not has_script(), reason="needs bash, and costopt as a script"
)
def test_the_examples_of_completion_run_as_they_are_printed(shell, tmp_path):
    for line in examples(shell, "completion"):
        done = run_as_printed(shell, line, tmp_path)
        assert done.exit_code == 0, (line, done.stderr)
    assert "_COSTOPT_COMPLETE=bash_complete" in (tmp_path / ".bashrc").read_text()
    assert "_COSTOPT_COMPLETE=zsh_complete" in (tmp_path / ".zshrc").read_text()
    fish = tmp_path / ".config" / "fish" / "completions" / "costopt.fish"
    assert "_COSTOPT_COMPLETE=fish_complete" in fish.read_text()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("costopt opt", ["optimize"]),
        ("costopt optimize data.csv --thr", ["--threshold"]),
        ("costopt optimize data.csv --threshold b", ["bayes"]),
        ("costopt completion ", ["bash", "zsh", "fish"]),
        ("costopt optimize --resampling smote_", ["smote_tomek", "smote_enn"]),
        ("costopt compare --learner xg", ["xgboost", "xgboost_focal", "xgboost_expected_cost"]),
    ],
)
def test_words_are_completed(words, completed):
    done = CliRunner().invoke(main, [], prog_name="costopt", env=typed(words))

    assert done.exit_code == 0
    assert [line.split(",")[1] for line in done.stdout.splitlines()] == completed


def test_words_are_completed_by_the_program_as_a_shell_calls_it():
    done = subprocess.run(
        [sys.executable, "-m", "costopt"],
        env=os.environ | typed("costopt opt"),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "plain,optimize\n"


def typed(words):
    """What bash tells of a line that is typed so far."""
    return {
        "_COSTOPT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }


def test_a_shell_that_is_not_known(shell):
    assert "Invalid value for" in shell.refused("completion", "csh")


def test_a_command_misspelt_is_answered_with_the_nearest(shell):
    assert "No such command 'treshold': did you mean 'threshold'?" in shell.refused("treshold")


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_the_program_alone_shows_its_help(shell, words):
    result = shell.succeeded(*words)

    assert result.stdout.startswith("Usage: costopt [OPTIONS] COMMAND")
    assert "  optimize " in result.stdout
    assert result.stderr == ""


def test_a_command_has_short_help_too(shell):
    assert shell.succeeded("show", "-h").stdout == shell.succeeded("show", "--help").stdout
