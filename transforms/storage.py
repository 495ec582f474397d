"""Places outside the lake, wherever fsspec reaches: folders, S3 and others. The one door to fsspec.

Nothing that fsspec or a client below it says is shown: it may hold a key. It is imported where a place is
asked, for a plan that asks none should not wait for it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast
from urllib.parse import urlsplit

from schemas.errors import BuildError, ExitCode, TransientError
from transforms.artifact import sync_file, sync_folder, write_whole
from transforms.lake import writing

_PRECONDITION: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""What S3 answers to a conditional write that came too late."""

_BLOCK: Final = 1 << 22

_CREDENTIALS: Final = ("NoCredentialsError", "PartialCredentialsError", "PermissionError")


class Seen(NamedTuple):
    """A small file as it was looked at: its bytes, None if there was none, and its version."""

    data: bytes | None
    version: str | None = None


def opened(url: str) -> BinaryIO | None:
    """Opens one file anywhere; None if there is none.

    Raises:
        BuildError: fsspec has no way to open such an address.
        TransientError: the place did not answer.
    """
    import fsspec

    with _asked(f"{_protocol(url)}://…"):
        try:
            return cast(BinaryIO, fsspec.open(url, "rb").open())
        except FileNotFoundError:
            return None


def storage(url: str) -> Storage:
    """The place at an address: a path, `file:///…`, `s3://bucket/…` or any other address of fsspec.

    Raises:
        BuildError: fsspec has no way to reach such a place.
    """
    import fsspec

    protocol = _protocol(url)
    # fsspec would take the folder that the command runs in.
    if not url.rpartition("://")[2].strip("/ "):
        raise BuildError("the address names no place", got=repr(_named(url)), exit_code=ExitCode.USAGE)
    with _asked(f"{protocol}://…"):
        filesystem, root = fsspec.url_to_fs(url)
    kinds = {"file": _Folder, "local": _Folder, "s3": _S3, "s3a": _S3}
    return kinds.get(protocol, Storage)(filesystem, root.rstrip("/"), _named(url))


