"""An emulated GPU: a custom torch device with real values and the rules of a GPU.

A tensor on it is on `emu:0` or `emu:1` and contains a CPU tensor, so values, autograd and autocast are real. The device
refuses what a GPU refuses: operands on several devices and, while a graph is captured, everything that waits for the
device. Host reads and copies are counted. Tensors can also contain shapes without values (`without_values`); the
kernels of a full-sized step are counted in this way, without computing it.

Not emulated: the kernels of cuDNN and their precision, the order of streams, the size of memory.
"""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._C import _disabled_torch_function_impl

NAME = "emu"
DEVICES = 2
aten = torch.ops.aten

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim")
"""Operations whose result is on the host, or whose result size depends on values."""
RANDOM = ("uniform_", "normal_", "bernoulli", "random_", "rand", "multinomial", "exponential_", "_standard_gamma")
COPIES = (aten.copy_.default, aten._to_copy.default)
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")


class DeviceError(RuntimeError):
    """Raised for an operation that a GPU would refuse."""


@dataclass
class State:
    """Settings and counters of the emulation."""

    inner: str = "cpu"
    """Device of the contained tensors: `cpu`, or `meta` for shapes without values."""
    host_reads: int = 0
    uploads: int = 0
    draws: int = 0
    """Number of operations that drew random numbers on the device."""
    captures: int = 0
    replays: int = 0
    watcher: Callable[[Any, Any, Any, Any], None] | None = None
    """Called as watcher(function, arguments, keywords, result) after every operation."""


STATE = State()


class _Own(threading.local):
    """State of one thread: its current device and stream, and the capture in progress."""

    device = 0
    stream: Any = None
    tape: Any = None


OWN = _Own()


class Resident(torch.Tensor):
    """A tensor on the emulated device."""

    held: Tensor
    index: int

    @staticmethod
    def __new__(cls, held: Tensor, index: int) -> "Resident":
        self = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=torch.device(NAME, index),
        )  # fmt: skip
        self.held, self.index = held, index
        return self  # type: ignore[no-any-return]

    __torch_function__ = _disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"{self.held!r} on {NAME}:{self.index}"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Resident":
        """Copy by cloning, because torch's own deep copy takes the offset of a view for an address."""
        if id(self) not in memo:
            twin = self.detach().clone().requires_grad_(self.requires_grad)
            vars(twin).update({name: value for name, value in vars(self).items() if name != "held"})
            twin.grad = copy.deepcopy(self.grad, memo)
            memo[id(self)] = twin
        found: Resident = memo[id(self)]
        return found

    def tolist(self) -> Any:
        """The values as a list; counts as a host read."""
        return self.cpu().tolist()

    def numpy(self, **_: Any) -> Any:  # type: ignore[override]
        """Raises TypeError, as on a GPU."""
        raise TypeError(f"can't convert {NAME}:{self.index} device type tensor to numpy. Use Tensor.cpu() first")

    __array__ = numpy  # type: ignore[assignment]


@dataclass(frozen=True)
class Facts:
    """Properties of an operation, read from its schema."""

    name: str
    writes: tuple[int, ...]
    """Indices of the positional arguments that it writes into."""
    waits: bool
    draws: bool
    indexes: bool


