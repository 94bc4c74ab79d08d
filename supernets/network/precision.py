"""Which numbers a device computes with, and how it is prepared."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where it is fast (CUDA), nothing elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def prepare(network: nn.Module, device: torch.device) -> None:
    """Move `network` to `device` in the memory layout that its convolutions run fastest in."""
    if device.type == "cuda":
        # Deterministic kernels only: the same seeds give the same supernet.
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        # What is not in bfloat16 is meant to be in float32, not in TF32 with its 10 bits.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
