"""A value that differs from the stored one, with its location."""

from collections.abc import Mapping
from dataclasses import dataclass

_WORDS = {
    "dataset": "{}", "recipe": "{}", "supernet_seed": "supernet seed {}", "epoch": "epoch {}", "selector": "{}",
    "selector_seed": "selector seed {}", "edge": "edge {}", "operation": "{}", "measure": "{}",
    "family": "{}", "first": "{}", "second": "against {}",
}  # fmt: skip
"""Key column -> how a message words its value; columns that never help to find a cell are left out."""


@dataclass(frozen=True)
class Difference:
    """A stored value, the fresh one that differs from it, and their location."""

    file: str
    cell: Mapping[str, str]
    """Key columns and their values."""
    column: str
    stored: str
    fresh: str
    note: str = ""

    def __str__(self) -> str:
        where = ", ".join(words.format(self.cell[key]) for key, words in _WORDS.items() if self.cell.get(key))
        place = f"{self.file}: {where}, {self.column}" if where else f"{self.file}: {self.column}"
        return f"{place}: stored {self.stored or 'nothing'}, fresh {self.fresh or 'nothing'}" + (
            f" ({self.note})" if self.note else ""
        )


def cell_of(row: Mapping[str, str]) -> dict[str, str]:
    """The key columns of a row that are there and not empty."""
    return {key: row[key] for key in _WORDS if row.get(key)}
