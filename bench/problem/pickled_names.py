"""The names that a pickle from outside may use: builders of numpy arrays and plain containers, which run no code."""

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


class RefusedName(pickle.UnpicklingError):
    """The pickle names a class or function that is not offered; nothing of it was imported."""


class Opaque:
    """Stands for something that is not read: a tensor, its storage, a device."""


class Unfilled:
    """An array or dtype between its two opcodes: made empty, then given its state."""

    def __init__(self, dtype: np.dtype | None = None) -> None:
        self.dtype = dtype
        self.places: list[int] = []
        """Where the memo holds it."""

    def filled(self, state: Any) -> Any:
        """The dtype or array of a state as numpy writes it; raises ValueError for any other."""
        if self.dtype is not None:
            _version, order, subarray, names, fields = state[:5]
            if subarray is not None or names is not None or fields is not None or order not in ("<", ">", "|", "="):
                raise RefusedName("numpy arrays of records")
            return self.dtype.newbyteorder(order)
        _version, shape, dtype, in_fortran_order, raw = state
        return _array(raw, dtype, shape, "F" if in_fortran_order else "C")


def _array(raw: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    """A writable array of the bytes `raw`; Python 2 wrote them as text."""
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
    """Bytes as Python 3 writes them into a protocol 2 pickle: latin-1 text and the name of that codec."""
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
"""Containers that a pickle makes by their names."""

TENSORS = ("torch", "torch._utils", "torch.storage")
"""Modules whose names are let pass and mean nothing: what they would build is an `Opaque`."""
