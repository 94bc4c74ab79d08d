"""The images used by each step: the first half by index trains the weights, the second half the alphas."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.registry import find, names
from nas_selection_bench.supernets.training.loop import Training
from nas_selection_bench.supernets.training.tuning import Tuner
from tests.coloured import coloured_images, indices

FIRST, SECOND = list(range(32)), list(range(32, 64))

HALVES = {
    "darts-second-order": "wswww",  # look-ahead step, gradient there, the difference, and the step of the weights
    "idarts": "www" + "w" + "s" + "ww" * 2 + "ww",  # alphas after four steps: two terms, the mixed derivative
    "importance-sampling": "s" * 6 + "w",  # two draws of each of three distributions
    "lambda-darts": "swww",  # step of the weights, with the difference
    "sdarts-adv": "s" + "w" * 7 + "w",  # seven ascent steps
}
"""Recipe -> halves seen by the passes of a step (idarts: of four), in order; all others: `sw`, or `w` without
alphas."""


@pytest.fixture
def images() -> ImageSet:
    return coloured_images(crop_padding=0)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Four steps per epoch, and three batches for the accuracy of a checkpoint."""
    return replace(settings, batch_size=8, selection_images=None, selection_batch=12)


class Passes:
    """Indices of the images that a network sees, separated by whether the pass leads to a gradient of the alphas."""

    def __init__(self, network: Supernet) -> None:
        self.alphas: list[int] = []
        self.weights: list[int] = []
        self.order: list[str] = []
        network.register_forward_pre_hook(self._look)

    def _look(self, _network: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        x, weights = inputs
        who = "alphas" if weights.requires_grad else "weights"
        getattr(self, who).extend(indices(x))
        self.order.append(who)


def start(recipe: str, settings: Settings, images: ImageSet) -> tuple[Training, Passes]:
    run = Training(SupernetJob("indices", recipe, 0, 0, settings), images, torch.device("cpu"))
    return run, Passes(run.search.network)


def test_an_epoch_of_search_shows_each_half_once_to_those_whom_it_teaches(settings: Settings, images: ImageSet) -> None:
    run, seen = start("darts", settings, images)
    run.run_epoch()
    assert (sorted(seen.weights), sorted(seen.alphas)) == (FIRST, SECOND)
    assert seen.order == ["alphas", "weights"] * 4


@pytest.mark.parametrize("name", names())
def test_every_pass_of_a_recipe_sees_the_half_that_it_is_about(name: str, settings: Settings, images: ImageSet) -> None:
    run, _ = start(name, settings, images)
    seen: list[str] = []

    def look(_network: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        shown = set(indices(inputs[0]))
        assert shown <= set(FIRST) or shown <= set(SECOND)
        seen.append("w" if shown <= set(FIRST) else "s")

    run.search.network.register_forward_pre_hook(look)
    run.run_epoch()
    step = HALVES.get(name, "sw" if find(name).tunes_alphas else "w")
    assert "".join(seen) == (step if name == "idarts" else step * 4)


def test_where_alphas_do_not_learn_the_second_half_is_not_seen(settings: Settings, images: ImageSet) -> None:
    run, seen = start("blank", settings, images)
    run.run_epoch()
    assert (sorted(seen.weights), seen.alphas) == (FIRST, [])


def test_a_checkpoint_is_measured_on_the_second_half(settings: Settings, images: ImageSet) -> None:
    run, seen = start("darts", settings, images)
    run.run_epoch()
    seen.weights.clear()
    run.checkpoint()
    assert seen.weights == SECOND, "in order, all of them"


def test_what_a_recipe_does_after_an_epoch_sees_the_half_that_it_asks_for(settings: Settings, images: ImageSet) -> None:
    run, _ = start("darts", settings, images)
    for half, expected in (("weights", FIRST), ("selection", SECOND)):
        assert sorted(index for x, _ in run._batches(half, "after") for index in indices(x)) == expected


def test_an_epoch_of_fine_tuning_shows_each_half_once_to_those_whom_it_teaches(
    settings: Settings, images: ImageSet
) -> None:
    network = Supernet(4, 1, 4)
    tuner = Tuner(network, torch.zeros(6, 5), find("darts"), images, settings, lambda e: 7 + e, "cpu")
    seen = Passes(network)
    tuner.tune(1, lambda alphas: alphas.softmax(-1))
    assert (sorted(seen.weights), sorted(seen.alphas)) == (FIRST, SECOND)
    assert seen.order == ["alphas", "weights"] * 4
    seen.weights.clear()
    seen.alphas.clear()
    tuner.tune(1, lambda alphas: alphas.detach().softmax(-1))
    assert (sorted(seen.weights), seen.alphas) == (FIRST, [])
