"""curvature.csv is read exactly as it was written, or refused."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.work.curvature_file import (
    COLUMNS,
    CURVATURE_FILE,
    eigenvalues,
    read_curvature,
    write_curvature,
)


def written(folder: Path, values: list[float]) -> bytes:
    rows = [("digits", "darts[a=1,b=2]", seed, 4, f"{seed:012x}", value) for seed, value in enumerate(values)]
    write_curvature(folder, [dict(zip(COLUMNS[:-1], row, strict=True)) for row in rows])
    return (folder / CURVATURE_FILE).read_bytes()


@given(st.lists(st.floats(), max_size=5))
def test_values_come_back_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    folder = tmp_path_factory.mktemp("curvature")
    written(folder, values)
    read = eigenvalues(folder)
    assert list(read) == [f"{seed:012x}" for seed in range(len(values))]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(read.values(), values, strict=True))


def test_any_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    good = written(tmp_path, [0.25, 1e-9, 12345.678])
    values = eigenvalues(tmp_path)
    refused = 0
    for place in range(0, 8 * len(good), 3):
        damaged = bytearray(good)
        damaged[place // 8] ^= 1 << place % 8
        (tmp_path / CURVATURE_FILE).write_bytes(damaged)
        try:
            assert eigenvalues(tmp_path) == values
        except DataError as error:
            refused += 1
            assert CURVATURE_FILE in str(error) and "\n" not in str(error)
    assert refused > 2 * len(good)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"checkpoint,eigenvalue\na,1\n", b'"', b"\0" * 100],
    ids=["empty", "no text", "other columns", "quote", "zeros"],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CURVATURE_FILE).write_bytes(content)
    with pytest.raises(DataError, match="curvature"):
        read_curvature(tmp_path)


def test_nothing_measured_is_nothing(tmp_path: Path) -> None:
    assert read_curvature(tmp_path / "nowhere") == [] and eigenvalues(tmp_path) == {}
