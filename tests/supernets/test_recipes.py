"""What holds for every recipe, found by its file: it repeats itself, survives a stop, offers weights."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.cells import SupernetJob
from bench.images import ImageSet
from bench.presets import Settings
from supernets.checkpoint import epochs_present, load
from supernets.describe import page
from supernets.registry import find, names
from supernets.training import TIMING, Training, train

GATES = {"fair-darts", "is-darts", "racl"}
"""Recipes whose edge weights are not probabilities and need not add up to one."""

DECIDING = {"is-darts"}
"""Recipes that decide without a gradient, by changing their alphas between epochs."""


class Stopped(Exception):
    """Raised between two epochs."""


def stop(done: int, of: int) -> None:
    raise Stopped


@pytest.mark.parametrize("name", [*names(), "rsps[per_cell=true]"])
def test_every_recipe_repeats_itself_and_goes_on(
    name: str, settings: Settings, images: ImageSet, tmp_path: Path
) -> None:
    """Two epochs; a second run, stopped between them, ends in the same bytes."""
    job = SupernetJob("patterns", name, 0, 0, replace(settings, epochs=2, checkpoint_epochs=(1, 2)))
    few = plain_images(images, 320)
    train(job, few, "cpu", tmp_path / "whole")
    torch.manual_seed(1)  # the global generator must not matter
    with pytest.raises(Stopped):
        train(job, few, "cpu", tmp_path / "stopped", stop)
    train(job, few, "cpu", tmp_path / "stopped")
    whole, stopped = (
        {path.name: path.read_bytes() for path in (tmp_path / run).iterdir() if path.name != TIMING}
        for run in ("whole", "stopped")
    )
    assert whole == stopped
    assert epochs_present(tmp_path / "whole") == [1, 2]
    first, last = load(tmp_path / "whole", 1), load(tmp_path / "whole", 2)
    assert all(math.isfinite(value) for value in last.facts.values())

    recipe = find(name)
    start = Training(job, few, torch.device("cpu")).search.alphas.detach()
    assert start.shape == last.alphas.shape
    if not recipe.tunes_alphas and recipe.name not in DECIDING:
        assert torch.equal(first.alphas, start), "alphas that are not learnt stay as they were"
    weights = recipe.edge_weights(last.alphas)
    assert weights.shape == (6, 5)
    assert weights.isfinite().all()
    assert (weights >= 0).all()
    if recipe.name not in GATES:
        torch.testing.assert_close(weights.sum(-1), torch.ones(6), rtol=0, atol=1e-5)
    network = last.network()
    network.normalise("batch")
    logits = network(torch.randn(4, 3, 8, 8), weights)
    assert logits.shape == (4, 4)
    assert logits.isfinite().all()


def plain_images(images: ImageSet, count: int) -> ImageSet:
    """`count` images whose classes are told apart within a few steps: bare patterns, without augmentation."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 255, (4, 3, 8, 8), generator=generator, dtype=torch.uint8)
    labels = images.labels[:count]
    return replace(images, images=patterns[labels], labels=labels, crop_padding=0, flip=False)


def test_the_page_about_recipes_is_that_of_the_code() -> None:
    committed = Path(__file__).parents[2] / "docs" / "recipes.md"
    assert committed.read_text() == page(), "write it anew: python -m supernets.describe > docs/recipes.md"
