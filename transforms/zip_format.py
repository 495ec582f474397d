"""What a zip file says of its members, and how a member is unpacked, wherever its bytes lie.

What an archive says of itself is checked before it is believed: overlapping members, sizes that
contradict each other, names cut at a NUL, and what is compressed too well to be true are refused.
Rules of the format are those of PKWARE's APPNOTE 6.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple, cast

from isal import isal_zlib

from schemas.errors import BuildError

MOST_MEMBERS: Final = 500_000
"""Members that an archive may have. COCO's training pictures of 2014 are 82,783."""

MOST_RATIO: Final = 200
"""How many times larger than stored a member may become, once it is larger than `SMALL_BYTES`."""

SMALL_BYTES: Final = 1 << 20
MOST_PICTURE_BYTES: Final = 64 << 20
"""Size of a member that is read whole."""

TAIL_BYTES: Final = 1 << 17
"""Enough of the end of any zip to find its directory; mostly that directory is in it."""

STORED: Final = 0
DEFLATED: Final = 8
LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
LOCAL_HEADER_MARK: Final = b"PK\x03\x04"

_BLOCK: Final = 1 << 20
_END: Final = struct.Struct("<4s4xHHIIH")
_END_MARK: Final = b"PK\x05\x06"
_END_64: Final = struct.Struct("<4s20xQQQQ")
_END_64_MARK: Final = b"PK\x06\x06"
_LOCATOR: Final = struct.Struct("<4s4xQ4x")
_LOCATOR_MARK: Final = b"PK\x06\x07"
_ENTRY: Final = struct.Struct("<4s4xHH4xIIIHHH8xI")
_ENTRY_MARK: Final = b"PK\x01\x02"
_EXTRA: Final = struct.Struct("<HH")
_ZIP_64: Final = 1
_ALL_ONES: Final = 0xFFFF_FFFF
_RAW: Final = -15
"""Deflated data without a header, as zip holds it."""

# The stubs of isal call its exception class an exception.
_INFLATE_ERROR: Final = cast(type[Exception], isal_zlib.error)

_ENCRYPTED: Final = 0x1
_UTF_8: Final = 0x800


class MemberError(BuildError):
    """One member cannot be used; the others may be as they should."""


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


class Place(NamedTuple):
    """Where the directory of a zip lies: its offset, size, and how many members are listed."""

    offset: int
    size: int
    listed: int


class Directory(NamedTuple):
    """The members of a zip.

    Attributes:
        members: by name, in the order of the directory; folders are left out.
        ambiguous: names that two members have.
        end: where the members end.
    """

    members: dict[str, Member]
    ambiguous: frozenset[str]
    end: int


def locate(tail: bytes, size: int, where: object) -> Place:
    """Finds the directory by the end of a zip.

    Args:
        tail: the last bytes of the file, `TAIL_BYTES` or all of them.
        size: of the whole file.

    Raises:
        BuildError: it is no zip file.
    """
    first = size - len(tail)
    at = tail.rfind(_END_MARK)
    while at >= 0:
        if at + _END.size <= len(tail):
            _, _, count, length, offset, comment = _END.unpack_from(tail, at)
            if at + _END.size + comment == len(tail):
                break
        at = tail.rfind(_END_MARK, 0, at)
    if at < 0:
        raise _unreadable(where, "no end of a zip file", "a zip file")
    end = first + at
    end, length, offset, count = _large(tail, first, at, (end, length, offset, count), where)
    if offset + length != end or offset < 0:
        raise _unreadable(where, f"a directory of {length} bytes at {offset}", f"one that ends at {end}")
    return Place(offset, length, count)


def _large(
    tail: bytes, first: int, at: int, small: tuple[int, int, int, int], where: object
) -> tuple[int, int, int, int]:
    """End, size, offset and count of a directory as the records for large files say it, if they are there."""
    if at < _LOCATOR.size:
        return small
    mark, offset = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
    if mark != _LOCATOR_MARK:
        return small
    place = offset - first
    if not 0 <= place <= len(tail) - _END_64.size or not tail.startswith(_END_64_MARK, place):
        raise _unreadable(where, f"no end record at {offset}", "the end record of a large zip file")
    _, _, count, length, start = _END_64.unpack_from(tail, place)
    return offset, length, start, count


def parse(data: bytes, place: Place, where: object) -> Directory:
    """Reads the directory of a zip.

    Raises:
        BuildError: it is damaged or contradicts itself.
    """
    members: dict[str, Member] = {}
    ambiguous: set[str] = set()
    spans: list[tuple[int, int, str]] = []
    at = 0
    while at < len(data):
        try:
            mark, flags, method, crc, stored, size, name_bytes, extra, comment, offset = _ENTRY.unpack_from(
                data, at
            )
            raw = data[at + _ENTRY.size : at + _ENTRY.size + name_bytes]
            name = raw.decode("utf-8" if flags & _UTF_8 else "cp437")
            at += _ENTRY.size + name_bytes
            if _ALL_ONES in (size, stored, offset):
                size, stored, offset = _wide(data[at : at + extra], size, stored, offset)
        except (struct.error, UnicodeDecodeError) as error:
            raise _unreadable(where, error, "a directory") from error
        at += extra + comment
        if mark != _ENTRY_MARK or at > len(data):
            raise _unreadable(where, mark, _ENTRY_MARK)
        spans.append((offset, stored, name))
        if len(spans) > MOST_MEMBERS:
            raise BuildError("the archive has too many members", where=where, expected=MOST_MEMBERS)
        # A name cut at a NUL, as some tools do, could pass for another one.
        if "\0" in name or name.endswith("/"):
            continue
        if name in members:
            ambiguous.add(name)
        members[name] = Member(offset, stored, size, crc, method, bool(flags & _ENCRYPTED))
    # Old tools count in 16 bits only.
    if len(spans) & 0xFFFF != place.listed & 0xFFFF:
        raise _unreadable(where, f"{len(spans)} members", f"{place.listed} members")
    _check_spans(spans, place.offset, where)
    return Directory(members, frozenset(ambiguous), place.offset)


