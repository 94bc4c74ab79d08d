"""What the gates of the operations do to the loss: their gradients, per image or summed.

A gate is a factor on an operation's contribution to its edge, 1 in every cell; d loss / d gate = p d loss / d p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, OPERATIONS
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.view import Search


@dataclass(frozen=True, kw_only=True)
class GateRule(Rule):
    """A score of the gates of an untrained supernet, or of the trained one."""

    trained: bool = False

    @property
    def needs(self) -> Needs:
        """Labelled images, and the trained mixture for `-post`."""
        return Needs(trained=self.trained, alphas=self.trained, images=True, labels=True)

    @property
    def stochastic(self) -> bool:
        """Untrained weights are drawn."""
        return not self.trained


def gate_gradients(search: Search, absolute_per_batch: bool = False) -> Tensor:
    """[6, 5] float64 on the CPU: the gradient of the mean loss over the selection images by each gate.

    With `absolute_per_batch` the mean over mini-batches of its absolute value.
    """
    weights = search.weights().requires_grad_()
    total = torch.zeros(weights.shape, dtype=torch.float64, device=weights.device)
    images = sum(len(y) for _, y in search.batches)
    for batch in search.batches:
        (gradient,) = torch.autograd.grad(search.loss(batch, weights), [weights])
        search.meter.count(backward=1)
        change = (weights * gradient).detach().double() * (len(batch[1]) / images)
        total += change.abs() if absolute_per_batch else change
    return total.cpu()


def visit_contributions(
    search: Search, batch: tuple[Tensor, Tensor], visit: Callable[[int, int, int, Tensor], None]
) -> None:
    """Show `visit(cell, edge, operation, product)` each operation's contribution times its gradient.

    `product` [n, c, h, w] is p o(x) times the gradient of the summed loss of `batch`, image by image; its sum
    over channels and positions is image n's part in the gradient by the gate.
    """
    weights = search.weights()

    def observe(cell: int, edge: int, outputs: list[Tensor], mixed: Tensor) -> None:
        values = [output.detach() for output in outputs]

        def arrived(gradient: Tensor) -> None:
            for operation in range(len(OPERATIONS)):
                visit(cell, edge, operation, weights[edge, operation] * values[operation] * gradient)

        mixed.register_hook(arrived)

    loss = search.loss(batch, weights, observe) * len(batch[1])
    loss.backward()
    search.meter.count(backward=1)
    search.network.zero_grad(set_to_none=True)


def gradients_of_images(search: Search, batch: tuple[Tensor, Tensor]) -> Tensor:
    """[n, 6, 5] float64: image n's part in the gradient of the summed loss of `batch` by each gate."""
    by_image = empty_scores(search).expand(len(batch[1]), -1, -1).clone()

    def add(_cell: int, edge: int, operation: int, product: Tensor) -> None:
        by_image[:, edge, operation] += product.double().sum((2, 3)).sum(1)

    visit_contributions(search, batch, add)
    return by_image


def empty_scores(search: Search) -> Tensor:
    """[6, 5] zeros in float64 on the device."""
    return torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.float64, device=search.like.device)
