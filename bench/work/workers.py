"""Workers: how many, with how many threads, on which device.

One rule for devices: on the CPU, processes with a fixed share of threads each; on one GPU, threads of this
process, which share its memory and context; on several GPUs, processes, each bound to one GPU before
anything initialises CUDA there.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock

from nas_selection_bench.bench.work.seats import SECONDS_BETWEEN_LOOKS, claim_device

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
                    "NUMEXPR_NUM_THREADS")  # fmt: skip


@dataclass(frozen=True)
class Pool:
    """How tasks are spread."""

    jobs: int
    backend: str
    """`loky`, `dask`, `threading`, or `none`, which runs tasks in this process."""
    threads: int
    devices: tuple[int, ...] = ()
    """GPUs to share out among the worker processes, by index; empty for none."""
    locks: Path | None = None
    """A folder of this run's own for the lock files by which workers claim their GPU: two runs share the GPUs."""

    @property
    def own_processes(self) -> bool:
        """Whether tasks run in other processes than this one."""
        return self.backend in ("loky", "dask")

    def device_name(self, name: str) -> str:
        """The name of the device for tasks: a process that claimed a GPU sees no other, so that it is the first."""
        return "cuda:0" if self.own_processes and self.devices and self.locks is not None else name


def limit_threads(threads: int) -> None:
    """Fix the thread count of numerical libraries that are not imported yet, here and in processes started here."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


@cache
def prepare_worker(pool: Pool) -> FileLock | None:
    """Prepare a worker process once, before its first task: leave Ctrl-C to the parent, claim a GPU.

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


def no_processes() -> str | None:
    """Why no worker processes can be started here, None where they can.

    They need semaphores, which need a /dev/shm that can be written; JOBLIB_MULTIPROCESSING=0 does without processes.
    """
    if os.environ.get("JOBLIB_MULTIPROCESSING") == "0":
        return "JOBLIB_MULTIPROCESSING is 0"
    try:
        from multiprocessing import get_context

        get_context("fork").Semaphore()  # of the others each starts a process that watches it
    except (ImportError, OSError, NotImplementedError) as error:
        return f"no semaphores: {error}"
    return None


def end_with(parent: int) -> None:
    """Let this process end when the process `parent`, which started it, has ended, whatever it is waiting for then.

    A worker whose parent was killed would compute on, or wait for ever for someone to take its result, and hold its
    GPU and its lock meanwhile.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with the parent").start()
