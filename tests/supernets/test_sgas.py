"""SGAS's decisions, computed by hand."""

import math

import numpy as np
import pytest
import torch

from nas_selection_bench.supernets.parts.edge_certainty import edge_certainty
from nas_selection_bench.supernets.parts.recipe import SupernetState
from nas_selection_bench.supernets.sgas import OPEN, RECIPE, Sgas, decisions_due, still_open
from tests.supernets.tiny import batch, tiny_search


def search_at(probabilities: torch.Tensor, recipe: Sgas = RECIPE) -> SupernetState:
    search = tiny_search(recipe)
    with torch.no_grad():
        search.alphas.copy_(probabilities.log())
    return search


PROBABILITIES = torch.tensor(
    [
        [0.2, 0.2, 0.2, 0.2, 0.2],
        [0.6, 0.4 - 3e-6, 1e-6, 1e-6, 1e-6],
        [0.1, 0.1, 0.1, 0.6, 0.1],
        [0.1, 0.225, 0.225, 0.225, 0.225],
        [0.05, 0.05, 0.75, 0.1, 0.05],
        [0.2, 0.5, 0.1, 0.1, 0.1],
    ],
    dtype=torch.float64,
)


def criterion_by_hand(rows: list[list[float]], past: list[list[list[float]]]) -> list[float]:
    importance = [1 - row[0] for row in rows]
    others = [[p / sum(row[1:]) for p in row[1:]] for row in rows]
    certain = [1 + sum(q * math.log(q) for q in row) / math.log(4) for row in others]
    factors = [importance, certain]
    if past:
        overlaps = [
            [
                sum(min(q, p / sum(old[1:])) for q, p in zip(row, old[1:], strict=True))
                for row, old in zip(others, epoch, strict=True)
            ]
            for epoch in past
        ]
        factors.append([sum(column) / len(past) for column in zip(*overlaps, strict=True)])
    scaled = [[(v - min(f)) / (max(f) - min(f)) for v in f] for f in factors]
    return [math.prod(column) for column in zip(*scaled, strict=True)]


def test_the_criteria_by_hand() -> None:
    rows = PROBABILITIES.tolist()
    found = edge_certainty(PROBABILITIES.numpy())
    assert found.tolist() == pytest.approx(criterion_by_hand(rows, []))
    past = torch.rand(4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(-1)
    assert edge_certainty(PROBABILITIES.numpy(), past.numpy()).tolist() == pytest.approx(
        criterion_by_hand(rows, past.tolist())
    )


def test_the_certain_edge_that_matters_is_decided_first() -> None:
    search = search_at(PROBABILITIES)
    done = []
    for epoch in range(100):
        before = search.memory["decided"].tolist()
        RECIPE.after_epoch(search, epoch, 100, lambda half: iter(()))
        done += [
            (epoch + 1, e)
            for e, (a, b) in enumerate(zip(before, search.memory["decided"].tolist(), strict=True))
            if a != b
        ]
    # Edge 1 is the most certain but mostly `none`, so it is the least important while others are open.
    assert done[:2] == [(18, 4), (32, 2)]
    assert [epoch for epoch, _ in done] == [18, 32, 46, 60, 74, 88]
    assert search.memory["decided"].tolist() == [1, 1, 3, 1, 2, 1], "the best that is not none"
    weights = RECIPE.edge_weights(search.alphas.detach())
    assert torch.equal(weights, torch.eye(5, dtype=torch.float64)[[1, 1, 3, 1, 2, 1]])


def test_the_certainty_of_nearly_uniform_edges_is_not_rounding() -> None:
    """After few steps 1 + sum q log q / log 4 is about 1e-6, only a few times the rounding error of float32."""
    alphas = 5e-4 * torch.randn(40, 6, 5, generator=torch.Generator().manual_seed(0))
    wrong = 0
    for start in alphas:
        search = tiny_search(RECIPE)
        search.alphas = start.clone().requires_grad_()
        RECIPE.after_epoch(search, 17, 100, lambda half: iter(()))
        exact = np.exp(start.numpy().astype(np.float64))
        rows = exact / exact.sum(1, keepdims=True)
        values = criterion_by_hand(rows.tolist(), [])
        (decided,) = (search.memory["decided"] != OPEN).nonzero().flatten().tolist()
        wrong += decided != int(np.argmax(values))
    assert wrong == 0


def test_stability_decides_under_the_second_criterion() -> None:
    recipe = Sgas(criterion=2, window=2)
    search = search_at(PROBABILITIES, recipe)
    # Until now, edge 4 favoured another operation.
    restless = PROBABILITIES.clone()
    restless[4] = torch.tensor([0.05, 0.05, 0.05, 0.1, 0.75])
    search.memory["past"] = torch.stack([restless, restless])
    recipe.after_epoch(search, 17, 100, lambda half: iter(()))
    assert (search.memory["decided"] != OPEN).nonzero().tolist() == [[2]]
    torch.testing.assert_close(search.memory["past"][1][4], PROBABILITIES[4], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("window", "edge"), [(1, 4), (4, 2)])
def test_stability_looks_back_as_far_as_the_window(window: int, edge: int) -> None:
    """Edge 4 wavered until three epochs ago, edge 5 wavers now: edge 4 counts as stable only in a short window."""
    recipe = Sgas(criterion=2, window=window)
    search = tiny_search(recipe)
    earlier, lately = PROBABILITIES.clone(), PROBABILITIES.clone()
    earlier[4] = PROBABILITIES[4, [0, 1, 4, 3, 2]]
    lately[5] = PROBABILITIES[5, [0, 2, 1, 3, 4]]
    for epoch, probabilities in enumerate([earlier, earlier, earlier, lately, PROBABILITIES], 13):
        with torch.no_grad():
            search.alphas.copy_(probabilities.log())
        recipe.after_epoch(search, epoch, 100, lambda half: iter(()))
    assert (search.memory["decided"] != OPEN).nonzero().tolist() == [[edge]]


def test_a_decided_edge_stays_and_runs_one_operation() -> None:
    search = search_at(PROBABILITIES)
    RECIPE.after_epoch(search, 17, 100, lambda half: iter(()))
    assert still_open(search)[4] == [False, False, True, False, False]
    assert sum(map(sum, still_open(search))) == 26
    before = search.alphas.detach().clone()
    mixing = RECIPE.mixing(search, search.alphas)
    full = search.network(batch(1)[0], mixing.weights)
    torch.testing.assert_close(search.network(batch(1)[0], mixing.weights, active=mixing.active), full)
    for _ in range(3):
        RECIPE.step(search, batch(1), batch(2))
    assert torch.equal(search.alphas[4], before[4])
    assert (search.alphas.detach() - before)[[0, 1, 2, 3, 5]].abs().min() > 0


@pytest.mark.parametrize("epochs", [1, 2, 3, 8, 10, 100])
def test_all_edges_are_decided_at_the_end(epochs: int) -> None:
    due = [decisions_due(done, epochs) for done in range(epochs + 1)]
    assert due == sorted(due) and due[0] == 0 and due[-1] == 6
