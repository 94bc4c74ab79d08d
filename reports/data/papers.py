"""Addresses of the papers that methods name as their source."""

import csv
import re
from functools import cache
from importlib.resources import files

ARXIV = re.compile(r"arXiv:? ?(\d{4}\.\d{4,5}(?:v\d+)?)")
"""Pattern of an arXiv reference in a source; the group is the arXiv number."""


@cache
def _known() -> tuple[tuple[str, str], ...]:
    with files("nas_selection_bench.reports.data").joinpath("papers.csv").open(encoding="utf-8") as stream:
        return tuple((row["phrase"], row["address"]) for row in csv.DictReader(stream))


def address_of(paper: str) -> str | None:
    """The address of the paper that a source names, by arXiv number or by a phrase in papers.csv; None if unknown."""
    found = ARXIV.search(paper)
    if found:
        return f"https://arxiv.org/abs/{found[1]}"
    return next((address for phrase, address in _known() if phrase in paper), None)
