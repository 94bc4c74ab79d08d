"""Convert images from common formats to a data set: `python -m nas_selection_bench convert-images SOURCE --as NAME`.

SOURCE is an .npz (`images` and `labels`, or `x_train` and `y_train`, or `train_images` and `train_labels`, or `data`
and `labels`), an .npy with `--labels`, a .parquet file or a folder of them (an image column `img` or `image`, a label
column `fine_label` or `label`), or a folder with one folder of image files per class. NAME is cifar10, cifar100 or
imagenet16, whose official files are written in the order of SOURCE and compared with the official content; or it is a
new name, for a data set of your own, which is shuffled once.
"""

import io
import json
import pickle
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, ExitCode, UsageError, in_brief
from nas_selection_bench.bench.files import given_path, make_folder, unreadable, write_whole
from nas_selection_bench.bench.names import is_plain_name
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.array_files import open_npy, open_npz
from nas_selection_bench.bench.problem.datasets import DATASETS, data_root
from nas_selection_bench.bench.problem.official_layouts import Layout
from nas_selection_bench.bench.problem.own_dataset import DESCRIPTION, MOST_CLASSES
from nas_selection_bench.bench.problem.pixels import pixels_of

_NAMES = (("images", "labels"), ("x_train", "y_train"), ("train_images", "train_labels"), ("data", "labels"))
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm"}
LARGEST_SIDE = 4_096
"""Largest width or height, in pixels, of a picture that is unpacked; far more than these networks are trained on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert, print what was found, and return the exit code."""
    parser = Parser(prog="python -m nas_selection_bench convert-images", description="Convert images to a data set.")
    parser.add_argument(
        "source", type=given_path, help="an .npz, an .npy, a .parquet or a folder of them, or a folder of class folders"
    )
    parser.add_argument(
        "--as", dest="name", required=True, metavar="NAME", help="cifar10, cifar100, imagenet16, or a name of your own"
    )
    parser.add_argument("--labels", type=given_path, metavar="FILE", help="the labels that belong to an .npy")
    parser.add_argument(
        "--data-root", type=given_path, metavar="DIR", help="where to write ($NAS_BENCH_DATA, else the user's cache)"
    )
    given = parser.parse_args(arguments)
    if given.name == "digits" or not is_plain_name(given.name):
        raise UsageError(
            f"--as {in_brief(given.name)}: use lower-case letters, numerals, - and _; the name digits is taken."
        )
    root = data_root(given.data_root)
    images, labels = read_images(given.source, given.labels)
    layout = DATASETS[given.name].layout if given.name in DATASETS else None
    made = _official(layout, images, labels, root) if layout else _own(given.name, images, labels, root)
    print(made)
    return int(ExitCode.OK)


