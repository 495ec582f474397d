"""A published build, taken into a lake: every file is held to the manifest it came with.

That proves that what has arrived is what was published. Whoever may write to the place decides what
that is.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from schemas.artifact import FileEntry, Manifest, Reference, Stage
from schemas.build import Build, Member
from schemas.errors import BuildError, ExitCode
from schemas.source import Pin
from transforms import artifact, pins, registry
from transforms.artifact import Artifact, is_inside
from transforms.catalogue import refresh
from transforms.content import combine, file_sha256
from transforms.lake import commit, current, writing
from transforms.publish import CURRENT, folder_in, pins_path, read_manifest, side_by_side
from transforms.steps import Progress, silent
from transforms.storage import Storage, storage
from transforms.terms import SourceTerms, sources_in, terms_of

_ID: Final = re.compile(r"[0-9a-f]{16}")
_NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_PINS: Final = TypeAdapter(dict[str, Pin])


class Pulled(NamedTuple):
    """What `pull` did.

    Attributes:
        before: the build that was current in the lake.
        artifacts: how many the build has, of which `came` were not here.
        stays: publishers' files that were not published: what they held is known, they are not here.
    """

    build: str
    place: str
    before: str | None
    artifacts: int
    came: int
    came_bytes: int
    stays: int
    terms: list[SourceTerms]


def pull(url: str, lake: Path, progress: Progress = silent, *, only: Stage | None = None) -> Pulled:
    """Takes the build that is published at an address of fsspec, and makes it the lake's current one.

    What the lake has already stays as it is; an interrupted run goes on with the same command.

    Args:
        only: take the artifacts of this stage and no others. They make a build of their own, with an id of
            its own.

    Raises:
        BuildError: nothing is published there, or what is does not fit together, the disk is too small, or
            part of a build would take the place of a whole one.
        TransientError: the place does not answer.
    """
    place = storage(url)
    build = _published(place)
    if only is not None:
        _check_may_hold_a_part(lake, only)
        build = build.model_copy(
            update={"members": [entry for entry in build.members if entry.stage == only]}
        )
    with writing(lake):
        missing = [entry for entry in build.members if _held(lake, entry, artifact.find) is None]
        there = side_by_side(partial(_offered, place), missing)
        stays = [manifest for manifest, files in there if manifest.stage == "raw" and not files]
        wanted = [one for one in there if one[1] or not _is_recorded(lake, one[0])]
        total = sum(entry.bytes for _, files in wanted for entry in files)
        _check_disk(lake, total)
        fetching = _Fetching(place, lake, total, progress)
        side_by_side(lambda one: fetching.fetch(*one), wanted)
        _take_pins(place, build, lake)
        made = [_held(lake, entry, artifact.recorded) for entry in build.members]
        before = _current(lake)
        here = commit(lake, [found for found in made if found is not None], build.mixture)
        refresh(lake, here)
    return Pulled(
        build=here.id,
        place=place.name,
        before=before,
        artifacts=len(build.members),
        came=len(wanted),
        came_bytes=total,
        stays=len(stays),
        terms=terms_of(source for source in sources_in(build) if source in registry.source_names()),
    )


def _check_may_hold_a_part(lake: Path, only: Stage) -> None:
    """Raises BuildError if the lake's current build has more than one stage: it would be current no more."""
    build = current(lake)
    others = sorted({entry.stage for entry in build.members} - {only}) if build else []
    if others:
        raise BuildError(
            f"the lake holds a build of its own, and only {only} would take its place",
            where=lake,
            got=f"a build with {', '.join(others)}",
            expected="a lake that nothing was built in",
            next_step="name another --lake to keep what comes",
            exit_code=ExitCode.USAGE,
        )


def _current(lake: Path) -> str | None:
    """The id of the lake's current build, whether that build can be read or not."""
    path = lake / CURRENT
    return path.read_text().strip() if path.is_file() else None


def _published(place: Storage) -> Build:
    """The build that is current at a place, its id recomputed and its names made sure of."""
    name = (place.read(CURRENT) or b"").decode(errors="replace").strip()
    if not name:
        raise BuildError(
            "nothing is published there",
            where=place.name,
            next_step="multiinstruct publish URL, from a lake that has a build",
            exit_code=ExitCode.USAGE,
        )
    data = place.read(f"builds/{name}.json") if _ID.fullmatch(name) else None
    try:
        build = Build.model_validate_json(data or b"")
    except ValidationError as error:
        raise _broken(place, "the list of its artifacts cannot be read", error) from error
    contents = {str(entry.reference): entry.content_id for entry in build.members}
    if not build.id == name == combine(contents)[:16]:
        raise _broken(place, "the list of its artifacts is not the one that its id names", name)
    for entry in build.members:
        if not _NAME.fullmatch(entry.name) or not _ID.fullmatch(entry.fingerprint):
            raise _broken(place, "an artifact has a name that no build gives", repr(entry.name))
    return build


_Look = Callable[[Path, Reference, str], Artifact | None]