class Storage:
    """A place that holds files under paths with slashes. May be used from several threads.

    Attributes:
        name: its address, without user, password and query.
        conditional: whether `swap` can tell that somebody else came in between at the last moment.
    """

    conditional = False

    def __init__(self, filesystem: Any, root: str, name: str) -> None:
        self._files = filesystem
        self._root = root
        self.name = name

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file below a folder, by path."""
        with self._reached():
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
        # A memory file system begins its paths with a slash whatever it was asked.
        cut = len(self._root.strip("/")) + 1
        return {name.strip("/")[cut:]: int(entry["size"]) for name, entry in sorted(found.items())}

    def read(self, path: str) -> bytes | None:
        """A small file, or None if there is none."""
        with self._reached():
            try:
                return bytes(self._files.cat_file(self._path(path)))
            except FileNotFoundError:
                return None

    def sha256(self, path: str) -> str:
        """sha256 of a file, which is read for it, as 64 hex digits."""
        digest = hashlib.sha256()
        with self._reached(), self._files.open(self._path(path), "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def write(self, path: str, data: bytes) -> None:
        """Writes a small file; a reader sees the old bytes or the new where the place can do that."""
        with self._reached():
            self._make_folder(path)
            self._files.pipe_file(self._path(path), data)

    def put(self, path: str, local: Path) -> None:
        """Copies a local file to the place."""
        with self._reached():
            self._make_folder(path)
            self._files.put_file(str(local), self._path(path))

    def get(self, path: str, local: Path) -> None:
        """Copies a file of the place here.

        Raises:
            BuildError: it is not there, or does not fit on the disk.
        """
        with self._reached():
            try:
                self._files.get_file(self._path(path), str(local))
            except FileNotFoundError as error:
                raise BuildError(
                    "a file that should be there is missing", where=f"{self.name}/{path}"
                ) from error

    def look(self, path: str) -> Seen:
        """A small file that is to be replaced by `swap`."""
        return Seen(self.read(path))

    def swap(self, path: str, seen: Seen, data: bytes) -> bool:
        """Replaces a small file if it is still as it was seen; False if somebody else has changed it.

        Here it is compared and then written: of two who do so in the same instant, both are told True,
        and the later one stands. The subclasses have no such gap.
        """
        if self.read(path) != seen.data:
            return False
        self.write(path, data)
        return True

    def _make_folder(self, path: str) -> None:
        self._files.makedirs(self._path(path).rpartition("/")[0], exist_ok=True)

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        with _asked(self.name):
            yield


class _Folder(Storage):
    """A folder of this machine."""

    conditional = True

    def write(self, path: str, data: bytes) -> None:
        with self._reached():
            write_whole(Path(self._path(path)), data)

    def put(self, path: str, local: Path) -> None:
        place = Path(self._path(path))
        aside = place.with_name(f".{place.name}.{os.getpid()}")
        with self._reached():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(local, aside)
                sync_file(aside)
                aside.replace(place)
            finally:
                aside.unlink(missing_ok=True)
            sync_folder(place.parent)

    def swap(self, path: str, seen: Seen, data: bytes) -> bool:
        # What is published is laid out as a lake, and has a lake's lock.
        with writing(Path(self._root)):
            return super().swap(path, seen, data)


class _S3(Storage):
    """A bucket. Keys and endpoint are those of the environment, as for every client of AWS."""

    conditional = True

    def look(self, path: str) -> Seen:
        with self._reached():
            self._files.invalidate_cache()
            try:
                version = str(self._files.info(self._path(path))["ETag"])
            except FileNotFoundError:
                return Seen(None)
        return Seen(self.read(path), version)

    def swap(self, path: str, seen: Seen, data: bytes) -> bool:
        condition = {"IfMatch": seen.version} if seen.version else {"IfNoneMatch": "*"}
        with self._reached():
            try:
                self._files.pipe_file(self._path(path), data, **condition)
            except OSError as error:
                if not _came_too_late(error):
                    raise
                # A write whose answer was lost is tried again by the client, and meets itself.
                return self.read(path) == data
        return True

    def _make_folder(self, path: str) -> None:
        """Nothing: a bucket has no folders, and who may write into it may not be allowed to make one."""


def _came_too_late(error: OSError) -> bool:
    answer = getattr(error.__cause__, "response", None) or {}
    code = str(answer.get("Error", {}).get("Code"))
    # Not every S3 says what the code 412 is called.
    return isinstance(error, FileExistsError) or code in _PRECONDITION or code == "412"


def _protocol(url: str) -> str:
    protocol, separator, _ = url.partition("://")
    return protocol if separator else "file"


def _named(url: str) -> str:
    """An address without what may be secret."""
    if "://" not in url:
        return url.rstrip("/")
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


@contextmanager
def _asked(where: str) -> Iterator[None]:
    """Turns what any file system raises into errors of ours."""
    try:
        yield
    except BuildError:
        raise
    except (ImportError, ValueError) as error:
        extra = "pip install -e '.[s3]'" if where.startswith("s3") else "install what fsspec needs for it"
        raise BuildError(
            "such a place cannot be reached from here",
            where=where,
            got=type(error).__name__,
            next_step=f"{extra}, or name another place",
            exit_code=ExitCode.USAGE,
        ) from None
    except Exception as error:  # every file system has errors of its own
        raise _failed(error, where) from None


def _failed(error: Exception, where: str) -> BuildError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BuildError("the disk is full", where=where, exit_code=ExitCode.DISK_FULL)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return BuildError("the place does not exist", where=where, next_step="make it, or name another")
    if type(error).__name__ in _CREDENTIALS:
        return BuildError(
            "the place lets nobody in without the right credentials",
            where=where,
            got=type(error).__name__,
            next_step="give them as its own client takes them, such as AWS_ACCESS_KEY_ID for s3://",
        )
    return TransientError(
        "the place does not answer",
        where=where,
        got=type(error).__name__,
        next_step="try again; what has arrived stays. Check the address and the credentials",
    )
