"""Distribution of tasks to workers, and of GPUs to processes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.work.seats import claim_device
from nas_selection_bench.bench.work.spread import spread
from nas_selection_bench.bench.work.workers import Pool, no_processes


def square(number: int) -> int:
    return number * number


def squares(count: int) -> list[Callable[[], int]]:
    return [partial(square, number) for number in range(count)]


@pytest.mark.parametrize(
    "pool", [Pool(1, "none", 1), Pool(1, "loky", 1), Pool(2, "loky", 1), Pool(2, "threading", 1), Pool(2, "dask", 1)]
)
def test_every_task_is_answered_once(pool: Pool) -> None:
    if pool.backend == "dask":
        pytest.importorskip("distributed")
    assert sorted(spread(squares(20), pool, -1)) == [(number, number**2) for number in range(20)]


def test_no_tasks_start_no_workers() -> None:
    assert list(spread([], Pool(8, "dask", 1), -1)) == []


def test_an_absent_dask_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from nas_selection_bench.bench.errors import UsageError

    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(UsageError, match="--backend loky"):
        list(spread(squares(2), Pool(2, "dask", 1), -1))


def test_workers_are_limited_to_their_threads() -> None:
    pool = Pool(2, "loky", 3)
    assert {variable for _, variable in spread([threads_variable] * 4, pool, "killed")} == {"3"}


def threads_variable() -> str:
    import os

    return os.environ["OMP_NUM_THREADS"]


def test_each_gpu_gets_a_worker_before_one_gets_two(tmp_path: Path) -> None:
    claim = f"""
import sys
from pathlib import Path
from nas_selection_bench.bench.work.seats import claim_device
lock, device = claim_device((0, 2, 5), 4, Path({str(tmp_path)!r}))
print(device, flush=True)
sys.stdin.read()
"""
    claimants = []
    devices = []
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", claim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert process.stdout is not None
        devices.append(int(process.stdout.readline()))
        claimants.append(process)
    assert devices == [0, 2, 5, 0]
    with pytest.raises(RuntimeError, match="seats"):
        claim_device((0, 2, 5), 4, tmp_path, patience=0.3)
    threading.Timer(0.5, claimants[1].kill).start()  # like a worker of a killed run, which ends a little later
    lock, device = claim_device((0, 2, 5), 4, tmp_path)
    claimants[1].communicate()
    lock.release()
    assert device == 2
    for process in claimants:
        process.kill()
        process.communicate()


def test_a_file_system_without_locks_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(DataError, match="No locks available") as caught:
        claim_device((0, 1), 2, tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_process_that_claimed_a_gpu_sees_no_other(tmp_path: Path) -> None:
    assert Pool(2, "dask", 1, (1,), tmp_path).device_name("cuda:1") == "cuda:0"
    assert Pool(1, "none", 1).device_name("cuda:1") == "cuda:1", "runs in this process"
    assert Pool(2, "loky", 1).device_name("cpu") == "cpu"


def test_a_run_goes_on_where_no_processes_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBLIB_MULTIPROCESSING")
    assert no_processes() is None
    monkeypatch.setenv("JOBLIB_MULTIPROCESSING", "0")
    assert "JOBLIB_MULTIPROCESSING" in str(no_processes())
    monkeypatch.delenv("JOBLIB_MULTIPROCESSING")

    def refused(*arguments: object, **named: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refused)
    assert "Read-only file system" in str(no_processes())


def test_a_fault_of_the_program_in_a_worker_is_not_a_death() -> None:
    with pytest.raises(ZeroDivisionError):
        list(spread([partial(divmod, 1, 0)], Pool(1, "loky", 1), (0, 0)))


def test_no_worker_gets_the_interrupt_of_its_process_group() -> None:
    """It is blocked in workers from the start, before this program could ignore it, but not in this process."""
    pool = Pool(2, "loky", 1)
    tasks: list[Callable[[], bool]] = [interrupts_blocked] * 4
    assert [blocked for _, blocked in spread(tasks, pool, False)] == [True] * 4
    assert not interrupts_blocked()


def interrupts_blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.thorough
def test_joblib_works_in_the_same_process_afterwards() -> None:
    """In a separate process, since joblib reads on import that tests must not start processes."""
    program = (
        "from joblib import Parallel, delayed\n"
        "from nas_selection_bench.bench.work.spread import spread\n"
        "from nas_selection_bench.bench.work.workers import Pool\n"
        "from tests.bench.work.test_workers import squares\n"
        "if __name__ == '__main__':\n"
        "    for _ in range(2):\n"
        "        assert len(list(spread(squares(3), Pool(2, 'loky', 1), -1))) == 3\n"
        "        print(*Parallel(n_jobs=2)(delayed(abs)(-number) for number in range(3)))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "JOBLIB_MULTIPROCESSING"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.stdout == "0 1 2\n0 1 2\n", done.stderr
