"""A data root on which a whole experiment takes seconds."""

import json
from pathlib import Path

import numpy as np

from tests.bench.fake_bench import make_table

CLASSES = 4


def small_data(root: Path, test_images: int = 0) -> Path:
    """`root`, filled with the data set `tiny`, 160 small training images of noise, and its ground truth, table.npz."""
    root.mkdir(exist_ok=True)
    make_table(root / "table.npz", ["tiny"])
    folder = root / "tiny"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for prefix, count in (("", 160), ("test_", test_images)):
        if count:
            np.save(folder / f"{prefix}images.npy", generator.integers(0, 256, (count, 3, 8, 8)).astype(np.uint8))
            np.save(folder / f"{prefix}labels.npy", generator.integers(0, CLASSES, count))
    description = {"classes": CLASSES, "mean": [0.5] * 3, "std": [0.25] * 3, "crop_padding": 1, "flip": True}
    (folder / "dataset.json").write_text(json.dumps(description))
    return root
