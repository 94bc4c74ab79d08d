"""Sentences of the finding whose numbers can be counted in the records by hand."""

import re
from pathlib import Path

import pandas as pd
import pytest

from bench.table import GroundTruth
from reports.finding import findings
from reports.results import Results
from reports.source import Source


@pytest.fixture(scope="module")
def said(results: Results, table: GroundTruth, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    source = Source(results, table, tmp_path_factory.mktemp("figures"))
    return dict(zip(table.datasets, findings(source), strict=True))


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_collapse_is_counted_in_the_architectures(dataset: str, said: dict[str, str], folder: Path) -> None:
    rows = pd.read_csv(folder / "records.csv")
    rows = rows[(rows["state"] == "done") & (rows["dataset"] == dataset) & (rows["epoch"] == 10)]
    skips = rows["architecture"].str.count("skip_connect")
    shares = (skips.groupby(rows["selector"] + " on " + rows["recipe"]).mean() / 6).sort_values(ascending=False)
    expected = [f"{place} ({100 * share:.0f} %)" for place, share in shares.items() if share >= 0.5]
    assert len(expected) == 2 and shares.iloc[2] < 0.45
    (told,) = re.findall(r"edges are skip connections in the choices of (.*?)(?:;|\.</li>)", said[dataset])
    assert re.findall(r"<b>(.*?)</b>", told) == expected
