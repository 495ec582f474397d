"""Which names have been seen before, for millions of names in little memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

_DIGEST_BYTES: Final = 16


class Seen:
    """Remembers names by their 128-bit digests: 16 bytes a name.

    Digests lie in sorted runs, each more than twice as long as the next one, so that a name is
    looked up in few runs and seldom moved.
    """

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.bytes_]] = []

    def repeated(self, names: Iterable[bytes]) -> npt.NDArray[np.bool_]:
        """Which of the names came before, in this call or in an earlier one; remembers them all."""
        digests = b"".join([hashlib.blake2b(name, digest_size=_DIGEST_BYTES).digest() for name in names])
        # Strings of NumPy lose NULs at their end, which cannot make two of the same length equal.
        every = np.frombuffer(digests, f"S{_DIGEST_BYTES}")
        new, first = np.unique(every, return_index=True)
        earlier = np.zeros(len(new), bool)
        for run in self._runs:
            places = np.searchsorted(run, new)
            earlier |= run[np.minimum(places, len(run) - 1)] == new
        repeated = np.ones(len(every), bool)
        repeated[first[~earlier]] = False
        self._remember(new[~earlier])
        return repeated

    def _remember(self, run: npt.NDArray[np.bytes_]) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]))
        if len(run):
            self._runs.append(run)
