"""The tight check, cell by cell: values just inside its tolerances pass, values just outside are reported.

The tolerances are repeated here as numbers, so that loosening one takes a change in two places.
"""

import numpy as np
import pytest

from nas_selection_bench.bench.check.difference import Difference
from nas_selection_bench.bench.check.fresh import EXACT_COLUMNS, FOLLOWING, TOLERANCES, compare_runs
from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS, to_string
from nas_selection_bench.bench.work.gather import RECORD_COLUMNS
from nas_selection_bench.bench.work.record import KEY_COLUMNS

CELL = {"dataset": "digits", "recipe": "darts", "supernet_seed": "0", "epoch": "2", "selector": "ostr",
        "selector_seed": "0", "bn": "batch", "preset": "digits", "device": "cpu", "threads": "1"}  # fmt: skip
MEASURED = {
    "state": "done", "reason": "", "forward_passes": "30", "backward_passes": "12", "version": "1",
    "recipe_version": "1", "schema": "1", "architecture": to_string((3, 3, 3, 3, 3, 3)), "index": "1462",
    "test": "60.5", "valid": "59.5", "regret": "4.5", "percentile": "80.0", "gain": "0.5", "worth": "3", "skips": "0",
    "parameters": "70000.0", "tau_best": "0.5", "tau_mean": "0.5", "tau_best_no_none": "0.5",
    "tau_mean_no_none": "0.5", "tau_space": "0.5", "supernet_accuracy": "50.0",
    "tied_edges": "0", "tau_space_n": "15625", "decision_regret": "[1.5, 0.0, 2.0, 1.0, 0.0, 0.0]",
}  # fmt: skip
# Half of the thirty scores lie on either side of 0, so their standard deviation is 1.
SCORES = np.where(np.arange(30).reshape(6, 5) % 2, 1.0, -1.0)


def score_rows(scores: np.ndarray) -> list[dict[str, str]]:
    return [
        {**CELL, "edge": edge, "operation": operation, "score": repr(float(scores[e, o]))}
        for e, edge in enumerate(EDGE_NAMES) for o, operation in enumerate(OPERATIONS)
    ]  # fmt: skip


def edited(column: str, before: str, after: str) -> list[Difference]:
    """The differences if `column` of a cell is `before` in the stored run and `after` in the fresh one."""
    old, new = {**CELL, **MEASURED, column: before}, {**CELL, **MEASURED, column: after}
    compared, differences, notes = compare_runs([old], [new], [], [])
    assert (compared, notes) == (1, [])
    return differences


def rescored(before: np.ndarray, after: np.ndarray, choice: tuple[int, ...] = (3,) * 6) -> list[Difference]:
    """The differences if scores differ, and the fresh run chooses `choice` instead of 3x3 on every edge."""
    old = {**CELL, **MEASURED}
    new = {**old, "architecture": to_string(choice)}  # type: ignore[arg-type]
    return compare_runs([old], [new], score_rows(before), score_rows(after))[1]


TOLERATED = [
    ("tau_best", "0.5", "0.569", "0.571"),
    ("tau_mean", "0.5", "0.431", "0.429"),
    ("tau_best_no_none", "0.5", "0.619", "0.621"),
    ("tau_mean_no_none", "0.5", "0.381", "0.379"),
    ("tau_mean_ops", "0.5", "0.729", "0.731"),
    ("tau_edge", "0.5", "0.271", "0.269"),
    ("tau_space", "0.5", "0.549", "0.551"),
    ("supernet_accuracy", "50.0", "50.99", "51.01"),
]


@pytest.mark.parametrize(("column", "stored", "inside", "outside"), TOLERATED)
def test_a_measure_may_move_by_its_tolerance(column: str, stored: str, inside: str, outside: str) -> None:
    assert edited(column, stored, inside) == []
    (found,) = edited(column, stored, outside)
    assert (found.column, found.stored, found.fresh) == (column, stored, outside)
    # A number that is missing in one of the runs is within no tolerance.
    assert [d.fresh for d in edited(column, stored, "")] == [""]
    assert [d.stored for d in edited(column, "", stored)] == [""]
    assert edited(column, "", "") == []


