"""Results of earlier versions of the program count as done: nothing is recomputed."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.work.pack import ARCHIVE, opened
from nas_selection_bench.bench.work.plan import plan_again, state_of
from nas_selection_bench.bench.work.record import Circumstances
from nas_selection_bench.bench.work.run_file import read_run
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.program import methods

RESULTS = Path(__file__).parents[3] / "results"
OUTDATED = ("-post", "epe-nas")
"""Suffixes of the names of criteria whose stored results are from an earlier version of the criterion."""

OUTDATED_RECIPE = "sgas"
"""The recipe whose stored supernets are from an earlier version."""

LARGE = {folder.name for folder in RESULTS.iterdir() if (folder / ARCHIVE).exists()}
FOLDERS = [
    pytest.param(folder, id=folder.name, marks=[pytest.mark.program] if folder.name in LARGE else [])
    for folder in sorted(RESULTS.iterdir())
    if (folder / "plan.json").is_file()
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_stored_result_is_found_as_done(folder: Path) -> None:
    run = read_run(folder)
    assert run is not None
    with opened(folder) as out:
        records, damaged = Store(out).read_all()
    here = Circumstances(run["device"], run["threads"])
    plan = plan_again((record.cell for record in records.values()), methods(), run["seed"], {}, here)
    states = {planned.stem: state_of(planned, records[planned.stem], None) for planned in plan}
    outdated = [records[stem].cell for stem, state in states.items() if state is None]
    others = {str(cell["selector"]) for cell in outdated if cell["recipe"] != OUTDATED_RECIPE}
    assert not damaged and len(states) == len(records) > 0
    assert [name for name in others if not name.endswith(OUTDATED)] == []
