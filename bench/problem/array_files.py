"""Readers for .npy and .npz files: without pickles, and without numpy's warnings about files that it cannot read."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def open_npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The arrays of an .npz file by name, each read on access; raises OSError or one of `bench.errors.DAMAGE`."""
    with warnings.catch_warnings(action="ignore"), np.load(path, allow_pickle=False) as file:
        yield file


def open_npy(path: Path) -> np.ndarray:
    """The array of an .npy file, not yet read into memory; raises OSError or one of `bench.errors.DAMAGE`."""
    with warnings.catch_warnings(action="ignore"):
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
