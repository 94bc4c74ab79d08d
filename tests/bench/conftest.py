"""Fixtures for whole runs with fake methods."""

from pathlib import Path

import pytest

from tests.bench import fake_bench


@pytest.fixture(scope="module")
def fake_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_bench.make_table(tmp_path_factory.mktemp("table") / "table.npz")


@pytest.fixture
def place(tmp_path: Path, fake_table: Path) -> list[str]:
    """Arguments that keep a run inside the test's folder."""
    return ["--device", "cpu", "--jobs", "1", "--threads", "1", "--table", str(fake_table),
            "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--data-root", str(tmp_path / "data"),
            "--supernets", "steady"]  # fmt: skip


@pytest.fixture
def worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs start worker processes, as they do for users."""
    monkeypatch.delenv("JOBLIB_MULTIPROCESSING", raising=False)
