"""Signals that end a program: at once while it starts; later as Ctrl-C, so that finished work is kept and reported."""

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from nas_selection_bench.bench.errors import ExitCode

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, a polite kill (a batch system's time limit), a closed terminal."""


@contextmanager
def ended_at_once() -> Iterator[None]:
    """While nothing is written yet, a signal ends the program with the line `Interrupted.`.

    KeyboardInterrupt in the middle of an import would not do: libraries turn it into errors of their own.
    """

    with _handled(_leave):
        yield


def end_at_once() -> None:
    """From now on a signal ends this process with that line; for a program's first line and its last moments.

    Code with results to keep handles signals in between. At exit they are ignored: Python would restore their default
    action while it shuts down, and the exit code would be the signal's.
    """
    handled = _not_ignored()

    def ignore() -> None:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)  # the first to be registered is the last to be called
    for number in handled:
        signal.signal(number, _leave)


def _leave(signum: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"\nInterrupted.\n")
    finally:
        os._exit(ExitCode.INTERRUPTED)


class Interrupted:
    """Whether a signal has come."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Take the signal for Ctrl-C."""
        self.came = True
        raise KeyboardInterrupt


@contextmanager
def like_ctrl_c() -> Iterator[Interrupted]:
    """Each of the signals raises KeyboardInterrupt, and is remembered."""
    interrupted = Interrupted()
    with _handled(interrupted):
        yield interrupted


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """`handler` for the signals that are not ignored: a program started with nohup is to go on."""
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
