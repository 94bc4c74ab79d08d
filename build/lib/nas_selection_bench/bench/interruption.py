"""Signals that end a program: at once while it starts, later as Ctrl-C, so that what is done is kept and told."""

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

    def leave(signum: int, frame: FrameType | None) -> None:
        try:
            os.write(2, b"\nInterrupted.\n")
        finally:
            os._exit(ExitCode.INTERRUPTED)

    with _handled(leave):
        yield


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
    before = {number: signal.getsignal(number) for number in ENDING}
    mine = [number for number, now in before.items() if now not in (signal.SIG_IGN, None)]
    for number in mine:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])
