"""Readers of files from outside: images, archives and their converters, and the tables of outside_tables."""

import gzip
import io
import json
import lzma
import pickle
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from tests.fuzz.inputs import sparse_tar, tar_of
from tests.fuzz.outside_tables import TABLES
from tests.fuzz.structures import arrays, pickles
from tests.fuzz.target import Target

_BATCH = {"data": np.zeros((3, 3072), np.uint8), "labels": [0, 1, 2], "filenames": ["a", "b", "c"]}


@cache
def _batches() -> list[bytes]:
    return [pickle.dumps(_BATCH, protocol) for protocol in range(6)]


_IMAGES, _LABELS = np.zeros((4, 3, 8, 8), np.uint8), np.array([0, 1, 0, 1])


@cache
def _arrays() -> list[bytes]:
    made = []
    for array in (_IMAGES, _LABELS):
        stream = io.BytesIO()
        np.save(stream, array)
        made.append(stream.getvalue())
    return made


_DESCRIPTION = {"classes": 2, "mean": [0.5] * 3, "std": [0.5] * 3, "crop_padding": 0, "flip": False}


def _read_batches(folder: Path) -> object:
    from nas_selection_bench.bench.problem.datasets import load_images

    return load_images("cifar10", folder, 2)


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
    """An archive of CIFAR-10 as its web page provides it, and one with other content."""
    return [gzip.compress(lzma.decompress(tar_of(f"cifar-10-batches-py/{name}")))
            for name in ("data_batch_1", "readme.html")]  # fmt: skip


def _unpack(folder: Path) -> object:
    from nas_selection_bench.bench.commands import fetch
    from nas_selection_bench.bench.problem.datasets import DATASETS

    layout = DATASETS["cifar10"].layout
    assert layout is not None
    return fetch._unpack(folder / "packed.tar.gz", layout, folder / "root", 10_000, "get it by hand")


TARGETS = (
    *TABLES,
    Target(
        "cifar batch",
        "cifar-10-batches-py/data_batch_1",
        _batches,
        _read_batches,
        whole_files=lambda: pickles([_BATCH]),
    ),
    Target("own description", "own/dataset.json", lambda: [json.dumps(_DESCRIPTION).encode()], _read_own, as_json=True),
    Target(
        "own images",
        "own/images.npy",
        _arrays,
        _read_own,
        whole_files=lambda: arrays([{"images": _IMAGES}], packed=False),
    ),
    Target(
        "own labels",
        "own/labels.npy",
        _arrays,
        _read_own,
        whole_files=lambda: arrays([{"labels": _LABELS}], packed=False),
    ),
    Target("pack", "cells.tar.xz", lambda: [tar_of("records/a.json"), sparse_tar(3)], _read_pack),
    Target(
        "images npz",
        "images.npz",
        _image_arrays,
        _convert("images.npz"),
        whole_files=lambda: arrays([{"images": _IMAGES, "labels": _LABELS}], packed=True),
    ),
    Target("images parquet", "images.parquet", _parquet, _convert("images.parquet")),
    *(
        Target(f"picture {kind}", f"{kind}/a/x.{kind}", partial(_pictures, kind), _convert(kind))
        for kind in ("png", "jpeg")
    ),
    Target("download", "packed.tar.gz", _downloaded, _unpack),
)
