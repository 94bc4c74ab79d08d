"""A data root that a whole experiment runs on in seconds."""

import json
from pathlib import Path

import numpy as np

from tests.bench.fake_bench import make_table

CLASSES = 4


def small_data(root: Path) -> Path:
    """`root` with 160 small images of noise, the data set `tiny`, and a ground truth for them, table.npz."""
    make_table(root / "table.npz", ["tiny"])
    folder = root / "tiny"
    folder.mkdir()
    generator = np.random.default_rng(0)
    np.save(folder / "images.npy", generator.integers(0, 256, (160, 3, 8, 8)).astype(np.uint8))
    np.save(folder / "labels.npy", generator.integers(0, CLASSES, 160))
    description = {"classes": CLASSES, "mean": [0.5] * 3, "std": [0.25] * 3, "crop_padding": 1, "flip": True}
    (folder / "dataset.json").write_text(json.dumps(description))
    return root
