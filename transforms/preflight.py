"""Whether a whole plan fits on the disk and how much it fetches, before the first byte comes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.artifact import Manifest, Reference
from schemas.errors import BuildError, ExitCode
from schemas.settings import BuildSettings
from schemas.source import RemoteFile
from transforms import registry
from transforms.builder import Planned
from transforms.mirror import mirrors_of
from transforms.picture_store import store_folder
from transforms.picture_ways import PICTURE_BYTES, Way, ways_of
from transforms.raw import generators

TABLES_RATIO: Final = 2.0
"""Bytes of all tables of a source for each byte of its packed records, where nothing was built before."""

INSTANCES_RATIO: Final = 0.5
"""Bytes of the instances of one task for each byte of the packed records that it comes from."""

ROWS_BYTES: Final = 64 << 20
"""Bytes of one artifact of selected or tokenised rows, at most."""


@dataclass(frozen=True)
class Need:
    """What a plan asks of the network and of the disk, in bytes.

    Attributes:
        fetched: bytes that come over the network; a declared size or an estimate.
        written: bytes that the lake grows by, with what is fetched.
        free: bytes that are free where the lake lies.
        unknown: files whose size nobody has declared; they count as nothing.
        ways: how the pictures come, of the archives that the plan needs.
    """

    fetched: int
    written: int
    free: int
    unknown: tuple[str, ...]
    ways: tuple[Way, ...]


def need_of(planned: Sequence[Planned], settings: BuildSettings) -> Need:
    """What the steps of a plan that would run need. Opens no connection and writes nothing."""
    running = [entry.step.reference for entry in planned if entry.action in ("run", "follow")]
    fetched, linked, unknown = 0, 0, []
    for reference in running:
        if reference.stage != "raw":
            continue
        file = _file(reference)
        local = _local(file, settings)
        size = _declared(file)
        if local is not None:
            linked += 0 if _linkable(local, settings.lake) else local.stat().st_size
        elif size is None:
            unknown.append(reference.name)
        else:
            fetched += max(0, size - _come(settings.lake / "partial" / reference.name))
    ways = _ways(running, settings)
    fetched += sum(_missing(way, settings) for way in ways if not way.whole)
    built = sum(_output(reference, ways, settings) for reference in running if reference.stage != "raw")
    return Need(fetched, fetched + linked + built, _free(settings.lake), tuple(unknown), ways)


def check_disk(planned: Sequence[Planned], settings: BuildSettings) -> Need:
    """Refuses a plan that does not fit.

    Raises:
        BuildError: the disk has less room than the plan needs, by declared sizes and estimates.
    """
    need = need_of(planned, settings)
    if need.written > need.free:
        raise BuildError(
            "the disk has too little room for what is to be built",
            where=settings.lake,
            got=f"{need.free:,} bytes free",
            expected=f"about {need.written:,} bytes, of which {need.fetched:,} are fetched",
            next_step="make room, use a --lake elsewhere, or build fewer --task or --source",
            exit_code=ExitCode.DISK_FULL,
        )
    return need


def _ways(running: Sequence[Reference], settings: BuildSettings) -> tuple[Way, ...]:
    """How the pictures come of which a step reads the bytes."""
    wanted = {reference.name.split(".", 1)[1] for reference in running if _shows_pictures(reference)}
    tasks = [task for task in registry.task_names() if task in wanted]
    return tuple(ways_of(tasks, settings).values())


def _shows_pictures(reference: Reference) -> bool:
    return reference.stage == "mixtures" and "." in reference.name


def _file(reference: Reference) -> RemoteFile:
    source, _, name = reference.name.partition(".")
    return registry.declaration(source).files[name]


def _declared(file: RemoteFile) -> int | None:
    return file.pin.bytes if file.pin and file.pin.bytes else file.about_bytes


def _local(file: RemoteFile, settings: BuildSettings) -> Path | None:
    for mirror in mirrors_of(settings):
        for url in file.urls:
            path = mirror.local_path(url)
            if path is not None and path.is_file():
                return path
    return None


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _free(lake: Path) -> int:
    return shutil.disk_usage(_existing(lake)).free


def _linkable(path: Path, lake: Path) -> bool:
    return path.stat().st_dev == _existing(lake).stat().st_dev


def _come(partial: Path) -> int:
    """Bytes of a file that an earlier build has left."""
    return partial.stat().st_size if partial.is_file() else 0


def _missing(way: Way, settings: BuildSettings) -> int:
    """About how many bytes of single pictures are still to come."""
    if settings.sample:
        return 0
    there = sum(path.stat().st_size for path in _files(store_folder(settings.lake, way.source, way.file)))
    return max(0, way.pictures * PICTURE_BYTES - there)


def _output(reference: Reference, ways: Iterable[Way], settings: BuildSettings) -> int:
    """About how large an artifact becomes: as large as it last was, or by what it is made from."""
    before = _latest(settings.lake / reference.stage / reference.name)
    if before is not None:
        return before
    if reference.stage == "tables":
        source = reference.name.partition(".")[0]
        tables = len(generators(registry.reader(source))) + 1
        return round(TABLES_RATIO * _records((source,), settings) / tables)
    if reference.stage == "instances":
        return round(INSTANCES_RATIO * _records(registry.sources_of(reference.name), settings))
    if reference.stage == "shards" and reference.name.endswith(".pictures"):
        return 0 if settings.sample else sum(way.pictures * PICTURE_BYTES for way in ways)
    return 0 if settings.sample else ROWS_BYTES


def _latest(folder: Path) -> int | None:
    """Bytes of the newest version of an artifact, or None if it was never made."""
    found = sorted(folder.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in reversed(found):
        try:
            return sum(entry.bytes for entry in Manifest.model_validate_json(path.read_bytes()).files)
        except ValidationError:
            continue
    return None


def _records(sources: Iterable[str], settings: BuildSettings) -> int:
    """Bytes of the records of some sources, as they are packed."""
    total = 0
    for source in sources:
        for file in registry.declaration(source).files.values():
            if file.holds == "records":
                local = _local(file, settings)
                total += local.stat().st_size if local else _declared(file) or 0
    return total


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
