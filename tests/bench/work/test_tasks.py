"""What a task reports of an error, and that it finds its files whatever the working directory."""

import errno
import os
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.plan import PlannedSupernet
from nas_selection_bench.bench.work.presets import settings_for
from nas_selection_bench.bench.work.record import DONE
from nas_selection_bench.bench.work.tasks import TrainTask, Workplace, failure
from nas_selection_bench.bench.work.workers import Pool
from tests.bench import fake_bench


def test_a_relative_cache_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    supernets = fake_bench.methods().supernets
    place = Workplace(supernets, fake_bench.work, Path("data"), Path("cache"), "cpu", Pool(1, "none", 1))
    assert (place.data_root, place.cache) == (tmp_path / "data", tmp_path / "cache")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    supernet = PlannedSupernet(SupernetJob("digits", "steady", 0, 0, settings_for("digits")), "key", "former", 1)
    assert TrainTask(supernet, 1, place)().state == DONE
    assert supernet.folder(tmp_path / "cache").is_dir() and not any((tmp_path / "elsewhere").iterdir())


def test_a_sentence_for_the_user_stands_without_its_class() -> None:
    told = failure(DataError("The file x is damaged; delete it."), 0.0)
    assert (told.reason, told.disk_trouble, told.device_lost) == ("The file x is damaged; delete it.", "", "")
    assert failure(ValueError("x"), 0.0).reason == "ValueError: x"
    assert failure(ValueError(), 0.0).reason == "ValueError"


def test_a_full_disk_gives_one_sentence_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError) as caught:
        write_whole(tmp_path / "x", b"x")
    assert failure(caught.value, 0.0).disk_trouble == str(caught.value)
    by_method = failure(OSError(errno.ENOSPC, "No space left on device"), 0.0)
    assert by_method.reason in by_method.disk_trouble and by_method.disk_trouble.endswith("run the command again.")
