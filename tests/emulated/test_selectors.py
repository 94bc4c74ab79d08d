"""Rules and every proxy on the emulated device give the scores and choices of the CPU."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.cells import Cell
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import apply, registry
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.network.literal import LiteralSupernet
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.parts.registry import find as find_recipe
from nas_selection_bench.supernets.training.tuning import Tuner
from tests.emulated.backend import DEFAULT_STREAM, Stream
from tests.emulated.conftest import CPU, GPU
from tests.emulated.device import State, facts_of, watched
from tests.selectors import small

RULES = ("disc-acc", "em-darts", "is-darts", "magnitude", "op-snip", "ostr", "shapley")
"""One rule of each kind that takes only seconds: evaluated mixtures, features, alphas, gates, weight gradients."""
READS_PER_NETWORK = 3
"""Host reads of az-nas: spectra, norms, and which blocks pass on gradients, once each for all blocks."""
READS, READS_PER_PASS = 60, 6
"""Accepted host reads of a criterion: once, and per pass."""
SIZES = 2
"""Sizes of mini-batches, ten images and the last four: a pass is captured once for each, per network."""
OF_EVERY_LAYER, OF_EVERY_IMAGE = 50, 200
"""Accepted host reads of one score: the small network has 43 layers; zico reads the gradients of four parts of the
batch."""


def chosen(name: str, device: str) -> Selection:
    """The selection of a selector on the small supernet; in float64 if nothing is trained."""
    search = search_on(device, name)
    selection = registry.find(name).select(search)
    selection.cost = search.meter.cost()
    return selection


def search_on(device: str, name: str) -> Search:
    """The Search that the selector `name` is given, on `device`."""
    selector = registry.find(name)
    dtype = torch.float32 if selector.needs.tuning else torch.float64
    network, place = small.network(dtype=dtype), torch.device(device)
    prepare(network, place)

    def tuner(own: object, alphas: torch.Tensor) -> Tuner:
        return Tuner(own, alphas, find_recipe("darts"), small.images(), small.SETTINGS, lambda e: e, device)  # type: ignore[arg-type]

    history = [small.alphas(seed, dtype).to(place) for seed in (1, 2)]
    return Search(
        small.cell(selector.name), network, small.alphas(dtype=dtype).to(place), find_recipe("darts"),
        Half(small.images(), "selection", place), selector.needs, tuner, history=lambda: history,
    )  # fmt: skip


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", RULES)
def test_a_selector_chooses_what_it_chooses_on_the_cpu(name: str, device: State, full_precision: None) -> None:
    gpu = chosen(name, GPU)
    reads, captures = device.host_reads, device.captures
    cpu = chosen(name, CPU)
    assert gpu.architecture == cpu.architecture
    tolerance = 1e-3 if registry.find(name).needs.tuning else 1e-6
    np.testing.assert_allclose(gpu.scores, cpu.scores, rtol=tolerance, atol=tolerance)
    assert reads <= READS + READS_PER_PASS * (gpu.cost.forward_passes + gpu.cost.backward_passes)
    assert captures <= SIZES, "evaluations of one network share their captures"


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


def test_ntk_launches_no_more_for_more_images() -> None:
    """If batch norm mixes the images, each image has its own backward pass; a GPU runs them all at once."""
    network = LiteralSupernet.like(small.network()).mixture(small.alphas().softmax(-1))
    prepare(network, torch.device(GPU))
    x, y = small.batches()[0]
    launched = []
    for count in (3, 6):
        operations: list[str] = []
        with watched(lambda func, args, kwargs, out, seen=operations: seen.append(facts_of(func).name)):  # type: ignore[misc]
            proxies.score("ntk", network, x[:count].to(GPU), y[:count].to(GPU))
        launched.append(operations)
    assert "convolution_backward" in launched[0]
    assert launched[0] == launched[1]


def test_jobs_that_share_a_gpu_work_on_streams_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks wait for their own streams only, and no job is charged for the memory of all."""
    gpu = torch.get_device_module("emu")
    streams: list[Stream] = []

    def opened(cell: Cell, folder: Path, images: ImageSet, device: str) -> Search:
        streams.append(gpu.current_stream())
        return search_on(device, "magnitude")

    monkeypatch.setattr(apply, "open_search", opened)

    def job(_number: int) -> Selection:
        return apply.select(small.cell("magnitude"), Path(), small.images(), GPU)

    before = DEFAULT_STREAM.waited
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(job, range(2)))
    alone = job(0)
    assert len({*streams, DEFAULT_STREAM}) == 4
    assert all(stream.waited >= 2 for stream in streams) and DEFAULT_STREAM.waited == before
    assert [selection.cost.peak_memory_bytes for selection in together] == [None, None]
    assert alone.cost.peak_memory_bytes is not None


@pytest.mark.program
def test_tuning_between_decisions_is_the_same_on_the_second_device() -> None:
    """DARTS-PT tunes weights and alphas after each decision; it is as close to the CPU as training is."""
    first, second = (chosen("darts-pt[tune=1]", device) for device in (GPU, "emu:1"))
    np.testing.assert_array_equal(first.scores, second.scores)
    assert first.architecture == second.architecture
    assert first.cost.backward_passes == second.cost.backward_passes > 0
