"""Workers on machines that do not see the cache of the run: checkpoints travel with tasks and with their outcomes.

A task looks for a file that the run made in its cache. A worker that finds it shares the cache, and nothing travels.
A worker that does not find it, or whose environment names a cache of its own in `NAS_BENCH_CACHE`, keeps checkpoints
there (else under the path of the run's cache) and sends back those that it trained. The checkpoints that a selector may
read, that of its epoch and the earlier ones, are read from the worker's own cache if they are those of the run, byte
for byte; otherwise the worker returns ELSEWHERE, and the run hands out the same task again with the checkpoints.
"""

import os
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nas_selection_bench.bench.errors import BenchError, DataError
from nas_selection_bench.bench.files import expanded, make_folder, only_writer, remove_stale_lock, write_whole
from nas_selection_bench.bench.problem.datasets import DATA_ROOT_VARIABLE
from nas_selection_bench.bench.problem.pixels import pixels_of
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.plan import checkpoint_of
from nas_selection_bench.bench.work.record import DONE
from nas_selection_bench.bench.work.spread import spread
from nas_selection_bench.bench.work.tasks import KILLED, Outcome, SelectTask, TrainTask, Workplace, failure

CACHE_VARIABLE = "NAS_BENCH_CACHE"
"""Environment variable of a worker that names its own cache, if it is not to use that of the run."""

ELSEWHERE = Outcome("elsewhere")
"""Outcome of a task whose checkpoints this worker does not have."""

_MARK = ".seen-by-workers-"
"""Prefix of the names of the files by which workers recognise the cache of the run."""


def spread_over_machines(
    tasks: Sequence[TrainTask] | Sequence[SelectTask], workplace: Workplace
) -> Iterator[tuple[int, Outcome]]:
    """Yield (number, outcome) of all `tasks` as `spread` does; their checkpoints end up in the run's cache."""
    with _mark_in(workplace.cache) as mark:
        sent = [RemoteTask(task, mark, checkpoints_read(task)) for task in tasks]

        def again(number: int, outcome: Outcome) -> RemoteTask | None:
            return sent[number].with_checkpoints() if outcome == ELSEWHERE else None

        for number, outcome in spread(sent, workplace.pool, KILLED, again):
            if outcome.files:
                _keep(tasks[number].supernet.folder(workplace.cache), outcome.files)
            yield number, replace(outcome, files={})


@dataclass(frozen=True)
class RemoteTask:
    """A task as it is handed to a worker, which may be on another machine."""

    task: TrainTask | SelectTask
    mark: Path
    """A file in the cache of the run."""
    sha256: Mapping[int, str]
    """Epoch -> SHA-256 of each checkpoint that the task may read, in the run's cache (`checkpoints_read`)."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The files of those checkpoints by name, if they are sent along."""

    def with_checkpoints(self) -> "RemoteTask":
        """The same task with its checkpoints from the run's cache."""
        here = self.task.workplace
        folder = self.task.supernet.folder(here.cache)
        paths = [path for epoch in self.sha256 for path in here.supernets.files(folder, epoch)]
        return replace(self, files=_contents(paths))

    def __call__(self) -> Outcome:
        """The outcome of the task; ELSEWHERE if its checkpoints are not here and were not sent along."""
        if CACHE_VARIABLE not in os.environ and self.mark.exists():
            return self.task()
        try:
            workplace = _own(self.task.workplace)
            _require_same_images(self.task.supernet.job, workplace.data_root)
            folder = self.task.supernet.folder(workplace.cache)
            if self.files:
                _keep(folder, self.files)
            elif not self.sha256.items() <= checkpoints_read(replace(self.task, workplace=workplace)).items():
                return ELSEWHERE
            outcome = replace(self.task, workplace=workplace)()
            if outcome.state == DONE and isinstance(self.task, TrainTask):
                return replace(outcome, files=_contents(path for path in folder.iterdir() if path.name[0] != "."))
        except (BenchError, OSError) as error:
            return failure(error, 0.0)
        return outcome


def _own(workplace: Workplace) -> Workplace:
    """The workplace with the folders of this worker.

    Raises DataError if it can have no cache, UsageError for a folder in its environment that names nothing.
    """
    cache = expanded(os.environ.get(CACHE_VARIABLE) or workplace.cache)
    data_root = expanded(os.environ.get(DATA_ROOT_VARIABLE) or workplace.data_root)
    try:
        make_folder(cache)
    except DataError as error:
        raise DataError(
            f"The worker on {socket.gethostname()} does not see the run's cache and cannot write one of its own in"
            f" {cache}; set {CACHE_VARIABLE} in its environment to a folder that it can write."
        ) from error
    return replace(workplace, cache=cache, data_root=data_root)


def _require_same_images(job: SupernetJob, root: Path) -> None:
    """Raise DataError if this worker's images differ from the run's; absent ones are reported when they are read."""
    pixels = pixels_of(job.dataset, root, job.settings.images)
    if pixels is not None and pixels.fingerprint and pixels.key != job.data:
        raise DataError(
            f"The images of {job.dataset} in {root} on {socket.gethostname()} are not those of the run (fingerprint"
            f" {pixels.fingerprint}); copy the run's images there, or set {DATA_ROOT_VARIABLE} to their folder."
        )


@contextmanager
def _mark_in(cache: Path) -> Iterator[Path]:
    """A file in the cache that exists for as long as the run hands out tasks; files of killed runs are removed."""
    make_folder(cache)
    for left in cache.glob(f"{_MARK}*"):
        remove_stale_lock(left)
    mark = cache / f"{_MARK}{uuid.uuid4().hex}"
    with only_writer(mark, wait=True):
        yield mark


def _keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of checkpoints, the JSON notes last: a checkpoint exists once its note does."""
    make_folder(folder)
    with only_writer(folder / ".lock", wait=True):
        for name, content in sorted(files.items(), key=lambda file: file[0].endswith(".json")):
            write_whole(folder / Path(name).name, content)


def _contents(files: Iterable[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files if path.is_file()}


def checkpoints_read(task: TrainTask | SelectTask) -> dict[int, str]:
    """Epoch -> SHA-256 of the checkpoints in the cache of its workplace that a task may read, without damaged ones.

    These are all up to its epoch: SGAS's criterion 2 also reads the alphas of earlier checkpoints.
    """
    if isinstance(task, TrainTask) or not task.planned.reads_checkpoint:
        return {}
    here, last = task.workplace, task.planned.cell.epoch
    epochs = [epoch for epoch in task.supernet.job.settings.checkpoint_epochs if epoch <= last]
    found = {epoch: checkpoint_of(here.supernets, task.supernet, epoch, here.cache) for epoch in epochs}
    return {epoch: sha256 for epoch, sha256 in found.items() if sha256 is not None}
