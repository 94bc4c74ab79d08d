"""A user's own data set, and the messages about its faults."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.datasets import dataset_names, image_count, load_images
from nas_selection_bench.bench.problem.own_dataset import fingerprint, load_own

TOLD = {"classes": 3, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.25], "crop_padding": 1, "flip": False}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps(TOLD))
    generator = np.random.default_rng(0)
    for prefix, n in (("", 12), ("test_", 5)):
        np.save(folder / f"{prefix}images.npy", generator.integers(256, size=(n, 3, 8, 8), dtype=np.uint8))
        np.save(folder / f"{prefix}labels.npy", generator.integers(3, size=n))
    return tmp_path


def test_it_is_found_and_read_like_the_others(root: Path) -> None:
    assert dataset_names(root) == ("digits", "cifar10", "cifar100", "imagenet16", "flowers")
    images = load_images("flowers", root, limit=10)
    assert (images.name, images.classes, images.crop_padding, images.flip, len(images)) == ("flowers", 3, 1, False, 10)
    assert np.array_equal(images.images.numpy(), np.load(root / "flowers" / "images.npy")[:10])
    assert images.labels.tolist() == np.load(root / "flowers" / "labels.npy")[:10].tolist()
    assert sum(len(y) for _, y in Half(images, "weights", "cpu").epoch(0, 2)) == 4


def test_its_images_are_counted_without_reading_them(root: Path) -> None:
    assert image_count("flowers", root) == 12
    np.save(root / "flowers" / "labels.npy", np.int64(3))
    assert image_count("flowers", root) is None
    (root / "flowers" / "labels.npy").unlink()
    assert image_count("flowers", root) is None


@pytest.mark.parametrize("file", ["dataset.json", "images.npy", "labels.npy"])
def test_its_fingerprint_changes_with_every_byte(root: Path, file: str) -> None:
    before = fingerprint("flowers", root)
    assert before == fingerprint("flowers", root)
    content = bytearray((root / "flowers" / file).read_bytes())
    content[-1] ^= 1
    (root / "flowers" / file).write_bytes(bytes(content))
    assert fingerprint("flowers", root) != before
    (root / "flowers" / file).unlink()
    with pytest.raises(DataError, match=file):
        fingerprint("flowers", root)


def test_its_test_images_are_for_tables_only(root: Path) -> None:
    assert len(load_own("flowers", root, split="test")) == 5
    assert len(load_images("flowers", root)) == 12


def test_without_a_description_it_does_not_exist(root: Path) -> None:
    (root / "flowers" / "dataset.json").unlink()
    with pytest.raises(UsageError, match="Unknown data set 'flowers'"):
        load_images("flowers", root)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": 1}, "classes is 1;"),
        ({"classes": True}, "classes is true;"),
        ({"mean": [122.0, 116.0, 104.0]}, "mean is"),
        ({"std": [0.0, 0.2, 0.2]}, "std is"),
        ({"std": [0.2, 0.2]}, "std is"),
        ({"flip": 1}, "flip is 1;"),
        ({"crop_padding": -1}, "crop_padding is -1;"),
        ({"note": 5}, "note must be a text"),
        ({"note": "x" * 601}, "note must be a text"),
        ({"crop_padding": "2"}, 'crop_padding is "2"; it must be a whole number'),
        ({"crop_pading": 2}, "'crop_pading'.* did you mean crop_padding"),
    ],
)
def test_a_wrong_description_is_refused(root: Path, change: dict[str, Any], said: str) -> None:
    (root / "flowers" / "dataset.json").write_text(json.dumps(TOLD | change))
    with pytest.raises(DataError, match=rf"dataset\.json.*{said}"):
        load_images("flowers", root)


@pytest.mark.parametrize("key", sorted({*TOLD}))
def test_an_entry_that_is_not_there_is_named(root: Path, key: str) -> None:
    (root / "flowers" / "dataset.json").write_text(json.dumps({k: v for k, v in TOLD.items() if k != key}))
    with pytest.raises(DataError, match=rf"dataset\.json lacks {key}: "):
        load_images("flowers", root)


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_description_that_is_none_is_refused(root: Path, text: str) -> None:
    (root / "flowers" / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=r"dataset\.json"):
        load_images("flowers", root)


@pytest.mark.parametrize(
    ("file", "array", "said"),
    [
        ("images.npy", np.zeros((12, 8, 8, 3), np.uint8), "shape"),
        ("images.npy", np.zeros((12, 3, 8, 8), np.float32), "float32"),
        ("labels.npy", np.zeros((12, 1), np.int64), "shape"),
        ("labels.npy", np.zeros(12), "float64"),
        ("labels.npy", np.zeros(11, np.int64), "11 labels for the 12 images"),
        ("labels.npy", np.array([0, 1, 2, 3] * 3), "image 3 the label 3, outside 0 to 2"),
        ("labels.npy", np.array([object()] * 12), "not a whole"),
    ],
)
def test_wrong_arrays_are_refused(root: Path, file: str, array: np.ndarray, said: str) -> None:
    if array.dtype == object:
        array = np.array([None] * 12, dtype=object)
    np.save(root / "flowers" / file, array)
    with pytest.raises(DataError, match=rf"{file.removesuffix('.npy')}\.npy.*{said}"):
        load_images("flowers", root)


@pytest.mark.parametrize("keep", [0, 5, 60, 300])
def test_a_truncated_array_is_refused(root: Path, keep: int) -> None:
    path = root / "flowers" / "images.npy"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"images\.npy"):
        load_images("flowers", root)


def test_a_missing_array_is_refused(root: Path) -> None:
    (root / "flowers" / "labels.npy").unlink()
    with pytest.raises(DataError, match=r"labels\.npy cannot be read"):
        load_images("flowers", root)
