"""The embedded data set: the same bytes everywhere, and separate training and test images."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem import digits
from nas_selection_bench.bench.problem.digits import Canvases, digits_arrays, digits_images, draw_canvases

SHA256 = {
    "train": "e0175165c7156b2b2d92eae6b6cd9bd364fb7b2ed3e458fe0acc76a002bd7f7b",
    "test": "686b9330cc7b6062ffb78cc2f895dfc1247c2cd5cfd30e0ca24ea4ea2c739090",
}


@pytest.fixture(scope="module")
def splits() -> dict[str, Canvases]:
    return {"train": digits_arrays("train"), "test": digits_arrays("test")}


def test_the_bytes_are_those_that_the_table_was_made_with(splits: dict[str, Canvases]) -> None:
    for name, canvases in splits.items():
        digest = hashlib.sha256(canvases.images.tobytes() + canvases.labels.astype("<i8").tobytes()).hexdigest()
        assert digest == SHA256[name], name


def test_shapes_labels_and_grey(splits: dict[str, Canvases]) -> None:
    for canvases in splits.values():
        assert canvases.images.shape == (4_000, 3, 8, 8)
        assert canvases.images.dtype == np.uint8
        assert (canvases.images == canvases.images[:, :1]).all()
        counts = np.bincount(canvases.labels, minlength=10)
        assert len(counts) == 10
        assert counts.min() > 300


def test_no_training_scan_lies_under_a_test_canvas(splits: dict[str, Canvases]) -> None:
    from sklearn.datasets import load_digits

    scans = np.round(load_digits().images * (255 / digits.INK))
    order = np.random.default_rng(digits.SEED).permutation(len(scans))
    test_scans = scans[order[digits.TRAIN_SCANS :]]
    # Fragments only add ink, so the original scan is nowhere darker than its canvas.
    for canvas in splits["test"].images[:200, 0]:
        assert (test_scans <= canvas).all(axis=(1, 2)).any()


def test_a_canvas_is_its_scan_plus_ink_and_has_its_label() -> None:
    generator = np.random.default_rng(0)
    scans = generator.integers(0, 17, size=(5, 8, 8)).astype(float)
    canvases = draw_canvases(scans, np.arange(5), 60, generator)
    for image, label in zip(canvases.images[:, 0], canvases.labels, strict=True):
        scan = np.round(scans[label] * (255 / 16))
        assert (image >= scan).all()
        # Each fragment has 16 pixels, and is invisible where it is lighter than the scan.
        assert (image != scan).sum() <= 16 * digits.FRAGMENTS


def test_image_set_is_normalised_by_the_training_images() -> None:
    train, limited, held_out = digits_images(), digits_images(100), digits_images(split="test")
    pixels = train.images.double() / 255
    assert train.mean == limited.mean == held_out.mean
    assert float(pixels.mean()) == pytest.approx(train.mean[0], abs=1e-4)
    assert float(pixels.std()) == pytest.approx(train.std[0], abs=1e-4)
    assert len(limited) == 100
    assert (limited.images == train.images[:100]).all()
    with pytest.raises(UsageError, match="at least 2 images"):
        digits_images(1)


def test_naming_the_data_set_imports_neither_torch_nor_scikit_learn() -> None:
    code = "import sys, nas_selection_bench.bench.problem.digits; print({'torch', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
