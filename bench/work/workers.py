"""Tasks over processes, threads or a dask cluster: same outcomes in whatever order, however many workers.

One rule for devices: on the CPU, processes with a fixed share of threads each; on one GPU, threads of this
process, which share its memory and context; on several GPUs, processes, each bound to one GPU before
anything initialises CUDA there.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from bench.errors import UsageError
from bench.files import held_lock

Outcome = TypeVar("Outcome")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
                    "NUMEXPR_NUM_THREADS")  # fmt: skip


@dataclass(frozen=True)
class Pool:
    """How tasks are spread."""

    jobs: int
    backend: str
    """`loky`, `dask` or `threading`; with one job, and not dask, tasks run in this process."""
    threads: int
    devices: tuple[int, ...] = ()
    """GPUs to share out among the worker processes, by index; empty for none."""
    locks: Path | None = None
    """A folder of this run's own for the lock files by which workers claim their GPU: two runs share the GPUs."""

    @property
    def own_processes(self) -> bool:
        """Whether tasks run in other processes than this one."""
        return self.backend == "dask" or (self.jobs > 1 and self.backend != "threading")

    def device_name(self, name: str) -> str:
        """What tasks call the device `name`: a process that claimed a GPU sees no other, so that it is the first."""
        return "cuda:0" if self.own_processes and self.devices and self.locks is not None else name


def limit_threads(threads: int) -> None:
    """Fix the thread count of numerical libraries that are not imported yet, here and in processes started here."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


@cache
def prepare_worker(pool: Pool) -> FileLock | None:
    """What a worker process does once, before its first task: leave Ctrl-C to the parent, claim a GPU.

    Returns the lock of the claim, which this cache holds for as long as the process lives.
    """
    if not pool.own_processes:
        return None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(pool.threads)
    if not pool.devices or pool.locks is None:
        return None
    claim, device = claim_device(pool.devices, pool.jobs, pool.locks)
    # Where the user narrowed the GPUs down already, an index counts among those that are left.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[device] if visible else str(device)
    return claim


_SEAT = ".seat-"


def leave_seats(locks: Path) -> None:
    """Remove the lock files of a run that has ended."""
    for seat in locks.glob(f"{_SEAT}*"):
        seat.unlink(missing_ok=True)


def claim_device(devices: Sequence[int], jobs: int, locks: Path) -> tuple[FileLock, int]:
    """A GPU for this process, held by a file lock for as long as the process lives.

    There are as many seats as jobs, dealt to the GPUs in turn, so that no GPU has two workers before
    each has one. Returns the lock (keep it) and the GPU's index. Raises DataError on a file system without locks.
    """
    for seat in range(max(jobs, len(devices))):
        lock = held_lock(locks / f"{_SEAT}{seat}", wait=False)
        if lock is not None:
            return lock, devices[seat % len(devices)]
    raise RuntimeError(f"all {jobs} seats on the GPUs are taken")


@contextlib.contextmanager
def _backend(pool: Pool) -> Iterator[None]:
    import joblib

    if pool.backend == "dask":
        try:
            from dask.distributed import Client
        except ImportError as error:
            raise UsageError(
                "--backend dask needs the package distributed: pip install 'nas-selection-bench[dask]';"
                " or use --backend loky."
            ) from error
        # A cluster that is already there is named by dask's own setting; else one on this machine.
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
        client = Client(address) if address else Client(n_workers=pool.jobs, threads_per_worker=1)
        with client, joblib.parallel_config(backend="dask"):
            yield
    elif pool.backend == "threading":
        with joblib.parallel_config(backend="threading"):
            yield
    else:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=pool.threads):
            yield


def spread(tasks: Sequence[Callable[[], Outcome]], pool: Pool, died: Outcome) -> Iterator[tuple[int, Outcome]]:
    """(number, outcome) of all `tasks`, as they come.

    A task must answer, not raise, for what concerns it only. Where a process of loky is killed (out of
    memory, a crash in native code), the tasks it may have had are tried again one by one, each in a process
    of its own, and for those that kill it again `died` is the outcome; the others go on.
    """
    if not tasks or (pool.jobs == 1 and not pool.own_processes):
        yield from ((number, task()) for number, task in enumerate(tasks))
        return
    waiting = dict(enumerate(tasks))
    with _backend(pool):
        while waiting:
            started: list[int] = []
            for number, outcome in _attempt(waiting, pool, started):
                del waiting[number]
                yield number, outcome
            for number in [number for number in started if number in waiting]:
                alone = list(_attempt({number: waiting.pop(number)}, pool, []))
                yield alone[0] if alone else (number, died)


def _attempt(
    tasks: Mapping[int, Callable[[], Outcome]], pool: Pool, started: list[int]
) -> Iterator[tuple[int, Outcome]]:
    """(number, outcome) of `tasks` until all are done or a worker is killed; `started` notes what was handed out."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

    def handed_out() -> Iterator[Any]:
        for number, task in list(tasks.items()):  # the caller takes out what is done meanwhile
            started.append(number)
            yield joblib.delayed(_numbered)(number, task)

    parallel = joblib.Parallel(
        n_jobs=pool.jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=f"2*{pool.jobs}"
    )
    with contextlib.suppress(TerminatedWorkerError):
        yield from parallel(handed_out())


def _numbered(number: int, task: Callable[[], Outcome]) -> tuple[int, Outcome]:
    return number, task()
