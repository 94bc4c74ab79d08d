"""A cache of agreements over the whole space and of p values, kept in a file beside the results.

Tau over 15,625 architectures, or the p of 100 differences, takes a millisecond, and a page of 12,591 selections needs
tens of thousands of them. A number is looked up by the content of what it compares, so that it cannot belong to
anything else, and it is used only by the program that computed it: the seal of the file changes with every source file
that a number could depend on.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.sources import program

AGREEMENTS_FILE = "agreements.bin"
_ROOMS = ("bench/problem", "bench/yardsticks")
"""Folders of the sources that compute the numbers."""
_ENTRY = np.dtype([("content", "<u8"), ("value", "<f8")])
_DIGEST = 8


class Agreements:
    """Numbers, looked up by what they were computed from."""

    def __init__(self, kept: dict[int, float] | None = None):
        self._kept = kept or {}
        self._used: dict[int, float] = {}

    @classmethod
    def read(cls, folder: Path, audited: int | None = None) -> "Agreements":
        """The numbers kept in an output folder; none if the file is missing, damaged or from another program.

        With `audited`, one number in `audited` is left out, so that it is computed again.
        """
        try:
            content = (folder / AGREEMENTS_FILE).read_bytes()
        except OSError:
            return cls()
        entries = entries_of(content)
        if len(entries) % _ENTRY.itemsize or content != entries + _sealed(entries):
            return cls()
        kept = np.frombuffer(entries, dtype=_ENTRY)
        if audited is not None:
            kept = kept[kept["content"] % audited != 0]
        return cls(dict(zip(kept["content"].tolist(), kept["value"].tolist(), strict=True)))

    def write(self, folder: Path) -> None:
        """Write the numbers that were asked for, and no others, to the file in an output folder."""
        entries = np.array(sorted(self._used.items()), dtype=_ENTRY).tobytes()
        write_whole(folder / AGREEMENTS_FILE, entries + _sealed(entries))

    def holds(self, name: str, *content: NDArray[np.generic] | bytes) -> bool:
        """Whether the number called `name` of this content is known and need not be computed."""
        key = _key(name, *content)
        return key in self._used or key in self._kept

    def number(self, compute: Callable[[], float], name: str, *content: NDArray[np.generic] | bytes) -> float:
        """The number called `name` of this content; `compute` is called only if it is not known."""
        key = _key(name, *content)
        if key not in self._used:
            self._used[key] = self._kept[key] if key in self._kept else compute()
        return self._used[key]


def entries_of(content: bytes) -> bytes:
    """The entries in the content of a file, without the seal of the program that wrote it."""
    return content[:-_DIGEST]


def fingerprint(values: NDArray[np.generic]) -> bytes:
    """A digest that stands for a large array in the content of a number."""
    return _digest(values.tobytes())


def _key(name: str, *content: NDArray[np.generic] | bytes) -> int:
    return int.from_bytes(_digest(name.encode(), *content), "little")


def _sealed(entries: bytes) -> bytes:
    return _digest(_program(), entries)


@cache
def _program() -> bytes:
    """Digest of the sources that compute the numbers, and of the versions of Python and NumPy."""
    return _digest(*program(*_ROOMS))


def _digest(*parts: NDArray[np.generic] | bytes) -> bytes:
    contents = [part if isinstance(part, bytes) else part.tobytes() for part in parts]
    whole = b"".join([len(content).to_bytes(8, "little") + content for content in contents])
    return hashlib.blake2b(whole, digest_size=_DIGEST).digest()
