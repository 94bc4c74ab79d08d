"""Fine-tuning between decisions, against textbook SGD."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.presets import Settings
from nas_selection_bench.supernets.network.supernet import Supernet
from nas_selection_bench.supernets.parts.registry import find
from nas_selection_bench.supernets.training.tuning import Tuner


def decided(alphas: Tensor) -> Tensor:
    """Edge weights in which edge 0 is decided as a 3x3 convolution; the others are open."""
    one_hot = torch.eye(5)[3]
    return torch.cat([one_hot[None], alphas.softmax(-1)[1:]])


def tuner(recipe: str, settings: Settings, images: ImageSet) -> Tuner:
    torch.manual_seed(0)
    return Tuner(Supernet(4, 1, 4), 1e-3 * torch.randn(6, 5), find(recipe), images, settings, lambda e: 7 + e, "cpu")


def test_a_blank_supernet_is_tuned_by_plain_sgd(settings: Settings, images: ImageSet) -> None:
    tuned = tuner("blank", settings, images)
    network, alphas = copy.deepcopy(tuned.network), tuned.alphas.clone()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.0025, momentum=0.9, weight_decay=3e-4)
    for epoch in range(2):
        for x, y in Half(images, "weights", "cpu").epoch(7 + epoch, settings.batch_size):
            optimiser.zero_grad()
            F.cross_entropy(network(x, decided(alphas)), y).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
            optimiser.step()
    tuned.tune(2, decided)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tuned.network.state_dict()[name], tensor)
    assert torch.equal(tuned.alphas, alphas)
    assert (tuned.epochs, tuned.forward_passes, tuned.backward_passes) == (2, 20, 20)


def test_a_branch_goes_on_as_its_parent_would_and_leaves_it_alone(settings: Settings, images: ImageSet) -> None:
    whole, parent = tuner("darts", settings, images), tuner("darts", settings, images)
    whole.tune(2, decided)
    parent.tune(1, decided)
    before = {name: tensor.clone() for name, tensor in parent.network.state_dict().items()}
    alphas = parent.alphas.clone()
    branch = parent.branch()
    branch.tune(1, decided)
    assert torch.equal(branch.alphas, whole.alphas)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(branch.network.state_dict()[name], tensor), name
        assert torch.equal(parent.network.state_dict()[name], before[name]), name
    assert torch.equal(parent.alphas, alphas)
    assert (branch.epochs, parent.epochs) == (2, 1)


def test_the_alphas_of_darts_are_tuned_too(settings: Settings, images: ImageSet) -> None:
    tuned = tuner("darts", settings, images)
    before = tuned.alphas.clone()
    tuned.tune(1, decided)
    moved = (tuned.alphas - before).abs()
    assert moved[1:].max() > 1e-4
    assert tuned.forward_passes == tuned.backward_passes == 20
    # The decided edge has no gradient, so Adam moves it by its weight decay alone.
    alone = before.clone().requires_grad_()
    adam = torch.optim.Adam([alone], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    for _ in range(10):
        alone.grad = torch.zeros_like(alone)
        adam.step()
    torch.testing.assert_close(tuned.alphas[0], alone.detach()[0])
    assert (tuned.alphas - alone.detach())[1:].abs().amax(-1).min() > 1e-4, "the others follow the images"


def test_the_optimiser_of_the_alphas_goes_on_where_the_search_left_it(settings: Settings, images: ImageSet) -> None:
    alphas = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    alone = alphas.clone().requires_grad_()
    adam = torch.optim.Adam([alone], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    for _ in range(3):
        alone.grad = alphas.clone()
        adam.step()
    stored = {f"0.{entry}": value.clone() for entry, value in adam.state[alone].items()}
    start = alone.detach().clone()
    tuned = Tuner(Supernet(4, 1, 4), start, find("darts"), images, settings, lambda e: e, "cpu", stored)
    tuned.tune(1, decided)
    for _ in range(10):
        alone.grad = torch.zeros_like(alone)  # the decided edge has no gradient of its own
        adam.step()
    torch.testing.assert_close(tuned.alphas[0], alone.detach()[0])
    assert (alone.detach() - start)[0].abs().min() > 1e-4, "momentum alone moves it"


def test_a_decided_architecture_is_tuned_without_alphas(settings: Settings, images: ImageSet) -> None:
    tuned = tuner("darts", settings, images)
    before, weight = tuned.alphas.clone(), tuned.network.get_parameter("classifier.weight").clone()
    one_hot = torch.eye(5)[[3, 1, 0, 2, 4, 3]]
    tuned.tune(1, lambda alphas: one_hot)
    assert torch.equal(tuned.alphas, before)
    assert not torch.equal(tuned.network.get_parameter("classifier.weight"), weight)
    counted = tuned.forward_passes
    tuned.tune(1, decided)
    assert tuned.forward_passes - counted == 2 * counted, "no pass is counted that is not made"


def test_nothing_is_tuned_for_no_epochs(settings: Settings, images: ImageSet) -> None:
    tuned = tuner("darts", settings, images)
    before = copy.deepcopy(tuned.network.state_dict())
    tuned.tune(0, decided)
    assert all(torch.equal(before[name], tensor) for name, tensor in tuned.network.state_dict().items())


@pytest.mark.parametrize("mode", ["batch", "running"])
def test_the_bn_mode_is_given_back(mode: str, settings: Settings, images: ImageSet) -> None:
    tuned = tuner("darts", settings, images)
    tuned.network.normalise(mode)  # type: ignore[arg-type]
    tuned.tune(1, decided)
    assert tuned.network.normalisation == mode
