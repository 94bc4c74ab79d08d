"""CUDA graphs on the emulated device: what is recorded, what a capture leaves undone, and what a replay does.

Between `capture_begin` and `capture_end` every operation is recorded with its very tensors. A capture executes nothing:
at its end all memory that was there before is put back, and what was computed is filled with nan. `replay` runs the
record into the same memory. So a Python number that was baked in, an input that is no longer the one read, or a value
that existed only during the capture changes the results, as it would on a GPU.
"""

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
        """Memory that belongs to the graph."""
        self._own[_memory(held)] = held

    def before(self, written: list[Any]) -> None:
        """Keep what lies where an operation is about to write."""
        for tensor in tensors_in(written):
            key = _memory(tensor)
            if key not in self._own and key not in self._before:
                whole = torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())
                self._before[key] = whole, whole.clone()

    def record(self, func: Any, facts: Facts, args: list[Any], kwargs: dict[str, Any], out: Any) -> None:
        """One operation that has just run."""
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
        """Nothing of this has happened."""
        for whole, value in self._before.values():
            whole.copy_(value)
        for tensor in self._own.values():
            if tensor.is_floating_point():
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                whole.fill_(float("nan"))

    def replay(self) -> None:
        """Run it all, into the same memory."""
        for func, args, kwargs, results in self._steps:
            for kept, new in zip(results, tensors_in([compute(func, args, kwargs)]), strict=False):
                if _memory(kept) != _memory(new):
                    kept.copy_(new)


class Graph:
    """torch.cuda.CUDAGraph."""

    def __init__(self) -> None:
        self._tape: Tape | None = None

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        """Record from here on."""
        if OWN.tape is not None:
            raise DeviceError("a capture is under way already")
        OWN.tape = Tape()
        STATE.captures += 1

    def capture_end(self) -> None:
        """Raises where something was asked for that a capture does not allow."""
        tape, OWN.tape = OWN.tape, None
        tape.end()
        if tape.invalid:
            raise DeviceError("operation failed due to a previous error during capture")
        self._tape = tape

    def replay(self) -> None:
        """Run what was recorded."""
        assert self._tape is not None, "nothing was captured"
        STATE.replays += 1
        with torch.no_grad():
            self._tape.replay()

    def reset(self) -> None:
        """Forget it."""
        self._tape = None
