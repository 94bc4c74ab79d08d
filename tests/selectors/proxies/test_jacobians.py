"""Scores based on gradients of images, compared with finite differences, numpy and loops."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_selection_bench.selectors.proxies import ProxyFailure, score
from nas_selection_bench.selectors.proxies._matrices import spectrum
from nas_selection_bench.selectors.proxies.ntk import image_gradients, mixed_gradients
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork
from tests.selectors.proxies.networks import Chain, Tiny, batch


def numerical_jacobian(network: nn.Module, images: Tensor, step: float = 1e-5) -> np.ndarray:
    """[n, pixels] derivatives of the sum of all logits of the batch with respect to each pixel."""
    twin = copy.deepcopy(network).train()
    images = images.clone()
    slopes = np.zeros(images.numel())
    flat = images.view(-1)
    with torch.no_grad():
        for position in range(images.numel()):
            original = float(flat[position])
            flat[position] = original + step
            above = float(twin(images).sum())
            flat[position] = original - step
            below = float(twin(images).sum())
            flat[position] = original
            slopes[position] = (above - below) / (2 * step)
    return slopes.reshape(len(images), -1)


def test_jacob_cov_against_numpy_on_numerical_jacobians() -> None:
    network = Tiny(seed=1)
    images, _ = batch(5)
    values = np.linalg.eigvals(np.corrcoef(numerical_jacobian(network, images))).real
    expected = -np.sum(np.log(values + 1e-5) + 1 / (values + 1e-5))
    assert score("jacob_cov", network, images) == pytest.approx(expected, rel=1e-5)


def test_jacob_cov_is_largest_where_the_images_gradients_are_uncorrelated() -> None:
    """n eigenvalues of 1 give -n (log(1 + k) + 1 / (1 + k)); one gate per image sets the gradients as needed."""

    class Gated(nn.Module):
        def __init__(self, gates: list[list[float]]) -> None:
            super().__init__()
            self.gates = nn.Parameter(torch.tensor(gates, dtype=torch.float64))

        def forward(self, images: Tensor) -> Tensor:
            return (images.flatten(1) * self.gates).sum(1, keepdim=True)

    images, _ = batch(3, size=2, channels=1)
    k = 1e-5
    apart = score("jacob_cov", Gated([[1, -1, 0, 0], [1, 1, -2, 0], [1, 1, 1, -3]]), images)
    assert apart == pytest.approx(-3 * (math.log(1 + k) + 1 / (1 + k)))
    alike = score("jacob_cov", Gated([[1, -1, 0, 0], [2, -2, 0, 0], [3, -3, 0, 0]]), images)
    assert alike == pytest.approx(-(math.log(3 + k) + 1 / (3 + k)) - 2 * (math.log(k) + 1 / k), rel=1e-6)
    with pytest.raises(ProxyFailure, match="constant for 1 of 3"):
        score("jacob_cov", Gated([[1, -1, 0, 0], [0, 0, 0, 0], [1, 1, -2, 0]]), images)


def epe_by_loops(jacobian: np.ndarray, labels: list[int], classes: int) -> float:
    terms = []
    for label in sorted(set(labels)):
        rows = [row for row, of in zip(jacobian, labels, strict=True) if of == label]
        if classes > 100 and len(rows) == 1:
            continue
        term = 0.0
        for one in rows:
            for other in rows:
                term += math.log(abs(np.corrcoef(one, other)[0, 1]) + 1e-5)
        terms.append(term / len(rows) if classes > 100 else term)
    if classes <= 100:
        return sum(abs(term) for term in terms)
    return sum(abs(one - other) for one in terms for other in terms) / len(terms)


@pytest.mark.parametrize("classes", [3, 120])
def test_epe_nas_against_loops(classes: int) -> None:
    network = Tiny(classes=classes, seed=2)
    images, _ = batch(7)
    labels = [0, 2, 2, 0, 1, 2, 0]
    expected = epe_by_loops(numerical_jacobian(network, images), labels, classes)
    assert score("epe_nas", network, images, torch.tensor(labels)) == pytest.approx(expected, rel=1e-5)


def test_epe_nas_leaves_classes_of_one_image_out_of_more_than_100() -> None:
    """The released rule gives 2.432 for these Jacobians: |E_0 - E_1|, E_0 = -5.252, E_1 = -7.684."""
    torch.manual_seed(0)
    network, images = StandaloneNetwork((3,) * 6, 8, 1, 120), torch.randn(6, 3, 32, 32)  # type: ignore[arg-type]
    found = score("epe_nas", network, images, torch.tensor([0, 0, 1, 1, 2, 3]))
    assert found == pytest.approx(2.432, abs=5e-4)
    with pytest.raises(ProxyFailure, match="no class has two images"):
        score("epe_nas", network, images, torch.arange(6))


def linear_model(pixels: int, classes: int = 1) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes)).double()


def test_the_kernel_of_a_linear_model_is_the_gram_matrix_of_the_images() -> None:
    images, _ = batch(5)
    singular = np.linalg.svd(images.flatten(1).numpy(), compute_uv=False)
    assert score("ntk", linear_model(48), images) == pytest.approx(-((singular[0] / singular[-1]) ** 2), rel=1e-8)
    # Every class has its own copy of the same gradient.
    assert score("ntk", linear_model(48, 7), images) == pytest.approx(score("ntk", linear_model(48), images))


def test_ntk_against_a_loop_of_finite_differences() -> None:
    network = Tiny(seed=3)
    images, _ = batch(4)
    columns = []
    twin = copy.deepcopy(network).train()
    with torch.no_grad():
        for name, weight in twin.named_parameters():
            if not name.endswith("weight"):
                continue
            for position in range(weight.numel()):
                flat = weight.data.view(-1)
                original = float(flat[position])
                flat[position] = original + 1e-5
                above = twin(images).sum(1)
                flat[position] = original - 1e-5
                below = twin(images).sum(1)
                flat[position] = original
                columns.append(((above - below) / 2e-5).numpy())
    jacobian = np.stack(columns, axis=1)
    assert score("ntk", network, images) == pytest.approx(-np.linalg.cond(jacobian @ jacobian.T), rel=1e-4)


def test_ntk_ignores_the_unit_of_the_logits_and_the_order_of_the_images() -> None:
    images, _ = batch(5)
    before = score("ntk", Tiny(seed=4), images)
    assert score("ntk", Tiny(seed=4), images.flip(0)) == pytest.approx(before, rel=1e-6)
    model = Chain(48, 4, 2)
    tripled = copy.deepcopy(model)
    # Multiplying both layers by c multiplies every gradient by c.
    for weight in tripled.weights():
        weight.mul_(3)
    assert score("ntk", tripled, images) == pytest.approx(score("ntk", model, images), rel=1e-9)


def test_ntk_of_a_repeated_image_is_singular() -> None:
    images, _ = batch(3)
    with pytest.raises(ProxyFailure, match="singular"):
        score("ntk", linear_model(48), torch.cat([images, images[:1]]))


def test_all_images_at_once_equals_the_loop_where_batch_norm_does_not_mix_them() -> None:
    network = Tiny(seed=5).eval()
    images, _ = batch(4)
    weights = {name: p for name, p in network.named_parameters() if name.endswith("weight")}
    torch.testing.assert_close(
        image_gradients(network, images, weights), mixed_gradients(network, images, weights), rtol=1e-9, atol=1e-12
    )
    assert score("ntk[bn=running]", network, images) != score("ntk", network, images)


def test_spectrum_names_a_matrix_that_is_not_positive_definite() -> None:
    with pytest.raises(ProxyFailure, match="K is singular"):
        spectrum(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), "K")
    with pytest.raises(ProxyFailure, match="K is not finite"):
        spectrum(torch.tensor([[1.0, float("inf")], [1.0, 1.0]]), "K")
    assert spectrum(torch.diag(torch.tensor([4.0, 2.0])), "K").tolist() == [2.0, 4.0]
