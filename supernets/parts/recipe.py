"""A supernet recipe: a variation of one training loop.

A recipe defines how its architecture parameters (alphas) become edge weights, how they are updated,
and what is added to the loss or the network. The loop (`supernets.training.loop`), the checkpoints and
the selectors depend on nothing else of it. Every hook defaults to the first-order DARTS step, so a recipe
overrides only those in which it differs. They get the state as `search`, a SupernetState:

- `edge_weights`: maps alphas to the deterministic weights that selectors see;
- `mixing`: the weights of one training pass, if they differ from those (sampled, perturbed, gated);
- `schedule`, `noise`: numbers that change per epoch, random numbers that change per step;
- `penalty`: a term of the alphas' loss;
- `alpha_step`, `weight_step`: the updates themselves;
- `build`, `after_epoch`, `memory`: another network, decisions between epochs, state kept between steps.

On a GPU the whole step is captured once and replayed. A step that reads a number from the device (`.item()`,
a branch on a tensor) runs eagerly instead, several times slower, and the user is warned. To avoid this:

- what depends on the number of steps is read from `search.number`, and declared by `phase`;
- the operations that run are given as a tensor (`sampling.drawn`);
- if the host must work in the middle of a step, `repeated` captures the parts before and after.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.bench.work.options import Configurable
from nas_selection_bench.supernets.network.cuda_graph import Repeated
from nas_selection_bench.supernets.network.precision import autocast
from nas_selection_bench.supernets.network.supernet import Active, Supernet
from nas_selection_bench.supernets.parts.hook_results import check_mixing

Batch = tuple[Tensor, Tensor]
"""Images [n, 3, h, w] and labels [n]."""

GRADIENT_CLIP = 5.0
"""Norm to which the weights' gradient is clipped (in DARTS and all methods based on it)."""


@dataclass(frozen=True)
class Mixing:
    """The mixture of one pass through the network: the arguments of `Supernet.forward`."""

    weights: Tensor
    """[6, 5], or [n_cells, 6, 5]."""
    skip: float | Tensor = 0.0
    """Weight of an auxiliary identity on every edge, besides the five operations (darts-minus)."""
    active: Active | Sequence[Active] | None = None
    """The operations that run, for all cells or per cell; None: all."""


@dataclass
class SupernetState:
    """A supernet in training: the state that the steps of a recipe read and write."""

    network: Supernet
    alphas: Tensor
    """The recipe's architecture parameters, a leaf tensor; [6, 5] unless the recipe defines another shape."""
    weight_optimiser: torch.optim.Optimizer
    alpha_optimiser: torch.optim.Optimizer
    numbers: dict[str, Tensor] = field(default_factory=dict)
    """The recipe's schedule in this epoch, as scalars on the device."""
    noise: Tensor | None = None
    """The recipe's random numbers of this step, on the device."""
    number: int = 0
    """Number of steps made before this one since the search began, on the host."""
    memory: dict[str, Tensor] = field(default_factory=dict)
    """The recipe's memory between steps; stored with the supernet."""
    loss_sum: Tensor = field(init=False)
    """Sum of the losses of the images seen in this epoch, of recorded passes only."""
    correct: Tensor = field(init=False)
    """Number of those images that were classified correctly."""
    recipe: str = "the recipe"
    """The class name of the recipe, for messages."""
    _mixed: bool = field(default=False, init=False, repr=False)
    """Whether a Mixing of the recipe has been checked."""

    def __post_init__(self) -> None:
        self.loss_sum = torch.zeros((), device=self.alphas.device)
        self.correct = torch.zeros((), device=self.alphas.device)

    def loss(self, batch: Batch, mixing: Mixing, *, record: bool = False, full_precision: bool = False) -> Tensor:
        """The mean cross-entropy of one batch; `record` adds it to the epoch's loss and accuracy.

        GPUs with bfloat16 hardware compute it in bfloat16 unless `full_precision` is set. Differences of gradients need
        full precision: after a move of 1e-4 or 0.01, that of two bfloat16 gradients is nearly all rounding error.
        """
        if not self._mixed:
            check_mixing(self.recipe, mixing, Mixing)
            self._mixed = True
        images, labels = batch
        with nullcontext() if full_precision else autocast(images.device):
            logits = self.network(images, mixing.weights, skip=mixing.skip, active=mixing.active)
        logits = logits.to(self.alphas.dtype)
        loss = F.cross_entropy(logits, labels)
        if record:
            # Sums stay on the device: reading them at every step would mean waiting for it at every step.
            self.loss_sum += loss.detach() * len(labels)
            self.correct += (logits.detach().argmax(1) == labels).sum()
        return loss

    def descend_alphas(self, loss: Tensor) -> None:
        """One step of the alphas' optimiser down `loss`."""
        (gradient,) = torch.autograd.grad(loss, [self.alphas])
        self.follow_alphas(gradient)

    def follow_alphas(self, gradient: Tensor) -> None:
        """One step of the alphas' optimiser down `gradient`."""
        self.alphas.grad = gradient
        self.alpha_optimiser.step()

    def descend_weights(self, loss: Tensor) -> None:
        """One clipped step of the weights' optimiser down `loss`."""
        self.weight_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in self.network.parameters():
            if parameter.grad is None:
                # No drawn operation uses it. Momentum and decay still apply, as they do for undrawn
                # operations whose weights are stored in one tensor with those of a drawn one.
                parameter.grad = torch.zeros_like(parameter)
        self._step_weights()

    def follow_weights(self, gradients: Sequence[Tensor]) -> None:
        """One clipped step of the weights' optimiser down `gradients`, one for each parameter of the network."""
        for parameter, gradient in zip(self.network.parameters(), gradients, strict=True):
            parameter.grad = gradient
        self._step_weights()

    def _step_weights(self) -> None:
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_CLIP)
        self.weight_optimiser.step()

    @contextmanager
    def frozen_weights(self) -> Iterator[None]:
        """A context whose passes do not prepare gradients of the weights, a third of a step's arithmetic."""
        with frozen(list(self.network.parameters())):
            yield


