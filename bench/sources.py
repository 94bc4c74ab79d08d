"""Digests of the program's own source, so that only the program that computed numbers in a file trusts them."""

import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_PACKAGE = Path(__file__).parents[1]


def program(*rooms: str) -> list[bytes]:
    """Everything that numbers computed in these folders of the package depend on, as bytes for `digest`.

    These are the versions of Python and NumPy, then for each folder the path and content of its source files, sorted
    by path.
    """
    sources = [(path, path.relative_to(_PACKAGE)) for room in rooms for path in sorted((_PACKAGE / room).rglob("*.py"))]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}".encode()
    return [versions, *(part for path, name in sources for part in (name.as_posix().encode(), path.read_bytes()))]


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256, in hex, of the parts and their lengths."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(part)
    return whole.hexdigest()
