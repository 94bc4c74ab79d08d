"""Kernels of one step at preset paper: a ratchet, in which a number is only ever made smaller."""

import pytest

from nas_selection_bench.supernets.network import cuda_graph
from tests.emulated.kernels import kernels_of_a_step

MOST = {"blank": 1227, "darts": 2561, "drnas": 2568, "gdas": 2610, "pc-darts": 2276}
"""A replayed graph takes about 2 us for each. Without shared launches darts had 5561, pc-darts 9903."""


@pytest.mark.parametrize("recipe", MOST)
def test_a_step_launches_no_more_kernels_than_it_did(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graph, "EAGER_CALLS", 10**9)
    assert sum(kernels_of_a_step(recipe).values()) <= MOST[recipe]
