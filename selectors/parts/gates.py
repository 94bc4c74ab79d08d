"""Gradients of the loss by the gates of the operations, summed or per image.

A gate is a factor, equal to 1, on an operation's contribution to its edge in all cells. With p the operation's edge
weight, d loss / d gate = p d loss / d p.
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
    """A rule that scores operation gates on an untrained supernet, or on the trained one (`-post`)."""

    trained: bool = False

    @property
    def needs(self) -> Needs:
        """Labelled images; for `-post` also the trained weights and the alphas."""
        return Needs(trained=self.trained, alphas=self.trained, images=True, labels=True)

    @property
    def stochastic(self) -> bool:
        """Whether fresh weights are drawn."""
        return not self.trained


def gate_gradients(search: Search, absolute_per_batch: bool = False) -> Tensor:
    """[6, 5] float64 on the CPU: the gradient of the mean loss over the selection images by each gate.

    With `absolute_per_batch`, the mean over mini-batches, weighted by size, of the gradient's absolute value.
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
    """Call `visit(cell, edge, operation, product)` with each operation's contribution times its gradient.

    `product` [n, c, h, w] is p o(x) times the gradient of the summed loss of `batch` by the mixed output; the sum of
    product[i] over channels and positions is image i's part of the gradient by the gate in that cell.
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
    """[n, 6, 5] float64: each image's part of the gradient of the summed loss of `batch` by each gate."""
    by_image = empty_scores(search).expand(len(batch[1]), -1, -1).clone()

    def add(_cell: int, edge: int, operation: int, product: Tensor) -> None:
        by_image[:, edge, operation] += product.double().sum((2, 3)).sum(1)

    visit_contributions(search, batch, add)
    return by_image


def empty_scores(search: Search) -> Tensor:
    """[6, 5] zeros in float64 on the device."""
    return torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.float64, device=search.like.device)
