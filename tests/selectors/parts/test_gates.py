"""Scores of operation gates compared with derivatives of the literal network."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from tests.selectors import small


def scores(name: str, bn: str = "batch") -> np.ndarray:
    return registry.find(name).select(small.search(name, bn=bn)).scores


def loss_of_gates(gates: Tensor, x: Tensor, y: Tensor, bn: str, reduction: str = "mean") -> Tensor:
    return F.cross_entropy(small.literal(bn)(x, small.alphas().softmax(-1) * gates), y, reduction=reduction)


def test_snip_on_the_trained_supernet_is_ostr() -> None:
    np.testing.assert_array_equal(scores("op-snip-post"), scores("ostr"))


def test_snip_is_the_gradient_by_the_gates_of_a_fresh_uniform_supernet() -> None:
    search = small.search("op-snip")
    found = registry.find("op-snip").select(search).scores
    gates = torch.ones(6, 5, dtype=torch.float64, requires_grad=True)
    total = torch.zeros(6, 5, dtype=torch.float64)
    net = LiteralSupernet.like(search.network)
    for x, y in small.batches():
        total += torch.autograd.grad(F.cross_entropy(net(x, gates / 5), y, reduction="sum"), [gates])[0] / 24
    np.testing.assert_allclose(found, total.abs(), atol=1e-6)
    assert not np.allclose(found, scores("op-snip-post"))


def test_fisher_is_the_mean_square_of_the_gradients_image_by_image() -> None:
    """With running statistics images are independent, so each image's gradient is that of a batch of one."""
    squares = torch.zeros(6, 5, dtype=torch.float64)
    for xs, ys in small.batches():
        for x, y in zip(xs.split(1), ys.split(1), strict=True):
            gates = torch.ones(6, 5, dtype=torch.float64, requires_grad=True)
            squares += torch.autograd.grad(loss_of_gates(gates, x, y, "running"), [gates])[0] ** 2
    np.testing.assert_allclose(scores("op-fisher", "running"), squares / 48, rtol=1e-5, atol=1e-12)


def test_ostr_per_image_is_the_mean_of_what_each_image_alone_would_say() -> None:
    """With running statistics images are independent, so each image's gradient is that of a batch of one."""
    total = torch.zeros(6, 5, dtype=torch.float64)
    for xs, ys in small.batches():
        for x, y in zip(xs.split(1), ys.split(1), strict=True):
            gates = torch.ones(6, 5, dtype=torch.float64, requires_grad=True)
            total += torch.autograd.grad(loss_of_gates(gates, x, y, "running"), [gates])[0].abs()
    found = scores("ostr[absolute=image]", "running")
    np.testing.assert_allclose(found, total / 24, rtol=1e-5, atol=1e-12)
    per_batch = scores("ostr[absolute=batch]", "running")
    assert (found >= per_batch - 1e-9).all(), "images of a mini-batch cancel"
    assert (found > per_batch + 1e-6).any()


def test_fisher_of_channels_is_the_sum_of_squares_channel_by_channel_and_image_by_image() -> None:
    """One gate per image, cell and channel; with running statistics each affects only the loss of its image."""
    net, squares = copy.deepcopy(small.literal("running")), torch.zeros(6, 5, dtype=torch.float64)
    weights, gates = small.alphas().softmax(-1), {}

    def gated(key: tuple[int, int, int], out: Tensor) -> Tensor:
        gates[key] = torch.ones(*out.shape[:2], 1, 1, dtype=torch.float64, requires_grad=True)
        return out * gates[key]

    for c, cell in enumerate(net.cells):
        for e, edge in enumerate(cell.edges):
            for o in range(1, 5):
                edge.operations[o].register_forward_hook(lambda _m, _i, out, key=(c, e, o): gated(key, out))
    for x, y in small.batches():
        F.cross_entropy(net(x, weights), y, reduction="sum").backward()
        for (_, e, o), gate in gates.items():
            assert gate.grad is not None
            squares[e, o] += gate.grad.square().sum() / 48
    np.testing.assert_allclose(scores("op-fisher[level=channel]", "running"), squares, rtol=1e-5, atol=1e-12)


def test_fisher_of_channels_adds_up_to_that_of_the_gate_only_without_cross_terms() -> None:
    by_channel = scores("op-fisher[level=channel]", "running")
    assert (by_channel[:, NONE] == 0).all()
    assert (by_channel[:, 1:] > 0).all()
    # Cauchy-Schwarz: the gradient of a gate is a sum over the 4 + 8 + 16 channels of the three cells.
    assert (scores("op-fisher", "running") <= 28 * by_channel + 1e-12).all()


@pytest.mark.parametrize("bn", ["batch", "running"])
def test_grasp_is_the_change_of_the_gradient_along_itself(bn: str) -> None:
    """c (H g), from a difference of the literal network's gradients."""

    def gradient(gates: Tensor) -> Tensor:
        gates = gates.clone().requires_grad_()
        losses = [loss_of_gates(gates, x, y, bn, "sum") / 24 for x, y in small.batches()]
        return torch.autograd.grad(torch.stack(losses).sum(), [gates])[0]

    ones = torch.ones(6, 5, dtype=torch.float64)
    step = 1e-6
    g = gradient(ones)
    expected = (gradient(ones + step * g) - gradient(ones - step * g)) / (2 * step)
    np.testing.assert_allclose(scores("op-grasp-post", bn), expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(scores("op-grasp-post[sign=proxy]", bn), -scores("op-grasp-post", bn))
