"""A task finds its files even if the process has changed its working directory."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.plan import PlannedSupernet
from nas_selection_bench.bench.work.presets import settings_for
from nas_selection_bench.bench.work.record import DONE
from nas_selection_bench.bench.work.tasks import TrainTask, Workplace
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
