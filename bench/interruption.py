"""Handling of the signals that end the program.

While the program starts, a signal ends it at once; later, a signal acts like Ctrl-C, so that finished work is kept and
reported.
"""

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from nas_selection_bench.bench.errors import ExitCode

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals of Ctrl-C, of a plain `kill` (also from a batch system at its time limit), and of a closed terminal."""


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Inside the `with` block, let a signal end the program with the line `Interrupted.`.

    It is meant for code that runs before any result is written. A KeyboardInterrupt in the middle of an import
    would not work: libraries turn it into errors of their own.
    """

    with _handled(_leave):
        yield


def end_at_once() -> None:
    """From now on, let a signal end this process with the line `Interrupted.`; meant for a program's first statement.

    Code that has results to keep installs its own handlers for its duration. At exit the signals are ignored: Python
    would restore their default action while it shuts down, and the exit code would be the signal's.
    """
    handled = _not_ignored()

    def ignore() -> None:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)  # registered first, so called last
    for number in handled:
        signal.signal(number, _leave)


def _leave(signum: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"\nInterrupted.\n")
    finally:
        os._exit(ExitCode.INTERRUPTED)


class Interrupted:
    """A signal handler that acts like Ctrl-C; `came` says whether a signal has arrived."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Note that a signal arrived, and raise KeyboardInterrupt."""
        self.came = True
        raise KeyboardInterrupt


@contextmanager
def like_ctrl_c() -> Iterator[Interrupted]:
    """Let each of the signals raise KeyboardInterrupt; the yielded object notes whether one arrived."""
    interrupted = Interrupted()
    with _handled(interrupted):
        yield interrupted


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals with `handler`, except ignored ones, so that a program started with nohup keeps running."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    before = {number: signal.getsignal(number) for number in _not_ignored()}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


def _not_ignored() -> list[signal.Signals]:
    return [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
