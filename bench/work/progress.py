"""Progress in cells and epochs: a bar on a terminal, plain lines elsewhere, with the current work and an ETA."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from nas_selection_bench.bench.errors import counted
from nas_selection_bench.bench.work.record import FAILED

if TYPE_CHECKING:
    from tqdm import tqdm

QUIET, NORMAL, VERBOSE = range(3)

WIDE = 100
"""Columns that a terminal needs to have room for a bar beside the names."""

BAR_BEAT, LINE_BEAT = 1.0, 60.0
"""Seconds between two regular updates: of a bar, and of plain lines."""


def duration(seconds: float) -> str:
    """`seconds` in words: 0.4 s, 12 s, 3 min, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def end_of(text: str, width: int) -> str:
    """The end of `text`, which names the selector or the epoch, if the whole does not fit into `width` columns."""
    return text if len(text) <= width else "..." + text[-max(12, width - 3) :]


class Progress:
    """Counts finished cells out of `total` and shows the current work.

    `remaining` returns the expected seconds left, or None; the ETA is then based on the mean time of the cells so far.
    """

    def __init__(
        self,
        total: int,
        remaining: Callable[[], float | None] | None = None,
        verbosity: int = NORMAL,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.finished = total, 0
        self._epochs, self._trained = 0, 0
        self._remaining, self._verbosity, self._clock = remaining, verbosity, clock
        self._stream = stream if stream is not None else sys.stderr
        self._start = clock()
        self._expected, self._since, self._mean = 0.0, self._start, 0.0
        self._watch: Callable[[], str] | None = None
        self._over = threading.Event()
        self._bar: tqdm | None = None
        if verbosity > QUIET and total and self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, desc=self._counts(), file=self._stream, dynamic_ncols=True, leave=False,
                # A narrow terminal has no bar, to leave room for the name of the work.
                bar_format="{desc} " + ("|{bar:20}| " if self._columns() >= WIDE else "") + "{elapsed}{postfix}",
            )  # fmt: skip

    def __enter__(self) -> Self:
        if self._verbosity > QUIET:
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.close()

    def watch(self, look: Callable[[], str] | None) -> None:
        """Show what `look` returns, at regular intervals; None ends that."""
        self._watch = look

    def _beat(self) -> None:
        while not self._over.wait(BAR_BEAT if self._bar is not None else LINE_BEAT):
            look = self._watch
            if look is not None and self._bar is not None:
                self.working_on(look())
            elif look is not None:
                self.say(look())
            elif self._bar is not None:
                self._bar.refresh()

    def _columns(self) -> int:
        """Width of the terminal, in columns."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            return shutil.get_terminal_size().columns

    def eta(self) -> float | None:
        """Expected seconds until the end; None before anything is known.

        It counts down from the latest estimate until the estimate changes.
        """
        expected = self._remaining() if self._remaining is not None else None
        if expected is None and self.finished:
            expected = self._mean * (self.total - self.finished)
        if expected is None:
            return None
        if expected != self._expected:
            self._expected, self._since = expected, self._clock()
        return max(0.0, expected - (self._clock() - self._since))

    def resize(self, total: int) -> None:
        """Correct the number of cells."""
        self.total = total
        self._show()

    def training(self, trained: int, epochs: int) -> None:
        """Set how many of all `epochs` of supernets to train are `trained`; epochs count as work beside the cells."""
        self._trained, self._epochs = trained, epochs
        self._show()

    def _counts(self) -> str:
        """Finished and total work: `24/80 epochs, 0/10 cells`."""
        epochs = f"{self._trained}/{self._epochs} epochs, " if self._trained < self._epochs else ""
        return f"{epochs}{self.finished}/{self.total} cells"

    def working_on(self, what: str) -> None:
        """Show the current work (a cell, or a supernet in training)."""
        if self._bar is not None:
            eta = self.eta()
            left = f"about {duration(eta)} left; " if eta is not None else ""
            counted = len(f"{self._counts()} 00:00:00, ") + (24 if self._columns() >= WIDE else 0)
            self._bar.set_postfix_str(left + end_of(what, self._columns() - counted - len(left)))
        elif self._verbosity >= VERBOSE:
            self.say(f"  {what}")

    def epoch_trained(self, what: str) -> None:
        """Count one more trained epoch, of `what`."""
        self.training(self._trained + 1, self._epochs)
        self.working_on(what)

    def trained(self, what: str, seconds: float) -> None:
        """Report that the supernet `what` is trained."""
        if self._bar is None or self._verbosity >= VERBOSE:
            self.say(f"trained {what} in {duration(seconds)}")

    def cells_lost(self, what: str, count: int) -> None:
        """Count cells that failed because `what` failed, which is already reported."""
        self._count(count)
        self.say(f"[{self.finished}/{self.total}] failed {what}: {counted(count, 'cell')}")

    def _count(self, cells: int) -> None:
        self.finished += cells
        self._mean = (self._clock() - self._start) / max(1, self.finished)
        self._show()

    def _show(self) -> None:
        """Update the bar."""
        if self._bar is not None:
            self._bar.total, self._bar.n = self._epochs + self.total, self._trained + self.finished
            self._bar.set_description_str(self._counts())

    def cell_finished(self, what: str, state: str, seconds: float, reason: str = "") -> None:
        """Count and report a cell that has ended; a failure is printed even if the bar counts silently."""
        self._count(1)
        if self._bar is None or self._verbosity >= VERBOSE or state == FAILED:
            eta = self.eta()
            left = f", about {duration(eta)} left" if eta is not None and self.finished < self.total else ""
            why = f": {reason}" if reason else ""
            self.say(f"[{self.finished}/{self.total}] {state} {what} ({duration(seconds)}{left}){why}")

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one; print nothing if quiet."""
        if self._verbosity == QUIET:
            return
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)
