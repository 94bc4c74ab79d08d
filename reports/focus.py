"""Which selectors the figures show where there are more than fit: each criterion in its main form, then the best."""

from collections.abc import Sequence

MOST = 32
"""Selectors that a figure with one row per selector can show; tables and CSV files hold all."""


def is_variant(name: str, names: Sequence[str]) -> bool:
    """Whether `name` is another of `names` with an ending or options: `darts-pt-loss`, `darts-pt[tune=0]`."""
    return any(name != other and name.startswith((f"{other}-", f"{other}[", f"{other} ")) for other in names)


def focus(names: Sequence[str], most: int = MOST) -> list[str]:
    """Up to `most` of `names` (best first), in that order: those that are no variants, then the best variants."""
    if len(names) <= most:
        return list(names)
    ordered = sorted(names, key=lambda name: is_variant(name, names))
    taken = set(ordered[:most])
    return [name for name in names if name in taken]


def said(shown: int, of: int) -> str:
    """What a caption says of the selectors that are not drawn; nothing where all are."""
    if shown == of:
        return ""
    return (
        f" Drawn: {shown} of {of} selectors, every criterion in its main form and then the best variants; the main"
        " table and the CSV files hold all."
    )
