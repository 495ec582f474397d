"""The part of a long JSON text that is in memory, and how one goes along in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.errors import BuildError

BLANK: Final = b" \t\n\r"
"""Bytes that may stand between two values."""


class Window:
    """The part of a stream that is in memory, and where in the stream it lies.

    Attributes:
        data: bytes from the first that has not been dropped.
        at: position in `data` of the next byte that matters.
        ended: whether `data` reaches to the end of the stream.
    """

    def __init__(self, blocks: Iterable[bytes], where: object) -> None:
        self._blocks = iter(blocks)
        self._dropped = 0
        self._where = where
        self.data = bytearray()
        self.at = 0
        self.ended = False

    def offset(self, position: int) -> int:
        """Offset in the stream of a position in `data`."""
        return self._dropped + position

    def fill(self, size: int) -> None:
        """Drops what is done and reads on until `size` bytes wait, or the stream ends."""
        del self.data[: self.at]
        self._dropped += self.at
        self.at = 0
        while len(self.data) < size and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            else:
                self.data += block

    def skip_blank(self) -> int:
        """The next byte that is not blank, or -1 at the end of the stream."""
        while True:
            while self.at < len(self.data):
                if self.data[self.at] not in BLANK:
                    return self.data[self.at]
                self.at += 1
            if self.ended:
                return -1
            self.fill(1)

    def expect(self, wanted: bytes) -> int:
        """Steps over one of the bytes `wanted`."""
        found = self.skip_blank()
        if found < 0 or found not in wanted:
            raise self.error(self.at, "the end of the file" if found < 0 else repr(chr(found)), repr(wanted))
        self.at += 1
        return found

    def error(self, position: int, got: object, expected: object) -> BuildError:
        """The failure of a file that is not a JSON array as it should be."""
        return BuildError(
            "the file is not the JSON that it should be",
            where=f"{self._where}, byte {self.offset(position):,}",
            got=got,
            expected=expected,
            next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
        )
