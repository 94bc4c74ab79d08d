"""synflow on linear networks, whose flow is an explicit product."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas_selection_bench.selectors.proxies import ProxyFailure, score
from tests.selectors.proxies.networks import Chain, Tiny, batch


@settings(max_examples=25, deadline=None)
@given(widths=st.lists(st.integers(1, 6), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_in_a_linear_network_every_layer_carries_the_whole_flow(widths: list[int], seed: int) -> None:
    chain = Chain(12, *widths, seed=seed)
    images, _ = batch(2, size=2)
    flow = torch.ones(12, dtype=torch.float64)
    for weight in chain.weights():
        flow = weight.abs() @ flow
    assert score("synflow", chain, images) == pytest.approx(math.log(len(widths) * float(flow.sum())), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(1e-3, 1e3), layer=st.sampled_from(["first", "second", "classifier"]))
def test_scaling_one_layer_adds_the_logarithm_of_the_scale(factor: float, layer: str) -> None:
    network = Tiny(seed=2)
    # A bias adds flow that does not pass through the layers before it.
    network.classifier.bias.data.zero_()
    images, _ = batch(2)
    before = score("synflow", network, images)
    getattr(network, layer).weight.data.mul_(-factor)
    assert score("synflow", network, images) == pytest.approx(before + math.log(factor), abs=1e-9)


def test_batch_norm_is_bypassed_unless_asked_for() -> None:
    network, other = Tiny(), Tiny()
    other.first_bn.weight.data.mul_(5)
    other.first_bn.running_var.mul_(7)
    images, _ = batch(2)
    assert score("synflow", network, images) == score("synflow", other, images)
    assert score("synflow[bn=batch]", network, images) != score("synflow[bn=batch]", other, images)


def test_huge_flows_stay_finite_and_no_flow_is_a_failure() -> None:
    chain = Chain(12, 4, 4, 3)
    images, _ = batch(2, size=2)
    for weight in chain.weights():
        weight.mul_(1e60)
    assert score("synflow", chain, images) > 400
    chain.weights()[1].zero_()
    with pytest.raises(ProxyFailure, match="no path"):
        score("synflow", chain, images)


def test_a_network_without_layers_is_a_failure() -> None:
    with pytest.raises(ProxyFailure, match="no convolution"):
        score("synflow", nn.Sequential(nn.Flatten(), nn.ReLU()), torch.ones(2, 1, 2, 2))
