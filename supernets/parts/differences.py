"""Derivatives of gradients by central differences, for recipes that need second derivatives.

The fast cells can be differentiated only once; a difference of two gradients costs two plain passes
instead of a second differentiation (Liu et al., DARTS, ICLR 2019, equation 8).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def moved(points: Sequence[Tensor], directions: Sequence[Tensor], by: float | Tensor) -> Iterator[None]:
    """A context in which `points` are moved by `by` times `directions`; afterwards they are restored bit for bit."""
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
    """The derivative of `gradient()` as `points` move along `directions`: second derivatives times `directions`.

    Takes two evaluations, with all points together moved by `size` (Euclidean) forwards and backwards.
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
