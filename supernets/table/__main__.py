"""Make a ground-truth table: train every architecture of the space from scratch and record its accuracy.

    python -m nas_selection_bench make-table --dataset digits --out digits.npz --trials 3

Works for `digits` and for a data set of your own under --data-root (with test_images.npy and
test_labels.npy). Architectures that compute the same function share one training: 5,044 networks
stand for all 15,625. Each trains on the first --images training images for --epochs; the first half of
the test images gives the table's `test` column, the second half its `valid` column. A killed run
resumes from FILE.progress.
On a GPU hundreds of networks are trained at once; on a CPU a few at a time, in --jobs processes.
"""

import argparse
import hashlib
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.commands.devices import find_device
from nas_selection_bench.bench.commands.ending import ended
from nas_selection_bench.bench.commands.modes import unread, words_given
from nas_selection_bench.bench.commands.options import device_name, positive
from nas_selection_bench.bench.errors import ExitCode, UsageError, counted
from nas_selection_bench.bench.files import given_path
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.equivalence import function_classes, representatives
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.space import Architecture, architecture_of
from nas_selection_bench.bench.problem.table import GroundTruth, refuse_as_compact_file
from nas_selection_bench.bench.seeds import derive
from nas_selection_bench.bench.yardsticks.kendall import tau_b
from nas_selection_bench.supernets.network.accelerator import accelerator
from nas_selection_bench.supernets.table.cost import flops_of_space, parameters_of_space
from nas_selection_bench.supernets.table.progress_file import SECONDS_BETWEEN_WRITES, TableProgress
from nas_selection_bench.supernets.table.splits import load_splits
from nas_selection_bench.supernets.table.training import Arithmetic, SplitImages, TableRecipe, train_group

GPU_GROUP = 512
CPU_GROUP = 16
BLOCK = 16
BENCHMARK_VARIANTS = tuple(
    Arithmetic(precision=p, layout=layout, graph=graph)
    for graph in (True, False)
    for layout in ("channels_last", "contiguous")
    for p in ("bf16", "tf32")
)
UNTOLD = {"device": "cpu", "precision": "float32"}
"""The arithmetic assumed for progress files of earlier versions, which did not record it: the default."""

READS = {
    "make-table": {"dataset", "out", "data_root", "trials", "classes", "device", "networks_at_once", "jobs",
                   "precision", "layout", "no_graph", *(field.name for field in fields(TableRecipe))},
    "--benchmark": {"dataset", "data_root", "device", "networks_at_once",
                    *(field.name for field in fields(TableRecipe))},
}  # fmt: skip
"""The options that each mode reads: making a table, and --benchmark."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code; raises BenchError if the request cannot be carried out."""
    options = _parser().parse_args(arguments)
    words = (word for word in words_given(_parser(), arguments) if word != "benchmark")
    stray = unread("--benchmark" if options.benchmark else "make-table", words, READS)
    if stray is not None:
        raise UsageError(stray)
    try:
        return _benchmark(options) if options.benchmark else _make(options)
    except KeyboardInterrupt:
        print("Interrupted; run the same command to resume.", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m nas_selection_bench make-table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", metavar="NAME", default="digits", help="digits, or your own data set (digits)")
    parser.add_argument("--out", type=given_path, default=Path("table.npz"), metavar="FILE", help="table (table.npz)")
    parser.add_argument("--data-root", type=given_path, metavar="DIR", help="folder of your own data sets")
    parser.add_argument("--trials", type=positive, metavar="N", default=1, help="trainings of each network (1)")
    parser.add_argument(
        "--classes",
        type=positive,
        metavar="N",
        help="train only N randomly drawn classes of equivalent architectures: gives a sample, no table",
    )
    parser.add_argument("--device", type=device_name, default="cpu", metavar="auto|cpu|cuda[:i]", help="device (cpu)")
    parser.add_argument("--networks-at-once", type=positive, metavar="G",
                        help=f"networks trained together ({CPU_GROUP} on a CPU, {GPU_GROUP} on a GPU)")  # fmt: skip
    parser.add_argument("--jobs", type=positive, metavar="N", default=1, help="single-threaded CPU processes (1)")
    parser.add_argument("--precision", choices=("float32", "tf32", "bf16"), help="of training (float32; GPU: tf32)")
    parser.add_argument("--layout", default="channels_last", choices=("channels_last", "contiguous"),
                        help="memory layout of feature maps (channels_last)")  # fmt: skip
    parser.add_argument("--no-graph", action="store_true", help="GPU: run every step eagerly, without a CUDA graph")
    parser.add_argument("--benchmark", action="store_true", help="time precisions, layouts and graphs; write nothing")
    for field in fields(TableRecipe):
        whole = isinstance(field.default, int) and field.name != "root_seed"
        kind = positive if whole else number if isinstance(field.default, float) else int
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default,
                            metavar="X" if kind is number else "N",
                            help=f"part of the training recipe ({field.default})")  # fmt: skip
    return parser


