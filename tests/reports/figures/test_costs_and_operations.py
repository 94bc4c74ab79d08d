"""What the figures draw: positions of marks and lines, labels, gaps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.problem.table import GroundTruth
from reports.data.material import Material
from reports.data.results import Results
from reports.data.summary import lines
from reports.figures.along_training import along_epochs, epoch_figure
from reports.figures.costs_and_operations import cost_figure, selection_costs
from reports.figures.strips import accuracy_figure
from reports.figures.style import AXIS_SAID, PAPER, accuracy_axis, drawing
from tests.reports.synthetic import SELECTORS, write_results


@pytest.fixture(scope="module")
def many(table: GroundTruth, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Five recipes, so that the second band of a grid of four columns holds one; two methods along two epochs."""
    out = tmp_path_factory.mktemp("many") / "out"
    recipes = ("a", "b", "c", "d", "e")
    few = {name: SELECTORS[name] for name in ("magnitude", "magnitude-no-none")}
    write_results(out, table, datasets=("cifar10",), recipes=recipes, failures=False, ranking=False, selectors=few)
    return Results.read(out)


def panels(results: Results, table: GroundTruth) -> list[list[Axes]]:
    """[column][row] the panels of the figure along training, those that are switched off left out."""
    figure = epoch_figure(results, table, "cifar10")
    figure.canvas.draw()
    columns: dict[int, list[Axes]] = {}
    for axes in figure.axes:
        if axes.get_visible():
            place = axes.get_subplotspec()
            assert place is not None
            columns.setdefault(place.colspan.start, []).append(axes)
    return [columns[number] for number in sorted(columns)]


def test_the_thick_line_is_the_mean_of_the_accuracies(many: Results, table: GroundTruth) -> None:
    """Read back from the axis, which is logarithmic in the distance to the optimum, plus a tenth of a point."""
    optimum = table.accuracy("cifar10").max()
    frame = along_epochs(many, "cifar10")
    frame = frame[(frame["setting"] == "a") & (frame["method"] == "magnitude")]
    expected = [np.mean(frame.loc[frame["epoch"] == epoch, "test"]) for epoch in (5, 10)]
    accuracy = panels(many, table)[0][2]
    thick = [line for line in accuracy.get_lines() if line.get_linewidth() > 1]
    assert [line.get_label() for line in thick] == ["magnitude", "magnitude-no-none"]
    read = optimum - (10 ** -np.asarray(thick[0].get_ydata(), float) - 0.1)
    np.testing.assert_allclose(read, expected, rtol=1e-9)


def test_shares_are_counted_in_the_architectures(many: Results, table: GroundTruth) -> None:
    frame = along_epochs(many, "cifar10")
    frame = frame[(frame["setting"] == "a") & (frame["method"] == "magnitude")]
    for row, word in enumerate(("skip_connect", "none")):
        chosen = frame["architecture"].str.count(rf"\|{word}~") / 6
        expected = [np.mean(chosen[frame["epoch"] == epoch]) for epoch in (5, 10)]
        thick = [line for line in panels(many, table)[0][row].get_lines() if line.get_linewidth() > 1]
        np.testing.assert_allclose(np.asarray(thick[0].get_ydata(), float), expected)
        assert word != "skip_connect" or max(expected) > 0.3


def test_a_method_that_the_first_panel_lacks_is_in_the_key(many: Results, table: GroundTruth) -> None:
    absent = (many.rows["setting"] == "a") & (many.rows["method"] == "magnitude-no-none")
    some = replace(many, rows=many.rows.assign(state=many.rows["state"].mask(absent, "skipped")))
    (key,) = epoch_figure(some, table, "cifar10").legends
    assert [text.get_text() for text in key.get_texts()] == ["magnitude", "magnitude-no-none"]


def test_every_column_shows_its_epochs(many: Results, table: GroundTruth) -> None:
    columns = panels(many, table)
    assert [len(column) for column in columns] == [8, 4, 4, 4]
    for column in columns:
        lowest = column[-1]
        labels = [label for label in lowest.get_xticklabels() if label.get_visible() and label.get_text()]
        assert len(labels) >= 2 and lowest.get_xlabel() and lowest.xaxis.label.get_visible()


@pytest.mark.parametrize("vertical", [False, True])
def test_ticks_of_accuracy_tell_the_distance_to_the_optimum(vertical: bool) -> None:
    with drawing():
        figure = Figure(figsize=(4.6, 1.8), layout="constrained")
        axes = figure.subplots()
        accuracy_axis(axes, 94.373, 40, vertical)
        figure.canvas.draw()
    axis = axes.yaxis if vertical else axes.xaxis
    labels = [" ".join(label.get_text().split()) for label in axis.get_ticklabels()]
    assert labels == [
        "94.37 (best)",
        "94.3 (−0.1)",
        "94.1 (−0.3)",
        "93.4 (−1)",
        "91.4 (−3)",
        "84.4 (−10)",
        "64.4 (−30)",
    ]
    # Where the captions say that they are: at the logarithm of the distance plus a tenth of a point.
    np.testing.assert_allclose(axis.get_ticklocs(), [-np.log10(d + 0.1) for d in (0, 0.1, 0.3, 1, 3, 10, 30)])
    assert "logarithm of the distance to it plus 0.1 points" in AXIS_SAID
    boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_what_read_no_supernet_is_hollow_and_not_joined(table: GroundTruth, tmp_path: Path) -> None:
    few = {name: SELECTORS[name] for name in ("ostr", "disc-acc", "zero-cost-pt-nwot")}
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), selectors=few, failures=False, ranking=False,
                        alike=("zero-cost-pt-nwot",))  # fmt: skip
    results = Results.read(out)
    found = lines(results, "test")
    figure = accuracy_figure(found, table, "cifar10", results.settings, [], results.alike)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]  # which the other panels share
    assert {*rows} == {"ostr", "disc-acc", "zero-cost-pt-nwot †"}
    for axes in figure.axes:
        faces = {}
        for marks in axes.collections:
            if (marks.get_gid() or "").startswith("points="):
                faces[marks.get_gid().rsplit("|", 1)[1]] = to_hex(marks.get_facecolor()[0])
        assert faces.pop("zero-cost-pt-nwot") == PAPER
        assert PAPER not in faces.values() and len(faces) == 2
        joined = [line for line in axes.get_lines() if (line.get_gid() or "").startswith("pair=")]
        assert len(joined) == 3  # supernet seeds
        unread = rows.index("zero-cost-pt-nwot †")
        assert all(len(line.get_ydata()) == 2 and unread not in line.get_ydata() for line in joined)


def test_costs_are_compared_by_means_over_all_recipes(table: GroundTruth, tmp_path: Path) -> None:
    """The best on one recipe is not the best, and what lacks a recipe is compared with nothing."""
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
    figure = cost_figure(costs.reset_index(), table, "cifar10")
    (axes,) = figure.axes
    marks = {of.get_gid(): len(of.get_offsets()) for of in axes.collections if of.get_gid()}
    assert marks == {"cost=cifar10|whole": 3, "cost=cifar10|fewer": 1}
    assert {text.get_text() for text in axes.texts} == {"quick", "slow"}
    figure.canvas.draw()
    (key,) = figure.legends
    assert key.get_window_extent().y1 <= axes.get_window_extent().y0
    names = [text.get_window_extent() for text in axes.texts]
    assert not names[0].overlaps(names[1])
