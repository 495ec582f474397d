"""Pictures fetched one by one, as they are needed, and kept in the lake.

They come from the first place that has them: what a person has handed to the lake, the mirror, the
publisher's archive by ranges, the publisher's single files. Where they come from changes nothing but
the bytes that travel.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

from schemas.errors import BuildError, TransientError
from schemas.source import RemoteFile
from transforms.addresses import Policy
from transforms.archive import ZipArchive
from transforms.kept_pictures import AdoptedTree, KeptPictures
from transforms.mirror import Mirror
from transforms.pictures import PictureArchives, Pictures, Wanted
from transforms.remote_zip import Found, NoRangesError, RemoteZip
from transforms.steps import Progress, silent
from transforms.web import MOST_CONNECTIONS, NOT_FOUND, OK, Web, named, patiently
from transforms.zip_format import MOST_PICTURE_BYTES, MemberError

AT_ONCE: Final = 256
"""Pictures that are on their way together."""

_GONE: Final = 410

Key = tuple[str, str]
"""Source and declared file."""


def store_folder(lake: Path, source: str, file: str) -> Path:
    """Where a lake keeps the single pictures of a declared file."""
    return lake / "pictures" / f"{source}.{file}"


def adopted_folder(lake: Path, source: str) -> Path:
    """Where a lake keeps the pictures of a source that a person has handed to it."""
    return lake / "pictures" / f"{source}.adopted"


def single_url(template: str, member: str) -> str:
    """The address of one picture."""
    return template.replace("{}", quote(member))


class HeldPictures(Pictures):
    """What a lake holds of the pictures, in whole archives or singly; nothing is fetched."""

    def __init__(self, lake: Path, whole: PictureArchives, pieces: Iterable[Key]) -> None:
        self._whole = whole
        self._kept = {key: KeptPictures(store_folder(lake, *key)) for key in pieces}

    def read(self, source: str, archive: str, member: str) -> bytes | None:
        """The bytes of a picture, or None if the lake does not hold it."""
        kept = self._kept.get((source, archive))
        return kept.read(member) if kept else self._whole.read(source, archive, member)

    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Nothing: what is not here is not fetched."""


class PictureStore(Pictures):
    """All pictures of a build: some in whole archives, the others fetched one by one.

    Args:
        lake: where single pictures are kept.
        whole: the archives that are here.
        pieces: the declared files whose pictures are fetched one by one.
        mirrors: asked before any publisher.
        offline: open no connection at all.
        progress: told how many bytes have come.
        web: the client; one that trusts nothing but the mirrors if None.
    """

    def __init__(
        self,
        lake: Path,
        whole: PictureArchives,
        pieces: Mapping[Key, RemoteFile],
        mirrors: Sequence[Mirror],
        offline: bool,
        progress: Progress = silent,
        web: Web | None = None,
    ) -> None:
        self._whole = whole
        self._came = 0
        self._progress = progress
        self._web = web or Web(Policy(frozenset(found for one in mirrors if (found := one.origin))))
        self._workers = ThreadPoolExecutor(MOST_CONNECTIONS)
        trees = {source: AdoptedTree(adopted_folder(lake, source)) for source, _ in pieces}
        self._pieces = {
            (source, name): _Piecewise(
                KeptPictures(store_folder(lake, source, name)),
                _places(file, trees[source], mirrors, offline, self._web, self._workers),
                self._count,
            )
            for (source, name), file in pieces.items()
        }

    def close(self) -> None:
        """Gives back connections and threads."""
        self._workers.shutdown(cancel_futures=True)
        self._web.close()

    def read(self, source: str, archive: str, member: str) -> bytes | None:
        """The bytes of a picture, fetched now if they are not here yet; None if there is no such picture."""
        pieces = self._pieces.get((source, archive))
        return pieces.read(member) if pieces else self._whole.read(source, archive, member)

    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Fetches what is not here yet, many at once."""
        members: dict[Key, list[str]] = {}
        for source, archive, member in wanted:
            if (source, archive) in self._pieces:
                members.setdefault((source, archive), []).append(member)
        for key, names in members.items():
            self._pieces[key].prefetch(names)

    def _count(self, size: int) -> None:
        self._came += size
        self._progress(self._came, None)


class _Piecewise:
    """The pictures of one declared file."""

    def __init__(self, kept: KeptPictures, places: Sequence[Place], count: Callable[[int], None]) -> None:
        self._kept = kept
        self._places = places
        self._count = count
        self._absent: set[str] = set()
        self._damaged: dict[str, MemberError] = {}
        self._lock = threading.Lock()

    def read(self, member: str) -> bytes | None:
        data = self._kept.read(member)
        if data is None:
            self.prefetch([member])
            data = self._kept.read(member)
        if member in self._damaged:
            raise self._damaged[member]
        return data

    def prefetch(self, members: Iterable[str]) -> None:
        with self._lock:
            waiting = iter(dict.fromkeys(name for name in members if not self._known(name)))
            while names := list(islice(waiting, AT_ONCE)):
                self._fetch(names)

    def _known(self, member: str) -> bool:
        return member in self._kept or member in self._absent or member in self._damaged

    def _fetch(self, names: list[str]) -> None:
        reached, refusal = False, None
        for place in self._places:
            try:
                for found in place.fetch(names):
                    self._take(found)
            except NoRangesError as error:
                refusal = refusal or error
                continue
            reached = True
            names = [name for name in names if not self._known(name)]
            if not names or place.final:
                break
        if names and not reached:
            raise refusal or NoRangesError("no place is known for the pictures")
        self._absent.update(names)

    def _take(self, found: Found) -> None:
        if isinstance(found.data, MemberError):
            self._damaged[found.name] = found.data
        elif isinstance(found.data, Path):
            self._kept.keep_file(found.name, found.data)
        else:
            self._kept.keep(found.name, found.data)
            self._count(len(found.data))


def _places(
    file: RemoteFile,
    tree: AdoptedTree,
    mirrors: Sequence[Mirror],
    offline: bool,
    web: Web,
    workers: Executor,
) -> list[Place]:
    """Where the pictures of a file may be, nearest first."""
    found: list[Place] = [_Tree(tree)]
    for mirror in mirrors:
        found += [_LocalZip(path) for url in file.urls if (path := mirror.local_path(url))]
        found += [_LocalFolder(mirror, url) for url in file.single if mirror.local_path(url)]
    if offline:
        return found
    for mirror in mirrors:
        found += [_Zip(web, workers, at) for url in file.urls if (at := mirror.web_address(url))]
        found += [_Singles(web, workers, mirror, url) for url in file.single if not mirror.local_path(url)]
    found += [_Zip(web, workers, url) for url in file.urls]
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
