"""Python's literals in texts from outside."""

import ast
import warnings
from typing import Any


def literal(text: str) -> Any:
    """The value of a literal of Python, without Python's warnings of what it nearly spells; raises DAMAGE."""
    with warnings.catch_warnings(action="ignore"):
        return ast.literal_eval(text)
