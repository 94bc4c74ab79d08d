"""Checks of images before a run: whether they fit the network and the batches, and whether they were shuffled."""

import numpy as np

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.image_set import ImageSet

STRIDE = 4
"""Divisor of the sides of images: the network halves both twice, each time adding the outputs of two branches."""


def refuse_unfit(images: ImageSet, batch_size: int) -> None:
    """Raise DataError if no supernet can be trained on `images` in batches of `batch_size`."""
    height, width = images.images.shape[-2:]
    if height % STRIDE or width % STRIDE:
        raise DataError(
            f"The images of {images.name} are {height}x{width}, and the network halves both sides twice: pad or scale"
            f" them to multiples of {STRIDE}."
        )
    half = len(images) // 2
    if half < batch_size:
        raise DataError(
            f"{images.name} has {len(images)} images, and a half of {half} does not fill a batch of {batch_size}: use"
            f" at least {2 * batch_size} images."
        )


def label_warnings(images: ImageSet) -> list[str]:
    """Warnings about suspicious labels: sorted labels, or classes missing from one half. Empty if there are none."""
    labels = images.labels.numpy()
    middle = len(labels) // 2
    cure = "halves are taken by index, so shuffle the images once before you save them"
    if len(np.unique(labels)) > 1 and bool((np.diff(labels) >= 0).all()):
        return [f"The labels of {images.name} are sorted; {cure}."]
    sentences = []
    for name, part in (("first", labels[:middle]), ("second", labels[middle:])):
        missing = np.setdiff1d(np.arange(images.classes), part)
        if missing.size:
            sentences.append(
                f"The {name} half of {images.name} lacks {missing.size} of {images.classes} classes"
                f" ({', '.join(map(str, missing[:5].tolist()))}{', ...' if missing.size > 5 else ''}); {cure}, and use"
                " enough of them."
            )
    return sentences
