"""The backward pass of `supernets.network.fused_cell`, one source node at a time, from node 2 to node 0.

Let g be the gradient of a target node, y a convolution's output with batch statistics m and s over P
pixels, and a the edge weight. The gradient of y is then (a / s) (g - mean(g) - yhat mean(g yhat)).
Every sum of products that this needs is the diagonal of a matrix product.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, OPERATIONS, SKIP
from nas_selection_bench.supernets.network.fused_forward import (
    TARGET,
    CellPlan,
    FusedInput,
    correct_border,
    picture,
    pooled_sum,
    rows,
    scattered,
    selected,
)
from nas_selection_bench.supernets.network.skeleton import EPSILON, LEAVING


class Backward:
    """Computes the gradients of a cell's inputs: x, edge weights, plan (None), three 3x3 and three 1x1 kernels."""

    def __init__(
        self, plan: CellPlan, amount: list[list[float]], shape: torch.Size, needed: Sequence[bool],
        kernels: Sequence[Tensor], sources: list[FusedInput],
    ) -> None:  # fmt: skip
        self.plan, self.amount, self.kernels, self.sources = plan, amount, kernels, sources
        self.need_x, self.need_weights, self.need_kernel = needed[0], needed[1], needed[3:]
        self.shape = shape
        self.count = len(sources[0].x)
        self.batch = plan.mode != "running"
        self.gradient: dict[int, Tensor] = {}
        """[pixels, C] gradients of the nodes computed so far."""
        self.total: dict[int, Tensor] = {}
        """[C] the same gradients, summed over pixels."""
        zero = sources[0].x.new_zeros(())
        self.weights = [[zero] * len(OPERATIONS) for _ in TARGET]
        self.kernel_gradients: list[Tensor | None] = [None] * 6

    def run(self, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of all inputs, from the gradient of node 3 [n, c, h, w]."""
        self.gradient[3] = rows(gradient)
        for node in (2, 1, 0):
            self.total[node + 1] = self.gradient[node + 1].sum(0)
            wanted = node > 0 or self.need_x
            inward = self._through_3x3(node, wanted)
            inward = self._through_1x1(node, wanted, inward)
            if self.need_weights:
                self._plain_weights(node)
            if wanted:
                self.gradient[node] = self._into(node, inward)
        weights = torch.stack([torch.stack(edge) for edge in self.weights]) if self.need_weights else None
        x = picture(self.gradient[0], self.shape) if self.need_x else None
        return x, weights, None, *self.kernel_gradients

    def _through_3x3(self, node: int, wanted: bool) -> Tensor | None:
        """Set the gradients of the weights and the kernel; return the gradient of relu(x) if `wanted`, else None."""
        source, normal = self.sources[node], self.sources[node].normal_3x3
        if normal is None or source.y is None:
            return None
        edges = self.plan.edges(node, CONV_3X3)
        onto_y = picture(torch.cat([self.gradient[TARGET[e]] for e in edges], 1), self.shape)
        edge_weights, variance = normal.scale * normal.deviation, normal.deviation**2 - EPSILON
        dy, onto_scale, _ = torch.ops.aten.native_batch_norm_backward(
            onto_y, picture(source.y, self.shape), edge_weights, normal.mean, variance,
            normal.mean, 1 / normal.deviation, self.batch, EPSILON, [True, True, False],
        )  # fmt: skip
        for e, part in zip(edges, onto_scale.chunk(len(edges)), strict=True):
            self.weights[e][CONV_3X3] = part.sum()
        if not wanted and not self.need_kernel[node]:
            return None
        inward, onto, _ = torch.ops.aten.convolution_backward(
            dy, picture(source.r, self.shape), selected(self.kernels[node], edges, node), None,
            [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [wanted, self.need_kernel[node], False],
        )  # fmt: skip
        if self.need_kernel[node]:
            self.kernel_gradients[node] = scattered(onto, edges, node)
        return rows(inward) if wanted else None

    def _through_1x1(self, node: int, wanted: bool, inward: Tensor | None) -> Tensor | None:
        """As `_through_3x3`, for the 1x1 convolutions; adds the gradient of relu(x) to `inward`."""
        source, normal = self.sources[node], self.sources[node].normal_1x1
        if normal is None or source.matrix_1x1 is None:
            return inward
        edges = self.plan.edges(node, CONV_1X1)
        kernel = selected(self.kernels[3 + node], edges, node).flatten(1)
        outer = torch.cat([torch.mm(self.gradient[TARGET[e]].t(), source.r) for e in edges])
        total = torch.cat([self.total[TARGET[e]] for e in edges])
        q = ((kernel * outer).sum(1) - normal.mean * total) / normal.deviation
        for e, part in zip(edges, q.chunk(len(edges)), strict=True):
            self.weights[e][CONV_1X1] = part.sum()
        if self.need_kernel[3 + node]:
            if self.batch:
                assert source.mu is not None and source.covariance is not None
                outer -= torch.outer(total, source.mu) + (q / normal.deviation)[:, None] * (kernel @ source.covariance)
            onto = scattered(normal.scale[:, None] * outer, edges, node)
            self.kernel_gradients[3 + node] = onto.view_as(self.kernels[3 + node])
        if not wanted:
            return None
        for e, matrix in zip(edges, source.matrix_1x1.chunk(len(edges)), strict=True):
            g = self.gradient[TARGET[e]]
            inward = torch.mm(g, matrix) if inward is None else inward.addmm_(g, matrix)
        assert inward is not None
        if self.batch:
            slope = -normal.scale * q / (normal.deviation * self.count)
            inward.addmm_(source.r, kernel.t() @ (slope[:, None] * kernel))
            inward.add_((-normal.scale * total / self.count - slope * normal.mean) @ kernel)
        return inward

    def _plain_weights(self, node: int) -> None:
        """Set the gradients of the weights of skip and pool."""
        source = self.sources[node]
        for e in LEAVING[node]:
            g = self.gradient[TARGET[e]].reshape(-1)
            if self.plan.active[e][SKIP]:
                self.weights[e][SKIP] = torch.dot(g, source.x.reshape(-1))
            if source.pool is not None and self.plan.active[e][AVG_POOL]:
                self.weights[e][AVG_POOL] = torch.dot(g, source.pool.reshape(-1))

    def _into(self, node: int, inward: Tensor | None) -> Tensor:
        """The gradient of the node itself, through its ReLU, skips and pools."""
        source, plan = self.sources[node], self.plan
        if inward is None:
            into = torch.zeros_like(source.x)
        else:
            into = torch.ops.aten.threshold_backward.grad_input(inward, source.r, 0, grad_input=inward)
        for e in LEAVING[node]:
            identity = plan.skip + (self.amount[e][SKIP] if plan.active[e][SKIP] else 0.0)
            if identity:
                into.add_(self.gradient[TARGET[e]], alpha=identity)
        pooling = plan.edges(node, AVG_POOL)
        if pooling:
            spread = self.gradient[TARGET[pooling[0]]] * self.amount[pooling[0]][AVG_POOL]
            for e in pooling[1:]:
                spread.add_(self.gradient[TARGET[e]], alpha=self.amount[e][AVG_POOL])
            # Forward, the border correction follows the sum; in the transpose, the sum follows the border correction.
            into += rows(pooled_sum(correct_border(picture(spread, self.shape))))
        return into
