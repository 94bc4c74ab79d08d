"""Seeds derived from one root and named axes.

Each random decision names the axes that it depends on (data set, recipe, supernet seed, epoch,
purpose, ...). Two decisions with equal axes see the same numbers, which makes comparisons paired.
Adding a selector, a recipe or a data set changes no other numbers, because the seed is a hash
of the names and not a position in a list.
"""

import hashlib
import json

MAX_SEED = 2**63 - 1

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: object) -> str:
    """`value` (plain containers, numbers, strings) as JSON with one spelling: sorted keys, no spaces."""
    return _CANONICAL.encode(value)


def short_digest(content: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()[:16]


def derive(root: int, /, **axes: str | int | float | bool | None) -> int:
    """The seed in [0, 2**63 - 1) of `root` and the named `axes`, whose order does not matter.

    Raises TypeError for an axis that JSON cannot write exactly (a tensor, an object).
    """
    digest = hashlib.sha256(canonical_json({"root": root, "axes": axes}).encode()).digest()
    return int.from_bytes(digest[:8], "big") % MAX_SEED
