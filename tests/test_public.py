"""The public package: every exported name, results as frames, a run from Python."""

import ast
import csv
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import nas_selection_bench as nsb
from nas_selection_bench.bench.commands.modes import READS, RUN
from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.bench.work.pack import pack
from nas_selection_bench.from_python import words
from tests.columns import documented
from tests.small_data import small_data

ROOT = Path(__file__).parents[1]
TINY = ROOT / "results" / "digits-tiny"


def stub() -> dict[str, str]:
    """Maps each name in the stub to the place from which the stub imports it."""
    found = {}
    tree = ast.parse((ROOT / "nas_selection_bench" / "__init__.pyi").read_text())
    homes = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                place = f"{node.module}:{alias.name}".removeprefix("nas_selection_bench.")
                if (alias.asname or "").startswith("_") and alias.asname != "__version__":
                    homes[alias.asname] = place.replace(":", ".")
                else:
                    found[alias.asname or alias.name] = place
        elif isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            assert isinstance(target, ast.Name)
            assert isinstance(value, ast.Attribute)
            assert isinstance(value.value, ast.Name)
            found[target.id] = f"{homes[value.value.id]}:{value.attr}"
    return found


def test_editors_are_told_what_is_handed_out() -> None:
    assert stub() == {**nsb._PUBLIC, "__version__": "version:__version__"}  # type: ignore[attr-defined]


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in stub():
        value = getattr(nsb, name)
        if getattr(value, "__name__", "") == name:  # a class or a function, not an instance
            assert inspect.getdoc(value), name
    assert set(stub()) <= set(dir(nsb)) and set(stub()) == set(nsb.__all__)  # type: ignore[attr-defined]


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Rul'"):
        _ = nsb.Rul  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        exec("from nas_selection_bench import Rul")


def test_the_package_is_imported_at_once() -> None:
    program = "import sys, nas_selection_bench; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "scipy"} & set(done.stdout.split())


def test_results_are_frames_of_the_documented_columns() -> None:
    results = nsb.load_results(TINY)
    frames = {"records.csv": results.records, "scores.csv": results.scores, "costs.csv": results.costs}
    for file, frame in frames.items():
        with (TINY / file).open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len(frame) == len(rows) > 0
        assert list(frame.columns) == list(rows[0])
        assert set(frame.columns) <= {name for name, _, _ in documented(file)}
    with (TINY / "records.csv").open(newline="") as stream:
        done = [row for row in csv.DictReader(stream) if row["state"] == "done"]
    records = results.records[results.records["state"] == "done"]
    assert records["test"].tolist() == [float(row["test"]) for row in done]
    assert records["checkpoint"].fillna("").tolist() == [row["checkpoint"] for row in done]
    assert [sum(lost) for lost in records["decision_regret"]] == pytest.approx(records["regret"].tolist())
    assert {"accuracy", "yardsticks", "comparisons"} <= results.tables.keys()
    assert results.run == json.loads((TINY / "run.json").read_text())
    assert results.methods["selectors"].keys() == set(records["selector"])


def test_a_packed_folder_reads_as_it_did(tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    shutil.copytree(TINY, folder)
    pack(folder)
    assert not (folder / "scores.csv").exists()
    before, after = nsb.load_results(TINY), nsb.load_results(str(folder))
    for name in ("records", "scores", "costs"):
        assert getattr(before, name).equals(getattr(after, name))


def test_a_folder_without_results_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(nsb.DataError, match="holds no results"):
        nsb.load_results(tmp_path)


def test_options_of_run_are_those_of_the_command_line() -> None:
    assert set(inspect.signature(nsb.run).parameters) == {*READS[RUN]}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"datasets": ["cifar10", "cifar100"], "seeds": 3}, ["--datasets", "cifar10,cifar100", "--seeds", "3"]),
        ({"selectors": "all,!darts-pt", "epochs": [2, "last"]}, ["--selectors", "all,!darts-pt", "--epochs", "2,last"]),
        ({"train_epochs": 2, "retry_failed": True, "quiet": False}, ["--train-epochs", "2", "--retry-failed"]),
        ({"seed": -1, "out": Path("a b"), "cache": None}, ["--seed", "-1", "--out", "a b"]),
        ({}, []),
    ],
)
def test_an_option_means_what_it_means_there(options: dict[str, object], line: list[str]) -> None:
    assert parse_options(words(options)) == parse_options(line)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset": "digits"}, "did you mean datasets"),
        ({"plan": True}, "Unknown option 'plan'"),
        ({"json": True}, "Unknown option 'json'"),
        ({"seeds": 0}, "--seeds"),
        ({"seeds": "three"}, "--seeds"),
        ({"preset": "huge"}, "--preset"),
        ({"device": "tpu"}, "--device"),
        ({"quiet": "yes"}, "True or False"),
        ({"quiet": True, "verbose": True}, "not allowed with"),
        ({"selectors": "magnitud"}, "did you mean magnitude"),
        ({"supernets": "dart", "device": "cpu"}, "did you mean darts"),
    ],
)
def test_what_the_command_line_refuses_is_raised(
    options: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nsb.UsageError) as error:
        nsb.run(**{"cache": tmp_path, **options})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def tiny(tmp_path: Path) -> dict[str, object]:
    """Options of a run on 160 images of noise."""
    small_data(tmp_path)
    return {
        "datasets": "tiny", "preset": "digits", "train_epochs": 1, "data_root": tmp_path, "channels": 4, "cells": 1,
        "table": tmp_path / "table.npz", "device": "cpu", "threads": 1, "supernets": "darts", "seeds": 1,
        "out": tmp_path / "out", "cache": tmp_path / "cache", "quiet": True,
    }  # fmt: skip


@pytest.mark.program
def test_a_run_returns_what_it_left(tiny: dict[str, object], tmp_path: Path) -> None:
    results = nsb.run(selectors=["magnitude", "pt-random[tune=0]"], **tiny)
    assert results.folder == tmp_path / "out"
    cells = results.records[["selector", "state"]].values.tolist()
    assert cells == [["magnitude", "done"], ["pt-random[tune=0]", "done"]]
    again = nsb.run(out=tmp_path / "out", cache=tmp_path / "cache", data_root=tmp_path, table=tiny["table"], quiet=True)
    assert again.records.equals(results.records)


class Plain(nn.Module):
    """A network outside the search space."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Linear(8, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(images))


@pytest.mark.parametrize("make", [Plain, lambda: nsb.Supernet(4, 1, 5).subnetwork((3, 3, 1, 3, 2, 1))])
def test_any_network_is_scored_where_the_proxy_allows(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    network, images, labels = make(), torch.randn(8, 3, 8, 8), torch.arange(8) % 5
    scores = {}
    for name in nsb.proxy_names():
        try:
            scores[name] = nsb.score(name, network, images, labels)
        except nsb.ProxyFailure as failure:
            assert str(failure).startswith(name)
    assert scores["params"] == sum(p.numel() for p in network.parameters())
    assert len(scores) > len(nsb.proxy_names()) / 2
