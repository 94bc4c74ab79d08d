"""The contents of figures: positions of marks and lines, labels, gaps."""

import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.truth import Truth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.data.summary import summaries
from nas_selection_bench.reports.figures.along_training import along_epochs, epoch_figure
from nas_selection_bench.reports.figures.axes import AccuracyAxis
from nas_selection_bench.reports.figures.costs_and_operations import cost_figure, selection_costs
from nas_selection_bench.reports.figures.strips import accuracy_figure
from nas_selection_bench.reports.figures.svg import Drawing
from nas_selection_bench.reports.sections.appendix import GLOSSARY
from tests.reports.synthetic import SELECTORS, write_results


@pytest.fixture(scope="module")
def many(table: GroundTruth, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Five recipes, so that the second row of a grid of four columns holds one; two methods at two epochs."""
    out = tmp_path_factory.mktemp("many") / "out"
    recipes = ("a", "b", "c", "d", "e")
    few = {name: SELECTORS[name] for name in ("magnitude", "magnitude-no-none")}
    write_results(out, table, datasets=("cifar10",), recipes=recipes, failures=False, ranking=False, selectors=few)
    return Results.read(out)


def best(table: GroundTruth) -> float:
    return Truth(table, "cifar10").best


def tips(drawing: Drawing) -> list[str]:
    """The tooltip of every mark of a figure."""
    return [unescape(tip) for tip in re.findall(r'data-tip="([^"]*)"', drawing.markup("a figure"))]


def told(drawing: Drawing, method: str, setting: str, measure: str) -> list[float]:
    """The numbers on the marks of one curve along training, in the order of the epochs."""
    start = f"{method} on {setting}, epoch "
    return [float(tip.rpartition(" ")[2]) for tip in tips(drawing) if tip.startswith(start) and measure in tip]


def test_the_thick_line_is_the_mean_of_the_accuracies(many: Results, table: GroundTruth) -> None:
    frame = along_epochs(many, "cifar10")
    frame = frame[(frame["setting"] == "a") & (frame["method"] == "magnitude")]
    expected = [np.mean(frame.loc[frame["epoch"] == epoch, "test"]) for epoch in (5, 10)]
    drawn = told(epoch_figure(many, "cifar10", best(table)), "magnitude", "a", "test accuracy")
    np.testing.assert_allclose(drawn, expected, atol=0.005)


def test_shares_are_counted_in_the_architectures(many: Results, table: GroundTruth) -> None:
    figure = epoch_figure(many, "cifar10", best(table))
    frame = along_epochs(many, "cifar10")
    frame = frame[(frame["setting"] == "a") & (frame["method"] == "magnitude")]
    for word, measure in (("skip_connect", "share of skip"), ("none", "share of none")):
        chosen = frame["architecture"].str.count(rf"\|{word}~") / 6
        expected = [np.mean(chosen[frame["epoch"] == epoch]) for epoch in (5, 10)]
        np.testing.assert_allclose(told(figure, "magnitude", "a", measure), expected, atol=0.005)
        assert word != "skip_connect" or max(expected) > 0.3


def test_a_method_that_the_first_panel_lacks_is_in_the_key(many: Results, table: GroundTruth) -> None:
    absent = (many.rows["setting"] == "a") & (many.rows["method"] == "magnitude-no-none")
    some = replace(many, rows=many.rows.assign(state=many.rows["state"].mask(absent, "skipped")))
    markup = epoch_figure(some, "cifar10", best(table)).markup("")
    assert all(f">{name}</text>" in markup for name in ("magnitude", "magnitude-no-none"))


def test_every_column_shows_its_epochs(many: Results, table: GroundTruth) -> None:
    markup = epoch_figure(many, "cifar10", best(table)).markup("")
    assert markup.count("epoch of the checkpoint</text>") == len(many.settings) == 5
    assert markup.count(">10</text>") == 5


@given(st.floats(0, 60), st.floats(0.2, 60))
def test_the_accuracy_axis_is_the_logarithm_of_the_distance_to_the_optimum(regret: float, worst: float) -> None:
    """Equal ratios of (distance + 0.1) are equal lengths, whatever range the axis covers."""
    axis = AccuracyAxis(94.37, worst, 0, 100)

    def stretch(r: float) -> float:
        return -math.log10(r + 0.1)

    unit = (axis(94.37 - 1) - axis(94.37)) / (stretch(1) - stretch(0))
    assert math.isclose(axis(94.37 - regret) - axis(94.37), unit * (stretch(regret) - stretch(0)), abs_tol=1e-9)
    assert "logarithm of the distance to that plus 0.1 points" in dict(GLOSSARY)["accuracy axis"]


def test_ticks_of_accuracy_tell_the_distance_to_the_optimum() -> None:
    ticks = AccuracyAxis(94.373, 40, 0, 300).ticks
    assert [" ".join(names) for _, names in ticks] == [
        "94.37 (best)", "94.3 (−0.1)", "94.1 (−0.3)", "93.4 (−1)", "91.4 (−3)", "84.4 (−10)", "64.4 (−30)",
    ]  # fmt: skip
    np.testing.assert_allclose([value for value, _ in ticks], [94.373 - d for d in (0, 0.1, 0.3, 1, 3, 10, 30)])


def test_what_read_no_supernet_is_hollow_and_not_joined(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "disc-acc", "zero-cost-pt-nwot")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), selectors=few, failures=False, ranking=False,
                        checkpoint_free=("zero-cost-pt-nwot",))  # fmt: skip
    results = Results.read(out)
    markup = accuracy_figure(
        summaries(results, "test"), best(table), "cifar10", results.settings, [], results.checkpoint_free
    ).markup("")
    assert ">zero-cost-pt-nwot †</text>" in markup
    hollow = re.findall(r'class="s\d hollow" data-points="cifar10\|\w+\|([^"]*)"', markup)
    assert {*hollow} == {"zero-cost-pt-nwot"} and len(hollow) == 2
    filled = re.findall(r'class="s\d marks" data-points="cifar10\|\w+\|([^"]*)"', markup)
    assert {*filled} == {"ostr", "disc-acc"}
    joined = re.findall(r'<path class="pair" d="([^"]*)"', markup)
    assert len(joined) == 6, "three supernet seeds in each of two panels"
    assert all(len(re.findall("[ML]", path)) == 2 for path in joined), "two methods that read the supernet"


def test_costs_are_compared_by_means_over_all_recipes(table: GroundTruth, tmp_path: Path) -> None:
    """The best selector on one recipe is not the best overall; one that lacks a recipe is not compared."""
    seconds = {"slow": 50.0, "lucky": 9.0, "magnitude": 0.1, "quick": 1.0}
    many = {name: (0.5, 0.5, 0.0, 0.5, 1, cost) for name, cost in seconds.items()}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("blank", "darts"), epochs=(3,),
                        selectors=many, failures=False, ranking=False)  # fmt: skip
    accuracy = {
        "slow": {"blank": 94.0, "darts": 93.0}, "lucky": {"blank": 94.2, "darts": 80.0}, "magnitude": {"darts": 94.0},
        "quick": {"blank": 92.0, "darts": 92.5},
    }  # fmt: skip
    results = Results.read(out)
    rows = results.rows.copy()
    for i, row in rows[rows["state"] == "done"].iterrows():
        rows.loc[i, "test"] = accuracy[row["method"]][row["setting"]] + 0.1 * (row["supernet_seed"] - 1)
    source = Material(replace(results, rows=rows), table, tmp_path / "figures")
    costs = selection_costs(source.results, source.contests[0]).set_index("method")
    assert costs["test"].to_dict() == pytest.approx({"slow": 93.5, "lucky": 87.1, "magnitude": 94.0, "quick": 92.25})
    assert costs["n"].to_dict() == {"slow": 6, "lucky": 6, "magnitude": 3, "quick": 6}
    assert {*costs.index[costs["front"]]} == {"quick", "slow"}
    assert [*costs.index[~costs["whole"]]] == ["magnitude"]
    for method in seconds:
        stored = rows[(rows["method"] == method) & (rows["state"] == "done")]
        means = [(of["scoring_seconds"] + of["tuning_seconds"]).mean() for _, of in stored.groupby("setting")]
        assert costs.loc[method, "seconds"] == pytest.approx(np.mean(means))
        if method != "magnitude":
            assert costs.loc[method, "low"] <= costs.loc[method, "test"] <= costs.loc[method, "high"]
    drawing = cost_figure(costs.reset_index(), best(table))
    assert {tip.partition(":")[0] for tip in tips(drawing)} == {*seconds}, "every mark has a name"
    assert drawing.markup("").count('class="s0 hollow"') == 1
    for name in ("quick", "slow"):
        assert 'class="small strong"' in drawing.markup("") and f">{name}</text>" in drawing.markup("")
