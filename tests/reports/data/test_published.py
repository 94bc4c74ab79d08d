"""reports/data/published.csv: published numbers, and our recipes and selectors beside which they appear."""

import csv
import re
from importlib.resources import files

import pytest

from nas_selection_bench.selectors.parts import registry as selectors
from nas_selection_bench.supernets.parts import registry as recipes

with files("nas_selection_bench.reports.data").joinpath("published.csv").open(encoding="utf-8") as stream:
    PUBLISHED = list(csv.DictReader(stream))


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: f"{entry['method']}, {entry['searched_on']}")
def test_ours_exists(entry: dict[str, str]) -> None:
    assert bool(entry["recipe"]) == bool(entry["selector"])
    if entry["recipe"]:
        # Both raise UsageError for an unknown name.
        assert recipes.find(entry["recipe"]).name == entry["recipe"]
        assert selectors.find(entry["selector"]).name == entry["selector"]


def test_every_number_names_the_paper_and_table_it_was_read_in() -> None:
    assert PUBLISHED
    for entry in PUBLISHED:
        assert re.search(r"table \d+|README of", entry["source"]), entry["method"]
