"""An invented result for the tests of the check, and its table."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from tests.bench.invented import store, truth


@pytest.fixture(scope="module")
def table() -> GroundTruth:
    return truth()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Path:
    return store(tmp_path_factory.mktemp("stored") / "digits", table)
