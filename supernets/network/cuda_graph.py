"""Repeat a training step: on a GPU, capture it once as a CUDA graph and replay the graph.

The supernet launches many small kernels; replaying a graph costs one launch. The step must be a
plain function of its input tensors that changes tensors in place and never reads a number back
from the device. This is checked before the capture, since a failed capture leaves torch's
allocator damaged. A step that cannot be captured runs eagerly, with a warning that gives the reason.
"""

import threading
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nas_selection_bench.bench.collector import uncollected
from nas_selection_bench.supernets.network.accelerator import accelerator, on_gpu

EAGER_CALLS = 3
"""Number of calls before the capture: ordinary steps, during which libraries initialise themselves."""

_one_capture = threading.Lock()
"""Supernets may train in threads of one process; captures share the device's random generator, so they take turns."""

_failed: list[Any] = []
"""Graphs whose capture failed: torch's allocator points at them for the lifetime of the process, which therefore
captures no further graph."""

_of_thread = threading.local()


def captures_given_up() -> bool:
    """Whether a capture has failed in this process, so that every further step runs eagerly."""
    return bool(_failed)


@contextmanager
def eagerly(wanted: bool = True) -> Iterator[None]:
    """Context in which no step is captured, if `wanted`."""
    global EAGER_CALLS
    before = EAGER_CALLS
    EAGER_CALLS = 10**9 if wanted else before
    try:
        yield
    finally:
        EAGER_CALLS = before


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """On a GPU, run everything inside on a separate stream, as graph capture requires, and wait for it at the end."""
    if not on_gpu(device):
        yield
        return
    gpu = accelerator(device)
    # One stream per thread: memory that torch caches for one stream cannot be used by another.
    stream = _own("streams", device, lambda: gpu.Stream(device))
    before = gpu.current_stream(device)
    stream.wait_stream(before)
    with gpu.device(device), gpu.stream(stream):
        try:
            yield
        finally:
            stream.synchronize()


def _own(kind: str, device: torch.device, make: Callable[[], Any]) -> Any:
    """This thread's object of `kind` for `device`, created by `make` on first use."""
    kept = vars(_of_thread).setdefault(kind, {})
    if device not in kept:
        kept[device] = make()
    return kept[device]


@dataclass
class _Pool:
    """Memory that the graphs of one thread share."""

    handle: Any
    graphs: WeakSet[Any] = field(default_factory=WeakSet)
    """Those of its graphs that still exist."""


def _pool(device: torch.device) -> tuple[_Pool, list[Any]]:
    """This thread's pool, and its graphs, at least one of which must be kept until the next capture has begun.

    Once all graphs of a pool are gone, torch's allocators refuse its handle, so the next graph gets a new pool.
    """
    pools: dict[torch.device, _Pool] = vars(_of_thread).setdefault("pools", {})
    graphs = list(pools[device].graphs) if device in pools else []
    if not graphs:
        pools[device] = _Pool(accelerator(device).graph_pool_handle())
    return pools[device], graphs


@dataclass
class _Replay:
    """The captured form of a step for one set of shapes and one phase."""

    inputs: list[Tensor | None]
    calls: int = 0
    graph: Any = None
    result: Tensor | None = None
    refused: bool = False


class Repeated:
    """`step(*tensors)`, captured after a few calls on a GPU; the result stays valid until the next call.

    Each combination of input shapes and `phase` has its own graph. The phase stands for everything, apart from the
    tensors, by which the host decides what a step does.
    """

    def __init__(self, step: Callable[..., Tensor | None], device: torch.device) -> None:
        self._step, self._device = step, device
        self._replays: dict[Hashable, _Replay] = {}

    def __call__(self, *tensors: Tensor | None, phase: Hashable = None) -> Tensor | None:
        """Run the step on `tensors`."""
        if not on_gpu(self._device):
            return self._step(*tensors)
        key = (phase, *(None if t is None else t.shape for t in tensors))
        if key not in self._replays:
            self._replays[key] = _Replay([None if t is None else torch.empty_like(t) for t in tensors])
        one = self._replays[key]
        for static, tensor in zip(one.inputs, tensors, strict=True):
            if static is not None and tensor is not None:
                static.copy_(tensor)
        if one.calls == EAGER_CALLS:
            self._capture(one)
        one.calls += 1
        if one.graph is not None:
            one.graph.replay()
            return one.result
        if one.calls == EAGER_CALLS and not _failed:
            with HostSyncRecorder() as seen:
                result = self._step(*one.inputs)
            if seen.reads:
                one.refused = True
                self._tell(f"it waits for the device or copies between device and host ({seen.reads[0]})")
            return result
        return self._step(*one.inputs)

    def _capture(self, one: _Replay) -> None:
        if one.refused or _failed:
            return
        gpu = accelerator(self._device)
        graph = gpu.CUDAGraph()
        with _one_capture, uncollected():
            # A capture allocates from its own memory pool and cannot free cached memory to make room; nor may a
            # tensor or graph of other code be destroyed during the capture.
            gpu.empty_cache()
            failure = self._record(one, graph)
        if failure is None:
            one.graph = graph
            return
        one.refused, one.result = True, None
        self._tell(failure)

    def _record(self, one: _Replay, graph: Any) -> str | None:
        """Capture the step; return the reason if the capture failed, else None.

        The reason is text: an exception would keep the memory of the step alive, by its traceback.
        """
        pool, _others = _pool(self._device)
        failure: str | None = None
        try:
            graph.capture_begin(pool=pool.handle, capture_error_mode="thread_local")
            one.result = self._step(*one.inputs)
        except RuntimeError as reason:
            failure = _first_line(reason)
        finally:  # also if interrupted: the stream must not stay in capture mode
            try:
                graph.capture_end()
                pool.graphs.add(graph)
            except RuntimeError as reason:  # ending an invalid capture raises again
                _failed.append(graph)
                failure = failure or _first_line(reason)
        return failure

    def _tell(self, reason: str) -> None:
        warnings.warn(f"no CUDA graph, training runs eagerly and slower: {reason}", RuntimeWarning, stacklevel=4)


def _first_line(reason: RuntimeError) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0]


class HostSyncRecorder(TorchDispatchMode):
    """Record operations inside this context that wait for the device or copy between host and device."""

    WAIT = frozenset(
        getattr(torch.ops.aten, name)
        for name in ("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim")
    )
    INDEX = frozenset((torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_))
    COPY = frozenset((torch.ops.aten._to_copy, torch.ops.aten.copy_))

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []
        """Names of the recorded operations, in order."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        operation = func.overloadpacket
        if operation in self.WAIT:
            waits = any(isinstance(a, Tensor) and on_gpu(a.device) for a in args)
        elif operation in self.INDEX:
            waits = on_gpu(args[0].device) and any(
                isinstance(i, Tensor) and (not on_gpu(i.device) or i.dtype in (torch.bool, torch.uint8))
                for i in args[1]
            )
        elif operation in self.COPY:
            source = args[1] if operation is torch.ops.aten.copy_ else args[0]
            target = args[0] if operation is torch.ops.aten.copy_ else out
            waits = on_gpu(source.device) != on_gpu(target.device)
        else:
            return out
        if waits:
            self.reads.append(str(operation))
        return out
