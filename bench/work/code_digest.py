"""A digest of the code of a module, which names the version of a method that gave a result."""

import ast
import io
import tokenize
from collections.abc import Iterator
from importlib.util import decode_source

from nas_selection_bench.bench.seeds import short_digest

DESCRIPTIONS = frozenset(
    ("paper", "equation", "formula", "direction", "passes", "differs", "offers", "alpha_start", "alpha_update")
)
"""The texts by which methods describe themselves in lists and reports."""

Span = tuple[int, int, int, int]
"""First line (from 0), its first byte, last line, and the byte after the last."""


def code_digest(content: bytes) -> str:
    """16 hex digits that change with the code in `content`, but not with its prose or its imports.

    Prose is comments, docstrings and DESCRIPTIONS. None of it changes a result, nor does an import: a module that is
    imported may have moved. Raises SyntaxError or ValueError for what is not Python.
    """
    text = decode_source(content)
    lines = [line.encode() for line in text.split("\n")]
    spans = [*_prose_and_imports(ast.parse(text)), *_comments(text)]
    for first, start, last, end in sorted(spans, reverse=True):
        kept = lines[first][:start] + lines[last][end:]
        lines[first : last + 1] = [kept] + [b""] * (last - first)
    code = (line.rstrip() for line in lines)
    return short_digest(b"\n".join(line for line in code if line))


def _prose_and_imports(tree: ast.AST) -> Iterator[Span]:
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                pass
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case (
                ast.keyword(arg=name, value=ast.Constant(value=str()))
                | ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str()))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str()))
            ) if name in DESCRIPTIONS:
                pass
            case _:
                continue
        assert node.end_lineno is not None and node.end_col_offset is not None
        yield node.lineno - 1, node.col_offset, node.end_lineno - 1, node.end_col_offset


def _comments(text: str) -> Iterator[Span]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            (line, column), end = token.start, len(token.line.encode())
            yield line - 1, len(token.line[:column].encode()), line - 1, end
