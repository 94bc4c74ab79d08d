"""The contract of every selector, tested as soon as its file exists."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, EDGES, OPERATIONS, SKIP
from nas_selection_bench.bench.work.record import choice_of
from nas_selection_bench.selectors.parts import apply, registry
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.selectors.parts.zero_cost import DiscretiseByProxy, MaskByProxy, ProxyRule
from tests.selectors import small
from tests.selectors.cheaper import CHEAPER, relatives

pytestmark = pytest.mark.usefixtures("few_classes")

SETTINGS = replace(small.SETTINGS, batch_size=32, selection_images=16, proposal_batch=8)
"""One tuning step, and two batches, of ten and six images: the fewest with which every step runs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints of one supernet."""
    place = tmp_path_factory.mktemp("checkpoint")
    small.store(place)
    return place


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def same(one: Selection, other: Selection) -> None:
    assert one.architecture == other.architecture
    np.testing.assert_array_equal(one.scores, other.scores)
    assert one.decisions == other.decisions
    assert one.facts == other.facts
    if one.ranking is not None and other.ranking is not None:
        np.testing.assert_array_equal(one.ranking.codes, other.ranking.codes)
        np.testing.assert_array_equal(one.ranking.scores, other.ranking.scores)


CONFIGURED = (
    "disc-acc[converge=1]",
    "is-darts[retrain=1]",
    "is-darts[order=fixed,tune=1]",
    "magnitude[none=no,order=random,tune=1]",
    "one-shot[images=all]",
    "op-grasp-post[order=fixed,tune=1]",
    "op-snip[order=sgas]",
    "op-synflow[none=no,order=global-op]",
    "ostr[absolute=image,order=sgas-2]",
    "zero-cost-pt-snip[order=sgas,proposals=1,validation=1]",
)
"""Options that change what a selector reads, or whether it draws random numbers."""

CHEAPEST = {"order": "once", "proposals": "1", "validation": "1", "architectures": "3"}
"""Options, if a selector has them, for selectors that differ only in the proxy from one that is tested at length."""


def few_first(names: Sequence[str]) -> list[object]:
    """`names` as parameters; relatives, and selectors with options, are marked thorough."""
    later = relatives().union(CONFIGURED)
    return [pytest.param(name, marks=pytest.mark.thorough) if name in later else name for name in names]


def cheap(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The selector with cheap options; rules of relatives score only one edge."""
    if name not in relatives():
        return CHEAPER.get(name, name)
    for rule in (MaskByProxy, DiscretiseByProxy):
        monkeypatch.setattr(rule, "score", of_one_edge(rule))
    has = registry.find(name).options()
    return f"{name}[{','.join(f'{option}={value}' for option, value in CHEAPEST.items() if option in has)}]"


def of_one_edge(rule: type[ProxyRule]) -> object:
    """A `score` that scores the edge from input to output; other edges get the same scores, rolled by their index."""
    whole = rule.score

    def score(self: ProxyRule, search: Search, edges: Sequence[int]) -> np.ndarray:
        (row,) = whole(self, search, [3])
        return np.stack([np.roll(row, edge) for edge in edges])

    return score


