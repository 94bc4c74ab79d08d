"""The 3x3 average pool with stride 1 that does not count its padding: bit for bit torch's, but faster on a CPU.

torch's CPU kernel goes from window to window, one number at a time. Here the nine numbers of all windows are added in
the same order, but as whole rows of memory, a few planes at a time so that they stay in a core's cache.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CACHED_NUMBERS = 30_000
"""Numbers processed at a time: few enough that torch does not split them among threads, which would be slower."""
SMALLEST_PLANE = 64
"""Size of a plane (h * w) below which the padding costs more than this method saves."""
SMALLEST_MAP = 2**14
"""Size of the whole map below which its dozen calls cost more than they save."""


class AveragePool(nn.AvgPool2d):
    """nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), computed by `average_pool`."""

    def __init__(self) -> None:
        super().__init__(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] -> [n, c, h, w]."""
        return average_pool(x)


def average_pool(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c, h, w]; differentiable any number of times."""
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and x.is_contiguous():
        h, w = x.shape[2:]
        if min(h, w) > 1 and h * w >= SMALLEST_PLANE and x.numel() >= SMALLEST_MAP:
            pooled: Tensor = Windows.apply(x, False)
            return pooled
        if not (torch.is_grad_enabled() and x.requires_grad):
            # In channels_last, torch's kernel processes all channels at once.
            return torch_pool(x.contiguous(memory_format=torch.channels_last)).contiguous()
    return torch_pool(x)


def torch_pool(x: Tensor) -> Tensor:
    """The same pool by torch's own operation."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Windows(torch.autograd.Function):
    """The pool, which sums each window and divides by its size; or its adjoint, which divides first."""

    @staticmethod
    def forward(x: Tensor, adjoint: bool) -> Tensor:
        """[n, c, h, w] -> [n, c, h, w]."""
        return pass_windows(x, divide_first=adjoint)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, bool], output: Tensor) -> None:
        """Save only which of the two it is: both are linear, so backward needs no tensors."""
        ctx.adjoint = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The gradient, by the adjoint of the map that ran forward."""
        return Windows.apply(gradient, not ctx.adjoint), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, None], x: Tensor, adjoint: bool) -> tuple[Tensor, int]:
        """Treat the batched axis as more images."""
        together = x.movedim(in_dims[0], 0)
        result: Tensor = Windows.apply(together.flatten(0, 1), adjoint)
        return result.unflatten(0, together.shape[:2]), 0


def pass_windows(x: Tensor, *, divide_first: bool) -> Tensor:
    """[n, c, h, w]: the sum over every 3x3 window, with a division by window sizes.

    With `divide_first`, each number is divided by the size of its own window before the sum; otherwise each sum is
    divided. Padded planes lie one after another in memory, so that "the neighbour above to the left" is the same
    memory, shifted.
    """
    n, c, h, w = x.shape
    planes = x.contiguous().view(n * c, h, w)
    result = torch.empty_like(planes)
    size = window_sizes(h, w, x.dtype)
    width = w + 2
    at_once = min(n * c, max(1, CACHED_NUMBERS // ((h + 2) * width)))
    length = at_once * (h + 2) * width
    memory = x.new_zeros(length + 2 * (width + 1))
    inside = memory[width + 1 : width + 1 + length].view(at_once, h + 2, width)[:, 1:-1, 1:-1]
    first, *others = (memory[s : s + length] for s in (row * width + column for row in range(3) for column in range(3)))
    sums = x.new_empty(length)
    window = sums.view(at_once, h + 2, width)[:, 1:-1, 1:-1]
    for start in range(0, n * c, at_once):
        some = slice(start, min(start + at_once, n * c))
        count = some.stop - start
        if divide_first:
            torch.div(planes[some], size, out=inside[:count])
        else:
            inside[:count].copy_(planes[some])
        torch.add(first, 0.0, out=sums)  # torch starts from 0, which turns -0 into 0
        for shifted in others:
            sums.add_(shifted)
        if divide_first:
            result[some].copy_(window[:count])
        else:
            torch.div(window[:count], size, out=result[some])
    return result.view(n, c, h, w)


def window_sizes(h: int, w: int, dtype: torch.dtype) -> Tensor:
    """[h, w]: the number of pixels of the 3x3 window around each pixel that lie inside; needs h, w >= 2."""
    rows, columns = (torch.full((k,), 3, dtype=dtype) for k in (h, w))
    for ends in (rows, columns):
        ends[[0, -1]] -= 1
    return rows[:, None] * columns
