"""Checks of images before a run."""

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.image_checks import label_warnings, refuse_unfit
from nas_selection_bench.bench.problem.image_set import ImageSet


def images(labels: list[int], size: tuple[int, int] = (8, 8), classes: int = 4) -> ImageSet:
    return ImageSet(
        "flowers", torch.zeros(len(labels), 3, *size, dtype=torch.uint8), torch.tensor(labels), classes,
        (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 0, False,
    )  # fmt: skip


def branches_agree(size: tuple[int, int]) -> bool:
    """Whether the two branches of both reductions of the network have equal output shapes."""
    from nas_selection_bench.supernets.network.skeleton import ReductionBlock

    block, x = ReductionBlock(2, 2), torch.zeros(2, 2, *size)
    try:
        for _ in range(2):
            first, shortcut = block.first(x), block.shortcut(x)
            if first.shape != shortcut.shape:  # 2x2 and 1x1 would be broadcast silently
                return False
            x = first
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 2), (6, 6), (5, 5), (8, 7), (30, 32), (4, 4), (8, 8), (32, 28)])
def test_sides_are_refused_where_the_network_cannot_halve_them_twice(size: tuple[int, int]) -> None:
    if branches_agree(size):
        refuse_unfit(images([0, 1, 2, 3] * 4, size), 8)
        return
    with pytest.raises(DataError, match="multiples of 4"):
        refuse_unfit(images([0, 1, 2, 3] * 4, size), 8)


def test_each_half_must_fill_a_batch() -> None:
    refuse_unfit(images([0, 1, 2, 3] * 4), 8)
    with pytest.raises(DataError, match="at least 18 images"):
        refuse_unfit(images([0, 1, 2, 3] * 4), 9)
    with pytest.raises(DataError, match="at least 16 images"):
        refuse_unfit(images(([0, 1, 2, 3] * 4)[:15]), 8)


def test_sorted_and_incomplete_labels_are_told() -> None:
    generator = np.random.default_rng(0)
    shuffled = generator.permutation([0, 1, 2, 3] * 20).tolist()
    assert label_warnings(images(shuffled)) == []
    assert len(label_warnings(images(sorted(shuffled)))) == 1
    halves = [0, 1, 0, 1, 2, 3, 3, 2]
    told = label_warnings(images(halves))
    assert len(told) == 2 and "first half" in told[0] and "(2, 3)" in told[0] and "(0, 1)" in told[1]
    assert "lacks 96 of 100 classes (4, 5, 6, 7, 8, ...)" in label_warnings(images(shuffled, classes=100))[0]
