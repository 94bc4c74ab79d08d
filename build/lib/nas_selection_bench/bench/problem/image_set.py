"""The training images of a data set in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import; naming the data sets must not
    import torch

Channels = tuple[float, float, float]
"""One number per channel: red, green, blue."""


@dataclass(frozen=True)
class ImageSet:
    """Training images in memory, in official order, with what training needs to know about them."""

    name: str
    images: torch.Tensor
    """[n, 3, height, width] uint8 on the CPU."""
    labels: torch.Tensor
    """[n] int64 from 0."""
    classes: int
    mean: Channels
    """Per channel, of pixels in [0, 1]."""
    std: Channels
    crop_padding: int
    """Pixels of black border for the random crop; 0 is no crop."""
    flip: bool
    """Whether a mirror image is the same class (false for digits)."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)
