"""swap: how many distinct activation patterns the network's units show over the images.

Peng, Song, Fayek, Ciesielski, Chang, "SWAP-NAS: Sample-Wise Activation Patterns for Ultra-Fast NAS", ICLR 2024.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from nas_selection_bench.bench.work.options import at_least, not_negative, number, option, yes_or_no
from nas_selection_bench.selectors.proxies._contract import Batch, Passes, Proxy, as_asked
from nas_selection_bench.selectors.proxies._matrices import distinct_rows
from nas_selection_bench.selectors.proxies._network import activations, distinct, gaussian_weights, use_batch_norm


@dataclass(frozen=True)
class Swap(Proxy):
    """The number of distinct sample-wise patterns: a unit's pattern tells for which images its ReLU is active."""

    bn: str | None = option(None, as_asked, "batch-norm statistics; asked: those of --bn")
    reached: bool = option(False, yes_or_no, "count only ReLUs that the logits depend on")
    repeats: int = option(0, not_negative, "draws of Gaussian weights to average over; 0: the network's own weights")
    mu: float = option(0.0, number, "regularised score: target size, thousand parameters")
    sigma: float = option(0.0, at_least(0), "regularised score: how slowly it falls away from mu; 0: plain")

    paper = "Peng, Song, Fayek, Ciesielski & Chang, SWAP-NAS, ICLR 2024"
    formula = "number of different rows of the binary matrix [units, images] * exp(-(params - mu)^2 / sigma)"
    uses_images = True
    uses_labels = False
    batch_norm = "as asked, batch statistics by default (option bn)"
    differs = (
        "the network is scored as it is (the released script takes a thin one of 3 channels, 16 images, and the mean"
        " over 32 draws of Gaussian weights: option repeats=32); unregularised unless sigma is given, as in the script"
    )
    minimum_images = 2
    watches = "relus"

    @property
    def draws(self) -> bool:
        """Whether the score depends on random numbers: only if it averages over draws of weights."""
        return self.repeats > 0

    def passes(self, images: int) -> Passes:
        """One forward pass per draw of weights; with reached=yes also one backward pass per draw."""
        draws = max(self.repeats, 1)
        return Passes(draws, draws if self.reached else 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        use_batch_norm(network, self.bn)
        counts = []
        for _ in range(max(self.repeats, 1)):
            if self.repeats:
                gaussian_weights(network, batch)
            patterns = activations(network, batch.images, batch, only_reached=self.reached)
            counts.append(distinct_rows(torch.cat(distinct(patterns), dim=1).T))
        mean = sum(counts) / len(counts)
        if self.sigma == 0:
            return mean
        thousands = sum(parameter.numel() for parameter in network.parameters()) / 1000
        return mean * math.exp(-((thousands - self.mu) ** 2) / self.sigma)


PROXY = Swap()