def read_images(source: Path, labels: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Images [n, 3, height, width] uint8 and labels [n] int64 in `source`.

    Raises DataError, which says what is wrong, if `source` is missing, damaged or holds no such arrays. Raises
    UsageError for `labels` without an .npy, and if reading `source` needs a package that is not installed.
    """
    if not source.exists():
        raise DataError(f"{source} does not exist; check the path.")
    if labels is not None and source.suffix != ".npy":
        raise UsageError(f"--labels belongs to an .npy file, which {source} is not; leave it out.")
    try:
        with _reading(source, "images"):
            if source.is_dir() and not list(source.glob("*.parquet")):
                raw, numbers = _class_folders(source)
            elif source.is_dir() or source.suffix == ".parquet":
                raw, numbers = _parquet(sorted(source.glob("*.parquet")) if source.is_dir() else [source])
            elif source.suffix == ".npz":
                raw, numbers = _arrays(source)
            elif source.suffix == ".npy" and labels is not None:
                raw, numbers = open_npy(source), None
            else:
                raise DataError(f"{source} is not an .npz, an .npy with --labels, a .parquet or a folder of pictures.")
            images = _planes(raw)
        with _reading(labels or source, "labels"):
            return images, _numbers(numbers if labels is None else open_npy(labels), len(images))
    except ImportError as missing:
        raise UsageError(f"Reading {source} needs the package {missing.name}: pip install {missing.name}.") from None


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Raise DataError, naming `path`, if it cannot be read inside the `with` block or holds no `what`."""
    try:
        yield
    except (OSError, *DAMAGE) as error:
        if isinstance(error, OSError) and error.errno is not None:  # Pillow raises it, without, for what is no picture
            raise unreadable(path, error) from error
        raise DataError(f"{path} is damaged or holds no {what} ({in_brief(error)}).") from error


def _arrays(source: Path) -> tuple[Any, Any]:
    with open_npz(source) as file:
        for images, labels in _NAMES:
            if images in file.files and labels in file.files:
                return file[images], file[labels]
        raise ValueError(f"it holds the arrays {', '.join(file.files)}, not images and labels")


def _parquet(files: Sequence[Path]) -> tuple[Any, Any]:
    from pyarrow import parquet

    images: list[np.ndarray] = []
    labels: list[int] = []
    for path in files:
        with _reading(path, "images"):
            table = parquet.read_table(path)
            image = next((name for name in ("img", "image") if name in table.column_names), None)
            label = next((name for name in ("fine_label", "label") if name in table.column_names), None)
            if image is None or label is None:
                raise ValueError(f"its columns are {', '.join(table.column_names)}; it needs img or image, and label")
            for held in table.column(image).to_pylist():
                content = held["bytes"] if isinstance(held, dict) else held
                images.append(_pixels(io.BytesIO(content)))
            labels += table.column(label).to_pylist()
    return np.stack(images), labels


def _pixels(file: Path | io.BytesIO) -> np.ndarray:
    """The pixels [height, width, 3] of a picture; raises ValueError, before unpacking, if it is too large."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise ValueError(f"a picture of {picture.width}x{picture.height} pixels")
            return np.asarray(picture.convert("RGB"))
    except Image.DecompressionBombError as bomb:
        raise ValueError(str(bomb)) from bomb


def _class_folders(source: Path) -> tuple[Any, Any]:
    """The images and labels of a folder of class folders; classes, and pictures in a class, are sorted by name."""
    images: list[np.ndarray] = []
    labels: list[int] = []
    classes = sorted(path for path in source.iterdir() if path.is_dir())
    for number, folder in enumerate(classes):
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES):
            with _reading(path, "picture"):
                images.append(_pixels(path))
            labels.append(number)
    if not images:
        raise ValueError("no folder in it holds pictures")
    return np.stack(images), labels


def _planes(raw: Any) -> np.ndarray:
    """Images as [n, 3, height, width] uint8, from flat, grey, channels-first or channels-last arrays."""
    images = np.asarray(raw)
    if images.dtype != np.uint8:
        raise ValueError(f"pixels are {images.dtype}; give bytes (uint8, 0 to 255)")
    if not images.size:
        raise ValueError(f"images of shape {images.shape}")
    if images.ndim == 2 and images.shape[1] % 3 == 0 and int((images.shape[1] // 3) ** 0.5) ** 2 * 3 == images.shape[1]:
        side = int((images.shape[1] // 3) ** 0.5)
        return images.reshape(-1, 3, side, side)
    if images.ndim == 3:  # grey
        return np.repeat(images[:, None], 3, axis=1)
    if images.ndim == 4 and images.shape[1] == 3 and images.shape[3] != 3:
        return images
    if images.ndim == 4 and images.shape[3] == 3:
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    raise ValueError(f"images of shape {images.shape}")


def _numbers(raw: Any, count: int) -> np.ndarray:
    labels = np.asarray(raw)
    labels = labels.reshape(count) if labels.size == count else labels
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels of shape {labels.shape} and type {labels.dtype} for {count} images")
    if labels.min() < 0 or labels.max() > np.iinfo(np.int64).max:
        raise ValueError(f"labels from {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)


def _official(layout: Layout, images: np.ndarray, labels: np.ndarray, root: Path) -> str:
    """Write the official files of a data set, and say whether their content is the official one."""
    if images.shape != (layout.images, 3, layout.size, layout.size) or labels.max() >= layout.classes:
        raise DataError(
            f"{layout.name} is {layout.images} images of {layout.size}x{layout.size} in {layout.classes} classes; these"
            f" are {len(images)} of {images.shape[2]}x{images.shape[3]} with labels up to {labels.max()}."
        )
    folder = root / layout.folder
    if any((folder / file).exists() for file in layout.files):
        raise DataError(f"{folder} holds {layout.name} already; move it away first.")
    make_folder(folder)
    parts = np.array_split(np.arange(len(images)), len(layout.files))
    for file, part in zip(layout.files, parts, strict=True):
        content = {
            "data": images[part].reshape(len(part), -1),
            layout.label_key: (labels[part] + layout.first_label).tolist(),
        }
        write_whole(folder / file, pickle.dumps(content, protocol=3))
    found = pixels_of(layout.name, root, None)
    assert found is not None
    return f"{folder}: {len(images):,} images, {found.origin} content, fingerprint {found.fingerprint}"


def _own(name: str, images: np.ndarray, labels: np.ndarray, root: Path) -> str:
    """Write a user's own data set, shuffled once, with the mean and standard deviation of its channels."""
    folder, classes = root / name, int(labels.max()) + 1
    if not 2 <= classes <= MOST_CLASSES:
        raise DataError(
            f"The labels go up to {classes - 1}; a data set has 2 to {MOST_CLASSES:,} classes, numbered from 0."
        )
    if (folder / DESCRIPTION).exists():
        raise DataError(f"{folder} holds a data set already; move it away first.")
    make_folder(folder)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    counts = [np.bincount(images[:, channel].ravel(), minlength=256) for channel in range(3)]
    values = np.arange(256) / 255
    means = [float((count * values).sum() / count.sum()) for count in counts]
    stds = [float(np.sqrt((c * (values - m) ** 2).sum() / c.sum())) for c, m in zip(counts, means, strict=True)]
    description = {
        "classes": classes,
        "mean": [round(mean, 4) for mean in means],
        "std": [max(round(std, 4), 0.0001) for std in stds],
        "crop_padding": images.shape[2] // 8,
        "flip": False,
    }
    for file, array in (("images.npy", images), ("labels.npy", labels)):
        content = io.BytesIO()
        np.save(content, array)
        write_whole(folder / file, content.getvalue())
    write_whole(folder / DESCRIPTION, json.dumps(description) + "\n")
    return (
        f"{folder}: {len(images):,} images of {images.shape[2]}x{images.shape[3]} in {classes} classes,"
        f" shuffled; set flip to true in {DESCRIPTION} if a mirror image belongs to the same class"
    )
