"""Readers of what comes from outside, fed with damaged, crafted and hostile files.

A target makes good bytes and reads a file of bytes; whatever it is given, it may accept it or raise a BenchError of
one sentence, and nothing else. `attempt` says which; `run` draws many. A pickle that runs anything touches CANARY.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import random
import struct
import tarfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import BenchError, UsageError
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string

CANARY = "touched-by-foreign-code"


@dataclass(frozen=True)
class Target:
    """One reader, with good files for it."""

    name: str
    file: str
    """Where the bytes go, below the folder of the attempt."""
    good: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    """Reads from the folder."""


def attempt(target: Target, content: bytes, folder: Path) -> str:
    """`accepted` or `refused`; raises AssertionError for a refusal that is no sentence, and whatever escapes."""
    path = folder / target.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    canary = folder / CANARY
    try:
        target.read(folder)
        outcome = "accepted"
    except BenchError as error:
        text = str(error)
        assert "\n" not in text and 0 < len(text) < 2000 and text.isprintable(), f"{target.name}: {text[:300]!r}"
        outcome = "refused"
    assert not canary.exists() and not Path(CANARY).exists(), f"{target.name}: foreign code ran"
    return outcome


def run(folder: Path, count: int, seed: int, only: str = "") -> Counter[tuple[str, str]]:
    """Attempt `count` inputs over all targets; returns how often each was `accepted`, `refused` or `escaped ...`."""
    draw = random.Random(seed)
    outcomes: Counter[tuple[str, str]] = Counter()
    chosen = [target for target in TARGETS if only in target.name]
    for number in range(count):
        target = chosen[number % len(chosen)]
        outcomes[target.name, _outcome(target, drawn(target, draw), folder)] += 1
    return outcomes


def _outcome(target: Target, content: bytes, folder: Path) -> str:
    """What `attempt` answers; `escaped ...` with the place and the kept input where anything else came out."""
    try:
        return attempt(target, content, folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        kept = folder / f"escaped-{target.name.replace(' ', '-')}-{hashlib.sha256(content).hexdigest()[:12]}"
        kept.write_bytes(content)
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"escaped {type(error).__name__} at {Path(place.filename).name}:{place.lineno} ({error}); see {kept}"


def drawn(target: Target, draw: random.Random) -> bytes:
    """An input for a target: good bytes damaged in one of several ways, or bytes made to do harm."""
    if draw.random() < 0.15:
        return draw.choice(hostile())
    return damaged(draw.choice(target.good()), draw)


def damaged(content: bytes, draw: random.Random) -> bytes:
    """`content` with some bytes changed, cut out, doubled, moved or replaced by numbers that are too large."""
    data = bytearray(content)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 5, 30))):
        if not data:
            break
        # Headers decide more than the body: half of the changes fall into the first and last bytes.
        near = draw.random()
        size = len(data)
        place = (
            draw.randrange(min(size, 200))
            if near < 0.4
            else size - 1 - draw.randrange(min(size, 100))
            if near < 0.5
            else draw.randrange(size)
        )
        kind = draw.randrange(7)
        if kind == 0:
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


class _Runs:
    """A pickle that touches a file when it is loaded without care."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@cache
def hostile() -> list[bytes]:
    """Bytes made to run something or to ask for more memory than there is, in every wrapping."""
    touch = f"open({CANARY!r}, 'w')"
    gadgets = [
        pickle.dumps({"data": value, "meta_archs": value}, protocol)
        for protocol in range(6)
        for value in (
            _Runs(os.system, f"touch {CANARY}"),
            _Runs(eval, touch),
            _Runs(exec, touch),
            _Runs(Path.touch, Path(CANARY)),
            _Runs(getattr, [], "append"),
            np.array([_Runs(eval, touch)], dtype=object),
        )
    ]
    made = [*gadgets, *(_zipped({"archive/data.pkl": gadget}) for gadget in gadgets[::4])]
    made += [
        b"\x80\x02Nr\xff\xff\xff\xff.",  # a memo of four billion places
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
        _npy_header("(4,)", "|O"),
        sparse_tar(2**36), _tar("../../x"), _tar("records/" + "x" * 300 + ".json"), _tar("/etc/x"), _tar("records/.."),
    ]  # fmt: skip
    return made


def _npy_header(shape: str, descr: str = "<i8") -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(header), 65535)) + header + b"\0" * 64


def sparse_tar(size: int) -> bytes:
    """An xz archive of some hundred bytes whose only member says that it unpacks to `size` bytes of zeros."""
    info = tarfile.TarInfo("records/a.json")
    info.pax_headers = {"GNU.sparse.map": f"{size - 1},1", "GNU.sparse.size": str(size), "GNU.sparse.major": "0",
                        "GNU.sparse.minor": "1", "GNU.sparse.numblocks": "1"}  # fmt: skip
    info.size = 1
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"x"))
    return lzma.compress(stream.getvalue())


