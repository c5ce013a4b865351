"""The notebooks run from top to bottom, and are committed as somebody would want to read them."""

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BUDGET = "2"  # trials, or strategies
MANY, FEWER = r"make_transactions\((?:6|10)_000", "make_transactions(3_000"  # made-up rows
MAX_BYTES = 300_000
# Optuna looks for a progress bar of Jupyter's; that one is missing is nothing to act on.
HARMLESS = "IProgress not found"
EVERY_NOTEBOOK = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(notebook, kind="code"):
    stored = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell for cell in stored["cells"] if cell["cell_type"] == kind]


def outputs_of(notebook):
    return [output for cell in cells_of(notebook) for output in cell["outputs"]]


def source_of(cell):
    return "".join(cell["source"])


@pytest.mark.skipif(importlib.util.find_spec("nbmake") is None, reason="nbmake is not installed")
def test_notebooks_run_and_complain_of_nothing(tmp_path):
    copies = [tmp_path / notebook.name for notebook in NOTEBOOKS]
    for notebook, copy in zip(NOTEBOOKS, copies, strict=True):
        text = notebook.read_text(encoding="utf-8")
        copy.write_text(re.sub(MANY, FEWER, text), encoding="utf-8")
    environment = {
        **os.environ,
        "COSTOPT_NOTEBOOK_BUDGET": BUDGET,
        "IPYTHONDIR": str(tmp_path / "ipython"),  # no start-up files of whoever runs this
        "TMPDIR": str(tmp_path),
    }

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(tmp_path), "--quiet",
         "-p", "no:cacheprovider", "--nbmake", "--nbmake-timeout=120", "--overwrite", *copies],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    complaints = [
        (copy.stem, "".join(output["text"]))
        for copy in copies
        for output in outputs_of(copy)
        if output.get("name") == "stderr"
    ]
    assert [one for one in complaints if HARMLESS not in one[1]] == []


@EVERY_NOTEBOOK
def test_a_notebook_was_run_in_order_before_it_was_committed(notebook):
    counts = [cell["execution_count"] for cell in cells_of(notebook)]

    assert counts == list(range(1, len(counts) + 1))
    assert not [o for o in outputs_of(notebook) if o["output_type"] == "error"]
    assert not [o for o in outputs_of(notebook) if o.get("name") == "stderr"]


@EVERY_NOTEBOOK
def test_a_notebook_tells_a_story_with_pictures(notebook):
    pictures = [
        o["data"]["image/png"] for o in outputs_of(notebook) if "image/png" in o.get("data", {})
    ]
    told = "\n".join(source_of(cell) for cell in cells_of(notebook, "markdown"))

    assert told.startswith("# ")
    assert "## What to keep" in told
    assert pictures
    for picture in pictures:
        assert base64.b64decode("".join(picture)).startswith(b"\x89PNG")


@EVERY_NOTEBOOK
def test_a_notebook_is_small_and_names_no_machine(notebook):
    text = notebook.read_text(encoding="utf-8")
    stored = json.loads(text)

    assert notebook.stat().st_size < MAX_BYTES
    assert not re.findall(r"/(?:home|tmp|Users|work|root)/\S*|[A-Z]:\\\\\S*", text)
    assert set(stored["metadata"]) == {"kernelspec", "language_info"}
    assert set(stored["metadata"]["language_info"]) == {"name"}
    assert all(cell["metadata"] == {} for cell in stored["cells"])  # no times of execution


@EVERY_NOTEBOOK
def test_a_notebook_has_one_knob_for_its_budget(notebook):
    code = "\n".join(source_of(cell) for cell in cells_of(notebook))

    assert re.findall(r'environ\.get\("(\w+)", "(\d+)"\)', code) == [
        ("COSTOPT_NOTEBOOK_BUDGET", "40")
    ]
    assert not re.search(r"https?://|load_credit|load_churn|load_marketing|read_csv", code)


@EVERY_NOTEBOOK
def test_links_of_a_notebook_lead_somewhere(notebook):
    told = "\n".join(source_of(cell) for cell in cells_of(notebook, "markdown"))
    links = re.findall(r"\]\(([^)]+)\)", told)
    pages = re.findall(r"`(docs/[\w-]+\.md)`", told)

    assert [link for link in links if not (notebook.parent / link).exists()] == []
    assert [page for page in pages if not (notebook.parents[1] / page).exists()] == []


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_policy",
        "02_compare_strategies",
        "03_card_fraud_per_case_costs",
        "04_what_if_costs_change",
    ]
