"""Whether a device is a GPU, and torch's module for its streams, graphs and memory."""

from functools import cache
from typing import Any

import torch


def on_gpu(device: torch.device) -> bool:
    """Whether operations on `device` are launched asynchronously, as on every device but the CPU."""
    return device.type != "cpu"


def accelerator(device: torch.device) -> Any:
    """torch's module for this type of device: `torch.cuda` for CUDA."""
    return torch.get_device_module(device.type)


@cache
def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware computes in bfloat16 (from compute capability 8); older cards emulate it slowly."""
    return bool(accelerator(device).get_device_capability(device)[0] >= 8)
