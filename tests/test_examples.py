"""The examples in docstrings are correct."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bench", "selectors", "supernets", "reports")
FILES = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
WITH_EXAMPLES = [path for path in FILES if ">>> " in (ROOT / path).read_text()]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=str)
def test_the_examples_of_a_module_hold(path: Path) -> None:
    module = import_module("nas_selection_bench." + ".".join(path.with_suffix("").parts))
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0
