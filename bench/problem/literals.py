"""Python literals in text from outside."""

import ast
import warnings
from typing import Any


def literal(text: str) -> Any:
    """The value of a Python literal, without Python's syntax warnings; raises one of `bench.errors.DAMAGE`."""
    with warnings.catch_warnings(action="ignore"):
        return ast.literal_eval(text)