def _tar(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    return lzma.compress(stream.getvalue())


def _zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


# Good files, small ones: what is wrong with them is found before their number counts.


@cache
def _batches() -> list[bytes]:
    value = {"data": np.zeros((3, 3072), np.uint8), "labels": [0, 1, 2], "filenames": ["a", "b", "c"]}
    return [pickle.dumps(value, protocol) for protocol in range(6)]


def _state(index: int) -> dict[str, Any]:
    """The results of one architecture as the packages keep them."""
    results = {
        (dataset, 777): {
            "eval_acc1es": {f"{split}@199": 50.0 + index % 7 for split in ("x-valid", "x-test", "ori-test")},
            "epochs": 200, "seed": 777, "params": 0.1, "flop": 15.0, "name": dataset,
        }
        for dataset in ("cifar10", "cifar10-valid", "cifar100", "ImageNet16-120")
    }  # fmt: skip
    return {
        "arch_str": to_string(architecture_of(index)), "all_results": results, "arch_index": index,
        "dataset_seed": {dataset: [seed] for dataset, seed in results},
    }  # fmt: skip


@cache
def _official() -> list[bytes]:
    strings = [to_string(architecture_of(index)) for index in range(3)]
    content = {"meta_archs": strings, "evaluated_indexes": {0, 1, 2},
               "arch2infos": {index: {"full": _state(index)} for index in range(3)}}  # fmt: skip
    old = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content))
    return [_zipped({"archive/data.pkl": pickle.dumps(content, 2)}), old, bz2.compress(pickle.dumps(content, 4))]


@cache
def _csv() -> list[bytes]:
    lines = ["index,arch,x_test,x_valid,x_test_0,x_params"]
    lines += [f"{i},{to_string(architecture_of(i))},50.5,40.25,50.5,100000" for i in range(20)]
    text = "\n".join(lines)
    return [
        text.encode(),
        text.replace(",", ";").encode("utf-8-sig"),
        gzip.compress(text.encode()),
        text.encode("utf-16"),
    ]


@cache
def _compact() -> list[bytes]:
    meta = {"schema": 1, "name": "t", "datasets": ["x"], "sha256": "0" * 64}
    made = []
    for arrays in (
        {"x/test": np.linspace(1, 90, N_ARCHITECTURES)},
        {"x/__class__": np.zeros(2)},
        {"x/trials": np.zeros((3, 3))},
    ):
        for datasets in (["x"], 5, "x", [["x"]]):
            stream = io.BytesIO()
            np.savez_compressed(stream, meta=np.array(json.dumps({**meta, "datasets": datasets})), **arrays)
            made.append(stream.getvalue())
    return made


@cache
def _arrays() -> list[bytes]:
    made = []
    for array in (np.zeros((4, 3, 8, 8), np.uint8), np.array([0, 1, 0, 1])):
        stream = io.BytesIO()
        np.save(stream, array)
        made.append(stream.getvalue())
    return made


_DESCRIPTION = {"classes": 2, "mean": [0.5] * 3, "std": [0.5] * 3, "crop_padding": 0, "flip": False}


def _read_batches(folder: Path) -> object:
    from nas_selection_bench.bench.problem.datasets import load_images

    return load_images("cifar10", folder, 2)


def _read_table(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from nas_selection_bench.bench.problem.open_table import open_table

        return open_table(folder / name)

    return read


def _read_own(folder: Path) -> object:
    from nas_selection_bench.bench.problem.datasets import load_images

    own = folder / "own"
    good = {"dataset.json": json.dumps(_DESCRIPTION).encode(), "images.npy": _arrays()[0], "labels.npy": _arrays()[1]}
    for name, content in good.items():
        if not (own / name).exists():
            (own / name).write_bytes(content)
    try:
        return load_images("own", folder, None)
    finally:
        for path in own.iterdir():
            path.unlink()


def _read_pack(folder: Path) -> object:
    from nas_selection_bench.bench.work.pack import read_archive

    return read_archive(folder / "cells.tar.xz")


def _read_spelling(folder: Path) -> object:
    from nas_selection_bench.bench.problem.spellings import architecture

    try:
        return architecture((folder / "architecture").read_bytes().decode("latin1"))
    except ValueError as error:
        raise UsageError(ascii(str(error))[:300]) from error


TARGETS = (
    Target("cifar batch", "cifar-10-batches-py/data_batch_1", _batches, _read_batches),
    Target("official pth", "table.pth", _official, _read_table("table.pth")),
    Target("nats pbz2", "table.pickle.pbz2", _official, _read_table("table.pickle.pbz2")),
    Target("csv", "table.csv", _csv, _read_table("table.csv")),
    Target("compact", "table.npz", _compact, _read_table("table.npz")),
    Target("own description", "own/dataset.json", lambda: [json.dumps(_DESCRIPTION).encode()], _read_own),
    Target("own images", "own/images.npy", _arrays, _read_own),
    Target("own labels", "own/labels.npy", _arrays, _read_own),
    Target("pack", "cells.tar.xz", lambda: [_tar("records/a.json"), sparse_tar(3)], _read_pack),
    Target(
        "spelling",
        "architecture",
        lambda: [b"(0,1,2,3,4,0)", _csv()[0][60:150], b"Structure(4 nodes with ||)"],
        _read_spelling,
    ),
)


def every_hostile_input(folder: Path) -> Iterator[tuple[str, str]]:
    """Each hostile input to each target: (target, outcome)."""
    for target in TARGETS:
        for content in hostile():
            yield target.name, _outcome(target, content, folder)
