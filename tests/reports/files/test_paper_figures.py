"""Figures for papers against the numbers that they show (positions and labels, not prose); repeats give equal bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.figures.for_papers import plain_style
from nas_selection_bench.reports.files.paper_figures import draw, figures, main
from tests.as_command import as_command
from tests.reports.synthetic import SELECTORS, source_of

pytestmark = pytest.mark.thorough

NAMES = {
    **{name: SELECTORS[name] for name in ("magnitude", "ostr", "darts-pt")},
    "zero-cost-pt-nwot": SELECTORS["zero-cost-pt-nwot"],
    "zero-cost-pt-snip": SELECTORS["ostr"],
}
RECIPES = ("blank", "blank[skip=0.4]", "blank[skip=0.8]")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Material:
    return source_of(tmp_path_factory.mktemp("paper") / "out", table, recipes=RECIPES, seeds=3, selectors=NAMES)


@pytest.fixture(scope="module")
def drawn(source: Material) -> Iterator[dict[str, Any]]:
    with plain_style():
        yield dict(figures(source))


def test_every_main_form_stands_at_its_mean(source: Material, drawn: dict[str, Any]) -> None:
    (axis,) = drawn["criteria-cifar10"].axes
    points = {line.get_gid(): line.get_xdata()[0] for line in axis.lines if line.get_gid()}
    frame = source.results.final_of("cifar10")
    assert set(points) == {label.get_text() for label in axis.get_yticklabels()} <= set(NAMES)
    for name, mean in points.items():
        of_cells = frame[frame["method"] == name].groupby(["setting", "supernet_seed"])["test"].mean()
        assert mean == pytest.approx(of_cells.mean())
    verticals = [line.get_xdata()[0] for line in axis.lines if len(set(line.get_ydata())) == 2 and not line.get_gid()]
    accuracy = source.table.accuracy("cifar10")
    assert {round(accuracy.mean(), 6), round(accuracy.max(), 6)} <= {round(float(x), 6) for x in verticals}


def test_a_dose_response_has_a_mark_per_seed_and_a_line_per_criterion(source: Material, drawn: dict[str, Any]) -> None:
    (axis,) = drawn["doses-cifar10-skip"].axes
    frame = source.results.final_of("cifar10")
    marks = np.concatenate([collection.get_offsets() for collection in axis.collections])
    expected = frame.groupby(["method", "setting", "supernet_seed"])["test"].mean()
    assert sorted(np.asarray(marks)[:, 1].round(6)) == pytest.approx(sorted(expected.round(6)))
    assert set(np.asarray(marks)[:, 0].round(6)) == {0.2, 0.4, 0.8}
    assert {text.get_text() for text in axis.get_legend().get_texts()} == set(frame["method"])


def test_agreement_stands_against_accuracy(source: Material, drawn: dict[str, Any]) -> None:
    (axis,) = drawn["agreement-cifar10"].axes
    (collection,) = axis.collections
    frame = source.results.final_of("cifar10")
    per_seed = frame.groupby(["method", "setting", "supernet_seed"])[["tau_mean", "test"]].mean()
    means = per_seed.groupby(["method", "setting"]).mean().groupby("method").mean()
    assert sorted(map(tuple, np.asarray(collection.get_offsets()).round(6))) == sorted(
        map(tuple, means.to_numpy().round(6))
    )


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_the_same_results_give_the_same_bytes_without_a_date(source: Material, tmp_path: Path, kind: str) -> None:
    first, again = (draw(source.results.folder, source.table, tmp_path / name, kind) for name in ("first", "again"))
    assert [path.name for path in first] == [path.name for path in again]
    assert len(first) >= 3
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert b"CreationDate" not in one.read_bytes() and b"dc:date" not in one.read_bytes()


def test_the_page_imports_no_matplotlib(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, nas_selection_bench.reports.page.page, nas_selection_bench.reports.files.paper_figures;"
        "print(sorted({'matplotlib', 'seaborn', 'torch', 'scipy.stats'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_without_results_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert as_command("figures", main)([str(tmp_path), "--to", str(tmp_path / "figures")]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "figures").exists()
