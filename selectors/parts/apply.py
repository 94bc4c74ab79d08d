"""Applies a selector to a stored checkpoint. `select` is the only way from a cell to a selection."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from nas_selection_bench.bench.errors import SkipCell
from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.bench.problem.validate import checked
from nas_selection_bench.bench.work.cells import Cell, without_checkpoint
from nas_selection_bench.bench.work.untrained_alphas import reason_to_skip
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.network.cuda_graph import own_stream
from nas_selection_bench.supernets.network.global_draws import refusing_global_draws
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.network.process_modes import own_modes
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.registry import find as find_recipe
from nas_selection_bench.supernets.training import checkpoint
from nas_selection_bench.supernets.training.tuning import Tuner


def select(cell: Cell, folder: Path, images: ImageSet, device: str) -> Selection:
    """The selection that the cell's selector makes from the checkpoint of `cell.epoch` in `folder`.

    Raises SkipCell with the reason if the selector does not apply, UsageError for an unknown selector, DataError for a
    missing or damaged checkpoint.
    """
    selector = registry.find(cell.selector)
    recipe = find_recipe(cell.supernet.recipe)
    if why := reason_to_skip(recipe, selector, cell.epoch, cell.supernet.settings.epochs):
        raise SkipCell(why)
    with own_modes(), own_stream(torch.device(device)):
        search = open_search(cell, folder, images, device)
        with refusing_global_draws("the selector", "search.generator(purpose)"):
            answer = selector.select(search)
        cost = search.meter.cost()
        selection = checked(answer)
    selection.facts |= search.facts
    selection.cost = cost
    return selection


def open_search(cell: Cell, folder: Path, images: ImageSet, device: str) -> Search:
    """The search for the cell's selector: the checkpoint as the selector may see it."""
    selector = registry.find(cell.selector)
    if not selector.reads_checkpoint:
        return open_untrained(cell, images, device)
    stored = checkpoint.load(folder, cell.epoch)
    recipe = find_recipe(cell.supernet.recipe)
    target = torch.device(device)
    # A recipe's own network (some use only part of the channels) matters only to selectors that read its weights.
    network = built(stored.network if selector.needs.trained else plain_supernet(cell, images), target)

    def make_tuner(own_network: Supernet, alphas: Tensor) -> Tuner:
        return Tuner(
            own_network, alphas, recipe, images, cell.supernet.settings,
            # Batches depend on the checkpoint and the selector seed but not on the selector, so that DARTS-PT and
            # its controls are tuned on the same images in the same order.
            lambda epoch: cell.supernet.derive(
                "tuning", epoch=cell.epoch, selector_seed=cell.selector_seed, tuning_epoch=epoch
            ),
            device, stored.alpha_optimiser,
        )  # fmt: skip

    return Search(
        cell, network, stored.alphas.to(target), recipe, Half(images, "selection", target), selector.needs, make_tuner,
        history=lambda: [
            checkpoint.load(folder, epoch).alphas
            for epoch in cell.supernet.settings.checkpoint_epochs
            if epoch < cell.epoch
        ],
    )  # fmt: skip


def open_untrained(cell: Cell, images: ImageSet, device: str) -> Search:
    """The search for a selector that reads no checkpoint; it does not depend on the recipe or the epoch."""
    target = torch.device(device)
    network = built(plain_supernet(cell, images), target)
    alphas = torch.zeros(len(EDGES), len(OPERATIONS), device=target)
    needs = registry.find(cell.selector).needs
    return Search(
        without_checkpoint(cell), network, alphas, find_recipe("blank"), Half(images, "selection", target), needs
    )


def plain_supernet(cell: Cell, images: ImageSet) -> Callable[[], Supernet]:
    """A constructor of the plain supernet of the cell's size, unchanged by any recipe."""
    settings = cell.supernet.settings
    return lambda: Supernet(settings.channels, settings.cells, images.classes)


def built(make: Callable[[], Supernet], device: torch.device) -> Supernet:
    """The network that `make` builds, prepared for `device`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        network = make()
    prepare(network, device)
    return network
