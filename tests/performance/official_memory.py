"""Peak memory of reading an official table: `python -m tests.performance.official_memory [COUNT] [FOLDER]`.

Writes a file of invented content in the format of NAS-Bench-201 v1_1 as saved by torch: for each of COUNT architectures
8 trainings of 200 epochs with their curves, in which the names of epochs are pickled anew for each architecture, as in
the real file. With all 15,625 architectures it has about 4.7 GB, like the real file. It is then converted in a separate
process, whose peak memory is printed.
"""

import pickle
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string
from tests.bench.official_file import EVALUATED_ON


class Writer:
    """Pickles plain data (protocol 2); each string and container gets its own entry in the memo.

    Memo indices are counted from 0 and their positions noted, so that the bytes can be written again with other
    indices.
    """

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.places: list[int] = []
        self.fetched: list[tuple[int, int]] = []
        """Position of each reference to an earlier entry of the memo, and that entry's index."""
        self.seen: dict[int, int] = {}

    def put(self, data: bytes, memo: bool = False) -> None:
        """Add opcodes and, if `memo`, the memo entry of the object that they build."""
        self.parts.append(data + (b"r" + struct.pack("<I", len(self.places)) if memo else b""))
        self.size += len(self.parts[-1])
        if memo:
            self.places.append(self.size - 4)

    def value(self, value: Any) -> None:
        """Add the opcodes of `value`."""
        if value is None:
            self.put(b"N")
        elif isinstance(value, float):
            self.put(b"G" + struct.pack(">d", value))
        elif isinstance(value, int):
            self.put(b"J" + struct.pack("<i", value))
        elif isinstance(value, str) and id(value) in self.seen:
            self.put(b"j" + struct.pack("<I", self.seen[id(value)]))
            self.fetched.append((self.size - 4, self.seen[id(value)]))
        elif isinstance(value, str):
            self.seen[id(value)] = len(self.places)
            raw = value.encode()
            self.put(b"X" + struct.pack("<I", len(raw)) + raw, memo=True)
        elif isinstance(value, tuple):
            for entry in value:
                self.value(entry)
            self.put({2: b"\x86"}[len(value)], memo=True)
        elif isinstance(value, list):
            self.put(b"]", memo=True)
            self.put(b"(")
            for entry in value:
                self.value(entry)
            self.put(b"e")
        else:
            self.put(b"}", memo=True)
            self.put(b"(")
            for key, entry in value.items():
                self.value(key)
                self.value(entry)
            self.put(b"u")


def results(epochs: int, seeds: tuple[int, ...]) -> dict[str, Any]:
    """The results of one architecture under one schedule, without its string."""
    curve = {epoch: 50.0 + epoch / 10 for epoch in range(epochs)}
    trainings = {}
    for dataset, splits in EVALUATED_ON.items():
        named = {f"{split}@{epoch}": 50.0 + epoch / 10 for split in splits for epoch in range(epochs)}
        for seed in seeds:
            trainings[dataset, seed] = {
                "name": dataset, "net_state_dict": None, "train_acc1es": curve, "train_acc5es": curve,
                "train_losses": curve, "train_times": curve, "arch_config": {"channel": 16, "num_cells": 5},
                "params": 0.129306, "flop": 15.64736, "seed": seed, "epochs": epochs, "latency": None,
                "eval_names": list(splits), "eval_acc1es": named, "eval_times": named, "eval_losses": named,
            }  # fmt: skip
    return {
        "arch_index": 0, "all_results": trainings, "clear_net_done": True,
        "dataset_seed": {dataset: list(seeds) for dataset in EVALUATED_ON},
    }  # fmt: skip


def pieces(architectures: int) -> Iterator[bytes]:
    """The content of the file, one piece at a time."""
    for small in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001}):
        yield pickle.dumps(small, 2)
    strings = [to_string(architecture_of(index)) for index in range(architectures)]
    head = Writer()
    head.put(b"\x80\x02}", memo=True)
    head.put(b"(")
    for key, value in (("meta_archs", strings), ("evaluated_indexes", list(range(architectures)))):
        head.value(key)
        head.value(value)
    head.value("arch2infos")
    head.put(b"}", memo=True)
    yield b"".join(head.parts)
    template = Writer()
    kept = [("less", results(12, (777,))), ("full", results(200, (777, 888)))]
    for name, held in kept:  # kept alive, so that no two strings share an id
        template.value(name)
        template.value(held)
    # `less` and `full` lack their string, which is added at the end: a dictionary can be filled in two batches.
    whole = np.frombuffer(b"".join(template.parts), np.uint8)
    places = np.array(template.places + [at for at, _ in template.fetched])
    numbers = np.array([*range(len(template.places)), *(place for _, place in template.fetched)])
    count = len(head.places)
    for index, string in enumerate(strings):
        bytes_of = whole.copy()
        bytes_of[places[:, None] + np.arange(4)] = (count + numbers).astype("<u4").view(np.uint8).reshape(-1, 4)
        count += len(template.places)
        # {"less": {...}, "full": {...}} on the stack as name, dict, name, dict: the string goes into the last one.
        raw = string.encode()
        entry = b"X\x08\0\0\0arch_strX" + struct.pack("<I", len(raw)) + raw + b"s"
        yield b"(J" + struct.pack("<i", index) + b"}(" + bytes_of.tobytes() + entry + b"uu"
    yield b"u."


def write(path: Path, architectures: int = N_ARCHITECTURES) -> None:
    """Write the file for `architectures` architectures to `path`."""
    with path.open("wb") as file:
        for piece in pieces(architectures):
            file.write(piece)


def largest_memory(program: str, *arguments: str) -> int:
    """The peak resident memory of a Python program, in bytes.

    On Linux this is VmHWM, which starts anew with the program; ru_maxrss starts with that of the parent process.
    """
    if sys.platform == "linux":
        told = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    else:
        told = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{told}", *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]) * (1024 if sys.platform == "linux" else 1)


def main(architectures: int, folder: Path) -> None:
    """Write the file, convert it, and print sizes and times."""
    path = folder / "NAS-Bench-201-v1_1-invented.pth"
    write(path, architectures)
    print(f"{path}: {path.stat().st_size:,} bytes", flush=True)
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "nas_selection_bench",
        "convert-table",
        str(path),
        str(folder / "table.npz"),
    ]
    done = subprocess.run(command, check=False)
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1024 if sys.platform == "linux" else 1)
    print(f"exit code {done.returncode}, {seconds:.0f} s, peak memory {most / 1e9:.2f} GB")
    path.unlink()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else N_ARCHITECTURES
    if len(sys.argv) > 2:
        main(count, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(count, Path(place))
