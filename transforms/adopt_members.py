"""Records that a person has unpacked and kept without their zip: known by name, and put into a zip again.

The zip is our own, so nobody can say whether it holds what the publisher's holds: each member is stored
as it lies there, in the order of the declaration, and its rows come out as those of the publisher's zip
would if the files are the publisher's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple
from zipfile import ZipFile

from transforms.content import file_sha256
from transforms.kept_pictures import agreement
from transforms.memory import remembered_sha256
from transforms.receive import failed_write
from transforms.stored_zip import stored

_BLOCK: Final = 1 << 20


class Unpacked(NamedTuple):
    """What of a zip's members lies unpacked among some files.

    Attributes:
        found: the file of each member that is there, in the order of the declaration.
        missing: the other members, and what was found in place of each, if anything.
    """

    found: dict[str, Path]
    missing: dict[str, str]

    @property
    def tell(self) -> bool:
        """Whether there is anything to say: a member that is there, or a file in place of one."""
        return bool(self.found) or any(self.missing.values())


def unpacked(members: Sequence[str], files: Iterable[Path]) -> Unpacked:
    """Looks for the members of a zip by their names.

    The member `annotations/a.json` is the file whose path agrees with it longest from its end. At least
    the folder must agree, where the member lies in one, and no other file may agree as long, unless it
    holds the same.
    """
    names = {PurePosixPath(member).name for member in members}
    candidates = [path for path in files if path.name in names]
    result = Unpacked({}, {})
    for member in members:
        wanted = PurePosixPath(member)
        best = nearest(wanted, candidates)
        if not best:
            result.missing[member] = ""
        elif agreed(wanted, best[0]) < min(2, len(wanted.parts)):
            result.missing[member] = f"{best[0]} does not lie in a folder {wanted.parent.name}"
        elif differ(best):
            result.missing[member] = "it could be any of " + ", ".join(map(str, best))
        else:
            result.found[member] = best[0]
    return result


def nearest(wanted: PurePosixPath, files: Iterable[Path]) -> list[Path]:
    """The files of that name whose paths agree longest with it, from their ends."""
    lengths = {path: agreed(wanted, path) for path in files if path.name == wanted.name}
    longest = max(lengths.values(), default=0)
    return [path for path, length in lengths.items() if length == longest]


def agreed(wanted: PurePosixPath, path: Path) -> int:
    """How many parts of a file's whole path are those of a name, from the end."""
    return agreement(wanted, PurePosixPath(path.absolute().as_posix()))


def differ(files: Sequence[Path]) -> bool:
    """Whether some files hold different bytes."""
    return len(files) > 1 and len({remembered_sha256(path) for path in files}) > 1


def pack(members: Mapping[str, Path], destination: Path) -> None:
    """Writes a zip that holds the files under the members' names, not compressed.

    The same files give the same bytes. A zip that is there and holds them already stays the file it is,
    for the lake may have linked it.

    Raises:
        BuildError: a file cannot be read, or the zip does not fit on the disk.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.with_name(f".{destination.name}.aside")
    try:
        with aside.open("wb") as target:
            with ZipFile(target, "w") as archive:
                for member, path in members.items():
                    _store(archive, member, path)
            target.flush()
            os.fsync(target.fileno())
        if not destination.is_file() or file_sha256(aside) != remembered_sha256(destination):
            aside.replace(destination)
    except OSError as error:
        total = sum(path.stat().st_size for path in members.values())
        raise failed_write(error, destination.parent, total) from error
    finally:
        aside.unlink(missing_ok=True)


def _store(archive: ZipFile, member: str, path: Path) -> None:
    entry = stored(member, path.stat().st_size)
    with path.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, _BLOCK)
