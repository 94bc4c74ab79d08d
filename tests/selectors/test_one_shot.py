"""One-shot accuracy compared with stand-alone networks with inherited weights."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nas_selection_bench.bench.problem.space import Architecture, architecture_of
from nas_selection_bench.selectors import one_shot
from nas_selection_bench.selectors.parts import registry, shared_weights
from nas_selection_bench.selectors.parts.shared_weights import evaluate_architectures, without_dead_ends
from tests.selectors import small

SOME = [architecture_of(p) for p in (0, 1, 624, 3906, 7812, 9999, 12345, 15624, *range(5000, 15000, 777))]
FED_ZEROS: list[Architecture] = [(0, 2, 3, 1, 3, 0), (0, 4, 0, 2, 3, 0)]
"""Convolutions whose input is zero: under running statistics their output is not."""


@torch.no_grad()
def one_by_one(architecture: Architecture, bn: str) -> tuple[float, float]:
    net = small.network()
    net.normalise("batch" if bn == "batch" else "running")
    alone = net.subnetwork(architecture)
    right, loss, count = 0, 0.0, 0
    for x, y in small.batches():
        logits = alone(x)
        right += int((logits.argmax(1) == y).sum())
        loss += float(F.cross_entropy(logits, y, reduction="sum"))
        count += len(y)
    return 100 * right / count, loss / count


@pytest.mark.parametrize("bn", ["batch", "running"])
@pytest.mark.parametrize("numbers", [1, 2**14])
def test_many_at_once_is_one_by_one(bn: str, numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluated in groups of one (as on a CPU) and of several (as on a GPU)."""
    monkeypatch.setattr(shared_weights, "CACHED_NUMBERS", numbers)
    net = small.network()
    net.normalise("batch" if bn == "batch" else "running")
    accuracy, loss = evaluate_architectures(net, SOME + FED_ZEROS, small.batches())
    expected = np.array([one_by_one(a, bn) for a in SOME + FED_ZEROS])
    np.testing.assert_allclose(accuracy, expected[:, 0])
    np.testing.assert_allclose(loss, expected[:, 1], rtol=1e-9)


def test_dead_ends_are_those_edges_whose_operation_does_not_matter() -> None:
    """By brute force: an edge is live if it is on some complete path from input to output."""
    for operations in itertools.islice(itertools.product(range(2), repeat=6), 64):
        a: Architecture = operations  # type: ignore[assignment]
        paths = {(0, 2, 5): (a[0], a[2], a[5]), (0, 4): (a[0], a[4]), (1, 5): (a[1], a[5]), (3,): (a[3],)}
        live = {edge for path, ops in paths.items() if all(ops) for edge in path}
        assert without_dead_ends(a) == tuple(op if e in live else 0 for e, op in enumerate(a))


@pytest.mark.parametrize("name", ["one-shot-sampled[architectures=5]", "one-shot[architectures=5]"])
def test_of_equally_accurate_architectures_the_one_with_the_lowest_loss_is_taken(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Architecture] = []

    def made_up(_network: object, architectures: list[Architecture], _batches: object) -> tuple[np.ndarray, np.ndarray]:
        drawn.extend(architectures)
        return np.array([50.0, 75, 75, 75, 25]), np.array([0.1, 1.2, 0.9, 1.1, 0.2])

    monkeypatch.setattr(one_shot, "evaluate_architectures", made_up)
    selection = registry.find(name).select(small.search(name))
    assert selection.architecture == drawn[2]
