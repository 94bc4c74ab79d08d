"""A choice by alphas that were never trained is not a result, whatever its record contains."""

import csv
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.check import exact
from nas_selection_bench.bench.work.gather import gather
from nas_selection_bench.bench.work.gathered import basis
from nas_selection_bench.bench.work.plan_file import write_plan
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.work.untrained_alphas import never_skipped, skip_reasons
from nas_selection_bench.program import methods
from tests.bench.invented import draw, store, truth


def cell(recipe: str, selector: str, epoch: int, preset: str = "digits") -> dict[str, Any]:
    return {"recipe": recipe, "selector": selector, "epoch": epoch, "preset": preset}


def test_the_stored_cells_that_draw_lots() -> None:
    told = skip_reasons(methods())
    early = {
        recipe: [epoch for epoch in (2, 4, 6, 8) if told(cell(recipe, "magnitude", epoch))]
        for recipe in ("darts", "blank", "pc-darts", "pc-darts[warm_up=0]", "pc-darts[warm_up=1]", "is-darts", "sgas")
    }
    assert early == {
        "darts": [], "blank": [2, 4, 6, 8], "pc-darts": [2], "pc-darts[warm_up=0]": [],
        "pc-darts[warm_up=1]": [2, 4, 6, 8], "is-darts": [2, 4, 6], "sgas": [],
    }  # fmt: skip
    assert [epoch for epoch in (2, 4, 6, 8, 10) if told(cell("is-darts", "magnitude", epoch, "lite"))] == [2, 4, 6, 8]
    assert not told(cell("is-darts", "ostr", 2)) and told(cell("is-darts", "pt-magnitude[tune=0]", 2))
    assert not told(cell("not-known-here", "magnitude", 2)) and not told(cell("blank", "not-known-here", 2))


def test_a_result_that_was_drawn_by_lot_is_gathered_as_skipped_and_stays_stored(tmp_path: Path) -> None:
    out, table = store(tmp_path / "out", truth()), truth()
    records = {path.name: path.read_bytes() for path in (out / "records").iterdir()}
    assert gather(Store(out), table, print, skip_reasons(methods())) == {"done": 9, "skipped": 3}
    rows = list(csv.DictReader((out / "records.csv").open()))
    skipped = [row for row in rows if row["state"] == "skipped"]
    assert {(row["recipe"], row["selector"]) for row in skipped} == {("blank", "magnitude")}
    assert all("would be random" in row["reason"] and not row["architecture"] + row["test"] for row in skipped)
    assert len(list(csv.DictReader((out / "scores.csv").open()))) == 9 * 30
    assert {path.name: path.read_bytes() for path in (out / "records").iterdir()} == records
    draw(Store(out), table)
    assert exact.check_exact(out, table, draw, methods()).differences == []
    assert exact.check_exact(out, table, draw).differences, "who knows no methods finds the results of before"


def test_what_draws_lots_decides_whether_a_folder_is_gathered_again(tmp_path: Path) -> None:
    out, table = store(tmp_path / "out", truth()), truth()
    row = {"dataset": "digits", "supernet_seed": 0, "selector_seed": 0, "bn": "batch", "device": "cpu", "threads": 1}
    write_plan(Store(out), [row | cell("blank", "magnitude", 2)])
    assert basis(Store(out), table, never_skipped) != basis(Store(out), table, skip_reasons(methods()))
