"""Reading array files."""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.errors import DAMAGE
from nas_selection_bench.bench.problem.array_files import open_npy, open_npz


def all_of(path: Path) -> dict[str, np.ndarray]:
    with open_npz(path) as file:
        return {name: file[name] for name in file.files}


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "b.npz", one=values, two=values + 1)
    assert np.array_equal(open_npy(tmp_path / "a.npy"), values)
    read = all_of(tmp_path / "b.npz")
    assert np.array_equal(read["one"], values) and np.array_equal(read["two"], values + 1)


@pytest.mark.parametrize("shape", ["(4if 1 else 4,)", "(0x4or 4,)", "('\\\\d',)", "(4,) if 1is 1", "(9**99,)"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_header_is_an_error_without_a_word_of_numpy(tmp_path: Path, shape: str, packed: bool) -> None:
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)
    path, read = tmp_path / "x.npy", open_npy
    path.write_bytes(content)
    if packed:
        path, read = tmp_path / "x.npz", all_of  # type: ignore[assignment]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", content)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(DAMAGE):
            read(path)
    assert not said


@pytest.mark.parametrize("read", [open_npy, all_of])
def test_objects_are_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (np.save if read is open_npy else np.savez)(tmp_path / "x.npz", np.array([{}, []], dtype=object), allow_pickle=True)
    path = tmp_path / ("x.npz.npy" if read is open_npy else "x.npz")
    with pytest.raises(ValueError, match=r"allow_pickle|Object arrays|memory-mapped"):
        read(path)
