"""The random numbers of a step, as made by each recipe, have the distribution stated in its paper."""

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from nas_selection_bench.supernets.parts.registry import find

LAWS: dict[str, tuple[str, tuple[float, ...]]] = {
    **dict.fromkeys(("gdas", "snas", "reinmax", "importance-sampling"), ("gumbel_r", ())),
    **dict.fromkeys(("balenas", "racl"), ("norm", ())),
    **dict.fromkeys(("sdarts-rs", "sdarts-adv"), ("uniform", (-1.0, 2.0))),
}


def noise(name: str, steps: int) -> Tensor:
    recipe = find(name)
    made = recipe.noise(torch.Generator().manual_seed(0), steps, recipe.build(4, 1, 3))
    assert made is not None and len(made) == steps
    return made


@pytest.mark.parametrize("name", LAWS)
def test_noise_follows_its_law(name: str) -> None:
    """Kolmogorov-Smirnov test; noise of the right law would exceed 2 / sqrt(n) once in 1500 times."""
    made = noise(name, 1000)
    law, parameters = LAWS[name]
    assert kstest(made.flatten().numpy(), law, parameters).statistic < 2 / made.numel() ** 0.5


@pytest.mark.parametrize("name", [name for name in LAWS if not name.startswith("sdarts")])
def test_the_passes_of_a_step_have_noise_of_their_own(name: str) -> None:
    made = noise(name, 1000)
    first, last = made[:, 0].flatten(), made[:, -1].flatten()
    assert abs(torch.corrcoef(torch.stack([first, last]))[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["rsps", "rsps[per_cell=true]", "setn"])
def test_architectures_are_uniform_among_those_in_which_every_node_is_reached(name: str) -> None:
    """A node with k incoming edges has 5^k - 1 valid choices; a given edge is `none` in 5^(k - 1) - 1 of them."""
    chosen = noise(name, 10_000).flatten(0, -2)
    for edge, arriving in enumerate((1, 2, 2, 3, 3, 3)):
        cases = 5**arriving - 1
        expected = torch.tensor([5 ** (arriving - 1) - 1, *[5 ** (arriving - 1)] * 4]) / cases
        shares = chosen[:, edge].bincount(minlength=5) / len(chosen)
        torch.testing.assert_close(shares, expected, rtol=0, atol=0.02)
