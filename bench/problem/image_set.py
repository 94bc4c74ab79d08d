"""The training images of a data set in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import; listing the data sets must not
    import torch

Channels = tuple[float, float, float]
"""One number per channel: red, green, blue."""


@dataclass(frozen=True)
class ImageSet:
    """Training images in memory, in official order, with the settings of their normalisation and augmentation."""

    name: str
    images: torch.Tensor
    """[n, 3, height, width] uint8 on the CPU."""
    labels: torch.Tensor
    """[n] int64, counted from 0."""
    classes: int
    mean: Channels
    """Mean per channel, of pixels in [0, 1]; `std` likewise."""
    std: Channels
    crop_padding: int
    """Width of the black border for random crops, in pixels; 0 means no crop."""
    flip: bool
    """Whether a mirrored image has the same class (false for digits)."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)
