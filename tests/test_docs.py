"""The pages of docs/ are true: their code runs, and prints what they say it prints."""

import contextlib
import inspect
import io
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from costopt import CostMatrix, choose_threshold, optimize, write_report
from costopt.cli import main
from costopt.comparison.strategies import STRATEGIES
from costopt.learners.registry import LEARNERS
from costopt.rebalancing.definition import EFFECTS
from costopt.rebalancing.methods import METHODS
from costopt.rebalancing.names import BY_DEFAULT

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*\.?\d*")
# Versions of xgboost and scikit-learn differ in the last digits of what they learn.
CLOSE = 0.03
ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "100"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the line it starts in."""

    language: str
    code: str
    line: int


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text[: found.start()].count("\n") + 2)
        for found in BLOCK.finditer(text)
    ]


class Reader:
    """Does what a reader does who types in a page from top to bottom, in an empty folder."""

    def __init__(self, page):
        self.page = page
        self.names = {"__name__": "__main__"}

    def run(self, block):
        """What a block prints; None for one in a language that this machine does not have."""
        return getattr(self, f"run_{block.language}")(block)

    def run_python(self, block):
        # so that a traceback shows the line of the page
        code = compile("\n" * (block.line - 1) + block.code, str(self.page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.names)
        return printed.getvalue()

    def run_sql(self, block):
        with contextlib.closing(sqlite3.connect("scores.db")) as database:
            rows = database.execute(block.code).fetchall()
        return "".join("|".join(map(str, row)) + "\n" for row in rows)

    def run_javascript(self, block):
        return run(["node", "-e", block.code]) if shutil.which("node") else None

    def run_console(self, block):
        printed = ""
        for line in block.code.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "costopt"
            done = CliRunner().invoke(main, arguments, env=ENVIRONMENT)
            assert done.exit_code == 0, done.output
            printed += done.stdout
        return printed

    def run_toml(self, block):
        name = block.code.split("\n", 1)[0].removeprefix("# ")
        Path(name).write_text(block.code, encoding="utf-8")
        return ""


def run(command):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def differences(printed, told):
    """Where two texts differ in words, or in a number by more than versions explain."""
    found = []
    if NUMBER.sub("#", printed).split() != NUMBER.sub("#", told).split():
        found.append("the words differ")
    for left, right in zip(NUMBER.findall(printed), NUMBER.findall(told), strict=False):
        was, says = (float(each.replace(",", "")) for each in (left, right))
        # what is told with few decimals may be off by one in the last; a count may not
        decimals = len(right.partition(".")[2])
        step = 10.0**-decimals if decimals else 0.0
        if abs(was - says) > max(CLOSE * abs(says), step):
            found.append(f"{left} was printed where the page says {right}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_runs_and_prints_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader, printed, not_run = Reader(page), None, set()

    for block in blocks_of(page):
        where = f"{page.name}, line {block.line}"
        if block.language == "text":
            if printed is not None:
                assert not differences(printed, block.code), f"{where}\n{printed}"
            printed = None
            continue
        assert not printed, f"{where}: what stands above it prints {printed}"
        printed = reader.run(block)
        if printed is None:
            not_run.add(block.language)
        if block.language == "console":
            printed = None  # progress and tables of commands are their own tests' business

    if not_run:
        pytest.skip(f"all true but for what was not run: {', '.join(not_run)} is not installed")


def test_a_wrong_figure_and_a_wrong_word_are_found():
    assert not differences("costs 0.5173 [0.46, 0.58]", "costs 0.5171 [0.46, 0.58]")
    assert not differences("act  from\n1,234.5", "act from 1,234.6")
    assert differences("costs 0.56 EUR", "costs 0.52 EUR")
    assert differences("costs 0.52 EUR", "costs 0.52 USD")
    assert differences("1 2", "1")
    assert differences("2 others", "3 others")


def strategy_table():
    """The table of all strategies, made from the data."""
    rows = [
        f"| {one.name} | {one.does} | {one.helps} | {one.probabilities} |"
        for one in STRATEGIES.values()
    ]
    head = "| strategy | what it does | when it helps | what it does to probabilities |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def test_the_table_of_strategies_is_what_the_library_holds():
    text = (ROOT / "docs" / "compare-strategies.md").read_text(encoding="utf-8")

    assert text.partition("## All strategies\n\n")[2].strip() == strategy_table()


def learner_table():
    """The table of all learners, made from their definitions."""
    rows = [
        f"| `{name}` | {made.does} | {made.helps} | {made.probabilities} "
        f"| {'yes' if made.saves_models else 'no'} |"
        for name, made in LEARNERS.items()
    ]
    head = "| `learners=` | what it does | when it helps | its probabilities | saved |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def method_table():
    """The table of all rebalancing methods, made from their definitions."""
    rows = [
        f"| `{name}` | {made.does} | {made.helps} | {EFFECTS[made.effect]} "
        f"| {', '.join(made.needs) or 'nothing'} | {made.ratio or 'none'} |"
        for name, made in METHODS.items()
    ]
    head = "| `resampling=` | what it does | when it helps | what it does to probabilities "
    return "\n".join([f"{head}| needs | ratio |", "|---|---|---|---|---|---|", *rows])


def test_the_tables_of_learners_and_methods_are_what_the_library_holds():
    text = (ROOT / "docs" / "learners-and-resampling.md").read_text(encoding="utf-8")

    tables = [part for part in text.split("\n\n") if part.startswith("| `")]
    assert [table.strip() for table in tables] == [learner_table(), method_table()]
    assert f"only {', '.join(f'`{name}`' for name in BY_DEFAULT)} are tried" in " ".join(
        text.split()
    )


@pytest.mark.parametrize("word", ["learners", "resampling"])
def test_the_search_documents_every_name_that_it_takes(word):
    names = LEARNERS if word == "learners" else METHODS
    described = inspect.getdoc(optimize).partition(f"\n{word} : ")[2]
    described = re.split(r"\n\w+ : ", described)[0]

    assert set(re.findall(r"``\"(\w+)\"``", described)) == set(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    named = re.findall(r"`((?:docs|notebooks|examples|benchmarks)/[^`*]+)`", text)

    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_index_names_every_page_and_notebook():
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in PAGES} - {"README.md"}
    notebooks = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}

    assert pages <= set(re.findall(r"\((.+?\.md)\)", text))
    assert notebooks == set(re.findall(r"notebooks/(.+?\.ipynb)", text))


def test_the_parts_of_the_report_are_those_that_are_explained(tmp_path):
    text = (ROOT / "docs" / "read-the-report.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (.+?) \| ", text.partition("| part |")[2], re.MULTILINE)
    policy = choose_threshold([0, 1] * 50, [0.2, 0.4, 0.3, 0.9] * 25, CostMatrix(fp=1, fn=5))
    write_report(policy, tmp_path / "report.html")
    written = (tmp_path / "report.html").read_text(encoding="utf-8")
    headings = re.findall(r"<h2[^>]*>(.+?)</h2>", written)

    assert told == headings
