"""Scores based on ReLU patterns, feature maps and their changes, counted by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.selectors.proxies import ProxyFailure, score
from nas_selection_bench.selectors.proxies._matrices import distinct_rows
from nas_selection_bench.selectors.proxies.meco import least_eigenvalues
from tests.selectors.proxies.networks import Tiny, batch


class ReluOfImage(nn.Module):
    """A ReLU of the image, so that codes are the signs of the pixels; with `dead_end`, a second ReLU is not used."""

    def __init__(self, pixels: int, *, dead_end: bool = False) -> None:
        super().__init__()
        self.relu, self.other, self.dead_end = nn.ReLU(), nn.ReLU(), dead_end
        self.classifier = nn.Linear(pixels, 2).double()

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(images)
        if self.dead_end:
            x = x + self.other(-images) * 0.0
        return self.classifier(x.flatten(1))


PIXELS = torch.tensor([[1.0, 1, -1, -1, 1], [1, -1, -1, 1, 1], [-1, -1, -1, 1, -1]]).double().reshape(3, 1, 1, 5)


def test_nwot_kernel_counted_by_hand() -> None:
    # Units in the same state: images 0 and 1 agree on 3 of 5 units, 0 and 2 on 1, 1 and 2 on 3.
    kernel = np.array([[5, 3, 1], [3, 5, 3], [1, 3, 5]])
    for name in ("nwot", "nwot[reached=false]", "nwot[bn=running]"):
        assert score(name, ReluOfImage(5), PIXELS) == pytest.approx(math.log(np.linalg.det(kernel)))


def test_nwot_counts_dead_ends_only_when_told_to() -> None:
    kernel = np.array([[5, 3, 1], [3, 5, 3], [1, 3, 5]])
    network = ReluOfImage(5, dead_end=True)
    assert score("nwot", network, PIXELS) == pytest.approx(math.log(np.linalg.det(kernel)))
    # No pixel is zero, so the ReLU of the negated image has the opposite code, with the same agreements.
    assert score("nwot[reached=false]", network, PIXELS) == pytest.approx(math.log(np.linalg.det(2 * kernel)))


def test_nwot_of_two_images_with_one_code_is_a_failure() -> None:
    twice = torch.cat([PIXELS, 3 * PIXELS[:1]])
    with pytest.raises(ProxyFailure, match="singular"):
        score("nwot", ReluOfImage(5), twice)


def test_nwot_does_not_change_with_positive_scales_or_the_order_of_images() -> None:
    network, images = Tiny(), batch(6)[0]
    before = score("nwot", network, images)
    assert score("nwot", network, images.flip(0)) == pytest.approx(before)
    network.first_bn.weight.data.mul_(3)
    network.first_bn.bias.data.mul_(3)
    assert score("nwot", network, images) == pytest.approx(before, rel=1e-6)


def test_swap_counts_units_that_answer_differently() -> None:
    # Columns of PIXELS: ++-, +--, ---, -++, ++-: four distinct patterns.
    assert score("swap", ReluOfImage(5), PIXELS) == 4
    # The dead end adds the opposites --+, -++, +++, +--, --+, of which two are new.
    assert score("swap", ReluOfImage(5, dead_end=True), PIXELS) == 6
    assert score("swap[reached=true]", ReluOfImage(5, dead_end=True), PIXELS) == 4


def test_swap_falls_away_from_the_size_that_is_aimed_at() -> None:
    network = ReluOfImage(5)  # 12 parameters
    assert score("swap[mu=0.012,sigma=5]", network, PIXELS) == 4
    assert score("swap[mu=2.012,sigma=5]", network, PIXELS) == pytest.approx(4 * math.exp(-4 / 5))
    with pytest.raises(UsageError, match="sigma"):
        score("swap[sigma=-1]", network, PIXELS)


def test_swap_over_draws_of_weights_is_a_mean_that_ignores_the_weights() -> None:
    network, images = Tiny(), batch(6)[0]
    before = score("swap[repeats=3]", network, images)
    network.first.weight.data.normal_(generator=torch.Generator().manual_seed(9))
    assert score("swap[repeats=3]", network, images) == before
    assert before * 3 == pytest.approx(round(before * 3))
    assert score("swap[repeats=3]", ReluOfImage(5), PIXELS) == 4  # the codes are those of the images


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 12),
    columns=st.sampled_from([0, 1, 3, 61, 62, 63, 130]),
    seed=st.integers(0, 2**16),
    kinds=st.integers(1, 12),
)
def test_distinct_rows_against_numpy(rows: int, columns: int, seed: int, kinds: int) -> None:
    generator = np.random.default_rng(seed)
    pool = generator.random((kinds, columns)) < 0.5
    bits = pool[generator.integers(kinds, size=rows)]
    # Rows that differ only in the last column are the hard case for packing.
    if rows and columns:
        bits = np.concatenate([bits, bits[:1] ^ (np.arange(columns) == columns - 1)])
    expected = len({row.tobytes() for row in bits})
    assert distinct_rows(torch.from_numpy(bits)) == expected


class Thresholds(nn.Module):
    """Compares each pixel with fixed thresholds, which makes one linear region per interval between them."""

    def __init__(self, thresholds: list[float]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, len(thresholds), 1).double()
        self.convolution.weight.data.fill_(1)
        self.convolution.bias.data = -torch.tensor(thresholds, dtype=torch.float64)
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(self.convolution(images)).mean((2, 3))


def test_linear_regions_of_thresholds_are_the_intervals_between_them() -> None:
    images = torch.linspace(0, 1, 64, dtype=torch.float64).reshape(1, 1, 8, 8)
    thresholds = [0.1, 0.35, 0.36, 0.5, 0.505, 0.93]
    hit = len(set(np.searchsorted(thresholds, images.flatten().numpy())))
    assert score("linear_regions[samples=2000,crop=1]", Thresholds(thresholds), images) == hit
    assert score("linear_regions[samples=2000,crop=1]", Thresholds([2.0]), images) == 1


def test_linear_regions_crops_lie_within_the_images() -> None:
    """In images whose pixels are numbered, each crop consists of neighbours in both directions."""
    from nas_selection_bench.selectors.proxies import Batch, find

    proxy = find("linear_regions[samples=200,crop=3]")
    images = torch.arange(2 * 3 * 5 * 6, dtype=torch.float64).reshape(2, 3, 5, 6)
    given_batch = Batch((2, 3, 5, 6), images.device, images.dtype, torch.Generator().manual_seed(0), images, None)
    crops = proxy._crops(given_batch)
    assert crops.shape == (200, 3, 3, 3)
    assert (crops[..., 1:] - crops[..., :-1] == 1).all()
    assert (crops[..., 1:, :] - crops[..., :-1, :] == 6).all()
    assert (crops[:, 1:] - crops[:, :-1] == 30).all()
    corners = set(crops[:, 0, 0, 0].tolist())
    assert corners == {image * 90 + top * 6 + left for image in range(2) for top in range(3) for left in range(4)}


@pytest.mark.parametrize("options", ["crop=0", "crop=9", "samples=1"])
def test_linear_regions_refuses_what_does_not_fit(options: str) -> None:
    with pytest.raises(UsageError, match=r"does not fit|must be at least"):
        score(f"linear_regions[{options}]", Tiny(), batch(2, size=8)[0])


def test_meco_least_eigenvalue_by_hand() -> None:
    wave = torch.tensor([1.0, -1, 1, -1, 1, -1])
    other = torch.tensor([1.0, 1, 0, -1, -1, 0])
    rho = float(np.corrcoef(wave, other)[0, 1])
    alike = torch.stack([wave, -2 * wave + 5])
    constant = torch.stack([wave, torch.full((6,), 0.3)])
    as_many_channels_as_positions = torch.randn(4, 4)
    found = least_eigenvalues([alike, torch.stack([wave, 3 * other + 1]), constant, as_many_channels_as_positions])
    assert found == pytest.approx([0, 1 - abs(rho), 0, 0], abs=1e-12)


def test_meco_sums_over_layers_and_draws_its_own_image() -> None:
    network = nn.Sequential(nn.Identity(), nn.Conv2d(3, 2, 1, bias=False), nn.Flatten(), nn.Linear(200, 2))
    network[1].weight.data = torch.tensor([[1.0, 0, 0], [0, 0, -2]])[..., None, None]
    image = torch.randn((1, 3, 10, 10), generator=torch.Generator().manual_seed(5), dtype=torch.float64)[0]
    rows = image.flatten(1).numpy()
    expected = np.linalg.eigvalsh(np.corrcoef(rows))[0] + 1 - abs(np.corrcoef(rows[[0, 2]])[0, 1])
    images = torch.zeros(4, 3, 10, 10)
    assert score("meco[resolution=10]", network, images, seed=5) == pytest.approx(expected, rel=1e-5)
    nested = nn.Sequential(nn.Sequential(*network[:2]), *network[2:])
    assert score("meco[resolution=10]", nested, images, seed=5) == pytest.approx(expected, rel=1e-5)
    assert score("meco[resolution=10,containers=true]", nested, images, seed=5) > expected


def test_zen_undoes_batch_norm() -> None:
    """With one channel: batch norm divides by the deviation, and the score multiplies by it again."""
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)]
    plain = nn.Sequential(nn.Conv2d(3, 1, 3, bias=False), *tail).double()
    scaled = nn.Sequential(nn.Conv2d(3, 1, 3, bias=False), nn.BatchNorm2d(1), *tail).double()
    images, _ = batch(16, size=8)
    # Not equal to the last digit: the changed images have their own mean and deviation.
    assert score("zen", scaled, images) == pytest.approx(score("zen", plain, images), abs=0.02)


def test_zen_of_a_linear_network_is_the_logarithm_of_the_change() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.Flatten(), nn.Linear(64, 2)).double()
    images, _ = batch(64)
    once = score("zen", network, images)
    assert score("zen[alpha=0.03]", network, images) == pytest.approx(once + math.log(3))
    # W e with Gaussian W [4, 3] and e [3, 16]: the mean square of its entries is 3, and it has 64 of them.
    assert score("zen[repeats=50]", network, images) == pytest.approx(math.log(0.01 * math.sqrt(64 * 3)), abs=0.15)
    assert score("zen[norm=l1]", network, images) > once


def test_zen_reads_features_before_the_pooling_and_ignores_weights() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    images, _ = batch(4)
    before = score("zen", network, images)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(17).add_(3)
    assert score("zen", network, images) == before
    with pytest.raises(ProxyFailure, match="feature maps"):
        score("zen", nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), images)
    with pytest.raises(UsageError, match="norm"):
        score("zen[norm=max]", network, images)
