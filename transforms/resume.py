"""The part of a file that has come so far: it outlives an interrupt, a kill and a loss of power.

Beside `<name>` lie `<name>.json`, which says what it is the beginning of, and `<name>.lock`. Only what
is known to be on the disk is trusted after a restart; it is hashed again, for the hash is of the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import BuildError, ExitCode
from transforms.artifact import sync_folder, write_whole

SYNC_BYTES: Final = 32 << 20
"""How many bytes may be lost with the power."""

WAIT_SECONDS: Final = 60.0
"""How long another process that fetches the same file is waited for."""

_BLOCK: Final = 1 << 20


class State(BaseModel):
    """What an unfinished file is the beginning of.

    Attributes:
        address: sha256 of the address that it comes from, which itself may hold a secret.
        etag: the server's name for these very bytes, or None.
        last_modified: when the server says they changed last, or None.
        total: size of the whole file, or None if nobody has said it.
        synced: bytes that are on the disk for certain.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None
    synced: int = Field(default=0, ge=0)

    @property
    def validator(self) -> str | None:
        """What `If-Range` may say: an ETag unless it is weak, else the date (RFC 9110, 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified


def address_of(url: str) -> str:
    """An address as it stands in a `State`."""
    return hashlib.sha256(url.encode()).hexdigest()


def is_held(path: Path) -> bool:
    """Whether some process is fetching into this file at this moment."""
    beside = path.with_name(f"{path.name}.lock")
    if not beside.exists():
        return False
    lock = FileLock(beside)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


class Partial:
    """An unfinished file; to be used while it is `held`.

    Attributes:
        state: what it is the beginning of, or None if there is nothing yet.
        size: bytes that have come.
        joined: whether they came in more than one answer, so that they may not belong together.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state: State | None = None
        self.size = 0
        self.joined = False
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """sha256 of what has come."""
        return self._digest.hexdigest()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes away, and takes up what an earlier one has left.

        Raises:
            BuildError: another process holds the file and does not come to an end.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._beside("lock"))
        try:
            lock.acquire(timeout=WAIT_SECONDS)
        except Timeout:
            raise BuildError(
                "another process is fetching this file",
                where=self.path,
                next_step="wait for it to end and run the same command again",
                exit_code=ExitCode.LAKE_BUSY,
            ) from None
        try:
            self._take_up()
            yield
        finally:
            # What has come is kept if that is possible; why it did not go on matters more.
            with suppress(OSError):
                self.sync()
            self._close()
            lock.release()

    def start(self, state: State) -> None:
        """Begins anew; what was there is gone."""
        self.discard()
        self._file = self.path.open("wb")
        self._say(state.model_copy(update={"synced": 0}))

    def join(self, total: int) -> None:
        """Says that what comes next is another answer's, and how large the whole file is."""
        self.joined = True
        if self.state is not None:
            self.state = self.state.model_copy(update={"total": total})

    def append(self, block: bytes) -> None:
        """Adds the next bytes."""
        file = self._opened()
        file.write(block)
        self._digest.update(block)
        self.size += len(block)
        if self.state is not None and self.size - self.state.synced >= SYNC_BYTES:
            self.sync()

    def sync(self) -> None:
        """Makes what has come survive a loss of power."""
        if self.state is None or self.state.synced == self.size:
            return
        file = self._opened()
        file.flush()
        os.fsync(file.fileno())
        self._say(self.state.model_copy(update={"synced": self.size}))

    def finish(self, destination: Path) -> None:
        """Gives the file its place."""
        self.sync()
        self._close()
        destination.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(destination)
        sync_folder(destination.parent)
        self.discard()

    def discard(self) -> None:
        """Forgets everything."""
        self._close()
        # In this order: a state without a file is nothing, a file without a state is nothing.
        self._beside("json").unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self._forget()

    def _forget(self) -> None:
        self.state, self.size, self.joined, self._digest = None, 0, False, hashlib.sha256()

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{ending}")

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self.path.open("ab")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            # What is not synced is not relied upon.
            with suppress(OSError):
                file.close()

    def _say(self, state: State) -> None:
        write_whole(self._beside("json"), state.model_dump_json(indent=1).encode())
        self.state = state

    def _take_up(self) -> None:
        self._forget()
        try:
            state = State.model_validate_json(self._beside("json").read_bytes())
            with self.path.open("r+b") as file:
                whole = os.fstat(file.fileno()).st_size >= state.synced
                if whole:
                    file.truncate(state.synced)
                    while block := file.read(_BLOCK):
                        self._digest.update(block)
        except (FileNotFoundError, ValidationError):
            return
        if whole and state.synced:
            self.state, self.size, self.joined = state, state.synced, True
