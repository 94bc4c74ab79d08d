"""The page's description of the size of the experiment."""

import json
from pathlib import Path

import pandas as pd
import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.size import size, supernet_accuracy
from tests.reports.synthetic import SELECTORS, write_results


@pytest.fixture
def out(tmp_path: Path, table: GroundTruth) -> Path:
    few = {name: SELECTORS[name] for name in ("ostr", "pt-random")}
    return write_results(tmp_path / "out", table, datasets=("cifar10",), selectors=few, failures=False, ranking=False)


def test_one_line_says_it_all(out: Path) -> None:
    rows = pd.read_csv(out / "records.csv")
    rows["supernet_accuracy"] = 42.4
    rows.loc[rows["supernet_seed"] == 1, "supernet_accuracy"] = 54.3
    rows.to_csv(out / "records.csv", index=False)
    results = Results.read(out)
    assert size(results, "cifar10") == "preset lite, 8 channels, 1 cell per stage, 10 epochs on 10,000 images"
    assert supernet_accuracy(results, "cifar10") == "42–54 %"


def test_only_the_last_checkpoint_counts(out: Path) -> None:
    rows = pd.read_csv(out / "records.csv")
    early = rows.assign(epoch=5, supernet_accuracy=11.0)
    pd.concat([early, rows.assign(supernet_accuracy=50.0)]).to_csv(out / "records.csv", index=False)
    assert supernet_accuracy(Results.read(out), "cifar10") == "50 %"


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
