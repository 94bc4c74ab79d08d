"""jacob_cov: how much the network's local linear maps differ from image to image.

Mellor, Turner, Storkey, Crowley, "Neural Architecture Search without Training", first version (arXiv 2006.04647v1);
the name is that of Abdelfattah et al., ICLR 2021. The later version's score is `nwot`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, ProxyFailure
from nas_selection_bench.selectors.proxies._matrices import input_correlation

OFFSET = 1e-5


def input_jacobian(network: nn.Module, images: Tensor) -> tuple[Tensor, int]:
    """The gradient [n, pixels] of the sum of all logits with respect to each image, and the number of logits.

    With batch statistics in batch norm, an image's gradient includes its effect on the other images' logits.
    Raises ProxyFailure if the logits do not depend on the images.
    """
    images = images.clone().requires_grad_(True)
    logits = network(images)
    if not logits.requires_grad:
        raise ProxyFailure("the logits do not depend on the images.")
    (gradient,) = torch.autograd.grad(logits.sum(), images, allow_unused=True)
    if gradient is None:
        raise ProxyFailure("the logits do not depend on the images.")
    return gradient.flatten(1), logits.shape[1]


@dataclass(frozen=True)
class JacobCov(GradientProxy):
    """Minus the divergence of the correlation matrix of the images' Jacobians from the identity."""

    paper = "Mellor, Turner, Storkey & Crowley, Neural Architecture Search without Training, v1 (2020)"
    formula = "-sum_i (log(v_i + k) + 1 / (v_i + k)), v = eigenvalues of the Jacobians' correlations, k = 1e-5"
    uses_labels = False
    differs = "symmetric eigenvalues in double precision (the released code uses a general solver)"
    minimum_images = 2
    changes_network = False

    def compute(self, network: nn.Module, batch: Batch) -> float:
        jacobian, _ = input_jacobian(network, batch.images)
        # Correlation matrices are positive semidefinite: eigenvalues below zero are rounding errors.
        values = torch.linalg.eigvalsh(input_correlation(jacobian)).clamp(min=0) + OFFSET
        return -float((values.log() + 1 / values).sum())


PROXY = JacobCov()
