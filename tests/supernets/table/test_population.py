"""Networks trained side by side behave like separate stand-alone networks of NAS-Bench-201."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from nas_selection_bench.bench.problem.space import Architecture
from nas_selection_bench.supernets.table.population import Population, first_values
from tests.supernets.table.plain import CELLS, CHANNELS, CLASSES, parts_of, plain_networks, tensor_of

ARCHITECTURES: list[Architecture] = [
    (3, 3, 1, 4, 3, 2),
    (2, 0, 4, 1, 1, 3),
    (0, 0, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 1),
    (4, 4, 4, 3, 2, 4),
    (3, 3, 3, 3, 3, 3),
    (2, 3, 0, 0, 3, 4),
]


def new_population(architectures: list[Architecture], **options: object) -> Population:
    population = Population(architectures, CHANNELS, CELLS, CLASSES, dtype=torch.float64, **options)  # type: ignore[arg-type]
    population.initialise(7)
    # Random values instead of ones and zeros reveal a scale or a shift in the wrong place.
    generator = torch.Generator().manual_seed(1)
    population.values.data.add_(0.1 * torch.randn(population.values.shape, generator=generator, dtype=torch.float64))
    return population


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_outputs_gradients_and_statistics_are_those_of_plain_networks(layout: torch.memory_format) -> None:
    population = new_population(ARCHITECTURES, memory_format=layout)
    networks = plain_networks(population)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 3, 8, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(CLASSES, (6,), generator=generator)
    logits = population.forward(images, train=True)
    functional.cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)), reduction="sum").backward()
    for number, network in enumerate(networks):
        expected = network.train()(images)
        torch.testing.assert_close(logits[number], expected, rtol=0, atol=1e-9)
        functional.cross_entropy(expected, labels, reduction="sum").backward()
        slopes = parts_of(population, number, population.gradients)
        assert sum(found.numel() for found in slopes.values()) == sum(p.numel() for p in network.parameters())
        for name, found in slopes.items():
            slope = tensor_of(network, name).grad
            expected_slope = torch.zeros_like(found) if slope is None else slope
            torch.testing.assert_close(found, expected_slope, rtol=0, atol=1e-9)
    # The running statistics were updated by the pass above.
    with torch.no_grad():
        evaluated = population.forward(images, train=False)
        for number, network in enumerate(networks):
            torch.testing.assert_close(evaluated[number], network.eval()(images), rtol=0, atol=1e-9)


architecture = st.tuples(*[st.integers(0, 4)] * 6)


@settings(max_examples=10, deadline=None)
@given(st.lists(architecture, min_size=1, max_size=4))
def test_a_network_computes_the_same_in_any_group(architectures: list[Architecture]) -> None:
    images = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = Population(architectures, 2, 1, CLASSES, dtype=torch.float64)
    together.initialise(3)
    logits = together.forward(images, train=True)
    for number, one in enumerate(architectures):
        alone = Population([one], 2, 1, CLASSES, dtype=torch.float64)
        alone.initialise(3)
        torch.testing.assert_close(alone.forward(images, train=True)[0], logits[number], rtol=0, atol=1e-9)


def test_first_values_have_pytorchs_spread_and_depend_on_name_and_seed() -> None:
    shape = (32, 16, 3, 3)
    drawn = first_values("stage1.reduce.b.conv", shape, 8, seed=1)
    default = nn.Conv2d(16, 32, 3, bias=False).weight.detach()
    bound = 1 / math.sqrt(16 * 9)
    assert drawn.abs().max() <= bound
    assert drawn.std() == pytest.approx(float(default.std()), rel=0.05)
    assert torch.equal(drawn, first_values("stage1.reduce.b.conv", shape, 8, seed=1))
    assert not torch.equal(drawn, first_values("stage1.reduce.b.conv", shape, 8, seed=2))
    assert not torch.equal(drawn, first_values("stage2.cell0.edge1.3x3.conv", shape, 8, seed=1))
    assert torch.equal(first_values("last.scale", (4,), 8, seed=1), torch.ones(4))
