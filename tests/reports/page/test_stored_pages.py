"""The pages of the stored results, as a reader sees them: the script runs, and every mark has a name."""

from pathlib import Path

import pytest

from tests.reports.page.browser import act, in_a_browser

pytestmark = in_a_browser
RESULTS = Path(__file__).parents[3] / "results"

LOOK = """
  const tip = find(".tip");
  const told = (element, event) => {
    tip.textContent = "";
    element.dispatchEvent(event);
    return tip.textContent.trim();
  };
  const pointed = (element) => told(element, new PointerEvent("pointermove", { bubbles: true }));
  const focused = (element) => told(element, new FocusEvent("focusin", { bubbles: true }));
  const cells = all("table.matrix tbody td").filter((cell) => cell.className);
  const first = all(".overview [data-tip]").filter((element) => !element.closest("svg.figure"));
  const marks = all("svg.figure [data-points] path, svg.figure [data-tip], svg.figure [data-series] path");
  return {
    cells: cells.filter((cell) => !pointed(cell) || !focused(cell)).length,
    first: first.filter((element) => element.tabIndex !== 0 || !told(element, new FocusEvent("focus"))).length,
    marks: marks.filter((mark) => !pointed(mark)).length,
    figures: all("svg.figure:has([data-points] path, [data-tip])").filter((svg) => svg.tabIndex !== 0).length,
    found: [cells.length, first.length, marks.length],
  };
"""
"""Counts the marks that get no name when they are pointed at or reached with the keyboard."""


@pytest.mark.parametrize("name", sorted(page.parent.name for page in RESULTS.glob("*/report.html")))
def test_every_mark_of_a_stored_page_has_a_name(name: str, tmp_path: Path) -> None:
    seen = act(RESULTS / name / "report.html", tmp_path, LOOK)
    assert sum(seen.pop("found")) > 20
    assert set(seen.values()) == {0}, seen
