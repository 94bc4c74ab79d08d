"""The initial alphas are as each recipe declares."""

import math
import re

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from nas_selection_bench.supernets.parts.registry import find, names

NOISE = "1e-3 times normal noise"


def beginnings(name: str, count: int = 100) -> Tensor:
    """The initial alphas of `count` supernets: [count, ...]."""
    generator = torch.Generator().manual_seed(0)
    return torch.stack([find(name).initial_alphas(generator) for _ in range(count)])


def assert_normal(noise: Tensor) -> None:
    """Kolmogorov-Smirnov test for a standard normal; noise would exceed 2 / sqrt(n) once in 1500 times."""
    assert kstest(noise.flatten().numpy(), "norm").statistic < 2 / noise.numel() ** 0.5


@pytest.mark.parametrize("name", [name for name in names() if find(name).alpha_start.endswith(NOISE)])
def test_alphas_begin_with_a_thousandth_of_normal_noise(name: str) -> None:
    alphas = beginnings(name)
    said = re.match(r"\d+( x \d+)+", find(name).alpha_start)
    assert said and list(alphas.shape[1:]) == [int(size) for size in said.group().split(" x ")]
    assert_normal(alphas / 1e-3)


def test_all_others_say_otherwise() -> None:
    assert {name for name in names() if not find(name).alpha_start.endswith(NOISE)} == {
        "fair-darts",
        "is-darts",
        "racl",
    }


def test_is_darts_gives_every_operation_a_fifth() -> None:
    assert find("is-darts").alpha_start == "6 x 5, constant 1/5, the edge weights themselves"
    torch.testing.assert_close(beginnings("is-darts", 1), torch.full((1, 6, 5), 0.2))


def test_fair_darts_opens_every_gate_by_half() -> None:
    assert find("fair-darts").alpha_start == "6 x 5, zeros: every gate at one half"
    assert (beginnings("fair-darts", 1) == 0).all()


@pytest.mark.parametrize(("name", "sigma"), [("racl", 0.1), ("racl[sigma=0.3]", 0.3)])
def test_racl_begins_around_a_fifth_and_with_the_sigma_asked_for(name: str, sigma: float) -> None:
    assert find(name).alpha_start == "2 x 6 x 5, mu = log 1/5 plus 1e-3 times normal noise, and log sigma"
    alphas = beginnings(name)
    assert_normal((alphas[:, 0].double() - math.log(1 / 5)) / 1e-3)
    torch.testing.assert_close(alphas[:, 1].exp(), torch.full((100, 6, 5), sigma))
