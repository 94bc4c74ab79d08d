"""nwot: how much the network's ReLU activation patterns differ from image to image.

Mellor, Turner, Storkey, Crowley, "Neural Architecture Search without Training", ICML 2021. Zero-Cost-PT
(Xiang et al., AAAI 2023) calls it `jacob`.
"""

from collections import Counter
from dataclasses import dataclass

from torch import nn

from nas_selection_bench.bench.work.options import option, yes_or_no
from nas_selection_bench.selectors.proxies._contract import Batch, Passes, Proxy, ProxyFailure, as_asked
from nas_selection_bench.selectors.proxies._matrices import spectrum
from nas_selection_bench.selectors.proxies._network import activations, distinct, use_batch_norm


@dataclass(frozen=True)
class Nwot(Proxy):
    """The log-determinant of the kernel that counts, for each pair of images, the ReLU units in the same state."""

    bn: str | None = option(None, as_asked, "batch-norm statistics; asked: those of --bn; Zero-Cost-PT uses running")
    reached: bool = option(True, yes_or_no, "count only ReLUs that the logits depend on")

    paper = "Mellor, Turner, Storkey & Crowley, Neural Architecture Search without Training, ICML 2021"
    formula = "log |K|, K_ij = number of ReLU units that are both active or both inactive for images i and j"
    uses_images = True
    uses_labels = False
    batch_norm = "as asked, batch statistics by default (option bn)"
    differs = (
        "the released code counts a ReLU if a backward pass visits it, even through the product with zero in `none`;"
        " here it counts if the gradient that arrives is not zero, so dead ends do not count however they are"
        " implemented. Each ReLU counts once; the released code, like Zero-Cost-PT's, also hooks the blocks around"
        " ReLUs, whose class name contains the word, so all ReLUs but the last count twice, which adds about n log 2."
        " A singular kernel (two images with the same code) is a failure, not minus infinity"
    )
    minimum_images = 2
    changes_network = False
    watches = "relus"

    def passes(self, images: int) -> Passes:
        """One forward pass; with reached=yes also one backward pass, to find the ReLUs that count."""
        return Passes(1, 1 if self.reached else 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        use_batch_norm(network, self.bn)
        kernel = None
        seen = activations(network, batch.images, batch, only_reached=self.reached)
        times = Counter(id(active) for active in seen)
        for active in distinct(seen):
            code = active.to(batch.dtype)
            on = code.sum(1)
            # Units on for both, and off for both: units - on_i - on_j + both. Counts below 2^24 per layer are exact
            # in float32; the sum over layers is kept in double.
            both = code @ code.T
            same = (2 * both - on[:, None] - on + code.shape[1]).double() * times[id(active)]
            kernel = same if kernel is None else kernel + same
        if kernel is None:
            raise ProxyFailure("no ReLU was seen.")
        return float(spectrum(kernel, "the kernel of ReLU codes").log().sum())


PROXY = Nwot()
