"""Which pictures show one photograph, by their bytes and by what they look like."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shards.look import MOST_BITS, MOST_DIFFERENCE, SMALL, Look

SEEN: Final = pa.schema(
    [
        ("image_id", pa.string()),
        ("sha256", pa.string()),
        ("look_hash", pa.uint64()),
        ("look_small", pa.binary()),
    ]
)
"""What tells one picture from another; a plain picture has no look."""

_SIZE: Final = SMALL * SMALL * 3
_BANDS: Final = 4
_BAND_BITS: Final = 16
# Of up to seven bits that differ, one of four bands has at most one.
_NEAR: Final = np.array([0, *(1 << bit for bit in range(_BAND_BITS))], np.uint16)


class Same(NamedTuple):
    """A picture that shows the same photograph.

    Attributes:
        image_id: the picture.
        by: `bytes` or `look`.
    """

    image_id: str
    by: str


class Photographs:
    """Pictures to look others up in. The answer depends on neither their order nor their number.

    A look is compared with those that differ from it in at most one of 16 bits of the hash: with a few
    hundred of 300,000.
    """

    def __init__(self, seen: pa.Table) -> None:
        """Takes pictures in.

        Args:
            seen: `SEEN`, and any other columns.
        """
        seen = seen.select(SEEN.names).sort_by("image_id").combine_chunks()
        self._ids = seen["image_id"].to_pylist()
        self._by_bytes: dict[str, int] = {}
        for row, sha256 in enumerate(seen["sha256"].to_pylist()):
            self._by_bytes.setdefault(sha256, row)
        looking = seen["look_hash"].is_valid()
        self._rows = np.flatnonzero(looking.to_numpy())
        looks = seen.filter(looking)
        self._hashes = looks["look_hash"].to_numpy().astype(np.uint64)
        small = b"".join(looks["look_small"].to_pylist())
        self._small = np.frombuffer(small, np.uint8).reshape(-1, _SIZE)
        self._bands = [_Band(self._hashes, number) for number in range(_BANDS)]

    def find(self, sha256: str, look: Look | None) -> Same | None:
        """The first picture by name with the same bytes, else the first that looks the same."""
        row = self._by_bytes.get(sha256)
        if row is not None:
            return Same(self._ids[row], "bytes")
        if look is None:
            return None
        alike = self._alike(look)
        return Same(self._ids[int(self._rows[alike.min()])], "look") if len(alike) else None

    def alike(self, look: Look) -> list[str]:
        """All pictures that look the same, in order of name."""
        return [self._ids[row] for row in sorted(self._rows[self._alike(look)].tolist())]

    def _alike(self, look: Look) -> npt.NDArray[np.intp]:
        value = np.uint64(look.hash)
        near = np.unique(np.concatenate([band.near(value) for band in self._bands]))
        near = near[np.bitwise_count(self._hashes[near] ^ value) <= MOST_BITS]
        small = np.frombuffer(look.small, np.uint8).astype(np.int16)
        differences = np.abs(self._small[near].astype(np.int16) - small)
        alike: npt.NDArray[np.intp] = near[differences.max(axis=1, initial=0) <= MOST_DIFFERENCE]
        return alike


class _Band:
    """Pictures by 16 bits of their hash."""

    def __init__(self, hashes: npt.NDArray[np.uint64], number: int) -> None:
        self._shift = np.uint64(_BAND_BITS * number)
        values = self._of(hashes)
        self._order = np.argsort(values, kind="stable")
        self._starts = np.searchsorted(values[self._order], np.arange((1 << _BAND_BITS) + 1))

    def _of(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint16]:
        return (hashes >> self._shift).astype(np.uint16)

    def near(self, value: np.uint64) -> npt.NDArray[np.intp]:
        """The pictures that differ in at most one of these bits."""
        keys = (self._of(np.array([value])) ^ _NEAR).astype(np.int64)
        spans = zip(self._starts[keys].tolist(), self._starts[keys + 1].tolist(), strict=True)
        return np.concatenate([self._order[start:end] for start, end in spans])
