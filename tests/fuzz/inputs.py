"""Inputs for fuzzing readers: good files that were damaged, restructured or wrapped, and files made to do harm.

hypothesis draws them, so that an input that does harm is shrunk to the smallest one.
"""

import bz2
import gzip
import io
import json
import lzma
import math
import os
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

CANARY = "touched-by-foreign-code"
"""A file that only a hostile pickle creates, by running something."""

Sign = Callable[[Any], Any]
"""Adds the right digest to the content of a file, given as JSON values."""


def inputs(
    good: Sequence[bytes],
    as_json: bool = False,
    sign: Sign | None = None,
    whole_files: st.SearchStrategy[bytes] | None = None,
) -> st.SearchStrategy[bytes]:  # fmt: skip
    """Inputs for a reader that accepts the files `good`; `whole_files` draws well-formed files of other content."""
    whole = st.sampled_from(good)
    kinds = [
        st.builds(damaged, whole, st.randoms(use_true_random=False)),
        st.builds(damaged, whole, st.randoms(use_true_random=False)),
        st.builds(lambda content, wrap: wrap(content), whole, st.sampled_from(_WRAPPINGS)),
        st.sampled_from(hostile()),
    ]
    further = [whole_files] * 3 if whole_files is not None else []
    return st.one_of(*kinds, *further, *([restructured(good, sign)] * 3 if as_json else []))


@st.composite
def restructured(draw: st.DrawFn, good: Sequence[bytes], sign: Sign | None) -> bytes:
    """JSON with values of other types and sizes, fewer values, or more; often with the right digest of the result."""
    content = draw(changed(json.loads(draw(st.sampled_from(good)))))
    if sign is not None and isinstance(content, dict) and draw(st.booleans()):
        with suppress(ValueError, TypeError, OverflowError):  # content that cannot have a digest gets none
            content = sign(content)
    return json.dumps(content).encode()


@st.composite
def changed(draw: st.DrawFn, content: Any, further: Sequence[Any] = ()) -> Any:
    """`content` with parts removed, renamed, moved, or replaced by other values, including those in `further`."""
    values = st.one_of(_values, st.sampled_from(further)) if further else _values
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(content))
        holder, name = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.integers(0, 4)):
            case 0:
                del holder[name]
            case 1 if isinstance(holder, dict):
                holder[draw(_names)] = holder.pop(name)
            case 2:
                other, another = places[draw(st.integers(0, len(places) - 1))]
                if _has(other, another):
                    holder[name] = other[another]
            case _:
                holder[name] = deepcopy(draw(values))  # so that a later change affects this input alone
        if not content or _endless(content):
            break
    return [] if _endless(content) else content


def _has(holder: Any, name: Any) -> bool:
    return name in holder if isinstance(holder, dict) else name < len(holder)


def _endless(content: Any) -> bool:
    """Whether a part contains itself."""
    inside, seen = [content], 0
    while inside and seen < 100_000:
        part, seen = inside.pop(), seen + 1
        inside += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    return bool(inside)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key or index) of every value in JSON content, with at most 40 entries per container."""
    if isinstance(content, dict | list):
        for name in list(content)[:40] if isinstance(content, dict) else range(min(len(content), 40)):
            yield content, name
            yield from _places(content[name])


_names = st.sampled_from(["digest", "schema", "cell", "state", "__class__", "", "\ud800", "x" * 300, "../x"])
_values = st.sampled_from([
    None, True, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**400, -(10**30), 1e308, math.nan, math.inf, -math.inf, "", "5",
    "nan", "\ud800", "\x1b[2J", "=1+1", "../../x", "x\0y", "a\nb", "x" * 5000, "|" * 500, "<script>alert(1)</script>",
    [], {}, [[]], [None], {"a": 1}, [1, 2, 3], ["a"], [[[[[[[[]]]]]]]], "done", "failed", "cifar10", "cuda",
])  # fmt: skip


def _double(pack: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda content: pack(pack(content))


_WRAPPINGS: tuple[Callable[[bytes], bytes], ...] = (
    gzip.compress, bz2.compress, lzma.compress, _double(gzip.compress), lambda content: zipped({"x": content}),
    lambda content: gzip.compress(content)[:-5], lambda content: b"\xef\xbb\xbf" + content,
    lambda content: content + content, lambda content: content + b"\0" * 5000, lambda content: content[::-1],
    lambda content: content.replace(b"\n", b"\r\n"), lambda content: content.decode("latin1").encode("utf-16"),
    lambda content: bytes(len(content)),
)  # fmt: skip


def damaged(content: bytes, draw: random.Random) -> bytes:
    """`content` with some bytes changed, removed, doubled, moved, or replaced by numbers that are too large."""
    data = bytearray(content)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 5, 30))):
        if not data:
            break
        # Headers matter more than the body: half of the changes are in the first and last bytes.
        near = draw.random()
        size = len(data)
        place = (
            draw.randrange(min(size, 200))
            if near < 0.4
            else size - 1 - draw.randrange(min(size, 100))
            if near < 0.5
            else draw.randrange(size)
        )
        kind = draw.randrange(8)
        if kind == 7:
            data = bytearray(b"\n".join(_lines(bytes(data).split(b"\n"), draw)))
        elif kind == 0:
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[place] = draw.randrange(256)
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            del data[place : place + draw.randrange(1, 20)]
        elif kind == 4:
            start = draw.randrange(size)
            data[place:place] = data[start : start + draw.randrange(1, 50)]
        elif kind == 5:
            number = draw.choice((0, 2**31 - 1, 2**32 - 1, 2**63 - 1, -1, 2**40))
            raw = struct.pack("<q", number)[: draw.choice((2, 4, 8))]
            data[place : place + len(raw)] = raw
        else:
            words = (
                b"\0",
                b"\xff",
                b"\xef\xbb\xbf",
                b"nan",
                b"inf",
                b"-1",
                b"1e999",
                b"[" * 3000,
                b'"',
                b"\n",
                b"/",
                b"..",
            )
            data[place:place] = draw.choice(words)
    return bytes(data)


def _lines(lines: list[bytes], draw: random.Random) -> list[bytes]:
    """`lines` with one removed, doubled, moved to another place, or with a field moved or added."""
    taken, place = lines.pop(draw.randrange(len(lines))), draw.randrange(len(lines) + 1)
    match draw.randrange(4):
        case 1:
            lines[place:place] = [taken, taken]
        case 2:
            lines.insert(place, taken)
        case 3:
            fields = taken.split(b",")
            fields.insert(draw.randrange(len(fields) + 1), fields.pop() if draw.random() < 0.5 else b"x")
            lines.insert(place, b",".join(fields))
    return lines


class Runs:
    """An object whose pickle calls a function when it is loaded carelessly."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@cache
