"""The command line, as a user meets it: what it writes where, and how it ends."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from click.testing import CliRunner

from costopt import (
    CaseCosts,
    CostMatrix,
    CostOptWarning,
    DecisionPolicy,
    choose_threshold,
    mean_cost,
    optimize,
)
from costopt.cli import main
from costopt.datasets import load_german_credit, make_transactions
from costopt.decision.rules import ThresholdRule
from costopt.inputs.files import read_table
from costopt.learners.names import BUILT_IN
from costopt.policy import files
from costopt.rebalancing.methods import METHODS
from costopt.rebalancing.names import BY_DEFAULT

on_unix = pytest.mark.skipif(os.name == "nt", reason="needs limits, pipes, terminals of Unix")

QUICK = ["--learner", "logistic", "--trials", "2"]
COSTS = ["--fn", "5", "--fp", "1"]


def run(*words):
    separate = "mix_stderr" in inspect.signature(CliRunner).parameters  # click < 8.2
    runner = CliRunner(**({"mix_stderr": False} if separate else {}))
    return runner.invoke(main, [str(word) for word in words])


def succeeded(*words):
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return result


def refused(*words):
    """The one line that a mistake is answered with."""
    result = run(*words)
    assert result.exit_code == 2, (result.exit_code, result.stdout, result.stderr)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def strict_json(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def python(*words, **options):
    """A process of its own, without what this machine sets for Python's output."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        "PYTHONPATH": str(Path(inspect.getfile(optimize)).parents[2]),
        **options.pop("env", {}),
    }
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        env=environment,
    )


@pytest.fixture(scope="module")
def credit(tmp_path_factory):
    """A folder with the same 250 credit applicants as CSV and as Parquet; ``bad`` is 0 or 1."""
    folder = tmp_path_factory.mktemp("credit")
    X, y = load_german_credit()
    frame = X.assign(bad=y).iloc[:250]
    frame.to_csv(folder / "data.csv", index=False)
    frame.to_parquet(folder / "data.parquet")
    return folder


@pytest.fixture(scope="module")
def loans(credit):
    """A policy with constant costs, made from ``credit``."""
    folder = credit / "loans"
    succeeded("optimize", credit / "data.csv", "--target", "bad", *COSTS, *QUICK, "--out", folder)
    return folder


@pytest.fixture(scope="module")
def fraud(tmp_path_factory):
    """A folder with 300 transactions, and a policy whose costs are the amounts."""
    folder = tmp_path_factory.mktemp("fraud")
    X, y = make_transactions(300, fraud_rate=0.2, seed=1)
    X.assign(fraud=y).to_csv(folder / "data.csv", index=False)
    words = ["--ignore", "customer", "--time", "time", "--unit", "EUR", *QUICK]
    costs = ["--fn", "amount + 10", "--fp", "10", "--tp", "10"]
    words += [*costs, "--out", folder / "policy", "--json"]
    result = succeeded("optimize", folder / "data.csv", "--target", "fraud", *words)
    (folder / "printed.json").write_text(result.stdout)
    return folder


def rows_of(text):
    return [line.split(",") for line in text.splitlines()]


# The whole way


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_policy_is_made_shown_used_and_judged(credit, tmp_path, kind):
    data, folder = credit / f"data.{kind}", tmp_path / "policy"

    made = succeeded("optimize", data, "--target", "bad", *COSTS, *QUICK, "--out", folder)
    shown = succeeded("show", folder)
    decided = succeeded("decide", folder, data)
    judged = succeeded("evaluate", folder, data, "--target", "bad")

    policy, table = DecisionPolicy.load(folder), read_table(data)
    assert f"Saved to {folder}" in made.stdout
    assert "2 trials on 250 cases" in made.stdout
    assert shown.stdout == policy.explain() + "\n"
    header, *rows = rows_of(decided.stdout)
    assert header == ["row", "probability", "action", "expected_gain"]
    assert [int(row[0]) for row in rows] == list(range(250))
    assert [row[2] == "act" for row in rows] == policy.decide(table).tolist()
    cost = policy.evaluate(table, table["bad"])
    assert f"{cost.value:.4g}   {cost.interval_text()}\n" in judged.stdout
    for result in (made, shown, decided, judged):
        assert result.stderr == ""


def test_a_search_ends_with_three_lines_for_whoever_decides(credit, tmp_path):
    words = ["optimize", credit / "data.csv", "--target", "bad", *COSTS, *QUICK]
    found = strict_json(succeeded(*words, "--out", tmp_path / "a", "--json").stdout)

    *_, what, saves, sure = succeeded(*words, "--out", tmp_path / "a b").stdout.splitlines()

    policy = DecisionPolicy.load(tmp_path / "a b")
    assert what == f"What to do: {policy.explain().splitlines()[0]}"
    assert what.startswith(
        f"What to do: Act when the calibrated probability of 1 is {100 * found['threshold']:.3g} % or"
    )
    rival = min(("never act", "always act"), key=lambda name: found["baselines"][name]["value"])
    saved = found["baselines"][rival]["value"] - found["expected_cost"]["value"]
    value, low, high = [100 * found["savings"][part] for part in ("value", "low", "high")]
    assert saves == (
        f"What it saves: {1000 * saved:,.4g} cost units per 1,000 cases: it is {value:.3g} % cheaper "
        f"than the best rule without a model ({rival}); 95% interval: {low:.3g} to {high:.3g} %."
    )
    assert sure.startswith("How sure: ")
    assert sure.endswith(f"Next: costopt evaluate '{tmp_path / 'a b'}' NEWER.csv --target bad")


def test_a_model_that_is_not_saved_is_not_said_to_be_there(credit, tmp_path):
    words = ["--target", "bad", *COSTS, "--learner", "random_forest", "--trials", 1, "--folds", 2]

    result = succeeded("optimize", credit / "data.csv", *words, "--out", tmp_path / "policy")

    before, after = (
        result.stderr.index(f"warning: [{code}]")
        for code in ("model-will-not-be-saved", "model-not-saved")
    )
    assert before < after
    assert result.stdout.endswith(
        "Next: models of random_forest are not saved, so use it from Python, with optimize().\n"
    )


