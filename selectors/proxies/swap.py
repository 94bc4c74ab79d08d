"""swap: how many different answers the network's units give to the images.

Peng, Song, Fayek, Ciesielski, Chang, "SWAP-NAS: Sample-Wise Activation Patterns for Ultra-Fast NAS", ICLR 2024.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from bench.errors import UsageError
from selectors.proxies._contract import Batch, Passes, Proxy
from selectors.proxies._matrices import distinct_rows
from selectors.proxies._network import activations, use_batch_norm


@dataclass(frozen=True)
class Swap(Proxy):
    """The number of different sample-wise patterns: a unit's pattern is for which images its ReLU is active."""

    bn: str = "batch"
    """`batch` or `running` statistics."""
    reached: bool = False
    """True counts only ReLUs that the logits depend on."""
    mu: float = 0.0
    """Of the regularised score: the number of parameters aimed at. Used if sigma is above 0."""
    sigma: float = 0.0
    """Of the regularised score: how fast it falls beside mu, in squared parameters; 0 is the plain score."""

    paper = "Peng, Song, Fayek, Ciesielski & Chang, SWAP-NAS, ICLR 2024"
    formula = "number of different rows of the binary matrix [units, images] * exp(-(params - mu)^2 / sigma)"
    higher_is_better = True
    uses_images = True
    uses_labels = False
    batch_norm = "batch statistics (option bn=running)"
    differs = "unregularised unless mu and sigma are given, as in the released code; counted exactly in packed integers"
    minimum_images = 2

    def passes(self, images: int) -> Passes:
        """One forward; with reached=true one backward."""
        return Passes(1, 1 if self.reached else 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        """See the class. Raises UsageError if sigma is below 0."""
        if self.sigma < 0:
            raise UsageError(f"Option sigma={self.sigma} of 'swap' is below 0; give a width, or 0 for none.")
        use_batch_norm(network, self.bn)
        patterns = activations(network, batch.images, batch, only_reached=self.reached)
        count = distinct_rows(torch.cat(patterns, dim=1).T)
        if self.sigma == 0:
            return float(count)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return count * math.exp(-((parameters - self.mu) ** 2) / self.sigma)


PROXY = Swap()
