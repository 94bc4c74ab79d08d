"""Networks of a table, and architectures with shared weights: the emulated device gives the CPU's numbers."""

import itertools

import pytest
import torch

from nas_selection_bench.selectors.parts import shared_weights
from nas_selection_bench.selectors.parts.shared_weights import evaluate_architectures
from nas_selection_bench.supernets.network.precision import prepare
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.table.training import Arithmetic, SplitImages, TableRecipe, fit, new_population
from tests.emulated.backend import Backend
from tests.emulated.conftest import GPU
from tests.emulated.device import State
from tests.selectors import small
from tests.supernets.table.plain import image_set

ARCHITECTURES = ((0, 1, 2, 3, 4, 3), (3, 3, 2, 1, 0, 4))


@pytest.mark.program
@pytest.mark.parametrize(("place", "graph"), [(GPU, False), (GPU, True), ("emu:1", True)])
def test_a_gpu_trains_the_networks_of_a_table_as_the_cpu_does(place: str, graph: bool, device: State) -> None:
    recipe = TableRecipe(channels=4, images=48, batch_size=16)
    values = []
    for arithmetic in (Arithmetic(), Arithmetic(place, graph=graph)):
        images = SplitImages.of(image_set(48, 1), image_set(20, 2), arithmetic.device)
        population = new_population(ARCHITECTURES, 0, 4, recipe, arithmetic)
        before = population.values.cpu().clone()
        fit(population, 0, images, recipe, graph=arithmetic.graph)
        values.append(population.values.cpu())
        assert not torch.equal(before, values[-1])
    assert (device.captures, device.replays) == ((1, 3) if graph else (0, 0))
    torch.testing.assert_close(values[1], values[0], rtol=0, atol=1e-5)


def test_architectures_with_shared_weights_are_as_accurate_as_on_the_cpu() -> None:
    network, (x, y) = small.network(dtype=torch.float64), small.batches()[0]
    cpu = evaluate_architectures(network, ARCHITECTURES, [(x.double(), y)])
    prepare(network, torch.device(GPU))
    gpu = evaluate_architectures(network, ARCHITECTURES, [(x.double().to(GPU), y.to(GPU))])
    for here, there in zip(cpu, gpu, strict=True):
        torch.testing.assert_close(torch.as_tensor(there), torch.as_tensor(here), rtol=1e-9, atol=1e-9)


def test_indices_of_a_group_are_copied_to_the_device_once_for_all_cells(device: State) -> None:
    (x, y), many = small.batches()[0], list(itertools.product((1, 3), repeat=6))
    uploads = []
    for cells in (1, 3):
        network = Supernet(4, cells, small.CLASSES)
        network.normalise("batch")
        prepare(network, torch.device(GPU))
        batch = x.float().to(GPU), y.to(GPU)
        device.uploads = 0
        evaluate_architectures(network, many, [batch])
        uploads.append(device.uploads)
    assert 0 < uploads[0] == uploads[1]


@pytest.mark.parametrize("gibibytes", [8, 141])
def test_a_group_of_architectures_fits_into_a_quarter_of_the_card(
    gibibytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by its largest map in float32, of which some dozens are in memory at once."""
    monkeypatch.setattr(Backend, "mem_get_info", lambda self, device=None: (1 << 20, gibibytes << 30))
    numbers = shared_weights.group_numbers(torch.device(GPU))
    assert 0 < 20 * 4 * numbers <= gibibytes << 28


def test_terms_of_the_first_cell_that_no_architecture_asks_for_again_are_not_kept() -> None:
    network, (x, _) = small.network(), small.batches()[0]
    first = shared_weights.FirstCell(network.cells[0], x.new_zeros(2, 4, 3, 3), False)
    kept = []
    for architecture in itertools.product(range(1, 5), repeat=6):
        if architecture[3:5] == (1, 1):
            first.output(architecture)
            kept.append(len(first._terms) + len(first._nodes))
    assert max(kept) <= 30
