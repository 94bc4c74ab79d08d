"""Small networks and images that the tests of this folder share."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.bench.work.presets import PRESETS, Settings


@pytest.fixture
def images() -> ImageSet:
    """640 images of 8x8 in four classes that a small network learns to tell apart within an epoch or two."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (640,), generator=generator)
    patterns = torch.randint(0, 255, (4, 3, 8, 8), generator=generator)
    noise = torch.randint(0, 200, (640, 3, 8, 8), generator=generator)
    pixels = ((patterns[labels] + noise) // 2).to(torch.uint8)
    return ImageSet("patterns", pixels, labels, 4, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), crop_padding=1, flip=True)


@pytest.fixture
def settings() -> Settings:
    """Three epochs of a supernet with four channels."""
    return replace(
        PRESETS["digits"], channels=4, cells=1, batch_size=32, epochs=3, checkpoint_epochs=(1, 3),
        selection_images=128, selection_batch=64,
    )  # fmt: skip


@pytest.fixture
def job(settings: Settings) -> SupernetJob:
    """First-order DARTS with those settings."""
    return SupernetJob("patterns", "darts", 0, 0, settings)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: the networks are tiny, sums depend on the number of threads, and children may be forked."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