def _held(lake: Path, entry: Member, look: _Look) -> Artifact | None:
    """The artifact as the lake has it, whole or as its manifest says it."""
    found = look(lake, entry.reference, entry.fingerprint)
    if found is not None and found.manifest.content_id != entry.content_id:
        raise BuildError(
            "the lake holds something else under the same fingerprint",
            where=found.folder,
            got=found.manifest.content_id,
            expected=entry.content_id,
            next_step="pull into another lake; `multiinstruct verify` says whether this one is sound",
        )
    return found


def _is_recorded(lake: Path, manifest: Manifest) -> bool:
    reference = Reference(manifest.stage, manifest.name)
    return artifact.recorded(lake, reference, manifest.fingerprint) is not None


def _offered(place: Storage, entry: Member) -> tuple[Manifest, list[FileEntry]]:
    """An artifact of the place: what it is, and those of its files that are there."""
    manifest = _manifest(place, entry)
    return manifest, _files(place, manifest)


def _manifest(place: Storage, entry: Member) -> Manifest:
    folder = f"{entry.stage}/{entry.name}/{entry.fingerprint}"
    manifest = read_manifest(place.read(f"{folder}/manifest.json") or b"")
    if manifest is None:
        raise _broken(place, "an artifact lacks its manifest, or has one of another version", folder)
    says = Member(**manifest.model_dump(include=set(Member.model_fields)))
    data = {file.path: file.content_id for file in manifest.files if file.path.startswith("data/")}
    if says != entry or combine(data) != entry.content_id:
        raise _broken(place, "a manifest is not that of its artifact", folder)
    for file in manifest.files:
        if not is_inside(file.path):
            raise _broken(place, "a manifest names a file outside its artifact", repr(file.path))
    return manifest


def _files(place: Storage, manifest: Manifest) -> list[FileEntry]:
    """The files to fetch: all, or none where a publisher's file was not published."""
    there = place.sizes(folder_in(manifest))
    files = [entry for entry in manifest.files if f"{folder_in(manifest)}/{entry.path}" in there]
    if manifest.stage == "raw" and not files:
        return []
    for entry in manifest.files:
        size = there.get(f"{folder_in(manifest)}/{entry.path}")
        if size != entry.bytes:
            where = f"{folder_in(manifest)}/{entry.path}"
            raise _broken(place, "a file is missing or has another size", f"{where}: {size}", entry.bytes)
    return manifest.files


def _check_disk(lake: Path, total: int) -> None:
    free = shutil.disk_usage(lake).free
    if total > free:
        raise BuildError(
            "the disk has too little room for what is published",
            where=lake,
            got=f"{free:,} bytes free",
            expected=f"{total:,} bytes",
            next_step="make room, or use a --lake elsewhere",
            exit_code=ExitCode.DISK_FULL,
        )


class _Fetching:
    """Brings artifacts into a lake, and counts."""

    def __init__(self, place: Storage, lake: Path, total: int, progress: Progress) -> None:
        self._place = place
        self._lake = lake
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def fetch(self, manifest: Manifest, files: Iterable[FileEntry]) -> None:
        """Fetches an artifact beside its place, checks it, and moves it there."""
        reference = Reference(manifest.stage, manifest.name)
        with artifact.draft(self._lake, reference, manifest.fingerprint) as making:
            for entry in files:
                self._fetch_file(folder_in(manifest), making.folder, entry)
            artifact.settle(self._lake, making, manifest)

    def _fetch_file(self, folder: str, aside: Path, entry: FileEntry) -> None:
        local = aside / entry.path
        local.parent.mkdir(parents=True, exist_ok=True)
        self._place.get(f"{folder}/{entry.path}", local)
        if local.stat().st_size != entry.bytes or file_sha256(local) != entry.sha256:
            raise _broken(self._place, "a file is not what its manifest says", f"{folder}/{entry.path}")
        artifact.sync_file(local)
        with self._lock:
            self._done += entry.bytes
            self._progress(self._done, self._total)


def _take_pins(place: Storage, build: Build, lake: Path) -> None:
    """Holds files without a pin of their own to the bytes that the published build was made from."""
    try:
        given = _PINS.validate_json(place.read(pins_path(build.id)) or b"{}")
    except ValidationError as error:
        raise _broken(place, "the pins of the build cannot be read", error) from error
    known = pins.remembered(lake)
    used = {entry.name for entry in build.members if entry.stage == "raw"}
    for name in sorted(given.keys() & used - known.keys()):
        source, _, file = name.partition(".")
        if source in registry.source_names() and file in registry.declaration(source).files:
            witness = f"published at {place.name}: {given[name].witness}"
            pins.remember(lake, name, given[name].model_copy(update={"witness": witness}))


def _broken(place: Storage, what: str, got: object, expected: object = None) -> BuildError:
    return BuildError(
        f"what is published does not fit together: {what}",
        where=place.name,
        got=got,
        expected=expected,
        next_step="publish it again from the lake that it came from; nothing has changed here but whole "
        "artifacts that have come",
    )
