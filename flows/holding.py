"""Which `serve` runs on a home: a locked file that says where everything is, and is gone with its holder."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import BuildError, ExitCode

_FILE = "serve.json"
_LENGTH = 1 << 14


@dataclass(frozen=True)
class Served:
    """What `serve` offers.

    Attributes:
        pid: process that holds it all together; ending it ends everything.
        ready: whether all of it is up; before that the addresses only promise.
        prefect: address of the Prefect server.
        reports: address of the reports.
        lake: the lake that is built into and reported on.
        home: where Prefect's database is.
        logs: where the services write.
    """

    pid: int
    ready: bool
    prefect: str
    reports: str
    lake: str
    home: str
    logs: str


def held_by(home: Path) -> Served | None:
    """What runs on a home, or None. What a killed `serve` has left does not count."""
    try:
        handle = os.open(home / _FILE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(handle, _LENGTH)
        return Served(**json.loads(text)) if text else None
    else:
        return None
    finally:
        os.close(handle)


class Hold:
    """The one right to serve on a home."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def say(self, served: Served) -> None:
        """Tells whoever asks what runs here."""
        # One write of always the same length: a reader sees the old or the new, never a part.
        os.pwrite(self._handle, json.dumps(asdict(served)).encode().ljust(_LENGTH), 0)


def make(home: Path) -> None:
    """Makes the folder of a home, for its owner alone.

    Raises:
        BuildError: it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BuildError(
            "the home cannot be made",
            where=home,
            got=error.strerror,
            next_step="choose another --lake or --home",
            exit_code=ExitCode.USAGE,
        ) from error


@contextmanager
def holding(home: Path) -> Iterator[Hold]:
    """Makes and holds a home; the kernel lets go of it even after `kill -9`.

    Raises:
        BuildError: it cannot be made, or is held already.
    """
    make(home)
    path = home / _FILE
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise _is_held(home) from error
        # Whoever held it may have removed the file between our two calls: then it is nobody's.
        if path.is_file() and path.stat().st_ino == os.fstat(handle).st_ino:
            break
        os.close(handle)
    try:
        yield Hold(handle)
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_held(home: Path) -> BuildError:
    served = held_by(home)
    return BuildError(
        "this home is served already",
        where=home,
        got=f"process {served.pid}: {served.prefect}, reports at {served.reports}" if served else None,
        next_step=f"use it, choose another --home, or end it: multiinstruct serve --stop --home {home}",
        exit_code=ExitCode.USAGE,
    )
