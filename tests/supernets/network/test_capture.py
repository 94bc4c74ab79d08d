"""Captures follow the rules of torch's allocators, which a stand-in for torch.cuda enforces here."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from weakref import ref

import pytest
import torch
from torch import Tensor

from nas_selection_bench.supernets.network import cuda_graph
from nas_selection_bench.supernets.network.cuda_graph import EAGER_CALLS, Repeated, captures_given_up

CPU = torch.device("cpu")


class Gpu:
    """Counts the graphs of each memory pool, as torch's allocators do for devices and for pinned memory."""

    def __init__(self) -> None:
        self.graphs: Counter[int] = Counter()
        self.captured = 0
        self.ends_badly = False
        self._handles = count(1)

    def graph_pool_handle(self) -> int:
        return next(self._handles)

    def empty_cache(self) -> None:
        """Do nothing: torch.cuda.empty_cache forgets no pool of pinned memory."""

    def CUDAGraph(self) -> "Graph":
        return Graph(self)


class Graph:
    def __init__(self, gpu: Gpu) -> None:
        self._gpu, self._pool = gpu, 0

    def capture_begin(self, pool: int, capture_error_mode: str) -> None:
        if pool in self._gpu.graphs and not self._gpu.graphs[pool]:
            raise RuntimeError("it->second->use_count > 0 INTERNAL ASSERT FAILED")
        self._pool = pool
        self._gpu.graphs[pool] += 1

    def capture_end(self) -> None:
        if not self._pool or self._gpu.ends_badly:
            raise RuntimeError("operation failed due to a previous error during capture")
        self._gpu.captured += 1

    def replay(self) -> None:
        """Do nothing."""

    def __del__(self) -> None:
        if self._pool:
            self._gpu.graphs[self._pool] -= 1


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpu]:
    """The stand-in, as the module that the CPU's tensors belong to."""

    @contextmanager
    def nothing_seen() -> Iterator[Any]:
        yield type("Seen", (), {"reads": []})

    found = Gpu()
    monkeypatch.setattr(cuda_graph, "on_gpu", lambda device: True)
    monkeypatch.setattr(cuda_graph, "accelerator", lambda device: found)
    monkeypatch.setattr(cuda_graph, "HostSyncRecorder", nothing_seen)
    monkeypatch.setattr(cuda_graph, "_failed", [])
    monkeypatch.setattr(cuda_graph._of_thread, "pools", {}, raising=False)
    yield found


def called_often(run: Repeated, times: int = EAGER_CALLS + 2) -> None:
    for _ in range(times):
        run(torch.ones(2))


def test_graphs_are_captured_after_all_earlier_ones_are_gone(gpu: Gpu) -> None:
    for _ in range(3):
        run = Repeated(lambda x: x, CPU)
        called_often(run)
        del run
    assert gpu.captured == 3 and not captures_given_up()


def test_graphs_that_exist_at_once_share_a_pool(gpu: Gpu) -> None:
    runs = [Repeated(lambda x: x, CPU) for _ in range(3)]
    for run in runs:
        called_often(run)
    assert list(gpu.graphs.values()) == [3]
    del runs[0], run
    called_often(last := Repeated(lambda x: x, CPU))
    assert list(gpu.graphs.values()) == [3] and last is not None


@pytest.mark.filterwarnings("ignore:no CUDA graph")
def test_a_step_without_enough_memory_for_a_capture_goes_on_eagerly_and_others_are_captured(gpu: Gpu) -> None:
    calls: list[ref[Tensor]] = []

    def step(x: Tensor) -> Tensor:
        activations = x * 2
        calls.append(ref(activations))
        if len(calls) == EAGER_CALLS + 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
        return activations

    gc.disable()
    try:
        run = Repeated(step, CPU)
        called_often(run, EAGER_CALLS + 3)
        assert len(calls) == EAGER_CALLS + 4
        # Neither the traceback nor the abandoned graph holds memory.
        assert calls[EAGER_CALLS]() is None and not any(gpu.graphs.values())
    finally:
        gc.enable()
    assert not captures_given_up()
    called_often(Repeated(lambda x: x, CPU))
    assert gpu.captured == 2


@pytest.mark.parametrize("begins", [True, False])
def test_after_a_capture_that_cannot_be_ended_the_process_captures_no_more(gpu: Gpu, begins: bool) -> None:
    gpu.ends_badly = True
    if not begins:
        gpu.graphs[1] = 0
    steps = Counter[str]()

    def step(x: Tensor) -> Tensor:
        steps["run"] += 1
        return x

    with pytest.warns(RuntimeWarning, match="previous error" if begins else "use_count"):
        called_often(Repeated(step, CPU))
    assert captures_given_up() and steps["run"] == EAGER_CALLS + 2 + begins
    gpu.ends_badly = False
    called_often(Repeated(step, CPU))
    assert gpu.captured == 0