def test_csv_and_parquet_make_the_same_policy(credit, loans, tmp_path):
    words = ["--target", "bad", *COSTS, *QUICK, "--out", tmp_path / "policy"]
    succeeded("optimize", credit / "data.parquet", *words)

    table = read_table(credit / "data.csv")
    ours, theirs = DecisionPolicy.load(tmp_path / "policy"), DecisionPolicy.load(loans)
    np.testing.assert_array_equal(ours.probability(table), theirs.probability(table))


def test_options_mean_what_the_arguments_of_python_mean(credit, tmp_path):
    table = read_table(credit / "data.csv")
    table["weight"] = np.arange(250) % 3 + 1.0
    table["branch"] = np.arange(250) % 40
    table.to_csv(tmp_path / "data.csv", index=False)
    y = table.pop("bad")
    with pytest.warns(CostOptWarning, match="positive-majority"):
        expected = optimize(
            table,
            y,
            CostMatrix(fn="0.6 * credit_amount", fp=300, tp=50, tn=-10, unit="DM"),
            n_trials=4,
            learners=["logistic", "xgboost"],
            cv=3,
            groups="branch",
            ignore=["purpose", "job"],
            sample_weight="weight",
            prevalence=0.1,
            pos_label=0,
            random_state=7,
            timeout=600,
        )

    result = succeeded(
        *["optimize", tmp_path / "data.csv", "--target", "bad", "--positive", "0"],
        *["--fn", "0.6 * credit_amount", "--fp", 300, "--tp", 50, "--tn", "-10", "--unit", "DM"],
        *["--trials", 4, "--learner", "logistic", "--learner", "xgboost", "--folds", 3],
        *["--groups", "branch", "--ignore", "purpose", "--ignore", "job", "--weight", "weight"],
        *["--prevalence", 0.1, "--seed", 7, "--timeout", 600, "--out", tmp_path / "policy"],
        "--json",
    )

    printed = strict_json(result.stdout)
    assert printed["expected_cost"] == expected.expected_cost.to_dict()
    assert printed["best_params"] == dict(expected.best_params)
    assert printed["unit"] == "DM"
    assert "warning: [positive-majority]" in result.stderr


def test_json_of_a_search_holds_what_a_script_needs(fraud):
    printed = strict_json((fraud / "printed.json").read_text())

    assert printed["threshold"] is None
    assert printed["raw_threshold"] is None
    cost, saved = printed["expected_cost"], printed["savings"]
    # a dozen frauds of very different amounts support no interval, and that is said
    assert cost["low"] is None
    assert cost["high"] is None
    assert cost["note"].startswith("a few large amounts make up the cost")
    assert cost["level"] == 0.95
    assert 0 < cost["n_positives"] < printed["n_positives"]
    assert cost["n"] == 250, "with folds in order of time, the first sixth is only trained on"
    assert saved["note"] == cost["note"]
    assert {"never act", "always act"} <= printed["baselines"].keys()
    assert printed["apparent_cost"] > 0
    assert printed["best_params"].keys() >= {"C"}
    assert printed["n_trials"] == 2
    assert printed["unit"] == "EUR"
    assert printed["out"] == str(fraud / "policy")


def test_constant_costs_give_a_threshold_in_json(credit, tmp_path):
    words = ["--target", "bad", *COSTS, *QUICK, "--out", tmp_path / "policy", "--json"]
    printed = strict_json(succeeded("optimize", credit / "data.csv", *words).stdout)

    policy = DecisionPolicy.load(tmp_path / "policy")
    assert printed["threshold"] == policy.threshold
    assert printed["raw_threshold"] == policy.raw_threshold


# Labels, costs, configuration


@pytest.mark.parametrize(
    ("names", "positive", "label"),
    [
        (("no", "yes"), "yes", "yes"),
        (("yes", "no"), "no", "no"),
        ((1, 2), "2", 2),
        ((2.5, 1.5), "1.5", 1.5),
        ((False, True), "true", True),
        ((0, 1), "1", 1),
        ((0, 1), "1.0", 1),
        ((0, 1), None, 1),
        ((False, True), None, True),
    ],
)
def test_the_positive_label_is_found_by_its_text(credit, tmp_path, names, positive, label):
    table = read_table(credit / "data.csv").head(100)
    table["bad"] = [names[bad] for bad in table["bad"]]
    table.to_csv(tmp_path / "data.csv", index=False)
    named = [] if positive is None else ["--positive", positive]

    words = ["--target", "bad", *named, *COSTS, *QUICK, "--trials", 1, "--folds", 2]
    words += ["--out", tmp_path / "policy"]
    succeeded("optimize", tmp_path / "data.csv", *words)

    found = DecisionPolicy.load(tmp_path / "policy").labels[1]
    assert found == label
    assert type(found) is type(label)


@pytest.fixture
def tiny(tmp_path):
    """A few rows, enough to be refused."""
    rows = {"x": np.arange(20) % 7, "amount": np.arange(20) + 1.0, "y": [0, 1] * 10}
    words = pd.DataFrame({**rows, "word": ["no", "yes"] * 10, "day": ["31/12/2024"] * 20})
    words.to_csv(tmp_path / "tiny.csv", index=False)
    return tmp_path / "tiny.csv"


def config(folder, text):
    path = folder / "costs.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_options_win_over_the_configuration_cell_by_cell(tiny, tmp_path):
    file = config(tmp_path, '[costs]\nfn = "2 * amount"\nfp = 3\ntp = 1\nunit = "EUR"\n')
    X = read_table(tiny)[["x", "amount", "y"]]
    X.to_csv(tiny, index=False)

    words = ["--target", "y", "--config", file, "--fp", "4", "--tn", "-1", *QUICK]
    succeeded("optimize", tiny, *words, "--folds", 2, "--out", tmp_path / "policy")

    declared = DecisionPolicy.load(tmp_path / "policy").costs
    assert declared == CostMatrix(fn="2 * amount", fp=4, tp=1, tn=-1, unit="EUR")


