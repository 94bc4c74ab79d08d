"""Measures the cost of a selection: seconds of scoring, seconds of tuning, passes and peak memory."""

import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from nas_selection_bench.bench.problem.selection import Cost
from nas_selection_bench.supernets.network.accelerator import accelerator, on_gpu


def alone() -> bool:
    """Whether this is the main thread. Jobs that share a GPU run in other threads and share its memory statistics."""
    return threading.current_thread() is threading.main_thread()


class Meter:
    """Measures time, passes and memory while a selector runs, without the benchmark's own work (`aside`)."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.forward_passes = 0
        self.backward_passes = 0
        self._paused = 0.0
        self._tuning = 0.0
        self._aside = False
        self._reset_peak()
        self._start = self._now()

    def _now(self) -> float:
        if on_gpu(self.device):
            # Only this stream: synchronising the device would break a graph capture in another thread.
            accelerator(self.device).current_stream(self.device).synchronize()
        return time.perf_counter()

    def count(self, forward: int = 0, backward: int = 0) -> None:
        """Add forward and backward passes of one mini-batch, unless inside of `aside`."""
        if not self._aside:
            self.forward_passes += forward
            self.backward_passes += backward

    @contextmanager
    def tuning(self) -> Iterator[None]:
        """Count time spent in this context as tuning, not scoring; time in `aside`, within or around, is neither."""
        if self._aside:
            yield
            return
        start, paused = self._now(), self._paused
        try:
            yield
        finally:
            self._tuning += self._now() - start - (self._paused - paused)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Do not count time and passes in this context, because the work is not part of the method.

        Used for the scores of all edges at the checkpoint: the measures need them, but a method that decides one edge
        at a time does not compute them.
        """
        if self._aside:
            yield
            return
        start = self._now()
        self._aside = True
        try:
            yield
        finally:
            self._aside = False
            self._paused += self._now() - start

    def watch(self, module: nn.Module) -> None:
        """Count the forward passes of `module` and the backward passes through its output from now on."""
        meter = self

        def after_forward(_module: nn.Module, _inputs: object, output: object) -> None:
            meter.count(forward=1)
            if isinstance(output, torch.Tensor) and output.requires_grad:
                output.register_hook(lambda _gradient: meter.count(backward=1))

        module.register_forward_hook(after_forward)

    def cost(self) -> Cost:
        """The cost since this meter was made."""
        total = self._now() - self._start
        return Cost(
            scoring_seconds=max(0.0, total - self._tuning - self._paused),
            tuning_seconds=self._tuning,
            forward_passes=self.forward_passes,
            backward_passes=self.backward_passes,
            peak_memory_bytes=self._peak(),
        )

    def _reset_peak(self) -> None:
        if on_gpu(self.device):
            if alone():
                accelerator(self.device).reset_peak_memory_stats(self.device)
            return
        peak = Path("/proc/self/clear_refs")  # Linux: writing "5" resets the high-water mark for this cell
        if peak.exists():
            try:
                peak.write_text("5")
            except OSError:  # some kernels and containers forbid it; the mark is then that of the whole process
                return

    def _peak(self) -> int | None:
        if on_gpu(self.device):
            return int(accelerator(self.device).max_memory_allocated(self.device)) if alone() else None
        status = Path("/proc/self/status")
        if status.exists():
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