@pytest.mark.parametrize("name", few_first([*registry.names(), *CONFIGURED]))
def test_every_selector_keeps_the_contract(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    selector = registry.find(cheap(name, monkeypatch))
    name = selector.name
    before = contents(folder)
    given, unchanged = small.images(), small.images()
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()

    selection = apply.select(small.cell(name, settings=SETTINGS), folder, given, "cpu")

    assert torch.equal(torch.get_rng_state(), states[0]), "the selector draws from torch's global generator"
    drawn = not np.array_equal(np.random.get_state()[1], states[1])  # type: ignore[index]
    assert not drawn, "the selector draws from numpy's global generator"
    assert random.getstate() == states[2], "the selector draws from Python's global generator"
    modes = torch.get_default_dtype(), torch.is_grad_enabled()
    assert modes == (dtype, gradients), "the selector leaves torch in another mode than it found it in"
    assert contents(folder) == before, "the selector wrote to the checkpoint"
    assert torch.equal(given.images, unchanged.images), "the selector wrote to the images, which are everybody's"
    assert torch.equal(given.labels, unchanged.labels), "the selector wrote to the labels, which are everybody's"

    assert selection.scores.shape == (len(EDGES), len(OPERATIONS))
    assert selection.scores.dtype == np.float64
    assert np.isfinite(selection.scores).all(), "scores that are not finite"
    record = choice_of(selection)  # six decisions, one per edge, that lead to the architecture
    assert len(record["decisions"]) == len(EDGES), "not one decision per edge"
    if selection.ranking is not None:
        assert len(selection.ranking.codes) == len(selection.ranking.scores) > 0
        assert len(set(selection.ranking.codes.tolist())) == len(selection.ranking.codes), "an architecture twice"

    cost = selection.cost
    assert cost.scoring_seconds > 0, "no time was counted"
    assert cost.peak_memory_bytes > 0, "no memory was counted"
    if selector.needs.images or selector.needs.labels:
        assert cost.forward_passes > 0, "it reads images and counts no pass"

    # Run again with undeclared inputs changed: other weights, alphas, images, labels, another seed.
    needs = selector.needs
    other = tmp_path / "other"
    small.store(other, weights_seed=0 if needs.trained else 9, alphas_seed=0 if needs.alphas else 9)
    images = small.images(
        labels_seed=0 if needs.labels or needs.tuning else 9,
        pixels_seed=5 if needs.images or needs.labels or needs.tuning else 6,
    )
    again = small.cell(name, seed=0 if selector.stochastic else 9, settings=SETTINGS)
    if not selector.reads_checkpoint:  # then the result is the same for every recipe and epoch
        again = replace(again, epoch=1, supernet=replace(again.supernet, recipe="pc-darts"))
    same(selection, apply.select(again, other, images, "cpu"))


RULES = [
    pytest.param(name, marks=pytest.mark.thorough) if name == "te-nas" else name  # it measures 57 networks per score
    for name in registry.names()
    if hasattr(registry.find(name), "rule") and name not in relatives()
]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_scores_the_edges_that_it_is_asked_for(name: str) -> None:
    """The scores of an edge do not depend on which others are requested; some orders request only a few."""
    rule = getattr(registry.find(CHEAPER.get(name, name)), "rule")  # noqa: B009 - not of every selector

    def scores(edges: Sequence[int]) -> np.ndarray:
        search = small.search(name)
        with search.withholding(rule.needs):
            return np.asarray(rule.score(search, edges))

    whole = scores(range(6))
    for edges in ([3], [5, 1]):
        found = scores(edges)
        assert found.shape == (len(edges), 5), f"rows {found.shape} for the edges {edges}"
        said = f"the scores of the edges {edges} depend on which others are asked for, or are those of other edges"
        np.testing.assert_allclose(found, whole[edges], rtol=1e-7, atol=1e-12, err_msg=said)


@pytest.mark.parametrize("name", RULES)
def test_what_a_decision_took_out_changes_no_score(name: str) -> None:
    """Weights and statistics of rejected operations have no effect: masks apply to all that a rule reads."""
    rule = getattr(registry.find(CHEAPER.get(name, name)), "rule")  # noqa: B009 - not of every selector

    def scores(altered: bool) -> np.ndarray:
        search = small.search(name)
        search.decided = {1: SKIP, 4: CONV_3X3}
        removed = [(1, CONV_1X1), (1, CONV_3X3), (4, CONV_1X1)]
        for cell in search.network.cells if altered else ():
            for edge, operation in removed:
                weight, mean, variance = cell.operation_state(edge, operation)  # type: ignore[operator]
                with torch.no_grad():
                    weight.add_(3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(8)))
                    mean.add_(1)
                    variance.mul_(4)
        with search.withholding(rule.needs):
            return np.asarray(rule.score(search, [0, 5]))

    np.testing.assert_allclose(scores(True), scores(False), rtol=1e-9)


@pytest.mark.parametrize("name", registry.names())
def test_no_network_with_fresh_weights_is_said_to_be_tuned(name: str) -> None:
    selector = registry.find(name)
    if "tune" not in selector.options():
        return
    text = f"{name}[order=fixed,tune=1]"
    if selector.needs.trained or selector.needs.alphas:
        assert registry.find(text).needs.tuning
        return
    with pytest.raises(UsageError, match="fresh weights"):
        registry.find(text)


def test_trained_weights_make_a_difference_where_they_are_declared(folder: Path, tmp_path: Path) -> None:
    """Conversely, declared inputs are those of the checkpoint, and fine-tuning continues from it."""
    small.store(tmp_path, weights_seed=9)
    for name in ("op-snip-post", "pt-magnitude", "is-darts[retrain=1]", "disc-acc[converge=1,measure=loss]"):
        text = registry.find(name).name
        searches = [apply.open_search(small.cell(text), place, small.images(), "cpu") for place in (folder, tmp_path)]
        states = [search.network.state_dict() for search in searches]
        assert not all(torch.equal(states[0][key], states[1][key]) for key in states[0]), name
        assert torch.equal(states[0]["classifier.weight"], small.network(0, torch.float32).classifier.weight), name


@pytest.mark.parametrize("name", registry.names())
def test_every_selector_says_what_it_is(name: str) -> None:
    selector = registry.find(name)
    assert selector.name == name
    assert selector.paper
    assert selector.formula
    assert selector.direction
    assert selector.version >= 1
    assert all(text for _, text in selector.options().values())
    assert registry.find(f"{name}").differing(selector) == {}
