"""What the package may import, where, and what it promises to the outside."""

import ast
import inspect
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import WrapperDescriptorType

import pytest

import costopt

PACKAGE = Path(costopt.__file__).parent

# Imports go only upwards in this list: a module may import what stands above it. A room whose
# modules are not listed is one place; its modules may import each other, in one direction.
ORDER = (
    "errors",
    "plain",
    "showing",
    "progress",
    "inputs",
    "decision",
    "calibration",
    "rebalancing",
    "learners",
    "evaluation",
    "policy",
    "engine",
    "search",
    "comparison",
    "checks",
    "metrics",
    "datasets",
    "plotting",
    "report",
    "estimators",
    "cli",
    "__main__",
)
MAX_LINES = 400

PUBLIC_NAMES = [
    "CaseCosts",
    "Comparison",
    "CostCurve",
    "CostMatrix",
    "CostOptError",
    "CostOptWarning",
    "CostSearchClassifier",
    "CostSpecError",
    "CostThresholdClassifier",
    "DataError",
    "Decision",
    "DecisionPolicy",
    "Estimate",
    "ExpectedCostObjective",
    "InfeasibleError",
    "LogisticLearner",
    "OddsLedger",
    "PolicyError",
    "SearchError",
    "SearchResult",
    "SklearnLearner",
    "StoreError",
    "Strategy",
    "XGBoostLearner",
    "advise",
    "bayes_threshold",
    "choose_threshold",
    "class_weight",
    "compare",
    "cost_curve",
    "decide",
    "expected_gain",
    "mean_cost",
    "optimize",
    "sample_weight",
    "savings",
    "scale_odds",
    "scale_pos_weight",
    "write_report",
]
# Rooms and modules that have public names of their own.
FACES = {
    "calibration": ["CalibrationMap"],
    "checks": ["Finding", "audit", "check_split", "check_threshold", "costs_counted_twice"],
    "learners": ["Learner", "ledger_of"],
    "metrics": [
        "brier_curve",
        "decision_cost",
        "decision_metrics",
        "expected_maximum_profit_churn",
        "expected_maximum_profit_credit",
        "h_measure",
        "mean_cost",
        "net_benefit",
        "savings",
    ],
    "plotting": [
        "ComparisonDisplay",
        "CostCalibrationDisplay",
        "CostCurveDisplay",
        "CostRatioDisplay",
        "GainDisplay",
        "ScoreDistributionDisplay",
        "SearchProgressDisplay",
        "TradeoffDisplay",
    ],
    "rebalancing": ["RebalancingMethod", "Reweighting", "random_over", "random_under"],
}
LAZY = ["__init__", *(name for name in FACES if (PACKAGE / name).is_dir())]
PUBLIC = [("costopt", name) for name in PUBLIC_NAMES] + [
    (f"costopt.{room}", name) for room, names in FACES.items() for name in names
]


# reading the sources


def module_name(path):
    """``costopt/decision/rules.py`` as ``decision.rules``; a room's ``__init__`` as the room."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


PATHS = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOMS = {name for name, path in PATHS.items() if path.name == "__init__.py"} - {"__init__"}
MODULES = sorted(set(PATHS) - ROOMS - {"__init__"})
DECISION = [name for name in MODULES if name.startswith("decision.")]


@cache
def syntax(module):
    return ast.parse(PATHS[module].read_text(encoding="utf-8"))


def for_type_checkers(tree):
    """The statements under ``if TYPE_CHECKING``, which never run."""
    return [
        statement
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
    ]


def import_statements(module):
    """Every import that can run, those inside functions included."""
    tree = syntax(module)
    never_run = {id(node) for node in for_type_checkers(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in never_run:
            yield node


def imported_names(module, statement):
    """Dotted names that a statement brings in, relative ones made absolute."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    home = statement.module or ""
    if statement.level:
        above = ("costopt", *module.split("."))[: -statement.level]
        home = ".".join((*above, home)).rstrip(".")
    return [f"{home}.{alias.name}" for alias in statement.names]


