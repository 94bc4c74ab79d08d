"""Kendall's tau-b of many arrays with the same few: the preparation of each array is done once and shared.

Source: Kendall, "The treatment of ties in ranking problems", Biometrika 1945. The counts of pairs are exact integers
and the quotient is computed as in scipy, so that a value has the same bits as that of `scipy.stats.kendalltau`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

KEPT_BYTES = 2**24
"""Size in bytes of the largest array whose memory is kept for the next one."""
BLOCK = 64
"""Number of neighbours whose pairs are compared one by one; pairs further apart are counted by block."""


@dataclass(frozen=True)
class Ranked:
    """An array prepared for comparison with others over the same items."""

    order: NDArray[np.integer]
    """[n] positions of the items, lowest value first; which of equal values comes first does not matter."""
    new: NDArray[np.bool_]
    """[n] in that order: whether a value is larger than the one before it."""

    @cached_property
    def starts(self) -> NDArray[np.integer]:
        """Positions in the order at which a value is larger than the one before it."""
        return np.flatnonzero(self.new)

    @property
    def levels(self) -> int:
        """Number of different values."""
        return len(self.starts) + 1 if self.new.size else 0

    @cached_property
    def tied_pairs(self) -> int:
        """Number of pairs of equal values."""
        return _tied_pairs(self.starts, self.new.size)

    @property
    def ascending(self) -> NDArray[np.int32]:
        """[n] in that order: dense ranks; the lowest is 0, and equal values share one."""
        return np.cumsum(self.new, dtype=np.int32)

    @cached_property
    def ranks(self) -> NDArray[np.int32]:
        """[n] the rank of each item."""
        ranks = np.empty(self.new.size, dtype=np.int32)
        ranks[self.order] = self.ascending
        return ranks


def reuse_memory() -> None:
    """Make glibc reuse the memory of arrays; counting many pairs is three times as fast afterwards.

    glibc gives the memory of every array of 128 kB or more back to the system, which clears its pages for the next one,
    until a larger array has been freed; from then on it keeps memory up to that size. Elsewhere this does nothing.
    """
    np.empty(KEPT_BYTES // 8)


def ranked(values: ArrayLike) -> Ranked:
    """`values` [n] prepared for `tau_b`; integers are the fastest. Raises ValueError for nan."""
    array = np.asarray(values)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError("tau-b is not defined for nan")
    order, ascending = _in_order(array)
    new = np.empty(array.size, dtype=bool)
    new[:1] = False
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    return Ranked(order, new)


def _in_order(array: NDArray[np.generic]) -> tuple[NDArray[np.integer], NDArray[np.generic]]:
    """An order that sorts `array`, and the sorted array; which of equal values comes first does not matter."""
    bits = array.size.bit_length()
    if array.size and array.dtype.kind == "i":
        low = int(array.min())
        if int(array.max()) - low < 2 ** (63 - bits):  # value and position in one integer: faster than argsort
            packed = np.sort(((array.astype(np.int64) - low) << bits) | np.arange(array.size))
            return packed & ((1 << bits) - 1), packed >> bits
    order = np.argsort(array)
    return order, array[order]


def tau_b(first: ArrayLike | Ranked, second: ArrayLike | Ranked) -> float:
    """Kendall's tau-b of two arrays over the same items; 0 if one of them is fully tied, since it orders nothing.

    Raises ValueError for nan and for arrays of different lengths.
    """
    x = first if isinstance(first, Ranked) else ranked(first)
    y = second if isinstance(second, Ranked) else ranked(second)
    n = len(x.order)
    if n != len(y.order):
        raise ValueError(f"tau-b needs arrays of the same length, not {n} values and {len(y.order)}")
    if x.levels < 2 or y.levels < 2:
        return 0.0
    total = n * (n - 1) // 2
    many, few = (y, x) if x.levels <= y.levels else (x, y)
    # Sort by the array with more levels, and its ties by the other: each inversion left in the other is discordant.
    sequence, tied_in_both = few.ranks[many.order], 0
    if many.levels < n:
        bits = (few.levels - 1).bit_length()
        wide = np.int32 if many.levels << bits < 2**31 else np.int64
        both: NDArray[np.integer] = np.sort(np.left_shift(many.ascending, bits, dtype=wide) | sequence)
        sequence, tied_in_both = both & ((1 << bits) - 1), _tied_pairs(np.flatnonzero(both[1:] != both[:-1]) + 1, n)
    discordant = inversions(sequence, few.levels)
    agreement = total - x.tied_pairs - y.tied_pairs + tied_in_both - 2 * discordant
    tau = agreement / np.sqrt(total - x.tied_pairs) / np.sqrt(total - y.tied_pairs)
    return float(min(1.0, max(-1.0, tau)))


def inversions(sequence: NDArray[np.integer], levels: int | None = None) -> int:
    """Number of pairs whose earlier rank is larger; ranks are 0..levels - 1, `levels` at most the length (the default).

    Positions and ranks are divided into blocks. Pairs within one block of positions or one block of ranks are compared
    directly; all others are counted from the number of items in each block of positions and block of ranks. If there
    are few ranks, each is a block of its own, and blocks of positions are smaller.
    """
    levels = len(sequence) if levels is None else levels
    few = levels <= BLOCK
    size = BLOCK // 4 if few else BLOCK
    blocks = -(-len(sequence) // size)
    if few:
        padded = _padded(sequence, blocks * size, np.uint8)
        return _far(padded, blocks, size, levels + 1) + _inside(_by_place(padded, size))
    # Equal values get ranks in the order of their positions: no inversion. Padding is larger than all values before it.
    padded = _padded(sequence, blocks * size, np.int16 if blocks * size < 2**15 else np.int64)
    position = np.argsort(padded, kind="stable")  # [rank]
    block = np.empty(len(position), dtype=padded.dtype)  # [position], of ranks
    block[position] = np.repeat(np.arange(blocks, dtype=padded.dtype), size)
    by_rank = (position // size).astype(padded.dtype)
    near = np.concatenate([_by_place(padded, size), _by_place(by_rank, size)], axis=1)
    return _far(block, blocks, size, blocks) + _inside(near)


def _padded(sequence: NDArray[np.integer], length: int, narrow: type[np.integer]) -> NDArray[np.integer]:
    padded = np.full(length, sequence.max(initial=0) + 1, dtype=narrow)
    padded[: len(sequence)] = sequence
    return padded


def _far(ranks: NDArray[np.integer], blocks: int, size: int, levels: int) -> int:
    """Pairs in different blocks of `size` positions whose earlier rank is larger; ranks lie below `levels`."""
    place = np.repeat(np.arange(0, blocks * levels, levels), size) + ranks
    held = np.bincount(place, minlength=blocks * levels).reshape(blocks, levels)
    lower = held.cumsum(axis=1) - held  # of the same block, below this rank
    of_rank = np.ascontiguousarray(held.T)
    before = of_rank.cumsum(axis=1) - of_rank  # of the same rank, in earlier blocks
    return int(np.einsum("pr,rp->", lower, before))


def _by_place(values: NDArray[np.integer], size: int) -> NDArray[np.integer]:
    """[place in the block, block] the values of each block of `size`."""
    return np.ascontiguousarray(values.reshape(-1, size).T)


def _inside(places: NDArray[np.integer]) -> int:
    """Number of pairs within one block whose earlier value is larger; `places` is [place in the block, block]."""
    return sum(int(np.count_nonzero(places[:-apart] > places[apart:])) for apart in range(1, len(places)))


def _tied_pairs(starts: NDArray[np.integer], n: int) -> int:
    """Number of pairs within groups of equal items, n in all and sorted; groups begin at 0 and at each of `starts`."""
    if len(starts) == n - 1:
        return 0
    counts = np.diff(starts, prepend=0, append=n)
    return int((counts * (counts - 1) // 2).sum())
