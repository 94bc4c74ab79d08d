"""Zero-Cost-PT compared with its algorithm written out with the proxies and the literal network."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.selection import Decision, Selection
from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors import proxies, zero_cost_pt
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.schedule import decide_greedily
from nas_selection_bench.selectors.parts.view import Search, UndeclaredNeed
from nas_selection_bench.selectors.parts.zero_cost import without_failures
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from tests.selectors import small
from tests.selectors.proxies.networks import fed_zeros_by_hand


def nwot_as_released(network: nn.Module, images: torch.Tensor, bn: str = "batch") -> float:
    """log |K| over every ReLU that runs, counted once, whether or not the logits depend on it."""
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)

    def count(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        code = (inputs[0].flatten(1) > 0).double()
        kernel.add_(code @ code.T + (1 - code) @ (1 - code).T)

    handles = [m.register_forward_pre_hook(count) for m in network.modules() if isinstance(m, nn.ReLU)]
    network.train(bn == "batch")
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return float(torch.linalg.slogdet(kernel)[1])


def select(name: str, bn: str = "batch", **budget: int) -> tuple[Selection, Search]:
    search = small.search(name, bn=bn)
    search.budget = dataclasses.replace(search.budget, **budget)
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


def test_batch_norm_of_a_proxy_is_as_the_cell_says() -> None:
    """The network's stored statistics differ from those of the mini-batch, so the two modes can be told apart."""
    mixture, (x, _) = small.literal("running").mixture(small.alphas().softmax(-1)), batch_of_proxies(0)
    expected = {bn: nwot_as_released(copy.deepcopy(mixture), x, bn) for bn in ("batch", "running")}
    assert abs(expected["batch"] - expected["running"]) > 1e-3
    for bn, value in expected.items():
        selection, _ = select("zero-cost-pt-post", bn)
        np.testing.assert_allclose(selection.scores[:, NONE], -value, rtol=1e-9)


