"""Well-formed files with values other than expected: arrays, pickles and the cells of a table.

Damaged bytes seldom pass the first check; these files reach the later ones.
"""

import csv
import gzip
import io
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.inputs import changed

KINDS = ("f2", "f4", "f8", "g", "i1", "u1", "i8", "u8", "c8", "c16", "?", "U3", "S3", "O", "M8[s]", "m8[ns]", "V8",
         [("a", "f8"), ("b", "i4")], ">f8", ">i2")  # fmt: skip
HOSTILE = (np.nan, np.inf, -np.inf, -1, 0, 1, 1e308, -1e308, 2**63 - 1, 0.5)
CELLS = ("", "nan", "NaN", "inf", "-inf", "-1", "0", "1e999", "1e308", "9_4.3", "94.3%", "0x10", "9,5", "1.234.567",
         "\ufeff", "x" * 5000, '"', "'5'", "5;6", "\t", "\0", "None", "=1+1", "\uff11\uff12", "|none~0|")  # fmt: skip


@st.composite
def arrays(draw: st.DrawFn, good: Sequence[Mapping[str, np.ndarray]], packed: bool) -> bytes:
    """An .npz file of `good` arrays, or an .npy of the first if not `packed`, with other dtypes, shapes and values."""
    content = dict(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(content)))
        content[name] = draw(_another(content[name]))
    stream = io.BytesIO()
    if not packed:
        np.save(stream, next(iter(content.values())), allow_pickle=True)
        return stream.getvalue()
    if draw(st.integers(0, 4)) == 0:
        content[draw(st.sampled_from(["x", "meta", "a/b", "x/test/y", "/", "images", "é"]))] = content.popitem()[1]
    np.savez(stream, **content)  # type: ignore[arg-type]
    return stream.getvalue()


@st.composite
def _another(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    other = array.copy()
    match draw(st.integers(0, 5)):
        case 0 | 1:
            kind = draw(st.sampled_from(KINDS))
            with suppress(ValueError, TypeError), warnings.catch_warnings(action="ignore"):
                other = array.astype(kind)
        case 2:
            other = draw(st.sampled_from([array[..., None], array[None], array.ravel(), array[:0], array[:-1],
                                          array.repeat(2, axis=0), array.T, np.array(5)]
                                         if array.ndim else [array[None], np.zeros(3), np.array("[]")]))  # fmt: skip
        case 3 if array.dtype.kind in "iuf" and array.size and array.ndim:
            place, value = draw(st.integers(0, len(array) - 1)), draw(st.sampled_from(HOSTILE))
            with suppress(OverflowError, ValueError):
                other[(place, *[0] * (array.ndim - 1))] = value
        case 4 if array.dtype.kind in "iuf" and array.size:
            value = draw(st.sampled_from(HOSTILE))
            with suppress(OverflowError, ValueError):
                other[...] = value
        case _:
            other = np.asfortranarray(array)
    return other


VALUES = (np.zeros((3, 3072), np.uint8), np.zeros((2, 2)), np.array([["a"]]), np.array(3), np.float32(2), b"x" * 10,
          (1, 2), frozenset([1]), {1, 2}, 1j, range(5), bytearray(5), "\ud800")  # fmt: skip


@st.composite
def pickles(draw: st.DrawFn, good: Sequence[Any], wrap: Callable[[bytes], bytes] = bytes) -> bytes:
    """A pickle of a `good` value with some parts replaced."""
    content = deepcopy(draw(st.sampled_from(good)))
    content = draw(changed(content, VALUES))
    try:
        return wrap(pickle.dumps(content, draw(st.integers(2, 5))))
    except (RecursionError, OverflowError):
        return b""


@st.composite
def tables(draw: st.DrawFn, rows: Sequence[Sequence[str]]) -> bytes:
    """A CSV file of `rows`, of which the first is the header, with some cells or a whole column replaced."""
    content = [list(row) for row in rows]
    for _ in range(draw(st.integers(1, 3))):
        column, cell = draw(st.integers(0, len(rows[0]) - 1)), draw(st.sampled_from(CELLS))
        match draw(st.integers(0, 5)):
            case 0:
                content[0][column] = draw(st.sampled_from([cell, rows[0][column - 1], "index", "x_flops_millions"]))
            case 1:
                for row in content[1:]:
                    row[column] = cell
            case 2:
                factor = draw(st.sampled_from([1e-6, 1e-3, 0.01, -1, 1000, 1e6]))
                with suppress(ValueError):
                    for row in content[1:]:
                        row[column] = repr(float(row[column]) * factor)
            case 3:
                for row in content:
                    row.append(row.pop(column))
            case _:
                content[draw(st.integers(1, len(rows) - 1))][column] = cell
    stream = io.StringIO()
    separator = draw(st.sampled_from(",,,;\t"))
    csv.writer(stream, delimiter=separator, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))).writerows(content)
    text = stream.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])))
    return gzip.compress(text, 1) if draw(st.booleans()) else text
