"""The two kinds of task, training a supernet and running a cell; both return an Outcome and raise only for Ctrl-C."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.errors import BenchError, SkipCell, storable, text_of
from nas_selection_bench.bench.files import is_disk_trouble, make_folder, only_writer, sweep
from nas_selection_bench.bench.seeds import canonical_json
from nas_selection_bench.bench.work.discovery import line_of
from nas_selection_bench.bench.work.edited_files import keep_source
from nas_selection_bench.bench.work.methods import Supernets, Work
from nas_selection_bench.bench.work.plan import PlannedCell, PlannedSupernet
from nas_selection_bench.bench.work.progress import Progress
from nas_selection_bench.bench.work.record import DONE, FAILED, SKIPPED, choice_of
from nas_selection_bench.bench.work.store import cost_record
from nas_selection_bench.bench.work.workers import Pool, prepare_worker


@dataclass(frozen=True)
class Workplace:
    """What every task needs from its surroundings; sent to the worker along with the task."""

    supernets: Supernets
    work: Callable[[], Work]
    data_root: Path
    cache: Path
    device: str
    pool: Pool

    def __post_init__(self) -> None:
        # A method may change the working directory; even its own cell must still find these folders afterwards.
        for name in ("data_root", "cache"):
            object.__setattr__(self, name, getattr(self, name).absolute())

    def ready(self) -> Work:
        """The functions that compute; prepares this process for them."""
        prepare_worker(self.pool)
        work = self.work()
        work.set_threads(self.pool.threads)
        return work


@dataclass(frozen=True)
class Outcome:
    """How one task ended."""

    state: str
    reason: str = ""
    where: str | None = None
    """The line of a method in which it failed: `selectors/mine.py, line 27`."""
    choice: Mapping[str, Any] | None = None
    checkpoint: str | None = None
    supernet_accuracy: float | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    trace: str = ""
    seconds: float = 0.0
    disk_trouble: str = ""
    """If no more files can be written: the sentence with which the run ends, before this outcome is recorded."""
    device_lost: str = ""
    """If the GPU stays unusable in this process: the sentence with which the run ends, once this is recorded."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files, by name, that were trained by a worker that does not see the run's cache."""

    @property
    def explained(self) -> str:
        """The reason, followed by the line in parentheses if there is one."""
        return f"{self.reason} ({self.where})" if self.where else self.reason


LONGEST_REASON, LONGEST_LOG = 1_000, 100_000
"""Maximum number of characters kept of an exception's message, and of its traceback."""

KILLED = Outcome(FAILED, "the worker process was killed (out of memory, or a crash in native code)")
"""Outcome of a task whose worker process was killed twice."""


def failure(error: BaseException, seconds: float) -> Outcome:
    """The outcome of a task that raised `error`: class and first line of the error, code line, traceback for the log.

    Errors of the project's own classes, and of a full or read-only disk, get no code line: their message is complete.
    A sentence for the user (BenchError) stands without its class.
    """
    kind, lines = type(error).__name__, text_of(error).strip()[:LONGEST_LOG].splitlines()
    sentence = isinstance(error, BenchError)
    reason = kind if not lines else lines[0] if sentence else f"{kind}: {lines[0]}"
    disk_trouble = device_lost = ""
    if is_disk_trouble(error):
        disk_trouble = f"The disk is full or read-only ({reason}); make room and run the command again."
        disk_trouble = reason if sentence else disk_trouble
    if kind == "AcceleratorError" and "out of memory" not in text_of(error):
        # After any other error of its context CUDA refuses all further work of the process.
        device_lost = (
            f"The GPU cannot be used any more in this process ({reason}); run the same command again to go on."
        )
    own = type(error).__module__.startswith("nas_selection_bench.")
    line = None if own or disk_trouble else line_of(error)
    trace = storable("".join(traceback.format_exception(error)), LONGEST_LOG)
    return Outcome(FAILED, storable(reason, LONGEST_REASON), line, trace=trace, seconds=seconds,
                   disk_trouble=disk_trouble, device_lost=device_lost)  # fmt: skip


