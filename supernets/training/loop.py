"""The training loop of all supernets: from a job to checkpoints on disk, resuming after a kill.

First-order bilevel search as the DARTS-PT code runs it on NAS-Bench-201: halves by index, cosine
learning rate per epoch, clipping, Adam for the alphas. Recipes define everything in which they differ.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.supernets.network.accelerator import on_gpu
from nas_selection_bench.supernets.network.cuda_graph import own_stream
from nas_selection_bench.supernets.network.global_draws import refusing_global_draws
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.network.process_modes import own_modes
from nas_selection_bench.supernets.network.skeleton import initialise
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.hook_results import check_after_epoch, check_alphas, check_edge_weights
from nas_selection_bench.supernets.parts.recipe import Batch, Recipe, SupernetState
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.checkpoint import (
    Checkpoint,
    load_progress,
    optimiser_tensors,
    prefixed,
    restore_optimiser,
    save_progress,
    with_prefix,
)
from nas_selection_bench.supernets.training.evaluation import Evaluator
from nas_selection_bench.supernets.training.notes import TIMING, epochs_present, training_seconds

MOMENTUM, WEIGHT_DECAY = 0.9, 3e-4
"""Momentum and weight decay of SGD on the weights."""

ALPHA_BETAS = (0.5, 0.999)
"""Decay rates of the two moments in Adam on the alphas."""

PROGRESS = "progress.safetensors"

Report = Callable[[int, int], None]
"""report(epochs done, epochs to do in all)"""


def train(
    job: SupernetJob, images: ImageSet, device: str, folder: Path, report: Report | None = None,
    until: int | None = None,
) -> None:  # fmt: skip
    """Train the supernet of `job`, resuming an earlier run if there is one, and write its checkpoints to `folder`.

    Training ends with the checkpoint of epoch `until`, or with the last one (None); a later call goes on from there.
    A run that ended at any moment and was resumed writes the same bytes as an unbroken one; wall-clock times are kept
    apart, in `timing.json` (see `training_seconds`).
    """
    last = until or job.settings.epochs
    stored = {epoch for epoch in job.settings.checkpoint_epochs if epoch <= last}
    if stored <= set(epochs_present(folder)):
        if last == job.settings.epochs:
            (folder / PROGRESS).unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = torch.device(device)
    with own_modes(), own_stream(target):
        training = Training(job, images, target)
        training.resume(folder)
        while training.epoch < last:
            with refusing_global_draws(f"the recipe {job.recipe}", "the generator that Recipe.noise is given"):
                training.run_epoch()
            if training.epoch in stored:
                training.checkpoint().save(folder)
            training.save(folder)
            if report is not None:
                report(training.epoch, last)
    if last == job.settings.epochs:
        (folder / PROGRESS).unlink()


def make_search(
    network: Supernet, alphas: Tensor, recipe: Recipe, weight_rate: float, device: torch.device
) -> SupernetState:  # fmt: skip
    """Network and alphas on `device`, each with its optimiser."""
    prepare(network, device)
    alphas = alphas.detach().clone().to(device).requires_grad_(True)
    gpu = on_gpu(device)
    search = SupernetState(
        network=network,
        alphas=alphas,
        recipe=type(recipe).__name__,
        # On a GPU the rate is a tensor, so that a captured step sees it change, and one kernel updates all weights.
        weight_optimiser=torch.optim.SGD(
            network.parameters(), lr=torch.tensor(weight_rate).to(device) if gpu else weight_rate,
            momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, fused=gpu or None,
        ),
        alpha_optimiser=torch.optim.Adam(
            [alphas], lr=recipe.alpha_rate, betas=ALPHA_BETAS, weight_decay=recipe.alpha_decay, capturable=gpu,
        ),
    )  # fmt: skip
    unwarned(search.alpha_optimiser)
    return search


def unwarned(optimiser: torch.optim.Optimizer) -> None:
    """Silence torch's warning that steps before the capture are slow; a copy of an optimiser needs this again."""
    optimiser._warned_capturable_if_run_uncaptured = True


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Change the learning rate, in place if it is a tensor."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class Training:
    """A supernet in training, with its data and its history; between epochs it can be saved and resumed."""

    def __init__(self, job: SupernetJob, images: ImageSet, device: torch.device) -> None:
        self.job, self.settings, self.recipe, self.device = job, job.settings, find(job.recipe), device
        self.epoch = 0
        """Epochs done."""
        self.history: list[dict[str, float]] = []
        """Loss and accuracy of each epoch done."""
        self.seconds: list[float] = []
        self.weights_half = Half(images, "weights", device)
        self.selection_half = Half(images, "selection", device)
        network = self.recipe.build(self.settings.channels, self.settings.cells, images.classes)
        initialise(network, torch.Generator().manual_seed(job.derive("weights")))
        alphas = self.recipe.initial_alphas(torch.Generator().manual_seed(job.derive("alphas")))
        check_alphas(self.recipe, alphas)
        self.search = make_search(network, alphas, self.recipe, self.recipe.weight_rates[0], device)
        with torch.no_grad():
            check_edge_weights(self.recipe, self.recipe.edge_weights(self.search.alphas), alphas)
        self.search.memory = {name: t.to(device) for name, t in self.recipe.memory().items()}
        self.step = self.recipe.repeated(self.search, device)
        self.evaluate = Evaluator(self.search.network)

    def run_epoch(self) -> None:
        """Train one epoch."""
        started = time.perf_counter()
        search, epochs = self.search, self.settings.epochs
        first, last = self.recipe.weight_rates
        set_rate(search.weight_optimiser, last + (first - last) * (1 + math.cos(math.pi * self.epoch / epochs)) / 2)
        for name, value in self.recipe.schedule(self.epoch, epochs).items():
            search.numbers.setdefault(name, torch.zeros((), device=self.device)).fill_(value)
        search.network.normalise("train")
        search.loss_sum.zero_()
        search.correct.zero_()
        steps = len(self.weights_half) // self.settings.batch_size
        for number, (selection, weights, noise) in enumerate(self._steps(), self.epoch * steps):
            search.number = number
            self.step(selection, weights, noise)
        self.recipe.after_epoch(search, self.epoch, epochs, lambda half: self._batches(half, "after"))
        seen = steps * self.settings.batch_size
        self.history.append({
            "train_accuracy": 100 * search.correct.item() / seen, "train_loss": search.loss_sum.item() / seen,
        })  # fmt: skip
        self.epoch += 1
        self.seconds.append(time.perf_counter() - started)

    def _steps(self) -> Iterator[tuple[Batch | None, Batch, Tensor | None]]:
        """For each step of an epoch, a selection batch (None if no alphas learn), a weights batch and the noise."""
        steps = len(self.weights_half) // self.settings.batch_size
        generator = torch.Generator().manual_seed(self.job.derive("noise", epoch=self.epoch))
        noise = self.recipe.noise(generator, steps, self.search.network)
        if noise is not None and not self.recipe.noise_on_host:
            noise = noise.to(self.device)
        draws = [None] * steps if noise is None else noise.unbind()
        weights = self._batches("weights", "step")
        if self.recipe.tunes_alphas and self.recipe.searches(self.epoch, self.settings.epochs):
            yield from zip(self._batches("selection", "step"), weights, draws, strict=False)
        else:
            yield from ((None, batch, draw) for batch, draw in zip(weights, draws, strict=False))

    def _batches(self, half: str, purpose: str) -> Iterator[Batch]:
        """One pass over a half, shuffled for this epoch and purpose."""
        part = {"weights": self.weights_half, "selection": self.selection_half}[half]
        seed = self.job.derive("batches", half=half, use=purpose, epoch=self.epoch)
        return part.epoch(seed, self.settings.batch_size)

    def checkpoint(self) -> Checkpoint:
        """The current supernet, with its accuracy on the selection images measured under batch statistics."""
        search = self.search
        check_after_epoch(search.alphas, self.epoch)  # here, because numbers are read from the GPU here anyway
        search.network.normalise("batch")
        batches = self.selection_half.fixed(self.settings.selection_batch, self.settings.selection_images)
        accuracy, loss = self.evaluate(batches, self.recipe.edge_weights(search.alphas).detach()[None])
        return Checkpoint(
            job=self.job,
            epoch=self.epoch,
            state=search.network.state_dict(),
            alphas=search.alphas.detach(),
            facts={**self.history[-1], "supernet_accuracy": accuracy.item(), "supernet_loss": loss.item()},
            alpha_optimiser=optimiser_tensors(search.alpha_optimiser),
            memory=search.memory,
        )

    def save(self, folder: Path) -> None:
        """Write everything that `resume` needs."""
        search = self.search
        tensors = {
            "alphas": search.alphas,
            **prefixed("network.", search.network.state_dict()),
            **prefixed("alpha_optimiser.", optimiser_tensors(search.alpha_optimiser)),
            **prefixed("weight_optimiser.", optimiser_tensors(search.weight_optimiser)),
            **prefixed("memory.", search.memory),
        }
        write_whole(folder / TIMING, json.dumps(self.seconds).encode())
        save_progress(folder / PROGRESS, self.job, {"epoch": self.epoch, "history": self.history}, tensors)

    def resume(self, folder: Path) -> None:
        """Restore the state of a killed run of this job; stay at the beginning without one, or if a checkpoint that it
        had stored is missing, since only training from the beginning makes that one again."""
        found = load_progress(folder / PROGRESS, self.job)
        if found is None:
            return
        facts, tensors = found
        stored = {epoch for epoch in self.settings.checkpoint_epochs if epoch <= facts["epoch"]}
        if not stored <= set(epochs_present(folder)):
            return
        search = self.search
        self.epoch, self.history = facts["epoch"], facts["history"]
        # Seconds only record the clock and are not part of the state: those that a kill lost stay lost.
        self.seconds = training_seconds(folder)[: self.epoch]
        search.network.load_state_dict(with_prefix("network.", tensors))
        with torch.no_grad():
            search.alphas.copy_(tensors["alphas"])
        restore_optimiser(search.alpha_optimiser, with_prefix("alpha_optimiser.", tensors))
        restore_optimiser(search.weight_optimiser, with_prefix("weight_optimiser.", tensors))
        search.memory = {k: t.to(self.device) for k, t in with_prefix("memory.", tensors).items()}
