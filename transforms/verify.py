"""Whether a lake still holds what its manifests say: every byte is read again, nothing is remembered.

What is proved of an artifact: its manifest can be read, stands in its own place, adds up, and is what its
fingerprint and content id are over; every file is there, is a file of this lake, and has its size and its
sha256; tables can be read to the end with the checksums of their pages, and say what their content ids
say; the rows left out are as many as are counted, by reason; its inputs are in the build, in the folders that
it names, where it names them; nothing else lies in its folder. Of a build: that its id is over its artifacts.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas.artifact import STAGES, Manifest, Reference
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from transforms.artifact import MANIFEST, REJECTED_ROWS, is_inside
from transforms.content import combine, digest_of
from transforms.lake import folders, whole
from transforms.steps import FOLDERS, Progress, silent
from transforms.verify_file import first_line, wrong_with

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")

_AGAIN: Final = "build again"


class Problem(NamedTuple):
    """One thing that is not as it should be.

    Attributes:
        where: file or folder, relative to the lake.
        what: what is wrong with it.
        got: what was found.
        expected: what should be there.
        next_step: what a person can do about it.
    """

    where: str
    what: str
    next_step: str
    got: str = ""
    expected: str = ""


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what was found.

    Attributes:
        builds: how many lists of artifacts were looked at.
        absent: publishers' files that the lake does without, as it was filled from a published build.
        problems: everything that is wrong; empty if the lake is sound.
    """

    builds: int
    artifacts: int
    files: int
    bytes: int
    absent: int
    problems: tuple[Problem, ...]


class _Place(NamedTuple):
    """Where an artifact lies, or should."""

    stage: str
    name: str
    fingerprint: str

    @property
    def path(self) -> str:
        return "/".join(self)


def verify(lake: Path, every: bool = False, progress: Progress = silent) -> Verified:
    """Reads the current build again, every byte of it.

    Args:
        every: all artifacts and builds of the lake.
        progress: told how many bytes of how many have been read.

    Raises:
        BuildError: there is no such lake; or no current build that can be read, where not every one is asked
            for.
    """
    if not lake.is_dir():
        raise BuildError("there is no such lake", where=lake, exit_code=ExitCode.USAGE)
    problems: list[Problem] = []
    if every:
        builds = list(_builds(lake, problems))
        places = sorted({*_on_disk(lake), *(place for build in builds for place in _members(build))})
    else:
        builds = [whole(lake)]
        places = list(_members(builds[0]))
    manifests: dict[_Place, Manifest] = {}
    for place in places:
        found = _manifest(lake, place)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            manifests[place] = found
    problems += [problem for build in builds for problem in _of_build(build, manifests)]
    contents = _contents(manifests.values())
    licences = _licences(manifests.values())
    there = {place.path for place in manifests}
    reading = _Reading(sum(entry.bytes for made in manifests.values() for entry in made.files), progress)
    files = absent = 0
    for place, manifest in manifests.items():
        problems += _identity(lake, place, manifest)
        problems += _inputs(lake, place, manifest, contents, licences)
        problems += _folders(place, manifest, there)
        if manifest.stage == "raw" and not _any_file(lake, place):
            absent += 1
            continue
        problems += _files(lake, place, manifest, reading)
        files += len(manifest.files)
    return Verified(len(builds), len(manifests), files, reading.done, absent, tuple(problems))


