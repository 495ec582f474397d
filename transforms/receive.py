"""What a file that arrives must be like: of the kind its name says, with the bytes that are known."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NamedTuple
from urllib.parse import urlsplit

from schemas.errors import BuildError, ExitCode
from schemas.source import Pin
from transforms.artifact import sync_folder
from transforms.memory import remembered_sha256
from transforms.web import named

BLOCK_BYTES: Final = 1 << 20

HEAD_BYTES: Final = 512
"""So much of a file is looked at before the rest of it comes."""

_WEB_PAGE: Final = (b"<!doctype html", b"<html", b"<head")
_BEGINNINGS: Final[dict[str, tuple[bytes, ...]]] = {
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    ".gz": (b"\x1f\x8b",),
    ".tgz": (b"\x1f\x8b",),
    ".json": (b"{", b"["),
    ".jsonl": (b"{",),
}
"""First bytes, after blanks, of files by the ending of their address."""


class Fetched(NamedTuple):
    """A file that has arrived.

    Attributes:
        sha256: of its bytes, as 64 hex digits.
        bytes: its size.
        url: where it came from, without user, password and query.
    """

    sha256: str
    bytes: int
    url: str


class OtherBytesError(BuildError):
    """The file is not the one that is expected."""


def link(path: Path, url: str, destination: Path, pin: Pin | None) -> Fetched:
    """Links a local file to its destination, or copies it where it cannot be linked.

    Args:
        url: the address whose file it is said to be.
        pin: the bytes that it must have, where they are known.

    Raises:
        BuildError: it is not the file that is expected, or does not fit on the disk.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.with_name(f".{destination.name}.partial")
    aside.unlink(missing_ok=True)
    try:
        place(path, aside)
        with aside.open("rb") as file:
            check_head(file.read(HEAD_BYTES), url)
        fetched = Fetched(remembered_sha256(aside), aside.stat().st_size, named(url))
        check_bytes(fetched, pin, str(path))
        aside.replace(destination)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(destination.parent)
    return fetched


def place(path: Path, destination: Path) -> None:
    """Links a file, or copies it where it cannot be linked.

    Raises:
        BuildError: it does not fit on the disk, or cannot be read.
    """
    try:
        os.link(path.resolve(), destination)
    except OSError:
        try:
            shutil.copyfile(path, destination)
        except OSError as error:
            raise failed_write(error, destination.parent, path.stat().st_size) from error


def read_blocks(source: BinaryIO) -> Iterator[bytes]:
    """An open file in blocks."""
    while block := source.read(BLOCK_BYTES):
        yield block


def with_head(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, of which the first block holds at least `HEAD_BYTES`, or everything."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    if head:
        yield head
    yield from blocks


def check_head(head: bytes, url: str, kind: str = "") -> None:
    """Refuses what is obviously not the file, such as a page about a quota, before all of it has come.

    Args:
        head: the first bytes of the file.
        kind: what its sender calls it, as in the header `Content-Type`.
    """
    start = head[:HEAD_BYTES].lstrip().removeprefix(b"\xef\xbb\xbf")
    ending = PurePosixPath(urlsplit(url).path).suffix.lower()
    page = start.lower().startswith(_WEB_PAGE)
    wanted = _BEGINNINGS.get(ending)
    if page or (kind.startswith("text/html") and ending not in {".html", ".htm"} and wanted is None):
        raise BuildError(
            "the server sent a web page in place of the file",
            where=named(url),
            next_step="open the address in a browser: it may ask for something, the day's quota may be "
            "used up, or the file may have moved; a file fetched by hand is taken over with `adopt`",
        )
    # A beginning of blanks only says nothing yet.
    if wanted is not None and start and not start.startswith(wanted):
        raise BuildError(
            "the file is of another kind than its name says",
            where=named(url),
            got=start[:16],
            expected=" or ".join(str(mark) for mark in wanted),
            next_step="fetch it by hand, look at it, and put the right file into a mirror",
        )


def check_bytes(fetched: Fetched, pin: Pin | None, where: str) -> None:
    """Holds a file to its pin.

    Raises:
        OtherBytesError: it has another size or hash.
    """
    if pin is None:
        return
    if pin.bytes is not None and fetched.bytes != pin.bytes:
        raise other_bytes(where, f"{fetched.bytes:,} bytes", f"{pin.bytes:,} bytes")
    if fetched.sha256 != pin.sha256:
        raise other_bytes(where, f"sha256 {fetched.sha256}", f"sha256 {pin.sha256} ({pin.witness})")


def other_bytes(where: str, got: str, expected: str) -> OtherBytesError:
    """The error for a file that differs from its pin."""
    return OtherBytesError(
        "the file is not the one that is expected",
        where=where,
        got=got,
        expected=expected,
        next_step="if the publisher has replaced the file, review the new one before its pin is changed",
    )


def failed_write(error: OSError, folder: Path, total: int | None) -> BuildError:
    """The error for a file that cannot be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BuildError(
            "the disk is full",
            where=folder,
            got=f"{shutil.disk_usage(folder).free:,} bytes free",
            expected=f"{total:,} bytes" if total is not None else None,
            next_step="make room and run the same command again",
            exit_code=ExitCode.DISK_FULL,
        )
    return BuildError(
        "the file cannot be copied or written",
        where=folder,
        got=error,
        next_step="look at the folder's permissions and at the disk",
    )
