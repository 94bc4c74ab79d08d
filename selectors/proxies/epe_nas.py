"""epe_nas: how alike the network's linear maps are within each class.

Lopes, Alirezazadeh, Alexandre, "EPE-NAS: Efficient Performance Estimation Without Training for Neural
Architecture Search", ICANN 2021.
"""

from dataclasses import dataclass

import torch
from torch import nn

from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, ProxyFailure
from nas_selection_bench.selectors.proxies._matrices import input_correlation
from nas_selection_bench.selectors.proxies.jacob_cov import input_jacobian

OFFSET = 1e-5
MANY_CLASSES = 100


@dataclass(frozen=True)
class EpeNas(GradientProxy):
    """Per class the log correlations of its images' Jacobians, summed; then their sizes, summed over classes."""

    paper = "Lopes, Alirezazadeh & Alexandre, EPE-NAS, ICANN 2021"
    formula = (
        "E_c = sum_ij log(|corr_ij| + 1e-5) over images i, j of class c; score = sum_c |E_c|; for more than 100"
        " classes E_c is divided by the images of c, classes of one image are left out, and the score is"
        " sum_cd |E_c - E_d| / classes seen"
    )
    differs = "nothing; both orders of each pair of classes are summed, as in the released code (a factor of two)"
    version = 2  # since classes of one image are left out where there are more than 100
    minimum_images = 2
    changes_network = False

    def compute(self, network: nn.Module, batch: Batch) -> float:
        jacobian, classes = input_jacobian(network, batch.images)
        logs = (input_correlation(jacobian).abs() + OFFSET).log()
        terms = []
        for label in batch.labels.unique():
            members = batch.labels == label
            term = logs[members][:, members].sum()
            if classes <= MANY_CLASSES:
                terms.append(term)
            elif members.sum() > 1:  # one image has no correlation, as the released code has it
                terms.append(term / members.sum())
        if not terms:
            raise ProxyFailure("no class has two images, so none has a correlation.")
        per_class = torch.stack(terms)
        if classes <= MANY_CLASSES:
            return float(per_class.abs().sum())
        return float((per_class[:, None] - per_class[None]).abs().sum() / len(per_class))


PROXY = EpeNas()
