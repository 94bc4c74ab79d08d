"""A whole benchmark of fake methods: the real command line, plan, runner and gathering, with milliseconds per cell.

It is also a program, `python -m tests.bench.fake_bench ARGUMENTS`, so that a test can kill it. Recipes and selectors
misbehave as their names say. FAKE_SECONDS is the duration of each step of work; FAKE_HANG is the seed of the first
supernet whose cells never end, so that a test finds an unfinished run however slow the machine is.
"""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.bench.commands.run import answer
from nas_selection_bench.bench.errors import DataError, ExitCode, SkipCell
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.names import canonical, parse, unknown
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.selection import Cost, Decision, Ranking, Selection
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, all_architectures, architecture_of
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.cells import Cell, SupernetJob, without_checkpoint
from nas_selection_bench.bench.work.methods import (
    CheckpointFacts,
    MethodDeclaration,
    MethodEntry,
    Methods,
    Source,
    Supernets,
    TrainProgress,
    Work,
)
from nas_selection_bench.bench.work.store import Store

ROOT = Path(__file__).parents[2]

RECIPES = ("steady", "shaky", "diverges-late", "diverges")
SELECTORS = ("alphas", "random", "ranks", "fails", "fails-once", "skips", "lies", "full-disk", "killed", "blind",
             "blind-fails")  # fmt: skip


def recipe(name: str) -> MethodDeclaration:
    base, options = parse(name)
    if base not in RECIPES:
        raise unknown("supernet", base, RECIPES)
    return MethodDeclaration(canonical(base, options), int(os.environ.get("FAKE_RECIPE_VERSION", "1")), "no paper")


def selector(name: str) -> MethodDeclaration:
    base, options = parse(name)
    if base not in SELECTORS:
        raise unknown("selector", base, SELECTORS)
    version = int(os.environ.get("FAKE_SELECTOR_VERSION", "1")) if base == "random" else 1
    return MethodDeclaration(
        canonical(base, options), version, "no paper", stochastic=base == "random", reads_only_alphas=base == "alphas",
        reads_checkpoint=not base.startswith("blind"),
    )  # fmt: skip


@dataclass(frozen=True)
class Fakes:
    known: Sequence[str]
    find: Callable[[str], MethodDeclaration]
    source: Callable[[str], Source | None] = lambda name: None

    def names(self) -> Sequence[str]:
        return self.known

    def entry(self, name: str) -> MethodEntry:
        return MethodEntry(self.find(name), Source(f"fakes/{name}.py", "", title=f"{name}: a fake"), {})


def load_images(dataset: str, root: Path, limit: int | None) -> str:
    if dataset == "cifar10" and not (root / "cifar-10-batches-py").is_dir():
        raise DataError(f"{root}/cifar-10-batches-py is missing; get it from its page.")
    return dataset


def take_time() -> None:
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))


def train(
    job: SupernetJob, images: object, device: str, folder: Path, progress: TrainProgress | None, until: int
) -> None:  # fmt: skip
    """Write for each checkpoint a number that depends only on seeds, and resume where it stopped."""
    for epoch in range(1, until + 1):
        if epoch in epochs_present(folder):
            continue
        take_time()
        if job.recipe == "diverges" or (job.recipe == "diverges-late" and epoch > 2):
            raise FloatingPointError(f"loss is nan in epoch {epoch}\nand a second line")
        if epoch in job.settings.checkpoint_epochs:
            facts = {"sha256": f"{job.derive('weights', epoch=epoch):016x}" * 4, "accuracy": 10.0 + epoch}
            if job.recipe == "shaky":  # a different checkpoint in every training, as on a GPU
                facts["sha256"] = f"{time.time_ns():016x}" * 4
            write_whole(folder / f"{epoch:04d}.json", json.dumps(facts))
        if progress is not None:
            progress(epoch, until)


def epochs_present(folder: Path) -> Sequence[int]:
    return sorted(int(path.stem) for path in folder.glob("[0-9]*.json"))


