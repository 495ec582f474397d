"""A place that holds publishers' files under their own addresses.

`https://host.org/data/a.zip` lies at `LOC/host.org/data/a.zip`. LOC is a local folder, an http(s)
address, or anything else that fsspec opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from schemas.source import BY_HAND
from transforms.addresses import Origin, origin
from transforms.storage import opened

IDENTIFYING: Final = ("id",)
"""Query parameters that say which file is meant (Google Drive); all others are left out."""

_KEPT: Final = "/%~!$&'()+,;=@-._"
"""Characters that stand in a mirror path as they stand in the address."""


def mirror_path(url: str) -> str:
    """Where the file at `url` lies below the mirror: `host/path`.

    `//` becomes `/`, `:` is percent-encoded, and of the query only what identifies the file is kept:
    `https://drive.google.com/uc?export=download&id=1x` is `drive.google.com/uc%3Fid%3D1x`. What only a
    person can fetch, `by-hand://vcr/a.zip`, is `by-hand/vcr/a.zip`.

    Raises:
        BuildError: the path would leave the mirror.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    folder = [BY_HAND] if parts.scheme == BY_HAND else []
    segments = [*folder, host, *(segment for segment in parts.path.split("/") if segment)]
    if any(_strays(segment) for segment in segments) or not host:
        raise BuildError("an address has no place in a mirror", got=f"{host}{parts.path}")
    path = quote("/".join(segments), safe=_KEPT)
    for name, value in parse_qsl(parts.query):
        if name in IDENTIFYING:
            path += quote(f"?{name}={value}", safe="")
    return path


def _strays(segment: str) -> bool:
    """Whether a segment of a path could lead somewhere else, also for a server that decodes it."""
    plain = unquote(segment)
    return plain in {".", ".."} or any(mark in plain for mark in ("/", "\\", "\0"))


def adopted(lake: Path) -> Mirror:
    """The files that a person has handed to a lake, laid out as a mirror."""
    return Mirror(str(lake / "adopted"))


def local_file(urls: Iterable[str], settings: BuildSettings) -> Path | None:
    """The file at one of some addresses, if one of the build's mirrors is a local folder that has it."""
    wanted = list(urls)
    for mirror in mirrors_of(settings):
        for url in wanted:
            path = mirror.local_path(url)
            if path is not None and path.is_file():
                return path
    return None


def mirrors_of(settings: BuildSettings) -> tuple[Mirror, ...]:
    """What a build asks before any publisher, in order. A sample world stands for itself."""
    own = () if settings.sample else (adopted(settings.lake),)
    return (*own, Mirror(settings.mirror)) if settings.mirror else own


class Mirror:
    """A mirror at `location`.

    Raises:
        BuildError: the location is empty, or nothing that can be opened.
    """

    def __init__(self, location: str) -> None:
        protocol, separator, rest = location.partition("://")
        self._protocol, place = (protocol, rest.strip("/")) if separator else ("file", location.strip())
        if not place:
            raise BuildError("the mirror has no location", got=repr(location), exit_code=ExitCode.USAGE)
        self._location = location.rstrip("/")
        self._folder = (
            Path(rest if separator else location).expanduser() if self._protocol == "file" else None
        )

    def local_path(self, url: str) -> Path | None:
        """Where the file at `url` would lie in a local mirror; None for any other mirror."""
        return self._folder / mirror_path(url) if self._folder is not None else None

    def web_address(self, url: str) -> str | None:
        """Where the file at `url` would lie in an http(s) mirror; None for any other mirror."""
        if self._protocol not in {"http", "https"}:
            return None
        # A server decodes once, and the mirror's own names hold percent signs.
        return f"{self._location}/{quote(mirror_path(url))}"

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine, of which anyone can see what it has."""
        return self._folder is not None

    @property
    def origin(self) -> Origin | None:
        """Where an http(s) mirror lies: the one origin that a user has named; None for any other mirror."""
        return origin(self._location) if self._protocol in {"http", "https"} else None

    def open(self, url: str) -> BinaryIO | None:
        """Opens the file at `url` through fsspec; None if the mirror does not have it.

        Raises:
            BuildError: fsspec has no way to open such a location.
            TransientError: the location did not answer.
        """
        return opened(f"{self._location}/{mirror_path(url)}")
