"""Readers of tables from outside (official files, CSV, the compact form), and of the spellings of architectures."""

import bz2
import gzip
import io
import json
import pickle
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.array_files import open_npz
from nas_selection_bench.bench.problem.equivalence import function_classes, representatives
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string
from nas_selection_bench.bench.problem.table import GroundTruth
from tests.fuzz.inputs import zipped
from tests.fuzz.structures import arrays, pickles, tables
from tests.fuzz.target import Target


def _state(index: int) -> dict[str, Any]:
    """The results of one architecture, as the official packages store them."""
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
    """A table with one architecture per function (5,044), which the reader completes, and every kind of column."""
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
        with open_npz(Path(folder) / "table.npz") as file:
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


def _read_table(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from nas_selection_bench.bench.problem.open_table import open_table

        return open_table(folder / name)

    return read


@cache
def _strings() -> list[str]:
    return [to_string(architecture_of(index)) for index in range(N_ARCHITECTURES)]


def _read_state(folder: Path) -> object:
    """Read the first architecture's results from an official file that lacks all others."""
    from nas_selection_bench.bench.problem import official_table as official

    path = folder / "state.pkl"
    state = official._read(path, official.SCHEDULES["200"])
    return official.from_content({"meta_archs": _strings()}, path, infos={0: state})


def _read_spelling(folder: Path) -> object:
    from nas_selection_bench.bench.problem.spellings import architecture

    try:
        return architecture((folder / "architecture").read_bytes().decode("latin1"))
    except ValueError as error:
        raise UsageError(ascii(str(error))[:300]) from error


TABLES = (
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
    Target(
        "spelling",
        "architecture",
        lambda: [b"(0,1,2,3,4,0)", _csv()[0][60:150], b"Structure(4 nodes with ||)"],
        _read_spelling,
    ),
)
