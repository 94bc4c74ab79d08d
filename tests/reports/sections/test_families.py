"""Rows of a table that are folded into the head of their family."""

import pytest

from nas_selection_bench.reports.sections.blocks import Column, Field, Row
from nas_selection_bench.reports.sections.families import folded

COLUMNS = (Column("criterion", numeric=False), Column("test %"))


@pytest.mark.parametrize(
    ("texts", "median"),
    [
        (("93.10", "92.00", "94.50"), "93.10"),
        (("−0.50*", "−1.50"), "−1.00"),
        (("∞", "3", "∞"), "∞"),
        (("1,200", "3", "∞"), "1200"),
        (("–", "7", "–"), "7"),
        (("–", "–", "–"), ""),
    ],
)
def test_the_head_of_a_scheme_holds_the_medians_of_its_proxies(texts: tuple[str, ...], median: str) -> None:
    rows = {f"rank-{i}": Row([Field(f"rank-{i}"), Field(text)]) for i, text in enumerate(texts)}
    found = folded(COLUMNS, rows, dict.fromkeys(rows, ("rank", True)))
    (head,) = (row for row in found if row.head)
    assert head.cells[0].text == f"rank × {len(texts)} proxies"
    assert head.cells[1].text == median
    assert [row.cells[0].text for row in found if not row.head] == list(rows)


def test_equal_criteria_follow_the_row_that_they_equal() -> None:
    rows = {name: Row([Field(name), Field("93.10")]) for name in ("first", "other", "same")}
    found = folded(COLUMNS, rows, {"same": ("first", False)})
    assert [(row.cells[0].text, row.head, row.family) for row in found] == [
        ("first", True, "first"), ("same", False, "first"), ("other", False, ""),
    ]  # fmt: skip
