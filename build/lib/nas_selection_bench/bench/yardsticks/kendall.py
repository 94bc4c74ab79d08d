"""Kendall's tau-b of many arrays with the same few: what one side needs is computed once and shared.

Source: Kendall, "The treatment of ties in ranking problems", Biometrika 1945. The counts of pairs are exact integers
and the quotient is taken as scipy takes it, so that a value has the bits of `scipy.stats.kendalltau`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEW = 16
"""Levels up to which pairs are counted bit by bit, as of counts of operations."""
BLOCK = 64
"""Neighbours whose pairs are compared one by one; pairs further apart are counted through blocks."""


@dataclass(frozen=True)
class Ranked:
    """An array made ready to be compared with others over the same items."""

    ranks: NDArray[np.int64]
    """[n] dense: equal values share a rank, 0 is the lowest."""
    levels: int
    """Different values."""
    tied_pairs: int


def ranked(values: ArrayLike) -> Ranked:
    """`values` [n] ready for `tau_b`; raises ValueError for nan."""
    array = np.asarray(values)
    if np.isnan(array).any():
        raise ValueError("tau-b of values that are nan")
    order = np.argsort(array)  # which of equal values comes first does not matter
    sorted_values = array[order]
    new = np.empty(array.size, dtype=bool)
    new[:1] = False
    np.not_equal(sorted_values[1:], sorted_values[:-1], out=new[1:])
    ranks = np.empty(array.size, dtype=np.int64)
    ranks[order] = np.cumsum(new)
    ends = np.append(np.flatnonzero(new), array.size)
    return Ranked(ranks, len(ends) if array.size else 0, _pairs(np.diff(ends, prepend=0)))


def tau_b(first: ArrayLike | Ranked, second: ArrayLike | Ranked) -> float:
    """Kendall's tau-b of two arrays over the same items; 0 where one of them is fully tied, since it orders nothing.

    Raises ValueError for nan.
    """
    x = first if isinstance(first, Ranked) else ranked(first)
    y = second if isinstance(second, Ranked) else ranked(second)
    if len(x.ranks) != len(y.ranks):
        raise ValueError(f"tau-b of {len(x.ranks)} values and {len(y.ranks)}")
    if x.levels < 2 or y.levels < 2:
        return 0.0
    total = len(x.ranks) * (len(x.ranks) - 1) // 2
    many, few = (y, x) if x.levels <= y.levels else (x, y)
    # Sorted by one, equal ones by the other: what then stands before a lower value of that is discordant in both.
    both = np.sort(many.ranks * few.levels + few.ranks)
    same = np.flatnonzero(np.diff(both, prepend=-1, append=-1))
    tied_in_both, sequence = _pairs(np.diff(same)), both % few.levels
    discordant = _by_bits(sequence, few.levels) if few.levels <= FEW else inversions(sequence)
    agreement = total - x.tied_pairs - y.tied_pairs + tied_in_both - 2 * discordant
    tau = agreement / np.sqrt(total - x.tied_pairs) / np.sqrt(total - y.tied_pairs)
    return float(min(1.0, max(-1.0, tau)))


def _by_bits(sequence: NDArray[np.integer], levels: int) -> int:
    """`inversions` of ranks below `levels`: a pair is one at the highest bit in which its two ranks differ."""
    found, bits = 0, (levels - 1).bit_length()
    current = sequence.astype(np.uint8)  # sorted, stably, by the bits above the one that is looked at
    for bit in range(bits - 1, -1, -1):
        ones = (current >> bit) & 1
        before = np.cumsum(ones, dtype=np.int64) - ones
        starts = np.flatnonzero(np.diff(current >> (bit + 1), prepend=-1))
        inside = before - np.repeat(before[starts], np.diff(starts, append=len(current)))
        found += int(inside[ones == 0].sum())
        current = current[np.argsort(current >> bit, kind="stable")]
    return found


def inversions(sequence: NDArray[np.integer]) -> int:
    """Pairs of which the earlier is larger, for ranks from 0 to below the length.

    Positions and ranks are cut into blocks of BLOCK. Pairs of one block of positions, and of one block of ranks, are
    compared; all others are counted by how many of a block of positions lie in a block of ranks.
    """
    blocks = -(-len(sequence) // BLOCK)
    narrow = np.int16 if blocks * BLOCK < 2**15 else np.int64
    # Padding is larger than all before it. Equal values take ranks in the order of their positions: no inversion.
    padded = np.full(blocks * BLOCK, np.iinfo(narrow).max, dtype=narrow)
    padded[: len(sequence)] = sequence
    position = np.argsort(padded, kind="stable")  # [rank]
    rank = np.empty_like(position)  # [position]
    rank[position] = np.arange(len(position))
    block = rank // BLOCK
    held = np.bincount(np.repeat(np.arange(blocks), BLOCK) * blocks + block, minlength=blocks**2)
    held = held.reshape(blocks, blocks)  # [block of positions, block of ranks]
    larger = np.ascontiguousarray((BLOCK - held.cumsum(axis=1)).T)  # [block of ranks, block of positions]
    larger_before = larger.cumsum(axis=1) - larger
    far = int((held.T * larger_before).sum())
    return far + _inside(position.astype(narrow)) + _inside(block.astype(np.uint8 if blocks <= 256 else narrow))


def _inside(values: NDArray[np.integer]) -> int:
    """Pairs inside one block whose earlier one is larger."""
    places = np.ascontiguousarray(values.reshape(-1, BLOCK).T)  # [place in the block, block]
    return sum(int(np.count_nonzero(places[:-apart] > places[apart:])) for apart in range(1, BLOCK))


def _pairs(counts: NDArray[np.integer]) -> int:
    return int((counts * (counts - 1) // 2).sum())
