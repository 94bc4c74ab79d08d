"""One supernet cell as a single differentiable function: the fast path on a CPU.

Once the 3x3 convolutions are fused, memory traffic limits the speed on a CPU, so this function writes
as little as possible. With r = relu(x) as a matrix [pixels, channels]:

- a 1x1 convolution is r W^T, and its batch statistics follow from the mean mu and the covariance of
  r: mean = W mu, variance = diag(W cov W^T). So its normalised, weighted output is one matrix
  product added to the node, and the output of the convolution itself is never stored;
- the outputs y of the 3x3 convolutions are stored, but no normalised copy of them: scale and shift
  per channel are applied while y is added to the node;
- the average pool is a depthwise convolution whose border is corrected in place.

The backward pass is the derivative of exactly these steps, written out. It can be run more than once,
but not differentiated again; `Supernet.twice_differentiable` selects a path that can be.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nas_selection_bench.supernets.network.fused_backward import Backward
from nas_selection_bench.supernets.network.fused_forward import (
    FIELDS,
    CellPlan,
    FusedInput,
    gather,
    leave,
    picture,
    rows,
)


class FusedCell(torch.autograd.Function):
    """node 3 = cell(x, edge weights [6, 5], plan, three fused 3x3 kernels, three fused 1x1 kernels)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, plan: CellPlan, *kernels: Tensor) -> Tensor:
        """[n, c, h, w] -> node 3 [n, c, h, w], in channels_last."""
        amount = weights.tolist()
        node = rows(x)
        sources: list[FusedInput] = []
        for i in range(3):
            sources.append(leave(node, x.shape, i, weights, plan, kernels[i], kernels[3 + i]))
            node = gather(i + 1, sources, amount, plan)
        ctx.plan, ctx.amount, ctx.shape = plan, amount, x.shape
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(*kernels, *(t for source in sources for t in source.tensors()))
        return picture(node, x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, the edge weights and the six kernels."""
        kernels, saved = ctx.saved_tensors[:6], ctx.saved_tensors[6:]
        sources = [FusedInput(*saved[i : i + FIELDS]) for i in range(0, 3 * FIELDS, FIELDS)]
        return Backward(ctx.plan, ctx.amount, ctx.shape, ctx.needs_input_grad, kernels, sources).run(gradient)
