"""Seats on GPUs: file locks that assign a GPU to each worker process and end with that process."""

import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from nas_selection_bench.bench.files import held_lock

_SEAT = ".seat-"
SECONDS_BETWEEN_LOOKS = 0.2


def leave_seats(locks: Path, jobs: int) -> None:
    """Remove the lock files of the seats 0 to `jobs` - 1 of a run that has ended."""
    for seat in range(jobs):
        (locks / f"{_SEAT}{seat}").unlink(missing_ok=True)


def claim_device(devices: Sequence[int], jobs: int, locks: Path, patience: float = 60.0) -> tuple[FileLock, int]:
    """Claim a GPU for this process by a file lock, which is held for as long as the process lives.

    There is a seat for each job, and at least one for each GPU. Seats are dealt to the GPUs in turn, so that no GPU has
    two workers before each has one. If workers of a killed run hold all seats, this waits up to `patience` seconds.
    Returns the lock (keep it) and the GPU's index. Raises DataError on a file system without locks, RuntimeError if no
    seat becomes free.
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
