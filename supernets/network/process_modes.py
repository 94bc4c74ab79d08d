"""Process-wide switches, mostly of torch and numpy, and a context that restores them after a method has run."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch


def _working_directory() -> str | None:
    """The working directory; None if it has been deleted."""
    with suppress(OSError):
        return os.getcwd()
    return None


def _change_to(folder: str | None) -> None:
    """Change to `folder`; do nothing if it no longer exists."""
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
"""How each switch is read and set. Switches that `supernets.network.precision.prepare` sets are not included."""


@contextmanager
def own_modes() -> Iterator[None]:
    """Restore all switches at the end, so that the next cell of this process computes as before.

    If several jobs share one GPU as threads of one process, the other threads see changes of all switches but
    `gradients` while this context lasts.
    """
    before = {name: read() for name, (read, _) in SWITCHES.items()}
    try:
        with np.errstate():
            yield
    finally:
        for name, (read, write) in SWITCHES.items():
            if read() != before[name]:
                write(before[name])
