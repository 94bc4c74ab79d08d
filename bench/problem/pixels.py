"""Fingerprints of a data set's training images, for run.json and for the keys of results.

An official file is recognised by its published MD5 or, if it was written again in another form, by the SHA-256 of its
pixels and labels. Keys of results contain no fingerprint for the images that stored results were made from (the
official ones; of CIFAR-100, a known copy in another order) and one for all others, so that a cache filled from a wrong
file is not used for the right one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.datasets import DATASETS
from nas_selection_bench.bench.problem.official_layouts import Layout, read_file
from nas_selection_bench.bench.problem.own_dataset import fingerprint

_CONTENT: Mapping[str, str] = MappingProxyType({
    "54b2ed21fbd6a52cfc507fb5af63b8610e1938828f3017b159e69e87bb1965db": "cifar-10-batches-py/data_batch_1",
    "a860ea80505c3e017d336ca80eca64bdc58099bf285ae8650980ed6c846f5e53": "cifar-10-batches-py/data_batch_2",
    "701e5e97f12252a2ec703b29fe275315471b883e27926ec8e9d3b08ca81b2fab": "cifar-10-batches-py/data_batch_3",
    "6c9358a56fb97959b9b494683c1c1ef9f0c4f291f3686302835e08a0b0ab2f47": "cifar-10-batches-py/data_batch_4",
    "c2108fec4d9d07a51c26c680b5886f54ff810c859a3f7ba7efe3a4a82a838293": "cifar-10-batches-py/data_batch_5",
})  # fmt: skip
"""SHA-256 of the pixels [n, 3072] uint8 and labels [n] little-endian int64 of the official files."""

_SHUFFLED_CIFAR100 = "aaa0561d9160ebfeee3a14e8a68714994286858eff519ad9f98e952d73f5f9fd"
"""SHA-256 of a copy of CIFAR-100 with the official images in another order, from which the results in results/ were
made. Their keys contain no fingerprint, so the official order needs one."""

OFFICIAL, KNOWN, UNKNOWN, ABSENT = "official", "known copy in another order", "unknown", "absent"


@dataclass(frozen=True)
class Pixels:
    """Origin and fingerprint of the files of one data set that a run reads."""

    origin: str
    """`official`, `known copy in another order`, `unknown` (also for own data sets) or `absent`."""
    fingerprint: str
    """16 hex digits; empty if a file is absent or cannot be read."""
    key: str
    """Part of the keys of results: the fingerprint, or empty for absent images and those that need none (see above)."""


def pixels_of(name: str, root: Path, limit: int | None) -> Pixels | None:
    """Origin of the files with the first `limit` training images of `name`; None for embedded images.

    An official file that is absent or damaged raises nothing here; `load_images` reports it when images are needed.
    """
    if name not in DATASETS:
        mark = fingerprint(name, root)
        return Pixels(UNKNOWN, mark, mark)
    layout = DATASETS[name].layout
    if layout is None:
        return None
    origins, digests, found = set(), [], 0
    for file in layout.files:
        if limit is not None and found >= limit:
            break
        try:
            origin, digest, count = _known(layout, root, file)
        except (DataError, OSError):
            return Pixels(ABSENT, "", "")
        origins.add(origin)
        digests.append(digest)
        found += count
    mark = hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]
    origin = origins.pop() if len(origins) == 1 else UNKNOWN
    stored_from = KNOWN if name == "cifar100" else OFFICIAL
    return Pixels(origin, mark, "" if origin == stored_from else mark)


def _known(layout: Layout, root: Path, file: str) -> tuple[str, str, int]:
    """Origin of the content of one file, its digest, and the number of its images that are kept."""
    pixels, labels = read_file(layout, root, file)
    digest = content_digest(pixels, labels)
    if _CONTENT.get(digest) == f"{layout.folder}/{file}":
        return OFFICIAL, digest, len(labels)
    if digest == _SHUFFLED_CIFAR100:
        return KNOWN, digest, len(labels)
    published = layout.checksums.get(file)
    if published is not None:
        with (root / layout.folder / file).open("rb") as stream:
            if hashlib.file_digest(stream, "md5").hexdigest() == published:
                return OFFICIAL, digest, len(labels)
    return UNKNOWN, digest, len(labels)


def content_digest(pixels: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of pixels [n, width] uint8 and labels [n] from 0, whatever kind of file they came from."""
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data)
    digest.update(labels.astype("<i8").data)
    return digest.hexdigest()
