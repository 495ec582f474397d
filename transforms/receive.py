"""Writing a file that arrives: hashed on the way, checked, made durable, and only then named.

An interrupt leaves nothing that looks finished.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NamedTuple
from urllib.parse import urlsplit

from schemas.errors import BuildError, ExitCode, TransientError
from schemas.source import Pin
from transforms.artifact import sync_folder
from transforms.memory import remembered_sha256
from transforms.steps import Progress

BLOCK_BYTES: Final = 1 << 20

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


class Request(NamedTuple):
    """What is being fetched.

    Attributes:
        url: address of the file, or of its copy in a mirror on the web.
        destination: where it goes.
        pin: the bytes that it must have, where they are known.
        progress: told how it goes.
    """

    url: str
    destination: Path
    pin: Pin | None
    progress: Progress

    @property
    def where(self) -> str:
        """The address for messages."""
        return named(self.url)


def named(url: str) -> str:
    """An address without what may be secret: user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def receive(request: Request, blocks: Iterable[bytes], size: int | None) -> Fetched:
    """Writes the file that comes in `blocks`.

    Args:
        size: how many bytes the sender has announced, if it did.

    Raises:
        TransientError: the file ends too early.
        BuildError: it is not the file that is expected, or does not fit on the disk.
    """
    with _partial(request.destination) as partial:
        fetched = _written(request, blocks, size, partial)
        _check_bytes(fetched, request.pin, request.where)
        _finish(partial, request.destination)
    return fetched


def link(request: Request, path: Path) -> Fetched:
    """Links a local file to its destination, or copies it where it cannot be linked.

    Raises:
        BuildError: it is not the file that is expected, or does not fit on the disk.
    """
    with _partial(request.destination) as partial:
        try:
            os.link(path.resolve(), partial)
        except OSError:
            with path.open("rb") as source:
                _written(request, read_blocks(source), path.stat().st_size, partial)
        with partial.open("rb") as file:
            _check_beginning(file.read(512), request.url)
        fetched = Fetched(remembered_sha256(partial), partial.stat().st_size, request.where)
        _check_bytes(fetched, request.pin, str(path))
        request.progress(fetched.bytes, fetched.bytes)
        _finish(partial, request.destination)
    return fetched


def read_blocks(source: BinaryIO) -> Iterator[bytes]:
    """An open file in blocks."""
    while block := source.read(BLOCK_BYTES):
        yield block


@contextmanager
def _partial(destination: Path) -> Iterator[Path]:
    """A name beside the destination to write to; whatever has it is gone before and afterwards."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f".{destination.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _finish(partial: Path, destination: Path) -> None:
    partial.replace(destination)
    sync_folder(destination.parent)


def _written(request: Request, blocks: Iterable[bytes], announced: int | None, partial: Path) -> Fetched:
    digest, size = hashlib.sha256(), 0
    pinned = request.pin.bytes if request.pin is not None else None
    total = pinned if announced is None else announced
    try:
        with partial.open("wb") as file:
            for block in blocks:
                if size == 0:
                    _check_beginning(block, request.url)
                    if pinned is not None and total != pinned:
                        raise _other_bytes(request.where, f"{total:,} bytes", f"{pinned:,} bytes")
                size += len(block)
                if pinned is not None and size > pinned:
                    raise _other_bytes(request.where, f"over {pinned:,} bytes", f"{pinned:,} bytes")
                file.write(block)
                digest.update(block)
                request.progress(size, total)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _failed_write(error, partial.parent, total) from error
    if size == 0 or (total is not None and size < total):
        raise TransientError(
            "the file ended too early",
            where=request.where,
            got=f"{size:,} bytes",
            expected=f"{total:,} bytes" if total is not None else "more",
            next_step="run the same command again",
        )
    return Fetched(digest.hexdigest(), size, request.where)


def _check_beginning(block: bytes, url: str) -> None:
    """Refuses what is obviously not the file, such as a page about a quota, before all of it has come."""
    start = block[:512].lstrip()
    if start.lower().startswith(_WEB_PAGE):
        raise _web_page(url)
    wanted = _BEGINNINGS.get(PurePosixPath(urlsplit(url).path).suffix.lower())
    # A beginning of blanks only says nothing yet.
    if wanted is not None and start and not start.startswith(wanted):
        raise BuildError(
            "the file is of another kind than its name says",
            where=named(url),
            got=start[:16],
            expected=" or ".join(str(mark) for mark in wanted),
            next_step="fetch it by hand, look at it, and put the right file into a mirror",
        )


def _web_page(url: str) -> BuildError:
    return BuildError(
        "the server sent a web page in place of the file",
        where=named(url),
        next_step="open the address in a browser: it may ask for something, or the file may have moved",
    )


def _check_bytes(fetched: Fetched, pin: Pin | None, where: str) -> None:
    if pin is None:
        return
    if pin.bytes is not None and fetched.bytes != pin.bytes:
        raise _other_bytes(where, f"{fetched.bytes:,} bytes", f"{pin.bytes:,} bytes")
    if fetched.sha256 != pin.sha256:
        raise _other_bytes(where, f"sha256 {fetched.sha256}", f"sha256 {pin.sha256} ({pin.witness})")


def _other_bytes(where: str, got: str, expected: str) -> BuildError:
    return BuildError(
        "the file is not the one that is expected",
        where=where,
        got=got,
        expected=expected,
        next_step="if the publisher has replaced the file, review the new one before its pin is changed",
    )


def _failed_write(error: OSError, folder: Path, total: int | None) -> BuildError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return BuildError(
            "the disk is full",
            where=folder,
            got=f"{shutil.disk_usage(folder).free:,} bytes free",
            expected=f"{total:,} bytes" if total is not None else None,
            next_step="make room and run the same command again",
            exit_code=ExitCode.DISK_FULL,
        )
    return BuildError("the file cannot be copied or written", where=folder, got=error)
