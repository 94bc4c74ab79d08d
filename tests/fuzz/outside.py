"""Readers of what comes from outside: tables, images, archives, spellings, and the converters of all that."""

import bz2
import gzip
import io
import json
import lzma
import pickle
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string
from tests.fuzz.inputs import sparse_tar, tar_of, zipped
from tests.fuzz.target import Target


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
    return [zipped({"archive/data.pkl": pickle.dumps(content, 2)}), old, bz2.compress(pickle.dumps(content, 4))]


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


@cache
def _picture(kind: str) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(stream, kind)
    return stream.getvalue()


@cache
def _parquet() -> list[bytes]:
    import pyarrow
    from pyarrow import parquet

    made = []
    for images in ([{"bytes": _picture("PNG"), "path": "x"}] * 2, [_picture("PNG")] * 2):
        stream = io.BytesIO()
        parquet.write_table(pyarrow.table({"img": images, "label": [0, 1]}), stream)
        made.append(stream.getvalue())
    return made


@cache
def _image_arrays() -> list[bytes]:
    made = []
    for images in (np.zeros((4, 8, 8, 3), np.uint8), np.zeros((4, 192), np.uint8), np.zeros((4, 8, 8), np.uint8)):
        stream = io.BytesIO()
        np.savez(stream, images=images, labels=np.array([0, 1, 0, 1]))
        made.append(stream.getvalue())
    return made


def _pictures(kind: str) -> list[bytes]:
    return [_picture(kind.upper())]


def _convert(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from nas_selection_bench.bench.commands.convert_images import read_images

        return read_images(folder / name)

    return read


def _downloaded() -> list[bytes]:
    """An archive of CIFAR-10 as its page offers it, and one that holds something else."""
    return [gzip.compress(lzma.decompress(tar_of(f"cifar-10-batches-py/{name}")))
            for name in ("data_batch_1", "readme.html")]  # fmt: skip


def _unpack(folder: Path) -> object:
    from nas_selection_bench.bench.commands import fetch
    from nas_selection_bench.bench.problem.datasets import DATASETS

    layout = DATASETS["cifar10"].layout
    assert layout is not None
    return fetch._unpack(folder / "packed.tar.gz", layout, folder / "root", 10_000, "get it by hand")


TARGETS = (
    Target("cifar batch", "cifar-10-batches-py/data_batch_1", _batches, _read_batches),
    Target("official pth", "table.pth", _official, _read_table("table.pth")),
    Target("nats pbz2", "table.pickle.pbz2", _official, _read_table("table.pickle.pbz2")),
    Target("csv", "table.csv", _csv, _read_table("table.csv")),
    Target("compact", "table.npz", _compact, _read_table("table.npz")),
    Target("own description", "own/dataset.json", lambda: [json.dumps(_DESCRIPTION).encode()], _read_own, as_json=True),
    Target("own images", "own/images.npy", _arrays, _read_own),
    Target("own labels", "own/labels.npy", _arrays, _read_own),
    Target("pack", "cells.tar.xz", lambda: [tar_of("records/a.json"), sparse_tar(3)], _read_pack),
    Target(
        "spelling",
        "architecture",
        lambda: [b"(0,1,2,3,4,0)", _csv()[0][60:150], b"Structure(4 nodes with ||)"],
        _read_spelling,
    ),
    Target("images npz", "images.npz", _image_arrays, _convert("images.npz")),
    Target("images parquet", "images.parquet", _parquet, _convert("images.parquet")),
    *(
        Target(f"picture {kind}", f"{kind}/a/x.{kind}", partial(_pictures, kind), _convert(kind))
        for kind in ("png", "jpeg")
    ),
    Target("download", "packed.tar.gz", _downloaded, _unpack),
)