def own_module(name):
    """The module of costopt that a dotted name lies in; None for foreign names."""
    if name.split(".")[0] != "costopt":
        return None
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in PATHS:
        parts.pop()
    return ".".join(parts) or "__init__"


def own_imports(module, statements=None):
    statements = import_statements(module) if statements is None else statements
    names = {name for each in statements for name in imported_names(module, each)}
    return {own_module(name) for name in names} - {None}


def foreign_imports(module):
    """First words of what is imported from other packages, functions included."""
    return {
        name.split(".")[0]
        for statement in import_statements(module)
        for name in imported_names(module, statement)
    } - {"costopt"}


def place(module):
    """Where a module stands in the order, alone or with its room."""
    for name in (module, module.split(".")[0]):
        if name in ORDER:
            return ORDER.index(name)
    raise AssertionError(f"{module} has no place in ORDER: say what may import it")


def names_that_run(tree):
    """Names outside annotations, but for those that the function around them imports itself."""
    skipped = {
        id(part)
        for node in ast.walk(tree)
        for field in ("annotation", "returns")
        for part in ast.walk(getattr(node, field, None) or ast.Pass())
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            parts = list(ast.walk(function))
            brought = {
                alias.asname or alias.name
                for part in parts
                if isinstance(part, ast.Import | ast.ImportFrom)
                for alias in part.names
            }
            skipped |= {id(p) for p in parts if isinstance(p, ast.Name) and p.id in brought}
    return [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in skipped]


# imports go upwards


def test_the_reader_of_imports_sees_every_kind():
    source = (
        "import costopt.decision.rules as r\n"
        "from costopt import errors\n"
        "def f():\n    from .costs import CostMatrix\n    from ..inputs.frames import Table\n"
        "if TYPE_CHECKING:\n    from costopt.search import study\n"
    )
    tree = ast.parse(source)
    never_run = for_type_checkers(tree)
    statements = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in never_run
    ]

    found = own_imports("decision.odds", statements)

    assert found == {"decision.rules", "errors", "decision.costs", "inputs.frames"}
    assert own_imports("decision.odds", never_run) == {"search.study"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_stands_above_it(module):
    own = place(module)
    for other in own_imports(module):
        assert other != "__init__", f"{module} imports the public names, which load all of costopt"
        assert other not in ROOMS, f"{module} imports the room {other}: name the module"
        same_room = place(other) == own and ORDER[own] in ROOMS
        assert place(other) < own or same_room, f"{module} imports {other}, which stands below it"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_modules_of_a_room_import_each_other_in_one_direction(room):
    of_room = [name for name in MODULES if name.startswith(f"{room}.")]
    inside = {name: own_imports(name) & set(MODULES) for name in of_room}

    try:
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        pytest.fail(f"modules of {room} import each other in a circle: {error.args[1]}")


@pytest.mark.parametrize("module", MODULES)
def test_imports_for_type_checkers_serve_annotations_and_stay_in_the_room(module):
    """They never run, so they cannot make a circle; but a room must not know of those below it."""
    tree = syntax(module)
    statements = for_type_checkers(tree)
    for other in own_imports(module, statements):
        same_room = other.split(".")[0] == module.split(".")[0]
        assert same_room or place(other) < place(module), f"{module} knows of {other}"

    never_there = {alias.asname or alias.name for each in statements for alias in each.names}
    for node in names_that_run(tree):
        assert node.id not in never_there, f"{module}:{node.lineno} uses {node.id} as it runs"


@pytest.mark.parametrize("room", sorted(ROOMS - {"cli"} - set(FACES)))
def test_a_room_itself_holds_no_code(room):
    """Else importing one of its modules would import more than that module says."""
    assert [type(node) for node in syntax(room).body] == [ast.Expr]


@pytest.mark.parametrize("room", LAZY)
def test_public_names_are_listed_once_and_loaded_when_they_are_used(room):
    """The stub is the list; the code attaches it, and loads nothing."""
    package = "costopt" if room == "__init__" else f"costopt.{room}"
    loaded = loaded_modules(f"import {package}; dir({package})")
    assert {name for name in loaded if name.startswith("costopt.")} <= {package}

    _, imported, attached = syntax(room).body
    assert ast.unparse(imported) == "import lazy_loader"
    assert ast.unparse(attached).endswith("lazy_loader.attach_stub(__name__, __file__)")


def test_displays_load_matplotlib_only_to_draw():
    loaded = loaded_by(f"from costopt.plotting import {', '.join(FACES['plotting'])}")

    assert "numpy" in loaded
    assert "matplotlib" not in loaded


def test_the_room_of_commands_holds_its_entry_point_and_nothing_else():
    _, statement, names = syntax("cli").body

    assert imported_names("cli", statement) == ["costopt.cli.program.main"]
    assert ast.unparse(names) == "__all__ = ['main']"


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_loaded_by_name_nor_code_from_text(module):
    calls = (node for node in ast.walk(syntax(module)) if isinstance(node, ast.Call))
    called = {ast.unparse(call.func) for call in calls}

    assert called.isdisjoint(
        {"importlib.import_module", "import_module", "__import__", "exec", "eval", "compile"}
    )


@pytest.mark.parametrize("module", MODULES)
def test_only_overviews_are_made_into_html(module):
    """Types of the domain tell plain values about themselves; one place makes a page of them."""
    assert module == "showing.overview" or "showing.html" not in own_imports(module)


@pytest.mark.parametrize("module", MODULES)
def test_only_the_search_and_the_store_import_optuna(module):
    may = module.startswith("search.") or module == "engine.store"

    assert may or "optuna" not in foreign_imports(module)


# the decision room


@pytest.mark.parametrize("module", DECISION)
def test_the_decision_room_needs_numpy_and_scipy_only(module):
    """No file, clock, process or randomness of its own either."""
    allowed = (sys.stdlib_module_names | {"numpy", "scipy"}) - {
        "datetime", "glob", "io", "os", "pathlib", "pickle", "random", "secrets", "shutil",
        "socket", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
    }  # fmt: skip

    assert foreign_imports(module) <= allowed
    assert all(
        other in {"errors", "showing.overview", "plain", "showing.text", "inputs.row_labels"}
        or other.startswith("decision.")
        for other in own_imports(module)
    )


@pytest.mark.parametrize("module", DECISION)
def test_the_decision_room_opens_no_file_and_draws_no_number(module):
    for node in ast.walk(syntax(module)):
        if isinstance(node, ast.Name):
            assert node.id not in {"open", "input", "print"}, f"{module}:{node.lineno}"
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            assert not text.startswith(("np.random.", "numpy.random.")) or text.endswith(
                ".Generator"
            ), f"{module}:{node.lineno} uses {text}: take a Generator"
            assert not text.startswith(("np.load", "np.save", "np.fromfile", "np.genfromtxt"))
    numpy_random = {
        name
        for statement in import_statements(module)
        for name in imported_names(module, statement)
        if name.startswith("numpy.random")
    }
    assert numpy_random <= {"numpy.random.Generator"}


def loaded_modules(code):
    """Modules that a fresh interpreter holds after running some code."""
    shown = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", shown],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def loaded_by(code):
    """The top-level packages among them."""
    return {name.split(".")[0] for name in loaded_modules(code)}


def test_the_decision_room_loads_no_estimator_and_no_data_frame():
    loaded = loaded_by("\n".join(f"import costopt.{module}" for module in DECISION))

    assert {"costopt", "numpy", "scipy"} <= loaded
    assert loaded.isdisjoint(
        {"sklearn", "pandas", "narwhals", "polars", "xgboost", "optuna", "matplotlib", "joblib"}
    )


def test_importing_costopt_loads_next_to_nothing():
    loaded = loaded_by("import costopt; costopt.__all__; dir(costopt)")

    assert "costopt" in loaded
    assert loaded.isdisjoint(
        {"numpy", "scipy", "pandas", "narwhals", "sklearn", "xgboost", "optuna", "matplotlib"}
    )


def test_learning_without_a_search_does_not_load_optuna():
    loaded = loaded_by(
        "from costopt import XGBoostLearner, choose_threshold, sample_weight\n"
        "from costopt.learners.registry import LEARNERS"
    )

    assert "numpy" in loaded
    assert loaded.isdisjoint({"optuna", "xgboost", "imblearn", "lightgbm", "catboost"})


# what is promised to the outside


def test_the_public_names_are_these():
    """A new name is a decision: it has to be written here too."""
    assert sorted(costopt.__all__) == PUBLIC_NAMES
    assert sorted(PUBLIC_NAMES) == PUBLIC_NAMES


@pytest.mark.parametrize("room", sorted(FACES))
def test_the_public_names_of_a_room_are_these(room):
    assert sorted(import_module(f"costopt.{room}").__all__) == FACES[room] == sorted(FACES[room])


@pytest.mark.parametrize(("place", "name"), PUBLIC)
def test_a_public_name_is_found_and_says_where_it_lives(place, name):
    found = getattr(import_module(place), name)

    assert found.__name__ == name
    assert found.__module__.startswith("costopt.")
    assert name in dir(import_module(place))
    assert name in sys.modules[found.__module__].__all__


@pytest.mark.parametrize("room", LAZY)
def test_type_checkers_see_each_name_where_it_lives(room):
    package = "costopt" if room == "__init__" else f"costopt.{room}"
    stub = ast.parse((PATHS[room].parent / "__init__.pyi").read_text(encoding="utf-8"))
    seen = {
        alias.name: f"{package}.{statement.module}"
        for statement in stub.body
        for alias in statement.names
        if alias.asname == alias.name
    }

    assert sorted(seen) == sorted(import_module(package).__all__)
    assert {name: getattr(import_module(package), name).__module__ for name in seen} == seen


@pytest.mark.parametrize("place", ["costopt", *(f"costopt.{room}" for room in FACES)])
def test_an_unknown_name_is_an_attribute_error(place):
    with pytest.raises(AttributeError, match="attribute '?optimise"):
        import_module(place).optimise  # noqa: B018


def section(documentation, title):
    """The lines under a numpydoc heading, up to the next one; None without the heading."""
    lines = documentation.splitlines()
    rules = [i for i, line in enumerate(lines) if line and set(line) == {"-"}]
    for i in rules:
        if lines[i - 1] == title:
            end = min((j - 1 for j in rules if j > i), default=len(lines))
            return lines[i + 1 : end]
    return None


@pytest.mark.parametrize(("place", "name"), PUBLIC)
def test_a_public_name_documents_itself_and_every_parameter(place, name):
    found = getattr(import_module(place), name)
    documentation = inspect.getdoc(found)
    assert documentation
    assert documentation.splitlines()[0].endswith((".", "?"))

    # most errors take what every exception does, which has no signature
    plain_error = inspect.isclass(found) and isinstance(found.__init__, WrapperDescriptorType)
    taken = set() if plain_error else set(inspect.signature(found).parameters)
    described = section(documentation, "Parameters") or []
    headings = [line.split(":")[0] for line in described if line and not line[0].isspace()]

    assert {each.strip() for heading in headings for each in heading.split(",")} == taken


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_enough_to_be_read(module):
    lines = len(PATHS[module].read_text(encoding="utf-8").splitlines())

    assert lines <= MAX_LINES, f"{module} has {lines} lines: what second thing does it do?"
