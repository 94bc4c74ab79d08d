"""The section on the methods compared."""

from dataclasses import replace

from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.sections.blocks import Prose, Table
from nas_selection_bench.reports.sections.methods import methods_section
from nas_selection_bench.reports.sections.overview import markup, overview
from nas_selection_bench.reports.sections.results import main_table

SHARED = {"paper": "A & B, 2021", "score": "-loss(x < y)", "keeps": "largest", "reads": "alphas", "passes": "0",
          "differs": "the batch is larger"}  # fmt: skip


def described(source: Material, selectors: dict[str, dict[str, str]]) -> Material:
    told = {"selectors": selectors, "supernets": {"a": {"paper": "C, 2022", "update": "a step", "offers": "alphas"}}}
    return replace(source, results=replace(source.results, described=told))


def test_each_criterion_and_supernet_has_a_row(source: Material) -> None:
    section = methods_section(described(source, {"good": SHARED, "bad": SHARED, "not-in-it": SHARED}))
    of_selectors, of_supernets = (block for block in section.blocks if isinstance(block, Table))
    rows = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in of_selectors.rows}
    assert rows == {
        "bad": ["-loss(x < y)", "largest", "alphas", "0", "A & B, 2021", "1"],
        "good": ["-loss(x < y)", "largest", "alphas", "0", "A & B, 2021", "1"],
        "one-draw": ["–"] * 6,
    }
    assert [[cell.text for cell in row.cells] for row in of_supernets.rows] == [
        ["a", "a step", "alphas", "C, 2022", "–"], ["b", *"––––"], ["c", *"––––"]
    ]  # fmt: skip
    for table in (of_selectors, of_supernets):
        assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_criteria_are_told_in_a_line_in_their_table_and_at_their_names(source: Material) -> None:
    told = described(source, {"good": {**SHARED, "what": "Good: it <knows>."}, "bad": SHARED})
    (of_selectors, *_) = (block for block in methods_section(told).blocks if isinstance(block, Table))
    assert [column.title for column in of_selectors.columns][:3] == ["criterion", "what", "score"]
    assert {row.cells[0].text: row.cells[1].text for row in of_selectors.rows}["good"] == "Good: it <knows>."
    (contest,) = told.contests
    (named,) = (
        row.cells[0]
        for row in main_table(told, contest).rows
        if row.cells[0].text == '<a href="#criterion-good">good</a>'
    )
    assert named.title == "Good: it <knows>."
    assert '<a href="#criterion-good" data-tip="Good: it &lt;knows&gt;.">good</a>' in markup(overview(told, contest))
    assert '<a href="#criterion-bad">bad</a>' in markup(overview(told, contest))


def test_what_differs_is_said_once(source: Material) -> None:
    other = {**SHARED, "differs": "nothing"}
    section = methods_section(described(source, {"good": SHARED, "bad": other, "one-draw": SHARED}))
    (table, *_) = (block for block in section.blocks if isinstance(block, Table))
    assert [row.cells[-1].text for row in table.rows] == ["1", "2", "2"], "bad, good, one-draw"
    said = [block.markup for block in section.blocks if isinstance(block, Prose)]
    assert said[0] == '<ol class="notes"><li>nothing</li><li>the batch is larger</li></ol>'


def test_a_folder_that_does_not_say_it_is_told(source: Material) -> None:
    section = methods_section(source)
    assert [type(block) for block in section.blocks] == [Prose, Prose]
    for block, kind in zip(section.blocks, ("selectors", "supernets"), strict=True):
        assert kind in block.markup  # type: ignore[union-attr]