class _Reading:
    """Counts the bytes that have been read."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self.done = 0

    def came(self, count: int) -> None:
        self.done += count
        self._progress(self.done, self._total)


def _members(build: Build) -> Iterator[_Place]:
    return (_Place(entry.stage, entry.name, entry.fingerprint) for entry in build.members)


def _on_disk(lake: Path) -> Iterator[_Place]:
    """Every artifact that a lake holds, kept by a build or not."""
    for stage in STAGES:
        for artifact in folders(lake / stage):
            for version in folders(artifact):
                if _FINGERPRINT.fullmatch(version.name) and (version / MANIFEST).exists():
                    yield _Place(stage, artifact.name, version.name)


def _builds(lake: Path, problems: list[Problem]) -> Iterator[Build]:
    """The builds that a lake lists; those that cannot be read become problems."""
    listed = sorted((lake / "builds").glob("[!.]*.json"))
    for path in listed:
        where = f"builds/{path.name}"
        try:
            build = Build.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            problems.append(Problem(where, "the list of a build cannot be read", f"rm {path}", _said(error)))
            continue
        if build.id != path.stem:
            problems.append(
                Problem(where, "a build is listed under another id", f"rm {path}", path.stem, build.id)
            )
        yield build
    pointer = lake / "current"
    if pointer.exists():
        named = pointer.read_text(errors="replace").strip()
        if not any(path.stem == named for path in listed):
            problems.append(Problem("current", "it names a build that is not listed", _AGAIN, named))


def _of_build(build: Build, manifests: Mapping[_Place, Manifest]) -> Iterator[Problem]:
    where = f"builds/{build.id}.json"
    identity = combine({str(entry.reference): entry.content_id for entry in build.members})[:16]
    if identity != build.id:
        yield Problem(where, "its id is not over its artifacts", _AGAIN, build.id, identity)
    for entry, place in zip(build.members, _members(build), strict=True):
        made = manifests.get(place)
        if made is not None and made.content_id != entry.content_id:
            yield Problem(
                where, f"it lists another content of {place.path}", _AGAIN, entry.content_id, made.content_id
            )


def _manifest(lake: Path, place: _Place) -> Manifest | Problem:
    folder = lake / place.path
    link = next((part for part in (folder, folder.parent, folder.parent.parent) if part.is_symlink()), None)
    if link is not None and link != lake / place.stage:
        return Problem(place.path, "a link stands in the place of an artifact", f"rm {link}, {_AGAIN}")
    path = folder / MANIFEST
    try:
        if path.is_symlink():
            return Problem(place.path, "its manifest is a link", _remedy(folder))
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Problem(place.path, "it is missing", _AGAIN)
    except (OSError, ValidationError) as error:
        return Problem(place.path, "its manifest cannot be read", _remedy(folder), _said(error))


def _remedy(folder: Path) -> str:
    return f"rm -r {folder}, {_AGAIN}"


def _said(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, ValidationError):
        found = error.errors()[:3]
        return "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}".strip() for one in found)
    return first_line(error)


def _identity(lake: Path, place: _Place, manifest: Manifest) -> Iterator[Problem]:
    says = _Place(manifest.stage, manifest.name, manifest.fingerprint)
    asked = {
        "stage": manifest.stage,
        "name": manifest.name,
        "asked": manifest.asked,
        "inputs": manifest.inputs,
    }
    data = {entry.path: entry.content_id for entry in manifest.files if entry.path != REJECTED_ROWS}
    for what, got, expected in (
        ("its manifest is that of another artifact", says.path, place.path),
        ("its fingerprint is not over what was asked", manifest.fingerprint, digest_of(asked)[:16]),
        ("its content id is not over its files", manifest.content_id, combine(data)),
    ):
        if got != expected:
            yield Problem(place.path, what, _remedy(lake / place.path), got, expected)


def _contents(manifests: Iterable[Manifest]) -> dict[str, set[str]]:
    """The content ids of all that may be an input, by reference with and without part."""
    found: dict[str, set[str]] = defaultdict(set)
    for manifest in manifests:
        whole = Reference(manifest.stage, manifest.name)
        found[str(whole)].add(manifest.content_id)
        for entry in manifest.files:
            part = entry.path.removeprefix("data/").removesuffix(".parquet")
            found[str(whole._replace(part=part))].add(entry.content_id)
    return found


_Licences = Mapping[tuple[str, str], list[set[str]]]


def _licences(manifests: Iterable[Manifest]) -> _Licences:
    """The terms of all that may be an input, by reference without part and content id.

    Two versions may hold the same under other terms.
    """
    found: dict[tuple[str, str], list[set[str]]] = defaultdict(list)
    for manifest in manifests:
        found[f"{manifest.stage}/{manifest.name}", manifest.content_id].append(set(manifest.licences))
    return found


def _inputs(
    lake: Path,
    place: _Place,
    manifest: Manifest,
    contents: Mapping[str, set[str]],
    licences: _Licences,
) -> Iterator[Problem]:
    for reference, content_id in sorted(manifest.inputs.items()):
        known = contents.get(reference, set())
        if content_id not in known:
            got = ", ".join(sorted(known)) or "nothing"
            yield Problem(place.path, f"its input {reference} is not there", _AGAIN, got, content_id)
        lost = [terms - set(manifest.licences) for terms in licences.get((reference, content_id), [])]
        if lost and all(lost):
            what = f"it lacks terms of its input {reference}"
            yield Problem(place.path, what, _remedy(lake / place.path), expected=", ".join(sorted(lost[0])))


def _folders(place: _Place, manifest: Manifest, there: Container[str]) -> Iterator[Problem]:
    """The folders that an artifact names and that are not there, though another may hold the same."""
    named = manifest.asked.get(FOLDERS)
    for reference, fingerprint in sorted(named.items()) if isinstance(named, dict) else ():
        folder = f"{reference}/{fingerprint}"
        if folder not in there:
            yield Problem(place.path, "a folder that it names is not there", _AGAIN, expected=folder)


def _any_file(lake: Path, place: _Place) -> bool:
    return any(name != MANIFEST for _, _, names in os.walk(lake / place.path) for name in names)


def _files(lake: Path, place: _Place, manifest: Manifest, reading: _Reading) -> Iterator[Problem]:
    folder = lake / place.path
    again = _remedy(folder)
    for entry in manifest.files:
        where = f"{place.path}/{entry.path}"
        if not is_inside(entry.path):
            yield Problem(place.path, "its manifest names a file outside its folder", again, repr(entry.path))
            continue
        wrong = wrong_with(folder / entry.path, entry, manifest, reading.came)
        if wrong is not None:
            yield Problem(where, wrong.what, again, wrong.got, wrong.expected)
    known = {MANIFEST, *(entry.path for entry in manifest.files)}
    for root, names, files in os.walk(folder):
        links = [name for name in names if Path(root, name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(root, name).relative_to(folder).as_posix()
            if path not in known:
                yield Problem(f"{place.path}/{path}", "a file that is none of its own", f"rm {folder / path}")
