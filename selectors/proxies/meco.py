"""meco: how far the feature maps of a layer are from being copies of each other.

Jiang, Wang, Bie, "MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of
Correlation", NeurIPS 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.work.options import option, positive, yes_or_no
from nas_selection_bench.selectors.proxies._contract import Batch, Passes, Proxy, ProxyFailure
from nas_selection_bench.selectors.proxies._matrices import correlation, on_host
from nas_selection_bench.selectors.proxies._network import reached, tracked, watch


@dataclass(frozen=True)
class Meco(Proxy):
    """The smallest eigenvalue of the correlations between a layer's channels, summed over the layers."""

    resolution: int = option(64, positive, "height and width of the one random image, pixels")
    containers: bool = option(False, yes_or_no, "also count modules that contain others, as the released code does")
    reached: bool = option(False, yes_or_no, "count only modules that the logits depend on")

    paper = "Jiang, Wang & Bie, MeCo, NeurIPS 2023"
    formula = "sum over layers of lambda_min of the Pearson correlations between the channels' feature maps"
    uses_images = False
    uses_labels = False
    batch_norm = "as asked, statistics of the one image by default"
    differs = (
        "modules without children only: with the released code's containers (option containers=yes) the score"
        " depends on how the same function is divided into modules. A constant channel has correlation 0 with all"
        " channels, itself included, as in that code; symmetric eigenvalues in double precision"
    )
    changes_network = False
    watches = "nothing"  # constant maps have smallest eigenvalue 0
    draws = True

    def passes(self, images: int) -> Passes:
        """One forward pass of one random image; with reached=yes also one backward pass."""
        return Passes(1, 1 if self.reached else 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        image = batch.normal(1, batch.shape[1], self.resolution, self.resolution)
        kinds = (nn.Module,) if self.containers else ()
        with torch.set_grad_enabled(self.reached), watch(network, *kinds) as seen:
            logits = network(tracked(image) if self.reached else image)
        if self.reached:
            seen = reached(seen, logits, batch)
        maps = [call.output.detach()[0].flatten(1) for call in seen if call.output.ndim == 4]
        if not maps:
            raise ProxyFailure("no module of the network outputs feature maps.")
        return sum(least_eigenvalues(maps))


def least_eigenvalues(maps: Sequence[Tensor]) -> list[float]:
    """The smallest eigenvalue (at least 0) of the correlations between the rows of each of `maps`.

    maps: tensors [channels, positions]. Raises ProxyFailure if one is not finite.
    """
    if not bool(torch.stack([torch.isfinite(features).all() for features in maps]).all()):
        raise ProxyFailure("a feature map is not finite.")
    # Centred rows span at most positions - 1 dimensions, so with `positions` or more channels the matrix is singular.
    wide = [features.shape[1] > features.shape[0] for features in maps]
    matrices = iter(on_host([correlation(maps[i]).nan_to_num(nan=0.0) for i, counts in enumerate(wide) if counts]))
    return [max(float(torch.linalg.eigvalsh(next(matrices))[0]), 0.0) if counts else 0.0 for counts in wide]


PROXY = Meco()
