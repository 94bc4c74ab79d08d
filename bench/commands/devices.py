"""The devices of this machine: which one is meant, and what its last digits depend on."""

import ctypes
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work import gpu_kernels
from nas_selection_bench.bench.work.json_files import read_json
from nas_selection_bench.bench.work.run_file import processor


@dataclass(frozen=True)
class Device:
    """Where to compute."""

    name: str
    """As torch spells it: `cpu`, `cuda:0`; in a worker bound to one GPU that GPU is `cuda:0`."""
    kind: str
    """`cpu` or `cuda`: a column of the results."""
    described: str
    indices: tuple[int, ...]
    """The GPUs that workers may share out."""
    hardware: str = ""
    """Of a GPU the model, its compute capability, CUDA, cuDNN and Triton: with others the last digits are others."""


def find_device(name: str) -> Device:
    """The device that `name` (auto, cpu, cuda, cuda:i) means here; UsageError for a GPU that is not there."""
    if name == "cpu":
        return Device("cpu", "cpu", processor(), ())
    count = gpus() if may_have_gpus() else 0
    if name == "auto" and not count:
        return Device("cpu", "cpu", processor(), ())
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        raise UsageError(f"--device {name}: this machine has {count or 'no'} CUDA devices; use --device cpu or auto.")
    indices = (index,) if ":" in name else tuple(range(count))
    if len(indices) == 1:
        model, hardware = ask_gpu(index)
    else:
        # Not here: where a GPU takes one process only, this one must leave them all to its workers.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            model, hardware = apart.submit(ask_gpu, index).result()
    return Device(f"cuda:{index}", "cuda", model, indices, hardware)


def may_have_gpus() -> bool:
    """Whether a driver of GPUs is here, which costs nothing to ask; torch, which knows, takes seconds to import."""
    names = ("libcuda.so.1", "libamdhip64.so", "nvcuda.dll")
    if any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")):
        return True
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def gpus() -> int:
    """How many GPUs torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def ask_gpu(index: int) -> tuple[str, str]:
    """The model of a GPU, and all that its last digits depend on; occupies it."""
    import torch

    model = torch.cuda.get_device_name(index)
    capability = ".".join(map(str, torch.cuda.get_device_capability(index)))
    libraries = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}{gpu_kernels.described()}"
    return model, f"{model} ({capability}), {libraries}"


def verified(hardware: str, results: Path) -> bool:
    """Whether the whole acceptance of the GPU path has passed on this hardware, by the records in `results`/gpu."""

    def says_so(record: Any) -> bool:
        return bool(record["hardware"] == hardware and record["passed"] is True and not record["small"])

    return any(read_json(path, says_so, False) for path in sorted((results / "gpu").glob("*.json")))
