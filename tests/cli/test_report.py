"""``costopt report``: a page where one was asked for, and nothing replaced unasked."""

import pytest

WORDS = ["--target", "y", "--score", "p", "--fn", 5, "--fp", 1, "--unit", "<b>\x1b[31m€"]


@pytest.fixture
def saved(shell, scored, tmp_path):
    shell.succeeded("threshold", scored, *WORDS, "--out", tmp_path / "rule")
    return tmp_path / "rule"


def test_a_page_is_written_and_said_to_be(shell, saved, tmp_path):
    page = tmp_path / "page.html"

    result = shell.succeeded("report", saved, "--out", page, "--title", "Loans <2024>")

    assert result.stdout == ""
    assert result.stderr == f"report written to {page}: open it in a browser\n"
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!")
    assert "Loans &lt;2024&gt;" in text
    assert "\x1b" not in text
    assert "<b>\\x1b" not in text


def test_a_page_says_what_it_is_about(shell, saved, tmp_path):
    page = tmp_path / "page.html"

    shell.succeeded("report", saved, "--out", page, "--about", "Acting means=a <call> = work")

    text = page.read_text(encoding="utf-8")
    assert "<dt>Acting means</dt>\n<dd>a &lt;call&gt; = work</dd>" in text
    assert "<dd>y is 1</dd>" in text  # the target that the threshold was found for
    assert "scores.csv: " in text
    line = shell.refused("report", saved, "--out", tmp_path / "b.html", "--about", "no text")
    assert "'no text' is not of the form NAME=TEXT" in line


def test_json_says_where_and_how_large(shell, saved, tmp_path):
    page = tmp_path / "page.html"

    found = shell.printed("report", saved, "--out", page, "--cases-a-day", 12)

    assert found == {"out": str(page), "bytes": page.stat().st_size}
    env = {"COSTOPT_REPORT_CASES_A_DAY": "0"}
    line = shell.refused("report", saved, "--out", tmp_path / "other.html", env=env)
    assert "'--cases-a-day' (from COSTOPT_REPORT_CASES_A_DAY): 0.0 is not in the range" in line


def test_a_page_that_is_there_is_kept(shell, saved, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")

    line = shell.refused("report", saved, "--out", page)

    assert "exists: choose another file, or replace it with --force" in line
    assert page.read_text() == "mine"
    shell.succeeded("report", saved, "--out", page, "--force")
    assert page.read_text(encoding="utf-8") != "mine"


def test_what_is_no_policy_is_named(shell, tmp_path):
    assert "No policy found in" in shell.refused(
        "report", tmp_path / "none", "--out", tmp_path / "page.html"
    )
