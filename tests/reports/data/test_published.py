"""reports/data/published.csv: whose numbers stand beside which of ours."""

import csv
from importlib.resources import files

import pytest

from selectors.parts import registry as selectors
from supernets.parts import registry as recipes

with files("reports.data").joinpath("published.csv").open(encoding="utf-8") as stream:
    PUBLISHED = list(csv.DictReader(stream))


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: f"{entry['method']}, {entry['searched_on']}")
def test_ours_exists(entry: dict[str, str]) -> None:
    assert bool(entry["recipe"]) == bool(entry["selector"])
    if entry["recipe"]:
        # Both raise UsageError for a name that nobody has.
        assert recipes.find(entry["recipe"]).name == entry["recipe"]
        assert selectors.find(entry["selector"]).name == entry["selector"]


def test_recipes_that_we_have_stand_beside_their_papers() -> None:
    ours = {entry["method"]: entry["recipe"] for entry in PUBLISHED if entry["recipe"]}
    assert {
        "SETN": "setn",
        "iDARTS": "idarts",
        "BaLeNAS-TF": "balenas",
        "RSPS (BN=0)": "rsps",
        "NASWOT": "blank",
    }.items() <= ours.items()


def test_every_source_says_what_was_read() -> None:
    assert all(entry["source"] not in ("", "a third-party copy of the published table") for entry in PUBLISHED)
