"""Criteria that rank whole architectures, Shapley values, and TE-NAS's pruning."""

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.problem.equivalence import function_classes, published_classes
from nas_selection_bench.bench.problem.selection import Ranking
from nas_selection_bench.bench.problem.space import CONV_1X1, NONE, SKIP, architecture_of, code
from nas_selection_bench.selectors import proxies, te_nas
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.ranking import marginal_means, one_of_each_class, take_best
from nas_selection_bench.selectors.parts.small_supernets import at, measured, one_channel, small_supernet
from nas_selection_bench.selectors.parts.view import Evaluation, Search
from nas_selection_bench.supernets.network.literal import LiteralSupernet, Mixture
from tests.selectors import small


def test_every_published_class_and_every_function_has_a_representative() -> None:
    codes = [code(a) for a in one_of_each_class("batch")]
    assert len(set(codes)) == len(codes)
    assert len(set(published_classes()[codes].tolist())) == 6466
    assert len(set(function_classes()[codes].tolist())) == len(set(function_classes().tolist()))
    assert [code(a) for a in one_of_each_class("running")] == list(range(15_625))


def test_marginal_means_by_hand() -> None:
    """Two inequivalent architectures: 3x3 everywhere, and the same with 1x1 on the first edge."""
    codes = np.array([code((3, 3, 3, 3, 3, 3)), code((2, 3, 3, 3, 3, 3))])
    means = marginal_means(Ranking(codes, np.array([5.0, 1.0])))
    assert means[0].tolist() == [1, 1, 1, 5, 1], "never drawn: as the lowest of the edge"
    assert means[1].tolist() == [3, 3, 3, 3, 3]


def test_equal_scores_go_to_the_largest_tie_breaker_then_to_the_first() -> None:
    scores, ties = np.array([1.0, 3.0, 3.0, 3.0]), np.array([9.0, 1.0, 2.0, 2.0])
    for breaker, best in ((None, 1), (ties, 2), (-ties, 1)):
        offered = [architecture_of(1000 * i) for i in range(4)]
        assert take_best(small.search("magnitude"), offered, scores, breaker).architecture == offered[best]


def test_one_shot_takes_the_most_accurate() -> None:
    name = "one-shot-sampled[architectures=40]"
    search = small.search(name)
    selection = registry.find(name).select(search)
    assert selection.ranking is not None
    best = np.flatnonzero(selection.ranking.scores == selection.ranking.scores.max())
    assert code(selection.architecture) in selection.ranking.codes[best]
    for position, accuracy in list(zip(selection.ranking.codes, selection.ranking.scores, strict=True))[:5]:
        net = small.network()
        net.normalise("batch")
        alone = net.subnetwork(architecture_of(int(position)))
        with torch.no_grad():
            right = sum(int((alone(x).argmax(1) == y).sum()) for x, y in small.batches())
        assert accuracy == pytest.approx(100 * right / 24)


def test_zero_cost_rank_is_the_proxy_of_stand_alone_networks() -> None:
    name = "zero-cost-rank-synflow[architectures=12]"
    search = small.search(name)
    selection = registry.find(name).select(search)
    assert selection.ranking is not None
    x, _ = search.proxy_batches(1)[0]
    for position, value in list(zip(selection.ranking.codes, selection.ranking.scores, strict=True))[:4]:
        network = search.standalone(architecture_of(int(position)), search.shared_generator("stand-alone"))
        assert proxies.score("synflow", network, x) == pytest.approx(value)
    assert code(selection.architecture) == selection.ranking.codes[selection.ranking.scores.argmax()]
    assert selection.facts["without_value"] == 12 - len(selection.ranking.codes)


def test_balenas_proposes_what_the_alphas_propose() -> None:
    name = "balenas-tf[proxy=synflow,samples=30]"
    search = small.search(name)
    wanted = (3, 1, 2, 3, 4, 2)
    search._alphas = 50 * torch.nn.functional.one_hot(torch.tensor(wanted), 5).double()
    selection = registry.find(name).select(search)
    assert selection.architecture == wanted
    assert selection.ranking is not None
    assert len(selection.ranking.codes) == 1


