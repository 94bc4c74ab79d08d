"""Kernels launched by one step at preset paper: upper bounds that may only be lowered."""

from collections.abc import Iterable

import pytest

from nas_selection_bench.bench.work.gpu_kernels import triton_wanted
from nas_selection_bench.supernets.network import cuda_graph
from nas_selection_bench.supernets.parts.registry import names
from tests.emulated.kernels import kernels_of_a_step

MOST = {
    "balenas": 2553, "beta-darts": 2571, "blank": 1227, "darts": 2561, "darts-minus": 2566, "darts-second-order": 8211,
    "drnas": 2568, "fair-darts": 2574, "gdas": 2610, "idarts": 4499, "importance-sampling": 4706, "is-darts": 1238,
    "lambda-darts": 5625, "oles": 5499, "pc-darts": 2276, "racl": 2803, "reinmax": 2605, "rsps": 1243,
    "sdarts-adv": 11781, "sdarts-rs": 2575, "setn": 2577, "sgas": 2597, "snas": 2570,
}  # fmt: skip
"""Each kernel of a replayed graph takes about 2 us. Without shared launches, darts had 5561 and pc-darts 9903."""
MOST_IN_TRITON = {
    "blank": 642, "darts": 1232, "darts-second-order": 4846, "gdas": 1281, "idarts": 2780, "lambda-darts": 2974,
    "racl": 1474, "sdarts-adv": 5244, "sgas": 1268,
}  # fmt: skip
"""Bounds with the cells in Triton's kernels, for one recipe of each kind of step."""
STEPS = {"idarts": 4}
"""Recipe -> number of steps over which the count is averaged, if not all steps are alike."""
ALWAYS = ("darts", "pc-darts")


def marked(recipes: Iterable[str]) -> list[object]:
    return [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.program) for name in recipes]


def test_every_recipe_has_a_budget() -> None:
    assert list(MOST) == list(names())


@pytest.mark.parametrize("recipe", marked(MOST))
def test_a_step_launches_no_more_kernels_than_it_did(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graph, "EAGER_CALLS", 10**9)
    assert sum(kernels_of_a_step(recipe, steps=STEPS.get(recipe, 1)).values()) <= MOST[recipe]


@pytest.mark.parametrize("recipe", marked(MOST_IN_TRITON))
def test_a_step_in_triton_launches_no_more_kernels_than_it_did(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.setattr(cuda_graph, "EAGER_CALLS", 10**9)
    with triton_wanted():
        assert sum(kernels_of_a_step(recipe, steps=STEPS.get(recipe, 1)).values()) <= MOST_IN_TRITON[recipe]
