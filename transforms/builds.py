"""The builds of a lake: which there are, what is in them, and which one a person means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.artifact import STAGES, Manifest, Stage
from schemas.build import Build, Member
from schemas.errors import BuildError, ExitCode
from transforms.artifact import recorded
from transforms.lake import current

FOLDER: Final = "builds"

_LEAST_PREFIX: Final = 4
"""Digits of an id that a person has to give."""


@dataclass(frozen=True)
class Listed:
    """One build of a lake.

    Attributes:
        current: whether readers see it.
        made: when it last became current, in seconds since 1970 by the clock of the machine.
        rows: rows of each stage; of mixtures and shards, those of tasks.
        bytes: of all its files.
        own_bytes: of the files that no other build of the lake needs.
        missing: artifacts of which the lake has no manifest any more.
    """

    build: Build
    current: bool
    made: float
    rows: dict[Stage, int]
    bytes: int
    own_bytes: int
    missing: int


def paths(lake: Path) -> list[Path]:
    """The lists of artifacts of all builds, of which each was current once; the latest first."""
    found = [path for path in (lake / FOLDER).glob("*.json") if not path.name.startswith(".")]
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def other_rows(before: Build | None, after: Build) -> list[str]:
    """The tasks whose tokenised rows are others than in a build before it, and `pictures` where those are.

    Rows are compared by content: a query whose words were moved about, a new version of a library, or another
    wording of an instruction, which is no part of a row, change none.
    """
    there = _rows_of(before) if before else {}
    return sorted(name for name, content in _rows_of(after).items() if there.get(name) != content)


def _rows_of(build: Build) -> dict[str, str]:
    """Content of the rows of each task of a build's mixture, by name of the task."""
    start = f"{build.mixture}."
    return {
        entry.name.removeprefix(start): entry.content_id
        for entry in build.members
        if entry.stage == "shards" and entry.name.startswith(start)
    }


def read(path: Path) -> Build:
    """The list of artifacts of a build.

    Raises:
        BuildError: it cannot be read.
    """
    try:
        build = Build.model_validate_json(path.read_bytes())
        if build.id != path.stem:
            raise ValueError(f"it is the list of {build.id}")
    except (OSError, ValueError) as error:
        raise BuildError(
            "the list of a build cannot be read",
            where=path,
            got=error.errors()[0]["msg"] if isinstance(error, ValidationError) else error,
            next_step="delete the file; the same build writes it anew",
        ) from error
    return build


def listed(lake: Path) -> list[Listed]:
    """All builds of a lake, the latest first.

    Raises:
        BuildError: the list of one cannot be read.
    """
    found = {path: read(path) for path in paths(lake)}
    now = current(lake)
    users = Counter(member for build in found.values() for member in build.members)
    manifests = {member: _manifest(lake, member) for member in users}
    return [
        _listed(build, path.stat().st_mtime, now is not None and build.id == now.id, users, manifests)
        for path, build in found.items()
    ]


def _manifest(lake: Path, member: Member) -> Manifest | None:
    found = recorded(lake, member.reference, member.fingerprint)
    return found.manifest if found is not None else None


def _listed(
    build: Build,
    made: float,
    is_current: bool,
    users: Counter[Member],
    manifests: dict[Member, Manifest | None],
) -> Listed:
    tasks = {member.name for member in build.members if member.stage == "instances"}
    rows: Counter[Stage] = Counter()
    size = own = missing = 0
    for member in build.members:
        manifest = manifests[member]
        if manifest is None:
            missing += 1
            continue
        bytes_here = sum(entry.bytes for entry in manifest.files)
        rows[member.stage] += manifest.rows_out if _holds_rows(member, tasks) else 0
        size += bytes_here
        own += bytes_here if users[member] == 1 else 0
    ordered: dict[Stage, int] = {stage: rows[stage] for stage in STAGES if rows[stage]}
    return Listed(build, is_current, made, ordered, size, own, missing)


def _holds_rows(member: Member, tasks: set[str]) -> bool:
    """Whether the rows of an artifact are no other's: counts, collections and pictures are of these."""
    return member.stage not in ("mixtures", "shards") or member.name.partition(".")[2] in tasks


def named(lake: Path, name: str) -> Build:
    """The build that a person means: `current`, `previous`, or the beginning of an id.

    Previous is the one that was current before the current one.

    Raises:
        BuildError: there is none of that name, or more than one.
    """
    found = paths(lake)
    now = current(lake)
    if name == "current":
        chosen = [path for path in found if now is not None and path.stem == now.id]
    elif name == "previous":
        chosen = [path for path in found if now is None or path.stem != now.id][:1]
    else:
        chosen = [path for path in found if len(name) >= _LEAST_PREFIX and path.stem.startswith(name)]
    if len(chosen) != 1:
        raise BuildError(
            "several builds begin so" if chosen else "the lake has no such build",
            where=lake,
            got=name,
            expected=", ".join(path.stem for path in chosen or found) or "a lake with a build",
            next_step="multiinstruct builds lists them",
            exit_code=ExitCode.USAGE,
        )
    return read(chosen[0])
