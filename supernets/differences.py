"""Derivatives of gradients by central differences, for the recipes that need second order.

The fast cells can be differentiated once; a difference of two gradients costs two plain passes
instead of a second differentiation (Liu et al., DARTS, ICLR 2019, equation 8).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from supernets.contract import GRADIENT_CLIP, Search


@contextmanager
def moved(points: Sequence[Tensor], directions: Sequence[Tensor], by: float | Tensor) -> Iterator[None]:
    """`points` are `by` times `directions` away inside; afterwards they are what they were, to the last bit."""
    before = [point.detach().clone() for point in points]
    with torch.no_grad():
        for point, direction in zip(points, directions, strict=True):
            point.add_(direction * by)
    try:
        yield
    finally:
        with torch.no_grad():
            for point, value in zip(points, before, strict=True):
                point.copy_(value)


def slope_along(
    gradient: Callable[[], Sequence[Tensor]], points: Sequence[Tensor], directions: Sequence[Tensor], size: float
) -> list[Tensor]:
    """How `gradient()` changes while `points` move along `directions`: a matrix of second derivatives times them.

    Two evaluations, `size` (Euclidean, over all points) before and behind.
    """
    step = size / norm(directions).clamp_min(torch.finfo(directions[0].dtype).tiny)
    with moved(points, directions, step):
        ahead = gradient()
    with moved(points, directions, -step):
        behind = gradient()
    return [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all `tensors` together."""
    return torch.stack([tensor.norm() for tensor in tensors]).norm()


def follow_alphas(search: Search, gradient: Tensor) -> None:
    """One step of the alphas' optimiser down `gradient`."""
    search.alphas.grad = gradient
    search.alpha_optimiser.step()


def follow_weights(search: Search, gradients: Sequence[Tensor]) -> None:
    """One clipped step of the weights' optimiser down `gradients`, one for each parameter of the network."""
    parameters = list(search.network.parameters())
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    nn.utils.clip_grad_norm_(parameters, GRADIENT_CLIP)
    search.weight_optimiser.step()
