"""Members of zip archives, read in place and by their expected name; nothing is ever extracted.

Names in an archive are only compared, never used as paths. What an archive says of itself is
checked before it is believed: Python's own reader accepts overlapping members (CVE-2024-0450 on
older releases) and cuts a name at a NUL.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from schemas.errors import BuildError

MOST_MEMBERS: Final = 500_000
"""Members that an archive may have. COCO's training pictures of 2014 are 82,783."""

MOST_RATIO: Final = 200
"""How many times larger than stored a member may become, once it is larger than `SMALL_BYTES`."""

SMALL_BYTES: Final = 1 << 20
MOST_PICTURE_BYTES: Final = 64 << 20
"""Size of a member that is read whole."""

_BLOCK: Final = 1 << 18
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
_LOCAL_HEADER_MARK: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 0x1

# All of these come out of `zipfile` for a crafted directory.
_DIRECTORY_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    ValueError,
    OverflowError,
    EOFError,
)


class Member(NamedTuple):
    """One member as the directory declares it.

    Attributes:
        offset: of its local header in the file.
        stored_bytes: size in the archive.
        bytes: size of what it holds.
        crc32: of what it holds.
        method: how it is stored.
        encrypted: whether it needs a password.
    """

    offset: int
    stored_bytes: int
    bytes: int
    crc32: int
    method: int
    encrypted: bool


class ZipArchive:
    """A zip file of which members are read, from any number of threads.

    Raises:
        BuildError: the file is no zip file, or its directory contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                listed, end = archive.infolist(), archive.start_dir
        except _DIRECTORY_ERRORS as error:
            raise BuildError(
                "the archive cannot be read",
                where=path,
                got=error,
                next_step="delete the file and fetch it again",
            ) from error
        self._check_directory(listed, end)
        self._members: dict[str, Member] = {}
        self._ambiguous: set[str] = set()
        for info in listed:
            self._add(info)
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives back the file handle; nothing can be read afterwards."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        # The constructor may have failed before the file was opened.
        if getattr(self, "_handle", -1) >= 0:
            self.close()

    @property
    def names(self) -> list[str]:
        """Names of the members, in the order of the directory."""
        return list(self._members)

    def read_member(self, name: str) -> bytes | None:
        """What a member holds, its CRC checked, or None if the archive has no such member.

        Raises:
            BuildError: the member is damaged, encrypted, in an unknown format or too large.
        """
        member = self._members.get(name)
        if member is None:
            return None
        if member.bytes > MOST_PICTURE_BYTES:
            raise self._error("a member is too large", name, f"{member.bytes:,} bytes", MOST_PICTURE_BYTES)
        return b"".join(self._blocks(name, member))

    def blocks(self, name: str) -> Iterator[bytes]:
        """What a member holds, block by block; its CRC is checked when the last block has been taken.

        Raises:
            BuildError: there is no such member, or it is damaged, encrypted or in an unknown format.
        """
        member = self._members.get(name)
        if member is None:
            others = ", ".join(sorted(self._members)[:5]) or "no members"
            raise self._error("the archive lacks a member", name, others, name)
        return self._blocks(name, member)

    def _add(self, info: zipfile.ZipInfo) -> None:
        # `zipfile` cuts a name at a NUL, so that it could pass for another one.
        if info.filename != info.orig_filename or info.is_dir():
            return
        if info.filename in self._members:
            self._ambiguous.add(info.filename)
        self._members[info.filename] = Member(
            info.header_offset,
            info.compress_size,
            info.file_size,
            info.CRC,
            info.compress_type,
            bool(info.flag_bits & _ENCRYPTED),
        )

    def _check_directory(self, listed: list[zipfile.ZipInfo], end: int) -> None:
        if len(listed) > MOST_MEMBERS:
            raise BuildError(
                "the archive has too many members", where=self.path, got=len(listed), expected=MOST_MEMBERS
            )
        spans = sorted((info.header_offset, info.compress_size, info.orig_filename) for info in listed)
        for (offset, size, name), (following, _, _) in pairwise([*spans, (end, 0, "")]):
            if offset < 0 or offset + _LOCAL_HEADER.size + size > following:
                raise self._error("members of the archive overlap", name, f"{offset} + {size}", following)

    def _check_member(self, name: str, member: Member) -> None:
        if name in self._ambiguous:
            raise self._error("two members have the same name", name, "two", "one")
        if member.encrypted:
            raise self._error("a member is encrypted", name, "a password is asked for", "no encryption")
        if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._error("a member is compressed in an unknown way", name, member.method, "0 or 8")
        if member.method == zipfile.ZIP_STORED and member.bytes != member.stored_bytes:
            raise self._error("a stored member declares two sizes", name, member.stored_bytes, member.bytes)
        if member.bytes > max(SMALL_BYTES, MOST_RATIO * member.stored_bytes):
            got = f"{member.bytes:,} bytes out of {member.stored_bytes:,}"
            raise self._error("a member is compressed too well to be true", name, got, f"1 : {MOST_RATIO}")

    def _blocks(self, name: str, member: Member) -> Iterator[bytes]:
        self._check_member(name, member)
        crc, size = 0, 0
        packed = self._stored(name, member)
        for block in packed if member.method == zipfile.ZIP_STORED else self._inflated(name, packed):
            size += len(block)
            if size > member.bytes:
                raise self._error("a member is longer than declared", name, f"over {size}", member.bytes)
            crc = zlib.crc32(block, crc)
            yield block
        if size != member.bytes:
            raise self._error("a member is shorter than declared", name, size, member.bytes)
        if crc != member.crc32:
            raise self._error("a member is damaged", name, f"CRC {crc:08x}", f"{member.crc32:08x}")

    def _stored(self, name: str, member: Member) -> Iterator[bytes]:
        """The bytes of a member as they lie in the file."""
        header = os.pread(self._handle, _LOCAL_HEADER.size, member.offset)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_HEADER_MARK):
            raise self._error("a member is not where it should be", name, header[:4], _LOCAL_HEADER_MARK)
        _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
        place = member.offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
        end = place + member.stored_bytes
        while place < end:
            block = os.pread(self._handle, min(_BLOCK, end - place), place)
            if not block:
                raise self._error("the archive ends inside a member", name, place, end)
            place += len(block)
            yield block

    def _inflated(self, name: str, packed: Iterator[bytes]) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for block in packed:
                waiting = block
                while waiting:
                    # Bounded, so that a bomb is noticed before it has grown.
                    yield inflater.decompress(waiting, _BLOCK * 4)
                    waiting = inflater.unconsumed_tail
            yield inflater.flush()
        except zlib.error as error:
            raise self._error("a member cannot be unpacked", name, error, "deflated data") from error

    def _error(self, what: str, name: str, got: object, expected: object) -> BuildError:
        return BuildError(
            what,
            where=f"{self.path}, member {name!r}",
            got=got,
            expected=expected,
            next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
        )
