"""The devices of this machine: which one a name means, and what the last digits of its results depend on."""

import ctypes
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.work import gpu_kernels
from nas_selection_bench.bench.work.json_files import read_json
from nas_selection_bench.bench.work.run_file import processor


@dataclass(frozen=True)
class Device:
    """A device to compute on."""

    name: str
    """PyTorch's name for it: `cpu`, `cuda:0`; in a worker that is bound to one GPU, that GPU is `cuda:0`."""
    kind: str
    """`cpu` or `cuda`: a column of the results."""
    described: str
    indices: tuple[int, ...]
    """Indices of the GPUs to distribute over the workers."""
    hardware: str = ""
    """For a GPU: its model, compute capability, CUDA, cuDNN and Triton, all of which affect the last digits."""


def find_device(name: str) -> Device:
    """The device that `name` (auto, cpu, cuda, cuda:i) means here; raises UsageError for a GPU that is not there."""
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
        # In another process: if a GPU accepts only one, this process must leave all of them to its workers.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            model, hardware = apart.submit(ask_gpu, index).result()
    return Device(f"cuda:{index}", "cuda", model, indices, hardware)


def may_have_gpus() -> bool:
    """Whether a GPU driver is installed: a quick check that avoids importing torch, which takes seconds."""
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
    """Number of GPUs that torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def ask_gpu(index: int) -> tuple[str, str]:
    """The model of a GPU, and everything that its last digits depend on; from then on this process occupies it."""
    import torch

    model = torch.cuda.get_device_name(index)
    capability = ".".join(map(str, torch.cuda.get_device_capability(index)))
    libraries = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}{gpu_kernels.described()}"
    return model, f"{model} ({capability}), {libraries}"


def verified(hardware: str, results: Path) -> bool:
    """Whether the records in `results`/gpu say that the full acceptance of the GPU path has passed on this hardware."""

    def says_so(record: Any) -> bool:
        return bool(record["hardware"] == hardware and record["passed"] is True and not record["small"])

    for path in sorted((results / "gpu").glob("*.json")):
        with suppress(DataError):  # a damaged record verifies nothing, and stops no run
            if read_json(path, says_so, False):
                return True
    return False
