"""Which bytes a file must have: pinned by its declaration, or remembered since it was first accepted."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import TypeAdapter

from schemas.errors import BuildError
from schemas.settings import BuildSettings
from schemas.source import Pin, RemoteFile
from transforms.artifact import write_whole
from transforms.memory import remembered_sha256
from transforms.mirror import Mirror, adopted

_PINS = TypeAdapter(dict[str, Pin])
_remembering = threading.Lock()

Standing = Literal["pinned", "remembered", "members", "sample", "absent", "unpinned", "refused"]

MEMBERS_WITNESS: Final = "members handed to this lake with adopt; the archive's own hash could not be checked"
"""Witness of a zip that was made here out of unpacked members. Its hash is nobody else's."""


class Expected(NamedTuple):
    """What is known of a file's bytes before it is fetched.

    `members` are zips that were made here out of what a person had unpacked. `unpinned` files are
    accepted as they come and remembered; `refused` ones, and those `absent` from the sample world, are
    not fetched.
    """

    standing: Standing
    pin: Pin | None = None


def _place(lake: Path) -> Path:
    return lake / "pins.json"


def remembered(lake: Path) -> dict[str, Pin]:
    """Pins of the files that this lake accepted without one, by `source.file`."""
    try:
        return _PINS.validate_json(_place(lake).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BuildError(
            "the remembered pins cannot be read",
            where=_place(lake),
            got=error,
            next_step="restore the file, or delete it to accept files anew",
        ) from error


def remember(lake: Path, name: str, pin: Pin) -> None:
    """Holds the file `source.file` to these bytes from now on."""
    # Two files may arrive at once in one process; other processes are kept away by the lake's lock.
    with _remembering:
        pins = {**remembered(lake), name: pin}
        text = json.dumps({key: pins[key].model_dump() for key in sorted(pins)}, indent=1)
        write_whole(_place(lake), text.encode())


def vouched(file: RemoteFile, held: Pin | None) -> Pin | None:
    """What the publisher's file is known to be: as declared, or as it was first accepted.

    Args:
        held: the pin that the lake remembers of it.
    """
    if file.pin is not None:
        return file.pin
    return held if held is not None and held.witness != MEMBERS_WITNESS else None


def _is_adopted(lake: Path, file: RemoteFile, pin: Pin) -> bool:
    """Whether these bytes lie where `adopt` has put them. Who deletes them wants the publisher's again."""
    paths = [adopted(lake).local_path(url) for url in file.urls]
    return any(path and path.is_file() and remembered_sha256(path) == pin.sha256 for path in paths)


def expected(settings: BuildSettings, mirror: Mirror | None, name: str, file: RemoteFile) -> Expected:
    """What the file `source.file` must be in this build.

    The sample world is drawn on the spot, so that its files vouch for themselves.
    """
    if settings.sample and mirror is not None:
        for url in file.urls:
            path = mirror.local_path(url)
            if path is not None and path.is_file():
                witness = "drawn on this machine"
                return Expected("sample", Pin(sha256=remembered_sha256(path), witness=witness))
        return Expected("absent")
    held = remembered(settings.lake).get(name)
    if held is not None and held.witness == MEMBERS_WITNESS and _is_adopted(settings.lake, file, held):
        return Expected("members", held)
    known = vouched(file, held)
    if known is not None:
        return Expected("pinned" if file.pin is not None else "remembered", known)
    return Expected("unpinned" if settings.unpinned else "refused")
