"""zico: how large gradients are, compared with how much they vary from batch to batch.

Li, Yang, Bhardwaj, Marculescu, "ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients", ICLR 2023.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.options import at_least, option, whole
from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, Passes, ProxyFailure
from nas_selection_bench.selectors.proxies._network import weights_and_gradients


@dataclass(frozen=True)
class Zico(GradientProxy):
    """Per layer the logarithm of the sum over its weights of mean|g| / std(g) over batches, summed over layers."""

    batches: int = option(2, at_least(2, whole), "number of equal batches that the images are split into")

    paper = "Li, Yang, Bhardwaj & Marculescu, ZiCo, ICLR 2023"
    formula = "sum over conv and linear layers of log sum_w mean_b|g_w| / std_b(g_w), over weights with std > 0"
    differs = (
        "one set of images split into batches, each with its own gradient, as in the authors' code since February 2023"
        " (their first commit, and MeCo's copy of it, do not clear the gradients, so that batch k holds the sum of the"
        " first k); std(g) is of the signed gradients, as in that code, where the paper writes the variance of |g|;"
        " layers without a weight of std > 0 add nothing, as in that code; if no layer has one, the score is a failure."
        " The authors' search scores networks without their residual links; here the network stays as it is"
    )
    minimum_images = 4
    changes_network = False

    def passes(self, images: int) -> Passes:
        """One forward and one backward pass per batch."""
        return Passes(self.batches, self.batches)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        """The score; raises UsageError for fewer than 2 batches or batches of fewer than 2 images."""
        size = len(batch.images) // max(self.batches, 1)
        if self.batches < 2 or size < 2:
            raise UsageError(
                f"zico[batches={self.batches}] needs 2 or more batches of 2 or more of the {len(batch.images)} images."
            )
        gradients = []
        for k in range(self.batches):
            part = slice(k * size, (k + 1) * size)
            found = weights_and_gradients(network, batch.images[part], batch.labels[part])
            gradients.append([g.double() for _, g in found])
        terms = []
        for of_layer in zip(*gradients, strict=True):
            by_batch = torch.stack(of_layer)
            deviation = by_batch.std(0, correction=0)
            varies = deviation > 0
            if varies.any():
                ratio = by_batch.abs().mean(0)[varies] / deviation[varies]
                terms.append(math.log(float(ratio.sum())))
        if not terms:
            raise ProxyFailure("no weight has a gradient that varies from batch to batch.")
        return math.fsum(terms)


PROXY = Zico()
