"""What a search offers to a selector: data that it reads once, and evaluations."""

import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.selectors.parts import apply, registry
from nas_selection_bench.supernets.training import checkpoint
from tests.selectors import small


def test_proxy_batches_are_those_of_the_selection_half_and_kept_once() -> None:
    """32 images in batches of twelve: the third batch has eight."""
    search = small.search("zero-cost-pt-snip-post")
    expected = [(x.double(), y) for x, y in Half(small.images(), "selection", "cpu").fixed(12)]
    for place in (1, 0, 4, 2, 3, 1):
        x, y = search.proxy_batch(place)
        assert torch.equal(x, expected[place % 3][0])
        assert y is not None
        assert torch.equal(y, expected[place % 3][1])
    for count in (1, 2, 3, 9):
        found = search.proxy_batches(count)
        assert len(found) == min(count, 3)
        assert all(torch.equal(x, e) for (x, _), (e, _) in zip(found, expected, strict=False))
    kept: dict[int, Tensor] = {place: search.proxy_batch(place)[0] for place in range(3)}
    assert all(search.proxy_batch(place + 3)[0] is kept[place] for place in range(3))
    assert all(x is kept[place] for place, (x, _) in enumerate(search.proxy_batches(3)))
    assert all(search.branch().proxy_batch(place)[0] is kept[place] for place in range(3))


def test_a_selection_reads_each_checkpoint_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the six decisions of sgas-2 reads the alphas of all earlier checkpoints."""
    small.store(tmp_path)
    read: Counter[int] = Counter()
    load = checkpoint.load

    def counted(folder: Path, epoch: int) -> checkpoint.Checkpoint:
        read[epoch] += 1
        return load(folder, epoch)

    monkeypatch.setattr(checkpoint, "load", counted)
    name = registry.find("sgas-2[tune=0]").name
    first = apply.select(small.cell(name), tmp_path, small.images(), "cpu")
    assert len(first.decisions) == 6
    assert read == {1: 1, 2: 1, 3: 1}
    apply.select(small.cell(name), tmp_path, small.images(), "cpu")
    assert read == {1: 2, 2: 2, 3: 2}, "the next selection reads anew: what is stored may have changed"


@pytest.mark.parametrize("shape", [(6, 5), (30,), (2, 5, 6), (2, 6, 4), (1, 2, 6, 5)])
def test_mixtures_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{shape}, not (m, 6, 5)")):
        small.search("disc-acc").evaluate(torch.ones(shape))
