"""Scores of the supernet with some of its operations masked, without running more of it than a score sees."""

import copy
from typing import get_args

import pytest
import torch
from torch import nn

from selectors.parts.zero_cost import with_weights
from selectors.proxies import Sees, find, names, score, scores
from selectors.proxies._network import watch
from supernets.network.literal import LiteralSupernet
from tests.selectors.proxies.networks import batch, network, some_images

EVERY = pytest.mark.parametrize("name", names())


@EVERY
def test_runs_on_the_masked_supernet(name: str) -> None:
    torch.manual_seed(0)
    # Patterns of a few units and of many images, so that no count reaches its ceiling.
    supernet = LiteralSupernet(1 if name == "linear_regions" else 4, 1, 10).double()
    images, labels = batch(16, size=24 if name == "linear_regions" else 8, classes=10)
    weights = torch.full((6, 5), 0.2).double()
    whole = score(name, supernet.mixture(weights), images, labels)
    without_none, without_conv = weights.clone(), weights.clone()
    without_none[:, 0] = 0
    without_conv[:, 3] = 0
    # `none` puts out zeros: masking it cannot change the function.
    assert score(name, supernet.mixture(without_none), images, labels) == pytest.approx(whole, rel=1e-9)
    if name not in ("params", "flops", "l2_norm"):
        assert score(name, supernet.mixture(without_conv), images, labels) != whole


@EVERY
def test_variants_of_one_network_score_as_networks_of_their_own(name: str) -> None:
    torch.manual_seed(0)
    mixture = LiteralSupernet(4, 1, 10).mixture(torch.rand(6, 5).softmax(-1))
    images, labels = some_images(16)
    weights = [torch.rand(6, 5).softmax(-1) for _ in range(2)]
    weights.append(weights[0])  # what came in between leaves no trace
    apart = []
    for w in weights:
        own = copy.deepcopy(mixture)
        own.weights.copy_(w)
        apart.append(score(name, own, images, labels, seed=4))
    before = mixture.weights.clone()
    variants = [lambda twin, w=w: twin.get_buffer("weights").copy_(w) for w in weights]
    assert list(scores(name, mixture, variants, images, labels, seed=4)) == apart
    assert torch.equal(mixture.weights, before)


@pytest.mark.parametrize("name", [*names(), "nwot[reached=false]", "swap[reached=true]"])
def test_unused_operations_need_not_run_where_the_proxy_says_so(name: str) -> None:
    torch.manual_seed(0)
    mixture = LiteralSupernet(4, 1, 10).mixture(torch.rand(6, 5).softmax(-1))
    images, labels = some_images(16)
    weights = torch.zeros(6, 5)
    for edge, operations in enumerate([(2,), (0, 1, 3), (3,), (0,), (1, 2, 4), (3, 4)]):
        weights[edge, list(operations)] = 0.5
    values = []
    for sees in ("everything", "relus", "nothing"):
        twin = copy.deepcopy(mixture)
        with_weights(twin, weights, sees=sees)
        values.append(score(name, twin, images, labels, seed=4))
    everything, relus, nothing = values
    if find(name).sees_of_unused != "everything":
        assert relus == everything
    if find(name).sees_of_unused == "nothing":
        assert nothing == everything
    # Two run nothing; the counts of patterns of two are at their ceiling on so few images.
    elif name not in ("params", "l2_norm", "linear_regions", "swap"):
        assert nothing != everything


def test_relus_of_operations_that_do_not_run_are_seen_as_ever() -> None:
    torch.manual_seed(0)
    mixture = LiteralSupernet(4, 1, 10).mixture(torch.zeros(6, 5))
    images, weights = some_images(16)[0], torch.eye(5)[[1, 3, 2, 0, 4, 1]]
    patterns = {}
    for sees in get_args(Sees):
        with_weights(mixture, weights, sees=sees)
        with torch.no_grad(), watch(mixture, nn.ReLU) as seen:
            mixture(images)
        patterns[sees] = [call.positive for call in seen]
    for relus, everything in zip(patterns["relus"], patterns["everything"], strict=True):
        assert torch.equal(relus, everything)
    assert len(patterns["nothing"]) < len(patterns["relus"])


@pytest.mark.parametrize("name", ["params", "flops", "l2_norm"])
def test_counts_of_what_is_reached_see_masks_and_dead_ends(name: str) -> None:
    torch.manual_seed(0)
    supernet = LiteralSupernet(4, 1, 10)
    images, _ = some_images()
    weights = torch.full((6, 5), 0.2)
    masked = weights.clone()
    masked[5, 3] = 0
    plain = score(name, supernet.mixture(weights), images)
    assert score(name, supernet.mixture(masked), images) == plain
    lost = plain - score(f"{name}[reached=true]", supernet.mixture(masked), images)
    convolutions = [cell.edges[5].operations[3][1].weight for cell in supernet.cells]
    if name == "params":
        assert lost == sum(w.numel() for w in convolutions)
    elif name == "l2_norm":
        assert lost == pytest.approx(sum(float(w.detach().norm()) for w in convolutions), rel=1e-5)
    else:
        assert lost == sum(w.numel() * size for w, size in zip(convolutions, (64, 16, 4), strict=True))
    # A convolution whose output goes nowhere: edge 1<-0 when nothing leaves node 1.
    dead, without = network((3, 1, 0, 1, 0, 1)), network((0, 1, 0, 1, 0, 1))
    assert score(name, dead, images) > score(name, without, images)
    if name != "l2_norm":
        assert score(f"{name}[reached=true]", dead, images) == score(f"{name}[reached=true]", without, images)
