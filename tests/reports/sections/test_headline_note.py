"""The note on a data set of your own, shown before the finding."""

import json
from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.own_dataset import describe
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.sections.headline import note
from nas_selection_bench.reports.sections.methods import files_at
from tests.reports.synthetic import FEW, source_of

TOLD = {"classes": 3, "mean": [0.5] * 3, "std": [0.2] * 3, "crop_padding": 0, "flip": False}


def test_a_note_in_the_description_stands_above_the_finding(table: GroundTruth, tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    told = {**TOLD, "note": "Trained\n for 20 epochs <only>."}
    (tmp_path / "flowers" / "dataset.json").write_text(json.dumps(told))
    said = describe("flowers", tmp_path).note
    assert said == "Trained for 20 epochs <only>."
    source = source_of(tmp_path / "out", table, seeds=1, selectors=FEW)
    assert "20 epochs" not in note(source, "flowers")
    source.results.run["notes"] = {"flowers": said}
    assert "20 epochs &lt;only&gt;" in note(source, "flowers")
    assert note(source, "cifar10") == ""


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"repository": "https://example.org/a/b/", "git_commit": "abc-dirty"}, "https://example.org/a/b/blob/abc/"),
        ({"repository": "https://example.org/a/b"}, None),
        ({"git_commit": "abc"}, None),
        ({"repository": "javascript:alert(1)", "git_commit": "abc"}, None),
    ],
)
def test_files_are_linked_at_the_commit_of_the_run(run: dict[str, str], expected: str | None) -> None:
    assert files_at(run) == expected
