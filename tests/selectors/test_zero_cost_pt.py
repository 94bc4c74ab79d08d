"""Zero-Cost-PT against its algorithm written out with the proxies and the literal network."""

import dataclasses

import numpy as np
import pytest
import torch

from bench.selection import Selection
from bench.space import NONE
from selectors import proxies, registry
from selectors.parts.schedule import decide_greedily
from selectors.parts.search import Search, UndeclaredNeed
from supernets.literal import LiteralSupernet
from tests.selectors import small


def select(name: str, **settings: int) -> tuple[Selection, Search]:
    search = small.search(name)
    search.settings = dataclasses.replace(search.settings, **settings)
    return registry.find(name).select(search), search


@pytest.mark.parametrize("name", ["zero-cost-pt-snip-post", "zero-cost-pt-synflow-post"])
def test_scores_of_the_trained_supernet_are_the_proxy_of_the_masked_mixture(name: str) -> None:
    selection, search = select(name)
    proxy = name.split("-")[3]
    literal = LiteralSupernet.like(search.network)
    x, y = search.proxy_batches(1)[0]
    for e, o in [(0, 1), (2, 3), (5, 2), (3, 4)]:
        weights = small.alphas().softmax(-1)
        weights[e, o] = 0
        expected = -proxies.score(proxy, literal.mixture(weights), x, y)
        assert selection.scores[e, o] == pytest.approx(expected, rel=1e-9)
    whole = -proxies.score(proxy, literal.mixture(small.alphas().softmax(-1)), x, y)
    np.testing.assert_allclose(selection.scores[:, NONE], whole, rtol=1e-9)


def test_a_proposal_masks_edge_after_edge_on_an_untrained_uniform_supernet() -> None:
    """Stage 1 of one proposal, written out, with the decisions' own edge order."""
    selection, search = select("zero-cost-pt", proposals=1)
    assert not search.needs.trained
    assert not search.needs.alphas
    network = search.branch(search.shared_generator("proposal", index=0)).network
    assert not torch.equal(network.stem[0].weight, small.network().stem[0].weight)
    literal = LiteralSupernet.like(network)
    weights = torch.full((6, 5), 0.2, dtype=torch.float64)
    x, _ = search.proxy_batches(1)[0]
    for decision in selection.decisions:
        values = []
        for o in range(5):
            masked = weights.clone()
            masked[decision.edge, o] = 0
            values.append(proxies.score("nwot", literal.mixture(masked), x))
        assert decision.operation == int(np.argmin(values))
        weights[decision.edge] = torch.eye(5, dtype=torch.float64)[decision.operation]


def test_the_best_of_the_proposals_is_that_with_the_largest_sum_over_the_validation_batches() -> None:
    name = "zero-cost-pt-grad-norm[order=fixed]"
    selection, search = select(name, proposals=2, validation_batches=2)
    values = {}
    for i in range(2):
        proposal = search.branch(search.shared_generator("proposal", index=i))
        proposal.decided = {}
        rule = dataclasses.replace(registry.find(name).rule, place=i)  # type: ignore[attr-defined]
        decide_greedily(rule, "fixed", 0, proposal, all_scores=False)
        values[proposal.architecture()] = 0.0
    for architecture in values:
        network = search.standalone(architecture, search.shared_generator("stand-alone"))
        values[architecture] = sum(proxies.score("grad_norm", network, x, y) for x, y in search.proxy_batches(2))
    assert selection.architecture == max(values, key=values.__getitem__)


def test_the_released_behaviour_proposes_one_cell_again_and_again() -> None:
    """METHODS: weights are not drawn anew, so with a fixed order only the mini-batch differs."""
    selection, _ = select("zero-cost-pt-synflow[order=fixed,reinitialise=no]", proposals=3)
    assert selection.facts == {"proposals": 3, "distinct_proposals": 1}


def test_an_untrained_criterion_cannot_reach_trained_weights_and_the_other_way_round() -> None:
    search = small.search("zero-cost-pt-snip-post")
    with pytest.raises(UndeclaredNeed):
        search.branch(search.generator("fresh"))
    with pytest.raises(UndeclaredNeed):
        _ = small.search("zero-cost-pt").alphas