def test_a_number_is_a_number_and_anything_else_a_formula(fraud):
    declared = DecisionPolicy.load(fraud / "policy").costs

    assert declared == CostMatrix(fn="amount + 10", fp=10.0, tp=10.0, unit="EUR")


def test_costs_known_only_afterwards_are_not_needed_to_decide(credit, tmp_path):
    table = read_table(credit / "data.csv")
    rng = np.random.default_rng(0)
    table["loss"] = np.where(table["bad"] == 1, rng.integers(100, 900, 250), 0)
    table.to_csv(tmp_path / "all.csv", index=False)
    table.drop(columns=["loss", "bad"]).to_csv(tmp_path / "new.csv", index=False)
    costs = ["--fn", "loss", "--fp", "50", "--hindsight", "loss"]

    words = ["--target", "bad", *costs, *QUICK, "--out", tmp_path / "policy"]
    succeeded("optimize", tmp_path / "all.csv", *words)

    _, *rows = rows_of(succeeded("decide", tmp_path / "policy", tmp_path / "new.csv").stdout)
    assert {row[2] for row in rows} == {"act", "leave"}
    missing = refused("evaluate", tmp_path / "policy", credit / "data.csv", "--target", "bad")
    assert "costs.fn reads the column 'loss', which the data do not have" in missing


BAD_CONFIG = {
    "a misspelt cell": ("[costs]\nfnn = 5\nfp = 1\n", "costs.fnn is not known: did you mean 'fn'?"),
    "a misspelt table": ("[cost]\nfn = 5\n", "cost is not known: did you mean 'costs'?"),
    "a cell outside the table": ("fn = 5\n", "fn is not known: it belongs under [costs] as fn"),
    "a truth": ("[costs]\nfn = true\nfp = 1\n", "costs.fn must be a number or a formula"),
    "not a number": ("[costs]\nfn = nan\nfp = 1\n", "costs.fn must be finite, got nan"),
    "a date": ("[costs]\nfn = 2024-01-01\nfp = 1\n", "costs.fn must be a number or a formula"),
    "a table for a cell": ("[costs]\nfn = {a = 1}\nfp = 1\n", "costs.fn must be a number or"),
    "a list for a cell": ("[costs]\nfn = [1, 2]\nfp = 1\n", "costs.fn must be one number or"),
    "a broken formula": ('[costs]\nfn = "2 *"\nfp = 1\n', "costs.fn: "),
    "a number for the unit": ("[costs]\nfn = 5\nfp = 1\nunit = 3\n", "costs.unit must be a word"),
    "hindsight of no list": ("[costs]\nfn = 5\nfp = 1\nhindsight = 5\n", "costs.hindsight must be"),
    "hindsight unread": (
        '[costs]\nfn = "amount"\nfp = 1\nhindsight = ["amont"]\n',
        "costs.hindsight names 'amont', which no cell reads: did you mean 'amount'?",
    ),
    "no table": ("costs = 5\n", "costs must be a table, [costs], got 5"),
    "a cell twice": ("[costs]\nfn = 5\nfn = 6\n", "is not valid TOML: "),
    "too deep": ("a = " + "[" * 100_000, "is not valid TOML: "),
    "nothing": ("", "--fn and --fp must be given: say what a missed positive costs"),
    "half of it": ("[costs]\nfn = 5\n", "--fp must be given: say what a false alarm costs"),
}


@pytest.mark.parametrize(("text", "complaint"), BAD_CONFIG.values(), ids=BAD_CONFIG)
def test_what_is_wrong_with_a_configuration_is_named(tiny, tmp_path, text, complaint):
    file = config(tmp_path, text)

    line = refused("optimize", tiny, "--target", "y", "--config", file, "--out", tmp_path / "p")

    assert complaint in line


def test_a_configuration_that_is_not_there(tiny, tmp_path):
    words = ["--target", "y", "--config", tmp_path / "no.toml", "--out", tmp_path / "p"]

    assert "cannot read the configuration" in refused("optimize", tiny, *words)


# Mistakes: {tiny}, {out}, {folder} stand for a data file, a free folder, and the folder of both

