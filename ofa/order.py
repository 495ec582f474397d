"""The order of an epoch: a pure function of the seed, the epoch and the rows, so no reader has state.

Everything is drawn by counting: the draw of item `i` is SplitMix64 of a key and `i` (Steele, Lea and
Flood 2014, "Fast splittable pseudorandom number generators", the mixer of their figure 16). It gives the
same numbers on every machine and in every version of numpy, and any of them without those before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from shards.ragged import Integers, offsets_of

Shuffle = Literal["global", "window", "none"]

POOL_ROWS = 4_096
"""Rows among which batches of like length are formed. With 64 rows a batch of the sample world, padding falls
from 73 % of the ids of sources to 5 %; a larger pool gains little and puts the same few tasks together."""

_LONG_TARGETS = np.array([32, 128])
"""Targets above these go apart from shorter ones: image codes, with 257 ids, would pad short answers."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_HALF = np.uint64(32)

Draws = npt.NDArray[np.uint64]


def draws(items: npt.ArrayLike, *names: object) -> Draws:
    """64 bits for each item, the same whatever the other items are.

    Args:
        items: whole numbers from 0.
        names: what is drawn for, such as a seed and an epoch; other names give other draws.
    """
    told = "|".join(str(name) for name in names)
    key = np.uint64(int.from_bytes(hashlib.md5(told.encode(), usedforsecurity=False).digest()[:8]))
    with np.errstate(over="ignore"):
        bits: Draws = key + (np.asarray(items).astype(np.uint64) + np.uint64(1)) * _GOLDEN
        bits = (bits ^ (bits >> _SHIFTS[0])) * _MIX[0]
        bits = (bits ^ (bits >> _SHIFTS[1])) * _MIX[1]
    return bits ^ (bits >> _SHIFTS[2])


def choices(items: npt.ArrayLike, count: int, *names: object) -> Integers:
    """One of `count` for each item, by `draws`: int64 from 0 to `count - 1`."""
    chosen: Integers = ((draws(items, *names) >> _HALF) * np.uint64(count) >> _HALF).astype(np.int64)
    return chosen


def permutation(count: int, *names: object) -> Integers:
    """The numbers from 0 to `count - 1` in the order of their `draws`."""
    return np.argsort(draws(np.arange(count), *names), kind="stable")


class Planned(NamedTuple):
    """One batch of an epoch, for all ranks together.

    Attributes:
        rows: its instances, (rows,) int64.
        until: the last batch of the epoch for which the picture of each row is worth keeping, (rows,) int64.
    """

    rows: Integers
    until: Integers


Lengths = Callable[[Integers], tuple[Integers, Integers]]
"""Ids of source and target of each of some rows."""


class Order:
    """The batches of one epoch. Each row is in exactly one; sizes differ by one at most.

    Shuffles:
        global: all rows, in any order.
        window: pictures in any order; the rows of `window` of them at a time, in any order. Whoever keeps
            the pictures of a window decodes each picture once an epoch.
        none: as stored.

    Shuffled rows are put into batches of like length, within a window or about `pool` rows, and these
    batches are shuffled again.

    Attributes:
        batches: number of batches.
    """

    def __init__(
        self,
        pictures: Integers,
        batch_size: int,
        lengths: Lengths,
        names: tuple[object, ...],
        shuffle: Shuffle,
        window: int,
        pool: int = POOL_ROWS,
    ) -> None:
        """Orders the rows; batches are formed when asked for.

        Args:
            pictures: number of the picture of each row, -1 without one: (rows,).
            batch_size: most rows of a batch.
            lengths: called for the rows of a pool.
            names: what the order depends on: seed and epoch.
            window: pictures of a window.
            pool: rows among which batches of like length are formed, with the shuffle `global`. Where it is
                not above `batch_size`, every batch is a fair draw, and its rows stand in order of length.
        """
        count = len(pictures)
        self.batches = batches_of(count, batch_size)
        self._bounds = np.arange(self.batches + 1) * count // self.batches
        self._lengths = lengths
        self._names = names
        self._shuffle = shuffle
        self._pool: tuple[int, list[Integers]] = (-1, [])
        if shuffle == "window":
            self._rows, self._windows = _by_windows(pictures, window, names)
            first = np.searchsorted(self._bounds[:-1], self._windows[:-1])
            self._pools = np.append(np.unique(first[first < self.batches]), self.batches)
            last = np.searchsorted(self._bounds, self._windows[1:] - 1, side="right") - 1
            self._until = self._pools[np.searchsorted(self._pools, last, side="right")] - 1
        else:
            self._rows = permutation(count, *names, "rows") if shuffle == "global" else np.arange(count)
            step = max(1, pool // batch_size)
            self._pools = np.append(np.arange(0, self.batches, step), self.batches)

    def batch(self, number: int) -> Planned:
        """The batch with this number, from 0."""
        pool = int(np.searchsorted(self._pools, number, side="right")) - 1
        if pool != self._pool[0]:
            self._pool = pool, self._formed(pool)
        places = self._pool[1][number - int(self._pools[pool])]
        if self._shuffle == "window":
            window = np.searchsorted(self._windows, places, side="right") - 1
            return Planned(self._rows[places], self._until[window])
        return Planned(self._rows[places], np.full(len(places), number))

    def _formed(self, pool: int) -> list[Integers]:
        """The batches of a pool, as places in the order of rows."""
        first, last = int(self._pools[pool]), int(self._pools[pool + 1])
        bounds = self._bounds[first : last + 1]
        places = np.arange(bounds[0], bounds[-1])
        cuts = bounds[1:-1] - bounds[0]
        if self._shuffle == "none":
            return np.split(places, cuts)
        source, target = self._lengths(self._rows[places])
        alike = np.lexsort((target, source, np.searchsorted(_LONG_TARGETS, target)))
        formed = np.split(places[alike], cuts)
        return [formed[place] for place in permutation(last - first, *self._names, "batches", pool)]


def batches_of(rows: int, batch_size: int) -> int:
    """Batches of an epoch."""
    return -(-rows // batch_size)


def _by_windows(pictures: Integers, window: int, names: tuple[object, ...]) -> tuple[Integers, Integers]:
    """Rows ordered by window of pictures, and where each window begins and the last one ends."""
    # A row without a picture goes by itself.
    own = np.where(pictures < 0, pictures.max(initial=0) + 1 + np.arange(len(pictures)), pictures)
    shown, of_row = np.unique(own, return_inverse=True)
    place = np.empty(len(shown), np.int64)
    place[np.argsort(draws(shown, *names, "pictures"), kind="stable")] = np.arange(len(shown))
    number = place[of_row] // window
    rows = np.lexsort((draws(np.arange(len(pictures)), *names, "rows"), number))
    return rows, offsets_of(np.bincount(number))
