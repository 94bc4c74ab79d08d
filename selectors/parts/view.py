"""A selector's view of one checkpoint, with everything that it may use of it."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS, Architecture, as_architecture
from nas_selection_bench.bench.work.cells import Cell
from nas_selection_bench.selectors.parts.initialisation import Fill, build, initialise, pytorch_default
from nas_selection_bench.selectors.parts.meter import Meter
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.supernets.network.literal import LiteralSupernet, Mixture
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork
from nas_selection_bench.supernets.network.supernet import Observer, Supernet
from nas_selection_bench.supernets.parts.recipe import Recipe
from nas_selection_bench.supernets.training.evaluation import Evaluator
from nas_selection_bench.supernets.training.tuning import Tuner

Batches = list[tuple[Tensor, Tensor]]
"""Images [n, 3, h, w] and labels [n] of each."""


class UndeclaredNeed(Exception):
    """A criterion reached for something that it does not declare in its needs."""


@dataclass(frozen=True)
class Evaluation:
    """Figures of a set of mixtures on the selection images."""

    accuracy: np.ndarray
    """[m] images classified right, %, float64."""
    loss: np.ndarray
    """[m] mean cross-entropy per image, float64."""


class Search:
    """One selector's own view of one checkpoint.

    `network` and the alphas are copies, so nothing that a selector does is seen by the next one. What the
    selector does not declare in its needs is withheld: an untrained network in place of the trained one,
    a uniform mixture in place of the alphas, and `UndeclaredNeed` for the rest.
    """

    def __init__(
        self,
        cell: Cell,
        network: Supernet,
        alphas: Tensor,
        recipe: Recipe,
        half: Half,
        needs: Needs,
        make_tuner: Callable[[Supernet, Tensor], Tuner] | None = None,
        history: Callable[[], Sequence[Tensor]] = tuple,
    ) -> None:
        self.cell, self.needs = cell, needs
        self.size, self.budget = cell.supernet.settings, cell.budget
        self.network: Supernet = copy.deepcopy(network)
        self.like: Tensor = next(self.network.parameters()).detach()
        """A tensor on the device and in the dtype of the network."""
        self.decided: dict[int, int] = {}
        """The operation of each decided edge."""
        self.axes: dict[str, str | int] = {}
        """Further axes of the shared random numbers, where a selector searches several times."""
        self.facts: Counter[str] = Counter()
        """Counts that rules keep for the record; branches share them."""
        self._alphas = alphas.detach().clone()
        self._recipe, self._half, self._make_tuner = recipe, half, make_tuner
        self._history = cache(history)  # whole checkpoints are read for it
        self._tuner: Tuner | None = None
        self._evaluator: Evaluator | None = None
        self._batches: dict[tuple[int, int | None], Batches] = {}
        self._proxy_batches: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        if not needs.trained:
            initialise(self.network, self.shared_generator("untrained-weights"))
        self.network.normalise("batch" if cell.bn == "batch" else "running")
        self.meter = Meter(self.like.device)

    @contextmanager
    def withholding(self, needs: Needs) -> Iterator[None]:
        """In here nothing can be reached but `needs`, and the mixture is what they make it.

        A rule scores what it reads itself: that the order looks at the alphas does not put them into its mixture.
        """
        whole, self.needs = self.needs, needs
        try:
            yield
        finally:
            self.needs = whole

    # ---- the decisions

    @property
    def open_edges(self) -> list[int]:
        """The edges that are not decided, in order."""
        return [edge for edge in range(len(EDGES)) if edge not in self.decided]

    def decide(self, edge: int, operation: int) -> None:
        """Fix `edge` to `operation`, for good."""
        if edge in self.decided:
            raise ValueError(f"edge {edge} is decided already")
        self.decided[edge] = operation

    def architecture(self) -> Architecture:
        """The architecture that the six decisions make."""
        return as_architecture(self.decided[edge] for edge in range(len(EDGES)))

    # ---- the mixture

    @property
    def alphas(self) -> Tensor:
        """The recipe's architecture parameters, a plain tensor; fine-tuning may move them.

        [6, 5] for most recipes, of another for some (`Recipe.alpha_start`), and not always logits of a softmax:
        `weights_of` makes the weights of the mixture of them.
        """
        self._require("alphas")
        return self._alphas

    def weights_of(self, alphas: Tensor) -> Tensor:
        """[6, 5] edge weights that the recipe makes of `alphas`, differentiable in them; decided edges one-hot."""
        return self._with_decisions(self._recipe.edge_weights(alphas))

    def weights(self) -> Tensor:
        """[6, 5] edge weights: the recipe's, or uniform where no alphas are declared; decided edges one-hot."""
        if self.needs.alphas:
            return self.weights_of(self._alphas).detach()
        uniform = torch.full((len(EDGES), len(OPERATIONS)), 1 / len(OPERATIONS)).to(self.like)
        return self._with_decisions(uniform)

    def probabilities(self) -> np.ndarray:
        """[6, 5] float64: what the recipe makes of the alphas, decisions left out."""
        return self._recipe.edge_weights(self.alphas).detach().double().cpu().numpy()

    def earlier_probabilities(self, count: int) -> list[np.ndarray]:
        """The probabilities [6, 5] of up to `count` earlier checkpoints of the supernet, the oldest first."""
        self._require("alphas")
        return [self._recipe.edge_weights(a).detach().double().cpu().numpy() for a in self._history()[-count:]]

    def _with_decisions(self, weights: Tensor) -> Tensor:
        if not self.decided:
            return weights
        rows = list(weights)
        for edge, operation in self.decided.items():
            rows[edge] = one_hot(operation, weights)
        return torch.stack(rows)

    # ---- the images

    @property
    def batches(self) -> Batches:
        """The fixed mini-batches of the selection half, un-augmented: (images [n, 3, h, w], labels [n])."""
        self._require("images")
        self._require("labels")
        return self._read(self.size.selection_batch, self.size.selection_images)

    def first_images(self, count: int) -> Batches:
        """The first `count` images of `batches`, in one mini-batch; fewer where there are fewer."""
        self._require("images")
        self._require("labels")
        limit = self.size.selection_images
        return self._read(count, count if limit is None else min(count, limit))

    @property
    def images(self) -> list[Tensor]:
        """The images of `batches`, for criteria that read no labels."""
        self._require("images")
        return [x for x, _ in self._read(self.size.selection_batch, self.size.selection_images)]

    def proxy_batches(self, count: int) -> list[tuple[Tensor, Tensor | None]]:
        """Up to `count` mini-batches of the size that zero-cost proxies read.

        Where images are not declared they are zeros of the right shape; undeclared labels are None.
        """
        count = min(count, math.ceil(len(self._half) / self.budget.proposal_batch))
        self.proxy_batch(count - 1)  # reads those before it too
        return [self.proxy_batch(place) for place in range(count)]

    def proxy_batch(self, place: int) -> tuple[Tensor, Tensor | None]:
        """The mini-batch number `place` of those; the first ones again where there are fewer."""
        size = self.budget.proposal_batch
        place %= math.ceil(len(self._half) / size)
        if (size, place) not in self._proxy_batches:
            for i, (x, y) in enumerate(self._half.fixed(size, size * (place + 1))):
                if (size, i) not in self._proxy_batches:
                    self._proxy_batches[size, i] = x.to(self.like.dtype), y
        x, y = self._proxy_batches[size, place]
        if not self.needs.images:
            return torch.zeros_like(x), None
        return x, y if self.needs.labels else None

    def _read(self, size: int, limit: int | None) -> Batches:
        if (size, limit) not in self._batches:
            self._batches[size, limit] = [(x.to(self.like.dtype), y) for x, y in self._half.fixed(size, limit)]
        return self._batches[size, limit]

    # ---- random numbers

    def generator(self, purpose: str, **axes: str | int) -> torch.Generator:
        """A CPU generator of this cell alone."""
        return torch.Generator().manual_seed(self.cell.derive(purpose, **axes))

    def shared_generator(self, purpose: str, **axes: str | int) -> torch.Generator:
        """A CPU generator that every selector of this checkpoint and selector seed gets alike."""
        return torch.Generator().manual_seed(self.shared_seed(purpose, **axes))

    def shared_seed(self, purpose: str, **axes: str | int) -> int:
        """A seed that every selector of this checkpoint and selector seed gets alike."""
        cell = self.cell
        return cell.supernet.derive(purpose, epoch=cell.epoch, selector_seed=cell.selector_seed, **self.axes, **axes)

    # ---- work

    def evaluate(self, weights: Tensor, place: int | None = None) -> Evaluation:
        """Accuracy and loss of m mixtures [m, 6, 5] on the fixed batches, all on the same images.

        With `place` on that one of the mini-batches only. Raises ValueError where a loss is not finite.
        """
        batches = self.batches if place is None else [self.batches[place]]
        if self._evaluator is None or self._evaluator.network is not self.network:
            self._evaluator = Evaluator(self.network)  # kept, since on a GPU its passes are captured
        accuracy, loss = self._evaluator(batches, weights)
        self.meter.count(forward=len(weights) * len(batches))
        if not bool(loss.isfinite().all()):  # of logits that are nan the accuracy would be that of the first class
            raise ValueError("the loss of the supernet is not finite")
        return Evaluation(accuracy.numpy(), loss.numpy())

    def loss(self, batch: tuple[Tensor, Tensor], weights: Tensor, observe: Observer | None = None) -> Tensor:
        """The mean cross-entropy of one batch, differentiable; counts as one forward pass.

        In full precision also on a GPU: gradients of gates in bfloat16 are off by tenths of their size.
        """
        x, y = batch
        logits = self.network(x, weights, observe=observe)
        self.meter.count(forward=1)
        return nn.functional.cross_entropy(logits.to(self.like.dtype), y)

    def tune(self, epochs: int, weights_of: Callable[[Tensor], Tensor] | None = None) -> None:
        """Fine-tune the supernet for `epochs` epochs with the decided edges fixed.

        `weights_of` maps alphas to edge weights where they are not the recipe's.
        """
        self._require("tuning")
        if self._make_tuner is None:
            raise UndeclaredNeed("this search was made without fine-tuning")
        with self.meter.tuning():
            if self._tuner is None:
                self._tuner = self._make_tuner(self.network, self._alphas)
            tuner = self._tuner
            before = tuner.forward_passes, tuner.backward_passes
            tuner.tune(epochs, weights_of or self.weights_of)
            self._alphas = tuner.alphas
            self.meter.count(tuner.forward_passes - before[0], tuner.backward_passes - before[1])

    # ---- networks for proxies

    def mixture(self, weights: Tensor) -> Mixture:
        """A copy of the supernet as a plain module of images, with edge weights [6, 5]; its passes are counted.

        Raises ValueError for weights that ask for a gradient, which a copy of their values would never get.
        """
        if weights.requires_grad:
            raise ValueError(
                "search.mixture copies the values of its weights, so that no gradient reaches them; take the loss by"
                " search.loss, or the gradients of selectors/parts/gates.py, or pass weights.detach()"
            )
        with torch.random.fork_rng(devices=[]):  # the constructor of nn.Conv2d draws; the values are overwritten
            network = LiteralSupernet.like(self.network)
        mixture = network.mixture(weights)
        self.meter.watch(mixture)
        return mixture

    def standalone(
        self, architecture: Architecture, generator: torch.Generator, fill: Fill = pytorch_default
    ) -> nn.Module:
        """The network that NAS-Bench-201 trains for `architecture`, untrained; its passes are counted."""
        size = self.network.channels, self.network.cells_per_stage, self.network.classes
        network = build(lambda: StandaloneNetwork(architecture, *size), generator, self.like, fill)
        self.meter.watch(network)
        return network

    def branch(self, generator: torch.Generator | None = None) -> Search:
        """A search of its own that starts where this one is, on the same meter; fine-tuning goes on as it would here.

        With a `generator` the copy has fresh weights, for criteria that do not read trained ones.
        """
        twin = copy.copy(self)
        if self._tuner is not None:
            twin._tuner = self._tuner.branch()
            twin.network = twin._tuner.network
        else:
            twin.network = copy.deepcopy(self.network)
        twin.decided = dict(self.decided)
        twin._alphas = self._alphas.clone()
        if generator is not None:
            if self.needs.trained:
                raise UndeclaredNeed("a selector that declares trained weights does not draw new ones")
            initialise(twin.network, generator)
        return twin

    def _require(self, need: str) -> None:
        if not getattr(self.needs, need):
            raise UndeclaredNeed(f"{self.cell.selector} does not declare that it needs {need}, so it is withheld")


def one_hot(operation: int, like: Tensor) -> Tensor:
    """[5] with a 1 at `operation`, on the device and in the dtype of `like`."""
    # Not zeros with a 1 written into them: a number from the host would break the capture of a step on a GPU.
    return (torch.arange(len(OPERATIONS), device=like.device) == operation).to(like.dtype)
