"""The names that a pickle from outside may use: builders of numpy arrays and plain containers, which run no code."""

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


class RefusedName(pickle.UnpicklingError):
    """The pickle asks for a class, function or feature that is not allowed; nothing of it was imported."""


class Opaque:
    """Placeholder for something that is not read: a tensor, its storage, a device."""


class Unfilled:
    """An array or dtype between the two opcodes that first make it empty and then give it its state."""

    def __init__(self, dtype: np.dtype | None = None) -> None:
        self.dtype = dtype
        self.places: list[int] = []
        """The places in the memo that hold it."""

    def filled(self, state: Any) -> Any:
        """The dtype or array with a state written by numpy; raises one of `bench.errors.DAMAGE` for any other."""
        if self.dtype is not None:
            _version, order, subarray, names, fields = state[:5]
            if subarray is not None or names is not None or fields is not None or order not in ("<", ">", "|", "="):
                raise RefusedName("numpy arrays of records")
            return self.dtype.newbyteorder(order)
        _version, shape, dtype, in_fortran_order, raw = state
        return _array(raw, dtype, shape, "F" if in_fortran_order else "C")


def _array(raw: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    """A writable array of the bytes `raw`, which Python 2 wrote as text."""
    if isinstance(dtype, Unfilled):
        dtype = dtype.dtype
    if not isinstance(dtype, np.dtype) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array without a type of numbers")
    data = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
    return np.frombuffer(data, dtype).reshape(shape, order=order).copy()  # type: ignore[call-overload]


def _dtype(name: Any, align: bool = False, copy: bool = True) -> Unfilled:
    if not isinstance(name, str):
        raise RefusedName("a numpy type that is not text")
    made = np.dtype(name)
    if made.hasobject or made.itemsize > 64:
        raise RefusedName("numpy arrays of Python objects")
    return Unfilled(made)


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    return _array(raw, dtype, (1,), "C")[0]


def _encode(text: Any, encoding: Any) -> bytes:
    """The bytes behind latin-1 text and the name of that codec, as Python 3 writes bytes into a protocol 2 pickle."""
    if encoding not in ("latin1", "latin-1"):
        raise RefusedName(f"_codecs.encode with {encoding!r}")
    return bytes(text.encode("latin1"))


def _no_call(*_arguments: Any) -> Any:
    raise RefusedName("numpy.ndarray as a function")


Names = Mapping[tuple[str, str], Callable[..., Any]]

ARRAYS: Names = {
    ("numpy", "ndarray"): _no_call,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): builder
        for core in ("core", "_core")
        for module, name, builder in (
            ("multiarray", "_reconstruct", lambda *_: Unfilled()),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _array),
        )
    },
}
"""The builders of numpy arrays, under numpy.core (numpy 1, Python 2) or numpy._core (numpy 2)."""

CONTAINERS: Names = {
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in (("set", set), ("frozenset", frozenset), ("list", list), ("tuple", tuple), ("dict", dict))
    },
    ("collections", "OrderedDict"): dict,
    ("collections", "defaultdict"): lambda *_: {},
}
"""Containers that a pickle builds by name."""

TENSORS = ("torch", "torch._utils", "torch.storage")
"""Modules whose names are accepted but never imported: whatever they would build becomes an `Opaque`."""