EXACT = {
    "state": ("done", "failed"), "reason": ("", "broken"), "forward_passes": ("30", "31"),
    "backward_passes": ("12", "11"), "version": ("1", "2"), "recipe_version": ("1", "2"), "schema": ("1", "2"),
    "tied_edges": ("0", "1"), "tau_space_n": ("15625", "15624"),
}  # fmt: skip


@pytest.mark.parametrize("column", EXACT)
def test_counts_and_words_are_equal_or_differ(column: str) -> None:
    before, after = EXACT[column]
    assert [(d.column, d.stored, d.fresh) for d in edited(column, before, after)] == [(column, before, after)]


FOLLOW = {
    "index": "1463", "test": "60.5001", "valid": "59.4999", "regret": "4.5001", "percentile": "80.001",
    "gain": "0.5001", "worth": "4", "skips": "1", "parameters": "70001.0",
    "decision_regret": "[0.0, 1.5, 2.0, 1.0, 0.0, 0.0]",
}  # fmt: skip


@pytest.mark.parametrize("column", FOLLOW)
def test_what_follows_from_the_architecture_is_equal_unless_it_is_another(column: str) -> None:
    (found,) = edited(column, MEASURED[column], FOLLOW[column])
    told = (found.column, found.stored, found.fresh, found.note)
    assert told == (column, MEASURED[column], FOLLOW[column], "same architecture")
    old = {**CELL, **MEASURED}
    new = {**old, column: FOLLOW[column], "architecture": to_string((3, 3, 3, 3, 3, 2))}
    assert compare_runs([old], [new], [], [])[1] == []


def test_no_column_is_held_to_less_than_these_tests_say() -> None:
    assert {*EXACT} == {*EXACT_COLUMNS}
    assert {*FOLLOW} == {*FOLLOWING}
    assert {column for column, *_ in TOLERATED} == {*TOLERANCES}
    assert not {*TOLERANCES} & {*EXACT_COLUMNS, *FOLLOWING}


def test_no_column_of_the_records_is_forgotten() -> None:
    # The architecture is judged by its scores, digests of weights change with the last digit, and the others are
    # locations of files and errors.
    not_compared = ("architecture", "log", "checkpoint", "shared", "where")
    assert sorted((*KEY_COLUMNS, *EXACT_COLUMNS, *TOLERANCES, *FOLLOWING, *not_compared)) == sorted(RECORD_COLUMNS)


def test_a_score_may_move_by_a_tenth_of_the_deviation_of_its_cell() -> None:
    for scale in (1.0, 1000.0):
        inside, outside = scale * SCORES, scale * SCORES
        inside[4, 2] += 0.099 * scale
        outside[4, 2] += 0.101 * scale
        assert rescored(scale * SCORES, inside) == []
        (found,) = rescored(scale * SCORES, outside)
        assert (found.file, found.column) == ("scores.csv", "score")
        assert (found.cell["edge"], found.cell["operation"]) == (EDGE_NAMES[4], OPERATIONS[2])


def test_operations_change_places_only_where_they_were_nearly_tied() -> None:
    for runner_up, named in ((9.05, []), (8.95, [("architecture", "nor_conv_3x3", "nor_conv_1x1", EDGE_NAMES[5])])):
        scores = np.tile([0.0, 1.0, 2.0, 10.0, 3.0], (6, 1))  # the range is 10 points, of which 1 is a tenth
        scores[5, 2] = runner_up
        found = rescored(scores, scores, (3, 3, 3, 3, 3, 2))
        assert [(d.column, d.stored, d.fresh, d.cell["edge"]) for d in found] == named


def test_a_cell_without_a_stored_result_contradicts_nothing() -> None:
    done, missing = {**CELL, **MEASURED}, {**CELL, "state": "missing"}
    note = ["ostr: 1 cell only in the fresh run"]
    assert compare_runs([missing], [done], [], score_rows(SCORES)) == (0, [], note)
    assert compare_runs([], [done], [], score_rows(SCORES)) == (0, [], note)
    assert compare_runs([missing], [], [], []) == compare_runs([missing], [missing], [], []) == (0, [], [])
    (lost,) = compare_runs([done], [{**done, "state": "missing"}], [], [])[1]
    assert (lost.column, lost.stored, lost.fresh) == ("state", "done", "missing")
