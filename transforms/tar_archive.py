"""Members of tar.gz archives, read as they come and by their expected name; nothing is ever extracted.

A gzip file can only be read from its beginning, so that each pass over an archive unpacks all of it.
Names are only compared, never used as paths. Links, devices and folders are no members; what they name
is not looked at. Rules of the format are those of POSIX.1-2017, pax, and GNU tar's long names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import BuildError
from transforms.gzip_stream import gunzipped
from transforms.zip_format import MOST_MEMBERS, member_error

MOST_NAME_BYTES: Final = 64 << 10
"""Size of a long name or of the extended header of one member."""

_BLOCK: Final = 512
_READ: Final = 1 << 20
_FILES: Final = b"0\0" + b"7"
_LINKS: Final = b"12"
_FOLDER: Final = ord("5")
_EXTENDED: Final = ord("x")
_EVERY: Final = ord("g")
_LONG_NAME: Final = ord("L")
_LONG_LINK: Final = ord("K")


class TarMember(NamedTuple):
    """One entry of a tar.

    Attributes:
        name: without a leading `./`.
        size: bytes of what it holds.
        blocks: what it holds. It is skipped if it is not taken before the next entry is asked for.
        problem: why it is no member that may be read, as `link`; None for a file.
    """

    name: str
    size: int
    blocks: Iterator[bytes]
    problem: str | None


class TarArchive:
    """A gzipped tar of which members are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: list[str] | None = None

    def close(self) -> None:
        """Nothing: each pass opens the file by itself."""

    @property
    def names(self) -> list[str]:
        """Names of the members, in the order of the archive.

        Raises:
            BuildError: the archive is damaged, or has too many members.
        """
        if self._names is None:
            self._names = [name for name, _ in self.some(lambda _: True)]
        return self._names

    def blocks(self, name: str) -> Iterator[bytes]:
        """What a member holds, block by block. Of two with one name it is the first.

        Raises:
            BuildError: there is no such member, or the archive is damaged.
        """
        for _, blocks in self.some(lambda found: found == name):
            yield from blocks
            return
        raise member_error("the archive lacks a member", self.path, name, "other members", name)

    def some(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The members whose names are wanted, in the order of the archive, with what each holds."""
        return (
            (entry.name, entry.blocks)
            for entry in self.entries()
            if entry.problem is None and wanted(entry.name)
        )

    def entries(self) -> Iterator[TarMember]:
        """Everything but folders, in the order of the archive.

        Raises:
            BuildError: the archive is damaged, or has too many members.
        """
        stream = _Stream(self.path)
        count = 0
        long_name: str | None = None
        size: int | None = None
        while (header := stream.header()) is not None:
            kind, declared = header[156], _number(header[124:136], self.path)
            if kind in (_EXTENDED, _EVERY, _LONG_NAME, _LONG_LINK):
                said = stream.whole(declared)
                if kind == _LONG_NAME:
                    long_name = _text(said.rstrip(b"\0"))
                elif kind == _EXTENDED:
                    records = _pax(said, self.path)
                    long_name = records.get("path", long_name)
                    size = _pax_size(records.get("size"), self.path)
                continue
            name = _name(header) if long_name is None else long_name
            length = declared if size is None else size
            content = stream.content(length)
            long_name, size = None, None
            count += 1
            if count > MOST_MEMBERS:
                raise BuildError("the archive has too many members", where=self.path, expected=MOST_MEMBERS)
            if kind != _FOLDER and not name.endswith("/"):
                yield TarMember(name.removeprefix("./"), length, content, _problem(name, kind))
            for _ in content:
                pass
        stream.finish()


class _Stream:
    """The bytes of a tar, from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks = gunzipped(_file(path), path)
        self._waiting = memoryview(b"")

    def header(self) -> bytes | None:
        """The next header, or None at the end of the archive."""
        header = self._take(_BLOCK)
        if not header or not header.strip(b"\0"):
            return None
        if len(header) < _BLOCK:
            raise _bad(self._path, f"an end after {len(header)} bytes of a header", _BLOCK)
        # The sum is taken with blanks in its own place.
        summed = sum(header) - sum(header[148:156]) + 8 * ord(" ")
        if _number(header[148:156], self._path) != summed:
            raise _bad(self._path, "a header whose sum is wrong", "a tar file")
        return header

    def whole(self, size: int) -> bytes:
        """A long name or extended header."""
        if size > MOST_NAME_BYTES:
            raise _bad(self._path, f"a name of {size:,} bytes", f"at most {MOST_NAME_BYTES:,}")
        return b"".join(self.content(size))

    def content(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, block by block, and then what fills the last block."""
        left = size
        while left:
            block = self._some(min(left, _READ))
            if not block:
                raise _bad(self._path, "an end inside a member", f"{left:,} bytes more")
            left -= len(block)
            yield block
        self._take(-size % _BLOCK)

    def finish(self) -> None:
        """Goes to the end of the file, so that its CRC is checked."""
        for _ in self._blocks:
            pass

    def _take(self, size: int) -> bytes:
        """The next `size` bytes, or fewer at the end of the stream."""
        found = bytearray()
        while len(found) < size and (block := self._some(size - len(found))):
            found += block
        return bytes(found)

    def _some(self, size: int) -> bytes:
        """Some of the next bytes, `size` at most, and none at the end of the stream."""
        if not self._waiting:
            self._waiting = memoryview(next(self._blocks, b""))
        found = bytes(self._waiting[:size])
        self._waiting = self._waiting[size:]
        return found


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_READ):
            yield block


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0]
    # Old GNU archives keep other things where POSIX has the beginning of a long name.
    return _text(prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name)


def _problem(name: str, kind: int) -> str | None:
    # A name cut at a NUL, as some tools do, could pass for another one.
    if "\0" in name:
        return "name"
    if kind in _FILES:
        return None
    return "link" if kind in _LINKS else "device"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _number(field: bytes, where: Path) -> int:
    """A number of a header: octal digits, or base 256 where the first bit is set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise _bad(where, f"{field!r} for a number", "octal digits") from error


def _pax(said: bytes, where: Path) -> dict[str, str]:
    """The records `LENGTH NAME=VALUE` of an extended header."""
    found = {}
    at = 0
    while at < len(said):
        digits, blank, _ = said[at : at + 20].partition(b" ")
        length = int(digits) if digits.isdigit() and blank else 0
        record = said[at : at + length]
        name, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if len(record) < length or not record.endswith(b"\n") or not equals:
            raise _bad(where, f"{said[at : at + 20]!r} in an extended header", "LENGTH NAME=VALUE")
        found[_text(name)] = _text(value)
        at += length
    return found


def _pax_size(value: str | None, where: Path) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise _bad(where, f"a size of {value[:40]!r}", "decimal digits")
    return int(value)


def _bad(where: Path, got: object, expected: object) -> BuildError:
    return BuildError(
        "the archive cannot be read",
        where=where,
        got=got,
        expected=expected,
        next_step="delete the file and fetch it again; if it is the same, the publisher's file is bad",
    )
