"""What no build of a lake needs any more, and its removal.

Kept are the current build and those that were current before it, with everything that they name. Kept
as well are: what was finished after the current build, with which an interrupted build goes on, and what
that was made from; publishers' files, which may no longer be had, unless a person says otherwise; and
always what a person has handed over with `adopt`, and single pictures. Only folders and files that have
the names which this project gives are looked at, and no link is followed.

A kill at any moment leaves a sound lake: the list of a build goes before its artifacts, and the manifest of
an artifact before its files.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from schemas.artifact import STAGES, Manifest, Reference, Stage
from schemas.errors import BuildError, ExitCode
from transforms import builds
from transforms.artifact import MANIFEST, recorded, sync_folder
from transforms.lake import current, drafts, folders, is_busy, writing
from transforms.resume import is_held

KEPT_BUILDS: Final = 3
"""Builds that are kept where nobody says how many: the current one and two to go back to."""

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_ASIDE: Final = re.compile(r"\.(current|pins\.json|runs\.jsonl|catalog\.duckdb|[0-9a-f]{16}\.json)\.[0-9]+")
_PICTURE_ASIDE: Final = re.compile(r"\.[0-9a-f]{64}\.[0-9]+\.[0-9]+")
_PARTIAL_ENDINGS: Final = ("", ".json", ".lock")


Kind = Literal["build", "artifact", "unfinished", "partial", "sample", "report", "aside"]


class Garbage(NamedTuple):
    """One thing that may go.

    Attributes:
        path: a file or a folder; of a partial download, the file beside which its state lies.
        kind: what it is.
        why: in words.
        bytes: size of what lies there.
    """

    path: Path
    kind: Kind
    why: str
    bytes: int


@dataclass(frozen=True)
class Collection:
    """What may go, and what stays.

    Attributes:
        kept: ids of the builds that stay, the latest first.
        garbage: in the order in which it goes.
        freed: bytes that the disk gains. A file that has another name elsewhere frees nothing.
    """

    kept: tuple[str, ...]
    garbage: tuple[Garbage, ...]
    freed: int


def garbage(lake: Path, keep: int = KEPT_BUILDS, raw: bool = False) -> Collection:
    """What may go from a lake. Changes nothing.

    Args:
        keep: how many builds stay, with the current one.
        raw: publishers' files that no kept build needs, and downloads that were begun, may go too.

    Raises:
        BuildError: the list of a build cannot be read, so that nobody knows what it needs.
    """
    if not lake.is_dir():
        raise BuildError("there is no such lake", where=lake, exit_code=ExitCode.USAGE)
    # Somebody may be at work on what has no manifest yet.
    return _garbage(lake, keep, raw, () if is_busy(lake) else tuple(_unfinished(lake)))


def collect(lake: Path, keep: int = KEPT_BUILDS, raw: bool = False) -> Collection:
    """Removes what may go from a lake, as its only writer, and says what went.

    Raises:
        BuildError: someone else is writing to the lake, or the list of a build cannot be read.
    """
    before = garbage(lake, keep, raw)
    with writing(lake):
        # Who takes the lock sweeps drafts away, and another process may have built meanwhile.
        found = _garbage(lake, keep, raw, tuple(_unfinished(lake)))
        for entry in found.garbage:
            _remove(entry)
    still = {entry.path for entry in found.garbage}
    swept = tuple(entry for entry in before.garbage if entry.path not in still and not entry.path.exists())
    return replace(found, garbage=(*found.garbage, *swept), freed=max(before.freed, found.freed))


def _garbage(lake: Path, keep: int, raw: bool, unfinished: tuple[Garbage, ...]) -> Collection:
    now = current(lake)
    listed = [builds.read(path) for path in builds.paths(lake)]
    # The current one first: it stays, however long ago it was made.
    listed.sort(key=lambda build: now is None or build.id != now.id)
    kept, gone = listed[:keep], listed[keep:]
    members = {member for build in kept for member in build.members}
    needed = {lake / member.stage / member.name / member.fingerprint: member.stage for member in members}
    files = {state.st_ino for path, stage in needed.items() if stage == "raw" for state in _states(path)}
    since = (lake / "current").stat().st_mtime_ns if now is not None else 0
    found = (
        *(_one(lake / builds.FOLDER / f"{build.id}.json", "build", "an older build") for build in gone),
        *_artifacts(lake, needed, since, raw),
        *unfinished,
        *_partials(lake, raw),
        *_samples(lake, files),
        *_reports(lake, {build.id for build in kept}),
        *_asides(lake, since),
    )
    return Collection(tuple(build.id for build in kept), found, _freed(entry.path for entry in found))


def _artifacts(lake: Path, needed: Container[Path], since: int, raw: bool) -> Iterator[Garbage]:
    """Artifacts that no kept build needs; what was made of others before those, which are older."""
    made = {
        version: (version / MANIFEST).stat().st_mtime_ns
        for _, version in _versions(lake)
        if (version / MANIFEST).is_file()
    }
    fresh = [version for version, time in made.items() if time >= since]
    alive = _made_from(lake, fresh) if fresh else set()
    for version in sorted(made, key=lambda version: -made[version]):
        spared = version in needed or version in alive or (version.parent.parent.name == "raw" and not raw)
        if not spared:
            yield _one(version, "artifact", "no build that is kept needs it")


def _made_from(lake: Path, fresh: Iterable[Path]) -> set[Path]:
    """Artifacts, and all versions of artifacts that hold what they were made from."""
    manifests: dict[Path, Manifest] = {}
    holding: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for stage, version in _versions(lake):
        reference = Reference(stage, version.parent.name)
        found = recorded(lake, reference, version.name)
        if found is None:
            continue
        manifests[version] = found.manifest
        holding[str(reference), found.manifest.content_id].append(version)
        for entry in found.manifest.files:
            part = reference._replace(part=entry.path.removeprefix("data/").removesuffix(".parquet"))
            holding[str(part), entry.content_id].append(version)
    alive: set[Path] = set()
    waiting = list(fresh)
    while waiting:
        version = waiting.pop()
        if version not in alive:
            alive.add(version)
            inputs = manifests[version].inputs.items() if version in manifests else ()
            waiting += [given for key in inputs for given in holding[key]]
    return alive


def _versions(lake: Path) -> Iterator[tuple[Stage, Path]]:
    """The folder of every artifact, finished or not."""
    for stage in STAGES:
        for artifact in folders(lake / stage):
            yield from ((stage, path) for path in folders(artifact) if _FINGERPRINT.fullmatch(path.name))


def _unfinished(lake: Path) -> Iterator[Garbage]:
    """What killed builds have left: drafts, and what has got its place but no manifest."""
    for path in drafts(lake):
        yield _one(path, "unfinished", "a killed build has left it")
    for _, version in _versions(lake):
        if not (version / MANIFEST).is_file():
            yield _one(version, "unfinished", "it has no manifest")


def _partials(lake: Path, raw: bool) -> Iterator[Garbage]:
    folder = lake / "partial"
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".lock") or path.name.startswith(".") or not path.is_file():
            continue
        if _is_here(lake, path) and not is_held(path):
            yield Garbage(path, "partial", "the whole file is here", path.stat().st_size)
        elif raw and not is_held(path):
            yield Garbage(path, "partial", "a download that was begun", path.stat().st_size)


def _is_here(lake: Path, partial: Path) -> bool:
    """Whether the whole file has come after this part of it."""
    manifests = [version / MANIFEST for version in folders(lake / "raw" / partial.name)]
    since = partial.stat().st_mtime_ns
    return any(path.is_file() and path.stat().st_mtime_ns >= since for path in manifests)


def _samples(lake: Path, files: set[int]) -> Iterator[Garbage]:
    """Sample worlds that no kept build is made of. They are drawn again, byte for byte, when asked for.

    Args:
        files: inodes of the publishers' files of the kept builds, which are linked out of their worlds.
    """
    found = folders(lake / "sample")
    worlds = [folder for folder in found if _FINGERPRINT.fullmatch(folder.name)]
    newest = max(worlds, key=lambda folder: folder.stat().st_mtime_ns, default=None)
    for folder in worlds:
        if folder != newest and not any(state.st_ino in files for state in _states(folder)):
            yield _one(folder, "sample", "no build that is kept is made of this sample world")
    for folder in found:
        if _FINGERPRINT.fullmatch(folder.name.removeprefix(".")) and folder.name.startswith("."):
            yield _one(folder, "unfinished", "a sample world that was not finished")


def _reports(lake: Path, kept: set[str]) -> Iterator[Garbage]:
    for folder in folders(lake / "reports"):
        if _FINGERPRINT.fullmatch(folder.name) and folder.name not in kept:
            yield _one(folder, "report", "the report of a build that is not kept")


def _asides(lake: Path, since: int) -> Iterator[Garbage]:
    """Files that were written aside to be renamed, by somebody who was killed."""
    for folder in (lake, lake / builds.FOLDER):
        for path in _hidden(folder):
            # A reader may be writing the catalogue at this moment: it takes no lock.
            fresh = path.name.startswith(".catalog") and path.stat().st_mtime_ns >= since
            if _ASIDE.fullmatch(path.name) and not fresh:
                yield _one(path, "aside", "a killed run has left it")
    for store in folders(lake / "pictures"):
        for folder in folders(store):
            for path in _hidden(folder):
                if _PICTURE_ASIDE.fullmatch(path.name):
                    yield _one(path, "aside", "a killed run has left it")


def _hidden(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted(path for path in folder.iterdir() if path.name.startswith(".") and path.is_file())


def _one(path: Path, kind: Kind, why: str) -> Garbage:
    return Garbage(path, kind, why, sum(state.st_size for state in _states(path)))


def _states(path: Path) -> Iterator[os.stat_result]:
    """What the disk says of a file, or of all files in a folder."""
    if not path.is_dir() or path.is_symlink():
        if path.exists() or path.is_symlink():
            yield path.lstat()
        return
    for root, _, names in os.walk(path):
        for name in names:
            yield Path(root, name).lstat()


def _freed(paths: Iterable[Path]) -> int:
    """Bytes that the disk gains: of files all of whose names go."""
    states = [state for path in paths for state in _states(path)]
    names = Counter((state.st_dev, state.st_ino) for state in states)
    last = {(state.st_dev, state.st_ino): state for state in states}
    return sum(state.st_size for key, state in last.items() if names[key] >= state.st_nlink)


def _remove(entry: Garbage) -> None:
    path = entry.path
    if entry.kind == "partial":
        for ending in _PARTIAL_ENDINGS:
            path.with_name(path.name + ending).unlink(missing_ok=True)
    elif entry.kind == "sample":
        # A sample world that is there counts as whole, so that it must go in one move.
        aside = path.with_name(f".{path.name}")
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
        shutil.rmtree(aside)
    elif path.is_dir():
        (path / MANIFEST).unlink(missing_ok=True)
        sync_folder(path)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
