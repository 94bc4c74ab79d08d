"""Fine-tuning of a supernet between two decisions of a selector.

Source: Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section
4.1; the constant learning rate is that of the released NAS-Bench-201 code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.presets import SupernetSize
from nas_selection_bench.supernets.network.cuda_graph import Repeated, own_stream
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.recipe import Mixing, Recipe
from nas_selection_bench.supernets.training.checkpoint import restore_optimiser
from nas_selection_bench.supernets.training.loop import make_search, unwarned

TUNING_RATE = 0.0025
"""Learning rate: a tenth of the search's, constant, with a new optimiser (released DARTS-PT code)."""


class Tuner:
    """Continues to train a network of which some edges are decided.

    `network` is changed in place and moved to `device`; `alphas` are copied (read them back from
    `.alphas`). `seed_for(epoch)` seeds the batches of each epoch of tuning, counted over all calls.
    Steps are plain first-order ones for every recipe; alphas step only if `recipe.tunes_alphas`.
    """

    def __init__(
        self, network: Supernet, alphas: Tensor, recipe: Recipe, images: ImageSet, settings: SupernetSize,
        seed_for: Callable[[int], int], device: str, optimiser_state: Mapping[str, Tensor] | None = None,
    ) -> None:  # fmt: skip
        self._device = torch.device(device)
        self._recipe, self._settings, self._seed_for = recipe, settings, seed_for
        self._search = make_search(network, alphas, recipe, TUNING_RATE, self._device)
        if optimiser_state:
            restore_optimiser(self._search.alpha_optimiser, optimiser_state)
        self._images = images
        self._halves: tuple[Half, Half] | None = None
        self.epochs = 0
        """Epochs tuned so far."""
        self.forward_passes = 0
        """Forward passes made so far, each of one mini-batch."""
        self.backward_passes = 0

    @property
    def network(self) -> Supernet:
        """The network being tuned."""
        return self._search.network

    @property
    def alphas(self) -> Tensor:
        """The alphas as they are now, detached."""
        return self._search.alphas.detach()

    def branch(self) -> Tuner:
        """A tuner that continues from here with copies of the network, the alphas and both optimisers."""
        twin = copy.copy(self)  # the images are shared
        twin._search = copy.deepcopy(self._search)
        unwarned(twin._search.alpha_optimiser)
        return twin

    def tune(self, epochs: int, weights_of: Callable[[Tensor], Tensor]) -> None:
        """Train `epochs` epochs; `weights_of` maps alphas to edge weights with the decided edges one-hot.

        Afterwards the network is back in its batch-norm mode.
        """
        if epochs == 0:
            return
        search, recipe = self._search, self._recipe
        weights_half, selection_half = self._load()

        def step(x: Tensor | None, y: Tensor | None, weights_x: Tensor, weights_y: Tensor) -> None:
            if x is not None and y is not None:
                with search.frozen_weights():
                    loss = search.loss((x, y), Mixing(weights_of(search.alphas)))
                search.descend_alphas(loss)
            search.descend_weights(search.loss((weights_x, weights_y), Mixing(weights_of(search.alphas.detach()))))

        mode = search.network.normalisation
        search.network.normalise("train")
        with own_stream(self._device):
            # Each decision changes what weights_of computes, so each call captures its own graph.
            run = Repeated(step, self._device)
            # If every edge is decided, or the weights are constant, the alphas have no gradient and need no pass.
            with_alphas = recipe.tunes_alphas and weights_of(search.alphas).requires_grad
            passes = 2 if with_alphas else 1
            for _ in range(epochs):
                seed = self._seed_for(self.epochs)
                weights = weights_half.epoch(seed, self._settings.batch_size)
                # The halves hold different images, so one seed serves both.
                selection: Iterable[tuple[Tensor | None, Tensor | None]] = repeat((None, None))
                if with_alphas:
                    selection = selection_half.epoch(seed, self._settings.batch_size)
                for batch, other in zip(weights, selection, strict=False):
                    run(*other, *batch)
                    self.forward_passes += passes
                    self.backward_passes += passes
                self.epochs += 1
        search.network.normalise(mode)

    def _load(self) -> tuple[Half, Half]:
        if self._halves is None:
            self._halves = Half(self._images, "weights", self._device), Half(self._images, "selection", self._device)
        return self._halves
