"""Finding a publisher's own file among what a person has handed over, and taking it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from schemas.errors import BuildError
from schemas.source import Pin, RemoteFile
from transforms.adopt_members import agreed, differ, nearest
from transforms.memory import remembered_sha256
from transforms.receive import HEAD_BYTES, check_head, place


class Found(NamedTuple):
    """What was found of a publisher's file.

    Attributes:
        state: `right`, `wrong` (a file of that name is not this one) or `missing`.
        path: the file, if it is right.
        detail: what is wrong with it.
        called: files of that name.
    """

    state: Literal["right", "wrong", "missing"]
    path: Path | None
    detail: str
    called: tuple[Path, ...]


def published_path(url: str) -> PurePosixPath:
    """The path of an address."""
    return PurePosixPath(urlsplit(url).path)


def find_whole(file: RemoteFile, files: Sequence[Path], pin: Pin | None) -> Found:
    """Looks for a declared file by its name or, where its bytes are known, by its size.

    Of several files of that name the one is taken that has the known bytes. Where none are known, it is
    the one whose path agrees longest with the address, if no other does as well.
    """
    names = {published_path(url).name: published_path(url) for url in file.urls}
    called = tuple(
        sorted(
            (path for path in files if path.name in names),
            key=lambda path: -agreed(names[path.name], path),
        )
    )
    if pin is None:
        best = [path for url in file.urls for path in nearest(published_path(url), called)]
        if differ(best):
            others = ", ".join(map(str, best))
            return Found("missing", None, f"it could be any of {others}: hand over one of them", called)
        candidates = best
    else:
        # A file that only happens to be as large is none of ours.
        candidates = [*called, *(path for path in files if path not in called and _has_size(path, pin))]
    wrong = ""
    for path in candidates:
        problem = problem_of(path, file.urls[0], pin)
        if problem is None:
            return Found("right", path, "", called)
        wrong = wrong or (f"{path}: {problem}" if path in called else "")
    return Found("wrong" if wrong else "missing", None, wrong, called)


def problem_of(path: Path, url: str, pin: Pin | None) -> str | None:
    """What is wrong with a file, or None.

    Args:
        url: an address that ends as the file's name should.
    """
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    if pin is not None and pin.bytes is not None and size != pin.bytes:
        return f"{size:,} bytes, expected {pin.bytes:,}"
    try:
        with path.open("rb") as opened:
            check_head(opened.read(HEAD_BYTES), url)
    except BuildError as error:
        return error.what
    if pin is not None and (sha256 := remembered_sha256(path)) != pin.sha256:
        return f"sha256 {sha256}, expected {pin.sha256}"
    return None


def link_to(destination: Path, path: Path) -> None:
    """Links a file to its place, or copies it, whatever is there before.

    Raises:
        BuildError: it does not fit on the disk, or cannot be read.
    """
    if destination.exists() and destination.samefile(path):
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.with_name(f".{destination.name}.aside")
    aside.unlink(missing_ok=True)
    place(path, aside)
    aside.replace(destination)


def _has_size(path: Path, pin: Pin) -> bool:
    return pin.bytes is not None and path.stat().st_size == pin.bytes
