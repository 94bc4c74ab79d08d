"""A training step, run over and over: on a GPU captured once as a CUDA graph and replayed.

The supernet launches many small kernels; replaying a graph costs one launch. The step must be a
plain function of its input tensors that changes tensors in place and never asks the device for a
number. Where a step cannot be captured it runs eagerly, and the user is told why.
"""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

EAGER_CALLS = 3
"""Calls before the capture: they are ordinary steps, and libraries set themselves up during them."""

_one_capture = threading.Lock()
"""Supernets may train in threads of one process; captures share the device's random generator, so they take turns."""

_of_thread = threading.local()


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Everything inside runs on a stream of its own on a GPU, as graph capture needs; waits for it at the end."""
    if device.type != "cuda":
        yield
        return
    # One for each thread: memory that torch caches for a stream serves no other.
    if device not in (streams := vars(_of_thread).setdefault("streams", {})):
        streams[device] = torch.cuda.Stream(device)
    stream = streams[device]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.device(device), torch.cuda.stream(stream):
        try:
            yield
        finally:
            stream.synchronize()


class Repeated:
    """`step(*tensors)`, captured after a few calls where the device can; the result stays valid until the next call."""

    def __init__(self, step: Callable[..., Tensor | None], device: torch.device, *, capturable: bool = True) -> None:
        self._step = step
        self._capture_at = EAGER_CALLS if device.type == "cuda" and capturable else None
        self._calls = 0
        self._inputs: list[Tensor | None] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Tensor | None = None

    def __call__(self, *tensors: Tensor | None) -> Tensor | None:
        """Run the step on `tensors`, always of the same shapes."""
        if self._capture_at is None:
            return self._step(*tensors)
        if not self._inputs:
            self._inputs = [None if t is None else torch.empty_like(t) for t in tensors]
        for static, tensor in zip(self._inputs, tensors, strict=True):
            if static is not None and tensor is not None:
                static.copy_(tensor)
        if self._calls == self._capture_at:
            self._capture()
        self._calls += 1
        if self._graph is None:
            return self._step(*self._inputs)
        self._graph.replay()
        return self._result

    def _capture(self) -> None:
        graph = torch.cuda.CUDAGraph()
        with _one_capture:
            # A capture allocates from memory of its own and may not give cached memory back to get it.
            free, whole = torch.cuda.mem_get_info()
            if free < whole / 4:
                torch.cuda.empty_cache()
            graph.capture_begin(capture_error_mode="thread_local")
            failure: RuntimeError | None = None
            try:
                self._result = self._step(*self._inputs)
            except RuntimeError as reason:
                failure = reason
            finally:  # also where it is interrupted: the stream must not stay in capture
                try:
                    graph.capture_end()
                except RuntimeError as reason:  # an invalid capture says so again when it ends
                    failure = failure or reason
        if failure is None:
            self._graph = graph
        else:
            self._capture_at = None
            self._refuse(failure)

    def _refuse(self, reason: RuntimeError) -> None:
        line = (str(reason).strip() or type(reason).__name__).splitlines()[0]
        warnings.warn(f"no CUDA graph, training runs eagerly and slower: {line}", RuntimeWarning, stacklevel=4)
