"""The section on imposed collapse: its sentence, table and figure against the rows."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.problem.space import CONV_1X1, CONV_3X3, SKIP, all_architectures
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.doses import Response
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.points import Kind, points
from nas_selection_bench.reports.sections.blocks import Picture, Prose, Table
from nas_selection_bench.reports.sections.dose_response import (
    dose_response_sentences,
    dose_section,
    floors_of,
    summary_sentence,
)
from nas_selection_bench.reports.sections.finding import details_section
from tests.reports.synthetic import SELECTORS, source_of

RECIPES = ("blank", "blank[skip=0.4]", "blank[skip=0.8]", "darts")
NAMES = {name: SELECTORS[name] for name in ("magnitude", "ostr", "darts-pt")}


@pytest.fixture(scope="module")
def doses(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Material:
    return source_of(tmp_path_factory.mktemp("doses") / "out", table, recipes=RECIPES, seeds=3, selectors=NAMES)


def test_every_mean_is_that_of_the_rows(doses: Material) -> None:
    section = dose_section(doses)
    assert section is not None
    (shown,) = [block for block in section.blocks if isinstance(block, Table)]
    frame = doses.results.final_of("cifar10")
    titles = [column.title for column in shown.columns]
    assert titles == ["selector", "0.2", "0.4", "0.8", "holds up to"]
    assert {row.cells[0].text for row in shown.rows} == set(NAMES)
    for row in shown.rows:
        held = "–"
        for dose, recipe, cell in zip(("0.2", "0.4", "0.8"), RECIPES, row.cells[1:], strict=False):
            rows = frame[(frame["recipe"] == recipe) & (frame["method"] == row.cells[0].text)]
            if rows.empty:
                assert cell.text == "–"
                continue
            seeds = rows.groupby("supernet_seed")[["test", "percentile"]].mean()
            assert cell.text == f"{seeds['test'].mean():.2f} (3)"
            if seeds["percentile"].min() > 50 and held != "stop":
                held = dose
            elif held != "stop":
                assert row.cells[-1].text == held
                held = "stop"
        if held != "stop":
            assert row.cells[-1].text == held
    (figure,) = [block for block in section.blocks if isinstance(block, Picture)]
    assert not figure.reason
    assert {name for name in NAMES if f'data-series="{name}"' in figure.markup} == set(NAMES)
    assert Path(doses.figures / "doses-cifar10-skip.svg").exists()


def test_floors_are_those_of_the_table(doses: Material) -> None:
    accuracy = doses.table.accuracy("cifar10")
    alone = accuracy[doses.table.position((SKIP,) * 6)]
    convolutions = np.isin(all_architectures(), (CONV_1X1, CONV_3X3)).all(1)
    found = floors_of(doses, "cifar10", "skip")
    assert found["nothing but skip connections"] == alone
    assert found["a random architecture"] == pytest.approx(np.mean(accuracy))
    assert found["random, convolutions only"] == pytest.approx(np.mean(accuracy[convolutions]))


def test_the_sentence_says_who_holds_how_far() -> None:
    """Judged by percentile: the mean accuracy of the space is at its 23rd percentile on CIFAR-10."""
    found = [
        Response("a", 0.4, (93, 92)), Response("a", 0.8, (90, 91)),
        Response("b", 0.4, (93, 92)), Response("b", 0.8, (90, 88)),
        Response("c", 0.4, (50, 92)), Response("c", 0.8, (93, 93)),
        Response("magnitude", 0.4, (54, 54)), Response("magnitude", 0.8, (54.3, 54.3)),
        Response("only-shallow", 0.4, (93, 93)),
    ]  # fmt: skip
    ranks = {93: 80.0, 92: 70.0, 91: 55.0, 90: 51.0, 88: 27.0, 50: 1.0}
    percentiles = [
        replace(r, values=tuple(ranks.get(int(value), 2.0) for value in r.values)) for r in found
    ]  # fmt: skip
    text = summary_sentence(found, percentiles, "skip")
    assert "54.30 % (n = 2)" in text
    assert re.findall(r"up to a share of ([\d.]+) for <b>(\w)</b>;", text) == [("0.8", "a"), ("0.4", "b")]
    assert "not even at 0.4 for 1 criterion." in text and "n = 2 per share" in text
    assert "only-shallow" not in text, "it was not asked at the largest dose"
    assert text.endswith("not counted here: 1 criterion.")


def test_no_mean_over_doses_is_called_the_highest(doses: Material) -> None:
    """Such a mean would depend on the doses at which each criterion was tried."""
    assert not {Kind.LEADER, Kind.GROUPS} & {point.kind for point in points(doses)}


def test_the_finding_begins_with_it(doses: Material, source: Material) -> None:
    (sentence,) = dose_response_sentences(doses, "cifar10")
    assert sentence in "".join(block.markup for block in details_section(doses).blocks if isinstance(block, Prose))
    assert not dose_response_sentences(source, "cifar10")


def test_what_reads_no_supernet_is_left_out(tmp_path: Path, table: GroundTruth) -> None:
    of = source_of(tmp_path / "out", table, recipes=RECIPES, seeds=2, selectors=NAMES, checkpoint_free=("ostr",))
    section = dose_section(of)
    assert section is not None
    (shown,) = [block for block in section.blocks if isinstance(block, Table)]
    assert {row.cells[0].text for row in shown.rows} == {"magnitude", "darts-pt"}


def test_where_nothing_read_a_supernet_there_is_no_empty_sentence(tmp_path: Path, table: GroundTruth) -> None:
    of = source_of(tmp_path / "out", table, recipes=RECIPES, seeds=2, selectors=NAMES, checkpoint_free=tuple(NAMES))
    assert dose_response_sentences(of, "cifar10") == []


def test_there_is_no_section_without_imposed_shares(source: Material) -> None:
    assert dose_section(source) is None
