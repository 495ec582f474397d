"""One fetched file, whatever it is: alone, or a zip or tar.gz of which members are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path

from schemas.errors import BuildError
from transforms.archive import ZipArchive
from transforms.gzip_stream import GZIP_MARK
from transforms.tar_archive import TarArchive


class Packed:
    """A file or the members of an archive. Whether it is a tar.gz or a zip, its first bytes say."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def names(self) -> list[str]:
        """Names of the members, in order. A tar.gz is read from end to end for them.

        Raises:
            BuildError: the file is no archive, or damaged.
        """
        with closing(self._archive()) as archive:
            return archive.names

    def blocks(self, member: str | None) -> Iterator[bytes]:
        """What a member holds, or the file itself if it is None, block by block.

        Raises:
            BuildError: there is no such member, or the archive is damaged.
        """
        if member is None:
            with self.path.open("rb") as file:
                while block := file.read(1 << 20):
                    yield block
        else:
            with closing(self._archive()) as archive:
                yield from archive.blocks(member)

    def some(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The members whose names are wanted, in order, with what each holds.

        Raises:
            BuildError: the file is no archive, or it or one of these members is damaged.
        """
        with closing(self._archive()) as archive:
            yield from archive.some(wanted)

    def _archive(self) -> ZipArchive | TarArchive:
        with self.path.open("rb") as file:
            is_gzip = file.read(len(GZIP_MARK)) == GZIP_MARK
        return TarArchive(self.path) if is_gzip else ZipArchive(self.path)


def whole(blocks: Iterable[bytes], most: int, where: object) -> bytes:
    """All blocks together.

    Raises:
        BuildError: they are more than `most` bytes.
    """
    found = bytearray()
    for block in blocks:
        found += block
        if len(found) > most:
            raise BuildError("the file is too large", where=where, expected=f"at most {most:,} bytes")
    return bytes(found)
