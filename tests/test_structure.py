"""The structure of the code: file placement, import direction, no import cycles, and unambiguous names."""

import ast
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "nas_selection_bench"
ROOMS = ("bench", "supernets", "selectors", "reports")
FILES = [
    ROOT / "run_bench.py",
    *(ROOT / PACKAGE).glob("*.py"),
    *sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")),
]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

LONGEST = 320
"""The most lines that a module may have."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """The import graph, including imports inside functions, without imports for type checkers only."""
    return grimp.build_graph(PACKAGE, cache_dir=None, exclude_type_checking_imports=True)


def tops(room: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / room).glob("*.py") if path.stem != "__init__")


def test_every_file_at_the_top_of_selectors_is_a_criterion() -> None:
    for name in tops("selectors"):
        module = import_module(f"{PACKAGE}.selectors.{name}")
        assert hasattr(module, "SELECTOR") or getattr(module, "VARIANTS", None), f"selectors/{name}.py offers none"


def test_every_file_at_the_top_of_supernets_is_a_recipe() -> None:
    for name in tops("supernets"):
        assert hasattr(import_module(f"{PACKAGE}.supernets.{name}"), "RECIPE"), f"supernets/{name}.py offers none"


def test_no_modules_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    left = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while free := [module for module, imported in left.items() if not imported & left.keys()]:
        for module in free:
            del left[module]
    # The modules left are in a cycle or import one; those that no other module left imports are not in a cycle.
    while outside := left.keys() - set().union(*left.values()):
        for module in outside:
            del left[module]
    assert not left


def test_recipes_know_nothing_of_training_and_nothing_below_knows_a_method(graph: grimp.ImportGraph) -> None:
    recipes = {f"{PACKAGE}.supernets.{name}" for name in tops("supernets")}
    methods = recipes | {f"{PACKAGE}.selectors.{name}" for name in tops("selectors")}
    below = (
        "nas_selection_bench.supernets.parts.",
        "nas_selection_bench.supernets.network.",
        "nas_selection_bench.selectors.parts.",
        "nas_selection_bench.selectors.proxies.",
    )
    arrows = {(m, i) for m in graph.modules for i in graph.find_modules_directly_imported_by(m)}
    wrong = {(m, i) for m, i in arrows if m in recipes and i.startswith(f"{PACKAGE}.supernets.training")}
    wrong |= {(m, i) for m, i in arrows if m.startswith(below) and i in methods}
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_can_be_read_at_a_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_paths_of_command_lines_are_expanded_in_one_place(path: Path) -> None:
    """`type=Path` would treat `~` as the name of a folder."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "type" and isinstance(node.value, ast.Name):
            assert node.value.id != "Path", f"line {node.value.lineno}: take given_path"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_argument_that_is_a_path_refuses_an_empty_one(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if given.get("metavar") in ("'DIR'", "'FILE'", "'FOLDER'"):
                assert given.get("type") == "given_path", f"line {node.lineno}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_test_module_imports_another(path: Path) -> None:
    """Helpers shared by test modules belong in a separate module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
            words = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            assert not [word for word in words if word.startswith("test_")], f"line {node.lineno}"


def test_one_name_is_one_class() -> None:
    places = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path.relative_to(ROOT).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
