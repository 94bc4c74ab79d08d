"""The data sets: their descriptions, their places on disk, and their training images loaded into memory.

Only training images are ever read: selection never sees a test image, and test accuracies come
from the ground truth.

Sources of the numbers: mean, standard deviation, crop and flip are those with which the DARTS family
trains on NAS-Bench-201 (Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR
2021, released code); ImageNet16-120 has 151,700 training images and is cropped with 2 pixels of padding.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.files import USERS_CACHE, expanded
from nas_selection_bench.bench.names import unknown
from nas_selection_bench.bench.problem.digits import TRAIN_IMAGES, digits_images
from nas_selection_bench.bench.problem.image_set import Channels, ImageSet
from nas_selection_bench.bench.problem.official_files import ARCHIVES, CIFAR_SERVER
from nas_selection_bench.bench.problem.official_layouts import Layout, missing_file, read_layout
from nas_selection_bench.bench.problem.own_dataset import count_own, load_own, own_names

DATA_ROOT_VARIABLE = "NAS_BENCH_DATA"


@dataclass(frozen=True)
class DatasetDescription:
    """One data set that `--datasets` can name."""

    name: str
    layout: Layout | None
    """Its layout on disk; None if it is embedded and needs no file."""
    note: str
    """One line for `--list`: what the data set is and what the user has to provide."""
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    crop_padding: int = 0
    flip: bool = False


_CIFAR_PAGE = f"{CIFAR_SERVER}/cifar.html"

_CIFAR10 = Layout(
    name="cifar10", folder="cifar-10-batches-py", files=tuple(f"data_batch_{i}" for i in range(1, 6)),
    label_key="labels", size=32, classes=10, file_classes=10, first_label=0, images=50_000, images_per_file=10_000,
    source=_CIFAR_PAGE,
    archive=ARCHIVES["cifar10"].described,
)  # fmt: skip

_CIFAR100 = Layout(
    name="cifar100", folder="cifar-100-python", files=("train",),
    label_key="fine_labels", size=32, classes=100, file_classes=100, first_label=0, images=50_000,
    images_per_file=50_000, source=_CIFAR_PAGE,
    archive=ARCHIVES["cifar100"].described,
    checksums=MappingProxyType({"train": "16019d7e3df5f24257cddd939b257f8d"}),
)  # fmt: skip

_IMAGENET16 = Layout(
    name="imagenet16", folder="ImageNet16", files=tuple(f"train_data_batch_{i}" for i in range(1, 11)),
    label_key="labels", size=16, classes=120, file_classes=1000, first_label=1, images=151_700, images_per_file=None,
    source="https://image-net.org/download-images (downsampled images, 16x16, python batches; needs an account)",
    archive="the ten training batches of ImageNet16 (1,281,167 images, about 1 GB)",
    checksums=MappingProxyType({
        "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
        "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
        "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
        "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
        "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
        "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
        "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
        "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
        "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
        "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
    }),
)  # fmt: skip

DATASETS: Mapping[str, DatasetDescription] = MappingProxyType({
    "digits": DatasetDescription(
        name="digits", layout=None,
        note="embedded: scikit-learn's handwritten digits over clutter, 10 classes; needs no files",
    ),
    "cifar10": DatasetDescription(
        name="cifar10", layout=_CIFAR10, note="50,000 images of 32x32, 10 classes; needs cifar-10-batches-py/",
        mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616), crop_padding=4, flip=True,
    ),
    "cifar100": DatasetDescription(
        name="cifar100", layout=_CIFAR100, note="50,000 images of 32x32, 100 classes; needs cifar-100-python/",
        # AutoDL-Projects' constants; DARTS-PT's own differ by less than 0.001: (0.5071, 0.4865, 0.4409), (0.2673,
        # 0.2564, 0.2762).
        mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761), crop_padding=4, flip=True,
    ),
    "imagenet16": DatasetDescription(
        name="imagenet16", layout=_IMAGENET16,
        note="ImageNet16-120: 151,700 images of 16x16, 120 classes; needs ImageNet16/",
        mean=(122.68 / 255, 116.66 / 255, 104.01 / 255), std=(63.22 / 255, 61.26 / 255, 65.09 / 255),
        crop_padding=2, flip=True,
    ),
})  # fmt: skip
"""Every built-in data set by name, in the order of lists and tables."""


def dataset_names(data_root: Path | None = None) -> tuple[str, ...]:
    """Names that `--datasets` accepts: the built-in data sets, then the user's own under `data_root`."""
    if data_root is None:
        return tuple(DATASETS)
    return (*DATASETS, *(name for name in own_names(data_root) if name not in DATASETS))


def data_root(argument: str | Path | None = None, needed: bool = True) -> Path:
    """The folder that holds the data sets: `argument`, else $NAS_BENCH_DATA, else the user's cache.

    If the cache is meant and there is no home folder, raises UsageError, or, unless the folder is `needed`, returns a
    path that does not exist.
    """
    given = os.environ.get(DATA_ROOT_VARIABLE) or None if argument is None else argument
    if given is not None:
        return expanded(given)
    try:
        return expanded(USERS_CACHE)
    except UsageError:
        if needed:
            message = f"There is no home folder to look for data in; give --data-root, or set {DATA_ROOT_VARIABLE}."
            raise UsageError(message) from None
        return Path(os.devnull, "no-home-folder")


def missing_images(name: str, data_root: Path, limit: int | None) -> str | None:
    """One sentence on the first missing file among those with the first `limit` images of `name`; None if all exist."""
    layout = DATASETS[name].layout if name in DATASETS else None
    return None if layout is None else missing_file(layout, data_root, limit)


def image_count(name: str, data_root: Path) -> int | None:
    """Number of training images of `name`; None if it is a user's own and unreadable, which `load_images` explains."""
    if name not in DATASETS:
        return count_own(name, data_root)
    layout = DATASETS[name].layout
    return TRAIN_IMAGES if layout is None else layout.images


def refuse_more_images(asked: int, there: int, name: str) -> None:
    """Raise UsageError if --images asks for more training images than the data set `name` has."""
    if asked > there:
        raise UsageError(f"--images {asked}: {name} has {there:,} training images; ask for {there} or fewer.")


def load_images(name: str, data_root: Path, limit: int | None = None) -> ImageSet:
    """Training images of the data set `name`: the first `limit` in official order, or all if there are fewer.

    `data_root` holds the official layouts and the user's own data sets; `digits` needs nothing there.
    Raises UsageError for an unknown name or a `limit` that leaves a half empty, and DataError
    (one sentence: what is wrong, where, what to get and where to put it) for missing or damaged files.
    """
    known = dataset_names(data_root)
    if name not in known:
        raise unknown("data set", name, known)
    if limit is not None and limit < 2:
        raise UsageError(f"{name} needs at least 2 images, one for each half, not {limit}.")
    if name not in DATASETS:
        return load_own(name, data_root, limit)
    description = DATASETS[name]
    if description.layout is None:
        return digits_images(limit)
    import torch

    images, labels = read_layout(description.layout, data_root, limit)
    return ImageSet(
        name=name, images=torch.from_numpy(images), labels=torch.from_numpy(labels),
        classes=description.layout.classes, mean=description.mean, std=description.std,
        crop_padding=description.crop_padding, flip=description.flip,
    )  # fmt: skip
