"""Whether an archive of pictures is fetched whole, or only the pictures of it that a build needs.

The way never changes what a build holds, for a picture's bytes are the same either way; it changes how
many bytes travel. It is decided by what is asked and what is here, not by how far a build has come, so
that an interrupted build goes on as it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Final

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from schemas.source import RemoteFile
from transforms import registry
from transforms.archive import ZipArchive
from transforms.coming import declared_bytes
from transforms.content import digest_of
from transforms.mirror import local_file, mirrors_of
from transforms.mixing import bounds
from transforms.picture_places import single_url
from transforms.picture_store import PictureStore, adopted_folder, store_folder
from transforms.pictures import Picture, PictureArchives, Pictures
from transforms.registry import Key
from transforms.steps import Making
from transforms.steps_tables import is_held, picture_archive, raw, raw_steps

PICTURE_BYTES: Final = 160_000
"""About the size of a picture: COCO's 82,783 of 2014 have 163 kB each, Visual Genome's 150 kB."""

REQUEST_BYTES: Final = 32 << 10
"""What a request costs beside its answer, in bytes that could have come meanwhile."""

ENTRY_BYTES: Final = 100
"""About the size of a picture's entry in the directory of its archive."""

EVERY_ROW: Final = 10_000
"""Rows that a task is taken to have where a mixture takes all of them."""


@dataclass(frozen=True)
class Way:
    """How the pictures of one declared file come.

    Attributes:
        source: whose file it is; others may borrow it.
        whole: the archive as it is, or else the pictures one by one.
        reason: why, in words.
        pictures: about how many of its pictures the build needs.
        archive_bytes: size of the archive, or None if there is none or nobody knows.
        pieces_bytes: about how many bytes these pictures are, with what their requests cost.
    """

    source: str
    file: str
    whole: bool
    reason: str
    pictures: int
    archive_bytes: int | None
    pieces_bytes: int

    @property
    def key(self) -> Key:
        """Source and declared file."""
        return self.source, self.file


def ways_of(tasks: Sequence[str], settings: BuildSettings) -> dict[Key, Way]:
    """How the pictures that the tasks may show come, by owner and declared file."""
    shown = {task: _shown(registry.sources_of(task)) for task in tasks}
    keys = sorted({key for files in shown.values() for key in files})
    rows = {task: _rows(task, settings) for task in tasks}
    return {key: _way(key, shown, rows, settings) for key in keys}


def _shown(sources: Iterable[str]) -> frozenset[Key]:
    """The files whose pictures rows of these sources may show."""
    return frozenset(key for source in sources for key in registry.shown_files(source))


@dataclass(frozen=True)
class PictureFiles:
    """The files, own and borrowed, whose pictures some sources show, and how they come.

    Attributes:
        whole: those whose archives are inputs.
        pieces: those whose pictures are fetched one by one.
    """

    settings: BuildSettings
    whole: tuple[Key, ...]
    pieces: Mapping[Key, RemoteFile]

    @property
    def inputs(self) -> tuple[Reference, ...]:
        """The archives, as inputs of a step."""
        return tuple(picture_archive(key) for key in self.whole)

    @property
    def licences(self) -> tuple[str, ...]:
        """Terms of the pictures that come one by one; those of archives come with the archives."""
        return tuple(sorted({registry.declaration(source).licence.name for source, _ in self.pieces}))

    @property
    def asked(self) -> dict[str, Any]:
        """What a step has to say it was asked for: where single pictures lie, and which ones are turned."""
        said: dict[str, Any] = {}
        if self.pieces:
            said["pieces"] = {
                ".".join(key): digest_of(file.model_dump(mode="json")) for key, file in self.pieces.items()
            }
        if oriented := [".".join(key) for key in self.whole if registry.lent_file(key).orient]:
            said["oriented"] = oriented
        return said

    @contextmanager
    def opened(self, making: Making) -> Iterator[Pictures]:
        """The pictures, ready to be read."""
        archives = PictureArchives({key: ZipArchive(making.file(picture_archive(key))) for key in self.whole})
        if not self.pieces:
            yield archives
            return
        store = PictureStore(
            self.settings.lake,
            archives,
            self.pieces,
            mirrors_of(self.settings),
            self.settings.offline,
            making.progress,
        )
        try:
            yield store
        finally:
            store.close()


