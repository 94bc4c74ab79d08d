"""CUDA graphs on the emulated device: recording, the state after a capture, and replay.

Between `capture_begin` and `capture_end` every operation is recorded with the tensors themselves. As on a GPU, a
capture has no effect: at its end, all memory that existed before is restored, and everything computed is filled with
nan. `replay` repeats the recorded operations in the same memory. So a Python number that was baked in, an input that is
no longer the one being read, or a value that existed only during the capture changes the results, as it would on a GPU.
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor

from tests.emulated.device import OWN, STATE, DeviceError, Facts, compute, tensors_in


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class Tape:
    """The record of one capture."""

    def __init__(self) -> None:
        self.invalid = False
        self._steps: list[tuple[Any, list[Any], dict[str, Any], list[Tensor]]] = []
        self._before: dict[int, tuple[Tensor, Tensor]] = {}
        self._own: dict[int, Tensor] = {}
        self._kept: list[Tensor] = []

    def allocated(self, held: Tensor) -> None:
        """Note memory that belongs to the graph."""
        self._own[_memory(held)] = held

    def before(self, written: list[Any]) -> None:
        """Save the memory that an operation is about to overwrite."""
        for tensor in tensors_in(written):
            key = _memory(tensor)
            if key not in self._own and key not in self._before:
                whole = torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())
                self._before[key] = whole, whole.clone()

    def record(self, func: Any, facts: Facts, args: list[Any], kwargs: dict[str, Any], out: Any) -> None:
        """Record an operation that has just run."""
        results = list(tensors_in([out]))
        read = list(tensors_in(args))
        known = {_memory(t) for t in read}
        self._kept += read
        fresh = [t for t in results if _memory(t) not in known]
        for tensor in fresh:
            self._own[_memory(tensor)] = tensor
        if fresh or facts.writes:
            self._steps.append((func, args, kwargs, results))

    def end(self) -> None:
        """Undo the capture: restore overwritten memory, and fill the memory of the graph with nan."""
        for whole, value in self._before.values():
            whole.copy_(value)
        for tensor in self._own.values():
            if tensor.is_floating_point():
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                whole.fill_(float("nan"))

    def replay(self) -> None:
        """Repeat all operations in the same memory."""
        for func, args, kwargs, results in self._steps:
            for kept, new in zip(results, tensors_in([compute(func, args, kwargs)]), strict=False):
                if _memory(kept) != _memory(new):
                    kept.copy_(new)


GRAPHS: Counter[Any] = Counter()
"""How many graphs of each memory pool exist."""


class Graph:
    """The counterpart of torch.cuda.CUDAGraph."""

    def __init__(self) -> None:
        self._tape: Tape | None = None
        self._pool: Any = None

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        """Start recording; raises DeviceError for a pool all of whose graphs are gone, as torch's allocators do."""
        if OWN.tape is not None:
            raise DeviceError("a capture is under way already")
        if pool in GRAPHS and not GRAPHS[pool]:
            raise DeviceError("it->second->use_count > 0 INTERNAL ASSERT FAILED")
        OWN.tape = Tape()
        if pool is not None:
            self._pool = pool
            GRAPHS[pool] += 1
        STATE.captures += 1

    def capture_end(self) -> None:
        """Stop recording; raises DeviceError if an operation was not allowed during the capture."""
        tape, OWN.tape = OWN.tape, None
        tape.end()
        if tape.invalid:
            raise DeviceError("operation failed due to a previous error during capture")
        self._tape = tape

    def replay(self) -> None:
        """Run the recorded operations."""
        assert self._tape is not None, "nothing was captured"
        STATE.replays += 1
        with torch.no_grad():
            self._tape.replay()

    def reset(self) -> None:
        """Discard the recording."""
        self._tape = None

    def __del__(self) -> None:
        if self._pool is not None:
            GRAPHS[self._pool] -= 1
