"""A data set of your own: arrays and a small description in a folder of the data root.

`<data root>/<name>/` holds `dataset.json`, `images.npy` [n, 3, size, size] uint8 and `labels.npy` [n], the
training images, and, if a ground-truth table is to be made, `test_images.npy` and `test_labels.npy`.
The description holds what the arrays do not: {"classes": 7, "mean": [r, g, b], "std": [r, g, b] (of pixels
in [0, 1]), "crop_padding": 2, "flip": true}, and optionally "note": a sentence or two that the report shows above
its finding, such as how long the networks of the ground truth were trained.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief, joined
from nas_selection_bench.bench.files import unreadable
from nas_selection_bench.bench.names import is_plain_name, nearest
from nas_selection_bench.bench.problem.array_files import open_npy
from nas_selection_bench.bench.problem.image_set import Channels, ImageSet

DESCRIPTION = "dataset.json"
MOST_CLASSES = 100_000
_pixels = "three numbers from 0 to 1, as pixels are scaled"
_KEYS = {
    "classes": f"a whole number from 2 to {MOST_CLASSES:,}", "mean": _pixels, "std": f"{_pixels}, above 0",
    "crop_padding": "a whole number up to the images' size", "flip": "true or false",
}  # fmt: skip
"""The required entries of a description, and what each must be."""
_NOTE = "note"
_LONGEST_NOTE = 600
"""Characters; anything longer would no longer read as a note."""


@dataclass(frozen=True)
class OwnDescription:
    """The checked content of `dataset.json`."""

    classes: int
    mean: Channels
    std: Channels
    crop_padding: int
    flip: bool
    note: str = ""
    """A note for readers of the report."""


def own_names(root: Path) -> tuple[str, ...]:
    """Sorted names of the data sets in `root` that have a `dataset.json`; names that cannot be typed are left out."""
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{DESCRIPTION}") if is_plain_name(path.parent.name)))


def describe(name: str, root: Path) -> OwnDescription:
    """The checked description of the data set `name`; raises DataError that says what is wrong with it."""
    path = root / name / DESCRIPTION
    try:
        given = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise unreadable(path, error) from error
    except DAMAGE as error:
        raise DataError(f"{path} is not JSON ({in_brief(error)}); correct it.") from error
    if not isinstance(given, dict):
        raise DataError(
            f"{path} must hold the entries {', '.join(_KEYS)} in braces, but holds {in_brief(repr(given))}."
        )
    for key in given:
        if key not in (*_KEYS, _NOTE):
            near = nearest(key, (*_KEYS, _NOTE), 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise DataError(f"{path} has an unknown entry {in_brief(repr(key))}{hint}")
    lacking = [key for key in _KEYS if key not in given]
    if lacking:
        raise DataError(f"{path} lacks {joined(lacking)}: {lacking[0]} is {_KEYS[lacking[0]]}.")
    note = given.get(_NOTE, "")
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE:
        raise DataError(f"{path}: {_NOTE} must be a text of at most {_LONGEST_NOTE} characters.")
    wrong = [key for key in _KEYS if not _fits(key, given[key])]
    if wrong:
        raise DataError(f"{path}: {wrong[0]} is {in_brief(json.dumps(given[wrong[0]]))}; it must be {_KEYS[wrong[0]]}.")
    red, green, blue = (float(value) for value in given["mean"])
    r, g, b = (float(value) for value in given["std"])
    sizes = given["crop_padding"], given["flip"]
    return OwnDescription(given["classes"], (red, green, blue), (r, g, b), *sizes, " ".join(note.split()))


def load_own(name: str, root: Path, limit: int | None = None, split: Literal["train", "test"] = "train") -> ImageSet:
    """The first `limit` images of a split of your own data set; all if `limit` is None or there are fewer.

    Raises DataError that names the file and says what is wrong with it.
    """
    import torch

    own = describe(name, root)
    prefix = "" if split == "train" else "test_"
    images_path, labels_path = root / name / f"{prefix}images.npy", root / name / f"{prefix}labels.npy"
    images, labels = _array(images_path), _array(labels_path)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise DataError(
            f"{images_path} holds {images.dtype} of shape {images.shape}, not uint8 [n, 3, height, width];"
            " convert-images writes that."
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{labels_path} holds {labels.dtype} of shape {labels.shape}, not one whole number per image.")
    if own.crop_padding > min(images.shape[2:]):
        raise DataError(
            f"{root / name / DESCRIPTION}: crop_padding {own.crop_padding} is larger than the images; give"
            f" at most {min(images.shape[2:])}."
        )
    if len(labels) != len(images):
        raise DataError(
            f"{labels_path} holds {len(labels)} labels for the {len(images)} images of {images_path}; save"
            " one label per image."
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= own.classes))
    if len(wrong):
        raise DataError(
            f"{labels_path} gives image {wrong[0]} the label {labels[wrong[0]]}, outside 0 to {own.classes - 1};"
            f" correct it, or `classes` in {DESCRIPTION}."
        )
    last = len(labels) if limit is None else min(limit, len(labels))
    return ImageSet(
        name=name, images=torch.from_numpy(np.array(images[:last])),
        labels=torch.from_numpy(labels[:last].astype(np.int64)), classes=own.classes, mean=own.mean, std=own.std,
        crop_padding=own.crop_padding, flip=own.flip,
    )  # fmt: skip


def count_own(name: str, root: Path) -> int | None:
    """Number of training images of your own data set `name`; None if `labels.npy` is unusable (see `load_own`)."""
    try:
        return len(_array(root / name / "labels.npy"))
    except (DataError, TypeError):  # a single number has no length
        return None


def fingerprint(name: str, root: Path) -> str:
    """16 hex digits that change with the description, the images or the labels.

    Raises DataError if a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in (DESCRIPTION, "images.npy", "labels.npy"):
        path = root / name / file
        try:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()[:16]


def _array(path: Path) -> np.ndarray:
    """The array in an .npy file, without pickles and not yet read into memory."""
    try:
        return open_npy(path)
    except OSError as error:
        raise unreadable(path, error) from error
    except DAMAGE as error:
        raise DataError(f"{path} is not a whole .npy file of numbers ({in_brief(error)}).") from error


def _fits(key: str, value: Any) -> bool:
    if key == "flip":
        return isinstance(value, bool)
    if key in ("classes", "crop_padding"):
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and (2 if key == "classes" else 0) <= value <= MOST_CLASSES
        )
    numbers = isinstance(value, list) and len(value) == 3 and all(type(v) in (int, float) for v in value)
    return numbers and all((0 < v <= 1) if key == "std" else (0 <= v <= 1) for v in value)
