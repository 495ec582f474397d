"""Pictures of sources: where their bytes are read, and how they are checked by decoding them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shards.look import Look
from shards.pictures import inspect
from transforms.archive import ZipArchive
from transforms.zip_format import MemberError

ASPECT_TOLERANCE = 0.01
"""How far the aspect of a file may be from the declared one before boxes cannot be carried over."""

Wanted = tuple[str, str, str]
"""A picture: source, declared file, and member of that file."""


class Picture(NamedTuple):
    """What a picture file turned out to be. Width and height are pixels of the file itself.

    Where the EXIF orientation is `oriented`, that is to be applied, they are those of the upright picture.
    A plain picture has no `look`.
    With a `problem` (`picture_absent`, `picture_unreadable`, `picture_resized` …) the rest says nothing.
    """

    width: int = 0
    height: int = 0
    format: str = ""
    sha256: str = ""
    problem: str | None = None
    oriented: bool = False
    look: Look | None = None


class Pictures(ABC):
    """The pictures of a build, wherever they lie."""

    @abstractmethod
    def read(self, source: str, archive: str, member: str) -> bytes | None:
        """The bytes of a picture, or None if there is no such picture.

        Raises:
            MemberError: the picture is there, but damaged.
            BuildError: it cannot be fetched.
        """

    @abstractmethod
    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Says which pictures will be read next, so that they can come together.

        Raises:
            BuildError: they cannot be fetched.
        """

    @abstractmethod
    def expect(self, wanted: Iterable[Wanted]) -> None:
        """Says which pictures will be read in all, so that it can be told how many of them have come."""

    def check(self, source: str, archive: str, member: str, orient: bool = False) -> Picture:
        """Reads and fully decodes a picture; whatever is wrong with it is named, not raised.

        Args:
            orient: whether its EXIF orientation is to be applied.
        """
        try:
            data = self.read(source, archive, member)
        except MemberError:
            return Picture(problem="picture_unreadable")
        if data is None:
            return Picture(problem="picture_absent")
        found = inspect(data, orient)
        if found.problem:
            return Picture(problem=found.problem)
        sha256 = hashlib.sha256(data).hexdigest()
        return Picture(found.width, found.height, found.format, sha256, oriented=orient, look=found.look)


class PictureArchives(Pictures):
    """Pictures that are read in place, out of whole archives, by source and declared file."""

    def __init__(self, archives: Mapping[tuple[str, str], ZipArchive]) -> None:
        self._archives = archives

    def read(self, source: str, archive: str, member: str) -> bytes | None:
        """The bytes of a picture, their CRC checked, or None if the archive has no such member."""
        return self._archives[source, archive].read_member(member)

    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Nothing: they are here."""

    def expect(self, wanted: Iterable[Wanted]) -> None:
        """Nothing: they are here."""


def fits(picture: Picture, declared_width: int | None, declared_height: int | None) -> Picture:
    """The picture, or a problem where its aspect is not the declared one, if one is declared."""
    if picture.problem or declared_width is None or declared_height is None:
        return picture
    across, down = picture.width / declared_width, picture.height / declared_height
    if abs(across / down - 1) > ASPECT_TOLERANCE:
        return Picture(problem="picture_resized")
    return picture
