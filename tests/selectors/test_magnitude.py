"""Magnitude compared with the softmax of the alphas."""

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.problem.space import NONE
from nas_selection_bench.selectors.parts import registry
from tests.selectors import small


def alphas() -> torch.Tensor:
    """Alphas in which `none` has the largest on two edges."""
    changed = small.alphas()
    changed[[1, 4], NONE] += 3
    return changed


@pytest.mark.parametrize("name", ["magnitude", "magnitude-no-none", "magnitude[none=no]"])
def test_magnitude_keeps_the_operation_with_the_largest_weight(name: str) -> None:
    search = small.search(name)
    search._alphas = alphas()
    selection = registry.find(name).select(search)
    powers = np.exp(alphas().numpy())
    expected = powers / powers.sum(axis=1, keepdims=True)
    if name == "magnitude-no-none":
        expected[:, NONE] = 0
    np.testing.assert_allclose(selection.scores, expected, rtol=1e-12)
    first = NONE if name == "magnitude" else NONE + 1
    assert selection.architecture == tuple((first + powers[:, first:].argmax(axis=1)).tolist())
    assert [edge for edge in range(6) if selection.architecture[edge] == NONE] == ([1, 4] if first == NONE else [])
