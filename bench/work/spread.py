"""Runs tasks in processes, threads or on a dask cluster; their order and the number of workers change no outcome."""

import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.work.workers import THREAD_VARIABLES, Pool, end_with

Done = TypeVar("Done")

Again: TypeAlias = Callable[[int, Done], Callable[[], Done] | None]
"""(task number, outcome) -> the task to run next because of that outcome; None if the outcome is final."""


class _Broken(Exception):
    """A worker process died, and perhaps took the tasks of other workers with it."""


class _Workers(Protocol):
    """Runs tasks in other processes."""

    def submit(self, task: Callable[[], Any]) -> Any:
        """Hand out a task; returns its handle."""

    def first(self, handles: Collection[Any]) -> Any:
        """Wait until one of the tasks has ended; returns its handle."""

    def result(self, handle: Any) -> Any:
        """The outcome of a task that has ended; raises _Broken if its worker died."""

    def renew(self) -> None:
        """Start new workers if a death left none."""


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Keep Ctrl-C, which goes to a whole process group, from processes and threads started inside this context.

    A worker that received it while importing would print a traceback. This thread receives it when the context ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Loky:
    """Worker processes on this machine."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._executor = pool, self._new(pool)

    @staticmethod
    def _new(pool: Pool) -> Any:
        # Not joblib's shared executor: joblib would continue to use it without the attributes that it sets on its own.
        from joblib.externals.loky import ProcessPoolExecutor  # type: ignore[import-untyped]

        threads = dict.fromkeys(THREAD_VARIABLES, str(pool.threads))
        with _without_interrupts():
            return ProcessPoolExecutor(
                pool.jobs, timeout=300, env=threads, initializer=end_with, initargs=(os.getpid(),)
            )

    def submit(self, task: Callable[[], Any]) -> Any:
        from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

        try:
            with _without_interrupts():
                return self._executor.submit(task)
        except TerminatedWorkerError as death:
            raise _Broken from death

    def first(self, handles: Collection[Any]) -> Any:
        from concurrent.futures import FIRST_COMPLETED, wait

        return next(iter(wait(handles, return_when=FIRST_COMPLETED).done))

    def result(self, handle: Any) -> Any:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        try:
            return handle.result()
        except TerminatedWorkerError as death:
            raise _Broken from death

    def renew(self) -> None:
        self.stop()
        self._executor = self._new(self._pool)

    def stop(self) -> None:
        """End the workers at once."""
        self._executor.shutdown(wait=False, kill_workers=True)


class _Dask:
    """The workers of a dask cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, task: Callable[[], Any]) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")  # a task may carry a checkpoint
            return self._client.submit(_called, task, pure=False, retries=0)

    def first(self, handles: Collection[Any]) -> Any:
        from concurrent.futures import CancelledError

        from dask.distributed import wait

        try:
            return next(iter(wait(list(handles), return_when="FIRST_COMPLETED").done))
        except CancelledError as lost:
            raise DataError("The dask cluster is gone; restart it and run the same command again.") from lost

    def result(self, handle: Any) -> Any:
        from dask.distributed import KilledWorker

        try:
            return handle.result()
        except KilledWorker as death:
            raise _Broken from death

    def renew(self) -> None:
        """Do nothing: a cluster starts new workers itself."""


def _called(task: Callable[[], Any]) -> Any:
    return task()


@contextlib.contextmanager
def _workers(pool: Pool) -> Iterator[_Workers]:
    if pool.backend != "dask":
        loky = _Loky(pool)
        with warnings.catch_warnings():
            # loky replaces a worker whose memory has grown. No task is lost, so the user need not know.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            try:
                yield loky
            finally:
                loky.stop()
        return
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError(
            "--backend dask needs the package distributed: pip install 'nas-selection-bench[dask]';"
            " or use --backend loky."
        ) from error
    # This program reports a lost cluster itself; the library would print tracebacks of its connections.
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Dask's own variable names an existing cluster; without it, start one on this machine.
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    with contextlib.ExitStack() as open_:
        open_.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": 0}))  # `spread` itself retries
        cluster = address or open_.enter_context(
            LocalCluster(n_workers=pool.jobs, threads_per_worker=1, dashboard_address=None)
        )
        yield _Dask(open_.enter_context(Client(cluster)))


def spread(
    tasks: Sequence[Callable[[], Done]], pool: Pool, died: Done, again: Again[Done] | None = None
) -> Iterator[tuple[int, Done]]:
    """Yield (number, outcome) of all `tasks`, in the order in which they end.

    A task returns its own failure as an outcome; if it raises, the run ends. If a worker process dies (out of memory,
    a crash in native code, an exit), the tasks under way are retried one by one; `died` is the outcome of those that
    end their process again, and the other tasks continue. `again`, used only with worker processes, gives the task to
    run next because of an outcome, if any.
    """
    if not tasks or (pool.jobs == 1 and not pool.own_processes):
        yield from ((number, task()) for number, task in enumerate(tasks))
    elif pool.own_processes:
        with _workers(pool) as workers:
            yield from _in_processes(tasks, workers, pool.jobs, died, again or (lambda number, outcome: None))
    else:
        import joblib

        threads = joblib.Parallel(
            n_jobs=pool.jobs, backend="threading", return_as="generator_unordered", batch_size=1,
            pre_dispatch=f"2*{pool.jobs}",
        )  # fmt: skip
        numbered = joblib.delayed(lambda number, task: (number, task()))
        yield from threads(numbered(number, task) for number, task in enumerate(tasks))


def _in_processes(
    tasks: Sequence[Callable[[], Done]], workers: _Workers, jobs: int, died: Done, again: Again[Done]
) -> Iterator[tuple[int, Done]]:
    waiting = list(enumerate(tasks))[::-1]
    running: dict[Any, tuple[int, Callable[[], Done]]] = {}

    def concluded(number: int, outcome: Done) -> Iterator[tuple[int, Done]]:
        if (task := again(number, outcome)) is None:
            yield number, outcome
        else:
            waiting.append((number, task))

    while waiting or running:
        try:
            while waiting and len(running) < jobs:
                running[workers.submit(waiting[-1][1])] = waiting[-1]
                waiting.pop()
            ended = workers.first(running)
            outcome = workers.result(ended)
        except _Broken:
            # Any of these may have killed the worker: each is retried alone.
            suspects, running = sorted(running.values(), key=lambda handed: handed[0]), {}
            for number, task in suspects:
                yield from concluded(number, _alone(task, workers, died))
            workers.renew()
        else:
            yield from concluded(running.pop(ended)[0], outcome)


def _alone(task: Callable[[], Done], workers: _Workers, died: Done) -> Done:
    workers.renew()
    handle = workers.submit(task)
    try:
        outcome: Done = workers.result(workers.first([handle]))
    except _Broken:
        return died
    return outcome