def look_at(pictures: Pictures, source: str, archive: str, member: str) -> Picture:
    """What a picture of a declared file holds, seen upright where its source says that it should be."""
    return pictures.check(source, archive, member, registry.lent_file((source, archive)).orient)


def picture_files(sources: Iterable[str], ways: Mapping[Key, Way], settings: BuildSettings) -> PictureFiles:
    """The files whose pictures the given sources show."""
    shown = _shown(sources)
    mine = [way for way in ways.values() if way.key in shown]
    return PictureFiles(
        settings,
        tuple(way.key for way in mine if way.whole),
        {way.key: registry.declaration(way.source).files[way.file] for way in mine if not way.whole},
    )


def _way(
    key: Key, shown: Mapping[str, Iterable[Key]], rows: Mapping[str, int], settings: BuildSettings
) -> Way:
    """How the pictures of one file come.

    Args:
        shown: the files whose pictures each task may show.
        rows: about how many rows the mixture takes of each task.
    """
    source, name = key
    file = registry.lent_file(key)
    size = declared_bytes(file)
    draws = [(rows[task], _size_of(files)) for task, files in shown.items() if key in files]
    needed = _needed(draws, size)
    pieces = needed * (PICTURE_BYTES + REQUEST_BYTES) + (size or 0) // PICTURE_BYTES * ENTRY_BYTES
    step = next((step for step in raw_steps(source, settings) if step.reference == raw(source, name)), None)
    here = step is not None and is_held(step, settings.lake)
    refused = step is not None and step.refused is not None
    whole, reason = _decided(source, name, file, settings, here, refused, size, pieces)
    return Way(source, name, whole, reason, needed, size, pieces)


def _size_of(keys: Iterable[Key]) -> int | None:
    """Bytes of some files together, or None if nobody knows one of them."""
    sizes = [declared_bytes(registry.lent_file(key)) for key in keys]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _decided(
    source: str,
    name: str,
    file: RemoteFile,
    settings: BuildSettings,
    here: bool,
    refused: bool,
    size: int | None,
    pieces: int,
) -> tuple[bool, str]:
    """Whether a file comes whole, and why."""
    if not file.urls:
        return False, "there is no archive"
    if here:
        return True, "the archive is in the lake"
    if local_file(file.urls, settings) is not None:
        return True, "the archive is in a local mirror"
    if adopted_folder(settings.lake, source).is_dir():
        return False, "a folder of pictures was adopted"
    if file.by_hand is not None:
        return True, "only a person can fetch the archive"
    if file.is_tar:
        return True, "a tar.gz can only be read from its beginning"
    if settings.offline:
        apart = _single_ones_are_local(source, name, file, settings)
        return not apart, "offline, and single pictures are here" if apart else "offline"
    if refused:
        return False, "nobody has vouched for the archive as a whole"
    if size is None:
        return False, "nobody knows how large the archive is"
    if pieces < size:
        return False, "the pictures needed are fewer bytes than the archive"
    return True, "the archive is fewer bytes than the pictures needed"


def _single_ones_are_local(source: str, name: str, file: RemoteFile, settings: BuildSettings) -> bool:
    if store_folder(settings.lake, source, name).is_dir():
        return True
    paths = [
        mirror.local_path(single_url(url, "x")) for mirror in mirrors_of(settings) for url in file.single
    ]
    return any(path is not None and path.parent.is_dir() for path in paths)


def _rows(task: str, settings: BuildSettings) -> int:
    """About how many rows of a task the mixture takes."""
    taken = bounds(registry.mixture(settings.mixture), task)
    return sum(count or EVERY_ROW for count in taken.values())


def _needed(draws: Sequence[tuple[int, int | None]], size: int | None) -> int:
    """About how many pictures of one file the rows of all tasks show.

    Each task draws its rows over all pictures that it may show, without regard to the other tasks, so the
    pictures that none of them draws are a product of shares.

    Args:
        draws: for each task, its rows and the bytes of all files whose pictures it may show.
    """
    if size is None or any(there is None for _, there in draws):
        return sum(rows for rows, _ in draws)
    none_draws = prod(1 - min(1.0, rows * PICTURE_BYTES / (there or 1)) for rows, there in draws)
    return round(size / PICTURE_BYTES * (1 - none_draws))