def checkpoint(folder: Path, epoch: int) -> CheckpointFacts:
    path = folder / f"{epoch:04d}.json"
    try:
        return CheckpointFacts(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is damaged.") from error


def checkpoint_files(folder: Path, epoch: int) -> Sequence[Path]:
    return [folder / f"{epoch:04d}.json"]


def training_seconds(folder: Path) -> Sequence[float]:
    return [1.5] if epochs_present(folder) else []


def select(cell: Cell, folder: Path, images: object, device: str) -> Selection:
    """Draw scores from the cell's seed and the checkpoint, or misbehave as the selector's name says."""
    take_time()
    if cell.supernet.seed >= int(os.environ.get("FAKE_HANG", "1000")):
        time.sleep(600)
    name = parse(cell.selector)[0]
    if name.startswith("blind"):
        with (folder.parent / "calls.txt").open("a") as calls:
            calls.write(f"{cell.selector} {cell.supernet.recipe} {cell.supernet.seed} {cell.epoch}\n")
    how = str(parse(cell.selector)[1].get("how", ""))
    if name == "fails" and how:
        misbehave(how)
    if name in ("fails", "blind-fails"):
        raise ValueError("the paper's formula divides by zero\nsecond line")
    if name == "skips":
        raise SkipCell("needs alphas, and the recipe has none")
    if name == "full-disk":
        raise OSError(28, "No space left on device")
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "fails-once":
        mark = folder / f"failed-{cell.epoch}-{cell.selector_seed}"
        if not mark.exists():
            mark.touch()
            raise RuntimeError("not this time")
    if name == "blind":
        rng = np.random.default_rng(without_checkpoint(cell).derive("scores"))
    else:
        seed = int(checkpoint(folder, cell.epoch).sha256, 16) % 2**32
        rng = np.random.default_rng([seed, cell.derive("scores") % 2**32])
    scores = rng.normal(size=(6, 5))
    if name == "lies":
        scores[0, 0] = np.nan
    best = scores.argmax(axis=1)
    ranking = Ranking(np.arange(N_ARCHITECTURES), rng.normal(size=N_ARCHITECTURES)) if name == "ranks" else None
    return Selection(
        architecture=architecture_of(int((best * 5 ** np.arange(5, -1, -1)).sum())),
        scores=scores,
        decisions=[Decision(int(edge), int(best[edge])) for edge in rng.permutation(6)],
        ranking=ranking,
        facts={"loss": float(rng.normal())},
        cost=Cost(scoring_seconds=time.process_time(), forward_passes=30),
    )


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text either")


SURROGATE = "cannot read caf\udce9.npy"


def misbehave(how: str) -> None:
    """Misbehave as `fails[how=...]` asks."""
    match how:
        case "surrogate":
            raise ValueError(SURROGATE)
        case "surrogate-skip":
            raise SkipCell(SURROGATE)
        case "formula-skip":
            raise SkipCell('=HYPERLINK("http://127.0.0.1/","x")')
        case "unprintable":
            raise Unprintable
        case "wordy":
            raise ValueError("x" * 5_000_000)
        case "cancelled":
            raise asyncio.CancelledError
        case "generator":
            raise GeneratorExit
        case "recursion":
            misbehave(how)
        case "exit":
            sys.exit(0)
        case "hard-exit":
            os._exit(0)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "interrupt":
            raise KeyboardInterrupt


def set_threads(threads: int) -> None:
    """Do nothing: fake methods do not compute in parallel."""


def work() -> Work:
    return Work(load_images, train, select, set_threads)


def methods() -> Methods:
    supernets = Supernets(epochs_present, checkpoint, training_seconds, checkpoint_files)
    return Methods(Fakes(RECIPES, recipe), Fakes(SELECTORS, selector), supernets, work)


def draw_report(store: Store, table: GroundTruth) -> Path:
    page = store.folder / "report.html"
    page.write_text((store.folder / "records.csv").read_text())
    return page


def make_table(path: Path, datasets: Sequence[str] = ("digits",), worth: float = 8.0) -> Path:
    """Write a ground truth in which convolutions help, a 3x3 convolution by `worth` points."""
    worths = np.array([0.0, 3.0, 6.0, worth, 2.0])
    test = 30 + worths[all_architectures()].sum(axis=1) + np.linspace(0, 1, N_ARCHITECTURES)
    GroundTruth("fake", {name: Accuracies(test=test, valid=test - 1) for name in datasets}).save(path)
    return path


def run(*arguments: str | Path) -> ExitCode:
    """Run the command line in this process."""
    argv = [str(argument) for argument in arguments]
    return answer(parse_options(argv), argv, methods, draw_report, code=Path(__file__).parent)


def places(words: Sequence[str]) -> list[str]:
    """The pairs of option and value that give locations, which are those that --report-only reads."""
    read = ("--data-root", "--table", "--out")
    return [word for pair in zip(words[::2], words[1::2], strict=True) if pair[0] in read for word in pair]


def listen_to_interrupts() -> None:
    """Restore signal handling: background jobs ignore Ctrl-C, and those of nohup SIGHUP; these programs must not."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def exit_code(ended: subprocess.Popen[str]) -> int:
    """The exit code as a shell reports it.

    If Ctrl-C passed through an `exec` in some library's import, Python ends by SIGINT although it was caught.
    """
    return ended.returncode if ended.returncode >= 0 else 128 - ended.returncode


def in_subprocess(arguments: Sequence[str], **environment: str) -> subprocess.Popen[str]:
    """Start the command line as a separate process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fake_bench", *arguments], cwd=ROOT, text=True, start_new_session=True,
        env={**os.environ, "JOBLIB_MULTIPROCESSING": "1", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=listen_to_interrupts,
    )  # fmt: skip


def rows(out: Path) -> list[dict[str, str]]:
    """The rows of an output folder's records.csv."""
    with (out / "records.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def states(out: Path) -> Counter[str]:
    """The numbers of cells that are done, failed, skipped or missing."""
    return Counter(row["state"] for row in rows(out))


def results(out: Path) -> dict[str, bytes]:
    """The contents of all files that must not depend on clocks, workers or interruptions."""
    files = [*out.glob("records/*.json"), out / "records.csv", out / "scores.csv", out / "plan.json"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


if __name__ == "__main__":
    from tests.bench.fake_bench import run as importable_run

    sys.exit(importable_run(*sys.argv[1:]))
