"""The fingerprint of images recognises known content; all other content gets separate keys."""

import dataclasses
import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.problem import pixels
from nas_selection_bench.bench.problem.datasets import DATASETS
from nas_selection_bench.bench.problem.pixels import ABSENT, KNOWN, OFFICIAL, UNKNOWN, pixels_of

ROWS = 6
REAL = Path(os.environ.get("NAS_BENCH_DATA", "no such folder"))


def write(root: Path, part: int, data: np.ndarray, labels: list[int], protocol: int = 2) -> None:
    path = root / "cifar-10-batches-py" / f"data_batch_{part}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({"labels": labels, "data": data}, protocol))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CIFAR-10 with six images per file, whose content the program accepts as official."""
    layout = DATASETS["cifar10"].layout
    assert layout is not None
    small = dataclasses.replace(layout, images=5 * ROWS, images_per_file=ROWS)
    monkeypatch.setattr(pixels, "DATASETS", {"cifar10": dataclasses.replace(DATASETS["cifar10"], layout=small)})
    known = {}
    for part in range(1, 6):
        data, labels = batch(part)
        write(tmp_path, part, data, labels)
        # Independent of the program: bytes of the array, then of the labels as little-endian 64-bit numbers.
        raw = data.tobytes() + b"".join(label.to_bytes(8, "little") for label in labels)
        known[hashlib.sha256(raw).hexdigest()] = f"cifar-10-batches-py/data_batch_{part}"
    monkeypatch.setattr(pixels, "_CONTENT", known)
    return tmp_path


def batch(part: int) -> tuple[np.ndarray, list[int]]:
    return np.random.default_rng(part).integers(256, size=(ROWS, 3072), dtype=np.uint8), [*range(ROWS)]


@pytest.mark.parametrize("limit", [None, 2, ROWS, ROWS + 1, 5 * ROWS])
def test_official_pixels_have_no_fingerprint_in_their_keys(root: Path, limit: int | None) -> None:
    found = pixels_of("cifar10", root, limit)
    assert found is not None
    assert (found.origin, found.key) == (OFFICIAL, "") and len(found.fingerprint) == 16


def test_it_is_the_content_that_counts_not_the_file(root: Path) -> None:
    before = pixels_of("cifar10", root, None)
    write(root, 3, *batch(3), protocol=5)
    assert pixels_of("cifar10", root, None) == before


@pytest.mark.parametrize("change", ["pixel", "label", "swapped files", "black"])
def test_any_other_content_has_a_key_of_its_own(root: Path, change: str) -> None:
    official = pixels_of("cifar10", root, None)
    data, labels = batch(2)
    if change == "pixel":
        data[3, 1000] ^= 1
    elif change == "label":
        labels[3] = 0
    elif change == "black":
        data[:] = 0
    else:
        data, labels = batch(1)
        write(root, 1, *batch(2))
    write(root, 2, data, labels)
    found = pixels_of("cifar10", root, None)
    assert found is not None and official is not None
    assert found.origin == UNKNOWN and found.key == found.fingerprint != official.fingerprint
    first = pixels_of("cifar10", root, ROWS)
    assert first is not None
    assert (first.key == "") is (change != "swapped files"), "files that are not read do not count"


def test_files_that_are_not_there_or_damaged_are_left_to_the_loader(root: Path) -> None:
    path = root / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(path.read_bytes()[:100])
    found = pixels_of("cifar10", root, None)
    assert found is not None and (found.origin, found.key) == (ABSENT, "")
    path.unlink()
    found = pixels_of("cifar10", root, None)
    assert found is not None and found.origin == ABSENT


@pytest.mark.skipif(not (REAL / "cifar-10-batches-py").is_dir(), reason="NAS_BENCH_DATA does not name the real images")
def test_the_real_cifar10_is_known() -> None:
    found = pixels_of("cifar10", REAL, None)
    assert found is not None and found.origin in (OFFICIAL, UNKNOWN)
    assert found.origin == OFFICIAL, "the images of NAS_BENCH_DATA are not the official ones"


def test_of_cifar100_it_is_the_copy_that_results_were_made_from_whose_keys_are_bare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = DATASETS["cifar100"].layout
    assert layout is not None
    small = dataclasses.replace(layout, images=ROWS, images_per_file=ROWS)
    monkeypatch.setattr(pixels, "DATASETS", {"cifar100": dataclasses.replace(DATASETS["cifar100"], layout=small)})
    data, labels = batch(1)
    (tmp_path / "cifar-100-python").mkdir()
    file = tmp_path / "cifar-100-python" / "train"
    file.write_bytes(pickle.dumps({"data": data, "fine_labels": labels}, 2))
    monkeypatch.setattr(pixels, "_SHUFFLED_CIFAR100", pixels.content_digest(data, np.array(labels)))
    found = pixels_of("cifar100", tmp_path, None)
    assert found is not None and (found.origin, found.key) == (KNOWN, "")
    monkeypatch.setattr(pixels, "_SHUFFLED_CIFAR100", "another")
    found = pixels_of("cifar100", tmp_path, None)
    assert found is not None and found.origin == UNKNOWN and found.key == found.fingerprint
    monkeypatch.setattr(hashlib, "file_digest", lambda stream, name: Digest(PUBLISHED["cifar-100-python/train"]))
    found = pixels_of("cifar100", tmp_path, None)
    assert found is not None and found.origin == OFFICIAL and found.key == found.fingerprint


@dataclasses.dataclass(frozen=True)
class Digest:
    """Stands in for the digest of a file that is too large for the repository."""

    text: str

    def hexdigest(self) -> str:
        return self.text


PUBLISHED = {"cifar-100-python/train": "16019d7e3df5f24257cddd939b257f8d"}
"""The MD5 that torchvision uses to check the file."""


def test_every_official_file_can_be_told_from_others() -> None:
    """Checks the shipped constants: without one, the official content of a file would be taken for wrong."""
    layouts = [description.layout for description in DATASETS.values() if description.layout]
    files = {f"{layout.folder}/{file}": layout.checksums.get(file) for layout in layouts for file in layout.files}
    assert {name for name, md5 in files.items() if md5 is None} <= {*pixels._CONTENT.values()}
    assert {name: files[name] for name in PUBLISHED} == PUBLISHED


@pytest.mark.skipif(not (REAL / "cifar-100-python").is_dir(), reason="NAS_BENCH_DATA does not name the real images")
def test_the_real_cifar100_is_known() -> None:
    found = pixels_of("cifar100", REAL, None)
    assert found is not None and found.origin in (OFFICIAL, KNOWN)
    assert found.origin == OFFICIAL or (found.fingerprint, found.key) == ("be55853e28f51520", "")
