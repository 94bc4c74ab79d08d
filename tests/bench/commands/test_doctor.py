"""`doctor` on data that are present, missing or damaged."""

import tempfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench import program
from nas_selection_bench.bench.commands import doctor
from tests.bench import fake_bench
from tests.bench.synthetic_table import accuracies, write_csv
from tests.small_data import small_data


def table(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, str], str]:
    """Run `doctor`; return the exit code, the state of each item, and the whole output."""
    capsys.readouterr()
    code = doctor.main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert said.err == ""
    states = {
        what: state
        for line in said.out.splitlines()
        for what, _, rest in [line.partition("  ")]
        for state in rest.split()[:1]
        if state in (doctor.GOOD, doctor.PARTLY, doctor.MISSING)
    }
    return code, states, said.out


def test_an_empty_place_lacks_data_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, states, said = table(capsys, "--data-root", tmp_path / "none", "--cache", tmp_path / "cache")
    assert code == 0
    for name in ("table nas-bench-201", "images cifar10", "images cifar100", "images imagenet16"):
        assert states[name] == doctor.MISSING
    for name in ("table digits", "images digits", "package torch", "device cpu", "cache", "temporary files"):
        assert states[name] == doctor.GOOD
    assert "fetch nas-bench-201 cifar10 cifar100 imagenet16 --data-root" in said
    assert not (tmp_path / "none").exists() and not (tmp_path / "cache").exists(), "it only looks"


@pytest.mark.parametrize("installed", [True, False])
def test_every_package_that_the_program_requires_is_looked_for(
    installed: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_seaborn(name: str) -> str:
        if name == "seaborn":
            raise PackageNotFoundError(name)
        return "1.0"

    def unknown(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", without_seaborn)
    if not installed:
        monkeypatch.setattr(doctor, "requires", unknown)
    code, states, said = table(capsys)
    assert code == 2 and states["package seaborn"] == doctor.MISSING and "pip install seaborn" in said
    for name in ("torch", "filelock", "matplotlib", "jinja2"):
        assert states[f"package {name}"] == doctor.GOOD
    assert "package pytest" not in states, "extras are not required"


def test_what_is_there_is_seen_and_what_is_damaged_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_bench.make_table(tmp_path / "nas-bench-201.npz", ["cifar10"])
    batches = tmp_path / "cifar-10-batches-py"
    batches.mkdir()
    (batches / "data_batch_1").write_bytes(b"not a pickle")
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"neither")
    small_data(tmp_path)
    _, states, said = table(capsys, "--data-root", tmp_path)
    assert states["table nas-bench-201"] == doctor.GOOD
    assert states["images cifar10"] == doctor.PARTLY and "--preset lite" in said
    assert states["images cifar100"] == doctor.MISSING and "damaged" in said
    assert states["images tiny"] == doctor.GOOD
    (tmp_path / "nas-bench-201.npz").write_bytes(b"PK")
    (tmp_path / "tiny" / "labels.npy").unlink()
    _, states, _ = table(capsys, "--data-root", tmp_path)
    assert states["table nas-bench-201"] == states["images tiny"] == doctor.MISSING


def test_only_what_a_run_reads_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b1.txt").write_text("hello")
    (tmp_path / "bad.csv").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "NAS-Bench-201.pth").write_bytes(b"large")
    write_csv(tmp_path / "good.csv", {"d_test": accuracies().tolist()})
    states = {
        name: table(capsys, "--data-root", tmp_path, "--table", tmp_path / name)[1]["table nas-bench-201"]
        for name in ("b1.txt", "bad.csv", "folder", "NAS-Bench-201.pth", "good.csv")
    }
    assert states == {
        "b1.txt": doctor.MISSING, "bad.csv": doctor.MISSING, "folder": doctor.MISSING,
        "NAS-Bench-201.pth": doctor.PARTLY, "good.csv": doctor.PARTLY,
    }  # fmt: skip


@pytest.mark.parametrize("file", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("wrong", ["truncated", "empty", "range", "objects", "odd sides", "few"])
def test_only_images_that_a_run_accepts_are_good(
    file: str, wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = small_data(tmp_path) / "tiny"
    images, labels = np.load(folder / "images.npy"), np.load(folder / "labels.npy")
    if wrong == "truncated":
        (folder / file).write_bytes((folder / file).read_bytes()[:-20])
    elif wrong == "empty":
        (folder / file).write_bytes(b"")
    elif wrong == "range":
        np.save(folder / "labels.npy", labels + 1)
    elif wrong == "objects":
        np.save(folder / file, np.load(folder / file).astype(object))
    elif wrong == "odd sides":
        np.save(folder / "images.npy", images[:, :, :7])
    else:
        np.save(folder / "images.npy", images[:100]), np.save(folder / "labels.npy", labels[:100])
    assert table(capsys, "--data-root", tmp_path)[1]["images tiny"] == doctor.MISSING


def test_a_cache_that_is_a_file_or_below_one_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        code, states, _ = table(capsys, "--data-root", tmp_path, "--cache", cache)
        assert code == 2 and states["cache"] == doctor.MISSING and states["temporary files"] == doctor.GOOD


def test_places_that_cannot_be_written_end_in_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refused)
    code, states, _ = table(capsys, "--data-root", tmp_path)
    assert code == 2 and states["cache"] == states["temporary files"] == doctor.MISSING


@pytest.mark.parametrize("unset", [True, False])
def test_without_a_home_it_says_what_to_give(
    unset: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "")
    if unset:
        monkeypatch.setattr("os.path.expanduser", lambda path: path)
    code, states, said = table(capsys)
    assert code == 2 and states["home"] == states["cache"] == doctor.MISSING
    assert "--data-root" in said and "--cache" in said


def test_it_is_an_option_of_the_door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--doctor", "--data-root", str(tmp_path)]) == 0
    assert "images cifar10" in capsys.readouterr().out
