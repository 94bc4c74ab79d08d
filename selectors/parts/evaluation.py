"""`Evaluation`, what mixtures reach on the selection images, and a check that there are enough images."""

from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.errors import SkipCell


@dataclass(frozen=True)
class Evaluation:
    """Accuracy and loss of m mixtures on the selection images."""

    accuracy: np.ndarray
    """[m] float64, in %."""
    loss: np.ndarray
    """[m] float64, mean cross-entropy per image."""


def require_enough(option: str, asked: int, available: int) -> None:
    """Raise SkipCell if an option names more images or mini-batches than there are; only defaults are cut."""
    if asked > available:
        raise SkipCell(
            f"{option}={asked} is more than there are at this size ({available:,}); choose fewer, or a larger --preset"
            " or --budget"
        )
