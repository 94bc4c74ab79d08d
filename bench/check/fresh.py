"""Comparison of a fresh run with a stored one: cell by cell with tolerances, or in distribution."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set

import numpy as np
from numpy.typing import NDArray

from nas_selection_bench.bench.check.difference import Difference, cell_of
from nas_selection_bench.bench.errors import DataError, counted
from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS, parse
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.work.record import DONE, KEY_COLUMNS, MISSING, SKIPPED
from nas_selection_bench.bench.yardsticks.statistics import SIGNIFICANCE, holm, smallest_two_sample_p, two_sample_p
from nas_selection_bench.bench.yardsticks.truth import Truth

Rows = list[dict[str, str]]

EXACT_COLUMNS = ("state", "reason", "tied_edges", "tau_space_n", "forward_passes", "backward_passes", "version",
                 "recipe_version", "schema")  # fmt: skip
"""Columns of counts and words, which do not depend on floating-point arithmetic and so must be equal. The line number
of a failure, which moves with every edit above it, is in a column of its own and not compared."""

TOLERANCES = {
    # Sums of float32 differ in the last digit between kinds of CPU, and training amplifies that. One swapped
    # pair of operations on one edge moves a tau over five operations by 0.2 and its mean over six edges by 0.033.
    "tau_mean": 0.07,
    "tau_best": 0.07,
    # Over four operations, a swap moves the tau of an edge by 0.33 and the mean by 0.056.
    "tau_best_no_none": 0.12,
    "tau_mean_no_none": 0.12,
    # Over three operations, a swap moves the tau of an edge by 0.67 and the mean by 0.11. tau_edge compares deviations
    # from an operation's mean over edges, so a swap on one edge changes those of two operations on all edges.
    "tau_mean_ops": 0.23,
    "tau_edge": 0.23,
    "tau_space": 0.05,
    # In percentage points: one in a hundred images of the selection half changes from right to wrong, or back.
    "supernet_accuracy": 1.0,
}
"""Column -> largest difference that still counts as the same result."""

FOLLOWING = ("index", "test", "valid", "regret", "percentile", "gain", "worth", "decision_regret", "skips",
             "parameters")  # fmt: skip
"""Columns that follow from the architecture, so they are equal if the architecture is. `decision_regret` also depends
on the order of the decisions, which is part of the result."""

NEAR_TIE = 0.1
"""Two operations may swap if their stored scores differ by at most this share of the range of scores on their edge."""

SCORE_TOLERANCE = 0.1
"""Largest difference of a score, in standard deviations of the 30 scores of its cell."""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


NO_SCORES = np.full((len(EDGE_NAMES), len(OPERATIONS)), np.nan)


def _score_arrays(rows: Rows) -> dict[tuple[str, ...], NDArray[np.float64]]:
    """Key columns of a cell -> its [6, 5] scores, nan where the rows lack one."""
    arrays: dict[tuple[str, ...], NDArray[np.float64]] = {}
    for row in rows:
        key = tuple(row[name] for name in KEY_COLUMNS)
        array = arrays.setdefault(key, NO_SCORES.copy())
        try:
            array[EDGE_NAMES.index(row["edge"]), OPERATIONS.index(row["operation"])] = float(row["score"])
        except ValueError:
            entry = f"edge {row['edge']!r}, operation {row['operation']!r}, score {row['score']!r}"
            raise DataError(f"scores.csv is damaged: {entry}; draw it again with --report-only.") from None
    return arrays


def compare_runs(
    stored: Rows, fresh: Rows, stored_scores: Rows, fresh_scores: Rows
) -> tuple[int, list[Difference], list[str]]:
    """Compare the cells of two runs column by column.

    Returns the number of done cells compared, the differences, and notes on cells that only one run has. A stored cell
    that the fresh run lacks is a difference, listed after those in cells of both runs. A cell that only the fresh run
    has, because of a new selector or because the stored run was not finished, contradicts nothing that is stored.
    """
    old = {tuple(row[name] for name in KEY_COLUMNS): row for row in stored}
    new = {tuple(row[name] for name in KEY_COLUMNS): row for row in fresh}
    old_scores, new_scores = _score_arrays(stored_scores), _score_arrays(fresh_scores)
    differences: list[Difference] = []
    absent: list[Difference] = []
    compared = 0
    for key, row in old.items():
        cell = cell_of(dict(zip(KEY_COLUMNS, key, strict=True)))
        if row["state"] == MISSING:
            continue
        if key not in new:
            absent.append(Difference("records.csv", cell, "row", "present", "absent"))
            continue
        compared += row["state"] == DONE
        differences += _compare_cell(cell, row, new[key])
        if row["state"] == new[key]["state"] and (key in old_scores or key in new_scores):
            before, after = (scores.get(key, NO_SCORES) for scores in (old_scores, new_scores))
            differences += _compare_scores(cell, row, new[key], before, after)
    further = [row for key, row in new.items() if key not in old or old[key]["state"] == MISSING]
    counts = Counter(row["selector"] for row in further if row["state"] != MISSING)
    notes = [f"{selector}: {counted(n, 'cell')} only in the fresh run" for selector, n in sorted(counts.items())]
    if absent:
        notes.append(f"{counted(len(absent), 'stored cell')} that the fresh run lacks")
    return compared, differences + absent, notes


def _compare_cell(cell: dict[str, str], old: dict[str, str], new: dict[str, str]) -> list[Difference]:
    found = [
        Difference("records.csv", cell, column, old.get(column, ""), new.get(column, ""))
        for column in EXACT_COLUMNS
        if old.get(column, "") != new.get(column, "")
    ]
    for column, tolerance in TOLERANCES.items():
        before, after = _number(old.get(column, "")), _number(new.get(column, ""))
        if (before is None) != (after is None) or (
            before is not None and after is not None and abs(before - after) > tolerance
        ):
            values = (old.get(column, ""), new.get(column, ""))
            found.append(Difference("records.csv", cell, column, *values, f"tolerance {tolerance}"))
    if old.get("architecture") == new.get("architecture"):
        found += [
            Difference("records.csv", cell, column, old.get(column, ""), new.get(column, ""), "same architecture")
            for column in FOLLOWING
            if old.get(column, "") != new.get(column, "")
        ]
    return found


def _compare_scores(
    cell: dict[str, str],
    old: dict[str, str],
    new: dict[str, str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
) -> list[Difference]:
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        had, has = (f"{np.isfinite(scores).sum()} scores" for scores in (before, after))
        return [Difference("scores.csv", cell, "score", had, has, f"a cell has {before.size}")]
    found = []
    unit = float(np.std(before)) or 1.0
    edge, operation = np.unravel_index(np.argmax(np.abs(before - after)), before.shape)
    largest = float(abs(before[edge, operation] - after[edge, operation]))
    if largest > SCORE_TOLERANCE * unit:
        where = {**cell, "edge": EDGE_NAMES[edge], "operation": OPERATIONS[operation]}
        values = (f"{before[edge, operation]:.6g}", f"{after[edge, operation]:.6g}")
        found.append(Difference("scores.csv", where, "score", *values, f"tolerance {SCORE_TOLERANCE * unit:.3g}"))
    if old["architecture"] != new["architecture"]:
        for number, (a, b) in enumerate(zip(parse(old["architecture"]), parse(new["architecture"]), strict=True)):
            gap = abs(float(before[number, a] - before[number, b]))
            if a != b and gap > NEAR_TIE * float(np.ptp(before[number])):
                where = {**cell, "edge": EDGE_NAMES[number]}
                choices = (OPERATIONS[a], OPERATIONS[b])
                found.append(Difference("records.csv", where, "architecture", *choices, "no near tie"))
    return found


MEASURES = ("test", "tau_best", "tau_mean")
ONE_DRAW = ""
"""Stands for the recipe if one result is shared by all recipes."""
LARGE_TAU = 0.1
LARGE_POINTS = 1.0
"""Differences that count as large: of a tau, and of test accuracy if the table holds no repeated trainings."""


def compare_distributions(stored: Rows, fresh: Rows, table: GroundTruth) -> tuple[int, list[Difference], list[str]]:
    """Test, per data set, selector, batch-norm mode, preset and measure, whether two runs have the same distribution.

    The tests are stratified by recipe, with one value per supernet at the last epoch that both runs have, because
    epochs of one supernet are not independent. Holm's correction covers everything compared. A difference must be
    significant and larger than the table's noise; lost results are a difference without a test. Returns the number of
    groups compared, the differences, and notes on what could not be compared.
    """
    last = _last_epochs(stored, fresh)
    # Rows of early versions lack the column but hold the same draws, so it is enough if one run has it.
    drawn_once = {(row["dataset"], row["selector"]) for row in [*stored, *fresh] if row.get("shared")}
    old, new = _by_group(stored, last, drawn_once), _by_group(fresh, last, drawn_once)
    differences = _lost_results(stored, fresh)
    notes = _asked_by_one(stored, fresh)
    drafts = []
    for key in [key for key in old if key in new]:
        strata = sorted(old[key].keys() & new[key].keys())
        first, second = [old[key][s] for s in strata], [new[key][s] for s in strata]
        if strata:
            smallest = smallest_two_sample_p([(len(a), len(b)) for a, b in zip(first, second, strict=True)])
            drafts.append((key, first, second, two_sample_p(first, second), smallest))
    p = holm([draft[3] for draft in drafts])
    reachable = holm([draft[4] for draft in drafts])
    named = {"dataset", "selector"} | {name for name in ("bn", "preset") if len({row[name] for row in stored}) > 1}
    compared = 0
    for (key, first, second, *_), corrected, reached in zip(drafts, p, reachable, strict=True):
        *group, measure = key
        where = {name: value for name, value in zip(_WITHOUT_RECIPE, group, strict=True) if name in named}
        dataset = where["dataset"]
        n = f"n = {sum(map(len, first))} stored and {sum(map(len, second))} fresh"
        if reached > SIGNIFICANCE:
            notes.append(f"{', '.join(where.values())}, {measure}: n too small to tell ({n})")
            continue
        compared += 1
        before, after = (float(np.mean([np.mean(values) for values in side])) for side in (first, second))
        if corrected <= SIGNIFICANCE and abs(before - after) > _large(measure, dataset, min(before, after), table):
            why = f"p {corrected:.2g} after correction, {n}"
            values = (f"{before:.3f}", f"{after:.3f}")
            differences.append(Difference("records.csv", where, f"mean {measure}", *values, why))
    return compared, differences, notes


def _lost_results(stored: Rows, fresh: Rows) -> list[Difference]:
    """Cells that were done in the stored run, but failed, were skipped or are missing in the fresh run.

    Only cells that the fresh run asked for count, and no skipped ones at an epoch where the stored run skipped too. If
    seeds had failed in the stored run, only the loss of all results counts, because it is chance which seeds fail.
    """
    skipped = {(_group(row), row["epoch"]) for row in stored if row["state"] == SKIPPED}
    before = _states(row for row in stored if row["state"] != SKIPPED)
    after = _states(row for row in fresh if row["state"] != SKIPPED or (_group(row), row["epoch"]) not in skipped)
    found = []
    for group, states in before.items():
        again = after.get(group, [])
        lost = [state for state in again if state != DONE]
        if lost and (all(state == DONE for state in states) or (DONE in states and DONE not in again)):
            where = dict(zip(_GROUP, group, strict=True))
            sides = [f"{states.count(DONE)} of {len(states)} cells done", f"{len(again) - len(lost)} of {len(again)}"]
            note = ", ".join(f"{lost.count(state)} {state}" for state in sorted(set(lost)))
            found.append(Difference("records.csv", where, "state", sides[0], sides[1], note))
    return found


_WITHOUT_RECIPE = ("dataset", "selector", "bn", "preset")
_GROUP = ("recipe", *_WITHOUT_RECIPE)
"""The columns that a group of seeds has in common. Device and threads are not among them: the runs may differ there."""


def _group(row: Mapping[str, str], columns: tuple[str, ...] = _GROUP) -> tuple[str, ...]:
    return tuple(row[name] for name in columns)


def _states(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, ...], list[str]]:
    """Group -> the states of its cells."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        found.setdefault(_group(row), []).append(row["state"])
    return found


