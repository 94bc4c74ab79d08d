"""What the page says of the size of the experiment."""

import json
from pathlib import Path

import pandas as pd
import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.size import scale, size
from tests.reports.synthetic import SELECTORS, write_results


@pytest.fixture
def out(tmp_path: Path, table: GroundTruth) -> Path:
    few = {name: SELECTORS[name] for name in ("ostr", "pt-random")}
    return write_results(tmp_path / "out", table, datasets=("cifar10",), selectors=few, failures=False, ranking=False)


def said(out: Path, table: GroundTruth) -> list[str]:
    return scale(Material(Results.read(out), table, out / "figures"))


def test_one_line_says_it_all(out: Path, table: GroundTruth) -> None:
    rows = pd.read_csv(out / "records.csv")
    rows["supernet_accuracy"] = 42.4
    rows.loc[rows["supernet_seed"] == 1, "supernet_accuracy"] = 54.3
    rows.to_csv(out / "records.csv", index=False)
    assert said(out, table) == [
        "cifar10: preset lite, 8 channels, 1 cell per stage, 10 epochs on 10,000 images;"
        " supernet accuracy 42–54 % at selection; CPU, 1 thread"
    ]


def test_only_the_last_checkpoint_counts(out: Path, table: GroundTruth) -> None:
    rows = pd.read_csv(out / "records.csv")
    early = rows.assign(epoch=5, supernet_accuracy=11.0)
    pd.concat([early, rows.assign(supernet_accuracy=50.0)]).to_csv(out / "records.csv", index=False)
    assert "supernet accuracy 50 % at selection" in said(out, table)[0]


def test_what_run_json_does_not_say_is_not_invented(out: Path) -> None:
    run = json.loads((out / "run.json").read_text())
    run["settings"]["cifar10"]["images"] = None
    (out / "run.json").write_text(json.dumps(run))
    assert size(Results.read(out), "cifar10").endswith("10 epochs on all images")
    run["settings"]["cifar10"]["preset"] = "paper"
    (out / "run.json").write_text(json.dumps(run))
    assert size(Results.read(out), "cifar10") == "preset lite", "the settings are those of another run"
    del run["settings"]
    (out / "run.json").write_text(json.dumps(run))
    assert size(Results.read(out), "cifar10") == "preset lite"


def test_where_nothing_was_trained_no_epochs_are_said(out: Path) -> None:
    rows = pd.read_csv(out / "records.csv")
    rows["shared"] = "one"
    rows.to_csv(out / "records.csv", index=False)
    assert size(Results.read(out), "cifar10") == "preset lite, 8 channels, 1 cell per stage, 10,000 images"
