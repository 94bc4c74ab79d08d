"""Fold rows of tables into families: a scheme with its proxies, or criteria that always make the same choices."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from nas_selection_bench.reports.data.founders import FOUNDERS
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.schemes import schemes
from nas_selection_bench.reports.sections.blocks import Column, Field, Row

FOLDED_SAID = (
    "▸ opens a scheme (medians over its proxies, placed at the median one) or criteria whose choices are always equal."
)
"""The sentence of captions on folded rows."""


def families_in(source: Material, dataset: str) -> dict[str, tuple[str, bool]]:
    """Criterion -> (the family that its row is folded into, whether that is a scheme), for every folded criterion.

    Criteria outside the schemes that chose the same as another criterion on every checkpoint are folded into its row.
    The founding criteria are never folded.
    """
    order = source.order(dataset)
    found = schemes(order, source.results.described["selectors"])
    families: dict[str, tuple[str, bool]] = {}
    for scheme, of in found.members.items():
        families |= {name: (scheme, True) for name in of.values() if name not in FOUNDERS}
    alone = [name for name in order if name not in families]
    for name, representative in source.results.representatives(dataset, alone).items():
        if name != representative and name not in FOUNDERS:
            families |= {name: (representative, False)}
    return families


def folded(columns: Sequence[Column], rows: Mapping[str, Row], families: Mapping[str, tuple[str, bool]]) -> list[Row]:
    """`rows` (criterion -> row, in order), with the rows of each family behind its head.

    The head of a scheme holds the median of each column of numbers and takes the place of its middle row; the head of
    equal choices is the row that the others equal, in its own place.
    """
    members: dict[str, list[str]] = {}
    for name in rows:
        if name in families:
            members.setdefault(families[name][0], []).append(name)
    done: set[str] = set()
    found: list[Row] = []
    for name, row in rows.items():
        family, scheme = families.get(name, (name, False))
        if name in families and (not scheme and family in rows):
            continue  # behind the row that it equals
        inside = members.get(family, [])
        if name not in families and (not inside or families[inside[0]][1]):
            found.append(row)
        elif family not in done and (not scheme or name == inside[(len(inside) - 1) // 2]):
            done.add(family)
            head = _summary(family, columns, [rows[other] for other in inside]) if scheme else rows.get(family, row)
            found.append(replace(head, family=family, head=True))
            found += [replace(rows[other], family=family) for other in inside]
    return found


def _summary(scheme: str, columns: Sequence[Column], rows: Sequence[Row]) -> Row:
    cells = [Field(f"{scheme} × {len(rows)} proxies", "name")]
    for i, column in enumerate(columns[1:], start=1):
        texts = [row.cells[i].text for row in rows]
        if not column.numeric:
            signs = Counter(text.partition(" ")[0] for text in texts if text)
            said = "  ".join(f"{n} {sign}" for sign, n in signs.most_common() if len(sign) == 1)
            cells.append(Field(said, "quiet"))
            continue
        numbers = [value for text in texts if (value := plain(text)) is not None]
        decimals = max(
            (len(text.rstrip("*").partition(".")[2]) for text in texts if plain(text) is not None), default=0
        )
        middle = f"{median(numbers):.{decimals}f}".replace("-", "−").replace("inf", "∞") if numbers else ""
        cells.append(Field(middle, rows[0].cells[i].css))
    return Row(cells, "family")


def plain(text: str) -> float | None:
    """The number that a cell shows; None if it shows anything else."""
    try:
        return float(text.rstrip("*").replace("−", "-").replace(",", "").replace("∞", "inf"))
    except ValueError:
        return None
