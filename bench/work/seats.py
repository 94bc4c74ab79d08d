"""Seats on GPUs: which worker process has which device, kept as locks that go with the process."""

import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from nas_selection_bench.bench.files import held_lock

_SEAT = ".seat-"
SECONDS_BETWEEN_LOOKS = 0.2


def leave_seats(locks: Path, jobs: int) -> None:
    """Remove the lock files of a run that has ended."""
    for seat in range(jobs):
        (locks / f"{_SEAT}{seat}").unlink(missing_ok=True)


def claim_device(devices: Sequence[int], jobs: int, locks: Path, patience: float = 60.0) -> tuple[FileLock, int]:
    """A GPU for this process, held by a file lock for as long as the process lives.

    There are as many seats as jobs, dealt to the GPUs in turn, so that no GPU has two workers before
    each has one; where all are taken, by workers of a run that was killed, this waits `patience` seconds for one.
    Returns the lock (keep it) and the GPU's index. Raises DataError on a file system without locks.
    """
    deadline = time.monotonic() + patience
    while True:
        for seat in range(max(jobs, len(devices))):
            lock = held_lock(locks / f"{_SEAT}{seat}", wait=False)
            if lock is not None:
                return lock, devices[seat % len(devices)]
        if time.monotonic() > deadline:
            raise RuntimeError(f"all {jobs} seats on the GPUs are taken")
        time.sleep(SECONDS_BETWEEN_LOOKS)
