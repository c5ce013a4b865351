"""How data files are written, said by options: the same for every command that reads one."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from costopt import DecisionPolicy
from costopt.cli import main

OPTIMIZE = ["--target", "y", "--fn", "5", "--fp", "1", "--learner", "logistic", "--trials", "1"]


def run(*words, **more):
    return CliRunner().invoke(main, [str(word) for word in words], **more)


@pytest.fixture(scope="module")
def sheet():
    """60 rows with a slip of the pen, American dates and German money."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1, 1], 20)
    paid = [f"{value:,.2f}" for value in rng.uniform(100, 40_000, 60) * (1 + y)]
    age = [str(value) for value in rng.integers(18, 80, 60)]
    age[7] = "4O"
    return pd.DataFrame(
        {
            "paid": [text.translate(str.maketrans(",.", ".,")) for text in paid],
            "age": age,
            "issued": [f"{1 + at % 12:02}/{1 + at % 28:02}/2014" for at in range(60)],
            "y": y,
        }
    )


@pytest.fixture(scope="module")
def made(sheet, tmp_path_factory):
    """The file, its policy, and the options that say how it is written."""
    folder = tmp_path_factory.mktemp("sheet")
    sheet.to_csv(folder / "sheet.csv", sep=";", index=False)
    said = ["--missing", "4O", "--date", "issued", "--date-format", "%m/%d/%Y"]
    words = [folder / "sheet.csv", *OPTIMIZE, *said, "--out", folder / "policy"]
    result = run("optimize", *words)
    assert result.exit_code == 0, result.stderr
    return folder, said


def test_all_that_cannot_be_used_is_said_in_options_that_work(sheet, made, tmp_path):
    folder, _ = made

    result = run("optimize", folder / "sheet.csv", *OPTIMIZE, "--out", tmp_path / "policy")

    assert result.exit_code == 2
    assert (
        "'age' holds numbers, but for '4O' in line 9; column 'issued' holds dates" in result.stderr
    )
    assert "Add: --missing 4O --ignore issued (or: --time issued --date-format" in result.stderr
    added = ["--missing", "4O", "--ignore", "issued"]
    words = [folder / "sheet.csv", *OPTIMIZE, *added, "--out", tmp_path / "policy"]
    assert run("optimize", *words).exit_code == 0


@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, 2)])
def test_some_rows_of_a_file_are_decided_on_as_all_of_it(sheet, made, tmp_path, rows):
    folder, said = made
    sheet.iloc[rows].to_csv(tmp_path / "some.csv", sep=";", index=False)

    some = run("decide", folder / "policy", tmp_path / "some.csv", *said).stdout.splitlines()
    everything = run("decide", folder / "policy", folder / "sheet.csv", *said).stdout.splitlines()

    assert some == everything[: len(some)]


def test_standard_input_is_read_as_a_file(sheet, made):
    folder, said = made
    text = sheet.to_csv(sep=";", index=False)

    piped = run("decide", folder / "policy", "-", *said, input=text)

    assert piped.exit_code == 0, piped.stderr
    assert piped.stdout == run("decide", folder / "policy", folder / "sheet.csv", *said).stdout


def test_a_policy_remembers_how_its_file_was_written(made):
    folder, said = made
    data, policy = folder / "sheet.csv", folder / "policy"

    for words in (["decide"], ["evaluate", "--target", "y"]):
        command, *more = words
        told = run(command, policy, data, *more, *said)
        plain = run(command, policy, data, *more)
        assert (plain.exit_code, plain.stdout, plain.stderr) == (0, told.stdout, "")
    loaded = DecisionPolicy.load(policy)
    record = {"paid": "1.234,56", "age": "4O", "issued": "10/17/2014"}
    days = {"paid": 1234.56, "age": None, "issued": 16360.0}
    typed = {"paid": 1234.56, "age": np.nan, "issued": pd.Timestamp("2014-10-17")}
    assert loaded.decide_one(record) == loaded.decide_one(days) == loaded.decide_one(typed)


def test_a_cell_that_is_no_number_is_named_with_its_line_and_an_option(sheet, made, tmp_path):
    folder, _ = made
    sheet.assign(age=sheet["age"].replace("4O", "5O")).to_csv(tmp_path / "new.csv", sep=";")

    result = run("decide", folder / "policy", tmp_path / "new.csv")

    assert result.exit_code == 2
    assert "column 'age' must hold numbers" in result.stderr
    assert (
        "got '5O' in line 9 (1 row): correct it, or make it missing, --missing 5O" in result.stderr
    )


def test_a_cell_that_is_no_date_is_named_with_its_line(sheet, made, tmp_path):
    folder, _ = made
    wrong = sheet["issued"].where(sheet.index != 3, "17.10.2014")
    sheet.assign(issued=wrong).to_csv(tmp_path / "new.csv", sep=";", index=False)

    result = run("decide", folder / "policy", tmp_path / "new.csv")

    assert "'issued' must hold dates of the format %m/%d/%Y, as it did" in result.stderr
    assert "got '17.10.2014' in line 5 (1 row)" in result.stderr


