"""Rows of different lengths in flat numpy arrays: values, and where each row begins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint16]
"""Unified ids: 59,457 of them fit 16 bits."""

Integers = npt.NDArray[np.int64]


class Ragged(NamedTuple):
    """Rows of ids: row `i` is `values[offsets[i] : offsets[i + 1]]`.

    Shapes: `values` (ids of all rows,) uint16; `offsets` (rows + 1,) int64, from 0.
    """

    values: Ids
    offsets: Integers

    @property
    def lengths(self) -> Integers:
        """Ids in each row: (rows,) int64."""
        return np.diff(self.offsets)

    def row(self, index: int) -> Ids:
        """A view of one row."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]


def offsets_of(lengths: npt.ArrayLike) -> Integers:
    """Where rows of these lengths begin, and where the last one ends: (rows + 1,) int64."""
    counted = np.asarray(lengths, np.int64)
    offsets = np.zeros(len(counted) + 1, np.int64)
    np.cumsum(counted, out=offsets[1:])
    return offsets


def positions(starts: Integers, lengths: Integers) -> Integers:
    """Index of every element of the segments, one segment after the other.

    `positions([10, 3], [2, 3])` is `[10, 11, 3, 4, 5]`: one gather with it copies all segments.
    """
    offsets = offsets_of(lengths)
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], lengths)


def copy_segments(out: Ids, to: Integers, pool: Ids, starts: Integers, lengths: Integers) -> None:
    """Copies `pool[starts[i] : starts[i] + lengths[i]]` to `out[to[i] : ...]`, for all segments at once."""
    offsets = offsets_of(lengths)
    place = np.arange(offsets[-1], dtype=np.int64)
    source = np.repeat(starts - offsets[:-1], lengths)
    source += place
    place += np.repeat(to - offsets[:-1], lengths)
    out[place] = pool.take(source)