def number(text: str) -> float:
    """Converter of a number of the recipe, which must be finite and at least 0."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of at least 0")
    return value


def drawn_order(classes: int, root_seed: int) -> np.ndarray:
    """All classes in random order, so that an unfinished table is a sample of the space.

    Runs of BLOCK neighbours stay together: they differ in only an edge or two, which makes a group cheap.
    """
    blocks = -(-classes // BLOCK)
    drawn = np.random.default_rng(derive(root_seed, purpose="table classes")).permutation(blocks)
    order = (drawn[:, None] * BLOCK + np.arange(BLOCK)).ravel()
    return np.asarray(order[order < classes])


def _make(options: argparse.Namespace) -> int:
    """Train the networks that are missing, and write the table if it is complete."""
    refuse_as_compact_file(options.out)
    recipe, arithmetic = _recipe(options), _arithmetic(options)
    train, held_out = load_splits(options.dataset, options.data_root, recipe)
    firsts = representatives(function_classes())
    wanted = drawn_order(len(firsts), recipe.root_seed)[: options.classes]
    kept = options.out.with_name(f"{options.out.name}.progress")
    settings = _settings(options.dataset, recipe, arithmetic, train, held_out)
    progress = TableProgress(kept, settings, len(firsts), options.trials, UNTOLD)
    group = options.networks_at_once or (CPU_GROUP if arithmetic.device == "cpu" else GPU_GROUP)
    for trial in range(options.trials):
        left = progress.missing(trial, wanted)
        work = [(trial, np.sort(left[start : start + group])) for start in range(0, len(left), group)]
        if work:
            _train(work, firsts, train, held_out, recipe, arithmetic, options.jobs, progress)
        # After every trial, so that a table of the first trials need not wait for the others.
        whole = not np.isnan(progress.test[:, 0]).any()
        if whole:
            table_of(options.dataset, progress, recipe, train).save(options.out)
    _print_summary(progress, wanted)
    print(f"The table is {options.out}." if whole else f"Unfinished, no table written; results so far: {progress.path}")
    return int(ExitCode.OK)


def table_of(dataset: str, progress: TableProgress, recipe: TableRecipe, images: ImageSet) -> GroundTruth:
    """The table of all 15,625 architectures: each gets the results of its equivalence class."""
    classes = function_classes()
    valid = np.nanmean(progress.valid, axis=1)[classes]
    shape = recipe.channels, recipe.cells, images.classes
    return GroundTruth(dataset, {dataset: Accuracies(
        trials=progress.test[classes], valid=valid, parameters=parameters_of_space(*shape),
        flops=flops_of_space(*shape, images.images.shape[-1]),
    )})  # fmt: skip


def _train(
    work: list[tuple[int, np.ndarray]], firsts: np.ndarray, train: ImageSet, held_out: ImageSet, recipe: TableRecipe,
    arithmetic: Arithmetic, jobs: int, progress: TableProgress,
) -> None:  # fmt: skip
    total = sum(len(chunk) for _, chunk in work)
    print(f"trial {work[0][0]}: {counted(total, 'network')} to train in {counted(len(work), 'group')}", flush=True)
    began = written = time.monotonic()
    done = 0
    tasks = ((trial, chunk, [architecture_of(int(firsts[c])) for c in chunk]) for trial, chunk in work)
    try:
        for trial, chunk, (test, valid) in _results(tasks, train, held_out, recipe, arithmetic, jobs):
            progress.put(trial, chunk, test, valid)
            done += len(chunk)
            now = time.monotonic()
            if now - written >= SECONDS_BETWEEN_WRITES:
                progress.write()
                written = now
                pace = (now - began) / done
                left = pace * (total - done) / 60
                print(f"{done}/{total} networks, {pace:.3f} s each, {left:.1f} min left", flush=True)
    finally:
        progress.write()


def _results(
    tasks: Iterator[tuple[int, np.ndarray, list[Architecture]]], train: ImageSet, held_out: ImageSet,
    recipe: TableRecipe, arithmetic: Arithmetic, jobs: int,
) -> Iterator[tuple[int, np.ndarray, tuple[list[float], list[float]]]]:  # fmt: skip
    images = SplitImages.of(train, held_out, arithmetic.device)
    if jobs == 1 or arithmetic.device != "cpu":
        import torch

        torch.set_num_threads(1 if arithmetic.device == "cpu" else torch.get_num_threads())
        for trial, chunk, architectures in tasks:
            yield trial, chunk, train_group(architectures, trial, images, recipe, arithmetic)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)
    yield from parallel(delayed(_one_group)(task, images, recipe, arithmetic) for task in tasks)


def _one_group(
    task: tuple[int, np.ndarray, list[Architecture]], images: SplitImages, recipe: TableRecipe, arithmetic: Arithmetic
) -> tuple[int, np.ndarray, tuple[list[float], list[float]]]:
    import torch

    torch.set_num_threads(1)
    trial, chunk, architectures = task
    return trial, chunk, train_group(architectures, trial, images, recipe, arithmetic)


def _print_summary(progress: TableProgress, wanted: np.ndarray) -> None:
    """Print the accuracies of each trial and how well each pair of trials agrees."""
    test = progress.test[wanted]
    for trial in range(test.shape[1]):
        reached = test[~np.isnan(test[:, trial]), trial]
        if reached.size:
            print(f"trial {trial}: n = {reached.size}, test accuracy {reached.min():.1f} to {reached.max():.1f} %,"
                  f" median {np.median(reached):.1f} %")  # fmt: skip
    for first in range(test.shape[1]):
        for second in range(first + 1, test.shape[1]):
            both = ~np.isnan(test[:, first]) & ~np.isnan(test[:, second])
            if both.sum() > 1:
                tau = tau_b(test[both, first], test[both, second])
                print(f"tau-b between trials {first} and {second}: {tau:.3f} (n = {both.sum()})")


def _benchmark(options: argparse.Namespace) -> int:
    """Print the networks per minute of every variant: one group each, with its whole training and evaluation."""
    import torch

    recipe, basis = _recipe(options), _arithmetic(options)
    on_gpu = basis.device != "cpu"
    train, held_out = load_splits(options.dataset, options.data_root, recipe)
    images = SplitImages.of(train, held_out, basis.device)
    firsts = representatives(function_classes())
    sizes = [options.networks_at_once] if options.networks_at_once else ([256, 512, 1024] if on_gpu else [1, 4, 8, 16])
    variants = BENCHMARK_VARIANTS if on_gpu else (Arithmetic(), Arithmetic(layout="contiguous"))
    for size in sizes:
        for variant in variants:
            arithmetic = replace(variant, device=basis.device)
            architectures = [architecture_of(int(p)) for p in firsts[len(firsts) // 2 :][:size]]
            began = time.perf_counter()
            try:
                train_group(architectures, 0, images, recipe, arithmetic)
            except RuntimeError as error:
                print(f"{size} at once, {arithmetic}: {str(error).splitlines()[0]}", flush=True)
                continue
            seconds = time.perf_counter() - began
            pace = 60 * size / seconds
            print(f"{size} at once, {arithmetic}: {pace:.0f} networks a minute ({seconds:.1f} s)", flush=True)
            if on_gpu:
                accelerator(torch.device(basis.device)).empty_cache()
    return int(ExitCode.OK)


def _recipe(options: argparse.Namespace) -> TableRecipe:
    return TableRecipe(**{field.name: getattr(options, field.name) for field in fields(TableRecipe)})


def _arithmetic(options: argparse.Namespace) -> Arithmetic:
    device = find_device(options.device).name
    on_cpu = device == "cpu"
    if on_cpu and options.precision not in (None, "float32"):
        raise UsageError(f"--precision {options.precision} is for a GPU; leave it out on a CPU.")
    if on_cpu and options.no_graph:
        raise UsageError("--no-graph is for a GPU; leave it out on a CPU.")
    if not on_cpu and options.jobs > 1:
        raise UsageError("--jobs is for a CPU; a GPU trains hundreds of networks at once.")
    precision = options.precision or ("float32" if on_cpu else "tf32")
    return Arithmetic(device, precision, options.layout, graph=not on_cpu and not options.no_graph)


def _settings(
    dataset: str, recipe: TableRecipe, arithmetic: Arithmetic, train: ImageSet, held_out: ImageSet
) -> dict[str, Any]:
    """The settings that the numbers depend on, with a hash of all images."""
    digest = hashlib.sha256()
    for split in (train, held_out):
        digest.update(split.images.numpy().tobytes())
        digest.update(split.labels.numpy().tobytes())
    device = arithmetic.device.partition(":")[0]
    return {"dataset": dataset, "images": digest.hexdigest(), "recipe": asdict(recipe), "device": device,
            "precision": arithmetic.precision}  # fmt: skip


if __name__ == "__main__":
    sys.exit(ended("make-table", main))
