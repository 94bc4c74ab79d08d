"""Forward pass of `supernets.network.fused_cell`: tensors shared by the edges that leave a node, and sums at a node."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, SKIP
from nas_selection_bench.supernets.network.skeleton import ARRIVING, EPSILON, LEAVING, MOMENTUM

TARGET = tuple(target for target, _ in EDGES)


@dataclass(frozen=True)
class Running:
    """Running mean and variance of one fused convolution's outputs: [edges x C] each."""

    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class CellPlan:
    """The inputs of a cell besides the tensors that may need gradients."""

    mode: str
    """`train`, `batch` or `running`."""
    running: dict[int, tuple[Running, ...]]
    """The running statistics of each operation, for nodes 0 to 2."""
    skip: float
    active: Sequence[Sequence[bool]]
    """[6][5]: which operations run."""

    def edges(self, node: int, operation: int) -> list[int]:
        """The edges that leave `node` and run `operation`."""
        return [e for e in LEAVING[node] if self.active[e][operation]]


@dataclass
class Normal:
    """The batch norms of the convolutions that leave a node; vectors [edges x C] of the active edges."""

    mean: Tensor
    deviation: Tensor
    """sqrt(variance + epsilon)"""
    scale: Tensor
    """edge weight / deviation"""


@dataclass
class FusedInput:
    """A node and the tensors that its leaving edges share; matrices are [pixels, channels]."""

    x: Tensor
    r: Tensor
    """relu(x)"""
    pool: Tensor | None = None
    y: Tensor | None = None
    """Outputs of the active 3x3 convolutions, side by side."""
    mean_3x3: Tensor | None = None
    deviation_3x3: Tensor | None = None
    scale_3x3: Tensor | None = None
    matrix_1x1: Tensor | None = None
    """[edges x C, C]: 1x1 kernels times their scale."""
    mean_1x1: Tensor | None = None
    deviation_1x1: Tensor | None = None
    scale_1x1: Tensor | None = None
    mu: Tensor | None = None
    """Mean of r over the batch, [C]."""
    covariance: Tensor | None = None
    """Covariance of r over the batch, [C, C]."""

    def tensors(self) -> list[Tensor | None]:
        """All fields, to be saved for the backward pass."""
        return [getattr(self, f.name) for f in fields(self)]

    @property
    def normal_3x3(self) -> Normal | None:
        """Batch norms of the 3x3 convolutions; None if none runs."""
        return _normal(self.mean_3x3, self.deviation_3x3, self.scale_3x3)

    @property
    def normal_1x1(self) -> Normal | None:
        """Batch norms of the 1x1 convolutions; None if none runs."""
        return _normal(self.mean_1x1, self.deviation_1x1, self.scale_1x1)


FIELDS = len(fields(FusedInput))


def _normal(mean: Tensor | None, deviation: Tensor | None, scale: Tensor | None) -> Normal | None:
    if mean is None or deviation is None or scale is None:
        return None
    return Normal(mean, deviation, scale)


