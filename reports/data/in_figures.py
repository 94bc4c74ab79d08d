"""The selectors that figures show if not all fit: each criterion in its main form, then the best variants."""

from collections.abc import Collection, Sequence

from nas_selection_bench.reports.data.founders import FOUNDERS

MOST = 32
"""Most selectors in a figure with one row per selector; tables and CSV files hold all of them."""


def is_variant(name: str, names: Sequence[str]) -> bool:
    """Whether `name` extends another of `names` by an ending or options: `darts-pt-loss`, `darts-pt[tune=0]`."""
    return any(name != other and name.startswith((f"{other}-", f"{other}[", f"{other} ")) for other in names)


def first_shown(name: str, names: Sequence[str]) -> tuple[bool, bool]:
    """Sort key of `name` by its priority in figures: the founding criteria, then main forms, then variants."""
    return name not in FOUNDERS, is_variant(name, names)


def focus(names: Sequence[str], duplicates: Collection[str] = (), most: int = MOST) -> list[str]:
    """Up to `most` of `names`, which are ordered best first: founding criteria, main forms, then the best variants.

    The order of `names` is kept. `duplicates` always choose as another of `names` does, and come last in priority.
    """
    if len(names) <= most:
        return list(names)
    ordered = sorted(names, key=lambda name: (name in duplicates, first_shown(name, names)))
    taken = set(ordered[:most])
    return [name for name in names if name in taken]


def left_out_sentence(shown: int, of: int) -> str:
    """The sentence of a caption on selectors left out; empty if none are. The glossary says how they are chosen."""
    return "" if shown == of else f" The figure shows {shown} of {of} selectors."
