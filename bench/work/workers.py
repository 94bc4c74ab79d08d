"""Worker pools: how many workers, with how many threads, on which device.

The device decides the kind of worker: on the CPU, processes with a fixed share of threads each; on one GPU, threads of
this process, which share its memory and context; on several GPUs, processes, each bound to one GPU before anything
initialises CUDA there.
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
    """How tasks are spread over workers."""

    jobs: int
    backend: str
    """`loky`, `dask`, `threading`, or `none`, which runs tasks in this process."""
    threads: int
    devices: tuple[int, ...] = ()
    """Indices of the GPUs to share out among the worker processes; empty for none."""
    locks: Path | None = None
    """Folder, of this run alone, for the lock files by which workers claim their GPU; two runs can so share GPUs."""

    @property
    def own_processes(self) -> bool:
        """Whether tasks run in processes other than this one."""
        return self.backend in ("loky", "dask")

    def device_name(self, name: str) -> str:
        """The device name for tasks: a process that has claimed a GPU sees no other GPU, so its own is the first."""
        return "cuda:0" if self.own_processes and self.devices and self.locks is not None else name


def limit_threads(threads: int) -> None:
    """Set the thread count of numerical libraries not yet imported, in this process and those that it starts."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


@cache
def prepare_worker(pool: Pool) -> FileLock | None:
    """Prepare a worker process once, before its first task: leave Ctrl-C to the parent, limit threads, claim a GPU.

    Returns the lock of the claim, which the cache of this function holds for as long as the process lives.
    """
    if not pool.own_processes:
        return None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(pool.threads)
    if not pool.devices or pool.locks is None:
        return None
    claim, device = claim_device(pool.devices, pool.jobs, pool.locks)
    # If the user has already restricted the visible GPUs, the index counts among those.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[device] if visible else str(device)
    return claim


def no_processes() -> str | None:
    """Why no worker processes can be started here; None if they can.

    They need semaphores, which need a writable /dev/shm; JOBLIB_MULTIPROCESSING=0 forbids worker processes.
    """
    if os.environ.get("JOBLIB_MULTIPROCESSING") == "0":
        return "JOBLIB_MULTIPROCESSING is 0"
    try:
        from multiprocessing import get_context

        get_context("fork").Semaphore()  # the other contexts would start a process that watches the semaphore
    except (ImportError, OSError, NotImplementedError) as error:
        return f"no semaphores: {error}"
    return None


def end_with(parent: int) -> None:
    """End this process once the process `parent`, which started it, has ended, whatever it is waiting for then.

    A worker whose parent was killed would otherwise continue computing, or wait for ever for someone to take its
    result, and hold its GPU and its lock meanwhile.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with the parent").start()
