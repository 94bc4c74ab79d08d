"""epe_nas: how similar the network's local linear maps are for images of the same class.

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
    """The log correlations between the Jacobians of a class's images, summed; the absolute sums, added over classes."""

    paper = "Lopes, Alirezazadeh & Alexandre, EPE-NAS, ICANN 2021"
    formula = (
        "E_c = sum_ij log(|corr_ij| + 1e-5) over images i, j of class c; score = sum_c |E_c|; for more than 100"
        " classes E_c is divided by the number of images of c, classes with one image are left out, and the score is"
        " sum_cd |E_c - E_d| / number of classes left"
    )
    differs = (
        "nothing in the score; both orders of each pair of classes are summed, as in the released code (a factor of"
        " two). The authors' search script passes no number of classes, so that it never takes the form for more than"
        " 100"
    )
    version = 2  # since classes with one image are left out if there are more than 100 classes
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
            elif members.sum() > 1:  # one image has no correlation; the released code leaves it out too
                terms.append(term / members.sum())
        if not terms:
            raise ProxyFailure("no class has two images, so none has a correlation.")
        per_class = torch.stack(terms)
        if classes <= MANY_CLASSES:
            return float(per_class.abs().sum())
        return float((per_class[:, None] - per_class[None]).abs().sum() / len(per_class))


PROXY = EpeNas()
