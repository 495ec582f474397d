"""A build of this lake, put where others can start from it.

The place is laid out as a lake. Artifacts come first, each file before its manifest, then what lists
them, and at the very end `current` is moved, so that a reader finds a whole build or the one before it.
What is there already is not sent again: an interrupted run goes on.

Two who publish at once do not disturb each other but at `current`, where one is told that it came second
(`Storage.swap`). If both send one artifact that only they have made, with other versions of a library, its
files may be of one and its manifest of the other; whoever pulls is told, for every file is held to it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from pydantic import ValidationError

from schemas.artifact import FileEntry, Manifest
from schemas.build import Build, Member
from schemas.errors import BuildError
from transforms import pins
from transforms.artifact import Artifact, find, recorded
from transforms.lake import whole
from transforms.memory import remembered_sha256
from transforms.report import folder_of
from transforms.steps import Progress, silent
from transforms.storage import Storage, storage
from transforms.terms import SourceTerms, check_may_leave, sources_in, terms_of

CURRENT: Final = "current"
AT_ONCE: Final = 8
"""Files on their way together: enough to keep a link busy whose answers take their time."""

Given = TypeVar("Given")
Found = TypeVar("Found")


class Published(NamedTuple):
    """What `publish` did.

    Attributes:
        before: the build that was current there.
        sent: files that were sent, of `files` that belong to the build there.
        stays: publishers' files that were not sent; their manifests were.
        conditional: whether the place can tell that two publish in the same instant.
    """

    build: str
    place: str
    before: str | None
    files: int
    sent: int
    sent_bytes: int
    stays: int
    stays_bytes: int
    conditional: bool
    terms: list[SourceTerms]


def publish(lake: Path, url: str, with_raw: bool = False, progress: Progress = silent) -> Published:
    """Puts the current build of a lake at an address of fsspec.

    Args:
        with_raw: send the publishers' own files too. Without them one can look, train and export, and
            build on top of what is there; a step that reads one of them fetches it again.

    Raises:
        BuildError: a source may not be given on, a file of the build is missing or damaged, the place
            holds something else under the same name, or somebody else has published meanwhile.
        TransientError: the place does not answer.
    """
    build = whole(lake)
    place = storage(url)
    artifacts = [_here(lake, entry, with_raw) for entry in build.members]
    check_may_leave(_from_publishers(artifacts))
    seen = place.look(CURRENT)
    parcels = [Parcel(made, made.manifest.files if _goes(made, with_raw) else []) for made in artifacts]
    sending = _Sending(place, sum(entry.bytes for parcel in parcels for entry in parcel.files), progress)
    side_by_side(sending.send, parcels)
    _describe(lake, build, artifacts, place)
    line = f"{build.id}\n".encode()
    if seen.data != line and not place.swap(CURRENT, seen, line):
        raise BuildError(
            "somebody else has published there meanwhile",
            where=place.name,
            got=(place.read(CURRENT) or b"nothing").decode(errors="replace").strip(),
            expected=(seen.data or b"nothing").decode(errors="replace").strip(),
            next_step="run the same command again to put this build in front of theirs",
        )
    stays = [entry for made in artifacts if not _goes(made, with_raw) for entry in made.manifest.files]
    return Published(
        build=build.id,
        place=place.name,
        before=seen.data.decode(errors="replace").strip() if seen.data else None,
        files=sum(len(parcel.files) for parcel in parcels),
        sent=sending.files,
        sent_bytes=sending.bytes,
        stays=len(stays),
        stays_bytes=sum(entry.bytes for entry in stays),
        conditional=place.conditional,
        terms=terms_of(sources_in(build)),
    )


class Parcel(NamedTuple):
    """An artifact, and those of its files that go with its manifest."""

    made: Artifact
    files: list[FileEntry]

    @property
    def folder(self) -> str:
        """Where it lies, in a lake as in a published place."""
        return folder_in(self.made.manifest)


def folder_in(manifest: Manifest) -> str:
    """Where an artifact lies, below the root of a lake or of a published place."""
    return f"{manifest.stage}/{manifest.name}/{manifest.fingerprint}"


def side_by_side(work: Callable[[Given], Found], given: Iterable[Given]) -> list[Found]:
    """Does some work on many things at once; the first error ends it, and nothing new is begun."""
    workers = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(workers.map(work, given))
    finally:
        workers.shutdown(cancel_futures=True)


def read_manifest(data: bytes) -> Manifest | None:
    """A manifest as it was read, or None if it is none, as where a copy was interrupted."""
    try:
        return Manifest.model_validate_json(data)
    except ValidationError:
        return None


def pins_path(build: str) -> str:
    """Where a published place keeps the pins that a build's lake has given to files without one."""
    return f"pins/{build}.json"