MISTAKES = {
    "a command misspelt": ("optimise", "No such command 'optimise'"),
    "an option misspelt": ("optimize {tiny} --targt y", "No such option.*--targt"),
    "no target": ("optimize {tiny} --fn 5 --fp 1 --out {out}", "Missing option '--target'"),
    "no data": ("optimize --target y --fn 5 --fp 1 --out {out}", "Missing argument 'DATA'"),
    "no folder": ("optimize {tiny} --target y --fn 5 --fp 1", "Missing option '--out'"),
    "no costs": ("optimize {tiny} --target y --out {out}", "--fn and --fp must be given"),
    "no miss": ("optimize {tiny} --target y --fp 1 --out {out}", "--fn must be given: say what a"),
    "costs that are no number": (
        "optimize {tiny} --target y --fn nan --fp 1 --out {out}",
        "costs.fn must be finite, got nan",
    ),
    "costs swapped": (
        "optimize {tiny} --target y --fn 1 --fp 1 --tp 5 --tn 5 --out {out}",
        "are fp and tn, fn and tp swapped?",
    ),
    "a broken formula": ("optimize {tiny} --target y --fn 2* --fp 1 --out {out}", "costs.fn: "),
    "a formula over no column": (
        "optimize {tiny} --target y --fn amont --fp 1 --ignore day --out {out}",
        "costs.fn reads the column 'amont', which the data do not have: did you mean 'amount'?",
    ),
    "a formula over texts": (
        "optimize {tiny} --target y --fn word --fp 1 --ignore day --out {out}",
        "costs.fn reads the column 'word', which must hold numbers",
    ),
    "an empty unit": (
        "optimize {tiny} --target y --fn 5 --fp 1 --unit  --out {out}",
        "costs.unit must be a word",
    ),
    "data that are not there": (
        "optimize no.csv --target y --fn 5 --fp 1 --out {out}",
        "no.csv does not exist: check the path of the data",
    ),
    "a folder as data": (
        "optimize {folder} --target y --fn 5 --fp 1 --out {out}",
        "is a folder: pass one CSV or Parquet file",
    ),
    "a target that is not there": (
        "optimize {tiny} --target yy --fn 5 --fp 1 --out {out}",
        "--target names the column 'yy', which the data do not have: did you mean 'y'?",
    ),
    "a target of many values": (
        "optimize {tiny} --target x --fn 5 --fp 1 --out {out}",
        "the target must have two classes, got 7",
    ),
    "labels without --positive": (
        "optimize {tiny} --target word --fn 5 --fp 1 --out {out}",
        "the positive class must be named .* pass --positive 'no' if that is the class to act on",
    ),
    "a positive label that is not there": (
        "optimize {tiny} --target word --positive yess --fn 5 --fp 1 --out {out}",
        "--positive 'yess' is not among the labels in 'word': did you mean 'yes'",
    ),
    "a column to ignore that is not there": (
        "optimize {tiny} --target y --fn 5 --fp 1 --ignore amont --out {out}",
        "--ignore names the column 'amont', which the data do not have: did you mean 'amount'",
    ),
    "groups that are not there": (
        "optimize {tiny} --target y --fn 5 --fp 1 --groups branch --out {out}",
        "--groups names the column 'branch'",
    ),
    "groups and time": (
        "optimize {tiny} --target y --fn 5 --fp 1 --groups x --time amount --out {out}",
        "--groups and --time exclude each other",
    ),
    "times that are none": (
        "optimize {tiny} --target y --fn 5 --fp 1 --time day --out {out}",
        "column 'day' must be numbers or ISO 8601 dates, .* got '31/12/2024' in line 2",
    ),
    "weights that are none": (
        "optimize {tiny} --target y --fn 5 --fp 1 --ignore day --weight word --out {out}",
        "--weight must hold numbers",
    ),
    "more folds than rows": (
        "optimize {tiny} --target y --fn 5 --fp 1 --ignore day --folds 11 --out {out}",
        "10 positive rows for 11 folds.*use --folds 10",
    ),
    "one fold": ("optimize {tiny} --target y --fn 5 --fp 1 --folds 1 --out {out}", "'--folds'"),
    "no trials": ("optimize {tiny} --target y --fn 5 --fp 1 --trials 0 --out {out}", "'--trials'"),
    "no time": ("optimize {tiny} --target y --fn 5 --fp 1 --timeout 0 --out {out}", "'--timeout'"),
    "nan seconds": (
        "optimize {tiny} --target y --fn 5 --fp 1 --timeout nan --out {out}",
        "'--timeout': nan is no number",
    ),
    "a share above 1": (
        "optimize {tiny} --target y --fn 5 --fp 1 --prevalence 3 --out {out}",
        "'--prevalence'",
    ),
    "nan as a share": (
        "optimize {tiny} --target y --fn 5 --fp 1 --prevalence nan --out {out}",
        "'--prevalence': nan is no number",
    ),
    "a negative seed": (
        "optimize {tiny} --target y --fn 5 --fp 1 --seed -1 --out {out}",
        "'--seed'",
    ),
    "a learner misspelt": (
        "optimize {tiny} --target y --fn 5 --fp 1 --learner xgbost --out {out}",
        "there is no learner 'xgbost', did you mean 'xgboost'",
    ),
    "a learner twice": (
        "optimize {tiny} --target y --fn 5 --fp 1 --learner xgboost --learner xgboost --out {out}",
        "name each learner once",
    ),
    "a folder below a file": (
        "optimize {tiny} --target y --fn 5 --fp 1 --out {tiny}/policy",
        "tiny.csv is a file: a policy is saved as a folder",
    ),
    "no policy to show": ("show {out}", "No policy found in"),
    "no policy to decide with": ("decide {out} {tiny}", "No policy found in"),
    "no policy to evaluate": ("evaluate {out} {tiny} --target y", "No policy found in"),
}


@pytest.mark.parametrize(("words", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_answered_by_one_line(tiny, tmp_path, words, complaint):
    places = {"tiny": tiny, "out": tmp_path / "policy", "folder": tmp_path}
    given = [word.format(**places) for word in words.split(" ")] if words else []

    line = refused(*given)

    parts = [re.escape(part) for part in complaint.split(".*")]
    assert re.search(".*".join(parts), line), line
    assert not (tmp_path / "policy").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"x,y\n", "holds no rows"),
        (b"x,y\n1,0\n2,1,3\n", "line 3: 3 fields where the header has 2"),
        (b"x,y,y\n1,0,1\n", "two columns named 'y'"),
        (b"x,y\n1,\x81\n", "line 2: the byte 0x81"),
    ],
)
def test_a_broken_data_file_is_answered_by_one_line(loans, tmp_path, content, complaint):
    data = tmp_path / "data.csv"
    data.write_bytes(content)

    assert complaint in refused("decide", loans, data)
    words = ["--target", "y", *COSTS, "--out", tmp_path / "policy"]
    assert complaint in refused("optimize", data, *words)


def test_debug_shows_the_traceback_before_the_error(tmp_path):
    for words in (["--debug", "show", tmp_path], ["show", tmp_path, "--debug"]):
        result = run(*words)

        assert result.exit_code == 2
        assert result.stderr.startswith("Traceback (most recent call last)")
        assert result.stderr.splitlines()[-1].startswith("error: ")


