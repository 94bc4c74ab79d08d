"""The official layouts: their contents as read, and refusals of each kind of damage."""

import dataclasses
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.problem.datasets import DATASETS
from nas_selection_bench.bench.problem.official_layouts import Layout, load_arrays, read_layout
from tests.fuzz.inputs import Runs

PARTS = 3
PER_FILE = 7


def small(name: str) -> Layout:
    """The official layout of `name`, reduced to a few files with a few images each."""
    layout = DATASETS[name].layout
    assert layout is not None
    files = layout.files[:PARTS]
    if layout.images_per_file is None:
        return dataclasses.replace(layout, files=files, images=PARTS * PER_FILE)
    return dataclasses.replace(layout, files=files, images=len(files) * PER_FILE, images_per_file=PER_FILE)


def content(layout: Layout, part: int, rows: int = PER_FILE) -> dict[str, Any]:
    """The content of a file; pixels and labels differ between parts."""
    generator = np.random.default_rng(part)
    pixels = generator.integers(256, size=(rows, 3 * layout.size**2), dtype=np.uint8)
    labels = generator.integers(layout.classes, size=rows) + layout.first_label
    return {"data": pixels, layout.label_key: labels.tolist(), "filenames": [f"{i}.png" for i in range(rows)]}


def write(path: Path, value: object, protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol=protocol))


def python2_pickle(pixels: np.ndarray, labels: list[int]) -> bytes:
    """The bytes that Python 2 with an old numpy writes (protocol 2), built opcode by opcode."""

    def short(text: bytes) -> bytes:
        return b"U" + struct.pack("<B", len(text)) + text

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    rows, width = pixels.shape
    raw = pixels.tobytes()
    empty = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + short(b"b") + b"\x87R"
    state = b"(K\x03" + short(b"|") + b"NNN" + number(-1) + number(-1) + b"K\x00t"
    dtype = b"cnumpy\ndtype\n" + short(b"u1") + b"K\x00K\x01\x87R" + state + b"b"
    filled = b"(K\x01" + number(rows) + number(width) + b"\x86" + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw
    array = empty + filled + b"tb"
    numbers = b"](" + b"".join(number(label) for label in labels) + b"e"
    return b"\x80\x02}(" + short(b"data") + array + short(b"labels") + numbers + b"u."


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "imagenet16"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_every_pickle_protocol_in_official_order(tmp_path: Path, name: str, protocol: int) -> None:
    layout = small(name)
    parts = [content(layout, part) for part in range(len(layout.files))]
    for file, part in zip(layout.files, parts, strict=True):
        write(tmp_path / layout.folder / file, part, protocol)
    images, labels = read_layout(layout, tmp_path)
    pixels = np.concatenate([np.asarray(part["data"]) for part in parts])
    assert images.shape == (layout.images, 3, layout.size, layout.size)
    # Official order of a row: 1,024 red values row by row, then green, then blue (CIFAR's page).
    row, channel, y, x = layout.images - 1, 2, 3, layout.size - 1
    assert images[row, channel, y, x] == pixels[row, channel * layout.size**2 + y * layout.size + x]
    assert np.array_equal(images.reshape(len(pixels), -1), pixels)
    expected = [label - layout.first_label for part in parts for label in part[layout.label_key]]
    assert labels.tolist() == expected


def test_reads_the_bytes_that_python_2_wrote(tmp_path: Path) -> None:
    layout = small("cifar10")
    parts = [content(layout, part) for part in range(PARTS)]
    (tmp_path / layout.folder).mkdir()
    for file, part in zip(layout.files, parts, strict=True):
        (tmp_path / layout.folder / file).write_bytes(python2_pickle(part["data"], part["labels"]))
    images, labels = read_layout(layout, tmp_path)
    assert np.array_equal(images.reshape(len(images), -1), np.concatenate([part["data"] for part in parts]))
    assert labels.tolist() == [label for part in parts for label in part["labels"]]


def test_reads_byte_keys_and_label_arrays(tmp_path: Path) -> None:
    layout = small("cifar10")
    parts = [content(layout, part) for part in range(PARTS)]
    for file, part in zip(layout.files, parts, strict=True):
        as_bytes = {str(k).encode(): np.array(v) if k == "labels" else v for k, v in part.items()}
        write(tmp_path / layout.folder / file, as_bytes)
    images, labels = read_layout(layout, tmp_path)
    assert labels[:PER_FILE].tolist() == parts[0]["labels"]
    assert np.array_equal(images[0].ravel(), parts[0]["data"][0])


