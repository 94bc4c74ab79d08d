"""`Search`, a selector's view of one checkpoint: everything that the selector may use."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS, Architecture, as_architecture
from nas_selection_bench.bench.work.cells import Cell
from nas_selection_bench.selectors.parts.evaluation import Evaluation
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
"""Mini-batches: images [n, 3, h, w] and labels [n] of each."""


class UndeclaredNeed(Exception):
    """Raised when a criterion reads something that it does not declare in its needs."""


class Search:
    """One selector's own view of one checkpoint.

    `network` and the alphas are copies, so no selector is affected by another. Inputs that the selector does not
    declare in its needs are withheld: the network is then untrained, the mixture uniform, and access to anything else
    raises `UndeclaredNeed`.
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
        """Further seed axes of the shared random numbers, for selectors that search several times."""
        self.facts: Counter[str] = Counter()
        """Counts that rules add to the record; shared with branches."""
        self._alphas = alphas.detach().clone()
        self._recipe, self._half, self._make_tuner = recipe, half, make_tuner
        self._history = cache(history)  # because it loads whole checkpoints
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
        """Restrict the inputs to `needs` in this context, also for the mixture.

        A rule is restricted to its own needs: an edge order that reads the alphas must not put them into the mixture
        that the rule scores.
        """
        whole, self.needs = self.needs, needs
        try:
            yield
        finally:
            self.needs = whole

    # ---- the decisions

    @property
    def open_edges(self) -> list[int]:
        """The undecided edges, in ascending order."""
        return [edge for edge in range(len(EDGES)) if edge not in self.decided]

    def decide(self, edge: int, operation: int) -> None:
        """Fix `edge` to `operation` permanently; raises ValueError if it is already decided."""
        if edge in self.decided:
            raise ValueError(f"edge {edge} is already decided")
        self.decided[edge] = operation

    def architecture(self) -> Architecture:
        """The architecture given by the six decisions."""
        return as_architecture(self.decided[edge] for edge in range(len(EDGES)))

    # ---- the mixture

    @property
    def alphas(self) -> Tensor:
        """The recipe's architecture parameters, detached; fine-tuning may change them.

        Their shape is [6, 5] for most recipes, but not for all (`Recipe.alpha_start`), and they are not always logits
        of a softmax: `weights_of` converts them to the edge weights of the mixture.
        """
        self._require("alphas")
        return self._alphas

    def weights_of(self, alphas: Tensor) -> Tensor:
        """[6, 5] edge weights that the recipe computes from `alphas`, differentiably; decided edges are one-hot."""
        return self._with_decisions(self._recipe.edge_weights(alphas))

    def weights(self) -> Tensor:
        """[6, 5] edge weights: the recipe's, or uniform if alphas are not declared; decided edges are one-hot."""
        if self.needs.alphas:
            return self.weights_of(self._alphas).detach()
        uniform = torch.full((len(EDGES), len(OPERATIONS)), 1 / len(OPERATIONS)).to(self.like)
        return self._with_decisions(uniform)

    def probabilities(self) -> np.ndarray:
        """[6, 5] float64: the edge weights that the recipe computes from the alphas, ignoring decisions."""
        return self._recipe.edge_weights(self.alphas).detach().double().cpu().numpy()

    def earlier_probabilities(self, count: int) -> list[np.ndarray]:
        """The probabilities [6, 5] of up to `count` earlier checkpoints of the supernet, oldest first."""
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
        """The first `count` images of `batches`, or all if there are fewer, in one mini-batch."""
        self._require("images")
        self._require("labels")
        return self._read(count, min(count, self.image_count))

    @property
    def image_count(self) -> int:
        """The number of images in `batches`."""
        limit = self.size.selection_images
        return len(self._half) if limit is None else min(len(self._half), limit)

    @property
    def proxy_batch_count(self) -> int:
        """The number of different mini-batches for proxies."""
        return math.ceil(len(self._half) / self.budget.proposal_batch)

    @property
    def images(self) -> list[Tensor]:
        """The images of `batches`, for criteria that read no labels."""
        self._require("images")
        return [x for x, _ in self._read(self.size.selection_batch, self.size.selection_images)]

    def proxy_batches(self, count: int) -> list[tuple[Tensor, Tensor | None]]:
        """Up to `count` mini-batches for proxies; undeclared images are zeros of the same shape, labels None."""
        count = min(count, self.proxy_batch_count)
        self.proxy_batch(count - 1)  # also reads the ones before it
        return [self.proxy_batch(place) for place in range(count)]

    def proxy_batch(self, place: int) -> tuple[Tensor, Tensor | None]:
        """The mini-batch with index `place` of those that `proxy_batches` gives, starting over after the last one."""
        size = self.budget.proposal_batch
        place %= self.proxy_batch_count
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
        """A CPU generator seeded for this cell and `purpose`."""
        return torch.Generator().manual_seed(self.cell.derive(purpose, **axes))

    def shared_generator(self, purpose: str, **axes: str | int) -> torch.Generator:
        """A CPU generator that is the same for all selectors with this checkpoint and selector seed."""
        return torch.Generator().manual_seed(self.shared_seed(purpose, **axes))

    def shared_seed(self, purpose: str, **axes: str | int) -> int:
        """A seed that is the same for all selectors with this checkpoint and selector seed."""
        cell = self.cell
        return cell.supernet.derive(purpose, epoch=cell.epoch, selector_seed=cell.selector_seed, **self.axes, **axes)

    # ---- work

    def evaluate(self, weights: Tensor, place: int | None = None) -> Evaluation:
        """Accuracy and loss of m mixtures [m, 6, 5] on the fixed mini-batches, or on number `place` of them only.

        All mixtures see the same images. Raises ValueError if a loss is not finite.
        """
        batches = self.batches if place is None else [self.batches[place]]
        if self._evaluator is None or self._evaluator.network is not self.network:
            self._evaluator = Evaluator(self.network)  # reused, because on a GPU its passes are captured
        accuracy, loss = self._evaluator(batches, weights)
        self.meter.count(forward=len(weights) * len(batches))
        if not bool(loss.isfinite().all()):  # nan logits would count as predictions of the first class
            raise ValueError("the loss of the supernet is not finite")
        return Evaluation(accuracy.numpy(), loss.numpy())

    def loss(self, batch: tuple[Tensor, Tensor], weights: Tensor, observe: Observer | None = None) -> Tensor:
        """The mean cross-entropy of one mini-batch, differentiable; counts as one forward pass.

        Computed in full precision on a GPU too, because bfloat16 changes gate gradients by tenths of their size.
        """
        x, y = batch
        logits = self.network(x, weights, observe=observe)
        self.meter.count(forward=1)
        return nn.functional.cross_entropy(logits.to(self.like.dtype), y)

    def tune(self, epochs: int, weights_of: Callable[[Tensor], Tensor] | None = None) -> None:
        """Fine-tune the supernet for `epochs` epochs with the decided edges fixed.

        `weights_of` maps alphas to edge weights [6, 5]; by default as the recipe does, with decided edges one-hot.
        """
        self._require("tuning")
        if self._make_tuner is None:
            raise UndeclaredNeed("this search was opened without fine-tuning")
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
        """A copy of the supernet with fixed edge weights [6, 5], as a module that takes images; its passes are counted.

        Raises ValueError for weights that require a gradient, because the copy would not pass one back to them.
        """
        if weights.requires_grad:
            raise ValueError(
                "search.mixture copies the values of its weights, so no gradient reaches them; use search.loss, or the"
                " gradients of selectors/parts/gates.py, or pass weights.detach()"
            )
        with torch.random.fork_rng(devices=[]):  # nn.Conv2d's constructor draws; its values are overwritten
            network = LiteralSupernet.like(self.network)
        mixture = network.mixture(weights)
        self.meter.watch(mixture)
        return mixture

    def standalone(
        self, architecture: Architecture, generator: torch.Generator, fill: Fill = pytorch_default
    ) -> nn.Module:
        """The untrained stand-alone network of `architecture`, as in NAS-Bench-201; its passes are counted."""
        size = self.network.channels, self.network.cells_per_stage, self.network.classes
        network = build(lambda: StandaloneNetwork(architecture, *size), generator, self.like, fill)
        self.meter.watch(network)
        return network

    def branch(self, generator: torch.Generator | None = None) -> Search:
        """An independent copy of this search in its present state, with the same meter.

        Fine-tuning continues in the copy as it would here. With a `generator` the copy has fresh weights; raises
        UndeclaredNeed for this if trained weights are declared.
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
                raise UndeclaredNeed("a selector that declares trained weights cannot draw fresh ones")
            initialise(twin.network, generator)
        return twin

    def _require(self, need: str) -> None:
        if not getattr(self.needs, need):
            raise UndeclaredNeed(f"{self.cell.selector} reads {need}, which it does not declare in its needs")


def one_hot(operation: int, like: Tensor) -> Tensor:
    """[5] with a 1 at `operation`, on the device and in the dtype of `like`."""
    # By comparison, because writing a 1 from the host into zeros would break the capture of a step on a GPU.
    return (torch.arange(len(OPERATIONS), device=like.device) == operation).to(like.dtype)
