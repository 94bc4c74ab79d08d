"""Making a table: an interrupted run can be resumed, and the table reports what was reached."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.commands.devices import Device
from nas_selection_bench.bench.problem.equivalence import function_classes, representatives
from nas_selection_bench.bench.problem.open_table import embedded_table
from nas_selection_bench.bench.problem.space import Architecture, architecture_of, code
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork
from nas_selection_bench.supernets.table import __main__ as make_table
from nas_selection_bench.supernets.table.cost import flops_of_space, parameters_of_space
from nas_selection_bench.supernets.table.progress_file import TableProgress
from nas_selection_bench.supernets.table.training import (
    TableRecipe,
    train_group,
)
from tests.as_command import as_command
from tests.small_data import small_data
from tests.supernets.table.plain import image_set

answer = as_command("make-table", make_table.main)

SMALL = ["--channels", "2", "--batch-size", "8", "--images", "32", "--networks-at-once", "3"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set of the user's own, with test images."""
    return small_data(tmp_path / "data", test_images=20)


def command(root: Path, out: Path, *more: str) -> list[str]:
    return ["--dataset", "tiny", "--data-root", str(root), "--out", str(out), *SMALL, *more]


def results(out: Path) -> dict[str, np.ndarray]:
    with np.load(f"{out}.progress") as file:
        return {split: file[split] for split in ("test", "valid")}