def rows(x: Tensor) -> Tensor:
    """[n, c, h, w] as [n h w, c]: a view if x is in channels_last memory, otherwise a copy."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def picture(matrix: Tensor, shape: Sequence[int]) -> Tensor:
    """A view of [n h w, c'] as [n, c', h, w], for the n, h, w of `shape` (n, _, h, w)."""
    n, _, h, w = shape
    return matrix.view(n, h, w, -1).permute(0, 3, 1, 2)


def pooled_sum(x: Tensor) -> Tensor:
    """One ninth of the sum over each 3x3 neighbourhood, with zeros outside the image."""
    c = x.shape[1]
    return F.conv2d(x, x.new_full((c, 1, 3, 3), 1 / 9), padding=1, groups=c)


def correct_border(x: Tensor) -> Tensor:
    """Multiply borders by 3/2, hence corners by 9/4, in place: turns `pooled_sum` into means without the padding."""
    if min(x.shape[2:]) < 2:
        raise ValueError(f"feature maps of {tuple(x.shape[2:])} are too small for the network; use larger images")
    for border in (x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]):
        border.mul_(1.5)
    return x


def selected(tensor: Tensor, edges: list[int], node: int) -> Tensor:
    """The rows of a fused tensor [edges x C, ...] that belong to `edges`; the tensor itself if these are all edges."""
    if len(edges) == len(LEAVING[node]):
        return tensor
    parts = tensor.chunk(len(LEAVING[node]))
    return torch.cat([parts[LEAVING[node].index(e)] for e in edges])


def scattered(part: Tensor, edges: list[int], node: int) -> Tensor:
    """The inverse of `selected`, with zeros for the edges that are not in `edges`."""
    if len(edges) == len(LEAVING[node]):
        return part
    given = dict(zip(edges, part.chunk(len(edges)), strict=True))
    blank = torch.zeros_like(part.chunk(len(edges))[0])
    return torch.cat([given.get(e, blank) for e in LEAVING[node]])


def statistics(
    mean: Tensor, variance: Tensor, count: int, running: Running, edges: list[int], node: int, mode: str
) -> None:
    """In mode `train`, move the running statistics of `edges` towards the batch's mean and unbiased variance.

    `variance` is the biased one.
    """
    if mode != "train":
        return
    unbiased = variance * (count / (count - 1))
    for place, e in enumerate(edges):
        index = LEAVING[node].index(e)
        for kept, new in ((running.mean, mean), (running.variance, unbiased)):
            kept.chunk(len(LEAVING[node]))[index].lerp_(new.chunk(len(edges))[place], MOMENTUM)


def leave(
    x: Tensor, shape: Sequence[int], node: int, weights: Tensor, plan: CellPlan, k3: Tensor, k1: Tensor
) -> FusedInput:  # fmt: skip
    """The tensors that all edges leaving node `x` [pixels, C] share; `shape` is (n, C, h, w)."""
    r = x.clamp_min(0)
    source = FusedInput(x, r)
    count, c = x.shape
    if plan.edges(node, AVG_POOL):
        source.pool = rows(correct_border(pooled_sum(picture(x, shape))))
    edges = plan.edges(node, CONV_3X3)
    if edges:
        running = plan.running[CONV_3X3][node]
        y = F.conv2d(picture(r, shape), selected(k3, edges, node), padding=1)
        source.y = rows(y)
        if plan.mode == "running":
            mean, variance = selected(running.mean, edges, node), selected(running.variance, edges, node)
        else:
            mean, variance = torch.batch_norm_update_stats(y, None, None, MOMENTUM)
            statistics(mean, variance, count, running, edges, node, plan.mode)
        source.mean_3x3, source.deviation_3x3 = mean, (variance + EPSILON).sqrt()
        source.scale_3x3 = weights[edges, CONV_3X3].repeat_interleave(c) / source.deviation_3x3
    edges = plan.edges(node, CONV_1X1)
    if edges:
        running = plan.running[CONV_1X1][node]
        kernel = selected(k1, edges, node).flatten(1)
        if plan.mode == "running":
            mean, variance = selected(running.mean, edges, node), selected(running.variance, edges, node)
        else:
            # Sum over each image first, then over images in float64: otherwise the second moment minus the squared
            # mean would lose digits.
            per_image = r.view(shape[0], -1, c)
            mu = per_image.sum(1).sum(0, dtype=torch.float64) / count
            second = torch.bmm(per_image.transpose(1, 2), per_image).sum(0, dtype=torch.float64) / count
            covariance = second - torch.outer(mu, mu)
            wide = kernel.double()
            mean = (wide @ mu).to(x.dtype)
            variance = ((wide @ covariance) * wide).sum(1).clamp_min(0).to(x.dtype)
            source.mu, source.covariance = mu.to(x.dtype), covariance.to(x.dtype)
            statistics(mean, variance, count, running, edges, node, plan.mode)
        source.mean_1x1, source.deviation_1x1 = mean, (variance + EPSILON).sqrt()
        source.scale_1x1 = weights[edges, CONV_1X1].repeat_interleave(c) / source.deviation_1x1
        source.matrix_1x1 = source.scale_1x1[:, None] * kernel
    return source


def gather(target: int, sources: list[FusedInput], amount: list[list[float]], plan: CellPlan) -> Tensor:
    """Node `target` [pixels, C]: the sum of everything that arrives there."""
    like = sources[0].x
    c = like.shape[1]
    shift = like.new_zeros(c)
    products: list[tuple[Tensor, Tensor]] = []
    scaled: list[tuple[Tensor, Tensor]] = []
    added: list[tuple[Tensor, float]] = []
    for edge in ARRIVING[target]:
        node = EDGES[edge][1]
        source = sources[node]
        if plan.active[edge][CONV_3X3]:
            at = _columns(plan, node, CONV_3X3, edge, c)
            normal = source.normal_3x3
            assert normal is not None and source.y is not None
            scaled.append((source.y[:, at], normal.scale[at]))
            shift -= normal.scale[at] * normal.mean[at]
        if plan.active[edge][CONV_1X1]:
            at = _columns(plan, node, CONV_1X1, edge, c)
            normal = source.normal_1x1
            assert normal is not None and source.matrix_1x1 is not None
            products.append((source.r, source.matrix_1x1[at].t()))
            shift -= normal.scale[at] * normal.mean[at]
        identity = plan.skip + (amount[edge][SKIP] if plan.active[edge][SKIP] else 0.0)
        if identity:
            added.append((source.x, identity))
        if plan.active[edge][AVG_POOL]:
            assert source.pool is not None
            added.append((source.pool, amount[edge][AVG_POOL]))
    if products:
        node_out = torch.addmm(shift, *products[0])
    elif scaled:
        node_out = torch.addcmul(shift, *scaled.pop(0))
    else:
        node_out = torch.zeros_like(like)
    for matrix, onto in products[1:]:
        node_out.addmm_(matrix, onto)
    for values, scale in scaled:
        node_out.addcmul_(values, scale)
    for values, factor in added:
        node_out.add_(values, alpha=factor)
    return node_out


def _columns(plan: CellPlan, node: int, operation: int, edge: int, c: int) -> slice:
    """Slice of the channels of `edge` among those of the active edges that leave `node`."""
    start = plan.edges(node, operation).index(edge) * c
    return slice(start, start + c)
