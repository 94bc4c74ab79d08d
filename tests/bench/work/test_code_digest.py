"""What counts as an edit of a method's file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import nas_selection_bench
from nas_selection_bench.bench.work.code_digest import DESCRIPTIONS, code_digest

CODE = '''"""A method."""
# Why.
from math import (
    log,  # natural
)


class Thing:
    """A thing."""

    paper = "The first"
    size = 3  # units
    """How large."""

    def value(self, text: str = "# no comment") -> float:
        """Its value."""
        return log(self.size) + len(text)


THING = Thing(
    differs=(
        "much"  # in the code
        " and often"
    ),
    weight=1,
)
'''
FILES = sorted(
    path
    for room in ("selectors", "supernets")
    for path in (Path(nas_selection_bench.__file__).parent / room).glob("*.py")
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A method."""', '"""A method,\n\nin more words: \N{GREEK SMALL LETTER TAU}."""'),
        ("# Why.", "# Why, \N{GREEK SMALL LETTER TAU}.\n# And why not."),
        ("from math import (\n    log,  # natural\n)", "from math import log"),
        ('    """A thing."""\n\n', ""),
        ('    """How large."""\n', ""),
        ("  # units", ""),
        ('"""Its value."""', "'Its worth.'"),
        ('paper = "The first"', 'paper = (\n        "The first,"\n        " again"\n    )'),
        ('(\n        "much"  # in the code\n        " and often"\n    )', '"little"'),
        ("\n\n\n", "\n\n"),
        ("\n", "\r\n"),
    ],
)
def test_prose_and_imports_do_not_count(old: str, new: str) -> None:
    assert old in CODE
    assert code_digest(CODE.replace(old, new).encode()) == code_digest(CODE.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size = 3", "size = 4"),
        ("# no comment", "# a comment"),
        ("log(self", "(self"),
        ("value", "worth"),
        ('paper = "The first"', "paper = first()"),
        ("weight=1", "weight=2"),
    ],
)
def test_code_counts(old: str, new: str) -> None:
    assert old in CODE
    assert code_digest(CODE.replace(old, new, 1).encode()) != code_digest(CODE.encode())


def test_a_statement_that_moves_into_a_block_counts() -> None:
    inside, behind = "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"
    assert code_digest(inside.encode()) != code_digest(behind.encode())


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_each_method_without_its_prose_has_the_same_digest(file: Path) -> None:
    """Python's own printer knows no comment; what is left of layout it changes in both."""
    tree = ast.parse(file.read_bytes())
    printed = ast.unparse(tree)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _prose(part)] or [ast.Pass()]  # type: ignore[attr-defined]
    for text in _descriptions(tree):
        text.value = "other words"
    bare = ast.unparse(tree)
    filled = [line for line in bare.splitlines() if line.strip() != "pass"]
    assert code_digest(printed.encode()) == code_digest("\n".join(filled).encode())


def _descriptions(tree: ast.AST) -> Iterator[ast.Constant]:
    """The texts by which a method describes itself."""
    for node in ast.walk(tree):
        name = node.arg if isinstance(node, ast.keyword) else None
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        if name in DESCRIPTIONS and isinstance(value := node.value, ast.Constant):  # type: ignore[attr-defined]
            yield value


def _prose(node: ast.AST) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return text or isinstance(node, ast.Import | ast.ImportFrom)