def hostile() -> list[bytes]:
    """Files made to run code or to ask for more memory than there is, in every wrapping."""
    touch = f"open({CANARY!r}, 'w')"
    gadgets = [
        pickle.dumps({"data": value, "meta_archs": value}, protocol)
        for protocol in range(6)
        for value in (
            Runs(os.system, f"touch {CANARY}"),
            Runs(eval, touch),
            Runs(exec, touch),
            Runs(Path.touch, Path(CANARY)),
            Runs(getattr, [], "append"),
            np.array([Runs(eval, touch)], dtype=object),
        )
    ]
    made = [*gadgets, *(zipped({"archive/data.pkl": gadget}) for gadget in gadgets[::4])]
    made += [
        b"\x80\x02Nr\xff\xff\xff\xff.",  # a memo with four billion entries
        b"\x80\x02}X\xff\xff\xff\x7fdata",  # two gigabytes of text
        b"\x80\x05\x8e" + struct.pack("<Q", 2**62) + b"x",
        b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"x",
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\1",
        b"\x80\x02c__builtin__\nset\nc__builtin__\nrange\nI99999999999\n\x85R\x85R.",
        b"\x80\x02c__builtin__\nbytearray\nI99999999999\n\x85R.",
        b"(" * 100_000 + b"." , b"]" * 50_000 + b"a" * 49_999 + b".", b"\x80\x02" + b"]q\x002" * 30_000 + b"." ,
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftcnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x01xtb.",
        b"P1\n.", b"\x80\x02\x82\x01.",
        b"\x80\x02(i__builtin__\nopen\n.", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",
        b'{"classes": ' + b"[" * 100_000, b'{"classes": 1e999}', b"\x1f\x8b", b"PK\x03\x04", b"BZh9", b"\xfd7zXZ\0",
        b"",
        gzip.compress(b"arch,x_test\n" + b"|" * 10**6), bz2.compress(b"\0" * 10**7), lzma.compress(b"\0" * 10**7),
        _npy_header("(1099511627776,)"), _npy_header("(-1, 3, 8, 8)"), _npy_header("(" * 2000),
        _npy_header("(4,)", "|O"), _npy_header("(4if 1 else 4,)"), _npy_header("(4,)", "|u\\d"), _npy_header("(4L,)"),
        sparse_tar(2**36), tar_of("../../x"), tar_of("records/" + "x" * 300 + ".json"), tar_of("/etc/x"),
        tar_of("records/.."), *(_png(side) for side in (2**15, 2**16, 2**31 - 1)), struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 20_000) + b"[" * 20_000,
        _safetensors({"alphas": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    ]  # fmt: skip
    return made


def _png(side: int) -> bytes:
    """A PNG picture with `side` pixels a side according to its header, and hardly any data behind it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    image = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + image


def _safetensors(header: dict[str, Any]) -> bytes:
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said


def _npy_header(shape: str, descr: str = "<i8") -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(header), 65535)) + header + b"\0" * 64


def sparse_tar(size: int) -> bytes:
    """An xz archive of some hundred bytes whose only member claims to unpack to `size` bytes of zeros."""
    info = tarfile.TarInfo("records/a.json")
    info.pax_headers = {"GNU.sparse.map": f"{size - 1},1", "GNU.sparse.size": str(size), "GNU.sparse.major": "0",
                        "GNU.sparse.minor": "1", "GNU.sparse.numblocks": "1"}  # fmt: skip
    info.size = 1
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"x"))
    return lzma.compress(stream.getvalue())


def tar_of(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    return lzma.compress(stream.getvalue())


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
