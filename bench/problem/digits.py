"""The embedded data set `digits`: handwritten digits under clutter, small enough to need no download.

The images are made from the digits in scikit-learn's wheel (real 8x8 scans, 1,797 of them; Alpaydin &
Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998), so that a
fresh machine without a network has images. Each canvas shows one whole scan with 4x4 fragments of other
scans over it; its label is that of the whole scan. Training and test canvases are made from different
scans, so that a test canvas shows no stroke seen in training.

The images depend on constants alone: they have the same bytes on every machine, which a test checks. They
are 8x8 because a table of 5,000 networks must not take a day on two cores, and small canvases are learnt
sooner: in a trial of 30 architectures, each trained twice for 125 steps of 64 images, tau-b between the two
trainings was 0.76 on 8x8 canvases and 0.38 on 12x12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.image_set import ImageSet

CLASSES = 10
CANVAS = 8
"""Height and width of a canvas and of a scan, in pixels."""
FRAGMENT = 4
"""Height and width of a fragment, in pixels."""
FRAGMENTS = 4
"""Number of fragments of other scans on one canvas."""
INK = 16
"""Largest grey level of the scans."""
TRAIN_IMAGES = 4_000
TEST_IMAGES = 4_000
TRAIN_SCANS = 1_200
"""Number of scans that training canvases are made from; test canvases are made from the other 597."""
SEED = 201


@dataclass(frozen=True)
class Canvases:
    """Images and labels of one split."""

    images: np.ndarray
    """[n, 3, CANVAS, CANVAS] uint8; the three channels are equal."""
    labels: np.ndarray
    """[n] int64, 0..9."""


def digits_arrays(split: Literal["train", "test"]) -> Canvases:
    """All canvases of `split`. The test canvases serve only to make the ground-truth table."""
    from sklearn.datasets import load_digits  # takes a second to import, and only this data set needs it

    bundled = load_digits()
    order = np.random.default_rng(SEED).permutation(len(bundled.target))
    train = split == "train"
    chosen = order[:TRAIN_SCANS] if train else order[TRAIN_SCANS:]
    count = TRAIN_IMAGES if train else TEST_IMAGES
    generator = np.random.default_rng([SEED, 1 if train else 2])
    return draw_canvases(bundled.images[chosen], bundled.target[chosen], count, generator)


def digits_images(limit: int | None = None, split: Literal["train", "test"] = "train") -> ImageSet:
    """The first `limit` canvases of `split` as an ImageSet; raises UsageError if `limit` is below 2."""
    import torch

    if limit is not None and limit < 2:
        raise UsageError(f"digits needs at least 2 images, one for each half, not {limit}.")
    canvases = digits_arrays(split)
    pixels = digits_arrays("train").images[:, 0] / 255 if split == "test" else canvases.images[:, 0] / 255
    mean, std = round(float(pixels.mean()), 4), round(float(pixels.std()), 4)
    return ImageSet(
        name="digits", images=torch.from_numpy(canvases.images[:limit]),
        labels=torch.from_numpy(canvases.labels[:limit]), classes=CLASSES,
        mean=(mean, mean, mean), std=(std, std, std), crop_padding=0, flip=False,
    )  # fmt: skip


def draw_canvases(scans: np.ndarray, labels: np.ndarray, count: int, generator: np.random.Generator) -> Canvases:
    """`count` canvases made from `scans` [m, 8, 8] (0..16) and their `labels` [m]; overlaps keep the darker ink."""
    rows = np.arange(count)
    chosen = generator.integers(len(scans), size=count)
    pictures = scans[chosen].copy()
    for _ in range(FRAGMENTS):
        other = scans[generator.integers(len(scans), size=count)]
        y, x = generator.integers(CANVAS - FRAGMENT + 1, size=(2, count))
        span = np.arange(FRAGMENT)
        piece = other[rows[:, None, None], y[:, None, None] + span[:, None], x[:, None, None] + span]
        top, left = generator.integers(CANVAS - FRAGMENT + 1, size=(2, count))
        _lay(pictures, piece, top, left)
    grey = np.round(pictures * (255 / INK)).astype(np.uint8)
    return Canvases(np.repeat(grey[:, None], 3, axis=1), labels[chosen].astype(np.int64))


def _lay(pictures: np.ndarray, pieces: np.ndarray, top: np.ndarray, left: np.ndarray) -> None:
    """Lay piece i over picture i with its corner at (top[i], left[i])."""
    span = np.arange(pieces.shape[1])
    at = np.arange(len(pictures))[:, None, None], top[:, None, None] + span[:, None], left[:, None, None] + span
    pictures[at] = np.maximum(pictures[at], pieces)