def _must_end(error: BaseException, pool: Pool) -> bool:
    """Whether `error` is the user's Ctrl-C. Worker processes do not receive that; there, a method raised it itself."""
    return isinstance(error, KeyboardInterrupt) and not pool.own_processes


@dataclass(frozen=True)
class TrainTask:
    """One supernet to train."""

    supernet: PlannedSupernet
    until: int
    """The last epoch that is needed."""
    workplace: Workplace
    progress: Progress | None = None
    """Only for tasks that run in this process."""
    source: str | None = None
    """Digest of the recipe's file, if known."""

    def __call__(self) -> Outcome:
        """Train the supernet as far as needed, unless another process has done so meanwhile."""
        start = time.perf_counter()
        here, job = self.workplace, self.supernet.job
        folder = self.supernet.folder(here.cache)
        try:
            work = here.ready()
            make_folder(folder)
            with only_writer(folder / ".lock", wait=True):
                if not is_trained(here.supernets, self.supernet, here.cache, self.until):
                    sweep(folder)
                    keep_source(folder, self.source)
                    images = work.load_images(job.dataset, here.data_root, job.settings.images)
                    work.train(job, images, here.device, folder, self.tell, self.until)
        except BaseException as error:
            if _must_end(error, here.pool):
                raise
            return failure(error, time.perf_counter() - start)
        return Outcome(DONE, seconds=time.perf_counter() - start)

    def tell(self, epoch: int, epochs: int) -> None:
        """Report that `epoch` was trained."""
        if self.progress is not None:
            self.progress.epoch_trained(f"training {self.supernet.title}, epoch {epoch}/{epochs}")


@dataclass(frozen=True)
class SelectTask:
    """One cell to run."""

    planned: PlannedCell
    workplace: Workplace
    progress: Progress | None = None
    """Only for tasks that run in this process."""

    @property
    def supernet(self) -> PlannedSupernet:
        """The supernet of the cell."""
        return self.planned.supernet

    def __call__(self) -> Outcome:
        """Apply the selector to its checkpoint; returns its choice and cost."""
        start = time.perf_counter()
        here, cell = self.workplace, self.planned.cell
        if self.progress is not None:
            self.progress.working_on(self.planned.title)
        folder = self.supernet.folder(here.cache)
        try:
            work = here.ready()
            settings = cell.supernet.settings
            images = work.load_images(cell.supernet.dataset, here.data_root, settings.images)
            selection = work.select(cell, folder, images, here.device)
            choice, sha256, accuracy = choice_of(selection), None, None
            if self.planned.reads_checkpoint:
                checkpoint = here.supernets.facts(folder, cell.epoch)
                sha256, accuracy = checkpoint.sha256, checkpoint.accuracy
            canonical_json([choice, accuracy])  # raises for an accuracy that JSON cannot hold
        except SkipCell as skipped:
            reason = storable(text_of(skipped).strip(), LONGEST_REASON)
            return Outcome(SKIPPED, reason, seconds=time.perf_counter() - start)
        except BaseException as error:
            if _must_end(error, here.pool):
                raise
            return failure(error, time.perf_counter() - start)
        seconds = time.perf_counter() - start
        cost = cost_record(selection, seconds)
        return Outcome(
            DONE, choice=choice, checkpoint=sha256, supernet_accuracy=accuracy, cost=cost, seconds=seconds,
        )  # fmt: skip


def is_trained(supernets: Supernets, supernet: PlannedSupernet, cache: Path, until: int) -> bool:
    """Whether every checkpoint of the supernet up to epoch `until` is in the cache."""
    present = supernets.epochs_present(supernet.folder(cache))
    return {epoch for epoch in supernet.job.settings.checkpoint_epochs if epoch <= until} <= set(present)
