"""Tools for recipes that draw architectures: Gumbel noise, uniform draws, one-hot choices."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.space import EDGES, NONE, OPERATIONS
from nas_selection_bench.supernets.network.accelerator import on_gpu
from nas_selection_bench.supernets.network.skeleton import ARRIVING
from nas_selection_bench.supernets.network.supernet import Active

ALPHA_PASS, WEIGHT_PASS = 0, 1
"""Indices of a step's two passes in its noise: first that of the alphas, then that of the weights."""


def pass_of(alphas: Tensor) -> int:
    """Index of the pass that gets these `alphas`; the pass of the weights gets them detached."""
    return ALPHA_PASS if alphas.requires_grad else WEIGHT_PASS


def gumbel(generator: torch.Generator, steps: int) -> Tensor:
    """Standard Gumbel noise [steps, 2, 6, 5], on the CPU: one draw for each pass of each step."""
    exponential = torch.empty(steps, 2, len(EDGES), len(OPERATIONS)).exponential_(generator=generator)
    return -exponential.clamp_min(torch.finfo(torch.float32).tiny).log()


def relaxed(logits: Tensor, noise: Tensor, temperature: float | Tensor) -> Tensor:
    """The Gumbel softmax over the last axis: softmax((log p + g) / tau) with p = softmax(logits)."""
    return ((logits.log_softmax(-1) + noise) / temperature).softmax(-1)


def uniform_choices(generator: torch.Generator, *shape: int) -> Tensor:
    """Operations drawn uniformly for each edge, [*shape, 6] int64, on the CPU.

    A node whose incoming edges are all `none` is drawn again (as by RSPS in NATS-Bench's code, not NAS-Bench-201's).
    """
    chosen = torch.randint(len(OPERATIONS), (*shape, len(EDGES)), generator=generator).flatten(0, -2)
    for edges in map(list, ARRIVING.values()):
        while (cut := (chosen[:, edges] == NONE).all(-1).nonzero()[:, :1]).numel():
            chosen[cut, edges] = torch.randint(len(OPERATIONS), (len(cut), len(edges)), generator=generator)
    return chosen.view(*shape, len(EDGES))


def one_hot(chosen: Tensor, like: Tensor) -> Tensor:
    """Edge weights [..., 6, 5] of the operations `chosen` [..., 6], in the type and on the device of `like`."""
    return F.one_hot(chosen.long(), len(OPERATIONS)).to(like)


def drawn(weights: Tensor) -> Active:
    """A mask of the operations that run: those whose weight [6, 5] is not zero.

    It is a tensor on a GPU, where reading it would stall the device at every step, and lists on a CPU.
    """
    if on_gpu(weights.device):
        return weights.detach() != 0
    return [[weight != 0 for weight in edge] for edge in weights.tolist()]
