"""IS-DARTS's metric, and which operations are pruned when."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nas_selection_bench.supernets.is_darts import RECIPE, information, metric_of, pruned_by
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.parts.recipe import Batch
from tests.supernets.tiny import batch, tiny_search


def batches(half: str) -> list[Batch]:
    assert half == "selection"
    return [batch(1), batch(2)]


def test_the_metric_is_as_the_paper_writes_it() -> None:
    z = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = []
    for n in range(2):
        for h in range(3):
            for w in range(3):
                column = z[n, :, h, w].numpy()
                values += list(3 * (column - column.mean()) ** 2 / column.std(ddof=1) ** 6)
    np.testing.assert_allclose(float(metric_of(z)), np.mean(values))
    assert not metric_of(torch.zeros(2, 4, 3, 3)).isfinite()


def test_the_metric_of_every_operation_of_the_literal_network() -> None:
    search = tiny_search(RECIPE, channels=4)
    with torch.no_grad():
        search.alphas.fill_(0.2)
    seen: dict[tuple[int, int], float] = {}
    literal = LiteralSupernet.like(search.network)
    for cell in literal.cells:
        for edge, mixed in enumerate(cell.edges):
            for operation, module in enumerate(mixed.operations):

                def hook(_m: object, _i: object, output: Tensor, key: tuple[int, int] = (edge, operation)) -> None:
                    seen[key] = seen.get(key, 0.0) + metric_of(output).item()

                module.register_forward_hook(hook)
    for images, _ in batches("selection"):
        literal(images, search.alphas.detach())
    found = information(search, batches)
    assert found[:, 0].isinf().all(), "none has no deviation"
    for (edge, operation), value in seen.items():
        if operation:
            assert found[edge, operation].item() == pytest.approx(value, rel=1e-6)
    assert search.network.normalisation == "train"


def test_the_largest_of_each_edge_is_pruned_four_times() -> None:
    search = tiny_search(RECIPE, channels=4)
    with torch.no_grad():
        search.alphas.fill_(0.2)
    left = []
    for epoch in range(30):
        metric = information(search, batches)
        before = search.alphas.detach().clone()
        RECIPE.after_epoch(search, epoch, 30, batches)
        gone = (before != 0) & (search.alphas == 0)
        if gone.any():
            left.append((epoch + 1, int((search.alphas != 0).sum())))
            assert torch.equal(gone.long().argmax(1), metric.masked_fill(before == 0, -1).argmax(1))
    assert left == [(23, 24), (25, 18), (27, 12), (29, 6)]
    assert set(search.alphas.flatten().tolist()) == {0.0, 0.2}
    weights = search.network(batch(1)[0], RECIPE.mixing(search, search.alphas).weights)
    mixing = RECIPE.mixing(search, search.alphas)
    torch.testing.assert_close(search.network(batch(1)[0], mixing.weights, active=mixing.active), weights)


@pytest.mark.parametrize("epochs", [1, 3, 8, 100])
def test_one_operation_is_left_whatever_the_length(epochs: int) -> None:
    assert pruned_by(0, epochs) == 0
    assert pruned_by(epochs, epochs) == 4
