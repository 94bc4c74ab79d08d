"""Properties of every recipe, found by its file: it is reproducible, can be resumed, and gives valid edge weights.

training/test_loop.py shows that each recipe learns.
"""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas_selection_bench.bench.problem.datasets import load_images
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.parts.describe import page
from nas_selection_bench.supernets.parts.rated import Rated
from nas_selection_bench.supernets.parts.registry import find, names
from nas_selection_bench.supernets.training.checkpoint import load
from nas_selection_bench.supernets.training.loop import Training, train
from nas_selection_bench.supernets.training.notes import TIMING, epochs_present
from tests.supernets.tiny import batch, tiny_search

GATES = {"fair-darts", "is-darts", "racl"}
"""Recipes whose edge weights are not probabilities and need not sum to one."""

FIXED = {"blank", "rsps"}
"""Recipes whose alphas keep their initial values."""

EPOCHS = {"is-darts": 4}
"""Recipe -> epochs, if two are not enough: of two, is-darts prunes after the first, and the second trains another
network."""


class Stopped(Exception):
    """Raised between two epochs."""


def stop(done: int, of: int) -> None:
    raise Stopped


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """The first 640 digits, which are available without files."""
    return load_images("digits", tmp_path_factory.mktemp("empty"), 640)


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Enough digits for two steps per epoch."""
    return load_images("digits", tmp_path_factory.mktemp("empty"), 160)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*names(), "rsps[per_cell=true]", "blank[skip=0.6]"])
def test_every_recipe_repeats_itself_and_goes_on(
    name: str, settings: Settings, few_digits: ImageSet, tmp_path: Path
) -> None:
    """Two epochs of digits; a second run, stopped between them and resumed, ends with the same bytes."""
    epochs = EPOCHS.get(name, 2)
    job = SupernetJob(
        "digits", name, 0, 0, replace(settings, epochs=epochs, checkpoint_epochs=tuple(sorted({1, 2, epochs})))
    )
    train(job, few_digits, "cpu", tmp_path / "whole")
    torch.manual_seed(1)  # the global generator must not matter
    with pytest.raises(Stopped):
        train(job, few_digits, "cpu", tmp_path / "stopped", stop)
    train(job, few_digits, "cpu", tmp_path / "stopped")
    whole, stopped = (
        {path.name: path.read_bytes() for path in (tmp_path / run).iterdir() if path.name != TIMING}
        for run in ("whole", "stopped")
    )
    assert whole == stopped
    assert epochs_present(tmp_path / "whole") == list(job.settings.checkpoint_epochs)
    last = load(tmp_path / "whole", epochs)
    assert all(math.isfinite(value) for value in last.facts.values())
    last.save(tmp_path / "again")
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == whole[path.name], "what was loaded and saved is what was stored"

    recipe = find(name)
    start = Training(job, few_digits, torch.device("cpu")).search.alphas.detach()
    assert start.shape == last.alphas.shape
    assert torch.equal(last.alphas, start) == (recipe.name in FIXED), "those that are not learnt stay as they were"
    weights = recipe.edge_weights(last.alphas)
    assert weights.shape == (6, 5)
    assert weights.isfinite().all()
    assert (weights >= 0).all()
    if recipe.name not in GATES:
        torch.testing.assert_close(weights.sum(-1), torch.ones(6), rtol=0, atol=1e-5)
    network = last.network()
    network.normalise("batch")
    logits = network(torch.randn(4, 3, 8, 8), weights)
    assert logits.shape == (4, 10)
    assert logits.isfinite().all()


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in names() if find(name).tunes_alphas])
def test_alphas_learn_from_the_images(
    name: str, settings: Settings, digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch moves the alphas of every edge, even without weight decay; decisions between epochs are disabled."""
    recipe = find(name)
    if isinstance(recipe, Rated):
        name = f"{name}[alpha_decay=0]"
    else:
        monkeypatch.setattr(type(recipe), "alpha_decay", 0.0)
    monkeypatch.setattr(type(recipe), "after_epoch", lambda *_: None)
    run = Training(SupernetJob("digits", name, 0, 0, replace(settings, epochs=2)), digits, torch.device("cpu"))
    start = run.search.alphas.detach().clone()
    run.run_epoch()
    moved = (run.search.alphas.detach() - start).abs()
    assert moved.amax(-1).min() > recipe.alpha_rate / 2


@pytest.mark.parametrize("name", names())
def test_passes_are_those_that_a_step_makes(name: str) -> None:
    """Counted over four steps, since idarts updates its alphas in one of four."""
    search, recipe = tiny_search(find(name), channels=4), find(name)
    search.memory = {k: t.double() if t.is_floating_point() else t for k, t in recipe.memory().items()}
    search.numbers = {key: torch.tensor(value).double() for key, value in recipe.schedule(1, 4).items()}
    noise = recipe.noise(torch.Generator().manual_seed(0), 4, search.network)
    made: list[int] = []
    search.network.register_forward_pre_hook(lambda *_: made.append(1))
    for step in range(4):
        search.noise = None if noise is None else noise[step].double() if noise.is_floating_point() else noise[step]
        search.number = step
        recipe.step(search, batch(1) if recipe.tunes_alphas else None, batch(2))
    assert len(made) == 4 * recipe.passes()


def test_the_page_about_recipes_is_that_of_the_code() -> None:
    committed = Path(__file__).parents[2] / "docs" / "recipes.md"
    assert committed.read_text() == page(), (
        "write it anew: python -m nas_selection_bench.supernets.parts.describe > docs/recipes.md"
    )