@cache
def facts_of(func: Any) -> Facts:
    """The Facts of an operation, cached."""
    name = func._schema.name.removeprefix("aten::")
    writes = tuple(
        place for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )  # fmt: skip
    if name in ("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "batch_norm_update_stats"):
        writes = (3, 4) if name != "batch_norm_update_stats" else (1, 2)  # the running statistics, which are hidden
    return Facts(name, writes, name in WAITS, name.startswith(RANDOM), name in INDEXING)


def tensors_in(values: Any) -> Iterator[Tensor]:
    """All tensors among `values`, including those in lists."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


def unwrapped(value: Any) -> Any:
    """`value` with the contained tensors; a capture copies host tensors, so that it keeps their present values."""
    if isinstance(value, Resident):
        return value.held
    if isinstance(value, Tensor):
        return value.clone() if OWN.tape is not None else value
    if isinstance(value, (list, tuple)):
        return [unwrapped(part) for part in value]
    return value


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation with at least one operand on the emulated device."""
    facts = facts_of(func)
    operands = list(tensors_in(args))
    residents = [t for t in operands if isinstance(t, Resident)]
    index = residents[0].index if residents else OWN.device
    _refuse_mixtures(func, facts, args, operands, residents)
    target = kwargs.get("device")
    if target is not None:
        target = torch.device(target)
        kwargs = {**kwargs, "device": STATE.inner if target.type == NAME else target}
        if target.type == NAME:
            index = OWN.device if target.index is None else target.index
    to_host = (func is aten._to_copy.default and target is not None and target.type != NAME) or (
        func is aten.copy_.default and not isinstance(args[0], Resident)
    )
    if to_host or facts.waits or (facts.indexes and _by_mask(args[1])):
        STATE.host_reads += 1
        refuse_in_capture(facts.name)
    if func is aten.copy_.default and not isinstance(args[1], Resident):
        STATE.uploads += 1
        refuse_in_capture("copy from the host")
        if STATE.inner == "meta":
            return args[0]
    STATE.draws += facts.draws
    if STATE.inner == "meta" and facts.waits:
        return _invented(residents[0].dtype)
    if STATE.inner == "meta" and to_host:
        return torch.zeros(residents[0].shape, dtype=residents[0].dtype)
    inner = [unwrapped(a) for a in args]
    inner_kw = {name: unwrapped(value) for name, value in kwargs.items()}
    tape = OWN.tape
    if tape is not None:
        tape.before([inner[place] for place in facts.writes if place < len(inner)])
    out = compute(func, inner, inner_kw)
    if tape is not None:
        tape.record(func, facts, inner, inner_kw, out)
    if STATE.watcher is not None:
        STATE.watcher(func, inner, inner_kw, out)
    if facts.waits or (target is not None and target.type != NAME):
        return out
    given = {id(t.held): t for t in residents}
    given |= {id(t): t for t in operands if not isinstance(t, Resident)}
    return _wrapped(out, index, given)


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Apply the operation to the contained tensors."""
    if STATE.inner == "meta" and facts_of(func).name.startswith("_fused_"):
        return None  # torch has no fused optimiser for shapes
    out = func(*args, **kwargs)
    if STATE.inner == "meta" and facts_of(func).name.startswith("convolution"):
        return _in_channels_last(out)  # as a GPU does for such maps, unlike torch's shapes
    return out


def _in_channels_last(out: Any) -> Any:
    if isinstance(out, tuple):
        return tuple(map(_in_channels_last, out))
    return out.contiguous(memory_format=torch.channels_last) if isinstance(out, Tensor) and out.dim() == 4 else out


def _wrapped(out: Any, index: int, given: dict[int, Tensor]) -> Any:
    if isinstance(out, Tensor):
        return given[id(out)] if id(out) in given else Resident(out, index)
    if isinstance(out, (list, tuple)):
        return type(out)(_wrapped(part, index, given) for part in out)
    return out


def _refuse_mixtures(func: Any, facts: Facts, args: Any, operands: list[Tensor], residents: list[Resident]) -> None:
    if func in COPIES:
        return
    if len({t.index for t in residents}) > 1:
        raise DeviceError(f"Expected all tensors to be on the same device, but found {NAME}:0 and {NAME}:1 ({func})")
    foreign = [t for t in operands if not isinstance(t, Resident) and t.dim() > 0]
    if not foreign or not residents:
        return
    if facts.indexes and isinstance(args[0], Resident):
        STATE.uploads += 1  # an index on the host is copied to the device
        refuse_in_capture("index of the host")
        return
    raise DeviceError(f"Expected all tensors to be on the same device, but found {NAME}:0 and cpu ({func})")


def _by_mask(indices: Any) -> bool:
    return any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in indices)


def refuse_in_capture(what: str) -> None:
    """Raise DeviceError and invalidate the graph if one is being captured."""
    if OWN.tape is not None:
        OWN.tape.invalid = True
        raise DeviceError(f"operation not permitted when stream is capturing: {what}")


def _invented(dtype: torch.dtype) -> float | int | bool:
    return False if dtype is torch.bool else 0.025 if dtype.is_floating_point else 1


@contextmanager
def without_values() -> Iterator[None]:
    """Inside, tensors on the device have shapes but no values."""
    STATE.inner = "meta"
    try:
        yield
    finally:
        STATE.inner = "cpu"


@contextmanager
def watched(watcher: Callable[[Any, Any, Any, Any], None]) -> Iterator[None]:
    """Inside, `watcher` is called after every operation on the device."""
    STATE.watcher = watcher
    try:
        yield
    finally:
        STATE.watcher = None
