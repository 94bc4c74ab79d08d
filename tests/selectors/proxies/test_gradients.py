"""Scores based on weight gradients, compared with finite differences in double precision."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.selectors.proxies import ProxyFailure, score
from tests.selectors.proxies.networks import Tiny, batch, loss_at, numerical_gradients, weights_of


@pytest.fixture(scope="module")
def numerical() -> tuple:
    network = Tiny()
    images, labels = batch(6)
    return network, images, labels, numerical_gradients(network, images, labels)


def test_grad_norm_is_the_sum_of_the_lengths_of_the_layers_gradients(numerical) -> None:
    network, images, labels, gradients = numerical
    expected = sum(math.sqrt(float((g**2).sum())) for g in gradients)
    assert score("grad_norm", network, images, labels) == pytest.approx(expected, rel=1e-6)


def test_snip_is_the_sum_of_the_first_order_effects(numerical) -> None:
    network, images, labels, gradients = numerical
    expected = sum(float((w.detach() * g).abs().sum()) for w, g in zip(weights_of(network), gradients, strict=True))
    assert score("snip", network, images, labels) == pytest.approx(expected, rel=1e-6)


def test_snip_is_the_slope_of_the_loss_along_a_mask(numerical) -> None:
    """The paper's definition: the derivative with respect to a mask of ones, here by scaling a single weight."""
    network, images, labels, gradients = numerical
    twin, step = copy.deepcopy(network), 1e-5
    weight = twin.first.weight.data
    original = float(weight[1, 2, 0, 1])
    weight[1, 2, 0, 1] = original * (1 + step)
    above = loss_at(twin, images, labels)
    weight[1, 2, 0, 1] = original * (1 - step)
    below = loss_at(twin, images, labels)
    assert (above - below) / (2 * step) == pytest.approx(float(original * gradients[0][1, 2, 0, 1]), rel=1e-6)


def test_plain_keeps_the_signs_and_vanishes_before_batch_norm(numerical) -> None:
    network, images, labels, gradients = numerical
    products = [float((w.detach() * g).sum()) for w, g in zip(weights_of(network), gradients, strict=True)]
    assert score("plain", network, images, labels) == pytest.approx(sum(products), rel=1e-5)
    # The scale of a convolution before a batch norm does not affect the loss (up to epsilon).
    assert abs(products[0]) < 1e-4 * abs(products[2])


def test_grasp_is_minus_the_change_of_the_gradients_length_when_all_weights_grow() -> None:
    """-w.(Hg) is minus the derivative of |g|^2 / 2 along w, so the test needs no Hessian."""
    network = Tiny(seed=3)
    images, labels = batch(6, seed=4)

    def half_square(scale: float) -> float:
        twin = copy.deepcopy(network)
        for weight in weights_of(twin):
            weight.data.mul_(scale)
        F.cross_entropy(twin.train()(images), labels).backward()
        return sum(float((weight.grad**2).sum()) for weight in weights_of(twin)) / 2

    step = 1e-5
    expected = -(half_square(1 + step) - half_square(1 - step)) / (2 * step)
    assert score("grasp", network, images, labels) == pytest.approx(expected, rel=1e-6)


def test_fisher_is_the_squared_effect_of_gates_on_channels() -> None:
    """A gate per image and channel multiplies a layer's output; the score squares its derivative."""
    network = Tiny(seed=5)
    images, labels = batch(4, seed=6)
    step, total, total_fan_in = 1e-5, 0.0, 0.0
    for name, channels in (("first", 4), ("second", 5), ("classifier", 3)):
        for channel in range(channels):
            slopes = []
            for image in range(len(images)):
                losses = []
                for sign in (1, -1):
                    twin = copy.deepcopy(network)

                    def gate(module, inputs, output, image=image, channel=channel, size=1 + sign * step):
                        output = output.clone()
                        output[image, channel] *= size
                        return output

                    getattr(twin, name).register_forward_hook(gate)
                    losses.append(loss_at(twin, images, labels))
                slopes.append((losses[0] - losses[1]) / (2 * step))
            value = sum(slope**2 for slope in slopes) / len(images) / 2
            total += value
            total_fan_in += value * getattr(network, name).weight[0].numel()
    assert score("fisher", network, images, labels) == pytest.approx(total, rel=1e-6)
    assert score("fisher[fan_in=true]", network, images, labels) == pytest.approx(total_fan_in, rel=1e-6)


def zico_by_numpy(network: nn.Module, parts: list) -> float:
    gradients = []
    for images, labels in parts:
        twin = copy.deepcopy(network).train()
        F.cross_entropy(twin(images), labels).backward()
        gradients.append([weight.grad.numpy().ravel() for weight in weights_of(twin)])
    total = 0.0
    for layer in range(len(gradients[0])):
        rows = np.stack([g[layer] for g in gradients])
        mean, deviation = np.abs(rows).mean(0), rows.std(0)
        total += np.log((mean[deviation > 0] / deviation[deviation > 0]).sum())
    return total


def test_zico_against_a_plain_loop_over_batches() -> None:
    network = Tiny(seed=7)
    images, labels = batch(12, seed=8)
    halves = [(images[:6], labels[:6]), (images[6:], labels[6:])]
    assert score("zico", network, images, labels) == pytest.approx(zico_by_numpy(network, halves), rel=1e-9)
    thirds = [(images[i : i + 4], labels[i : i + 4]) for i in (0, 4, 8)]
    assert score("zico[batches=3]", network, images, labels) == pytest.approx(zico_by_numpy(network, thirds), rel=1e-9)
    # Five batches of two of the 12 images are used; the last two images are not.
    fifths = [(images[i : i + 2], labels[i : i + 2]) for i in (0, 2, 4, 6, 8)]
    assert score("zico[batches=5]", network, images, labels) == pytest.approx(zico_by_numpy(network, fifths), rel=1e-9)


def test_zico_does_not_change_with_the_size_of_the_gradients() -> None:
    """mean / deviation is dimensionless, so the score is the same if scaled images scale all gradients."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3, bias=False)).double()
    images, labels = batch(8, size=2)
    with torch.no_grad():
        network[1].weight.zero_()  # uniform predictions, so that the gradient is linear in the images
    assert score("zico", network, images * 7, labels) == pytest.approx(score("zico", network, images, labels))


def test_zico_of_equal_halves_is_a_failure_since_nothing_varies() -> None:
    images, labels = batch(4)
    with pytest.raises(ProxyFailure, match="varies"):
        score("zico", Tiny(), torch.cat([images, images]), torch.cat([labels, labels]))


@pytest.mark.parametrize("batches", [-1, 0, 1, 4])
def test_zico_refuses_batches_that_cannot_have_a_deviation(batches: int) -> None:
    with pytest.raises(UsageError, match="batches"):
        score(f"zico[batches={batches}]", Tiny(), *batch(6))


def test_l2_norm_params_and_flops_by_hand() -> None:
    network = Tiny()
    images, _ = batch(2, size=6)
    lengths = sum(math.sqrt(sum(float(v) ** 2 for v in w.flatten().tolist())) for w in weights_of(network))
    assert score("l2_norm", network, images) == pytest.approx(lengths)
    assert score("params", network, images) == 3 * 4 * 9 + 2 * 4 + 4 * 5 * 9 + 2 * 5 + 5 * 3 + 3
    assert score("flops", network, images) == 3 * 9 * (4 * 36) + 4 * 9 * (5 * 9) + 5 * 3
