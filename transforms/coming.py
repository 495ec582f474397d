"""What a publisher's file is before it comes: how large, from where, and how much of it is here already."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.artifact import Reference
from schemas.settings import BuildSettings
from schemas.source import RemoteFile
from transforms import registry
from transforms.mirror import local_file


class Coming(NamedTuple):
    """What a fetch step brings.

    Attributes:
        size: bytes of the file; a declared size or an estimate, None if nobody has said it.
        fetched: bytes that are still to come over the network; 0 where the size is unknown.
        copied: bytes that are copied from another file system of this machine.
        local: whether a local mirror has the file.
    """

    size: int | None
    fetched: int
    copied: int
    local: bool


def coming(reference: Reference, settings: BuildSettings) -> Coming:
    """What the fetch step of a declared file brings. Opens no connection."""
    source, _, name = reference.name.partition(".")
    file = registry.lent_file((source, name))
    local = local_file(file.urls, settings)
    if local is not None:
        size = local.stat().st_size
        return Coming(size, 0, 0 if _linkable(local, settings.lake) else size, True)
    declared = declared_bytes(file)
    partial = settings.lake / "partial" / reference.name
    come = partial.stat().st_size if partial.is_file() else 0
    return Coming(declared, max(0, (declared or 0) - come), 0, False)


def records_bytes(sources: Iterable[str], settings: BuildSettings) -> int:
    """Bytes of the records of some sources, as they are packed; files of unknown size count as nothing."""
    total = 0
    for source in sources:
        for file in registry.declaration(source).files.values():
            if file.holds == "records":
                local = local_file(file.urls, settings)
                total += local.stat().st_size if local else declared_bytes(file) or 0
    return total


def declared_bytes(file: RemoteFile) -> int | None:
    """The size that a file has by its declaration, or about has; None if it does not say."""
    return file.pin.bytes if file.pin and file.pin.bytes else file.about_bytes


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _linkable(path: Path, lake: Path) -> bool:
    return path.stat().st_dev == existing(lake).stat().st_dev