def test_names_from_a_file_cannot_write_to_the_terminal(tiny, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text('"\x1b[2Jevil\nname",y\n1,0\n')

    line = refused("optimize", data, "--target", "z", *COSTS, "--out", tmp_path / "p")

    assert "\x1b" not in line
    assert "evil" in line


# Warnings and failures


def test_warnings_are_lines_on_stderr_and_leave_stdout_alone(tiny, tmp_path):
    table = read_table(tiny)[["x", "amount", "y"]].assign(same=1)
    table.to_csv(tiny, index=False)

    words = ["--target", "y", *COSTS, *QUICK, "--folds", 2, "--out", tmp_path / "p", "--json"]
    result = succeeded("optimize", tiny, *words)

    (line,) = result.stderr.splitlines()
    assert line.startswith("warning: [constant-column] 'same' holds one value only")
    assert line.endswith("drop, or name in --ignore")
    assert strict_json(result.stdout)["n_cases"] == 20


def test_new_categories_are_reported_and_decided_on(credit, loans, tmp_path):
    table = read_table(credit / "data.csv")
    table.loc[3, "purpose"] = "space travel"
    table.to_csv(tmp_path / "data.csv", index=False)

    result = succeeded("decide", loans, tmp_path / "data.csv")

    assert result.stderr.startswith("warning: [unseen-category] column 'purpose'")
    assert result.stderr.count("\n") == 1
    assert len(rows_of(result.stdout)) == 251


@contextmanager
def no_file_larger_than(size):
    """What a full disk is to a program: writing fails half way."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@on_unix
def test_decisions_are_written_as_a_whole_or_not_at_all(credit, loans, tmp_path):
    out = tmp_path / "decisions.csv"
    out.write_text("yesterday")

    with no_file_larger_than(1000):
        result = run("decide", loans, credit / "data.csv", "--out", out, "--force")

    assert result.exit_code == 1
    assert re.fullmatch(r"error: cannot write .*decisions\.csv: File too large\n", result.stderr)
    assert out.read_text() == "yesterday"
    assert list(tmp_path.iterdir()) == [out]


@on_unix
def test_a_policy_that_cannot_be_saved_is_shown_all_the_same(credit, tmp_path, monkeypatch):
    monkeypatch.setattr(files.secrets, "token_hex", lambda n_bytes: "known")
    words = ["--target", "bad", *COSTS, *QUICK, "--out", tmp_path / "policy", "--json"]
    in_the_way = tmp_path / "policy" / ".policy.json.known.tmp"
    in_the_way.mkdir(parents=True)

    result = run("optimize", credit / "data.csv", *words)

    assert result.exit_code == 1
    assert re.fullmatch(r"error: cannot write the policy to .*\n", result.stderr)
    printed = strict_json(result.stdout)
    assert printed["out"] is None
    assert printed["threshold"] is not None
    assert not (tmp_path / "policy" / "policy.json").exists()


def test_no_trial_starts_after_the_timeout(credit, tmp_path):
    words = ["--target", "bad", *COSTS, "--learner", "logistic", "--trials", 100_000]
    words += ["--timeout", 0.05, "--out", tmp_path / "policy", "--json"]

    printed = strict_json(succeeded("optimize", credit / "data.csv", *words).stdout)

    assert 1 <= printed["n_trials"] < 100


# Nothing is overwritten unasked


def test_an_existing_policy_is_kept_and_nothing_is_fitted(credit, loans):
    before = (loans / "policy.json").read_bytes()
    words = ["optimize", str(credit / "data.csv"), "--target", "bad", *COSTS, "--out", str(loans)]
    code = (
        "import sys\nfrom costopt.cli import main\n"
        f"try:\n    main({words!r})\n"
        "finally:\n    print(sorted({'optuna', 'sklearn', 'xgboost'} & set(sys.modules)))"
    )

    process = python("-c", code)
    stdout, stderr = process.communicate()

    assert process.returncode == 2
    assert b"holds the policy of a search: go on with it with --resume" in stderr
    assert stdout == b"[]\n"
    assert (loans / "policy.json").read_bytes() == before


def stored_values(file):
    study = optuna.load_study(study_name="costopt", storage=f"sqlite:///{file}")
    return [(trial.number, trial.value) for trial in study.trials]


def test_an_interrupted_search_goes_on_when_the_command_is_given_again(credit, tmp_path):
    """As after a kill: the trials are there, the policy is not."""
    words = ("optimize", credit / "data.csv", "--target", "bad", *COSTS, *QUICK)
    whole = succeeded(*words, "--trials", "4", "--out", tmp_path / "whole", "--json")
    out = tmp_path / "policy"
    succeeded(*words, "--trials", "3", "--out", out)
    (out / "policy.json").unlink()

    result = run(*words, "--trials", "4", "--out", out, "--json")

    assert result.exit_code == 0
    assert result.stderr == f"continuing the search that is kept in {out / 'study.db'}\n"
    assert len(stored_values(out / "study.db")) == 4
    first, second = strict_json(whole.stdout), strict_json(result.stdout)
    assert {**first, "out": None} == {**second, "out": None}


def test_what_goes_on_is_advised_before_what_deletes(credit, tmp_path):
    out = tmp_path / "policy"
    words = ("optimize", credit / "data.csv", "--target", "bad", *COSTS, *QUICK, "--out", out)
    succeeded(*words)

    message = refused(*words)

    assert f"{out} holds the policy of a search: go on with it with --resume, choose" in message
    assert message.index("--resume") < message.index("--force")


def test_a_search_that_is_not_finished_says_how_to_go_on(credit, tmp_path):
    words = ("optimize", credit / "data.csv", "--target", "bad", *COSTS, "--learner", "logistic")
    words += ("--folds", 2, "--trials", 100_000, "--timeout", 1, "--out", tmp_path / "policy")

    result = run(*words)

    assert result.exit_code == 0, result.stderr
    assert "of 100,000 trials done: the same command with --resume goes on" in result.stderr


def test_resume_goes_on_with_a_finished_search_and_force_starts_anew(credit, tmp_path):
    out = tmp_path / "policy"
    words = ("optimize", credit / "data.csv", "--target", "bad", *QUICK, "--out", out)
    succeeded(*words, *COSTS)
    before = stored_values(out / "study.db")

    succeeded(*words, *COSTS, "--trials", "3", "--resume")
    longer = stored_values(out / "study.db")
    mistake = run(*words, "--fn", "7", "--fp", "1", "--resume")
    succeeded(*words, "--fn", "7", "--fp", "1", "--force")
    anew = stored_values(out / "study.db")

    assert (len(before), len(longer), len(anew)) == (2, 3, 2)
    assert longer[:2] == before
    assert anew != before
    assert mistake.exit_code == 2
    assert (
        "was made with something else: costs; choose another --out, or start anew" in mistake.stderr
    )


def test_trials_can_be_kept_elsewhere(credit, tmp_path):
    file, out = tmp_path / "trials.db", tmp_path / "policy"

    succeeded(
        "optimize", credit / "data.csv", "--target", "bad", *COSTS, *QUICK,
        "--out", out, "--storage", f"sqlite:///{file}",
    )  # fmt: skip

    assert len(stored_values(file)) == 2
    assert not (out / "study.db").exists()


def test_a_storage_that_is_none_is_a_mistake(credit, tmp_path):
    out = tmp_path / "policy"

    message = refused(
        "optimize", credit / "data.csv", "--target", "bad", *COSTS, *QUICK,
        "--out", out, "--storage", "trials.db",
    )  # fmt: skip

    assert "storage must be a URL such as sqlite:///study.db, got 'trials.db'" in message
    assert not out.exists()


def test_force_replaces_a_policy_and_leaves_other_files_alone(credit, tmp_path):
    folder = tmp_path / "policy"
    words = ["optimize", credit / "data.csv", "--target", "bad", *QUICK, "--out", folder]
    succeeded(*words, *COSTS)
    (folder / "notes.txt").write_text("mine")

    succeeded(*words, "--fn", "7", "--fp", "1", "--force")

    assert DecisionPolicy.load(folder).costs == CostMatrix(fn=7, fp=1)
    assert (folder / "notes.txt").read_text() == "mine"


def test_decisions_go_to_a_file_and_replace_none_unasked(credit, loans, tmp_path):
    out = tmp_path / "decisions.csv"
    data = credit / "data.csv"

    result = succeeded("decide", loans, data, "--out", out)

    acted = out.read_text().count(",act,")
    assert result.stdout == ""
    assert result.stderr == f"250 decisions written to {out}: act on {acted}\n"
    assert out.read_text() == succeeded("decide", loans, data).stdout
    out.write_text("mine")
    assert "exists: choose another file, or replace it with --force" in refused(
        "decide", loans, data, "--out", out
    )
    assert out.read_text() == "mine"
    succeeded("decide", loans, data, "--out", out, "--force")
    assert out.read_text().count("\n") == 251


def test_decisions_cannot_go_where_no_file_can_be(credit, loans, tmp_path):
    data = tmp_path / "data.csv"
    data.write_bytes((credit / "data.csv").read_bytes())
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    for out, complaint in (
        (data / "decisions.csv", "is not a folder: make it first"),
        (tmp_path / "no" / "decisions.csv", "is not a folder: make it first"),
        (tmp_path, "is not a plain file"),
        (tmp_path / "link.csv", "is not a plain file"),
        (data, "holds the data that are read"),
    ):
        assert complaint in refused("decide", loans, data, "--out", out, "--force")
    assert data.read_bytes() == (credit / "data.csv").read_bytes()
    assert (tmp_path / "link.csv").is_symlink()
    assert not (tmp_path / "elsewhere.csv").exists()


# Decisions


@pytest.mark.parametrize("which", ["loans", "fraud"])
def test_decisions_are_those_of_python(which, request):
    given = request.getfixturevalue(which)
    folder = given if which == "loans" else given / "policy"
    data = folder.parent / "data.csv"
    policy, table = DecisionPolicy.load(folder), read_table(data)

    lines = succeeded("decide", folder, data, "--json").stdout.splitlines()

    found = pd.DataFrame([strict_json(line) for line in lines])
    assert list(found.columns) == ["row", "probability", "action", "expected_gain"]
    assert found["row"].tolist() == list(range(len(table)))
    assert found["probability"].tolist() == policy.probability(table).tolist()
    assert found["action"].tolist() == [
        "act" if act else "leave" for act in policy.decide(table).tolist()
    ]
    p, costs = found["probability"], policy.known_costs.resolve(table)
    gain = p * costs.fn_regret - (1 - p) * costs.fp_regret
    assert found["expected_gain"].to_numpy() == pytest.approx(gain.to_numpy(), abs=1e-12)
    assert set(found["action"]) == {"act", "leave"}


def test_csv_has_six_significant_digits_and_parquet_all(credit, loans, tmp_path):
    data, out = credit / "data.csv", tmp_path / "decisions.parquet"
    probability = DecisionPolicy.load(loans).probability(read_table(data))

    succeeded("decide", loans, data, "--out", out)
    printed = rows_of(succeeded("decide", loans, data).stdout)[1:]

    assert [row[1] for row in printed] == [f"{p:.6g}" for p in probability]
    stored = pd.read_parquet(out)
    assert stored["probability"].tolist() == probability.tolist()
    assert stored["action"].tolist() == [row[2] for row in printed]


def test_codes_that_were_texts_are_read_as_texts(credit, tmp_path):
    table = read_table(credit / "data.parquet")
    table["job"] = table["job"].astype(str).map({name: f"0{at}" for at, name in enumerate(
        sorted(set(table["job"].astype(str)))
    )})  # fmt: skip
    table["housing"] = table["housing"].astype(str).replace("rent", "NA")
    table["bad"] = table["bad"].astype(str)
    table.to_parquet(tmp_path / "data.parquet")
    table.to_csv(tmp_path / "data.csv", index=False)
    folder = tmp_path / "policy"
    words = ["--target", "bad", "--positive", "1", *COSTS, *QUICK, "--out", folder]
    succeeded("optimize", tmp_path / "data.parquet", *words)

    results = {
        kind: (
            succeeded("decide", folder, tmp_path / f"data.{kind}"),
            succeeded("evaluate", folder, tmp_path / f"data.{kind}", "--target", "bad"),
        )
        for kind in ("csv", "parquet")
    }

    for ours, theirs in zip(results["csv"], results["parquet"], strict=True):
        assert ours.stdout == theirs.stdout
        assert ours.stderr == theirs.stderr == ""


@pytest.fixture
def without_model(tmp_path):
    rng = np.random.default_rng(0)
    score = rng.random(300)
    folder = tmp_path / "policy"
    choose_threshold(rng.random(300) < score, score, CostMatrix(fp=1, fn=3)).save(folder)
    return folder


@pytest.mark.parametrize("words", [["decide"], ["evaluate", "--target", "bad"]])
def test_a_policy_without_a_model_says_so(credit, without_model, words):
    command, *options = words

    line = refused(command, without_model, credit / "data.csv", *options)

    assert "scores computed elsewhere: name the column that holds them with --score" in line


def test_a_policy_with_costs_as_arrays_says_so(rows, tmp_path):
    X, y = rows
    costs = CaseCosts(fp=1, fn=np.where(X["amount"] > 20, 9.0, 3.0))
    result = optimize(X, y, costs, learners="logistic", n_trials=1)
    result.policy.save(tmp_path / "policy")
    X.to_csv(tmp_path / "data.csv", index=False)

    line = refused("decide", tmp_path / "policy", tmp_path / "data.csv")

    assert "was made with costs per case given as arrays" in line


def test_missing_columns_are_named(fraud, loans, credit, tmp_path):
    table = read_table(fraud / "data.csv")
    table.drop(columns="amount").to_csv(tmp_path / "data.csv", index=False)
    read_table(credit / "data.csv").drop(columns="purpose").to_csv(
        tmp_path / "credit.csv", index=False
    )

    assert "'amount'" in refused("decide", fraud / "policy", tmp_path / "data.csv")
    assert "column 'purpose' is missing" in refused("decide", loans, tmp_path / "credit.csv")


def test_a_damaged_policy_is_answered_by_one_line(credit, loans, tmp_path):
    folder = tmp_path / "policy"
    folder.mkdir()
    text = (loans / "policy.json").read_text()
    for path in loans.glob("model-*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "policy.json").write_text(text.replace('"unit": "cost units"', '"unit": 7', 1))

    assert "is not a policy saved by costopt: unit" in refused("show", folder)
    assert "is not a policy saved by costopt" in refused("decide", folder, credit / "data.csv")


# Evaluation


def test_evaluation_counts_what_decisions_cost(fraud):
    policy, table = DecisionPolicy.load(fraud / "policy"), read_table(fraud / "data.csv")
    act, y = policy.decide(table), table["fraud"]
    missed, caught = table["amount"] + 10, 10
    cost = np.where(y == 1, np.where(act, caught, missed), np.where(act, 10, 0))

    words = ["evaluate", fraud / "policy", fraud / "data.csv", "--target", "fraud"]
    found = strict_json(succeeded(*words, "--json").stdout)
    text = succeeded(*words).stdout

    never, always = np.where(y == 1, missed, 0).mean(), 10.0
    assert found["mean_cost"]["value"] == pytest.approx(cost.mean())
    assert found["mean_cost"]["low"] < found["mean_cost"]["value"] < found["mean_cost"]["high"]
    assert found["total_cost"] == pytest.approx(cost.sum())
    assert found["baselines"]["never act"]["value"] == pytest.approx(never)
    assert found["baselines"]["always act"]["value"] == pytest.approx(always)
    assert found["savings"]["value"] == pytest.approx(1 - cost.mean() / min(never, always))
    assert (found["n_cases"], found["n_positives"], found["unit"]) == (300, int(y.sum()), "EUR")
    for part in ("never act", "always act", "this policy", "interval", f"{cost.sum():,.6g} EUR"):
        assert part in text


def test_evaluation_weighs_rows_as_cases_of_the_population(credit, loans, tmp_path):
    table = read_table(credit / "data.csv").assign(stands_for=np.arange(250) % 4 + 0.5)
    table.to_csv(tmp_path / "data.csv", index=False)
    policy = DecisionPolicy.load(loans)
    costs, weight = CostMatrix(fn=5, fp=1), table["stands_for"]
    expected = mean_cost(table["bad"], policy.decide(table), costs, weight)

    words = ["--target", "bad", "--weight", "stands_for", "--json"]
    found = strict_json(succeeded("evaluate", loans, tmp_path / "data.csv", *words).stdout)

    assert found["mean_cost"]["value"] == pytest.approx(expected)
    assert found["total_cost"] == pytest.approx(expected * weight.sum())
    assert found["baselines"]["never act"]["value"] == pytest.approx(
        5 * np.average(table["bad"], weights=weight)
    )


def test_evaluation_without_a_positive_baseline_has_no_savings(credit, tmp_path):
    words = ["--target", "bad", "--fn", "5", "--fp", "1", "--tn", "-9", "--tp", "-9", *QUICK]
    succeeded("optimize", credit / "data.csv", *words, "--out", tmp_path / "policy")

    words = ["evaluate", tmp_path / "policy", credit / "data.csv", "--target", "bad"]
    assert strict_json(succeeded(*words, "--json").stdout)["savings"]["value"] is None
    assert "cheaper" not in succeeded(*words).stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--target", "badd"], "--target names the column 'badd'"),
        (["--target", "purpose"], "the target must hold 0 and 1, as when the policy was made"),
        (["--target", "bad", "--weight", "w"], "--weight names the column 'w'"),
        (["--target", "bad", "--weight", "purpose"], "--weight must hold numbers"),
    ],
)
def test_what_cannot_be_evaluated_is_named(credit, loans, words, complaint):
    assert complaint in refused("evaluate", loans, credit / "data.csv", *words)


# Show


def test_show_prints_plain_facts_as_json(fraud):
    found = strict_json(succeeded("show", fraud / "policy", "--json").stdout)

    policy = DecisionPolicy.load(fraud / "policy")
    assert found["threshold"] is None
    assert found["unit"] == "EUR"
    assert CostMatrix.from_dict(found["costs"]) == policy.costs
    assert found["labels"] == {"negative": 0, "positive": 1}
    assert found["model"]["learner"] == "logistic"
    assert found["evidence"] == policy.evidence.to_dict()


@pytest.mark.parametrize(("cut", "printed"), [(np.inf, "inf"), (-np.inf, "-inf"), (0.25, 0.25)])
def test_never_and_always_are_words_in_json(tmp_path, cut, printed):
    costs = CostMatrix(fp=1, fn=3)
    DecisionPolicy(
        rule=ThresholdRule(cut), costs=costs, known_costs=costs, unit=costs.unit
    ).save(tmp_path / "policy")  # fmt: skip

    found = strict_json(succeeded("show", tmp_path / "policy", "--json").stdout)

    assert found["threshold"] == found["raw_threshold"] == printed


# Help


def test_help_lists_the_commands_and_each_shows_an_example():
    text = succeeded("--help").stdout

    assert re.search(r"Example:\n +costopt optimize ", text)
    for command in main.commands:
        assert re.search(rf"^  {command} ", text, re.MULTILINE)
        assert re.search(rf"Example:\n +costopt {command} ", succeeded(command, "--help").stdout)
        assert "..." not in text.split("Commands:")[1], "each is described in one line"


def test_help_names_every_learner_and_resampling():
    text = " ".join(succeeded("optimize", "--help").stdout.split())

    assert f"Learners: {', '.join(BUILT_IN)}." in text
    assert f"Resampling: {', '.join(METHODS)}; {', '.join(BY_DEFAULT)} if not given." in text


def test_help_of_decide_says_that_json_means_lines():
    assert "JSON lines: one object per row" in succeeded("decide", "--help").stdout


def test_version_is_one_line():
    assert re.fullmatch(r"costopt \S.*\n", succeeded("--version").stdout)


# Processes of their own


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (
            ["--help"],
            {"numpy", "pandas", "scipy", "sklearn", "optuna", "xgboost", "pydantic", "tqdm"},
        ),
        (
            ["decide", "--help"],
            {"numpy", "pandas", "scipy", "sklearn", "optuna", "xgboost", "tqdm"},
        ),
        (
            ["optimize", "--help"],
            {"numpy", "pandas", "scipy", "sklearn", "optuna", "xgboost", "pydantic", "tqdm"},
        ),
        # strategies are named by the methods and learners that they are made of
        (["compare", "--help"], {"imblearn", "optuna", "xgboost", "tqdm"}),
    ],
)
def test_help_loads_nothing_that_is_slow(words, heavy):
    code = (
        "import sys\nfrom costopt.cli import main\n"
        f"try:\n    main({words!r})\n"
        "except SystemExit:\n    pass\n"
        f"heavy = {heavy!r}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )

    stdout, stderr = python("-c", code).communicate()

    assert b"Usage: " in stdout
    assert stderr == b"[]\n"


def test_the_module_can_be_run(loans):
    process = python("-m", "costopt", "show", loans)

    stdout, stderr = process.communicate()

    assert process.returncode == 0
    assert stdout.decode() == DecisionPolicy.load(loans).explain() + "\n"
    assert stderr == b""


@on_unix
def test_a_broken_pipe_is_silent(credit, loans, tmp_path):
    table = read_table(credit / "data.csv")
    pd.concat([table] * 20).to_csv(tmp_path / "data.csv", index=False)
    words = ["-m", "costopt", "decide", loans, tmp_path / "data.csv"]

    with python(*words, bufsize=0) as process:
        process.stdout.read(10)
        process.stdout.close()  # more than a pipe holds is still to come
        assert process.stderr.read() == b""

    assert process.returncode == 1


def test_a_terminal_without_the_sign_of_the_unit_gets_an_escape(tmp_path):
    costs = CostMatrix(fp=1, fn=3, unit="€")
    choose_threshold([0, 1] * 20, [0.2, 0.4, 0.3, 0.9] * 10, costs).save(tmp_path / "policy")

    process = python(
        *["-m", "costopt", "show", tmp_path / "policy"], env={"PYTHONIOENCODING": "ascii"}
    )
    stdout, stderr = process.communicate()

    assert process.returncode == 0, stderr
    assert rb"\u20ac per case" in stdout


@on_unix
def test_ctrl_c_before_anything_is_found_ends_with_130(tmp_path):
    pipe = tmp_path / "data.csv"
    os.mkfifo(pipe)
    words = ["optimize", pipe, "--target", "y", *COSTS, "--out", tmp_path / "policy"]
    process = python("-m", "costopt", *words)

    with pipe.open("w"):  # waits until the command begins to read
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()

    assert process.returncode == 130
    assert stderr.split() == b"error: interrupted: nothing was written".split()
    assert not (tmp_path / "policy").exists()


@on_unix
def test_ctrl_c_in_a_search_keeps_what_it_found(credit, tmp_path):
    import pty
    import termios

    words = ["optimize", credit / "data.csv", "--target", "bad", *COSTS, "--learner", "logistic"]
    words += ["--trials", 100_000, "--timeout", 60, "--out", tmp_path / "policy", "--json"]
    terminal, other_end = pty.openpty()  # stderr is a terminal, so progress is shown
    termios.tcsetwinsize(other_end, (24, 100))
    colours = {"NO_COLOR": "", "TERM": "xterm"}
    process = python("-m", "costopt", *words, stderr=other_end, env=colours)
    os.close(other_end)

    shown = b""
    while not re.search(rb"[1-9]\d*/100000 \[\d+:\d+<\d", shown):  # how long it took and will take
        shown += os.read(terminal, 1000)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate()
    with suppress(OSError):  # how a terminal ends
        while more := os.read(terminal, 1000):
            shown += more
    os.close(terminal)

    assert process.returncode == 0
    assert b"\x1b[33m\x1b[1mwarning:\x1b[0m [interrupted]" in shown
    assert 1 <= strict_json(stdout)["n_trials"] < 100_000
    DecisionPolicy.load(tmp_path / "policy")