def test_shapley_values_share_out_the_accuracy_of_the_whole() -> None:
    """Efficiency: without truncation they sum to the accuracy with all operations minus that with none."""
    name = "shapley[samples=3,truncate=0]"
    scores = registry.find(name).select(small.search(name)).scores
    falls = []
    net = small.network()
    net.normalise("batch")
    for x, y in small.batches():
        with torch.no_grad():
            whole = net(x, small.alphas().softmax(-1))
            nothing = net(x, torch.zeros(6, 5, dtype=torch.float64))
        falls.append(100 * float((whole.argmax(1) == y).double().mean() - (nothing.argmax(1) == y).double().mean()))
    assert scores.sum() == pytest.approx(np.mean(falls))
    assert (scores[:, NONE] == 0).all()


def additive_game(search: Search, values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the accuracy the sum of `values` of the present operations, times 1, 2, 3 on the three mini-batches."""

    def evaluate(weights: torch.Tensor, place: int) -> Evaluation:
        present = (weights != 0).double().numpy()
        return Evaluation((1 + place) * (present * values).sum((1, 2)), np.zeros(len(weights)))

    monkeypatch.setattr(search, "evaluate", evaluate)


@pytest.mark.parametrize(("bound", "factor"), [("no", 2), ("yes", 2 - (2 / 3) ** 0.5)])
def test_shapley_values_of_an_additive_game_are_its_values(
    bound: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds for any permutation; 1, 2, 3 have mean 2 and variance 2/3."""
    name = f"shapley[bound={bound},samples=3,truncate=0]"
    values = np.random.default_rng(0).uniform(0.1, 1, (6, 5))
    values[:, NONE] = 0
    search = small.search(name)
    additive_game(search, values, monkeypatch)
    np.testing.assert_allclose(registry.find(name).select(search).scores, factor * values)


@pytest.mark.parametrize(("truncate", "removals"), [(0, 24), (0.25, 19), (0.5, 13), (0.9, 3)])
@pytest.mark.parametrize("unit", [1 / 128, 4])
def test_shapley_permutations_stop_below_a_share_of_the_accuracy_of_the_whole(
    truncate: float, removals: int, unit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 24 equal values, the last removal that counts is the first that leaves less than the share of 24."""
    name = f"shapley[samples=1,truncate={truncate}]"
    values = np.full((6, 5), unit)
    values[:, NONE] = 0
    search = small.search(name)
    additive_game(search, values, monkeypatch)
    scores = registry.find(name).select(search).scores
    assert (scores != 0).sum() == removals
    assert scores.sum() == pytest.approx(removals * unit)


def test_te_nas_prunes_by_the_sum_of_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """For invented measures that are additive over operations, the worst operation of each edge is pruned first."""
    worth = np.random.default_rng(0).permutation(30).reshape(6, 5).astype(float)

    def measure(_rule: object, _search: Search, proxy: str, masks: list[torch.Tensor]) -> np.ndarray:
        sums = np.array([float((mask.numpy() * worth).sum()) for mask in masks])
        # Removing an operation of little worth leaves the most regions and lowers the condition number most.
        values = 60 + sums if proxy == "linear_regions" else 60 - 2 * sums + 60 * np.array([m.sum() for m in masks])
        return np.stack([values, 1000 * values])  # networks differ in scale, which does not affect relative falls

    monkeypatch.setattr(te_nas.PruningByImportance, "_measure", measure)
    scores = te_nas.SELECTOR.select(small.search("te-nas")).scores
    assert (scores[:, NONE] == 0).all()
    for edge in range(6):
        assert scores[edge, 1:].tolist() == (1 + worth[edge, 1:].argsort().argsort()).tolist()


def test_te_nas_prunes_of_equal_sums_the_one_with_the_largest_fall_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Invented falls that are equal in both measures: what one ranks first, the other ranks last."""
    generator = np.random.default_rng(0)
    falls = np.stack([[0, *generator.permutation([100, 200, 300, 400])] for _ in range(6)])
    assert falls[:, 1:].argmax(1).any(), "the first of an edge is not always the largest"

    def measure(_rule: object, _search: Search, _proxy: str, masks: list[torch.Tensor]) -> np.ndarray:
        return np.array([[1000.0 + float((mask.numpy() * falls).sum()) for mask in masks]])

    monkeypatch.setattr(te_nas.PruningByImportance, "_measure", measure)
    scores = te_nas.SELECTOR.select(small.search("te-nas")).scores
    for edge in range(6):
        assert scores[edge, 1:].tolist() == (5 - falls[edge, 1:] / 100).tolist()


def test_te_nas_measures_networks_without_the_operation() -> None:
    """The condition number of a masked network equals that of the literal network with the mask as weights."""
    search = small.search("te-nas[repeats=1,images=6]")
    rule = te_nas.PruningByImportance(repeats=1, images=6, samples=64)
    mask = torch.ones(6, 5, dtype=torch.bool)
    mask[:, NONE] = False
    mask[2, 3] = mask[4, 1] = False
    found = rule._measure(search, "ntk", [mask])[0, 0]
    network = small_supernet(search, "ntk", 0, released=False).network
    assert isinstance(network, LiteralSupernet)
    weights = mask.double() / mask.sum(1, keepdim=True)
    expected = -proxies.score("ntk", network.mixture(weights), search.proxy_batches(1)[0][0][:6])
    assert found == pytest.approx(expected, rel=1e-6)


def test_te_nas_counts_regions_on_one_thin_cell() -> None:
    """Regions are the distinct sign patterns of the ReLUs in and behind the cell, without masked operations."""
    search = small.search("te-nas")
    rule = te_nas.PruningByImportance(repeats=1, samples=200)
    masks = [torch.arange(5) != NONE, torch.arange(5) == SKIP, torch.arange(5) == CONV_1X1]
    found = rule._measure(search, "linear_regions", [mask.expand(6, 5) for mask in masks])
    mixture = small_supernet(search, "linear_regions", 0, released=False)
    assert [m.weight.shape[:2] for m in mixture.modules() if isinstance(m, torch.nn.Conv2d)] == [(1, 1)] * 12
    for mask, value in zip(masks, found[0], strict=True):
        weights = mask.expand(6, 5).double() / mask.sum()
        own = Mixture(mixture.network, weights)
        own.run_only(weights > 0)
        seed = search.shared_seed("regions", repeat=0)
        images = one_channel(search.proxy_batches(1)[0][0], search.shared_generator("channel of regions", repeat=0))
        assert value == proxies.score("linear_regions[samples=200]", own, images, seed=seed)
        assert value > 1, "the last ReLU cuts even what is linear before it"
    assert 1 < found[0, 2] <= found[0, 0] < 200  # below the maximum


def test_te_nas_hears_of_every_edge_in_the_regions() -> None:
    """The outputs of edges to node 3 reach a ReLU behind the cell, as in the released thin network."""
    search = small.search("te-nas")
    whole = torch.ones(6, 5, dtype=torch.bool)
    whole[:, NONE] = False
    masks = [whole, *(whole & ~at(edge, SKIP) for edge in range(6))]
    found = [measured(search, "linear_regions", masks, repeat, 2000, released=False) for repeat in range(3)]
    assert (np.array([values[1:] != values[0] for values in found]).any(axis=0)).all()


def test_the_channel_of_each_image_is_drawn_alone() -> None:
    images = torch.arange(3.0)[None, :, None, None].expand(3000, 3, 2, 2)
    drawn = one_channel(images, torch.Generator().manual_seed(0))
    assert drawn.shape == (3000, 1, 2, 2) and torch.equal(drawn, drawn[:, :, :1, :1].expand_as(drawn))
    counts = drawn[:, 0, 0, 0].long().bincount(minlength=3)
    assert counts.sum() == 3000 and ((counts - 1000).abs() < 130).all()
    assert torch.equal(one_channel(images[:, :1], torch.Generator()), images[:, :1])


def test_te_nas_counts_equal_falls_as_one_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A candidate tied with 21 others for the largest fall is one rank ahead of the next, not 21."""
    falls = {"ntk": np.full((6, 5), 5.0), "linear_regions": np.full((6, 5), 3.0)}
    falls["ntk"][0, 1:], falls["linear_regions"][0, 1:] = [5, 4, 0, 0], [2, 0, 1, 3]

    def measure(_rule: object, _search: Search, of: str, masks: list[torch.Tensor]) -> np.ndarray:
        return np.array([[100 + float((mask.numpy() * falls[of]).sum()) for mask in masks]])

    monkeypatch.setattr(te_nas.PruningByImportance, "_measure", measure)
    scores = te_nas.SELECTOR.select(small.search("te-nas")).scores
    assert scores[0].argsort().tolist()[:2] == [NONE, 2]