def batch_of_proxies(place: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mini-batch number `place`, of twelve images of the selection half, read independently of the search."""
    part, every = slice(32 + 12 * place, 44 + 12 * place), small.images()
    return (every.images[part].double() / 255 - 0.5) / 0.25, every.labels[part]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_rule_reads_the_mini_batch_of_its_place_and_begins_again_after_the_last(place: int) -> None:
    name = "zero-cost-pt-snip-post"
    rule = dataclasses.replace(registry.find(name).rule, place=place)  # type: ignore[attr-defined]
    found = rule.score(small.search(name), [1])[0, NONE]
    x, y = batch_of_proxies(place % 3)  # 32 images
    expected = -proxies.score("snip", small.literal().mixture(small.alphas().softmax(-1)), x, y)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("validation", "best"), [(1, 0), (2, 1), (3, 2)])
def test_proposals_are_validated_by_the_sum_over_as_many_mini_batches_as_asked_for(
    validation: int, best: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invented values: each additional mini-batch makes another proposal the best."""
    values = [[3.0, 0.0, 0.0], [2.0, 2.0, 0.0], [0.0, 3.0, 2.0]]
    at = {tuple(batch_of_proxies(place)[1].tolist()): place for place in range(3)}
    built: list[int] = []

    def propose(
        rule: object, order: str, tune: int, search: Search, **asked: bool
    ) -> tuple[np.ndarray, list[Decision]]:
        operation = 1 + int(search.axes["proposal"])
        return np.zeros((6, 5)), [Decision(edge, operation) for edge in range(6)]

    def value(
        _search: Search, _proxy: str, network: int, batch: tuple[torch.Tensor, torch.Tensor], _seed: int
    ) -> float:
        return values[network][at[tuple(batch[1].tolist())]]

    def build(_search: Search, architecture: tuple[int, ...], _generator: torch.Generator) -> int:
        built.append(architecture[0] - 1)
        return built[-1]

    monkeypatch.setattr(zero_cost_pt, "decide_greedily", propose)
    monkeypatch.setattr(zero_cost_pt, "proxy_score", value)
    monkeypatch.setattr(Search, "standalone", build)
    selection, _ = select("zero-cost-pt-snip", proposals=3, validation_batches=validation)
    assert selection.architecture == (1 + best,) * 6
    assert built == [0, 1, 2]
    named, _ = select(f"zero-cost-pt-snip[validation={validation}]", proposals=3, validation_batches=4 - validation)
    assert named.architecture == selection.architecture


def test_a_proposal_masks_edge_after_edge_on_an_untrained_uniform_supernet() -> None:
    """Stage 1 of one proposal, written out in the edge order of its decisions."""
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
            values.append(nwot_as_released(fed_zeros_by_hand(literal.mixture(masked), masked), x))
        if not weights[decision.edge].eq(0).any() and len(weights.unique()) == 1:
            np.testing.assert_allclose(selection.scores[decision.edge], -np.array(values), rtol=1e-9)
        assert decision.operation == int(np.argmin(values))
        weights[decision.edge] = torch.eye(5, dtype=torch.float64)[decision.operation]


def test_a_masked_operation_is_fed_zeros_or_absent() -> None:
    """Zeros follow the released code, absence the paper's text; on a trained supernet with one edge decided."""
    literal = small.literal()
    weights = small.alphas().softmax(-1)
    weights[2] = torch.eye(5, dtype=torch.float64)[1]
    scores = {}
    for name in ("zero-cost-pt-post", "zero-cost-pt-post[masked=absent]"):
        search = small.search(name)
        search.decided[2] = 1
        scores[name] = registry.find(name).rule.score(search, [4])[0]  # type: ignore[attr-defined]
        x, _ = search.proxy_batches(1)[0]
        for o in range(1, 5):
            masked = weights.clone()
            masked[4, o] = 0
            network = fed_zeros_by_hand(literal.mixture(masked), masked, absent="absent" in name)
            assert scores[name][o] == pytest.approx(-nwot_as_released(network, x), rel=1e-9)
    assert len({tuple(row) for row in scores.values()}) == 2
    for name in ("zero-cost-pt-snip", "disc-zc-params", "zero-cost-pt-zen"):  # both would give the same
        with pytest.raises(UsageError, match="has no option 'masked'"):
            registry.find(f"{name}[masked=absent]")


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_the_released_behaviour_proposes_one_cell_again_and_again() -> None:
    """The released code does not draw new weights, so with a fixed order only the mini-batch differs."""
    selection, _ = select("zero-cost-pt-synflow[order=fixed,reinitialise=no]", proposals=3)
    assert selection.facts == {"proposals": 3, "distinct_proposals": 1}


def test_an_untrained_criterion_cannot_reach_trained_weights_and_the_other_way_round() -> None:
    search = small.search("zero-cost-pt-snip-post")
    with pytest.raises(UndeclaredNeed):
        search.branch(search.generator("fresh"))
    with pytest.raises(UndeclaredNeed):
        _ = small.search("zero-cost-pt").alphas


@pytest.mark.thorough
def test_plain_counts_see_what_is_masked() -> None:
    """Masking does not change the parameters of a supernet, only the number on which the logits depend."""
    for proxy in ("params", "flops", "l2-norm"):
        selection, _ = select(f"zero-cost-pt-{proxy}", proposals=1)
        # Fresh weights of both convolutions have about the same norm, whatever the kernel size.
        assert set(selection.architecture) <= ({2, 3} if proxy == "l2-norm" else {3})
        assert (selection.scores[:, 2:4] > selection.scores[:, [0]]).all()


def test_an_operation_without_a_value_is_not_chosen_and_is_counted() -> None:
    search = small.search("zero-cost-pt")
    failure = proxies.ProxyFailure("why")
    scores = without_failures(search, [[1.0, failure, 0.5, 2.0, failure], [3.0, 4.0, 5.0, 6.0, 7.0]])
    assert scores[0].argmin() in (1, 4)
    assert scores[0, 1] == scores[0, 4] < 0.5
    np.testing.assert_array_equal(scores[1], [3, 4, 5, 6, 7])
    assert search.facts == {"operations_without_value": 2}
    with pytest.raises(proxies.ProxyFailure, match="why"):
        without_failures(search, [[failure] * 5])


@pytest.mark.thorough
def test_a_proposal_without_value_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fail = zero_cost_pt.decide_greedily, {0}

    def sometimes(rule: object, order: str, tune: int, search: Search, **asked: bool) -> object:
        if search.axes["proposal"] in fail:
            raise proxies.ProxyFailure("a singular kernel")
        return real(rule, order, tune, search, **asked)  # type: ignore[arg-type]

    whole, _ = select("zero-cost-pt", proposals=3)
    monkeypatch.setattr(zero_cost_pt, "decide_greedily", sometimes)
    selection, search = select("zero-cost-pt", proposals=3)
    assert (selection.facts["proposals"], search.facts) == (2, {"failed_proposals": 1})
    assert np.ptp(selection.scores, axis=1).all(), "the first that is left has scores of all edges"
    assert not np.array_equal(selection.scores, whole.scores)
    fail |= {1, 2}
    with pytest.raises(proxies.ProxyFailure, match="singular"):
        select("zero-cost-pt", proposals=3)


@pytest.mark.parametrize("name", ["disc-zc-jacob-cov-post", "disc-zc-epe-nas-post"])
def test_an_edge_without_a_path_costs_the_operation_and_not_the_cell(name: str) -> None:
    """With the other paths cut, reducing the edge to `none` leaves no path; the other operations have a value."""
    search = small.search(name)
    for edge in (1, 3, 4):
        search.decided[edge] = NONE
    selector = registry.find(name)
    row = selector.rule.score(search, [5])[0]  # type: ignore[attr-defined]
    assert row.argmin() == NONE
    assert search.facts["operations_without_value"] == 1


@pytest.mark.thorough
def test_options_of_the_proxy_are_options_of_the_selector() -> None:
    assert registry.find("zero-cost-pt[reached=no]").name == "zero-cost-pt"
    assert registry.find("zero-cost-pt[reached=yes]").name == "zero-cost-pt[reached=yes]"
    default, _ = select("zero-cost-pt-synflow-post")
    with_batch_norm, search = select("zero-cost-pt-synflow-post[bn=batch]")
    literal = LiteralSupernet.like(search.network)
    x, y = search.proxy_batches(1)[0]
    whole = -proxies.score("synflow[bn=batch]", literal.mixture(small.alphas().softmax(-1)), x, y)
    np.testing.assert_allclose(with_batch_norm.scores[:, NONE], whole, rtol=1e-9)
    assert not np.allclose(default.scores, with_batch_norm.scores)
    with pytest.raises(UsageError, match="reached=perhaps cannot be used: it must be yes or no"):
        registry.find("zero-cost-rank[reached=perhaps]")
