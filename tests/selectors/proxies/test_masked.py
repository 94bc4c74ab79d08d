"""Scores of a supernet with masked operations, without running more of it than the score depends on."""

import copy

import pytest
import torch

from nas_selection_bench.selectors.parts.small_supernets import ThinSupernet
from nas_selection_bench.selectors.parts.zero_cost import with_weights
from nas_selection_bench.selectors.proxies import find, names, score, scores
from nas_selection_bench.supernets.network.literal import LiteralSupernet, Mixture
from tests.selectors.proxies.networks import batch, fed_zeros_by_hand, network, some_images

EVERY = pytest.mark.parametrize("name", names())


@EVERY
def test_runs_on_the_masked_supernet(name: str) -> None:
    torch.manual_seed(0)
    # Patterns of few units on many images, so that no count reaches its maximum.
    supernet = LiteralSupernet(1 if name == "linear_regions" else 4, 1, 10).double()
    images, labels = batch(16, size=24 if name == "linear_regions" else 8, classes=10)
    weights = torch.full((6, 5), 0.2).double()
    whole = score(name, supernet.mixture(weights), images, labels)
    without_none, without_conv = weights.clone(), weights.clone()
    without_none[:, 0] = 0
    without_conv[:, 3] = 0
    # `none` outputs zeros, so masking it cannot change the function.
    assert score(name, supernet.mixture(without_none), images, labels) == pytest.approx(whole, rel=1e-9)
    if name not in ("params", "flops", "l2_norm"):
        assert score(name, supernet.mixture(without_conv), images, labels) != whole


@pytest.mark.thorough
@EVERY
def test_variants_of_one_network_score_as_networks_of_their_own(name: str) -> None:
    torch.manual_seed(0)
    mixture = LiteralSupernet(4, 1, 10).mixture(torch.rand(6, 5).softmax(-1))
    images, labels = some_images(16)
    weights = [torch.rand(6, 5).softmax(-1) for _ in range(2)]
    weights.append(weights[0])  # a variant scored in between leaves no trace
    apart = []
    for w in weights:
        own = copy.deepcopy(mixture)
        own.weights.copy_(w)
        apart.append(score(name, own, images, labels, seed=4))
    before = mixture.weights.clone()
    variants = [lambda twin, w=w: twin.get_buffer("weights").copy_(w) for w in weights]
    assert list(scores(name, mixture, variants, images, labels, seed=4)) == apart
    assert torch.equal(mixture.weights, before)


OPTIONS = [
    "nwot[reached=false]", "nwot[bn=running,reached=false]", "swap[reached=true]", "meco[reached=true]",
    "params[reached=true]", "flops[reached=true]", "l2_norm[reached=true]",
]  # fmt: skip


@pytest.mark.parametrize("name", [*names(), *(pytest.param(name, marks=pytest.mark.thorough) for name in OPTIONS)])
def test_a_mask_reaches_what_the_proxy_looks_at(name: str) -> None:
    """With masked operations and decided edges, the score is that of the network with removed operations fed zeros."""
    torch.manual_seed(0)
    name = {"meco": "meco[resolution=20]", "linear_regions": "linear_regions[crop=2,samples=500]"}.get(name, name)
    # A network so thin that some crops fall into the same region.
    supernet = (ThinSupernet() if "regions" in name else LiteralSupernet(4, 1, 10)).double()
    images, labels = batch(12, size=8, classes=4, channels=1 if "regions" in name else 3)
    weights = torch.zeros(6, 5).double()
    for edge, operations in enumerate([(1, 2, 3, 4), (0, 1, 2, 4), (3,), (1,), (0, 1, 2, 3, 4), (2,)]):
        weights[edge, list(operations)] = 1 / len(operations)
    mixture = Mixture(supernet, weights)
    twin = copy.deepcopy(mixture)
    proxy = find(name)
    with_weights(twin, weights, sees=proxy.sees_of_unused)
    found = score(name, twin, images, labels, seed=4)
    assert found == pytest.approx(score(name, fed_zeros_by_hand(mixture, weights), images, labels, seed=4), rel=1e-9)
    # The whole supernet has a different score, except for counts that no mask changes.
    if name not in ("params", "flops", "l2_norm"):
        whole = torch.full((6, 5), 0.2).double()
        assert found != pytest.approx(score(name, fed_zeros_by_hand(mixture, whole), images, labels, seed=4), rel=1e-9)
    if proxy.watches == "relus" and proxy.sees_of_unused == "relus":
        with_weights(twin, weights, sees="nothing")
        expected = score(name, fed_zeros_by_hand(mixture, weights, absent=True), images, labels, seed=4)
        assert score(name, twin, images, labels, seed=4) == pytest.approx(expected, rel=1e-9)


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
    # A convolution whose output is unused: edge 1<-0 when nothing leaves node 1.
    dead, without = network((3, 1, 0, 1, 0, 1)), network((0, 1, 0, 1, 0, 1))
    assert score(name, dead, images) > score(name, without, images)
    if name != "l2_norm":
        assert score(f"{name}[reached=true]", dead, images) == score(f"{name}[reached=true]", without, images)
