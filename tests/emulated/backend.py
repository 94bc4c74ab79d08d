"""The emulated GPU as torch sees it: a custom device type with streams, graphs and memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from tests.emulated.device import DEVICES, NAME, OWN, STATE, Resident, aten, refuse_in_capture
from tests.emulated.graphs import Graph

_POOLS = count(1)


class Stream:
    """A stream that only counts how often it is waited for, because work is done as soon as it is requested."""

    def __init__(self, device: Any = None) -> None:
        self.device, self.waited = device, 0

    def wait_stream(self, other: "Stream") -> None:
        """Do nothing: no work is ever pending."""

    def synchronize(self) -> None:
        """Count the wait; raises DeviceError while a graph is captured."""
        self.waited += 1
        refuse_in_capture("synchronize")


DEFAULT_STREAM = Stream()


class Backend:
    """The emulated counterpart of torch.cuda: `torch.get_device_module("emu")`."""

    Stream, CUDAGraph = Stream, Graph

    def is_available(self) -> bool:
        """True: the device exists wherever this module is imported."""
        return True

    is_initialized = is_available

    def device_count(self) -> int:
        """Two, so that work on the second device can be told from work on the first."""
        return DEVICES

    def current_device(self) -> int:
        """Index of the current device of this thread."""
        return OWN.device

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """The autocast dtypes of a GPU."""
        return [torch.bfloat16, torch.float16]

    def get_device_name(self, _device: Any = None) -> str:
        """The name in records."""
        return "emulated"

    def get_device_capability(self, _device: Any = None) -> tuple[int, int]:
        """The compute capability of a card with bfloat16."""
        return 9, 0

    def current_stream(self, _device: Any = None) -> Stream:
        """The current stream of this thread."""
        return OWN.stream or DEFAULT_STREAM

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        """Make `stream` current inside; autograd stays in this thread: its own threads know only the first device."""
        before, OWN.stream = OWN.stream, stream
        try:
            with torch.autograd.set_multithreading_enabled(False):
                yield
        finally:
            OWN.stream = before

    @contextmanager
    def device(self, device: Any) -> Iterator[None]:
        """Make `device` current inside."""
        before, OWN.device = OWN.device, torch.device(device).index or 0
        try:
            yield
        finally:
            OWN.device = before

    def graph_pool_handle(self) -> tuple[int, int]:
        """A new one each time; the memory itself is not emulated."""
        return 0, next(_POOLS)

    def mem_get_info(self, _device: Any = None) -> tuple[int, int]:
        """(free, total) bytes."""
        return 80 << 30, 80 << 30

    def manual_seed_all(self, _seed: int) -> None:
        """Do nothing: the device draws from the CPU's generator."""

    def _is_in_bad_fork(self) -> bool:
        return False

    def synchronize(self, _device: Any = None) -> None:
        """Raises DeviceError while a graph is captured."""
        refuse_in_capture("synchronize")

    def empty_cache(self) -> None:
        """Do nothing: memory is not emulated."""

    def reset_peak_memory_stats(self, _device: Any = None) -> None:
        """Do nothing: memory is not emulated."""

    def max_memory_allocated(self, _device: Any = None) -> int:
        """A constant number of bytes."""
        return 1 << 20


def _index(device: Any) -> int:
    found = torch.device(device).index
    return OWN.device if found is None else found


def _empty(size: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
           memory_format: Any = None) -> Tensor:  # fmt: skip
    held = torch.empty(size, dtype=dtype, device=STATE.inner, memory_format=memory_format or torch.contiguous_format)
    return _new(held, device)


def _empty_strided(size: Any, stride: Any, dtype: Any = None, layout: Any = None, device: Any = None,
                   pin_memory: Any = None) -> Tensor:  # fmt: skip
    return _new(torch.empty_strided(size, stride, dtype=dtype, device=STATE.inner), device)


def _new(held: Tensor, device: Any) -> Tensor:
    if OWN.tape is not None:
        OWN.tape.allocated(held)
    return Resident(held, _index(device))


def _in_half(operation: Any) -> Callable[..., Any]:
    """The operation as autocast runs it: floating-point arguments are cast to the autocast dtype."""

    def lowered(*args: Any, **kwargs: Any) -> Any:
        dtype = torch.get_autocast_dtype(NAME)
        with torch.autocast(NAME, enabled=False):
            cast = [a.to(dtype) if isinstance(a, Tensor) and a.is_floating_point() else a for a in args]
            return operation(*cast, **kwargs)

    return lowered


@cache
def install() -> list[Any]:
    """Register the device with torch, once per process; the returned objects must be kept alive."""
    _setup_privateuseone_for_python_backend(NAME, Backend())
    torch._C._set_only_lift_cpu_tensors(True)
    from torch.optim.optimizer import _foreach_supported_types

    _foreach_supported_types.append(Resident)
    usual = torch.nn.utils.clip_grad._has_foreach_support  # type: ignore[attr-defined]
    torch.nn.utils.clip_grad._has_foreach_support = lambda tensors, device: (  # type: ignore[attr-defined]
        device.type == NAME or usual(tensors, device)
    )
    kernels = torch.library.Library("aten", "IMPL")
    kernels.impl("empty.memory_format", _empty, "PrivateUse1")
    kernels.impl("empty_strided", _empty_strided, "PrivateUse1")
    for name in ("conv2d", "linear", "matmul", "mm", "addmm", "bmm"):
        operation = getattr(aten, name)
        kernels.impl(name, _in_half(operation.default), "AutocastPrivateUse1")
    rest = torch.library.Library("_", "IMPL", "AutocastPrivateUse1")
    rest.fallback(torch.library.fallthrough_kernel)
    return [kernels, rest]
