"""Edge orders compared with their definitions, on invented scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.errors import SkipCell
from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.criterion import Rule
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Greedy
from nas_selection_bench.selectors.parts.view import Search, UndeclaredNeed
from nas_selection_bench.supernets.parts.edge_certainty import edge_certainty
from tests.selectors import small

TABLE = np.random.default_rng(3).normal(size=(6, 5))


@dataclass(frozen=True, kw_only=True)
class MadeUp(Rule):
    """Scores that decrease as edges are decided, more for edges with a smaller index."""

    @property
    def needs(self) -> Needs:
        return Needs(alphas=True)

    def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
        return np.stack([TABLE[e] - len(search.decided) * (5 - e) * 0.3 for e in edges])


def decide(order: str, none: bool = True, **arguments: object) -> list[int]:
    selector = Greedy(paper="", formula="", direction="", rule=MadeUp(), order=order, none=none)
    selection = selector.select(small.search("magnitude", **arguments))  # type: ignore[arg-type]
    np.testing.assert_array_equal(selection.scores, TABLE)
    first = 0 if none else 1
    assert selection.architecture == tuple(first + TABLE[:, first:].argmax(1))
    return [d.edge for d in selection.decisions]


def test_the_certainty_of_nearly_uniform_edges_is_not_rounding() -> None:
    """The probabilities are float32; the computation from them must not lose digits by cancellation."""
    for alphas in 5e-4 * torch.randn(200, 6, 5, generator=torch.Generator().manual_seed(0)):
        exact = edge_certainty(alphas.double().softmax(-1).numpy())
        found = edge_certainty(alphas.softmax(-1).double().numpy())
        assert found.argmax() == exact.argmax()
        np.testing.assert_allclose(found, exact, atol=0.01)


def test_fixed_reverse_and_once() -> None:
    assert decide("fixed") == [0, 1, 2, 3, 4, 5]
    assert decide("once") == [0, 1, 2, 3, 4, 5]
    assert decide("reverse") == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("none", [True, False])
def test_global_orders_score_all_open_edges_anew(none: bool) -> None:
    """Only operations that can be chosen count: without `none`, its score does not affect the order."""
    table = TABLE if none else TABLE[:, NONE + 1 :]
    for order, figure in (("global-op", np.max), ("global-edge", np.mean)):
        expected: list[int] = []
        while len(expected) < 6:
            drop = 0.3 * len(expected)
            values = {e: figure(table[e] - drop * (5 - e)) for e in range(6) if e not in expected}
            expected.append(max(values, key=values.__getitem__))
        assert decide(order, none) == expected
        assert decide(f"{order}-once", none) == sorted(range(6), key=lambda e: -figure(table[e]))
    assert decide("global-op", none) != decide("global-op-once", none), "the example does not tell them apart"


def test_none_can_be_forbidden_and_keeps_its_score() -> None:
    assert (TABLE.argmax(1) == NONE).any(), "the example would never choose it"
    for order in ("once", "fixed", "reverse", "random"):
        decide(order, none=False)  # for the assertions in it
    for forbidden, other in (("magnitude[none=no]", "magnitude"), ("ostr[none=no]", "ostr")):
        selections = [registry.find(name).select(small.search(name)) for name in (forbidden, other)]
        np.testing.assert_array_equal(selections[0].scores, selections[1].scores)
    without = registry.find("magnitude-no-none").select(small.search("magnitude-no-none"))
    magnitude = registry.find("magnitude[none=no]").select(small.search("magnitude[none=no]"))
    assert magnitude.decisions == without.decisions
    assert (magnitude.scores[:, NONE] > 0).all()


UNTRAINED = ("op-snip", "op-grasp", "op-synflow", "zero-cost-pt-snip", "disc-zc-synflow")
OTHERS = ("is-darts", "similarity-to-edge", "em-darts", "op-fisher")


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*UNTRAINED, *OTHERS])
def test_a_rule_scores_the_same_whatever_its_order_reads(name: str) -> None:
    """sgas reads the alphas, which must not enter the mixture of a rule that reads none."""
    further = {"zero-cost-pt-snip": ",proposals=1", "disc-zc-synflow": ",proposals=1"}
    by_order = {}
    for order in ("fixed", "sgas"):
        text = f"{name}[order={order}{further.get(name, '')}]"
        search = small.search(text)
        assert search.needs.alphas == (order == "sgas" or name not in (*UNTRAINED, "is-darts"))
        by_order[order] = registry.find(text).select(search)
        if order == "fixed":
            assert [d.edge for d in by_order[order].decisions] == list(range(6))
        else:
            assert [d.edge for d in by_order[order].decisions] == sgas_by_hand(small.alphas().softmax(-1).numpy())
    np.testing.assert_array_equal(by_order["sgas"].scores, by_order["fixed"].scores)


def test_a_rule_reaches_nothing_that_only_its_order_declares() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Curious(Rule):
        @property
        def needs(self) -> Needs:
            return Needs()

        def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
            return search.probabilities()[list(edges)]

    search = small.search("magnitude[order=sgas]")
    with pytest.raises(UndeclaredNeed, match="alphas"):
        Greedy(paper="", formula="", direction="", rule=Curious(), order="sgas").select(search)
    assert search.needs == Needs(alphas=True), "what the search may read is as before"


def test_random_orders_are_permutations_shared_by_the_selectors_of_a_seed() -> None:
    orders = {tuple(decide("random", seed=seed)) for seed in range(8)}
    assert len(orders) > 4
    assert all(sorted(order) == list(range(6)) for order in orders)
    control = registry.find("pt-random[tune=0]").select(small.search("pt-random[tune=0]"))
    assert [d.edge for d in control.decisions] == decide("random", seed=0)


def test_sgas_decides_the_certain_edge_first() -> None:
    """Worked out by hand: importance and certainty scaled to [0, 1] over the edges, then multiplied."""
    uniform, sharp, empty = [0.2] * 5, [0.2, 0.8, 0, 0, 0], [0.8, 0.05, 0.05, 0.05, 0.05]
    half = [0.5, 0.25, 0.25, 0, 0]  # importance (0.5 - 0.2) / 0.6; entropy log 2, of at most log 4
    certainty = edge_certainty(np.array([uniform, sharp, empty, half]))
    np.testing.assert_allclose(certainty, [0, 1, 0, 0.25], atol=1e-12)


def test_the_importance_of_gates_is_the_sum_of_those_that_are_not_none() -> None:
    """fair-darts has one sigmoid per operation: an edge with a large `none` may also have the largest other gates."""
    shut, open_wide = [0.1, 0.2, 0.1, 0.1, 0.1], [0.9, 0.9, 0.2, 0.2, 0.2]
    between = [0.5, 0.6, 0.15, 0.15, 0.15]  # importance (1.05 - 0.5) / (1.5 - 0.5)
    certainty = edge_certainty(np.array([shut, open_wide, between]))
    kept = np.array([[0.4, 0.2, 0.2, 0.2], np.array([9, 2, 2, 2]) / 15, np.array([6, 1.5, 1.5, 1.5]) / 10.5])
    plain = 1 + (kept * np.log(kept)).sum(1) / np.log(4)
    scaled = (plain - plain.min()) / (plain.max() - plain.min())
    np.testing.assert_allclose(certainty, [0, scaled[1], 0.55 * scaled[2]], atol=1e-12)
    assert certainty.argmax() == 1


def test_sgas_second_criterion_prefers_the_stable_edge() -> None:
    now = np.array([[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.61, 0.1, 0.1, 0.09], [0.3, 0.1, 0.2, 0.2, 0.2]])
    before = np.array([[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.6], [0.3, 0.2, 0.1, 0.2, 0.2]])
    assert edge_certainty(now).argmax() == 1
    assert edge_certainty(now, [before]).argmax() == 0


def sgas_by_hand(probabilities: np.ndarray, history: Sequence[np.ndarray] = ()) -> list[int]:
    """The edge order by SGAS's equations 2 to 7, rescaled over the open edges at each step."""

    def kept(row: np.ndarray) -> list[float]:
        return [p / sum(row[1:]) for p in row[1:]]

    def scaled(values: list[float]) -> list[float]:
        spread = max(values) - min(values)
        return [(v - min(values)) / spread if spread else 0.0 for v in values]

    decided: list[int] = []
    while len(decided) < 6:
        edges = [e for e in range(6) if e not in decided]
        rows = [probabilities[e] for e in edges]
        entropy = [-sum(p * np.log(p) for p in kept(row)) / np.log(4) for row in rows]
        figures = [scaled([sum(row[1:]) for row in rows]), scaled([1 - h for h in entropy])]
        if history:
            past = [
                [sum(min(a, b) for a, b in zip(kept(row), kept(h[e]), strict=True)) for h in history]
                for e, row in zip(edges, rows, strict=True)
            ]
            figures.append(scaled([sum(overlaps) / len(overlaps) for overlaps in past]))
        products = [float(np.prod(values)) for values in zip(*figures, strict=True)]
        decided.append(edges[products.index(max(products))])
    return decided


def test_sgas_orders_on_a_checkpoint() -> None:
    probabilities = small.alphas().softmax(-1).numpy()
    assert decide("sgas") == sgas_by_hand(probabilities)
    with pytest.raises(SkipCell, match="earlier checkpoint"):
        decide("sgas-2")
    history = [small.alphas(seed).softmax(-1).numpy() for seed in (1, 2, 3, 4)]
    found = decide("sgas-2", history=[torch.from_numpy(np.log(h)) for h in [history[0], *history]])
    assert found == sgas_by_hand(probabilities, history), "the last four"
    assert found != decide("sgas")
