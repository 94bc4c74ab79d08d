"""Readers of what comes from outside: tables, images, archives, spellings, and the converters of all that."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.array_files import arrays_of
from nas_selection_bench.bench.problem.equivalence import function_classes, representatives
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string
from nas_selection_bench.bench.problem.table import GroundTruth
from tests.fuzz.inputs import sparse_tar, tar_of, zipped
from tests.fuzz.structures import arrays, pickles, tables
from tests.fuzz.target import Target

_BATCH = {"data": np.zeros((3, 3072), np.uint8), "labels": [0, 1, 2], "filenames": ["a", "b", "c"]}


@cache
def _batches() -> list[bytes]:
    return [pickle.dumps(_BATCH, protocol) for protocol in range(6)]


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
def _results() -> dict[str, Any]:
    strings = [to_string(architecture_of(index)) for index in range(3)]
    return {"meta_archs": strings, "evaluated_indexes": {0, 1, 2},
            "arch2infos": {index: {"full": _state(index)} for index in range(3)}}  # fmt: skip


def _in_zip(content: bytes) -> bytes:
    return zipped({"archive/data.pkl": content})


@cache
def _official() -> list[bytes]:
    content = _results()
    old = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content))
    return [_in_zip(pickle.dumps(content, 2)), old, bz2.compress(pickle.dumps(content, 4))]


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
def _whole_table() -> list[list[str]]:
    """A table of the 5,044 functions, which is filled up, with every kind of column."""
    rows = [["index", "arch", "x_test", "x_valid", "x_test_0", "x_params", "x_flops_millions"]]
    for place, member in enumerate(map(int, representatives(function_classes()))):
        value = 20 + member % 700 / 10
        rows.append([str(place), to_string(architecture_of(member)), f"{value}", f"{value - 1}", f"{value}",
                     str(100_000 + member), f"{10 + member / 1000}"])  # fmt: skip
    return rows


def _csv_of(rows: list[list[str]]) -> bytes:
    return "\n".join(map(",".join, rows)).encode()


def _table_arrays() -> dict[str, np.ndarray]:
    values = np.linspace(1, 90, N_ARCHITECTURES)
    held = Accuracies(values, trials=np.stack([values, values], axis=1), parameters=1e5 + np.arange(N_ARCHITECTURES))
    with tempfile.TemporaryDirectory() as folder:
        GroundTruth("t", {"x": held}).save(Path(folder) / "table.npz")
        with arrays_of(Path(folder) / "table.npz") as file:
            return {name: file[name] for name in file.files}


@cache
def _compact() -> list[bytes]:
    meta = {"schema": 1, "name": "t", "datasets": ["x"], "sha256": "0" * 64}
    made = []
    for held in (
        {"x/test": np.linspace(1, 90, N_ARCHITECTURES)},
        {"x/__class__": np.zeros(2)},
        {"x/trials": np.zeros((3, 3))},
    ):
        for datasets in (["x"], 5, "x", [["x"]]):
            stream = io.BytesIO()
            np.savez_compressed(stream, meta=np.array(json.dumps({**meta, "datasets": datasets})), **held)
            made.append(stream.getvalue())
    return made


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


def _read_table(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from nas_selection_bench.bench.problem.open_table import open_table

        return open_table(folder / name)

    return read


@cache
def _strings() -> list[str]:
    return [to_string(architecture_of(index)) for index in range(N_ARCHITECTURES)]


@cache
def _strings() -> list[str]:
    return [to_string(architecture_of(index)) for index in range(N_ARCHITECTURES)]


def _read_state(folder: Path) -> object:
    """The first architecture's results in an official file, of which the others are as good as missing."""
    from nas_selection_bench.bench.problem import official_table as official

    path = folder / "state.pkl"
    state = official._read(path, official.SCHEDULES["200"])
    return official.from_content({"meta_archs": _strings()}, path, infos={0: state})


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
    Target(
        "cifar batch",
        "cifar-10-batches-py/data_batch_1",
        _batches,
        _read_batches,
        whole_files=lambda: pickles([_BATCH]),
    ),
    Target(
        "official pth",
        "table.pth",
        _official,
        _read_table("table.pth"),
        whole_files=lambda: pickles([_results()], _in_zip),
    ),
    Target(
        "nats pbz2",
        "table.pickle.pbz2",
        _official,
        _read_table("table.pickle.pbz2"),
        whole_files=lambda: pickles([_results()], bz2.compress),
    ),
    Target(
        "official results",
        "state.pkl",
        lambda: [pickle.dumps({"full": _state(0)}, 4)],
        _read_state,
        whole_files=lambda: pickles([{"full": _state(0)}]),
        share=0.3,
    ),
    Target("csv", "table.csv", _csv, _read_table("table.csv")),
    Target(
        "csv, whole",
        "table.csv",
        lambda: [_csv_of(_whole_table())],
        _read_table("table.csv"),
        whole_files=lambda: tables(_whole_table()),
        share=0.2,
    ),
    Target(
        "compact",
        "table.npz",
        _compact,
        _read_table("table.npz"),
        whole_files=lambda: arrays([_table_arrays()], packed=True),
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
        "spelling",
        "architecture",
        lambda: [b"(0,1,2,3,4,0)", _csv()[0][60:150], b"Structure(4 nodes with ||)"],
        _read_spelling,
    ),
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
