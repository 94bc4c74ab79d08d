"""Synaptic flow on gates compared with the paper's conservation law and with differences of the flow."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.proxies import ProxyFailure
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from tests.selectors import small

NAMES = ("op-synflow", "op-synflow-post")


def select(name: str, bn: str = "batch") -> tuple[np.ndarray, Search]:
    search = small.search(name, bn=bn)
    return registry.find(name).select(search).scores, search


def positive_without_batch_norm(search: Search) -> LiteralSupernet:
    """The literal network with |w| and without batch norms."""
    net = LiteralSupernet.like(search.network).double()
    for module in list(net.modules()):
        for child, part in list(module.named_children()):
            if isinstance(part, nn.BatchNorm2d):
                setattr(module, child, nn.Identity())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    return net


def mixture(name: str) -> Tensor:
    """The mixture scored before any decision: the trained one, or the uniform one."""
    return small.alphas().softmax(-1) if name.endswith("post") else torch.full((6, 5), 0.2, dtype=torch.float64)


@torch.no_grad()
def flow(net: LiteralSupernet, weights: Tensor) -> float:
    return float(net(torch.ones(1, 3, 8, 8, dtype=torch.float64), weights).sum())


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_the_slope_of_the_logarithm_of_the_flow(name: str) -> None:
    scores, search = select(name)
    net = positive_without_batch_norm(search)
    for edge in range(6):
        for operation in range(5):
            flows = []
            for gate in (1 + 1e-6, 1 - 1e-6):
                weights = mixture(name).clone()
                weights[edge, operation] *= gate
                flows.append(flow(net, weights))
            slope = (np.log(flows[0]) - np.log(flows[1])) / 2e-6
            np.testing.assert_allclose(scores[edge, operation], slope, rtol=1e-5, atol=1e-8)
    assert (scores[:, NONE] == 0).all()
    assert (scores[:, NONE + 1 :] > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_flow_is_conserved(name: str) -> None:
    """Every path crosses each cut of a cell once, so the scores on a cut sum to all but the biases' share per cell."""
    scores, search = select(name)
    net = positive_without_batch_norm(search)
    share = 1 - float(net.classifier.bias.detach().sum()) / flow(net, mixture(name))
    assert share < 1
    for cut in ([0, 1, 3], [3, 4, 5], [1, 2, 3, 4]):
        np.testing.assert_allclose(scores[cut].sum(), 3 * share, rtol=1e-9)


def test_neither_the_images_nor_the_batch_norm_of_the_cell_matter() -> None:
    np.testing.assert_array_equal(select("op-synflow")[0], select("op-synflow", "running")[0])
    assert registry.find("op-synflow").needs.names() == ()
    assert registry.find("op-synflow-post").needs.names() == ("trained", "alphas")


def test_a_flow_that_is_not_finite_is_a_failure_with_the_reason() -> None:
    search = small.search("op-synflow-post")
    with torch.no_grad():
        search.network.classifier.weight.fill_(1e308)
    with pytest.raises(ProxyFailure, match="the synaptic flow is inf"):
        registry.find("op-synflow-post").select(search)