@contextmanager
def frozen(parameters: Sequence[Tensor]) -> Iterator[None]:
    """A context in which `parameters` require no gradient."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


Step = Callable[[Batch | None, Batch, Tensor | None], object]
"""step(batch of the selection half or None, batch of the weights half, the recipe's random numbers of this step)."""

BatchesOf = Callable[[str], Iterator[Batch]]
"""Maps `weights` or `selection` to the batches of that half, freshly shuffled for the purpose."""


@dataclass(frozen=True)
class Recipe(Configurable):
    """First-order DARTS, and the hooks by which the other recipes differ from it.

    A subclass is a frozen dataclass; its fields, made by `option`, are the options of its name: `gdas[tau_max=5]`.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    """Authors, title, venue, section."""
    equation: ClassVar[str]
    """The update that characterises the recipe, in one line."""
    version: ClassVar[int] = 1
    """Raised by hand when the results of this recipe change; part of the cache key."""
    tunes_alphas: ClassVar[bool] = True
    """Whether alphas are updated by gradient, in the search and between the decisions of a selector that tunes."""
    weight_rates: ClassVar[tuple[float, float]] = (0.025, 0.001)
    """Learning rate of the weights in the first epoch, and the value at which its cosine ends."""
    alpha_rate = 3e-4
    """Learning rate of the alphas (Adam, betas 0.5 and 0.999); `Rated` makes it an option."""
    alpha_decay = 1e-3
    """Weight decay of the alphas; `Rated` makes it an option."""
    alpha_start: ClassVar[str] = "6 x 5, 1e-3 times normal noise"
    """Shape and initial values of the alphas, in words: what `initial_alphas` returns."""
    alpha_update: ClassVar[str] = ""
    """How the search steps the alphas, in words; empty for Adam with `alpha_rate` and `alpha_decay`."""
    noise_on_host: ClassVar[bool] = False
    """Whether the random numbers of a step stay on the CPU, because the host reads them."""
    offers: ClassVar[str] = "probabilities"
    """What selectors get from `edge_weights`, in words."""
    differs: ClassVar[str] = ""
    """What differs from the released code, if anything."""

    def declared(self) -> dict[str, str]:
        """The descriptions shown in lists and reports, apart from the paper, for the options that are set."""
        asked, options = self.differing(type(self)()), self.options()
        here = ", ".join(f"{name}={value} ({options[name][1]})" for name, value in asked.items())
        update = f"{self.equation} by default; here {here}" if here else self.equation
        return {"update": update, "offers": self.offers, "differs": self.differs}

    @property
    def learns_alphas(self) -> bool:
        """Whether the alphas of a trained supernet carry information; if not, a choice by them is random.

        They can carry some without gradients (`tunes_alphas`): is-darts sets them, blank[skip=0.6] imposes a share.
        """
        return True

    @property
    def untrained_share(self) -> float:
        """Share of the search, from its start, in which the alphas carry no information yet."""
        return 0.0

    @property
    def informative_at_its_end(self) -> bool:
        """Whether the alphas of the checkpoint at the end of that share carry information.

        They do if they change at the end of an epoch, before its checkpoint is stored, as those of is-darts.
        """
        return False

    def build(self, channels: int, cells: int, classes: int) -> Supernet:
        """A new network with fresh weights."""
        return Supernet(channels, cells, classes)

    def initial_alphas(self, generator: torch.Generator) -> Tensor:
        """Fresh architecture parameters: 1e-3 times normal noise, on the CPU."""
        return 1e-3 * torch.randn(len(EDGES), len(OPERATIONS), generator=generator)

    def edge_weights(self, alphas: Tensor) -> Tensor:
        """The weights [6, 5] that selectors see: deterministic, differentiable in `alphas`."""
        return alphas.softmax(-1)

    def schedule(self, epoch: int, epochs: int) -> dict[str, float]:
        """Named numbers for epoch `epoch`, counted from 0; the steps read them from `search.numbers`."""
        return {}

    def searches(self, epoch: int, epochs: int) -> bool:
        """Whether the alphas step in epoch `epoch`, counted from 0, if `tunes_alphas`; if not, only the weights do."""
        return True

    def passes(self) -> float:
        """Number of forward and backward passes of one mini-batch per step, on average while the alphas learn."""
        return 2.0 if self.tunes_alphas else 1.0

    def noise(self, generator: torch.Generator, steps: int, network: Supernet) -> Tensor | None:
        """Random numbers [steps, ...] for one epoch, on the CPU; each step reads its own from `search.noise`."""
        return None

    def phase(self, step: int) -> Hashable:
        """What the host decides for a step, counted from 0 over the whole search; each phase is captured separately."""
        return None

    def memory(self) -> dict[str, Tensor]:
        """The recipe's initial memory."""
        return {}

    def mixing(self, search: SupernetState, alphas: Tensor) -> Mixing:
        """The weights of one training pass; `alphas` is detached in a step of the weights."""
        return Mixing(self.edge_weights(alphas))

    def penalty(self, search: SupernetState) -> Tensor | None:
        """A term added to the loss of the alphas; None adds nothing."""
        return None

    def alpha_step(self, search: SupernetState, selection_batch: Batch, weight_batch: Batch) -> None:
        """Update the alphas on a batch of the selection half; `weight_batch` is the batch that the weights see next."""
        with search.frozen_weights():
            loss = search.loss(selection_batch, self.mixing(search, search.alphas))
        penalty = self.penalty(search)
        search.descend_alphas(loss if penalty is None else loss + penalty)

    def weight_step(self, search: SupernetState, weight_batch: Batch) -> None:
        """Update the network's weights on a batch of the weights half."""
        search.descend_weights(search.loss(weight_batch, self.mixing(search, search.alphas.detach()), record=True))

    def step(self, search: SupernetState, selection_batch: Batch | None, weight_batch: Batch) -> None:
        """One step of the search: alphas first, then weights, as the DARTS family does on NAS-Bench-201."""
        if selection_batch is not None:
            self.alpha_step(search, selection_batch, weight_batch)
        self.weight_step(search, weight_batch)

    def repeated(self, search: SupernetState, device: torch.device) -> "Step":
        """The function that makes one step of `search`, captured on a GPU."""

        def step(
            x: Tensor | None, y: Tensor | None, weights_x: Tensor, weights_y: Tensor, noise: Tensor | None
        ) -> None:  # fmt: skip
            search.noise = noise
            self.step(search, None if x is None or y is None else (x, y), (weights_x, weights_y))

        run = Repeated(step, device)
        return lambda selection, weights, noise: run(
            *(selection or (None, None)), *weights, noise, phase=self.phase(search.number)
        )

    def after_epoch(self, search: SupernetState, epoch: int, epochs: int, batches: BatchesOf) -> None:
        """Decisions between two epochs (progressive recipes); `epoch` counts from 0."""
