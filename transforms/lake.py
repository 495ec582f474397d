"""A lake as its readers see it: the current build, whole, and the catalogue over it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from schemas.artifact import STAGES, Reference
from schemas.build import Build, Member
from schemas.errors import BuildError, ExitCode
from transforms.artifact import Artifact, find, recorded, write_whole
from transforms.content import combine


@contextmanager
def writing(lake: Path) -> Iterator[None]:
    """Holds the lake as its only writer. Readers are not held up.

    Raises:
        BuildError: someone else is writing.
    """
    lake.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lake / ".lock")
    holder = lake / ".lock.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BuildError(
            "another build is writing to this lake",
            where=lake,
            got=_holder(holder),
            next_step="wait for it to end, or use another --lake",
            exit_code=ExitCode.LAKE_BUSY,
        ) from error
    try:
        _sweep(lake)
        holder.write_text(f"process {os.getpid()} on {os.uname().nodename}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def is_busy(lake: Path) -> bool:
    """Whether somebody, perhaps this very process, is writing to a lake at this moment."""
    if not (lake / ".lock").exists():
        return False
    lock = FileLock(lake / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def drafts(lake: Path) -> Iterator[Path]:
    """Folders in which artifacts are being made. Those that nobody works in, a killed build has left."""
    for stage in STAGES:
        for artifact in folders(lake / stage):
            yield from (folder for folder in folders(artifact) if _DRAFT.fullmatch(folder.name))


_DRAFT = re.compile(r"\.([0-9a-f]{16}|unsettled)\.[0-9]+(\.scratch)?")


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, in order of name, without links: they may lead out of the lake."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names)] if not folder.is_symlink() else []


def _holder(path: Path) -> str | None:
    """Who holds the lake, if they have not just let go of it."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None


def _sweep(lake: Path) -> None:
    """Removes what a killed build left unfinished. Nobody else is writing."""
    for left in list(drafts(lake)):
        shutil.rmtree(left, ignore_errors=True)


def commit(lake: Path, made: Iterable[Artifact], mixture: str | None) -> Build:
    """Makes finished artifacts the current build of a lake."""
    members = [Member(**artifact.manifest.model_dump(include=set(Member.model_fields))) for artifact in made]
    members.sort(key=lambda member: (STAGES.index(member.stage), member.name))
    identity = combine({str(member.reference): member.content_id for member in members})[:16]
    build = Build(id=identity, mixture=mixture, members=members)
    write_whole(lake / "builds" / f"{identity}.json", build.model_dump_json(indent=1).encode())
    write_whole(lake / "current", f"{identity}\n".encode())
    return build


def current(lake: Path) -> Build | None:
    """The current build of a lake, or None before the first one."""
    try:
        name = (lake / "current").read_text().strip()
        return Build.model_validate_json((lake / "builds" / f"{name}.json").read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise BuildError("the current build cannot be read", where=lake / "current", got=error) from error


def whole(lake: Path) -> Build:
    """The current build.

    Raises:
        BuildError: nothing has been built.
    """
    build = current(lake)
    if build is None:
        raise BuildError(
            "nothing has been built in this lake",
            where=lake,
            next_step="multiinstruct build --sample, or name another --lake",
        )
    return build


def member(lake: Path, build: Build, reference: Reference) -> Artifact | None:
    """An artifact of a build, or None if the build does not have it.

    None also for a publisher's file that the lake does without, as it was filled from a published one.

    Raises:
        BuildError: the build has it, but its files are gone.
    """
    for entry in build.members:
        if entry.reference == reference:
            found = find(lake, reference, entry.fingerprint)
            if found is None:
                if entry.stage == "raw" and recorded(lake, reference, entry.fingerprint):
                    return None
                raise BuildError(
                    "a file of the current build is missing",
                    where=lake / entry.stage / entry.name / entry.fingerprint,
                    next_step="run the build again",
                )
            return found
    return None
