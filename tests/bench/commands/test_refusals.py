"""Command lines that are refused with one sentence, and messages about changed data, with fake methods."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.problem import pixels
from nas_selection_bench.bench.problem.datasets import DATASETS
from nas_selection_bench.bench.work.json_files import write_json
from tests.bench import fake_bench
from tests.bench.fake_bench import rows
from tests.small_data import small_data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--selectors", "randon"], "did you mean random"),
        (["--supernets", "stead"], "did you mean steady"),
        (["--datasets", "cifar"], "did you mean cifar"),
        (["--selectors", "nothing-*"], "matches 'nothing-*'. The selectors are: alphas"),
        (["--plugin", ""], "--plugin"),
        (["--plugin", " , "], "--plugin"),
        (["--seeds", "1000000000"], "--seeds"),
        (["--selectors", "random", "--selector-seeds", "1000000000", "--plan"], "--selector-seeds"),
        (["--selectors", "random", "--epochs", "3"], "stores the epochs 2, 4, 6, 8"),
        (["--datasets", "cifar100"], "not cifar100"),
        (["--table", "nowhere.npz"], "nowhere.npz does not exist"),
        (["--device", "cuda:7"], "--device cpu"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    place: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert fake_bench.run(*place, *arguments) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_missing_images_are_told_before_anything_is_computed(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = fake_bench.make_table(tmp_path / "cifar.npz", ["cifar10"])
    assert fake_bench.run(*place, "--datasets", "cifar10", "--table", table) == ExitCode.USAGE
    assert "data_batch_1 is missing" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists() and not (tmp_path / "out").exists()


def test_everything_that_is_missing_is_told_at_once_and_a_plan_is_made_without_it(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NAS_BENCH_TABLE", raising=False)
    root = tmp_path / "no data"
    command = [*_without(place, "--table"), "--datasets", "cifar10,cifar100", "--data-root", root]
    assert fake_bench.run(*command) == ExitCode.USAGE
    said = capsys.readouterr().err
    for wanted in ("nas-bench-201.npz", "data_batch_1 is missing", "cifar-100-python/train is missing",
                   "fetch cifar10 cifar100 nas-bench-201"):  # fmt: skip
        assert wanted in said
    assert not (tmp_path / "out").exists()
    assert fake_bench.run(*command, "--table", "nb201.csv.gz") == ExitCode.USAGE
    said = capsys.readouterr().err
    for wanted in ("nb201.csv.gz", "docs/data.md", "data_batch_1 is missing", "fetch cifar10 cifar100 --data-root"):
        assert wanted in said
    assert fake_bench.run(*command, "--plan") == ExitCode.OK
    said = capsys.readouterr().out
    assert "to do" in said and "missing: " in said and "fetch cifar10 cifar100 nas-bench-201" in said


def test_a_data_set_of_ones_own_is_told_how_its_table_is_made(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NAS_BENCH_TABLE", raising=False)
    (tmp_path / "data" / "flowers").mkdir(parents=True)
    (tmp_path / "data" / "flowers" / "dataset.json").write_text("{}")
    assert fake_bench.run(*_without(place, "--table"), "--datasets", "flowers") == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "--dataset flowers" in said and "NAS-Bench-201" not in said


def _without(command: list[str], option: str) -> list[str]:
    """A command line without an option and its value."""
    place = command.index(option)
    return command[:place] + command[place + 2 :]


def test_an_output_folder_that_cannot_be_written_is_refused(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert fake_bench.run(*place, "--out", "/proc/nas-bench-out") == ExitCode.USAGE
    assert "choose another folder" in capsys.readouterr().err
    for asked in (["--out"], ["--check"], ["--report-only", "--out"]):
        assert fake_bench.run(*asked, tmp_path / "file") == ExitCode.USAGE
        assert f"{tmp_path / 'file'} is a file" in capsys.readouterr().err


def test_a_cache_that_cannot_be_made_leaves_no_output_folder(place: list[str], tmp_path: Path) -> None:
    assert fake_bench.run(*place, "--selectors", "random", "--cache", "/proc/nas-bench-cache") == ExitCode.USAGE
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", [[], ["--plan"]])
@pytest.mark.parametrize("option", ["--out", "--cache"])
@pytest.mark.parametrize("below", ["", "below", "far/below"])
def test_a_folder_that_is_a_file_or_below_one_is_refused(
    below: str, option: str, mode: list[str], place: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    given = [*place, "--selectors", "random", *mode, option, tmp_path / "file" / below]
    assert fake_bench.run(*given) == ExitCode.USAGE
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("option", "value"), [("--seed", "1"), ("--threads", "2")])
def test_another_experiment_in_the_same_folder_is_refused(
    place: list[str], capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    assert fake_bench.run(*place, "--selectors", "random", option, value) == ExitCode.USAGE
    assert f"pass {option}" in capsys.readouterr().err


def test_the_seed_of_a_folder_resumes_it_and_another_is_refused(place: list[str], tmp_path: Path) -> None:
    assert fake_bench.run(*place, "--selectors", "random", "--seed", "7") == ExitCode.OK
    before = fake_bench.results(tmp_path / "out")
    for seed, code in (("7", ExitCode.OK), ("0", ExitCode.USAGE), ("8", ExitCode.USAGE)):
        for mode in ([], ["--plan"]):
            assert fake_bench.run(*place[:-2], "--seed", seed, *mode) == code
            assert fake_bench.results(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("changed", "other", "told"),
    [
        ("device", "other", "other"),
        ("table_sha256", "other", "other"),
        ("environment", {"MKL_CBWR": "SSE2"}, "MKL_CBWR=SSE2"),
    ],
)
def test_results_of_other_circumstances_are_not_mixed(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: str, other: object, told: str
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    path = tmp_path / "out" / "run.json"
    write_json(path, json.loads(path.read_text()) | {changed: other}, indent=1)
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.USAGE
    assert f"holds results with {changed} {told}" in capsys.readouterr().err


def test_changed_pixels_of_a_known_data_set_are_told_and_never_answered_from_the_cache(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = DATASETS["cifar10"].layout
    assert layout is not None
    small = replace(layout, images=10, images_per_file=2)
    monkeypatch.setattr(pixels, "DATASETS", {"cifar10": replace(DATASETS["cifar10"], layout=small)})

    def write(value: int) -> None:
        for file in small.files:
            path = tmp_path / "data" / small.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps({"data": np.full((2, 3072), value, np.uint8), "labels": [0, 1]}, 2))

    def images() -> dict[str, str]:
        told: dict[str, str] = json.loads((tmp_path / "out" / "run.json").read_text())["images"]["cifar10"]
        return told

    write(1)
    table = fake_bench.make_table(tmp_path / "cifar.npz", ["cifar10"])
    command = [*place, "--table", table, "--datasets", "cifar10", "--selectors", "random", "--seeds", "1"]
    assert fake_bench.run(*command) == ExitCode.OK
    assert "not the official ones" in capsys.readouterr().err
    before = images()
    assert before["origin"] == "unknown"
    assert fake_bench.run(*command) == ExitCode.OK
    assert len(list((tmp_path / "cache").iterdir())) == 1 and images() == before
    write(2)
    capsys.readouterr()
    assert fake_bench.run(*command) == ExitCode.OK
    said = capsys.readouterr().err
    assert before["fingerprint"] in said and images()["fingerprint"] in said and images() != before
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_changed_images_make_everything_to_do(place: list[str], tmp_path: Path) -> None:
    """A user's own data set may change; supernets trained on the old one must not be reused."""
    root = small_data(tmp_path / "data")
    command = [*place, "--table", root / "table.npz", "--datasets", "tiny", "--selectors", "random", "--seeds", "1"]
    assert fake_bench.run(*command) == ExitCode.OK
    before = rows(tmp_path / "out")
    assert fake_bench.run(*command) == ExitCode.OK
    assert len(list((tmp_path / "cache").iterdir())) == 1
    labels = root / "tiny" / "labels.npy"
    np.save(labels, np.load(labels)[::-1])
    assert fake_bench.run(*command) == ExitCode.OK
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert len(rows(tmp_path / "out")) == len(before)


def test_an_empty_list_of_selectors_is_refused(place: list[str]) -> None:
    assert fake_bench.run(*place, "--selectors", "", "--plan") == ExitCode.USAGE
