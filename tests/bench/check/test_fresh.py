"""Checks against a fresh run notice faults: the tight check on the same machine, that of distributions elsewhere."""

import json
import shutil
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.check import exact as check
from nas_selection_bench.bench.check.fresh import compare_distributions
from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.problem.table import GroundTruth
from tests.bench.invented import PINNED, draw, only, store


def test_the_same_run_again_holds_tightly(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    def last_digits(selector: str, scores: np.ndarray) -> np.ndarray:
        return scores * (1 + 1e-6)

    fresh = store(tmp_path / "fresh", table, changed=last_digits)
    outcome = only(check.check(stored, table, draw, fresh), check.TIGHT)
    assert [str(d) for d in outcome.differences] == []
    assert outcome.compared == 12


def test_a_changed_selector_is_noticed_and_named(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    def mutated(selector: str, scores: np.ndarray) -> np.ndarray:
        return -scores if selector == "ostr" else scores

    fresh = store(tmp_path / "fresh", table, changed=mutated)
    differences = only(check.check(stored, table, draw, fresh), check.TIGHT).differences
    assert {d.cell["selector"] for d in differences} == {"ostr"}
    assert {"score", "architecture", "tau_mean"} <= {d.column for d in differences}


def test_scores_that_are_not_all_there_differ(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    shutil.copytree(stored, tmp_path / "fresh")
    path = tmp_path / "fresh" / "scores.csv"
    first, *rows = path.read_text().splitlines(keepends=True)
    gone = [row for row in rows if ",ostr," in row]
    path.write_text("".join([first, *(row for row in rows if ",ostr," not in row), *gone[1:30]]))
    outcome = only(check.check(stored, table, draw, tmp_path / "fresh"), check.TIGHT)
    told = [(d.file, d.column, d.stored, d.fresh) for d in outcome.differences]
    cells = len(gone) // 30
    assert told == [("scores.csv", "score", "30 scores", "29 scores")] + (cells - 1) * [
        ("scores.csv", "score", "30 scores", "0 scores")
    ]
    path.write_text(first + gone[0].rstrip().rpartition(",")[0] + ",\n")
    with pytest.raises(DataError, match=r"scores\.csv is damaged: edge .*, score ''"):
        check.check(stored, table, draw, tmp_path / "fresh")


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ({}, {"processor": "A", "environment": {}, "machine": "x86_64"}, check.TIGHT),  # from before they were kept
        ({"processor": "A"}, {"processor": "A"}, check.TIGHT),
        ({"processor": "A"}, {"processor": "B"}, check.STATISTICAL),
        ({"processor": "A", "processors": ["B", "A"]}, {"processor": "A"}, check.STATISTICAL),
        ({"processor": "A", "environment": PINNED}, {"processor": "B", "environment": PINNED}, check.STATISTICAL),
        ({"processor": "A", "environment": PINNED}, {"processor": "A", "environment": PINNED}, check.TIGHT),
        ({"machine": "x86_64", "environment": PINNED}, {"machine": "arm64", "environment": PINNED}, check.STATISTICAL),
        ({"processor": "A", "environment": PINNED}, {"processor": "A", "environment": {}}, check.STATISTICAL),
        ({"threads": 1}, {"threads": 2}, check.STATISTICAL),
        ({"seed": 0}, {"seed": 1}, check.STATISTICAL),
    ],
)
def test_runs_that_sum_in_another_order_are_not_compared_tightly(
    stored: Path, table: GroundTruth, tmp_path: Path, before: dict[str, object], after: dict[str, object], level: str
) -> None:
    sides = []
    for name, facts in (("before", before), ("after", after)):
        sides.append(Path(shutil.copytree(stored, tmp_path / name)))
        run = json.loads((sides[-1] / "run.json").read_text())
        (sides[-1] / "run.json").write_text(json.dumps(run | facts))
    assert check.check_fresh(*sides, table).level == level


def test_a_near_tie_may_fall_either_way(table: GroundTruth, tmp_path: Path) -> None:
    def tied(up: float) -> Callable[[str, np.ndarray], np.ndarray]:
        def change(selector: str, scores: np.ndarray) -> np.ndarray:
            scores = scores.copy()
            scores[:, 0] = scores[:, 1:].max(axis=1) + up
            return scores

        return change

    before = store(tmp_path / "before", table, changed=tied(1e-4))
    after = store(tmp_path / "after", table, changed=tied(-1e-4))
    columns = {d.column for d in only(check.check(before, table, draw, after), check.TIGHT).differences}
    assert "architecture" not in columns
    assert "score" not in columns


def test_a_changed_seed_axis_is_noticed(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    fresh = store(tmp_path / "fresh", table, root=1)
    run = json.loads((fresh / "run.json").read_text())
    (fresh / "run.json").write_text(json.dumps({**run, "seed": 0}))
    outcome = only(check.check(stored, table, draw, fresh), check.TIGHT)
    assert len({tuple(sorted(d.cell.items())) for d in outcome.differences if d.column == "score"}) == 12


def test_a_missing_cell_is_a_difference(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    fresh = store(tmp_path / "fresh", table, seeds=2)
    rows = [d for d in only(check.check(stored, table, draw, fresh), check.TIGHT).differences if d.column == "row"]
    assert [(d.cell["supernet_seed"], d.fresh) for d in rows] == [("2", "absent")] * 4


def test_what_both_runs_have_is_told_before_what_one_lacks(stored: Path, table: GroundTruth, tmp_path: Path) -> None:
    fresh = store(tmp_path / "fresh", table, seeds=2, root=1)
    run = json.loads((fresh / "run.json").read_text())
    (fresh / "run.json").write_text(json.dumps({**run, "seed": 0}))
    outcome = only(check.check(stored, table, draw, fresh), check.TIGHT)
    lacking = [d.column == "row" for d in outcome.differences]
    assert lacking.count(True) == 4 < len(lacking) and lacking == sorted(lacking)
    assert "4 stored cells that the fresh run lacks" in outcome.notes


def good(selector: str, scores: np.ndarray) -> np.ndarray:
    return 20 * np.tile([0.0, 1.0, 2.0, 3.0, 4.0], (6, 1)) + scores


def test_another_device_is_compared_in_distribution(table: GroundTruth, tmp_path: Path) -> None:
    cpu = store(tmp_path / "cpu", table, seeds=6, changed=good)
    gpu = store(tmp_path / "gpu", table, seeds=6, root=5, device="cuda", changed=good)
    outcome = only(check.check(cpu, table, draw, gpu), check.STATISTICAL)
    assert outcome.differences == []
    assert outcome.compared == 6


def test_a_large_difference_in_distribution_is_named(table: GroundTruth, tmp_path: Path) -> None:
    def upside_down(selector: str, scores: np.ndarray) -> np.ndarray:
        return good(selector, scores)[:, ::-1].copy() if selector == "magnitude" else good(selector, scores)

    cpu = store(tmp_path / "cpu", table, seeds=6, changed=good)
    gpu = store(tmp_path / "gpu", table, seeds=6, root=5, device="cuda", changed=upside_down)
    outcome = only(check.check(cpu, table, draw, gpu), check.STATISTICAL)
    assert {d.cell["selector"] for d in outcome.differences} == {"magnitude"}
    assert "after correction, n = 12 stored and 12 fresh" in str(outcome.differences[0])


def test_too_few_seeds_is_an_answer(table: GroundTruth, tmp_path: Path) -> None:
    cpu = store(tmp_path / "cpu", table, seeds=2, changed=good)
    gpu = store(tmp_path / "gpu", table, seeds=2, root=5, device="cuda", changed=good)
    outcomes = check.check(cpu, table, draw, gpu)
    outcome = only(outcomes, check.STATISTICAL)
    assert outcome.compared == 0
    assert all("n too small to tell (n = 4 stored and 4 fresh)" in note for note in outcome.notes)
    assert check.exit_code(outcomes) is ExitCode.NOTHING_MEASURED


def plain(
    recipes: Sequence[str] = ("a", "b"), selectors: Sequence[str] = ("s", "t"), seeds: int = 3, **state: str
) -> list[dict[str, str]]:
    """Rows of invented cells, all done, except that `state[selector]` is the state at supernet seed 0."""
    return [
        {"dataset": "digits", "selector": selector, "recipe": recipe, "epoch": "2", "supernet_seed": str(seed),
         "state": state.get(selector, "done") if seed == 0 else "done", "test": str(60 + seed), "bn": "batch",
         "preset": "digits"}
        for recipe in recipes for selector in selectors for seed in range(seeds)
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["failed", "missing", "skipped"])
def test_a_result_that_is_no_longer_there_is_a_difference(table: GroundTruth, state: str) -> None:
    _, differences, _ = compare_distributions(plain(), plain(t=state), table)
    assert [(d.cell["recipe"], d.cell["selector"], d.note) for d in differences] == [
        ("a", "t", f"1 {state}"),
        ("b", "t", f"1 {state}"),
    ]
    assert "a, t, state: stored 3 of 3 cells done, fresh 2 of 3" in str(differences[0])
    assert check.Checked(check.STATISTICAL, 0, differences).exit_code is ExitCode.DIFFERS


def test_a_selector_that_failed_before_may_fail_again_but_not_always(table: GroundTruth) -> None:
    assert compare_distributions(plain(t="failed"), plain(t="failed"), table)[1] == []
    assert compare_distributions(plain(t="failed"), plain(seeds=1, t="failed"), table)[1] != []


def test_what_the_stored_run_skipped_too_is_not_lost(table: GroundTruth) -> None:
    """The epoch decides whether the alphas are trained yet, and so whether a choice by them is skipped."""
    early = [{**row, "epoch": "1", "state": "skipped"} for row in plain()]
    assert compare_distributions([*early, *plain()], [*early, *plain()], table)[1] == []
    assert compare_distributions(plain(t="skipped"), plain(t="skipped"), table)[1] == []
    (first, _) = compare_distributions([*early, *plain()], [*early, *plain(t="skipped")], table)[1]
    assert (first.stored, first.fresh, first.note) == ("3 of 3 cells done", "2 of 3", "1 skipped")
    assert compare_distributions(plain(t="skipped"), plain(t="failed"), table)[1] != []


def test_what_the_fresh_run_did_not_ask_for_is_noted_once(table: GroundTruth) -> None:
    _, differences, notes = compare_distributions(plain(), plain(recipes=["a"]), table)
    assert differences == []
    assert "digits, b: only in the stored run" in notes
    _, differences, notes = compare_distributions(plain(selectors=["s"]), plain(), table)
    assert differences == []
    assert "digits, t: only in the fresh run" in notes
    single = [row for row in plain() if (row["recipe"], row["selector"]) != ("b", "t")]
    assert "digits, b, t: only in the stored run" in compare_distributions(plain(), single, table)[2]
    later = [{**row, "epoch": "4"} for row in plain()]
    assert "digits, a, epoch 4: only in the stored run" in compare_distributions([*plain(), *later], plain(), table)[2]


def test_modes_of_batch_norm_are_compared_each_with_itself(table: GroundTruth) -> None:
    def rows(levels: dict[str, float]) -> list[dict[str, str]]:
        return [
            {**row, "bn": bn, "test": str(level + int(row["supernet_seed"]) / 100)}
            for bn, level in levels.items() for row in plain(selectors=["s"], seeds=6)
        ]  # fmt: skip

    both = {"batch": 90.0, "running": 50.0}
    compared, differences, notes = compare_distributions(rows(both), rows({"batch": 90.0}), table)
    assert (compared, differences, notes) == (1, [], ["digits, bn running: only in the stored run"])
    compared, (difference,), _ = compare_distributions(rows(both), rows({**both, "running": 60.0}), table)
    assert compared == 2
    assert difference.cell == {"dataset": "digits", "selector": "s", "bn": "running"}


def test_one_run_beside_many_recipes_is_one_observation(table: GroundTruth) -> None:
    def rows(level: float, shared: str) -> list[dict[str, str]]:
        return [
            {"dataset": "digits", "selector": "blind", "recipe": f"r{recipe}", "epoch": "2", "state": "done",
             "bn": "batch", "preset": "digits", "supernet_seed": str(seed), "shared": shared, "test": str(level + seed)}
            for recipe in range(20) for seed in range(3)
        ]  # fmt: skip

    compared, differences, notes = compare_distributions(rows(60, "w"), rows(90, "w"), table)
    assert (compared, differences) == (0, [])
    assert notes == ["digits, blind, test: n too small to tell (n = 3 stored and 3 fresh)"]
    # With results of sixty separate supernets, the comparison is possible.
    assert compare_distributions(rows(60, ""), rows(90, ""), table)[0] == 1
    # Rows from before `shared` was recorded count as no more observations than rows that have it.
    assert compare_distributions(rows(60, ""), rows(90, "w"), table)[0] == 0


def at_epochs(level: float, seeds: range, epochs: Sequence[int] = (1, 2, 4, 7, 10)) -> list[dict[str, str]]:
    """Rows of one selector on three recipes; its values hardly change between epochs of one supernet."""
    return [
        {"dataset": "digits", "selector": "s", "recipe": recipe, "epoch": str(epoch), "state": "done",
         "bn": "batch", "preset": "digits",
         "supernet_seed": str(seed), "test": str(level + seed + 0.01 * epoch)}
        for recipe in "abc" for seed in seeds for epoch in epochs
    ]  # fmt: skip


def test_epochs_of_one_supernet_are_no_independent_results(table: GroundTruth) -> None:
    one = compare_distributions(at_epochs(60, range(1)), at_epochs(90, range(1)), table)
    assert one == (0, [], ["digits, s, test: n too small to tell (n = 3 stored and 3 fresh)"])
    many = compare_distributions(at_epochs(60, range(4)), at_epochs(90, range(4)), table)
    assert (many[0], len(many[1])) == (1, 1)
    # The last epoch that both runs have is compared: 10 follows 9, although it comes first in the alphabet.
    late = compare_distributions(at_epochs(60, range(4), (9, 10)), at_epochs(60, range(4), (9, 10, 20)), table)
    assert late[0] == 1 and late[1] == []
    assert not compare_distributions(at_epochs(60, range(4), (9,)), at_epochs(60, range(4), (10,)), table)[0]


def test_equal_distributions_seldom_differ_however_many_epochs(table: GroundTruth) -> None:
    generator = np.random.default_rng(0)

    def run() -> list[dict[str, str]]:
        levels = dict(zip(product("abc", range(3)), generator.normal(60, 10, 9), strict=True))
        return [
            {**row, "test": str(levels[row["recipe"], int(row["supernet_seed"])])} for row in at_epochs(0, range(3))
        ]

    found = sum(bool(compare_distributions(run(), run(), table)[1]) for _ in range(60))
    # 5 % of 60 is 3; more than nine have a probability of .0007. Counting epochs as independent results gave 28.
    assert found <= 9
