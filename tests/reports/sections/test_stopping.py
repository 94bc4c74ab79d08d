"""The table of stopping rules: each number is that of the record at the epoch at which the rule stops."""

import numpy as np
import pandas as pd
import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.curvature_file import COLUMNS, write_curvature
from nas_selection_bench.reports.data.courses import courses, outcomes
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.blocks import Table
from nas_selection_bench.reports.sections.stopping import stopping_section
from nas_selection_bench.reports.stopping._rule import rules, stops
from tests.reports.synthetic import SELECTORS, source_of

EPOCHS = (2, 4, 6, 8)
NAMES = {name: SELECTORS[name] for name in ("magnitude", "magnitude-no-none", "ostr")}


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Material:
    """Two recipes whose checkpoints each have their own hash and accuracy; one recipe has eigenvalues."""
    out = tmp_path_factory.mktemp("stopping") / "out"
    source_of(out, table, recipes=("darts", "darts-minus"), seeds=3, selectors=NAMES, epochs=EPOCHS)
    records = pd.read_csv(out / "records.csv")
    records["checkpoint"] = [
        f"{r}-{s}-{e}" for r, s, e in zip(records["recipe"], records["supernet_seed"], records["epoch"], strict=True)
    ]
    records["supernet_accuracy"] = [50 - (e - 4) ** 2 + s for s, e in
                                    zip(records["supernet_seed"], records["epoch"], strict=True)]  # fmt: skip
    records.to_csv(out / "records.csv", index=False)
    rows = [("cifar10", "darts", s, e, f"darts-{s}-{e}", 1.0 if e < 6 else 9.0) for s in range(3) for e in EPOCHS]
    write_curvature(out, [dict(zip(COLUMNS[:-1], row, strict=True)) for row in rows])
    return Material(Results.read(out), table, out / "figures")


def test_courses_hold_what_is_stored(run: Material) -> None:
    known = courses(run.results, "cifar10")
    assert set(known) == {(recipe, seed) for recipe in ("darts", "darts-minus") for seed in range(3)}
    course = known["darts", 1]
    assert course.epochs == EPOCHS
    assert course.needed("accuracy").tolist() == [47, 51, 47, 35]
    assert course.needed("eigenvalues").tolist() == [1, 1, 9, 9]
    assert known["darts-minus", 0].eigenvalues is None
    done = run.results.done
    for t, epoch in enumerate(EPOCHS):
        (place,) = done.index[(done["recipe"] == "darts") & (done["supernet_seed"] == 1)
                              & (done["epoch"] == epoch) & (done["selector"] == "magnitude")]  # fmt: skip
        np.testing.assert_array_equal(course.needed("weights")[t], run.results.scores[place])


def test_outcomes_are_the_records_at_the_epochs_of_the_rules(run: Material) -> None:
    known = courses(run.results, "cifar10")
    told = stops(known)
    frame = outcomes(run.results, "cifar10", known, told)
    assert set(told["eigenvalue"].values()) == {4} and set(told["best-accuracy"].values()) == {4}
    assert set(told["last-epoch"].values()) == {8}
    assert {setting for setting, _ in told["eigenvalue"]} == {"darts"}
    done = run.results.done
    assert set(frame["method"]) == {"magnitude", "magnitude-no-none"}, "ostr saw the last checkpoint alone"
    for _, row in frame.iterrows():
        values = [
            done[(done["setting"] == row["setting"]) & (done["method"] == row["method"]) & (done["supernet_seed"] == s)
                 & (done["epoch"] == told[row["rule"]][row["setting"], s])]["test"].mean()
            for s in range(3)
        ]  # fmt: skip
        assert row["mean"] == pytest.approx(np.mean(values)) and row["n"] == 3


def test_the_table_shows_them(run: Material) -> None:
    section = stopping_section(run)
    assert section is not None
    (shown,) = [block for block in section.blocks if isinstance(block, Table)]
    known = courses(run.results, "cifar10")
    frame = outcomes(run.results, "cifar10", known, stops(known)).set_index(["setting", "method", "rule"])
    titles = [column.title for column in shown.columns]
    assert titles[2:-1] == [name.replace("-", " ") for name in rules()]
    for row in shown.rows:
        for rule, cell in zip(rules(), row.cells[2:-1], strict=True):
            place = (row.cells[1].text, row.cells[0].text, rule)
            expected = f"{frame.loc[place, 'mean']:.2f}" if place in frame.index else "–"
            assert cell.text == expected
    assert "–" in [cell.text for row in shown.rows for cell in row.cells], "darts-minus has no eigenvalues"


def test_there_is_no_section_where_each_criterion_saw_one_checkpoint(source: Material) -> None:
    assert stopping_section(source) is None
