"""docs/methods.md agrees with the declarations in the code."""

from pathlib import Path

from nas_selection_bench.selectors.parts.describe import page


def test_the_page_is_up_to_date() -> None:
    written = (Path(__file__).parents[3] / "docs" / "methods.md").read_text()
    assert written == page(), "make it anew: python -m nas_selection_bench.selectors.parts.describe > docs/methods.md"
