"""Members of zip archives, read in place and by their expected name; nothing is ever extracted.

Names in an archive are only compared, never used as paths.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from schemas.errors import BuildError
from transforms.zip_format import (
    LOCAL_HEADER,
    TAIL_BYTES,
    Directory,
    Member,
    check_member,
    check_picture_size,
    data_offset,
    locate,
    member_error,
    parse,
    unpacked,
)

_BLOCK: Final = 1 << 18


class ZipArchive:
    """A zip file of which members are read, from any number of threads.

    Raises:
        BuildError: the file is no zip file, or its directory contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._directory = self._read_directory()
        except BuildError:
            self.close()
            raise

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
        # The file may not have been there.
        if getattr(self, "_handle", -1) >= 0:
            self.close()

    @property
    def names(self) -> list[str]:
        """Names of the members, in the order of the directory."""
        return list(self._directory.members)

    def read_member(self, name: str) -> bytes | None:
        """What a member holds, its CRC checked, or None if the archive has no such member.

        Raises:
            MemberError: the member is damaged, encrypted, in an unknown format or too large.
        """
        member = self._directory.members.get(name)
        if member is None:
            return None
        check_picture_size(name, member, self.path)
        return b"".join(self._blocks(name, member))

    def blocks(self, name: str) -> Iterator[bytes]:
        """What a member holds, block by block; its CRC is checked when the last block has been taken.

        Raises:
            MemberError: there is no such member, or it is damaged, encrypted or in an unknown format.
        """
        member = self._directory.members.get(name)
        if member is None:
            others = ", ".join(sorted(self._directory.members)[:5]) or "no members"
            raise member_error("the archive lacks a member", self.path, name, others, name)
        return self._blocks(name, member)

    def some(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The members whose names are wanted, in the order of the directory, with what each holds."""
        return ((name, self.blocks(name)) for name in self.names if wanted(name))

    def _read_directory(self) -> Directory:
        size = os.fstat(self._handle).st_size
        tail = os.pread(self._handle, TAIL_BYTES, max(0, size - TAIL_BYTES))
        place = locate(tail, size, self.path)
        return parse(self._read(place.offset, place.size), place, self.path)

    def _read(self, offset: int, size: int) -> bytes:
        """Bytes of the file; one `pread` stops short of 2 GiB."""
        found = bytearray()
        while len(found) < size and (block := os.pread(self._handle, size - len(found), offset + len(found))):
            found += block
        return bytes(found)

    def _blocks(self, name: str, member: Member) -> Iterator[bytes]:
        check_member(name, member, name in self._directory.ambiguous, self.path)
        return unpacked(name, member, self._stored(name, member), self.path)

    def _stored(self, name: str, member: Member) -> Iterator[bytes]:
        """The bytes of a member as they lie in the file."""
        header = os.pread(self._handle, LOCAL_HEADER.size, member.offset)
        place = member.offset + data_offset(header, name, self.path)
        end = place + member.stored_bytes
        while place < end:
            block = os.pread(self._handle, min(_BLOCK, end - place), place)
            if not block:
                raise member_error("the archive ends inside a member", self.path, name, place, end)
            place += len(block)
            yield block
