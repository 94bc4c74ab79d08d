"""Refuses methods that draw from the random generators that a whole process shares.

A result that uses one depends on what ran before in this process.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def refusing_global_draws(who: str, instead: str) -> Iterator[None]:
    """Raise ValueError if the body of the `with` statement draws from a global generator, of the CPU or of the GPU.

    `who` draws, for the message; `instead`: the generator to use. Outside the main thread nothing is checked: jobs that
    share a GPU run as threads, and the draws of one would be attributed to another.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _global_states()
    yield
    drawn = [name for name, state in _global_states().items() if state != before.get(name, state)]
    if drawn:
        raise ValueError(
            f"{who} draws from the global generator of {' and '.join(drawn)}, so its result depends on what ran"
            f" before it; draw from {instead} instead"
        )


def _global_states() -> dict[str, object]:
    """The states of the process-wide random generators, by library."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    states: dict[str, object] = {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (kind, keys.tobytes(), rest),  # type: ignore[union-attr]
        "random": random.getstate(),
    }
    if torch.cuda.is_initialized():  # the state, a seed and an offset, is on the host: reading it does not wait
        states["torch on the GPU"] = torch.cuda.get_rng_state().numpy().tobytes()
    return states