def test_imagenet16_keeps_the_first_120_classes_in_order(tmp_path: Path) -> None:
    layout = small("imagenet16")
    kept_pixels, kept_labels = [], []
    for part, file in enumerate(layout.files):
        value = content(layout, part, rows=3 * PER_FILE)
        labels = np.array([1000, 121, 120] * PER_FILE)  # every third row has a kept class
        value["labels"] = labels.tolist()
        write(tmp_path / layout.folder / file, value)
        kept_pixels.append(np.asarray(value["data"])[2::3])
        kept_labels += [119] * PER_FILE
    images, labels = read_layout(layout, tmp_path)
    assert labels.tolist() == kept_labels
    assert np.array_equal(images.reshape(len(images), -1), np.concatenate(kept_pixels))


@pytest.mark.parametrize("limit", [2, PER_FILE, PER_FILE + 1, PARTS * PER_FILE, 1000])
def test_a_limit_takes_the_first_images_and_needs_only_their_files(tmp_path: Path, limit: int) -> None:
    layout = small("cifar10")
    parts = [content(layout, part) for part in range(PARTS)]
    needed = min(PARTS, -(-limit // PER_FILE))
    for file, part in list(zip(layout.files, parts, strict=True))[:needed]:
        write(tmp_path / layout.folder / file, part)
    images, labels = read_layout(layout, tmp_path, limit)
    whole = np.concatenate([np.asarray(part["data"]) for part in parts])
    assert len(labels) == min(limit, PARTS * PER_FILE)
    assert np.array_equal(images.reshape(len(images), -1), whole[: len(images)])


def refusal(layout: Layout, root: Path, limit: int | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_layout(layout, root, limit)
    assert caught.value.exit_code == ExitCode.USAGE == 2
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    assert layout.source in text and layout.archive in text, "says what to get and from where"
    assert str(root / layout.folder) in text, "says where to put it"
    return text


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "imagenet16"])
def test_missing_files_are_named_with_source_and_place(tmp_path: Path, name: str) -> None:
    layout = small(name)
    text = refusal(layout, tmp_path)
    assert str(tmp_path / layout.folder / layout.files[0]) in text
    if layout.checksums:
        assert layout.checksums[layout.files[0]] in text


def test_the_checksums_of_the_official_archives_are_said(tmp_path: Path) -> None:
    assert "md5 c58f30108f718f92721af3b95e74349a" in refusal(small("cifar10"), tmp_path)
    assert "md5 eb9058c3a382ffc7106e4002c42a8d85" in refusal(small("cifar100"), tmp_path)


def test_a_partial_data_set_is_refused_and_says_what_it_would_do_for(tmp_path: Path) -> None:
    layout = small("cifar10")
    for part in range(2):
        write(tmp_path / layout.folder / layout.files[part], content(layout, part))
    text = refusal(layout, tmp_path)
    assert layout.files[2] in text and f"{2 * PER_FILE} images" in text
    images, _ = read_layout(layout, tmp_path, 2 * PER_FILE)
    assert len(images) == 2 * PER_FILE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": None}, "no entry 'data'"),
        ({"labels": None}, "no entry 'labels'"),
        ({"data": np.zeros((PER_FILE, 3071), np.uint8)}, "(7, 3071)"),
        ({"data": np.zeros((PER_FILE, 3, 32, 32), np.uint8)}, "(7, 3, 32, 32)"),
        ({"data": np.zeros((PER_FILE, 3072), np.float32)}, "float32"),
        ({"data": "a string"}, "str"),
        ({"labels": [0] * (PER_FILE - 1)}, "7 images but 6 labels"),
        ({"labels": [0, 1, 2, 10, 4, 5, 6]}, "image 3 the label 10, outside 0 to 9"),
        ({"labels": [0, 1, -1, 3, 4, 5, 6]}, "image 2 the label -1"),
        ({"labels": [0.5] * PER_FILE}, "whole numbers"),
        ({"labels": "0123456"}, "whole numbers"),
        ({"data": np.zeros((3, 3072), np.uint8), "labels": [0] * 3}, "3 images where 7"),
    ],
)
def test_wrong_content_is_refused_by_name(tmp_path: Path, change: dict[str, object], said: str) -> None:
    layout = small("cifar10")
    for part, file in enumerate(layout.files):
        value = content(layout, part)
        if part == 1:
            value = {k: v for k, v in (value | change).items() if v is not None}
        write(tmp_path / layout.folder / file, value)
    text = refusal(layout, tmp_path)
    assert said in text and layout.files[1] in text


