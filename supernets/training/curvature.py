"""Curvature of the validation loss in the alphas: the largest eigenvalue of its Hessian, at stored checkpoints.

Zela, Elsken, Saikia, Marrakchi, Brox & Hutter, "Understanding and Robustifying Differentiable Architecture Search",
ICLR 2020: the eigenvalue grows before DARTS collapses. It is measured on demand, for the checkpoints behind results:

    python -m nas_selection_bench curvature results/NAME --cache DIR [--data-root DIR]

This writes curvature.csv beside the records; the report's stopping rule for curvature reads it. As in the released
code, the loss is that of one mini-batch and includes the weight decay of the alphas; the mini-batch is the same at all
checkpoints (in the code: the last augmented one of each epoch).
"""

import sys
from collections.abc import Callable, Sequence
from functools import cache as cache_results
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.errors import DataError, ExitCode, UsageError, counted, joined
from nas_selection_bench.bench.files import given_path, only_writer
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.datasets import data_root, load_images
from nas_selection_bench.bench.work.curvature_file import COLUMNS, CURVATURE_FILE, write_curvature
from nas_selection_bench.bench.work.pack import opened
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.supernets.network.process_modes import own_modes
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Batch, Recipe, frozen
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.checkpoint import Checkpoint, load
from nas_selection_bench.supernets.training.notes import epochs_present, facts


def hessian(network: Supernet, recipe: Recipe, alphas: Tensor, batch: Batch) -> Tensor:
    """The Hessian [n, n] in n alphas, float64, of the mean cross-entropy of `batch` plus the weight decay.

    Batch norm stays in the network's current mode. Rows of alphas that the edge weights do not depend on hold the
    decay only; a recipe with its own update of the alphas has no decay.
    """
    images, labels = batch
    alphas = alphas.detach().clone().requires_grad_()
    network.twice_differentiable = True
    try:
        with frozen(list(network.parameters())):
            loss = F.cross_entropy(network(images, recipe.edge_weights(alphas)), labels)
            (slope,) = torch.autograd.grad(loss, alphas, create_graph=True)
            rows = [torch.autograd.grad(s, alphas, retain_graph=True)[0].flatten() for s in slope.flatten()]
    finally:
        network.twice_differentiable = False
    second = torch.stack(rows).double()
    decay = 0.0 if recipe.alpha_update else recipe.alpha_decay
    return (second + second.T) / 2 + decay * torch.eye(len(second), dtype=torch.float64)


def largest_eigenvalue(checkpoint: Checkpoint, batch: Batch) -> float:
    """The largest eigenvalue of the Hessian at `checkpoint`, with batch norm using the statistics of the batch."""
    network = checkpoint.network()
    network.normalise("batch")
    with own_modes():
        found = hessian(network, find(checkpoint.job.recipe), checkpoint.alphas, batch)
    return float(torch.linalg.eigvalsh(found)[-1])


def measure(out: Path, cache: Path, root: Path, say: Callable[[str], None]) -> tuple[list[dict[str, object]], set[str]]:
    """One row for each checkpoint of `cache` that the records of `out` used and whose recipe learns its alphas.

    Also returns the recipes among them that learn none. Checkpoints that are damaged, or of a recipe that is not known
    here, are left out and reported by `say`.
    """
    images_of = cache_results(load_images)
    with opened(out) as folder:
        records, _ = Store(folder).read_all()
    seen = {record.checkpoint for record in records.values()}
    rows: list[dict[str, object]] = []
    fixed: set[str] = set()
    for supernet in sorted(path for path in cache.iterdir() if path.is_dir()):
        for epoch in epochs_present(supernet):
            try:
                if facts(supernet, epoch).sha256 not in seen:
                    continue
                checkpoint = load(supernet, epoch)
                recipe = find(checkpoint.job.recipe)
            except (DataError, UsageError) as error:
                say(f"left out: {error}")
                continue
            job = checkpoint.job
            if not recipe.tunes_alphas:
                fixed.add(job.recipe)
                continue
            images = images_of(job.dataset, root, job.settings.images)
            half = Half(images, "selection", torch.device("cpu"))
            (batch, *_) = half.fixed(job.settings.batch_size, job.settings.batch_size)
            rows.append(dict(zip(COLUMNS[:-1], (
                job.dataset, job.recipe, job.seed, epoch, checkpoint.sha256[:12], largest_eigenvalue(checkpoint, batch),
            ), strict=True)))  # fmt: skip
    return rows, fixed


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the curvature and write curvature.csv; returns the exit code."""
    parser = Parser(prog="python -m nas_selection_bench curvature", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=given_path, help="the output folder whose checkpoints are measured")
    parser.add_argument(
        "--cache", type=given_path, required=True, metavar="DIR", help="the folder of trained supernets"
    )
    parser.add_argument("--data-root", type=given_path, metavar="DIR", help="folder of the data sets")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    if not options.out.is_dir():
        raise DataError(f"{options.out} does not exist; give an output folder of run_bench.py.")
    if not options.cache.is_dir():
        raise DataError(f"{options.cache} is not a folder of trained supernets; check --cache.")
    left_out: list[str] = []
    with only_writer(options.out / ".lock", wait=False):
        rows, fixed = measure(options.out, options.cache, data_root(options.data_root, needed=False), left_out.append)
        for line in left_out:
            print(line, file=sys.stderr)
        if not rows and fixed:
            raise DataError(
                f"{options.cache} holds no checkpoint with learnt alphas that the records of {options.out} used, only"
                f" of {joined(sorted(fixed))}, so there is no curvature to measure."
            )
        if not rows:
            whole = "usable " * bool(left_out)
            raise DataError(f"{options.cache} holds no {whole}checkpoint that the records of {options.out} used.")
        write_curvature(options.out, rows)
    print(f"{counted(len(rows), 'checkpoint')} measured: {options.out / CURVATURE_FILE}")
    return ExitCode.SOME_CELLS_FAILED if left_out else ExitCode.OK