def _asked_by_one(stored: Rows, fresh: Rows) -> list[str]:
    """Notes on cells that only one run asked for, with one line per whole data set, recipe, epoch or selector."""
    names = ("dataset", "recipe", "epoch", "selector", "bn", "preset")
    before, after = ({tuple(row[name] for name in names) for row in rows} for rows in (stored, fresh))
    notes = []
    for name, here, there in (("stored", before, after), ("fresh", after, before)):
        left = here - there
        for parts, wording in _COARSE_FIRST:
            known = {tuple(key[part] for part in parts) for key in there}
            wholly = {tuple(key[part] for part in parts) for key in left} - known
            notes += [f"{wording.format(*lacking)}: only in the {name} run" for lacking in sorted(wholly)]
            left = {key for key in left if tuple(key[part] for part in parts) in known}
    return notes


_COARSE_FIRST = (
    ((0,), "{}"),
    ((0, 5), "{}, preset {}"),
    ((0, 4), "{}, bn {}"),
    ((0, 1), "{}, {}"),
    ((0, 3), "{}, {}"),
    ((0, 1, 2), "{}, {}, epoch {}"),
    ((0, 1, 3), "{}, {}, {}"),
    ((0, 1, 2, 3), "{}, {}, epoch {}, {}"),
    ((0, 1, 2, 3, 4, 5), "{}, {}, epoch {}, {}, bn {}, preset {}"),
)
"""Parts of (data set, recipe, epoch, selector, bn, preset) that one run may lack, and their wording, coarsest first."""


