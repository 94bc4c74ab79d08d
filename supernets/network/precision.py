"""The floating-point precision of a device, and how a network is prepared for it."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from nas_selection_bench.supernets.network.accelerator import has_bfloat16, on_gpu


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Context for training passes: bfloat16 autocast on GPUs with bfloat16 hardware, no effect elsewhere."""
    if on_gpu(device) and has_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def prepare(network: nn.Module, device: torch.device) -> None:
    """Move `network` to `device`, in the memory layout in which its convolutions are fastest."""
    if on_gpu(device):
        use_reproducible_kernels()
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def use_reproducible_kernels(*, tf32: bool = False) -> None:
    """Use only deterministic kernels, so that equal seeds give equal numbers; TF32 only if `tf32`."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    # Computations that are not in bfloat16 are meant to be in float32, not in TF32 with its 10 bits.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
