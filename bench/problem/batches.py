"""Mini-batches from one half of a data set, whose images stay on the device as bytes and are augmented there.

The first half by index trains the weights of a supernet; the second half trains its architecture
parameters and serves for selection (the split of the DARTS-PT family: Wang et al., ICLR 2021). Random
numbers come from a CPU generator, so that every device sees the same crops in the same order.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.image_set import ImageSet

_IMAGES_AT_ONCE = 1024
"""Images augmented together: several batches share the kernel launches on a GPU, and they fit a CPU's cache."""


class Half:
    """One half of an ImageSet, resident on a device.

    Batches hold images [batch, 3, height, width] float32 in channels_last memory, normalised per channel with the mean
    and standard deviation of the data set, and labels [batch] int64.
    """

    def __init__(self, images: ImageSet, half: Literal["weights", "selection"], device: torch.device | str) -> None:
        middle = len(images) // 2
        part = {"weights": slice(0, middle), "selection": slice(middle, len(images))}[half]
        self._name = f"{half} half of {images.name}"
        self._height, self._width = images.images.shape[-2:]
        self._padding, self._flip = images.crop_padding, images.flip
        border = (self._padding,) * 4
        # The border is black before normalisation, as when the image itself is padded.
        self._padded = torch.nn.functional.pad(images.images[part], border).to(device)
        # A copy, so that writing to these labels cannot change those of the next cell in this process.
        self._labels = images.labels[part].to(device, copy=True)
        mean, std = (torch.tensor(c, dtype=torch.float64).view(1, 3, 1, 1) for c in (images.mean, images.std))
        self._scale = (1 / (255 * std)).to(device, torch.float32)
        self._shift = (-mean / std).to(device, torch.float32)

    def __len__(self) -> int:
        """Number of images in this half."""
        return len(self._labels)

    def epoch(self, seed: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the augmented images in an order shuffled by `seed`; an incomplete last batch is dropped.

        The same `seed` gives the same images on every device and for every `batch_size`.
        Raises UsageError if the half does not fill a single batch.
        """
        if not 1 <= batch_size <= len(self):
            raise UsageError(f"The {self._name} has {len(self)} images, fewer than one batch of {batch_size}.")
        draws = [draw.to(self._padded.device) for draw in self._draw(seed)]
        return self._augmented_batches(draws, batch_size)

    def fixed(self, batch_size: int, limit: int | None = None) -> list[tuple[Tensor, Tensor]]:
        """Batches of the images in official order, without augmentation; the last batch may be smaller.

        Every caller gets the same images: the first `limit` of the half, or all of them if `limit` is None.
        Raises UsageError if `batch_size` or `limit` is below 1.
        """
        if batch_size < 1 or (limit is not None and limit < 1):
            raise UsageError(f"The {self._name} cannot be read as {limit} images in batches of {batch_size}.")
        last = len(self) if limit is None else min(limit, len(self))
        inner = self._padded[
            :, :, self._padding : self._padding + self._height, self._padding : self._padding + self._width
        ]
        return [
            (self._normalised(inner[start:stop]), self._labels[start:stop])
            for start in range(0, last, batch_size)
            for stop in [min(start + batch_size, last)]
        ]

    def _draw(self, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For each position in an epoch: the image, the top and left of its crop, and whether it is mirrored."""
        generator = torch.Generator().manual_seed(seed)
        n, offsets = len(self), 2 * self._padding + 1
        order = torch.randperm(n, generator=generator)
        top = torch.randint(offsets, (n,), generator=generator)
        left = torch.randint(offsets, (n,), generator=generator)
        mirrored = torch.randint(2, (n,), generator=generator).bool() & self._flip
        return order, top, left, mirrored

    def _augmented_batches(self, draws: list[Tensor], batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        whole = len(self) // batch_size * batch_size
        chunk = max(1, _IMAGES_AT_ONCE // batch_size) * batch_size
        for start in range(0, whole, chunk):
            order, top, left, mirrored = (draw[start : min(start + chunk, whole)] for draw in draws)
            images = self._normalised(self._crops(order, top, left, mirrored))
            labels = self._labels[order]
            for first in range(0, len(order), batch_size):
                yield images[first : first + batch_size], labels[first : first + batch_size]

    def _crops(self, order: Tensor, top: Tensor, left: Tensor, mirrored: Tensor) -> Tensor:
        """[batch, 3, height, width] uint8: a view holds all crops of all images, and one gather picks from it."""
        crops = self._padded.unfold(2, self._height, 1).unfold(3, self._width, 1)
        picked = crops[order, :, top, left]
        if not self._flip:
            return picked
        return torch.where(mirrored.view(-1, 1, 1, 1), picked.flip(3), picked)

    def _normalised(self, images: Tensor) -> Tensor:
        """(images / 255 - mean) / std, as a new tensor and never a view of the resident bytes."""
        pixels = images.to(torch.float32, memory_format=torch.channels_last)
        return torch.addcmul(self._shift, pixels, self._scale)
