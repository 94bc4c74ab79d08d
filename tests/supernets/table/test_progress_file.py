"""The trials of a table that are already trained are kept, together with their settings."""

from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.supernets.table import __main__ as make_table
from nas_selection_bench.supernets.table.progress_file import TableProgress


@pytest.mark.parametrize("now", ["bf16", "tf32"])
def test_a_file_of_before_the_arithmetic_was_told_counts_as_the_default(tmp_path: Path, now: str) -> None:
    path, here = tmp_path / "p", {"dataset": "own", **make_table.UNTOLD}
    progress = TableProgress(path, {"dataset": "own"}, classes=4, trials=1)
    progress.put(0, np.array([1]), [50.0], [40.0])
    progress.write()
    again = TableProgress(path, here, 4, 1, make_table.UNTOLD)
    assert again.test[1, 0] == 50.0
    again.write()
    assert TableProgress(path, here, classes=4, trials=1).test[1, 0] == 50.0, "it tells from then on"
    with pytest.raises(UsageError, match=f"precision float32, now {now}"):
        TableProgress(path, {**here, "precision": now}, 4, 1, make_table.UNTOLD)


def test_progress_keeps_trials_and_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "p"
    progress = TableProgress(path, {"a": 1}, classes=4, trials=1)
    progress.put(0, np.array([1, 3]), [50.0, 60.0], [40.0, 30.0])
    progress.write()
    again = TableProgress(path, {"a": 1}, classes=4, trials=2)
    assert again.missing(0, np.array([3, 2, 1, 0])).tolist() == [2, 0]
    assert again.missing(1, np.array([3, 2])).tolist() == [3, 2]
    assert again.valid[3, 0] == 30.0
    again.write()
    assert TableProgress(path, {"a": 1}, classes=4, trials=1).test.shape == (4, 2)
    with pytest.raises(UsageError):
        TableProgress(path, {"a": 2}, classes=4, trials=1)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError):
        TableProgress(path, {"a": 1}, classes=4, trials=1)
