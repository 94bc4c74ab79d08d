"""The example of docs/distributed.md on one machine: a scheduler and two workers in separate folders."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import ExitCode
from tests.bench import fake_bench

pytest.importorskip("distributed")

pytestmark = pytest.mark.program

LONGEST_START = 120
"""Seconds that a cluster may take to start on a loaded machine."""


def started(stack: ExitStack, folder: Path, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a process of the cluster in `folder`; it ends with the test."""
    folder.mkdir()
    variables = {**os.environ, "PYTHONPATH": str(fake_bench.ROOT), "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def waited_for(path: Path) -> None:
    end = time.monotonic() + LONGEST_START
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.1)


def cluster(stack: ExitStack, tmp_path: Path, **of_workers: str) -> str:
    """Start a cluster with two workers; return the scheduler's address. `of_workers` may refer to the {node}."""
    file = tmp_path / "scheduler.json"
    started(stack, tmp_path / "node 0", "dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
            "--scheduler-file", str(file))  # fmt: skip
    waited_for(file)
    for node in ("node 1", "node 2"):
        variables = {name: value.format(node=tmp_path / node) for name, value in of_workers.items()}
        started(stack, tmp_path / node, "dask_worker", "--scheduler-file", str(file), "--nthreads", "1",
                "--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path / node), **variables)  # fmt: skip
    return str(json.loads(file.read_text())["address"])


@pytest.mark.parametrize("shared", [True, False], ids=["one cache", "a cache on each node"])
def test_two_nodes_give_the_results_of_one(
    shared: bool, place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOBLIB_MULTIPROCESSING", raising=False)
    command = [*place, "--selectors", "alphas,random,ranks,fails", "--seeds", "4"]
    ended = fake_bench.run(*command)
    alone = fake_bench.results(tmp_path / "out")
    spread = [str(tmp_path / "spread") if word == str(tmp_path / "out") else word for word in command]
    spread = [str(tmp_path / "cache of the run") if word == str(tmp_path / "cache") else word for word in spread]
    spread[spread.index("--jobs") + 1] = "2"
    with ExitStack() as stack:
        address = cluster(stack, tmp_path, **({} if shared else {"NAS_BENCH_CACHE": "{node}/cache"}))
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        assert fake_bench.run(*spread, "--backend", "dask") == ended == ExitCode.SOME_CELLS_FAILED
        results = fake_bench.results(tmp_path / "spread")
        assert results == alone and len(results) > 15
        caches = [sorted(path.name for path in (tmp_path / node).rglob("[0-9]*.json")) for node in ("node 1", "node 2")]
        assert all(caches) != shared, "each node keeps checkpoints of its own only where it does not share"
        trained = sorted((tmp_path / "cache of the run").rglob("[0-9]*.json"))
        assert [path.read_bytes() for path in trained] == [
            path.read_bytes() for path in sorted((tmp_path / "cache").rglob("[0-9]*.json"))
        ]
