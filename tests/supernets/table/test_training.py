"""Networks of a table are trained side by side with the same results as alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.supernets.table.population import Population
from nas_selection_bench.supernets.table.training import (
    Arithmetic,
    SplitImages,
    TableRecipe,
    accuracies,
    fit,
    new_population,
    train_group,
)
from tests.supernets.table.plain import image_set, parts_of, plain_networks

SOME: list[Architecture] = [(3, 2, 1, 4, 3, 2), (1, 0, 4, 1, 1, 3)]


def test_training_side_by_side_is_nesterov_sgd_on_each_network(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = TableRecipe(channels=4, cells=2, images=40, epochs=2, batch_size=8)
    held = SplitImages.of(image_set(40, 1), image_set(20, 2), "cpu")
    images = SplitImages(held.train.double(), held.train_labels, held.held_out.double(), held.held_out_labels, 4)
    population = Population(SOME, recipe.channels, recipe.cells, 10, dtype=torch.float64)
    population.initialise(3)
    networks = plain_networks(population)
    seen: list[torch.Tensor] = []
    forward = population.forward

    def watched(images: torch.Tensor, train: bool) -> torch.Tensor:
        seen.append(images)
        return forward(images, train)

    monkeypatch.setattr(population, "forward", watched)
    fit(population, 0, images, recipe)
    assert len(seen) == 10
    numbers = {tuple(image.flatten().tolist()): n for n, image in enumerate(images.train)}
    order = [[numbers[tuple(image.flatten().tolist())] for image in batch] for batch in seen]
    for epoch in (order[:5], order[5:]):
        assert sorted(number for batch in epoch for number in batch) == list(range(40))
    assert order[:5] != order[5:]
    with torch.no_grad():
        together = forward(images.held_out, False)
    for number, network in enumerate(networks):
        network.train()
        optimiser = torch.optim.SGD(network.parameters(), lr=1.0, momentum=0.9, nesterov=True, weight_decay=5e-4)
        for batch, rate in zip(order, recipe.rates(10), strict=True):
            optimiser.param_groups[0]["lr"] = float(torch.tensor(rate))
            loss = functional.cross_entropy(network(images.train[batch]), images.train_labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            torch.testing.assert_close(network.eval()(images.held_out), together[number], rtol=0, atol=1e-6)
    test, valid = accuracies(population, images)
    right = (together.argmax(-1) == images.held_out_labels).double()
    assert test == pytest.approx((100 * right[:, :10].mean(1)).tolist())
    assert valid == pytest.approx((100 * right[:, 10:].mean(1)).tolist())


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = TableRecipe(learning_rate=0.4, warm_up=0.25).rates(40)
    assert max(rates) == pytest.approx(0.4)
    assert np.argmax(rates) in (9, 10)
    assert np.all(np.diff(rates[:10]) > 0)
    assert np.all(np.diff(rates[11:]) < 0)
    assert 0 < rates[-1] < 0.01
    assert TableRecipe().rates(1) == [0.05]


def test_a_trial_has_its_own_weights_and_order_whatever_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = TableRecipe(channels=2, images=40, epochs=2, batch_size=8)
    images = SplitImages.of(image_set(40, 1), image_set(400, 2), "cpu")
    seen: list[torch.Tensor] = []

    def trained(group: list[Architecture], trial: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """The initial values of the last network of a group, and the batches on which the group is trained."""
        population = new_population(group, trial, 4, recipe, Arithmetic())
        last = parts_of(population, len(group) - 1, population.values)
        start = {name: values.detach().clone() for name, values in last.items()}
        forward = population.forward

        def watched(images: torch.Tensor, train: bool) -> torch.Tensor:
            seen.append(images)
            return forward(images, train)

        seen.clear()
        monkeypatch.setattr(population, "forward", watched)
        fit(population, trial, images, recipe)
        batches = torch.stack(seen)
        # The same holds for `train_group`, which does all of this at once.
        assert train_group(group, trial, images, recipe, Arithmetic()) == accuracies(population, images)
        return start, batches

    (start, batches), (start_alone, batches_alone) = trained(SOME, 0), trained(SOME[1:], 0)
    start_later, batches_later = trained(SOME, 1)
    assert start.keys() == start_alone.keys() == start_later.keys()
    assert all(torch.equal(values, start_alone[name]) for name, values in start.items())
    assert not any(torch.equal(values, start_later[name]) for name, values in start.items() if "conv" in name)
    assert batches.shape == (10, 8, 3, 8, 8)
    assert torch.equal(batches, batches_alone)
    assert not torch.equal(batches, batches_later)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("graph", [False, True])
def test_a_gpu_trains_the_same_networks(graph: bool) -> None:
    recipe = TableRecipe(images=64, batch_size=16)
    populations = []
    for arithmetic in (Arithmetic(), Arithmetic("cuda", "float32", graph=graph)):
        images = SplitImages.of(image_set(64, 1), image_set(20, 2), arithmetic.device)
        population = new_population(SOME, 0, 4, recipe, arithmetic)
        fit(population, 0, images, recipe, graph=arithmetic.graph)
        populations.append(population.values.cpu())
    torch.testing.assert_close(populations[0], populations[1], rtol=0, atol=1e-3)
