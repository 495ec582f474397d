"""A gzip file as a stream of what it holds, bounded so that a bomb is noticed before it has grown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, cast

from isal import isal_zlib

from schemas.errors import BuildError
from transforms.zip_format import MOST_RATIO, SMALL_BYTES

GZIP_MARK: Final = b"\x1f\x8b"

_BLOCK: Final = 1 << 20
_GZIP: Final = 31
"""Deflated data in the header and trailer of gzip, whose CRC and size are then checked."""

# The stubs of isal call its exception class an exception.
_INFLATE_ERROR: Final = cast(type[Exception], isal_zlib.error)


def gunzipped(blocks: Iterable[bytes], where: object) -> Iterator[bytes]:
    """What a gzip file holds, block by block. Several gzip files in a row are one; zeros may follow.

    Args:
        blocks: the file in blocks of any size.
        where: names the file in errors.

    Raises:
        BuildError: the file is damaged, incomplete, or compressed too well to be true.
    """
    inflater = isal_zlib.decompressobj(_GZIP)
    packed, size = 0, 0
    for block in blocks:
        packed += len(block)
        waiting = block
        while waiting:
            if inflater.eof:
                waiting = waiting.lstrip(b"\0")
                if waiting:
                    inflater = isal_zlib.decompressobj(_GZIP)
                continue
            try:
                found = inflater.decompress(waiting, _BLOCK)
            except _INFLATE_ERROR as error:
                raise _bad("the file cannot be unpacked", where, error, "gzip") from error
            size += len(found)
            if size > max(SMALL_BYTES, MOST_RATIO * packed):
                got = f"{size:,} bytes out of {packed:,}"
                raise _bad("the file is compressed too well to be true", where, got, f"1 : {MOST_RATIO}")
            if found:
                yield found
            waiting = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        raise _bad("the file cannot be unpacked", where, f"an end after {packed:,} bytes", "the rest of it")


def _bad(what: str, where: object, got: object, expected: object) -> BuildError:
    return BuildError(
        what,
        where=where,
        got=got,
        expected=expected,
        next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
    )
