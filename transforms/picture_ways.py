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
from transforms.content import digest_of
from transforms.mirror import mirrors_of
from transforms.picture_store import Key, PictureStore, adopted_folder, single_url, store_folder
from transforms.pictures import PictureArchives, Pictures
from transforms.steps import Making
from transforms.steps_tables import is_held, raw, raw_steps

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
    """How the pictures of all sources of the tasks come, by source and declared file."""
    sources = sorted({source for task in tasks for source in registry.sources_of(task)})
    return {way.key: way for source in sources for way in _ways(source, tasks, settings)}


@dataclass(frozen=True)
class PictureFiles:
    """The files of some sources that hold pictures, and how they come.

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
        return tuple(raw(*key) for key in self.whole)

    @property
    def asked(self) -> dict[str, Any]:
        """What a step has to say it was asked for: where single pictures are said to lie."""
        if not self.pieces:
            return {}
        return {
            "pieces": {
                ".".join(key): digest_of(file.model_dump(mode="json")) for key, file in self.pieces.items()
            }
        }

    @contextmanager
    def opened(self, making: Making) -> Iterator[Pictures]:
        """The pictures, ready to be read."""
        archives = PictureArchives({key: ZipArchive(making.file(raw(*key))) for key in self.whole})
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


def picture_files(sources: Iterable[str], ways: Mapping[Key, Way], settings: BuildSettings) -> PictureFiles:
    """The files of the given sources that hold pictures."""
    mine = [way for way in ways.values() if way.source in set(sources)]
    return PictureFiles(
        settings,
        tuple(way.key for way in mine if way.whole),
        {way.key: registry.declaration(way.source).files[way.file] for way in mine if not way.whole},
    )


def _ways(source: str, tasks: Sequence[str], settings: BuildSettings) -> Iterator[Way]:
    files = {
        name: file for name, file in registry.declaration(source).files.items() if file.holds == "pictures"
    }
    rows = [_rows(task, settings) for task in tasks if source in registry.sources_of(task)]
    steps = {step.reference: step for step in raw_steps(source, settings)} if files else {}
    sizes = {name: _size(file) for name, file in files.items()}
    for name, file in files.items():
        needed = _needed(rows, list(sizes.values()), sizes[name])
        entries = (sizes[name] or 0) // PICTURE_BYTES * ENTRY_BYTES
        pieces = needed * (PICTURE_BYTES + REQUEST_BYTES) + entries
        step = steps.get(raw(source, name))
        here = step is not None and is_held(step, settings.lake)
        refused = step is not None and step.refused is not None
        whole, reason = _decided(source, name, file, settings, here, refused, sizes[name], pieces)
        yield Way(source, name, whole, reason, needed, sizes[name], pieces)


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
    if _in_a_local_mirror(file, settings):
        return True, "the archive is in a local mirror"
    if adopted_folder(settings.lake, source).is_dir():
        return False, "a folder of pictures was adopted"
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


def _in_a_local_mirror(file: RemoteFile, settings: BuildSettings) -> bool:
    paths = [mirror.local_path(url) for mirror in mirrors_of(settings) for url in file.urls]
    return any(path is not None and path.is_file() for path in paths)


def _single_ones_are_local(source: str, name: str, file: RemoteFile, settings: BuildSettings) -> bool:
    if store_folder(settings.lake, source, name).is_dir():
        return True
    paths = [
        mirror.local_path(single_url(url, "x")) for mirror in mirrors_of(settings) for url in file.single
    ]
    return any(path is not None and path.parent.is_dir() for path in paths)


def _size(file: RemoteFile) -> int | None:
    if file.pin is not None and file.pin.bytes is not None:
        return file.pin.bytes
    return file.about_bytes


def _rows(task: str, settings: BuildSettings) -> int:
    """About how many rows of a task the mixture takes."""
    mixture = registry.mixture(settings.mixture)
    taken = mixture.train if registry.task(task).head.role == "train" else mixture.eval
    return sum(count or EVERY_ROW for count in taken.values())


def _needed(rows: Sequence[int], sizes: Sequence[int | None], size: int | None) -> int:
    """About how many pictures of one file the rows of all tasks show.

    Each task draws its rows over all pictures of a source, without regard to the other tasks, so the
    pictures that none of them draws are a product of shares.
    """
    if size is None or None in sizes:
        return sum(rows)
    there = sum(known or 0 for known in sizes) / PICTURE_BYTES
    none_draws = prod(1 - min(1.0, count / there) for count in rows)
    return round(size / PICTURE_BYTES * (1 - none_draws))
