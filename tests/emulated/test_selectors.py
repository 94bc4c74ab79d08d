"""Rules and every proxy on the emulated device: the CPU's scores, and the CPU's choice."""

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.parts.registry import find as find_recipe
from nas_selection_bench.supernets.training.tuning import Tuner
from tests.emulated.conftest import CPU, GPU
from tests.emulated.device import State
from tests.selectors import small

RULES = ("disc-acc", "em-darts", "is-darts", "magnitude", "op-snip", "ostr")
"""One rule of each kind that takes seconds here: evaluated mixtures, features, alphas, gates, gradients of weights."""
READS_PER_NETWORK = 3
"""Host reads of az-nas: spectra, norms and which blocks hand gradients through, once each for all blocks."""
READS, READS_PER_PASS = 60, 6
"""Host reads of a criterion that are accepted: what it reads once, and what it reads of every pass."""
OF_EVERY_LAYER, OF_EVERY_IMAGE = 50, 200
"""Host reads of one score: 43 layers of the small network; zico reads the gradients of four parts of the batch."""


def chosen(name: str, device: str) -> Selection:
    """What a selector chooses on the small supernet; in float64 where nothing is trained."""
    selector = registry.find(name)
    dtype = torch.float32 if selector.needs.tuning else torch.float64
    network, place = small.network(dtype=dtype), torch.device(device)
    prepare(network, place)

    def tuner(own: object, alphas: torch.Tensor) -> Tuner:
        return Tuner(own, alphas, find_recipe("darts"), small.images(), small.SETTINGS, lambda e: e, device)  # type: ignore[arg-type]

    history = [small.alphas(seed, dtype).to(place) for seed in (1, 2)]
    search = Search(
        small.cell(selector.name), network, small.alphas(dtype=dtype).to(place), find_recipe("darts"),
        Half(small.images(), "selection", place), selector.needs, tuner, history=lambda: history,
    )  # fmt: skip
    selection = selector.select(search)
    selection.cost = search.meter.cost()
    return selection


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", RULES)
def test_a_selector_chooses_what_it_chooses_on_the_cpu(name: str, device: State, full_precision: None) -> None:
    gpu = chosen(name, GPU)
    reads = device.host_reads
    cpu = chosen(name, CPU)
    assert gpu.architecture == cpu.architecture
    tolerance = 1e-3 if registry.find(name).needs.tuning else 1e-6
    np.testing.assert_allclose(gpu.scores, cpu.scores, rtol=tolerance, atol=tolerance)
    assert reads <= READS + READS_PER_PASS * (gpu.cost.forward_passes + gpu.cost.backward_passes)


def test_az_nas_asks_the_device_a_few_times_for_each_network(device: State) -> None:
    gpu = chosen("az-nas[architectures=4]", GPU)
    assert device.host_reads <= 4 * READS_PER_NETWORK
    assert gpu.architecture == chosen("az-nas[architectures=4]", CPU).architecture


@pytest.mark.parametrize("name", proxies.names())
def test_a_proxy_scores_a_mixture_as_on_the_cpu(name: str, device: State) -> None:
    network = LiteralSupernet.like(small.network()).mixture(small.alphas().softmax(-1))
    network.network.normalise("batch")
    x, y = small.batches()[0]
    expected = proxies.score(name, network, x, y)
    prepare(network, torch.device(GPU))
    device.host_reads = 0
    assert proxies.score(name, network, x.to(GPU), y.to(GPU)) == pytest.approx(expected, rel=1e-7)
    assert device.host_reads <= (OF_EVERY_IMAGE if name == "zico" else OF_EVERY_LAYER)
