"""Where single pictures may be, nearest first: handed over, in a mirror, at their publisher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Final
from urllib.parse import quote

from schemas.errors import BuildError, TransientError
from schemas.source import RemoteFile
from transforms.archive import ZipArchive
from transforms.kept_pictures import AdoptedTree
from transforms.mirror import Mirror
from transforms.remote_zip import Found, NoRangesError, RemoteZip
from transforms.web import NOT_FOUND, OK, Web, named, patiently
from transforms.zip_format import MOST_PICTURE_BYTES, MemberError

_GONE: Final = 410


def single_url(template: str, member: str) -> str:
    """The address of one picture."""
    return template.replace("{}", quote(member))


def places(
    file: RemoteFile,
    tree: AdoptedTree,
    mirrors: Sequence[Mirror],
    offline: bool,
    web: Web,
    workers: Executor,
) -> list[Place]:
    """Where the pictures of a file may be, nearest first."""
    found: list[Place] = [_Tree(tree)]
    zips = () if file.is_tar else file.urls
    for mirror in mirrors:
        found += [_LocalZip(path) for url in zips if (path := mirror.local_path(url))]
        found += [_LocalFolder(mirror, url) for url in file.single if mirror.local_path(url)]
    if offline:
        return found
    for mirror in mirrors:
        found += [_Zip(web, workers, at) for url in zips if (at := mirror.web_address(url))]
        found += [_Singles(web, workers, mirror, url) for url in file.single if not mirror.local_path(url)]
    found += [_Zip(web, workers, url) for url in zips if not file.by_hand]
    found += [_Singles(web, workers, None, url) for url in file.single]
    return found


class Place(ABC):
    """A place that may have pictures.

    Attributes:
        final: whether a picture that it does not have does not exist. Every copy of an archive is the
            same; single pictures in a mirror may be some of them.
    """

    final = False

    @abstractmethod
    def fetch(self, names: Sequence[str]) -> Iterator[Found]:
        """Yields those of the pictures that are here.

        Raises:
            NoRangesError: there is no such place.
        """


class _Tree(Place):
    """Pictures that a person has handed to the lake."""

    def __init__(self, tree: AdoptedTree) -> None:
        self._tree = tree

    def fetch(self, names: Sequence[str]) -> Iterator[Found]:
        if not len(self._tree):
            raise _not_here(self._tree.folder)
        for name in names:
            if (path := self._tree.find(name)) is not None:
                yield Found(name, path)


class _LocalZip(Place):
    """The archive in a local mirror."""

    final = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: ZipArchive | None = None

    def fetch(self, names: Sequence[str]) -> Iterator[Found]:
        if self._archive is None and not self._path.is_file():
            raise _not_here(self._path)
        self._archive = self._archive or ZipArchive(self._path)
        for name in names:
            try:
                data = self._archive.read_member(name)
            except MemberError as error:
                yield Found(name, error)
            else:
                if data is not None:
                    yield Found(name, data)


class _LocalFolder(Place):
    """Single pictures in a local mirror."""

    def __init__(self, mirror: Mirror, template: str) -> None:
        self._mirror = mirror
        self._template = template

    def fetch(self, names: Sequence[str]) -> Iterator[Found]:
        folder = self._mirror.local_path(single_url(self._template, "x"))
        if folder is None or not folder.parent.is_dir():
            raise _not_here(folder)
        for name in names:
            path = self._path(name)
            if path is not None and path.is_file():
                yield Found(name, path)

    def _path(self, name: str) -> Path | None:
        try:
            return self._mirror.local_path(single_url(self._template, name))
        except BuildError:
            # A name that would leave the mirror is nobody's picture.
            return None


class _Zip(Place):
    """The archive on a server, by ranges."""

    final = True

    def __init__(self, web: Web, workers: Executor, url: str) -> None:
        self._web = web
        self._workers = workers
        self._url = url
        self._opened: RemoteZip | NoRangesError | None = None

    def fetch(self, names: Sequence[str]) -> Iterator[Found]:
        if self._opened is None:
            try:
                self._opened = RemoteZip(self._web, self._url)
            except NoRangesError as error:
                self._opened = error
        if isinstance(self._opened, NoRangesError):
            raise self._opened
        return self._opened.read(names, self._workers)


class _Singles(Place):
    """Single pictures on a server, or in a mirror of any other kind."""

    def __init__(self, web: Web, workers: Executor, mirror: Mirror | None, template: str) -> None:
        self._web = web
        self._workers = workers
        self._mirror = mirror
        self._template = template
        self.final = mirror is None

    def fetch(self, names: Sequence[str]) -> Iterator[Found]:
        for name, data in zip(names, self._workers.map(self._one, names), strict=True):
            if data is not None:
                yield Found(name, data)

    def _one(self, name: str) -> bytes | None:
        url = single_url(self._template, name)
        if self._mirror is not None:
            address = self._mirror.web_address(url)
            if address is None:
                return self._stored(self._mirror, url)
            url = address
        return patiently(self._web.patience, lambda: self._asked(url))

    def _stored(self, mirror: Mirror, url: str) -> bytes | None:
        opened = mirror.open(url)
        if opened is None:
            return None
        try:
            with opened:
                return opened.read(MOST_PICTURE_BYTES)
        except OSError as error:
            raise TransientError(
                "the mirror stopped answering",
                where=named(url),
                got=type(error).__name__,
                next_step="run the same command again",
            ) from None

    def _asked(self, url: str) -> bytes | None:
        if not url.startswith("https://") and not self._web.policy.trusts(url):
            raise BuildError("a picture is not fetched over plain http", where=named(url))
        with self._web.ask(url) as answer:
            if answer.status in (NOT_FOUND, _GONE):
                return None
            if answer.status != OK:
                raise BuildError(
                    "the server does not give a picture",
                    where=answer.where,
                    got=f"status {answer.status}",
                    expected=f"status {OK}",
                    next_step="put the pictures into a mirror and name it with --mirror, or take over a "
                    "folder of them with `adopt`",
                )
            return answer.whole(MOST_PICTURE_BYTES)


def _not_here(where: object) -> NoRangesError:
    return NoRangesError(
        "the pictures are not here",
        where=where,
        next_step="build without --offline, name a mirror that has them, or take over a folder of them "
        "with `adopt`",
    )