def test_a_policy_of_a_file_without_a_header_is_used_on_one(tmp_path):
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 50)
    pd.DataFrame({"a": rng.normal(size=100) + y, "y": y}).to_csv(
        tmp_path / "d.csv", index=False, header=False
    )
    words = ["--target", "column_2", *OPTIMIZE[2:], "--no-header", "--out", tmp_path / "policy"]
    assert run("optimize", tmp_path / "d.csv", *words).exit_code == 0

    plain = run("decide", tmp_path / "policy", tmp_path / "d.csv")

    assert (plain.exit_code, plain.stderr) == (0, "")
    assert len(plain.stdout.splitlines()) == 101
    words = ["decide", tmp_path / "policy", tmp_path / "d.csv"]
    assert plain.stdout == run(*words, "--no-header").stdout
    kept = run(*words, "--keep", "all").stdout.splitlines()
    assert kept[0] == "row,column_1,column_2,probability,action,expected_gain"
    assert len(kept) == 101


def test_nothing_is_said_of_columns_that_are_not_read(sheet, made, tmp_path):
    folder, _ = made
    new = sheet.assign(code="?", money="€ 1,50", note="NA", same="1.234", y="x")
    new.to_csv(tmp_path / "new.csv", sep=";", index=False)
    policy = folder / "policy"

    result = run("decide", policy, tmp_path / "new.csv", "--keep", "note", "--keep", "money")

    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()[:2]
    assert first.startswith("row,note,money,probability")
    assert second.startswith('0,NA,"€ 1,50",')
    own = run("decide", policy, folder / "sheet.csv").stdout.splitlines()
    assert [line.split(",")[-3:] for line in result.stdout.splitlines()] == [
        line.split(",")[-3:] for line in own
    ]


def test_columns_are_kept_as_they_are_written_even_if_they_come_through_a_pipe(sheet, made):
    folder, said = made
    text = sheet.assign(id=[f"{at:05}" for at in range(60)]).to_csv(sep=";", index=False)
    words = ["--keep", "id", "--keep", "paid", "--keep", "age", *said]

    kept = pd.read_csv(
        StringIO(run("decide", folder / "policy", "-", *words, input=text).stdout), dtype=str
    )

    assert kept["id"].tolist() == [f"{at:05}" for at in range(60)]
    assert kept["paid"].tolist() == sheet["paid"].tolist()
    assert kept["age"].tolist() == sheet["age"].tolist()


def test_texts_stay_texts_where_that_is_said(made, tmp_path):
    folder, said = made
    words = [folder / "sheet.csv", *OPTIMIZE, *said[2:], "--text", "age", "--out", tmp_path / "p"]

    assert run("optimize", *words).exit_code == 0


def test_a_missing_header_is_asked_about(tmp_path):
    (tmp_path / "d.csv").write_text("4,4,1\n2,3,0\n1,9,1\n")

    asked = run("init", tmp_path / "d.csv", "--out", tmp_path / "c.toml")
    told = run("init", tmp_path / "d.csv", "--out", tmp_path / "c.toml", "--no-header")

    assert "or pass --no-header, if the first line is a row of data" in asked.stderr
    assert "perhaps the labels:     column_3" in told.stdout


def test_percent_are_told_from_decision_values(tmp_path):
    pd.DataFrame({"y": [0, 1], "s": [12.5, 80.0]}).to_csv(tmp_path / "s.csv", index=False)

    words = ["--target", "y", "--score", "s", "--fn", "5", "--fp", "1"]
    result = run("threshold", tmp_path / "s.csv", *words)

    assert "got 12.5 in row 0: divide by 100 if they are percent" in (result.stderr)


def test_a_number_of_thousands_of_digits_in_a_configuration_is_no_surprise(made, tmp_path):
    (tmp_path / "c.toml").write_text("trials = " + "9" * 5000)

    result = run("optimize", "x.csv", *OPTIMIZE, "--out", "o", "--config", tmp_path / "c.toml")

    assert "is not valid TOML: Exceeds the limit" in result.stderr


@pytest.mark.parametrize(
    ("formula", "hint"),
    [
        ("6 * Monthly Charges", "put the column Monthly Charges between backquotes"),
        ("6 * monthly charges", "put the column Monthly Charges between backquotes"),
        ("6 * Total-Charges", "put the column Total-Charges between backquotes: `Total-Charges`"),
        ("6 * Rate [%]", "put the column Rate [%] between backquotes: `Rate [%]`"),
        ("6 * Rate (%", "expected ')'|cannot read the cost formula"),
    ],
)
def test_a_column_without_backquotes_is_named_as_the_file_has_it(tmp_path, formula, hint):
    table = pd.DataFrame([[10, 1.5, 3, 1], [20, 2.5, 4, 0]] * 9)
    table.columns = ["Monthly Charges", "Total-Charges", "Rate [%]", "y"]
    table.to_csv(tmp_path / "d.csv", index=False)
    words = ["--target", "y", "--fn", formula, "--fp", "1"]

    for command, more in (("optimize", ["--out", tmp_path / "p"]), ("compare", [])):
        result = run(command, tmp_path / "d.csv", *words, *more)
        assert result.exit_code == 2
        assert any(each in result.stderr for each in hint.split("|"))
        assert result.stderr.count("backquotes: `") == ("Rate (" not in formula)
