"""Images converted from common formats are read back by the program's own loader."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_selection_bench.bench.commands.convert_images import main as convert_images
from nas_selection_bench.bench.commands.convert_images import read_images
from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.datasets import load_images
from nas_selection_bench.bench.problem.pixels import UNKNOWN, pixels_of
from tests.as_command import as_command

main = as_command("convert-images", convert_images)

IMAGES = np.random.default_rng(0).integers(256, size=(12, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3
PLANES = IMAGES.transpose(0, 3, 1, 2)


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def as_npz(folder: Path) -> list[str]:
    np.savez(folder / "a.npz", x_train=IMAGES, y_train=LABELS[:, None])
    return [str(folder / "a.npz")]


def as_npy(folder: Path) -> list[str]:
    np.save(folder / "i.npy", PLANES)
    np.save(folder / "l.npy", LABELS)
    return [str(folder / "i.npy"), "--labels", str(folder / "l.npy")]


def as_rows(folder: Path) -> list[str]:
    np.savez_compressed(folder / "rows.npz", data=PLANES.reshape(12, -1), labels=LABELS)
    return [str(folder / "rows.npz")]


def as_parquet(folder: Path) -> list[str]:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    held = [{"bytes": png(image), "path": "x"} for image in IMAGES]
    parquet.write_table(pyarrow.table({"img": held[:7], "label": LABELS[:7]}), folder / "train-0.parquet")
    parquet.write_table(pyarrow.table({"img": held[7:], "label": LABELS[7:]}), folder / "train-1.parquet")
    return [str(folder)]


@pytest.mark.parametrize("saved", [as_npz, as_npy, as_rows, as_parquet])
def test_a_data_set_of_ones_own_comes_back_shuffled_once(tmp_path: Path, saved, capsys) -> None:  # type: ignore[no-untyped-def]
    source = tmp_path / "source"
    source.mkdir()
    root = tmp_path / "root"
    assert main([*saved(source), "--as", "flowers", "--data-root", str(root)]) == 0
    assert "12 images of 8x8 in 3 classes" in capsys.readouterr().out
    read = load_images("flowers", root)
    pairs = {(image.tobytes(), int(label)) for image, label in zip(read.images.numpy(), read.labels, strict=True)}
    assert pairs == {(image.tobytes(), int(label)) for image, label in zip(PLANES, LABELS, strict=True)}
    assert not np.array_equal(read.images.numpy(), PLANES)
    told = json.loads((root / "flowers" / "dataset.json").read_text())
    np.testing.assert_allclose(told["mean"], IMAGES.mean(axis=(0, 1, 2)) / 255, atol=1e-4)
    np.testing.assert_allclose(told["std"], IMAGES.std(axis=(0, 1, 2)) / 255, atol=1e-4)
    assert main([*saved(source), "--as", "flowers", "--data-root", str(root)]) == 2, "nothing is overwritten"


@pytest.mark.parametrize("label", [0, 100_000, 2**40])
def test_numbers_of_classes_that_no_data_set_has_are_refused(tmp_path: Path, label: int) -> None:
    source = tmp_path / "x.npz"
    np.savez(source, images=IMAGES, labels=np.full(len(IMAGES), label))
    assert main([str(source), "--as", "flowers", "--data-root", str(tmp_path / "root")]) == 2
    assert not (tmp_path / "root").exists()


def test_labels_beside_a_file_that_holds_its_own_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    np.save(tmp_path / "y.npy", LABELS)
    line = [str(tmp_path / "x.npz"), "--labels", str(tmp_path / "y.npy"), "--as", "flowers"]
    assert main([*line, "--data-root", str(tmp_path / "root")]) == 2
    said = capsys.readouterr().err
    assert "--labels belongs to an .npy" in said and said.count("\n") == 1
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("content", [None, "junk", LABELS[:3], LABELS - 1, LABELS / 2, "a folder"])
def test_the_file_of_labels_is_blamed_for_what_is_wrong_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: object
) -> None:
    images, labels = tmp_path / "images.npy", tmp_path / "labels.npy"
    np.save(images, IMAGES)
    if isinstance(content, np.ndarray):
        np.save(labels, content)
    elif content == "a folder":
        labels.mkdir()
    elif content is not None:
        labels.write_text(str(content))
    assert main([str(images), "--labels", str(labels), "--as", "flowers", "--data-root", str(tmp_path / "root")]) == 2
    said = capsys.readouterr().err
    assert str(labels) in said and str(images) not in said and said.count("\n") == 1
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("last", [2**63, 2**64 - 1])
def test_a_label_is_not_wrapped_around(tmp_path: Path, last: int) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.array([*LABELS[1:], last], dtype=np.uint64))
    assert main([str(tmp_path / "x.npz"), "--as", "flowers", "--data-root", str(tmp_path / "root")]) == 2
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (12, 3, 0, 0), (12, 0), (0,)])
def test_images_without_pixels_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros(shape, np.uint8), labels=LABELS[: shape[0]])
    with pytest.raises(DataError, match=re.escape(str(shape))):
        read_images(tmp_path / "x.npz")


@pytest.mark.parametrize("what", ["a folder", "a dangling link", "junk", "a truncated picture"])
def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, what: str) -> None:
    wrong = tmp_path / "class-0" / "wrong.png"
    wrong.parent.mkdir()
    (wrong.parent / "right.png").write_bytes(png(IMAGES[0]))
    if what == "a folder":
        wrong.mkdir()
    elif what == "a dangling link":
        wrong.symlink_to("nowhere")
    else:
        wrong.write_bytes(b"junk" if what == "junk" else png(IMAGES[1])[:60])
    with pytest.raises(DataError, match=f"^{re.escape(str(wrong))} "):
        read_images(tmp_path)


def test_a_parquet_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    as_parquet(tmp_path)
    wrong = tmp_path / "train-1.parquet"
    wrong.write_bytes(wrong.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"^{re.escape(str(wrong))} "):
        read_images(tmp_path)


def test_class_folders_count_classes_by_name(tmp_path: Path) -> None:
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        folder = tmp_path / f"class-{label}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:02d}.png").write_bytes(png(image))
        (folder / "readme.txt").write_text("no picture")
    images, labels = read_images(tmp_path)
    order = np.argsort(LABELS, kind="stable")
    np.testing.assert_array_equal(images, PLANES[order])
    np.testing.assert_array_equal(labels, LABELS[order])


def test_the_official_layout_is_written_in_the_order_of_the_source(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    images = generator.integers(256, size=(50_000, 3, 32, 32), dtype=np.uint8)
    labels = generator.integers(10, size=50_000)
    np.savez(tmp_path / "cifar.npz", images=images, labels=labels)
    assert main([str(tmp_path / "cifar.npz"), "--as", "cifar10", "--data-root", str(tmp_path)]) == 0
    read = load_images("cifar10", tmp_path, 25_000)
    assert np.array_equal(read.images.numpy(), images[:25_000]) and read.labels.tolist() == labels[:25_000].tolist()
    found = pixels_of("cifar10", tmp_path, None)
    assert found is not None and found.origin == UNKNOWN


@pytest.mark.parametrize(
    "wrong", ["float", "few labels", "no arrays", "text", "absent", "too few", "name", "no labels"]
)
def test_what_is_no_image_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    path, name = tmp_path / "a.npz", "cifar10" if wrong == "too few" else "no/name" if wrong == "name" else "flowers"
    if wrong == "float":
        np.savez(path, images=IMAGES / 255, labels=LABELS)
    elif wrong == "few labels":
        np.savez(path, images=IMAGES, labels=LABELS[:3])
    elif wrong == "no arrays":
        np.savez(path, a=IMAGES)
    elif wrong == "text":
        path.write_text("hello")
    elif wrong == "no labels":
        path = tmp_path / "a.npy"
        np.save(path, IMAGES)
    elif wrong != "absent":
        np.savez(path, images=IMAGES, labels=LABELS)
    assert main([str(path), "--as", name, "--data-root", str(tmp_path / "root")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert not (tmp_path / "root").exists()
