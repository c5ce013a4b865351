"""``costopt init``: guesses that are said to be guesses, in a file that can be used as it is."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest

from costopt.cli.guesses import guess

EVIL = '\x1b[2J"quote"\nfn = 5 # \\ ='


@pytest.fixture
def claims(tmp_path):
    """40 claims, a quarter of them false."""
    n = np.arange(40)
    false = n % 4 == 0
    table = pd.DataFrame(
        {
            "claimId": [f"c{at:02}" for at in n],
            "is_fraud": np.where(false, "yes", "no"),
            "claim_amount": n * 10.5 + 1,
            "amount_ratio": n / 40,
            "customer": [f"name {at % 9}" for at in n],
            "day": [f"2024-01-{at % 28 + 1:02}" for at in n],
            "recovered": np.where(false, n + 1.0, 0),
            "urban": n % 3 == 0,
            "constant": 7,
        }
    )
    table.to_csv(tmp_path / "claims.csv", index=False)
    return tmp_path / "claims.csv"


def columns(guesses):
    return [each["column"] for each in guesses]


def test_columns_are_guessed_from_names_and_values(shell, claims, tmp_path):
    words = ["init", claims, "--out", tmp_path / "costs.toml", "--target", "is_fraud"]

    found = shell.printed(*words)["suggestions"]

    assert columns(found["targets"]) == ["is_fraud", "urban"]
    assert columns(found["money"]) == ["claim_amount"]
    assert columns(found["hindsight"]) == ["recovered"]
    assert columns(found["times"]) == ["day"]
    assert columns(found["groups"]) == ["customer"]
    assert columns(found["identities"]) == ["claimId"]
    assert found["targets"][0]["reason"] == "yes in 25 %, no in 75 %"


def test_nothing_is_assumed_that_was_not_said(shell, claims, tmp_path):
    shell.succeeded("init", claims, "--out", tmp_path / "a.toml")
    shell.succeeded("init", claims, "--out", tmp_path / "b.toml", "--target", "is_fraud")

    silent, told = (tomllib.loads((tmp_path / f"{name}.toml").read_text()) for name in "ab")
    assert silent == {"costs": {}}
    assert told == {"target": "is_fraud", "costs": {}}
    assert "--fn and --fp must be given" in shell.refused(
        "optimize", claims, "--config", tmp_path / "b.toml", "--out", tmp_path / "policy"
    )


def test_suggestions_work_once_their_sign_is_taken_away(shell, claims, tmp_path):
    file = tmp_path / "costs.toml"
    shell.succeeded("init", claims, "--out", file, "--target", "is_fraud")
    text = file.read_text()
    for line in ('fn = "claim_amount"', "fp = 10", 'groups = "customer"', 'positive = "yes"'):
        assert text.count(f"\n# {line}") == 1
        text = text.replace(f"\n# {line}", f"\n{line}")
    text = text.replace('\n# ignore = ["claimId"]', '\nignore = ["claimId", "recovered", "day"]')
    file.write_text(text.replace('target = "is_fraud"', 'learner = "logistic"\n\\g', 1).replace(
        "\\g", 'target = "is_fraud"'))  # fmt: skip

    found = shell.printed(
        *["optimize", claims, "--config", file, "--trials", 1, "--folds", 2, "-q"],
        *[
            "--ignore",
            "claimId",
            "--ignore",
            "recovered",
            "--ignore",
            "day",
            "--ignore",
            "constant",
        ],
        *["--out", tmp_path / "policy"],
    )

    assert found["n_cases"] == 40
    assert found["model"] == "logistic"
    costs = shell.printed("show", tmp_path / "policy")["costs"]
    assert (costs["fn"], costs["fp"]) == ("claim_amount", 10)


def test_the_text_says_what_is_left_to_do(shell, claims, tmp_path):
    text = shell.succeeded("init", claims, "--out", tmp_path / "c.toml").stdout

    assert "perhaps the labels:     is_fraud (yes in 25 %, no in 75 %)" in text
    assert "Say there which column holds the labels, and what a miss (fn) and a false alarm" in text
    assert text.endswith(
        f"  costopt optimize {claims} --config {tmp_path / 'c.toml'} --out policy\n"
    )


def test_what_is_there_is_not_replaced_unasked(shell, claims, tmp_path):
    file = tmp_path / "costs.toml"
    file.write_text("mine")

    assert "exists: choose another file, or replace it with --force" in shell.refused(
        "init", claims, "--out", file
    )
    assert file.read_text() == "mine"
    shell.succeeded("init", claims, "--out", file, "--force")
    assert "[costs]" in file.read_text()
    assert "holds the data that are read" in shell.refused(
        "init", claims, "--out", claims, "--force"
    )


def test_names_from_the_data_stay_in_their_comment(shell, tmp_path):
    table = pd.DataFrame({EVIL: ["=cmd()", "\x1b[31mred\n"] * 4, f"amount {EVIL}": range(8)})
    table.to_csv(tmp_path / "data.csv", index=False)
    file = tmp_path / "costs.toml"

    unsaid = shell.succeeded("init", tmp_path / "data.csv", "--out", file)
    assert tomllib.loads(file.read_text()) == {"costs": {}}
    said = shell.succeeded(
        "init", tmp_path / "data.csv", "--out", file, "--force", "--target", EVIL
    )
    assert tomllib.loads(file.read_text()) == {"target": EVIL, "costs": {}}

    for text in (unsaid.stdout, said.stdout, file.read_text()):
        assert "\x1b" not in text
    assert "\\x1b[2J" in unsaid.stdout
    assert "=cmd()" in unsaid.stdout
    printed = shell.succeeded(
        "init", tmp_path / "data.csv", "--out", file, "--force", "--json"
    ).stdout
    assert "\x1b" not in printed
    assert json.loads(printed)["suggestions"]["targets"][0]["column"] == EVIL


def test_a_target_of_many_values_is_refused(shell, claims, tmp_path):
    line = shell.refused("init", claims, "--target", "customer", "--out", tmp_path / "c.toml")

    assert "--target 'customer' must hold two values" in line
    assert not (tmp_path / "c.toml").exists()


def test_data_that_suggest_nothing(shell, tmp_path):
    pd.DataFrame({"x": [1.5, 2.5, 4.0], "z": [7, 7, 7]}).to_csv(tmp_path / "d.csv", index=False)

    assert (
        "Nothing to suggest."
        in shell.succeeded("init", tmp_path / "d.csv", "--out", tmp_path / "c.toml").stdout
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, 3.0, 4.0, None], "hindsight"),
        ([0, 3, 4, 0], "hindsight"),
        ([0, 3, 0, 0], "hindsight"),
        ([1, 3, 4, 2], None),
        ([0, 0, 4, 0.5], None),
    ],
)
def test_a_column_that_one_class_alone_has_is_suspected(values, kind):
    table = pd.DataFrame({"y": [0, 1, 1, 0], "x": values})

    found = guess(table, "y")

    assert [each.column for each in found.hindsight] == (["x"] if kind else [])


def test_labels_of_numbers_need_no_positive_label(shell, tmp_path):
    table = pd.DataFrame({"y": [0, 1, 0, 0], "x": [1.5, 2.5, 3.5, 4.5]})
    table.to_csv(tmp_path / "d.csv", index=False)

    shell.succeeded("init", tmp_path / "d.csv", "--target", "y", "--out", tmp_path / "c.toml")

    assert "positive =" not in (tmp_path / "c.toml").read_text()


def test_money_is_known_by_the_beginnings_of_words():
    table = pd.DataFrame(
        {"DisbursementGross": [1.5, 2, 3], "GrAppv": [4.0, 5, 6], "age": [7, 7, 8]}
    )

    assert [one.column for one in guess(table).money] == ["DisbursementGross", "GrAppv"]


def test_whole_numbers_of_their_own_in_every_row_are_no_feature_and_dates_come_first():
    table = pd.DataFrame(
        {
            "ref": [11, 12, 13],
            "lead_time": [1.5, 2.5, 2.5],
            "approved": ["17-Oct-14", "18-Nov-15", "18-Nov-15"],
            "branch": ["a", "b", "a"],
        }
    )
    found = guess(table)

    assert [one.column for one in found.identities] == ["ref"]
    assert [one.column for one in found.times] == ["approved", "lead_time"]
    assert found.groups == ()


def test_lists_are_passed_over():
    assert guess(pd.DataFrame({"a": [[1], [2]], "y": [0, 1]})).targets[0].column == "y"


def test_dates_are_suggested_with_their_format(shell, tmp_path):
    table = pd.DataFrame(
        {
            "issued": ["31.12.2014", "01.02.2013", "?", "07.08.2014"],
            "closed": ["2015-01-02", "2015-03-02", "2015-01-02", "2016-01-02"],
            "amount": [10, 20, 15, 12],
            "y": [1, 0, 1, 0],
        }
    )
    table.to_csv(tmp_path / "d.csv", index=False)

    shell.succeeded("init", tmp_path / "d.csv", "--target", "y", "--out", tmp_path / "c.toml")

    lines = (tmp_path / "c.toml").read_text().splitlines()
    at = lines.index('# time = "issued"  # from 2013-02-01 to 2014-12-31')
    assert lines[at + 1] == '# date-format = "%d.%m.%Y"'
    assert lines[at + 2] == '# time = "closed"  # from 2015-01-02 to 2016-01-02'
    told = [lines[at][2:], lines[at + 1][2:], 'ignore = ["closed"]', "[costs]", "fn = 5", "fp = 1"]
    (tmp_path / "told.toml").write_text("\n".join(told))
    words = ["--target", "y", "--config", tmp_path / "told.toml", "--out", tmp_path / "p"]
    assert "time must have a value in every row, got none in row 2" in shell.refused(
        "optimize", tmp_path / "d.csv", *words
    )
