"""AZ-NAS compared with its separately computed parts, and in cases with a known answer."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, code
from nas_selection_bench.selectors.az_nas import backward_terms, block_outputs, entropies_of_spectra, sum_of_log_ranks
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.initialisation import initialise, kaiming_normal_fan_in
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork
from tests.selectors import small


def entropy_of_spectrum(features: torch.Tensor) -> float:
    (entropy,) = entropies_of_spectra([features])
    return entropy


def test_entropy_of_uncorrelated_channels_and_of_one_direction() -> None:
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).T.reshape(1, 2, 2, 2).double()
    assert entropy_of_spectrum(5 + signs) == pytest.approx(math.log(2), abs=1e-6)
    assert entropy_of_spectrum(signs[:, :1].repeat(1, 3, 1, 1)) == pytest.approx(0, abs=1e-6)
    uneven = signs * torch.tensor([1.0, 3.0]).view(1, 2, 1, 1)  # variances 1 and 9
    assert entropy_of_spectrum(uneven) == pytest.approx(-0.1 * math.log(0.1) - 0.9 * math.log(0.9), abs=1e-6)
    assert math.isnan(entropy_of_spectrum(torch.ones(2, 3, 4, 4)))


def test_backward_term_of_a_map_whose_spectral_norm_is_known() -> None:
    """For a 1x1 convolution, the estimate tends to its matrix; 2 - s - 1/s is 0 at s = 1."""
    matrix = torch.tensor([[0.6, -0.8], [0.8, 0.6]]).double()  # a rotation
    x = torch.randn(64, 2, 16, 16, dtype=torch.float64, requires_grad=True)
    for scale in (1.0, 2.0):
        y = torch.einsum("oc,nchw->nohw", scale * matrix, x)
        (term,) = backward_terms([x, y], torch.Generator().manual_seed(0))
        assert term == pytest.approx(2 - scale - 1 / scale, abs=0.03)
    nothing, identity = x * 0, x * 1
    assert backward_terms([x, nothing], torch.Generator()) == [pytest.approx(2 - 1e6)]
    assert backward_terms([x, identity], torch.Generator()) == [-math.inf]


def test_backward_term_of_a_reduction_counts_the_square_before_a_place() -> None:
    """A 2x2 mean: each of four numbers gets a quarter of the gradient, so the map is (1/4, 1/4, 1/4, 1/4)."""
    x = torch.randn(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    (term,) = backward_terms([x, nn.functional.avg_pool2d(x, 2)], torch.Generator().manual_seed(0))
    assert term == pytest.approx(2 - 0.5 - 1 / 0.5, abs=1e-4)


def test_blocks_are_the_stem_the_cells_and_the_reductions_in_order() -> None:
    network = StandaloneNetwork((3, 1, 2, 4, 3, 1), 4, 2, 10)
    outputs = block_outputs(network, torch.randn(2, 3, 8, 8))
    assert [tuple(f.shape[1:]) for f in outputs] == [
        (4, 8, 8), (4, 8, 8), (4, 8, 8), (8, 4, 4), (8, 4, 4), (8, 4, 4), (16, 2, 2), (16, 2, 2), (16, 2, 2)
    ]  # fmt: skip
    x = network.stem(torch.ones(1, 3, 8, 8))
    assert torch.equal(block_outputs(network, torch.ones(1, 3, 8, 8))[1], network.cells[0](x))


def test_ranks_by_hand() -> None:
    measures = np.array([[1.0, 5, 0, 7], [2, 5, -math.inf, 9], [3, 4, 1, 8]])
    ranks = [(1, 2.5, 2, 1), (2, 2.5, 1, 3), (3, 1, 3, 2)]
    expected = [sum(math.log(r / 3) for r in row) for row in ranks]
    assert sum_of_log_ranks(measures).tolist() == pytest.approx(expected)


def test_the_whole_selection_computed_on_its_own() -> None:
    name = "az-nas[architectures=7,images=6]"
    search = small.search(name)
    selection = registry.find(name).select(search)
    assert selection.ranking is not None
    generator = search.shared_generator("architectures")
    drawn = [architecture_of(int(p)) for p in torch.randperm(N_ARCHITECTURES, generator=generator)[:7]]
    noise = torch.randn(6, 3, 8, 8, generator=search.shared_generator("az-nas"), dtype=torch.float64)
    rows = []
    for architecture in drawn:
        network = StandaloneNetwork(architecture, 4, 1, small.CLASSES).double()
        initialise(network, search.shared_generator("stand-alone"), kaiming_normal_fan_in)
        x, macs = network.stem(noise), 4 * 27 * 64
        features = [x]
        for stage in range(3):
            if stage:
                x = network.reductions[stage - 1](x)
                features.append(x)
            x = network.cells[stage](x)
            features.append(x)
            width, places = 4 * 2**stage, 64 // 4**stage
            macs += places * width * width * sum({2: 1, 3: 9}.get(o, 0) for o in architecture)
            if stage:
                macs += places * (width * width // 2 * 9 + width * width * 9 + width * width // 2)
        macs += 16 * small.CLASSES
        entropies = []
        for f in features:
            rows_of_channels = f.detach().numpy().transpose(1, 0, 2, 3).reshape(f.shape[1], -1)
            values = np.linalg.eigvalsh(np.cov(rows_of_channels, bias=True))
            share = values / values.sum()
            entropies.append(-(share * np.log(share + 1e-8)).sum())
        terms = backward_terms(features, search.shared_generator("signs"))
        rows.append((sum(entropies), min(np.diff(entropies)), np.mean(terms), macs))
    table = np.nan_to_num(np.array(rows), nan=-np.inf, neginf=-np.inf)
    below = (table[None] < table[:, None]).sum(axis=1)
    equal = (table[None] == table[:, None]).sum(axis=1)
    ranks = below + (equal + 1) / 2
    expected = np.log(ranks / 7).sum(axis=1)
    by_code = dict(zip(selection.ranking.codes.tolist(), selection.ranking.scores.tolist(), strict=True))
    assert [by_code[code(a)] for a in drawn] == pytest.approx(expected.tolist())
    assert selection.architecture == drawn[int(expected.argmax())]


def test_dead_cells_rank_last_and_nothing_fails() -> None:
    """In a large pool, a few random architectures have no path from input to output, and so no features."""
    name = "az-nas[architectures=150,images=2]"
    selection = registry.find(name).select(small.search(name))
    assert selection.ranking is not None
    assert np.isfinite(selection.ranking.scores).all()