def test_label_0_of_imagenet16_is_refused(tmp_path: Path) -> None:
    layout = small("imagenet16")
    value = content(layout, 0)
    value["labels"] = [0] + [1] * (PER_FILE - 1)
    write(tmp_path / layout.folder / layout.files[0], value)
    assert "image 0 the label 0, outside 1 to 1000" in refusal(layout, tmp_path)


@pytest.mark.parametrize("rows", [1, PER_FILE - 1, PER_FILE + 1, 3 * PER_FILE])
def test_a_wrong_number_of_kept_images_is_refused(tmp_path: Path, rows: int) -> None:
    layout = small("imagenet16")
    for part, file in enumerate(layout.files):
        write(tmp_path / layout.folder / file, content(layout, part, PER_FILE if part else rows))
    text = refusal(layout, tmp_path)
    assert f"holds {rows - PER_FILE + layout.images} training images" in text and f"{layout.images} were" in text


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    layout = dataclasses.replace(small("cifar10"), files=("data_batch_1",), images=2, images_per_file=2)
    path = tmp_path / layout.folder / "data_batch_1"
    write(path, content(layout, 0, rows=2))
    whole = path.read_bytes()
    lengths = {*range(200), *range(200, len(whole) - 200, 97), *range(len(whole) - 200, len(whole))}
    for length in lengths:
        path.write_bytes(whole[:length])
        assert "truncated or damaged" in refusal(layout, tmp_path), length


def test_damage_never_escapes_as_another_error(tmp_path: Path) -> None:
    """A file with bytes changed outside the pixels is read as valid or refused with one sentence, nothing else."""
    layout = dataclasses.replace(small("cifar10"), files=("data_batch_1",), images=2, images_per_file=2)
    path = tmp_path / layout.folder / "data_batch_1"
    write(path, content(layout, 0, rows=2))
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    outside = [*range(150), *range(len(whole) - 100, len(whole))]
    for position in outside:
        for value in generator.integers(256, size=6):
            path.write_bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
            try:
                read_layout(layout, tmp_path)
            except DataError as error:
                assert layout.files[0] in str(error)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_runs_a_command_is_refused_by_name_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    layout = small("cifar10")
    mark = tmp_path / "it ran"
    path = tmp_path / layout.folder / layout.files[0]
    write(path, {"data": Runs(os.system, f"touch '{mark}'"), "labels": []}, protocol)
    text = refusal(layout, tmp_path)
    assert f"{os.system.__module__}.system" in text and str(path) in text
    assert not mark.exists()
    with path.open("rb") as file:  # with plain pickle the same bytes do run, so the test would notice
        pickle.load(file)
    assert mark.exists()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Runs(eval, "1"), "eval"),
        (Path("x"), "pathlib"),
        (np.array([object], dtype=object), "Python objects"),
        (Runs(np.load, "x"), "numpy.load"),
        (dataclasses.make_dataclass, "make_dataclass"),
    ],
)
def test_other_classes_and_functions_are_refused_by_name(value: object, named: str) -> None:
    with pytest.raises(DataError, match=named):
        load_arrays(io.BytesIO(pickle.dumps({"data": value})), "the file")


def test_the_codec_of_python_3_bytes_does_latin1_only() -> None:
    evil = b"\x80\x02}(U\x04datac_codecs\nencode\nU\x01aU\x03hex\x86Ru."
    with pytest.raises(DataError, match=r"_codecs\.encode with 'hex'"):
        load_arrays(io.BytesIO(evil), "the file")


def test_something_else_than_a_dictionary_is_refused() -> None:
    with pytest.raises(DataError, match="holds a list"):
        load_arrays(io.BytesIO(pickle.dumps([1, 2])), "the file")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    layout = small("cifar10")
    (tmp_path / layout.folder / layout.files[0]).mkdir(parents=True)
    assert "cannot be read" in refusal(layout, tmp_path)
