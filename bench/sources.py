"""Digests of the program itself: numbers kept in a file are believed by the program that computed them alone."""

import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_PACKAGE = Path(__file__).parents[1]


def program(*rooms: str) -> list[bytes]:
    """Everything that numbers from these folders of the package depend on.

    The versions of Python and NumPy, then the path and the text of each source in order of their paths.
    """
    sources = [(path, path.relative_to(_PACKAGE)) for room in rooms for path in sorted((_PACKAGE / room).rglob("*.py"))]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}".encode()
    return [versions, *(part for path, name in sources for part in (name.as_posix().encode(), path.read_bytes()))]


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 of the parts and of where each ends."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(part)
    return whole.hexdigest()
