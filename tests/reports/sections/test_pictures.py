"""Figures as files of their own beside the page."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nas_selection_bench.reports.figures.svg import Drawing, NotDrawn
from nas_selection_bench.reports.sections.pictures import picture


def nothing_to_draw() -> Drawing:
    raise NotDrawn("too few seeds")


def test_a_figure_that_cannot_be_drawn_any_more_leaves_no_file(tmp_path: Path) -> None:
    source: Any = SimpleNamespace(figures=tmp_path / "figures", drawn=[])
    for name in ("standings-digits", "cost-digits[a=1]"):
        assert picture(source, name, "title", "caption", lambda: Drawing(100, 50)).markup
    users = tmp_path / "figures" / "mine.svg"
    users.write_text("of the user")
    assert picture(source, "cost-digits[a=1]", "title", "caption", nothing_to_draw).markup == ""
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["mine.svg", "standings-digits.svg"]
