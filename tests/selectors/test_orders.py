"""Edge orders against their definitions, on scores that are made up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from bench.errors import SkipCell
from selectors import registry
from selectors.contract import Needs, Rule
from selectors.parts.orders import edge_certainty
from selectors.parts.schedule import Greedy
from selectors.parts.search import Search
from tests.selectors import small

TABLE = np.random.default_rng(3).normal(size=(6, 5))


@dataclass(frozen=True, kw_only=True)
class MadeUp(Rule):
    """Scores that fall for every edge as edges are decided, the more the smaller their index."""

    @property
    def needs(self) -> Needs:
        return Needs(alphas=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        return np.stack([TABLE[e] - len(search.decided) * (5 - e) * 0.3 for e in edges])


def decide(order: str, **arguments: object) -> list[int]:
    rule = MadeUp()
    selector = Greedy(paper="", formula="", direction="", rule=rule, order=order)
    selection = selector.select(small.search("magnitude", **arguments))  # type: ignore[arg-type]
    np.testing.assert_array_equal(selection.scores, TABLE)
    assert selection.architecture == tuple(TABLE.argmax(1))
    return [d.edge for d in selection.decisions]


def test_fixed_reverse_and_once() -> None:
    assert decide("fixed") == [0, 1, 2, 3, 4, 5]
    assert decide("once") == [0, 1, 2, 3, 4, 5]
    assert decide("reverse") == [5, 4, 3, 2, 1, 0]


def test_global_orders_score_all_open_edges_anew() -> None:
    for order, figure in (("global-op", np.max), ("global-edge", np.mean)):
        expected: list[int] = []
        while len(expected) < 6:
            drop = 0.3 * len(expected)
            values = {e: figure(TABLE[e] - drop * (5 - e)) for e in range(6) if e not in expected}
            expected.append(max(values, key=values.__getitem__))
        assert decide(order) == expected
        assert decide(f"{order}-once") == sorted(range(6), key=lambda e: -figure(TABLE[e]))
    assert decide("global-op") != decide("global-op-once"), "the example does not tell them apart"


def test_random_orders_are_permutations_shared_by_the_selectors_of_a_seed() -> None:
    orders = {tuple(decide("random", seed=seed)) for seed in range(8)}
    assert len(orders) > 4
    assert all(sorted(order) == list(range(6)) for order in orders)
    control = registry.find("pt-random[tune=0]").select(small.search("pt-random[tune=0]"))
    assert [d.edge for d in control.decisions] == decide("random", seed=0)


def test_sgas_decides_the_certain_edge_first() -> None:
    """By hand: importance and certainty scaled to [0, 1] over the edges, then multiplied."""
    uniform, sharp, empty = [0.2] * 5, [0.2, 0.8, 0, 0, 0], [0.8, 0.05, 0.05, 0.05, 0.05]
    half = [0.5, 0.25, 0.25, 0, 0]  # importance (0.5 - 0.2) / 0.6; entropy log 2 of at most log 4
    certainty = edge_certainty(np.array([uniform, sharp, empty, half]))
    np.testing.assert_allclose(certainty, [0, 1, 0, 0.25], atol=1e-12)


def test_sgas_second_criterion_prefers_the_stable_edge() -> None:
    now = np.array([[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.61, 0.1, 0.1, 0.09], [0.3, 0.1, 0.2, 0.2, 0.2]])
    before = np.array([[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.6], [0.3, 0.2, 0.1, 0.2, 0.2]])
    assert edge_certainty(now).argmax() == 1
    assert edge_certainty(now, [before]).argmax() == 0


def test_sgas_orders_on_a_checkpoint() -> None:
    probabilities = small.alphas().softmax(-1).numpy()
    assert decide("sgas")[0] == int(edge_certainty(probabilities).argmax())
    with pytest.raises(SkipCell, match="earlier checkpoint"):
        decide("sgas-2")
    history = [small.alphas(seed).softmax(-1).numpy() for seed in (1, 2, 3, 4)]
    found = decide("sgas-2", history=[torch.from_numpy(np.log(h)) for h in [history[0], *history]])
    assert found[0] == int(edge_certainty(probabilities, history).argmax()), "the last four"
