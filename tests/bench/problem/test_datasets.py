"""Data sets by name, and the real ones if they are present."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.problem.datasets import DATASETS, data_root, dataset_names, load_images


def test_names_and_descriptions_agree() -> None:
    assert dataset_names() == ("digits", "cifar10", "cifar100", "imagenet16")
    for name, description in DATASETS.items():
        assert description.name == name
        assert description.layout is None or description.layout.name == name
        assert all(0 <= m <= 1 for m in description.mean) and all(0 < s <= 1 for s in description.std)


@pytest.mark.parametrize(
    ("name", "mean", "std", "unit", "padding"),
    [
        # For pixels in [0, 1]; DARTS gives those of CIFAR-10 with more digits.
        ("cifar10", (0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768), 1, 4),
        ("cifar100", (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761), 1, 4),
        # ImageNet16-120: those of darts-pt, for pixels in 0 to 255, and a crop of 16 with a border of 2 pixels.
        ("imagenet16", (122.68, 116.66, 104.01), (63.22, 61.26, 65.09), 255, 2),
    ],
)
def test_images_are_normalised_and_cropped_as_published(
    name: str, mean: tuple[float, ...], std: tuple[float, ...], unit: int, padding: int
) -> None:
    description = DATASETS[name]
    assert description.mean == pytest.approx([value / unit for value in mean], abs=5e-5)
    assert description.std == pytest.approx([value / unit for value in std], abs=5e-5)
    assert (description.crop_padding, description.flip) == (padding, True)


def test_naming_data_sets_imports_no_torch() -> None:
    code = "import sys, nas_selection_bench.bench.problem.datasets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_data_root_prefers_the_argument_then_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_BENCH_DATA", "/from/variable")
    assert data_root("here") == Path("here")
    assert data_root(None) == Path("/from/variable")
    monkeypatch.delenv("NAS_BENCH_DATA")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert data_root() == Path("/home/somebody/.cache/nas-selection-bench")
    assert data_root("~/data") == Path("/home/somebody/data")
    with pytest.raises(UsageError):
        data_root("")


def test_without_a_home_a_folder_is_asked_for_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_BENCH_DATA", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda place: str(place))  # as for a user unknown to the system
    with pytest.raises(UsageError, match="--data-root"):
        data_root()
    assert not data_root(needed=False).exists()
    assert dataset_names(data_root(needed=False)) == tuple(DATASETS)
    assert data_root("here") == Path("here")
    with pytest.raises(UsageError, match="no such home"):
        data_root("~nobody/x", needed=False)


def test_an_unknown_name_is_answered_with_the_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'cifar11'; did you mean cifar10.*imagenet16"):
        load_images("cifar11", tmp_path)


@pytest.mark.parametrize("limit", [-1, 0, 1])
def test_a_limit_that_cannot_be_halved_is_refused(tmp_path: Path, limit: int) -> None:
    with pytest.raises(UsageError, match="half"):
        load_images("cifar10", tmp_path, limit)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "imagenet16"])
def test_missing_data_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: {tmp_path}.*is missing; get .* from https://.* is there\\.$"):
        load_images(name, tmp_path / "nowhere")


def real(name: str) -> Path:
    root = os.environ.get("NAS_BENCH_DATA")
    layout = DATASETS[name].layout
    assert layout is not None
    if not root or not (Path(root) / layout.folder).is_dir():
        pytest.skip(f"NAS_BENCH_DATA names no folder with {layout.folder}/")
    return Path(root)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "imagenet16"])
def test_the_real_images_are_whole_balanced_and_have_the_published_statistics(name: str) -> None:
    images = load_images(name, real(name))
    layout = DATASETS[name].layout
    assert layout is not None
    assert images.images.shape == (layout.images, 3, layout.size, layout.size)
    assert images.images.dtype == torch.uint8 and images.labels.dtype == torch.int64
    counts = images.labels.bincount(minlength=images.classes)
    assert len(counts) == images.classes
    if name.startswith("cifar"):
        assert (counts == layout.images // images.classes).all()
    values = torch.arange(256, dtype=torch.float64) / 255
    for channel in range(3):
        share = images.images[:, channel].flatten().bincount(minlength=256) / images.images[:, channel].numel()
        mean = (share * values).sum()
        spread = (share * (values - mean) ** 2).sum().sqrt()
        assert abs(mean - images.mean[channel]) < 1e-3
        assert abs(spread - images.std[channel]) < 1e-3


def test_the_first_real_images_need_only_the_first_file(tmp_path: Path) -> None:
    root = real("cifar10")
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").symlink_to(root / "cifar-10-batches-py" / "data_batch_1")
    images = load_images("cifar10", tmp_path, 500)
    assert len(images) == 500
    assert images.labels[:5].tolist() == [6, 9, 9, 4, 1], "frog, truck, truck, deer, automobile: the official order"
    with pytest.raises(DataError, match="data_batch_2 is missing"):
        load_images("cifar10", tmp_path, 10_001)
