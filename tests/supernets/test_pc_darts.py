"""Partial channels against the whole network, and against the definition written out for one cell."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.bench.errors import SkipCell, UsageError
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.space import EDGES
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.partial_channels import PartialCell, shuffled
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.pc_darts import RECIPE, PcDarts
from nas_selection_bench.supernets.training.loop import Training
from tests.supernets.tiny import batch, tiny_search

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def cell_and_input(parts: int) -> tuple[PartialCell, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    cell = PartialCell(4, parts).double()
    cell.mode = "batch"
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    x = torch.randn(5, 4, 6, 6, dtype=torch.float64, generator=generator)
    return cell, x, torch.rand(6, 6, dtype=torch.float64, generator=generator)


def by_definition(cell: PartialCell, x: Tensor, weights: Tensor, parts: int) -> Tensor:
    c = x.shape[1] // parts
    norm = nn.BatchNorm2d(c, affine=False).double()
    nodes = [x, *(torch.zeros_like(x) for _ in range(3))]
    for edge, (target, source) in enumerate(EDGES):
        leaving = [e for e, (_, s) in enumerate(EDGES) if s == source]
        part = nodes[source][:, :c]
        outputs = [torch.zeros_like(part), part]
        for kernel in (1, 3):
            weight = getattr(cell, f"weight_{kernel}x{kernel}_{source}")[leaving.index(edge) * c :][:c]
            outputs.append(norm(F.conv2d(F.relu(part), weight, padding=kernel // 2)))
        outputs.append(nn.AvgPool2d(3, 1, 1, count_include_pad=False)(part))
        mixed = sum(w * o for w, o in zip(weights[edge], outputs, strict=False))
        whole = torch.cat([mixed, nodes[source][:, c:]], 1)
        nodes[target] = nodes[target] + weights[edge, 5] * F.channel_shuffle(whole, parts)
    return nodes[3]


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_one_cell_by_definition(parts: int) -> None:
    cell, x, weights = cell_and_input(parts)
    torch.testing.assert_close(cell(x, weights), by_definition(cell, x, weights, parts), **CLOSE)
    seen: list[Tensor] = []
    watched = cell.observed(x, weights, 0.0, lambda edge, outputs, mixed: seen.append(mixed))
    torch.testing.assert_close(watched, cell(x, weights), **CLOSE)
    assert [m.shape[1] for m in seen] == [4 // parts] * 6
    with torch.no_grad():
        cell.edge_log_scale.copy_(weights[:, 5].log())
    torch.testing.assert_close(cell(x, weights[:, :5]), cell(x, weights), **CLOSE)


def test_untouched_channels_pass_by() -> None:
    cell, x, weights = cell_and_input(4)
    with torch.no_grad():
        weights[:, 5] = torch.tensor([0, 0, 0, 1.0, 0, 0])  # only the edge from input to output
    before, after = shuffled(x, 4), cell(x, weights)
    # The first quarter is mixed; shuffled in four groups of one channel, it stays first.
    assert torch.equal(before[:, 1:], after[:, 1:])
    assert not torch.allclose(before[:, :1], after[:, :1])
    masked = weights.clone()
    masked[3, :5] = 0
    assert torch.equal(cell(x, masked)[:, 1:], after[:, 1:]), "masking touches one channel in four"
    assert not cell(x, masked)[:, :1].any()


def test_with_one_part_it_is_the_usual_network() -> None:
    generator = torch.Generator().manual_seed(0)
    partial = PcDarts(k=1).build(3, 1, 4).double()
    usual = Supernet(3, 1, 4).double()
    state = {name: t for name, t in partial.state_dict().items() if "edge_log_scale" not in name}
    usual.load_state_dict(state)
    images = torch.randn(6, 3, 8, 8, dtype=torch.float64, generator=generator)
    weights = torch.rand(6, 5, dtype=torch.float64, generator=generator).requires_grad_()
    logits = [network(images, weights) for network in (partial, usual)]
    torch.testing.assert_close(*logits, **CLOSE)
    torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), weights) for y in logits), **CLOSE)
    active = [[True, True, False, True, False]] * 6
    zeroed = weights.detach() * torch.tensor(active)
    torch.testing.assert_close(partial(images, zeroed, active=active), usual(images, zeroed), **CLOSE)


def test_edges_are_normalised_over_those_that_arrive() -> None:
    search = tiny_search(RECIPE, channels=4)
    scale = RECIPE.edge_scale(search.alphas.detach())
    for edges in ([0], [1, 2], [3, 4, 5]):
        expected = search.alphas[edges, 5].exp() / search.alphas[edges, 5].exp().sum()
        torch.testing.assert_close(scale[edges], expected.detach())
    RECIPE.step(search, batch(1), batch(2))
    weights = RECIPE.mixing(search, search.alphas).weights
    images = batch(3)[0]
    torch.testing.assert_close(search.network(images, weights), search.network(images, weights[:, :5]))
    loss = search.loss(batch(1), RECIPE.mixing(search, search.alphas))
    (slope,) = torch.autograd.grad(loss, search.alphas)
    assert slope[1:, 5].abs().min() > 0
    assert torch.equal(replace(RECIPE, normalise_edges=False).edge_scale(search.alphas), torch.ones(6).double())


def test_untrained_share_during_the_warm_up(settings: Settings, images: ImageSet, tmp_path: Path) -> None:
    assert [RECIPE.searches(epoch, 50) for epoch in (0, 14, 15, 49)] == [False, False, True, True]
    # 0.29 * 100 is 28.999999999999996.
    assert [replace(RECIPE, warm_up=0.29).searches(epoch, 100) for epoch in (28, 29)] == [False, True]
    assert [replace(RECIPE, warm_up=share).searches(0, 10) for share in (0, 1)] == [True, False]
    assert not replace(RECIPE, warm_up=1).searches(9, 10)
    job = SupernetJob("patterns", "pc-darts[warm_up=0.34]", 0, 0, replace(settings, epochs=3))
    run = Training(job, images, torch.device("cpu"))
    start = run.search.alphas.detach().clone()
    run.run_epoch()
    assert torch.equal(run.search.alphas, start)
    run.checkpoint().save(tmp_path)
    run.save(tmp_path)
    run.run_epoch()
    assert (run.search.alphas - start).abs().max() > 1e-4
    broken = Training(job, images, torch.device("cpu"))
    broken.resume(tmp_path)
    broken.run_epoch()
    assert torch.equal(broken.search.alphas, run.search.alphas)


def test_what_needs_whole_channels_says_so() -> None:
    network = RECIPE.build(4, 1, 3)
    with pytest.raises(SkipCell, match="1/4 of the channels"):
        network.subnetwork((3, 3, 3, 3, 3, 3))
    with pytest.raises(SkipCell, match="1/4 of the channels"):
        LiteralSupernet.like(network)
    with pytest.raises(UsageError, match="6 channels do not fall into 4"):
        RECIPE.build(6, 1, 3)