def _goes(made: Artifact, with_raw: bool) -> bool:
    return with_raw or made.manifest.stage != "raw"


def _from_publishers(artifacts: Iterable[Artifact]) -> list[str]:
    """The sources of which a build holds a publisher's own file, and not one of the sample world."""
    return [
        made.manifest.name.partition(".")[0]
        for made in artifacts
        if made.manifest.stage == "raw" and not made.manifest.facts.get("sample")
    ]


def _here(lake: Path, entry: Member, with_raw: bool) -> Artifact:
    found = find(lake, entry.reference, entry.fingerprint)
    if found is None and entry.stage == "raw" and not with_raw:
        found = recorded(lake, entry.reference, entry.fingerprint)
    if found is None:
        raise BuildError(
            "a file of the current build is missing",
            where=lake / entry.stage / entry.name / entry.fingerprint,
            next_step="run the build again",
        )
    return found


class _Sending:
    """Sends artifacts to a place, and counts."""

    def __init__(self, place: Storage, total: int, progress: Progress) -> None:
        self.files = 0
        self.bytes = 0
        self._place = place
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def send(self, parcel: Parcel) -> None:
        """Sends what is not there yet of an artifact, its manifest last."""
        there = self._place.sizes(parcel.folder)
        if self._is_whole(parcel, there):
            self._count(0, sum(entry.bytes for entry in parcel.files))
            return
        for entry in parcel.files:
            self._send_file(parcel, entry, there.get(f"{parcel.folder}/{entry.path}"))
        self._place.write(
            f"{parcel.folder}/manifest.json", parcel.made.manifest.model_dump_json(indent=1).encode()
        )

    def _is_whole(self, parcel: Parcel, there: dict[str, int]) -> bool:
        """Whether the place holds the artifact, perhaps as another lake has made it: content counts."""
        path = f"{parcel.folder}/manifest.json"
        held = read_manifest(self._place.read(path) or b"") if path in there else None
        if held is None:
            return False
        ours = parcel.made.manifest
        if held.content_id != ours.content_id:
            raise BuildError(
                "the place holds something else under the same fingerprint",
                where=f"{self._place.name}/{parcel.folder}",
                got=held.content_id,
                expected=ours.content_id,
                next_step="one of the two was not made by the code that its fingerprint names; "
                "`multiinstruct verify` says whether it is yours",
            )
        wanted = held.files if parcel.files else []
        return all(there.get(f"{parcel.folder}/{entry.path}") == entry.bytes for entry in wanted)

    def _send_file(self, parcel: Parcel, entry: FileEntry, size: int | None) -> None:
        path = f"{parcel.folder}/{entry.path}"
        local = parcel.made.folder / entry.path
        if remembered_sha256(local) != entry.sha256:
            raise BuildError(
                "a file of the build is damaged",
                where=local,
                expected=f"sha256 {entry.sha256}",
                next_step="delete its artifact and build again; `multiinstruct verify` finds all that are",
            )
        # An earlier run was interrupted after this file, and before the manifest.
        if size == entry.bytes and self._place.sha256(path) == entry.sha256:
            self._count(0, entry.bytes)
            return
        self._place.put(path, local)
        self._count(1, entry.bytes)

    def _count(self, files: int, size: int) -> None:
        with self._lock:
            self.files += files
            self.bytes += size if files else 0
            self._done += size
            self._progress(self._done, self._total)


def _describe(lake: Path, build: Build, artifacts: list[Artifact], place: Storage) -> None:
    """What lists the artifacts of a build, and what a person reads about it."""
    accepted = dict(_pins(lake, artifacts))
    place.write(pins_path(build.id), json.dumps(accepted, indent=1, sort_keys=True).encode())
    report = folder_of(lake, build)
    for path in sorted(report.rglob("*")):
        if path.is_file():
            place.write(f"reports/{build.id}/{path.relative_to(report).as_posix()}", path.read_bytes())
    place.write(f"builds/{build.id}.json", build.model_dump_json(indent=1).encode())


def _pins(lake: Path, artifacts: list[Artifact]) -> Iterator[tuple[str, dict[str, object]]]:
    """The files without a pin of their own that this lake has accepted as the publisher gave them."""
    held = pins.remembered(lake)
    for made in artifacts:
        pin = held.get(made.manifest.name) if made.manifest.stage == "raw" else None
        if pin is not None and pin.witness != pins.MEMBERS_WITNESS:
            yield made.manifest.name, pin.model_dump()
