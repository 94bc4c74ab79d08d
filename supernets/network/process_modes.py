"""Switches that hold for a whole process, most of torch and numpy, and how a method leaves them as it found them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch


def _working_directory() -> str | None:
    """None where it has been deleted."""
    with suppress(OSError):
        return os.getcwd()
    return None


def _change_to(folder: str | None) -> None:
    """Stay where that folder is gone."""
    if folder is not None:
        with suppress(OSError):
            os.chdir(folder)


SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "deterministic algorithms": (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    "precision of products": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "oneDNN": (
        lambda: torch.backends.mkldnn.enabled,
        lambda enabled: setattr(torch.backends.mkldnn, "enabled", enabled),
    ),
    "cuDNN": (
        lambda: torch.backends.cudnn.enabled,
        lambda enabled: setattr(torch.backends.cudnn, "enabled", enabled),
    ),
    "working directory": (_working_directory, _change_to),
}
"""How each is read and set. Those that `supernets.network.precision.prepare` sets for every network are not here."""


@contextmanager
def own_modes() -> Iterator[None]:
    """Whatever is switched in here is as it was afterwards, so that the next cell of this process computes alike.

    Where several jobs share one GPU as threads of a process, the others see all but `gradients` while it lasts.
    """
    before = {name: read() for name, (read, _) in SWITCHES.items()}
    try:
        with np.errstate():
            yield
    finally:
        for name, (read, write) in SWITCHES.items():
            if read() != before[name]:
                write(before[name])
