"""The 3x3 average pool with stride 1 that does not count its padding: the same bits as torch's, in less time on a CPU.

torch's CPU kernel walks from window to window, one number at a time. Here the nine numbers of all windows are added in
the same order as whole rows of memory, a few planes at a time so that they stay in a core's cache.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CACHED_NUMBERS = 30_000
"""Numbers worked on at a time: below what torch splits among threads, whose meeting would cost more than they save."""
SMALLEST_PLANE = 64
"""Numbers in a plane (h * w) below which the padding costs more than it saves."""
SMALLEST_MAP = 2**14
"""Numbers in all planes below which a dozen calls cost more than they save."""


class AveragePool(nn.AvgPool2d):
    """nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), by `average_pool`."""

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
            # Channels last, torch's kernel takes all channels at once.
            return torch_pool(x.contiguous(memory_format=torch.channels_last)).contiguous()
    return torch_pool(x)


def torch_pool(x: Tensor) -> Tensor:
    """The pool in torch's own operation."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Windows(torch.autograd.Function):
    """The pool, which sums each window and divides by the numbers in it; or its adjoint, which divides first."""

    @staticmethod
    def forward(x: Tensor, adjoint: bool) -> Tensor:
        """[n, c, h, w] -> [n, c, h, w]."""
        return pass_windows(x, divide_first=adjoint)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, bool], output: Tensor) -> None:
        """Linear: only which of the two it is."""
        ctx.adjoint = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """By the other of the two."""
        return Windows.apply(gradient, not ctx.adjoint), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, None], x: Tensor, adjoint: bool) -> tuple[Tensor, int]:
        """A further axis of images is more images."""
        together = x.movedim(in_dims[0], 0)
        result: Tensor = Windows.apply(together.flatten(0, 1), adjoint)
        return result.unflatten(0, together.shape[:2]), 0


def pass_windows(x: Tensor, *, divide_first: bool) -> Tensor:
    """[n, c, h, w]: the sum of every 3x3 window, with each number divided by its own window's size before it is added,
    or each sum after it.

    Padded planes lie behind one another, so that "the neighbour above to the left" is the same memory, shifted.
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
        torch.add(first, 0.0, out=sums)  # torch begins with 0, which makes -0 a 0
        for shifted in others:
            sums.add_(shifted)
        if divide_first:
            result[some].copy_(window[:count])
        else:
            torch.div(window[:count], size, out=result[some])
    return result.view(n, c, h, w)


def window_sizes(h: int, w: int, dtype: torch.dtype) -> Tensor:
    """[h, w]: how many places of the 3x3 window around each place are inside; 2 or more rows and columns."""
    rows, columns = (torch.full((k,), 3, dtype=dtype) for k in (h, w))
    for ends in (rows, columns):
        ends[[0, -1]] -= 1
    return rows[:, None] * columns
