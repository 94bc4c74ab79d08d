"""The documentation of columns and data sets agrees with the code."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.datasets import DATASETS
from nas_selection_bench.bench.work.curvature_file import COLUMNS as CURVATURE_COLUMNS
from nas_selection_bench.bench.work.gather import COST_COLUMNS, RECORD_COLUMNS, SCORE_COLUMNS
from nas_selection_bench.bench.yardsticks.floors import Yardstick
from nas_selection_bench.reports.data.supernet_quality import SupernetQuality
from nas_selection_bench.reports.data.two_criteria import TwoCriteria
from nas_selection_bench.reports.files.tables import COMPARISONS, HEADER, TRANSFER
from tests.columns import documented

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("records.csv", RECORD_COLUMNS),
        ("scores.csv", SCORE_COLUMNS),
        ("costs.csv", COST_COLUMNS),
        ("curvature.csv", CURVATURE_COLUMNS),
        ("tables/accuracy.csv and tables/kendall_tau.csv", HEADER),
        ("tables/comparisons.csv", COMPARISONS),
        ("tables/yardsticks.csv", ("dataset", *(field.name for field in fields(Yardstick)))),
        ("tables/transfer.csv", TRANSFER),
        ("tables/two_criteria.csv", [field.name for field in fields(TwoCriteria)]),
        ("tables/supernet_quality.csv", [field.name for field in fields(SupernetQuality)]),
    ],
)
def test_every_column_is_documented_in_its_order(file: str, columns: tuple[str, ...]) -> None:
    assert [name for name, _, _ in documented(file)] == list(columns)


def test_the_data_page_has_every_data_set_with_its_source_and_checksum() -> None:
    text = (ROOT / "docs" / "data.md").read_text()
    for name, description in DATASETS.items():
        assert f"| `{name}` |" in text
        if description.layout is not None:
            assert f"{description.layout.folder}/" in text
            assert description.layout.source.split(" ")[0] in text
            assert f"{description.layout.images:,}" in text
            for checksum in re.findall(r"md5 ([0-9a-f]{32})", description.layout.archive):
                assert checksum in text