def test_a_broken_run_goes_on_to_the_same_numbers(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = tmp_path / "whole.npz", tmp_path / "broken.npz"
    assert answer(command(root, whole, "--classes", "6", "--trials", "2")) == 0
    calls = 0

    def interrupted(*arguments: object) -> tuple[list[float], list[float]]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return train_group(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(make_table, "train_group", interrupted)
    assert answer(command(root, broken, "--classes", "6", "--trials", "2")) == 130
    assert np.isfinite(results(broken)["test"]).sum() == 9
    assert answer(command(root, broken, "--classes", "6", "--trials", "2")) == 0
    assert calls == 5
    for split in ("test", "valid"):
        np.testing.assert_array_equal(results(broken)[split], results(whole)[split])
    assert np.isfinite(results(whole)["test"]).sum() == 12
    assert not whole.exists()


def test_two_processes_reach_the_same_numbers(root: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    for out, jobs in ((one, "1"), (two, "2")):
        assert answer(command(root, out, "--classes", "6", "--jobs", jobs)) == 0
    np.testing.assert_array_equal(results(one)["test"], results(two)["test"])


def test_other_settings_do_not_mix_into_a_begun_table(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.npz"
    assert answer(command(root, out, "--classes", "3")) == 0
    assert answer(command(root, out, "--classes", "3", "--learning-rate", "0.2")) == 2
    assert "started with other settings (recipe learning_rate 0.05, now 0.2);" in capsys.readouterr().err
    Path(f"{out}.progress").write_bytes(b"half a file")
    assert answer(command(root, out, "--classes", "3")) == 2
    assert "damaged" in capsys.readouterr().err
    assert answer(["--dataset", "nowhere", "--data-root", str(root)]) == 2
    assert "No test images for 'nowhere'" in capsys.readouterr().err


def test_another_arithmetic_does_not_go_on_with_a_trial(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No GPU is needed: another kind of device or precision is refused before any training."""

    def kept() -> dict[str, object]:
        with np.load(f"{out}.progress") as file:
            told: dict[str, object] = json.loads(str(file["settings"]))
            return told

    out = tmp_path / "table.npz"
    assert answer(command(root, out, "--classes", "3")) == 0
    assert (kept()["device"], kept()["precision"]) == ("cpu", "float32")
    before = Path(f"{out}.progress").read_bytes()
    monkeypatch.setattr(make_table, "find_device", lambda name: Device("cuda:1", "cuda", "a GPU", (1,)))
    monkeypatch.setattr(make_table, "_train", lambda *arguments: pytest.fail("nothing may be trained"))
    capsys.readouterr()
    for precision in ("float32", "tf32"):
        line = command(root, out, "--classes", "6", "--device", "cuda:1", "--precision", precision)
        assert answer(line) == 2
        said = capsys.readouterr().err
        assert "device cpu, now cuda" in said and said.count("\n") == 1
        assert ("precision float32, now tf32" in said) is (precision == "tf32")
    assert Path(f"{out}.progress").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("--benchmark", "--trials", "1"), ("--benchmark", "--out", "x.npz"), ("--benchmark", "--precision", "float32"),
        ("--networks-at-once", "-4"), ("--batch-size", "0"), ("--trials", "0"), ("--jobs", "x"), ("--no-graph",),
        ("--device", "cuda", "--jobs", "2"), ("--precision", "bf16"), ("--learning-rate", "nan"),
        ("--learning-rate", "-1"), ("--weight-decay", "inf"), ("--momentum", "x"), ("--images", "100000"),
        ("--images", "7"), ("--batch-size", "33"), ("--batch-size", "5000", "--classes", "1"),
        ("--benchmark", "--images", "100000"), ("--benchmark", "--batch-size", "33"),
    ],
)  # fmt: skip
def test_impossible_and_useless_options_are_refused(words: Sequence[str], root: Path, tmp_path: Path) -> None:
    try:
        code: object = answer(command(root, tmp_path / "table.npz", *words))
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert list(tmp_path.glob("table*")) == []


@pytest.mark.parametrize("name", ["table.csv", "table", "nowhere/table.npz", "folder.npz"])
def test_a_file_that_could_not_be_written_is_refused_before_training(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.npz").mkdir()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(make_table, "_train", lambda *arguments: pytest.fail("nothing may be trained"))
    assert answer(command(root, tmp_path / name)) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_every_word_is_read_by_making_a_table_or_by_timing_it() -> None:
    words = {*vars(make_table._parser().parse_args([]))} - {"benchmark"}
    assert words == make_table.READS["make-table"] > make_table.READS["--benchmark"]


def test_every_architecture_gets_the_numbers_of_its_class(tmp_path: Path) -> None:
    classes = function_classes()
    count = int(classes.max()) + 1
    progress = TableProgress(tmp_path / "p", {}, count, 2)
    progress.test[:, 0] = np.linspace(10, 60, count)
    progress.test[5, 1] = 50.0
    progress.valid[:, 0] = 30.0
    progress.valid[5, 1] = 40.0
    table = make_table.table_of("own", progress, TableRecipe(), image_set(4, 0))
    table.save(tmp_path / "table.npz")
    table = GroundTruth.load(tmp_path / "table.npz")
    for position in (0, 77, 9_999, 15_624):
        own = progress.test[classes[position]]
        assert table.accuracy("own")[position] == pytest.approx(np.nanmean(own))
    # The mean over the trials that were made.
    np.testing.assert_array_equal(table.accuracy("own", "valid"), np.where(classes == 5, 35.0, 30.0))
    trials = table.trials("own")
    assert trials is not None
    assert np.isnan(trials[classes != 5, 1]).all()
    assert (trials[classes == 5, 1] == 50.0).all()


def test_the_order_is_all_classes_once_in_runs() -> None:
    order = make_table.drawn_order(5_044, 0)
    assert sorted(order) == list(range(5_044))
    assert not np.array_equal(order, np.arange(5_044))
    assert (np.diff(order) == 1).mean() > 0.9
    assert np.array_equal(order, make_table.drawn_order(5_044, 0))


def test_representatives_carry_no_dead_convolution() -> None:
    """A convolution without input, or whose output leads nowhere, would add weights that cannot matter."""
    for position in representatives(function_classes()):
        a = architecture_of(int(position))
        assert a[0] == 0 or a[2] or a[4], f"{a}: node 1 leads nowhere"
        assert a[0] or not (a[2] or a[4]), f"{a}: nothing reaches node 1"
        assert a[5] == 0 or a[1] or a[2], f"{a}: nothing reaches node 2"
        assert a[5] or not (a[1] or a[2]), f"{a}: node 2 leads nowhere"


@pytest.mark.parametrize("one", [(3, 2, 1, 4, 3, 2), (0, 0, 0, 0, 0, 0), (3, 3, 3, 3, 3, 3)])
def test_parameters_and_operations_are_those_of_the_modules(one: Architecture) -> None:
    network = StandaloneNetwork(one, 4, 2, 10)
    counted = 0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal counted
        weight = module.get_parameter("weight")
        pixels = output.shape[-2] * output.shape[-1] if output.dim() == 4 else 1
        counted += 2 * weight.numel() * pixels

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(count)
    network(torch.zeros(2, 3, 8, 8))
    assert parameters_of_space(4, 2, 10)[code(one)] == sum(p.numel() for p in network.parameters())
    assert flops_of_space(4, 2, 10, 8)[code(one)] == counted


def test_the_embedded_table_agrees_with_itself() -> None:
    table = embedded_table("digits")
    trials, classes = table.trials("digits"), function_classes()
    assert trials is not None
    assert np.isfinite(trials[:, 0]).all()
    assert np.isfinite(trials[representatives(classes), 1]).sum() >= 1_000
    np.testing.assert_array_equal(table.accuracy("digits"), table.accuracy("digits")[representatives(classes)][classes])
