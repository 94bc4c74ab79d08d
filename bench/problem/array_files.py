"""Arrays in .npy and .npz files: no pickles, and no word of numpy's own about a file that it cannot read."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def arrays_of(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The arrays of an .npz file by name, each read when it is asked for; raises OSError, and DAMAGE."""
    with warnings.catch_warnings(action="ignore"), np.load(path, allow_pickle=False) as file:
        yield file


def array_of(path: Path) -> np.ndarray:
    """The array of an .npy file, not yet read into memory; raises OSError, and DAMAGE."""
    with warnings.catch_warnings(action="ignore"):
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
