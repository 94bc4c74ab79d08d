"""Whether a device is a GPU, and torch's module for it, with streams, graphs and memory."""

from functools import cache
from typing import Any

import torch


def on_gpu(device: torch.device) -> bool:
    """Whether work on `device` is launched rather than done: everything but the CPU."""
    return device.type != "cpu"


def accelerator(device: torch.device) -> Any:
    """torch's module of this type of device: `torch.cuda` for CUDA."""
    return torch.get_device_module(device.type)


@cache
def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is computed by the hardware (from compute capability 8 on); older cards emulate it slowly."""
    return bool(accelerator(device).get_device_capability(device)[0] >= 8)
