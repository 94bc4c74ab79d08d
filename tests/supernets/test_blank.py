"""Blank supernets with an imposed share of one operation: the softmax gives exactly that share, whatever the noise."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.space import AVG_POOL, CONV_1X1, CONV_3X3, SKIP
from nas_selection_bench.supernets.parts.registry import RECIPES, find
from tests.canonical_names import canonical_name

OPTIONS = {"skip": SKIP, "conv_1x1": CONV_1X1, "conv_3x3": CONV_3X3, "avg_pool": AVG_POOL}


@given(st.sampled_from(sorted(OPTIONS)), st.floats(0.001, 0.999), st.integers(0, 2**31))
def test_the_imposed_share_is_exact_and_the_others_stay_as_they_were(option: str, share: float, seed: int) -> None:
    alphas = find(f"blank[{option}={share}]").initial_alphas(torch.Generator().manual_seed(seed))
    plain = find("blank").initial_alphas(torch.Generator().manual_seed(seed))
    others = [operation for operation in range(5) if operation != OPTIONS[option]]
    assert torch.equal(alphas[:, others], plain[:, others])
    shares = alphas.double().exp() / alphas.double().exp().sum(1, keepdim=True)
    torch.testing.assert_close(shares[:, OPTIONS[option]], torch.full((6,), share).double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "say"),
    [("blank", False), ("blank[skip=0.2]", False), ("blank[skip=0.1]", False), ("blank[skip=0.4]", True)],
)
def test_alphas_say_something_only_where_one_share_is_the_largest(name: str, say: bool) -> None:
    assert find(name).learns_alphas == say


@pytest.mark.parametrize(
    ("typed", "name"),
    [("blank[skip=.6]", "blank[skip=0.6]"), ("blank[skip=0]", "blank"), ("darts[alpha_rate=3e-4]", "darts"),
     ("darts[alpha_rate=.001]", "darts[alpha_rate=0.001]")],
)  # fmt: skip
def test_one_name_for_one_recipe(typed: str, name: str) -> None:
    assert canonical_name(RECIPES, typed) == name