def _last_epochs(stored: Rows, fresh: Rows) -> dict[tuple[str, ...], str]:
    """Group -> the last epoch for which both runs have rows."""
    epochs: list[dict[tuple[str, ...], set[str]]] = []
    for rows in (stored, fresh):
        found: dict[tuple[str, ...], set[str]] = {}
        for row in rows:
            found.setdefault(_group(row), set()).add(row["epoch"])
        epochs.append(found)
    before, after = epochs
    common = {group: before[group] & after[group] for group in before.keys() & after.keys()}
    return {group: max(both, key=int) for group, both in common.items() if both}


def _by_group(
    rows: Rows, last: Mapping[tuple[str, ...], str], drawn_once: Set[tuple[str, str]]
) -> dict[tuple[str, ...], dict[str, list[float]]]:
    """(*_WITHOUT_RECIPE, measure) -> recipe -> one mean over selector seeds per supernet seed, at the last epoch."""
    values: dict[tuple[str, ...], dict[str, dict[str, list[float]]]] = {}
    for row in rows:
        if row["state"] != DONE or row["epoch"] != last.get(_group(row)):
            continue
        for measure in MEASURES:
            number = _number(row.get(measure, ""))
            if number is not None:
                # A result shared by many recipes is one observation of its seed.
                recipe = ONE_DRAW if (row["dataset"], row["selector"]) in drawn_once else row["recipe"]
                recipes = values.setdefault((*_group(row, _WITHOUT_RECIPE), measure), {})
                recipes.setdefault(recipe, {}).setdefault(row["supernet_seed"], []).append(number)
    return {
        key: {recipe: [float(np.mean(group)) for group in seeds.values()] for recipe, seeds in recipes.items()}
        for key, recipes in values.items()
    }


def _large(measure: str, dataset: str, least: float, table: GroundTruth) -> float:
    """The largest difference of means, the lower of which is `least`, that is too small to count."""
    if measure != "test":
        return LARGE_TAU
    noise = Truth(table, dataset).noise(least) if dataset in table.datasets else None
    return LARGE_POINTS if noise is None else noise.margin
