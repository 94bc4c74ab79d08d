"""The column tables of docs/columns.md."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "columns.md"


def documented(file: str) -> list[tuple[str, str, str]]:
    """(column, unit, definition) of each row of the table under the heading `file` of docs/columns.md."""
    text = PAGE.read_text()
    section = text.split(f"\n## {file}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]+)\|$", section, flags=re.MULTILINE)
