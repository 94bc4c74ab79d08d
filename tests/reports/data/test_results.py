"""Reading an output folder back."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.space import EDGE_NAMES, OPERATIONS
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.results import Results, per_checkpoint
from nas_selection_bench.reports.data.simulate_coverage import COLLAPSES, MEAN, SKEWED
from nas_selection_bench.reports.data.standings import standing_of
from nas_selection_bench.reports.data.summary import promise, promise_of, summaries, written_coverage
from tests.reports.synthetic import FEW, source_of


def test_counts_are_those_of_the_file(results: Results, folder: Path) -> None:
    with (folder / "records.csv").open(newline="") as stream:
        states = [row["state"] for row in csv.DictReader(stream)]
    assert results.counts() == {state: states.count(state) for state in ("done", "failed", "skipped", "missing")}
    assert min(results.counts().values()) > 0


def test_scores_stand_beside_their_rows(results: Results, folder: Path) -> None:
    with (folder / "scores.csv").open(newline="") as stream:
        row = list(csv.DictReader(stream))[77]
    frame = results.rows
    match = frame
    for name in ("dataset", "recipe", "selector", "supernet_seed", "epoch", "selector_seed"):
        match = match[match[name].astype(str) == row[name]]
    assert len(match) == 1
    place = EDGE_NAMES.index(row["edge"]), OPERATIONS.index(row["operation"])
    assert results.scores[match.index[0]][place] == float(row["score"])
    assert np.isnan(results.scores[frame["state"].to_numpy() != "done"]).all()


def test_final_rows_are_of_the_last_checkpoint(results: Results) -> None:
    assert set(results.final["epoch"]) == {10}
    assert set(results.done["epoch"]) == {5, 10}


def test_an_earlier_checkpoint_never_stands_for_one_that_failed(results: Results) -> None:
    last = (results.rows["recipe"] == "darts") & (results.rows["epoch"] == results.rows["epoch"].max())
    failed = replace(results, rows=results.rows.assign(state=results.rows["state"].mask(last, "failed")))
    assert (results.done["recipe"] == "darts").sum() > last.sum(), "darts also has results at an earlier checkpoint"
    assert set(failed.final["recipe"]) == {"blank"}
    of_darts = sum(count for (_, setting, _), count in failed.lost.items() if "darts" in setting)
    assert of_darts == last.sum()


def test_a_run_that_still_goes_on_shows_the_last_checkpoint_that_it_reached(results: Results) -> None:
    last = results.rows["epoch"].max()
    missing = results.rows["state"].mask(results.rows["epoch"] == last, "missing")
    going_on = replace(results, rows=results.rows.assign(state=missing))
    assert set(going_on.final["epoch"]) == {results.rows["epoch"][results.rows["epoch"] < last].max()}
    assert going_on.lost == {}


def test_costs_are_joined_and_supernets_kept_apart(results: Results) -> None:
    done = results.done
    assert done["scoring_seconds"].notna().all()
    assert (done.loc[done["selector"] == "darts-pt", "tuning_seconds"] == 200).all()
    assert len(results.supernets) == 2 * 2 * 3


def test_names_carry_what_differs(folder: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(folder, tmp_path / "out"))
    frame = pd.read_csv(out / "records.csv", keep_default_na=False, dtype=str)
    frame.loc[frame["selector"] == "ostr", "bn"] = "running"
    frame.to_csv(out / "records.csv", index=False)
    assert {"ostr · bn running", "darts-pt · bn batch"} <= set(Results.read(out).rows["method"])


@pytest.mark.parametrize("name", ["records.csv", "scores.csv", "costs.csv", "run.json"])
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    out = Path(shutil.copytree(folder, tmp_path / "out"))
    (out / name).unlink()
    with pytest.raises(DataError, match=name):
        Results.read(out)


def test_a_file_without_its_columns_is_named(folder: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(folder, tmp_path / "out"))
    (out / "records.csv").write_text("dataset,recipe\n")
    with pytest.raises(DataError, match=r"records.csv lacks the columns supernet_seed"):
        Results.read(out)


def test_per_checkpoint_averages_selector_seeds(results: Results) -> None:
    frame = results.final[results.final["dataset"] == "cifar10"]
    values = per_checkpoint(frame, "test")
    one = frame[(frame["method"] == "darts-pt-loss") & (frame["setting"] == "darts") & (frame["supernet_seed"] == 1)]
    assert len(one) == 2
    assert values["darts-pt-loss"]["darts", 1] == pytest.approx(one["test"].mean())
    means = [np.mean(list(of.values())) for of in values.values()]
    assert means == sorted(means, reverse=True)


def test_lines_hold_every_value_once(results: Results) -> None:
    found = summaries(results, "test")
    assert sum(len(values) for line in found for values in line.values.values()) == len(results.final)
    line = next(x for x in found if (x.dataset, x.setting, x.method) == ("cifar100", "darts", "pt-random"))
    frame = results.final
    mine = frame[(frame["dataset"] == "cifar100") & (frame["setting"] == "darts") & (frame["method"] == "pt-random")]
    per_seed = mine.groupby("supernet_seed")["test"].mean()
    assert line.mean == pytest.approx(per_seed.mean())
    assert line.deviation == pytest.approx(per_seed.std())
    assert (line.n, line.selector_seeds, line.low) == (3, 2, mine["test"].min())


def test_the_coverage_of_the_intervals_is_that_of_the_nearest_case() -> None:
    rows = {(r["interval"], r["results"], r["recipes"], r["seeds_per_recipe"]): r for r in written_coverage()}
    for seeds, nearest in ((2, 3), (3, 3), (4, 3), (6, 6), (7, 10), (8, 10), (9, 10), (16, 13), (17, 20), (40, 20)):
        found = promise_of(seeds)
        skewed, collapses = (rows[MEAN, kind, "1", str(nearest)] for kind in (SKEWED, COLLAPSES))
        assert (found.seeds, found.skewed, found.shown) == (
            nearest,
            float(skewed["covered"]),
            float(collapses["shown"]),
        )
    assert promise(1) == ""


def test_few_seeds_of_which_one_collapsed_have_points_and_a_count(table: GroundTruth, tmp_path: Path) -> None:
    source = source_of(tmp_path / "out", table, selectors=FEW, recipes=("a",), seeds=6)
    rows = source.results.rows
    place = rows.index[(rows["method"] == "good") & (rows["supernet_seed"] == 2)]
    rows.loc[place, "percentile"] = 9.9
    found = {line.method: line for line in summaries(source.results, "test")}
    assert (found["good"].collapsed, found["good"].interval) == (1, None)
    tau = {line.method: line for line in summaries(source.results, "tau_mean")}
    assert tau["good"].interval is not None


def test_how_often_a_method_collapsed_has_an_interval() -> None:
    reached = {("a", seed): 60.0 + seed for seed in range(6)}
    standing = standing_of(
        "good", reached, {place: 9.9 if place[1] == 2 else 80.0 for place in reached}, checkpoint_free=False
    )
    expected = stats.binomtest(1, 6).proportion_ci(0.95)
    assert (standing.collapsed, standing.interval) == (1, None) and standing.collapses is not None
    assert (standing.collapses.low, standing.collapses.high) == pytest.approx((expected.low, expected.high))


def test_one_draw_counts_once_however_many_recipes_it_stands_beside() -> None:
    reached = {("a", 0): 90.0, ("a", 1): 80.0, ("a", 2): 70.0, ("b", 0): 90.0}
    standing = standing_of("one-draw", reached, dict.fromkeys(reached, 50.0), checkpoint_free=True)
    assert standing.interval is not None
    assert (standing.mean, standing.n) == (80.0, 3)
    assert (standing.interval.low + standing.interval.high) / 2 == pytest.approx(80)


def test_a_collapse_on_one_selector_seed_is_a_collapse(table: GroundTruth, tmp_path: Path) -> None:
    """A mean over selector seeds would hide the collapse: percentiles of 1 and 95 have a mean of 48."""
    twice = {"twice": (1.0, 0.8, 0.0, 0.9, 2, 1.0), "good": FEW["good"]}
    source = source_of(tmp_path / "out", table, selectors=twice, recipes=("a",), seeds=6)
    rows = source.results.rows
    for seed, percentile in ((0, 1.0), (1, 95.0)):
        of_seed = (rows["method"] == "twice") & (rows["supernet_seed"] < 3) & (rows["selector_seed"] == seed)
        rows.loc[of_seed, "percentile"] = percentile
    rows.loc[(rows["method"] == "twice") & (rows["supernet_seed"] >= 3), "percentile"] = 80.0
    rows.loc[rows["method"] == "good", "percentile"] = 80.0
    contest = source.contests[0]
    assert contest.of("twice").collapsed == 3 and contest.of("twice").interval is None
    assert contest.of("good").collapsed == 0
    (line,) = (
        line for line in summaries(source.results, "test") if (line.method, line.dataset) == ("twice", contest.dataset)
    )
    assert line.collapsed == 3


@pytest.mark.parametrize(
    ("column", "value"), [("epoch", "8.5"), ("supernet_seed", "x"), ("threads", ""), ("recipe", "")]
)
def test_scores_whose_keys_are_of_another_kind_fit_no_row(
    column: str, value: str, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    frame = pd.read_csv(copy / "scores.csv", dtype=str, keep_default_na=False)
    frame.loc[1, column] = value
    frame.to_csv(copy / "scores.csv", index=False)
    if column == "recipe":  # an empty text is still a text
        Results.read(copy)
        return
    with pytest.raises(DataError, match=column):
        Results.read(copy)


def test_what_reads_no_checkpoint_is_one_draw_beside_every_recipe(table: GroundTruth, tmp_path: Path) -> None:
    results = source_of(tmp_path, table, recipes=("a", "b"), checkpoint_free=("zero-cost-pt-nwot",)).results
    assert results.checkpoint_free and len(results.settings) > 1
    for method, rows in results.final_of("cifar10").groupby("method"):
        seeds = ["supernet_seed", "selector_seed"]
        expected = rows.drop_duplicates(seeds if method in results.checkpoint_free else ["setting", *seeds])
        assert len({results.draw(str(method), int(i)) for i in rows.index}) == len(expected)
