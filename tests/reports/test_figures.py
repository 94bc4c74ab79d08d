"""What the figures draw: positions of marks and lines, labels, gaps."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.table import GroundTruth
from reports.figures import along_epochs, epoch_figure
from reports.results import Results
from reports.style import AXIS_SAID, accuracy_axis, drawing
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
    accuracy = panels(many, table)[0][1]
    thick = [line for line in accuracy.get_lines() if line.get_linewidth() > 1]
    assert [line.get_label() for line in thick] == ["magnitude", "magnitude-no-none"]
    read = optimum - (10 ** -np.asarray(thick[0].get_ydata(), float) - 0.1)
    np.testing.assert_allclose(read, expected, rtol=1e-9)


def test_a_method_that_the_first_panel_lacks_is_in_the_key(many: Results, table: GroundTruth) -> None:
    absent = (many.rows["setting"] == "a") & (many.rows["method"] == "magnitude-no-none")
    some = replace(many, rows=many.rows.assign(state=many.rows["state"].mask(absent, "skipped")))
    (key,) = epoch_figure(some, table, "cifar10").legends
    assert [text.get_text() for text in key.get_texts()] == ["magnitude", "magnitude-no-none"]


def test_every_column_shows_its_epochs(many: Results, table: GroundTruth) -> None:
    columns = panels(many, table)
    assert [len(column) for column in columns] == [6, 3, 3, 3]
    for column in columns:
        lowest = column[-1]
        labels = [label for label in lowest.get_xticklabels() if label.get_visible() and label.get_text()]
        assert len(labels) >= 2 and lowest.get_xlabel() and lowest.xaxis.label.get_visible()


@pytest.mark.parametrize("vertical", [False, True])
def test_ticks_of_accuracy_tell_the_distance_to_the_optimum(vertical: bool) -> None:
    with drawing():
        figure = Figure(figsize=(3.9, 1.8), layout="constrained")
        axes = figure.subplots()
        accuracy_axis(axes, 94.373, 40, vertical)
        figure.canvas.draw()
    axis = axes.yaxis if vertical else axes.xaxis
    labels = [" ".join(label.get_text().split()) for label in axis.get_ticklabels()]
    assert labels == ["94.4 (best)", "94.3 (−0.1)", "94.1 (−0.3)", "93.4 (−1)", "91.4 (−3)", "84.4 (−10)", "64.4 (−30)"]
    # Where the captions say that they are: at the logarithm of the distance plus a tenth of a point.
    np.testing.assert_allclose(axis.get_ticklocs(), [-np.log10(d + 0.1) for d in (0, 0.1, 0.3, 1, 3, 10, 30)])
    assert "logarithm of the distance to it plus 0.1 points" in AXIS_SAID
    boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
