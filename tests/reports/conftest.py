"""One invented run and its report, shared by the tests of this folder."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.contests import Contest
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.page.page import write_report
from tests.reports.synthetic import FEW, invented_table, source_of, write_results


@pytest.fixture(scope="session")
def table() -> GroundTruth:
    return invented_table()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Path:
    """Two data sets, two recipes, three seeds; some cells failed, were skipped or are missing. No report is drawn."""
    return write_results(tmp_path_factory.mktemp("run") / "out", table)


@pytest.fixture(scope="session")
def results(folder: Path) -> Results:
    return Results.read(folder)


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Path:
    """The same run with its report drawn."""
    out = write_results(tmp_path_factory.mktemp("drawn") / "out", table)
    return write_report(out, table)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Material:
    """A smaller run: three selectors, one of which has the same result beside every recipe."""
    out = tmp_path_factory.mktemp("alike") / "out"
    return source_of(out, table, recipes=("a", "b", "c"), seeds=3, selectors=FEW, checkpoint_free=("one-draw",))


@pytest.fixture
def contest(source: Material) -> Contest:
    (found,) = source.contests
    return found
