"""Which selectors the figures show where there are more than fit: each criterion in its main form, then the best."""

from collections.abc import Collection, Sequence

from nas_selection_bench.reports.data.founders import PRIMARY

MOST = 32
"""Selectors that a figure with one row per selector can show; tables and CSV files hold all."""


def is_variant(name: str, names: Sequence[str]) -> bool:
    """Whether `name` is another of `names` with an ending or options: `darts-pt-loss`, `darts-pt[tune=0]`."""
    return any(name != other and name.startswith((f"{other}-", f"{other}[", f"{other} ")) for other in names)


def first_shown(name: str, names: Sequence[str]) -> tuple[bool, bool]:
    """What sorts names by how much a figure wants them: the PRIMARY criteria, then main forms, then variants."""
    return name not in PRIMARY, is_variant(name, names)


def focus(names: Sequence[str], clones: Collection[str] = (), most: int = MOST) -> list[str]:
    """Up to `most` of `names` (best first), in that order: PRIMARY criteria, main forms, then the best variants.

    `clones` always choose as another of `names` does, and are shown where there is room for all.
    """
    if len(names) <= most:
        return list(names)
    ordered = sorted(names, key=lambda name: (name in clones, first_shown(name, names)))
    taken = set(ordered[:most])
    return [name for name in names if name in taken]


def left_out_sentence(shown: int, of: int) -> str:
    """What a caption says of the selectors that are not drawn; nothing where all are. The glossary says which are."""
    return "" if shown == of else f" Drawn: {shown} of {of} selectors."