def _wide(extra: bytes, size: int, stored: int, offset: int) -> tuple[int, int, int]:
    """Sizes and offset of a member, of which those that do not fit in 32 bits stand in the extra field."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP_64:
            found = [value for value in (size, stored, offset) if value == _ALL_ONES]
            wide = iter(struct.unpack_from(f"<{len(found)}Q", extra[at : at + length]))
            size, stored, offset = (
                next(wide) if value == _ALL_ONES else value for value in (size, stored, offset)
            )
            return size, stored, offset
        at += length
    return size, stored, offset


def _check_spans(spans: list[tuple[int, int, str]], end: int, where: object) -> None:
    spans.sort()
    for (offset, size, name), (following, _, _) in pairwise([*spans, (end, 0, "")]):
        if offset + LOCAL_HEADER.size + size > following:
            raise member_error("members of the archive overlap", where, name, f"{offset} + {size}", following)


def check_member(name: str, member: Member, ambiguous: bool, where: object) -> None:
    """Refuses a member that cannot be read as it should.

    Raises:
        MemberError: it is encrypted, in an unknown format, or declares what cannot be true.
    """
    if ambiguous:
        raise member_error("two members have the same name", where, name, "two", "one")
    if member.encrypted:
        raise member_error("a member is encrypted", where, name, "a password is asked for", "no encryption")
    if member.method not in (STORED, DEFLATED):
        raise member_error("a member is compressed in an unknown way", where, name, member.method, "0 or 8")
    if member.method == STORED and member.bytes != member.stored_bytes:
        raise member_error(
            "a stored member declares two sizes", where, name, member.stored_bytes, member.bytes
        )
    if member.bytes > max(SMALL_BYTES, MOST_RATIO * member.stored_bytes):
        got = f"{member.bytes:,} bytes out of {member.stored_bytes:,}"
        raise member_error(
            "a member is compressed too well to be true", where, name, got, f"1 : {MOST_RATIO}"
        )


def check_picture_size(name: str, member: Member, where: object) -> None:
    """Refuses a member that is too large to be read whole."""
    if member.bytes > MOST_PICTURE_BYTES:
        got = f"{member.bytes:,} bytes"
        raise member_error("a member is too large", where, name, got, MOST_PICTURE_BYTES)


def data_offset(header: bytes, name: str, where: object) -> int:
    """How far behind the beginning of its local header the bytes of a member lie.

    Args:
        header: the first bytes at the member's offset, `LOCAL_HEADER.size` at least.
    """
    if len(header) < LOCAL_HEADER.size or not header.startswith(LOCAL_HEADER_MARK):
        raise member_error("a member is not where it should be", where, name, header[:4], LOCAL_HEADER_MARK)
    _, name_bytes, extra_bytes = LOCAL_HEADER.unpack_from(header)
    return LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)


def unpacked(name: str, member: Member, packed: Iterable[bytes], where: object) -> Iterator[bytes]:
    """What a member holds, block by block; its size and CRC are checked as the last one is taken.

    Raises:
        MemberError: it is damaged.
    """
    crc, size = 0, 0
    for block in packed if member.method == STORED else _inflated(name, packed, where):
        size += len(block)
        if size > member.bytes:
            raise member_error("a member is longer than declared", where, name, f"over {size}", member.bytes)
        crc = isal_zlib.crc32(block, crc)
        yield block
    if size != member.bytes:
        raise member_error("a member is shorter than declared", where, name, size, member.bytes)
    if crc != member.crc32:
        raise member_error("a member is damaged", where, name, f"CRC {crc:08x}", f"{member.crc32:08x}")


def _inflated(name: str, packed: Iterable[bytes], where: object) -> Iterator[bytes]:
    inflater = isal_zlib.decompressobj(_RAW)
    try:
        for block in packed:
            waiting = block
            while waiting:
                # Bounded, so that a bomb is noticed before it has grown.
                yield inflater.decompress(waiting, _BLOCK)
                waiting = inflater.unconsumed_tail
        yield inflater.flush()
    except _INFLATE_ERROR as error:
        raise member_error("a member cannot be unpacked", where, name, error, "deflated data") from error


def member_error(what: str, where: object, name: str, got: object, expected: object) -> MemberError:
    """The error for a member that cannot be used."""
    return MemberError(
        what,
        where=f"{where}, member {name!r}",
        got=got,
        expected=expected,
        next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
    )


def _unreadable(where: object, got: object, expected: object) -> BuildError:
    return BuildError(
        "the archive cannot be read",
        where=where,
        got=got,
        expected=expected,
        next_step="delete the file and fetch it again",
    )
