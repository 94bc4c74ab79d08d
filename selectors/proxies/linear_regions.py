"""linear_regions: into how many linear pieces the network cuts its input space, estimated by sampling.

Xiong et al., "On the Number of Linear Regions of Convolutional Neural Networks", ICML 2020; as a score of networks:
Chen, Gong, Wang, "Neural Architecture Search on ImageNet in Four GPU Hours" (TE-NAS), ICLR 2021.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.options import at_least, option, positive, whole
from nas_selection_bench.selectors.proxies._contract import Batch, Passes, Proxy
from nas_selection_bench.selectors.proxies._matrices import distinct_rows
from nas_selection_bench.selectors.proxies._network import activations, distinct


@dataclass(frozen=True)
class LinearRegions(Proxy):
    """The number of different ReLU patterns among small random crops of the images.

    It tells networks apart only if it stays below the number of samples: TE-NAS takes 3x3 crops and thins the
    network to one channel and one cell per stage. A wide network gives every sample its own region.
    """

    samples: int = option(3000, at_least(2, whole), "crops drawn")
    crop: int = option(3, positive, "height and width of a crop, pixels")

    paper = "Chen, Gong & Wang, TE-NAS, ICLR 2021; Xiong et al., ICML 2020"
    formula = "number of different sign patterns of all ReLUs over the samples"
    uses_images = True
    uses_labels = False
    batch_norm = "as asked, statistics of all samples together by default"
    differs = (
        "all samples in one batch (the released code runs 3 batches of 1000), crops drawn with replacement from the"
        " given images, all input channels unless the caller passes one; the paper speaks of 5000 images"
    )
    caution = (
        "A wide network gives each of a few thousand crops its own region: all operations then score alike, and"
        " the first one, none, is chosen (this happens on digits)"
    )
    changes_network = False
    watches = "relus"
    draws = True

    def passes(self, images: int) -> Passes:
        """One forward pass of the crops."""
        return Passes(1, 0)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        """The number of distinct patterns; raises UsageError for a crop larger than the images."""
        crops = self._crops(batch)
        patterns = activations(network, crops, batch, only_reached=False)
        return float(distinct_rows(torch.cat(distinct(patterns), dim=1)))

    def _crops(self, batch: Batch) -> Tensor:
        images = batch.images
        height, width = images.shape[2:]
        if self.crop > min(height, width):
            raise UsageError(f"linear_regions[crop={self.crop}] does not fit images of {height}x{width}; lower crop.")

        def draw(below: int) -> Tensor:
            return torch.randint(below, (self.samples, 1, 1), generator=batch.generator).to(images.device)

        which, top, left = draw(len(images)), draw(height - self.crop + 1), draw(width - self.crop + 1)
        along = torch.arange(self.crop, device=images.device)
        # Indexing around the channel axis puts it last: [samples, crop, crop, channels].
        return images[which, :, top + along[:, None], left + along].permute(0, 3, 1, 2).contiguous()


PROXY = LinearRegions()
