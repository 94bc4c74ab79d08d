"""Which numbers a device computes with, and how it is prepared."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from nas_selection_bench.supernets.network.accelerator import has_bfloat16, on_gpu


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where it is fast (GPUs that compute with it), nothing elsewhere: for passes that train."""
    if on_gpu(device) and has_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def prepare(network: nn.Module, device: torch.device) -> None:
    """Move `network` to `device` in the memory layout that its convolutions run fastest in."""
    if on_gpu(device):
        use_reproducible_kernels()
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def use_reproducible_kernels(*, tf32: bool = False) -> None:
    """Deterministic kernels only, so that the same seeds give the same numbers; float32 is float32 unless `tf32`."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    # What is not in bfloat16 is meant to be in float32, not in TF32 with its 10 bits.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
