"""Signals that end a program: at once while it starts, later as Ctrl-C, so that what is done is kept and told."""

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
    """While nothing is written yet, a signal ends the program with one word.

    An exception in the midst of an import would come out as anything: libraries turn it into an error of their own.
    """

    with _handled(_leave):
        yield


def end_at_once() -> None:
    """From now on a signal ends this process with one word; for a program's first line and its last moments.

    Whoever knows what to keep handles signals in between. Once everything is reported and cleaned up, they change
    nothing: Python would give them back their own meaning while it ends, and the exit code would be theirs.
    """
    heard = _heard()

    def deaf() -> None:
        for number in heard:
            signal.signal(number, signal.SIG_IGN)

    atexit.register(deaf)  # the first to be registered is the last to be called
    for number in heard:
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
    """`handler` for the signals that are not ignored: who starts a program with nohup wants it to go on."""
    if threading.current_thread() is not threading.main_thread():  # whoever called decides about signals
        yield
        return
    before = {number: signal.getsignal(number) for number in _heard()}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


def _heard() -> list[signal.Signals]:
    return [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
