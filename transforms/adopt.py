"""Taking over what a person already has: archives, and folders of pictures that were unpacked from them.

Files are linked into the lake, or copied where they cannot be linked. Archives go to
`<lake>/adopted/HOST/PATH`, which every later build asks first; folders of pictures go to
`<lake>/pictures/<source>.adopted`, where single pictures are looked for by the end of their path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from schemas.source import Pin, RemoteFile
from transforms import pins, registry
from transforms.kept_pictures import ENDINGS
from transforms.memory import remembered_sha256
from transforms.mirror import adopted
from transforms.picture_store import adopted_folder
from transforms.receive import HEAD_BYTES, check_head, place

State = Literal["taken", "wrong", "missing", "pictures"]

_WITNESS: Final = "handed to this lake with adopt"


class Outcome(NamedTuple):
    """What became of one declared file.

    Attributes:
        file: its declared name.
        name: the name that it has at its publisher, empty where there is no such file.
        bytes: the size that it has, or should have; None if nobody knows.
        state: `taken`, `pictures` (a folder of them stands for it), `wrong` or `missing`.
        detail: which file was taken, or what is wrong with it.
    """

    file: str
    name: str
    bytes: int | None
    state: State
    detail: str


@dataclass(frozen=True)
class Adopted:
    """What was found in what a person has handed over.

    Attributes:
        outcomes: one for each file that the source declares.
        pictures: how many single pictures were taken over.
        picture_bytes: their size.
        others: files that belong to nothing that is declared.
    """

    outcomes: tuple[Outcome, ...]
    pictures: int
    picture_bytes: int
    others: int


def adopt(lake: Path, source: str, path: Path) -> Adopted:
    """Takes over archives and folders of pictures of one source.

    Args:
        path: a file, or a folder that is searched through; links in it are not followed into folders.

    Raises:
        BuildError: there is no such source or path.
    """
    registry.check_known("source", (source,), registry.source_names())
    if not path.exists():
        raise BuildError("there is nothing to take over", where=path, exit_code=ExitCode.USAGE)
    declared = registry.declaration(source).files
    found = sorted(_files(path))
    outcomes: dict[str, Outcome] = {}
    used: set[Path] = set()
    for name, file in declared.items():
        outcomes[name], taken = _adopt_file(lake, source, name, file, found)
        used.update(taken)
    shows = any(file.holds == "pictures" for file in declared.values())
    pictures = [one for one in found if one not in used and one.suffix.lower() in ENDINGS] if shows else []
    size = sum(_adopt_picture(lake, source, path, one) for one in pictures)
    if pictures:
        outcomes = {name: _stood_for(declared[name], one, len(pictures)) for name, one in outcomes.items()}
    others = len(found) - len(pictures) - len(used)
    return Adopted(tuple(outcomes.values()), len(pictures), size, others)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for found in path.rglob("*"):
        if found.is_file():
            yield found


def _adopt_file(
    lake: Path, source: str, name: str, file: RemoteFile, found: list[Path]
) -> tuple[Outcome, list[Path]]:
    """What becomes of a declared file, and the files that were looked at for it."""
    if not file.urls:
        return Outcome(name, "", None, "missing", "its pictures lie singly"), []
    names = {_last_part(url) for url in file.urls}
    shown = _last_part(file.urls[0])
    pin = file.pin or pins.remembered(lake).get(f"{source}.{name}")
    size = pin.bytes if pin is not None and pin.bytes is not None else file.about_bytes
    candidates = [path for path in found if path.name in names or (pin and _has_size(path, pin))]
    wrong = ""
    for path in candidates:
        problem = _problem(path, file.urls[0], pin)
        if problem is None:
            _take(lake, source, name, file, path, pin)
            return Outcome(name, shown, path.stat().st_size, "taken", str(path)), candidates
        # A file that only happens to be as large is none of ours.
        wrong = wrong or (f"{path}: {problem}" if path.name in names else "")
    state: State = "wrong" if wrong else "missing"
    return Outcome(name, shown, size, state, wrong), [path for path in candidates if path.name in names]


def _last_part(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).name


def _has_size(path: Path, pin: Pin) -> bool:
    return pin.bytes is not None and path.stat().st_size == pin.bytes


def _problem(path: Path, url: str, pin: Pin | None) -> str | None:
    """What is wrong with a file, or None."""
    size = path.stat().st_size
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


def _take(lake: Path, source: str, name: str, file: RemoteFile, path: Path, pin: Pin | None) -> None:
    destination = adopted(lake).local_path(file.urls[0])
    if destination is None:
        raise BuildError("the lake's own mirror is not local", where=lake)
    if not (destination.exists() and destination.samefile(path)):
        destination.parent.mkdir(parents=True, exist_ok=True)
        aside = destination.with_name(f".{destination.name}.aside")
        aside.unlink(missing_ok=True)
        place(path, aside)
        aside.replace(destination)
    if pin is None:
        known = Pin(sha256=remembered_sha256(destination), bytes=destination.stat().st_size, witness=_WITNESS)
        pins.remember(lake, f"{source}.{name}", known)


def _adopt_picture(lake: Path, source: str, root: Path, path: Path) -> int:
    """Links a picture below its folders' names, and says how large it is."""
    inside = path.relative_to(root) if root.is_dir() else Path(path.name)
    destination = (
        adopted_folder(lake, source) / (root if root.is_dir() else root.parent).resolve().name / inside
    )
    if not destination.exists():
        destination.parent.mkdir(parents=True, exist_ok=True)
        place(path, destination)
    return path.stat().st_size


def _stood_for(file: RemoteFile, outcome: Outcome, count: int) -> Outcome:
    """A missing archive of pictures for which a folder of pictures stands."""
    if file.holds != "pictures" or outcome.state != "missing":
        return outcome
    return outcome._replace(state="pictures", detail=f"looked for among {count:,} single pictures")


def pin_lines(lake: Path, source: str) -> dict[str, Pin]:
    """What the lake holds of a source's files, as pins, by declared name.

    Raises:
        BuildError: there is no such source.
    """
    registry.check_known("source", (source,), registry.source_names())
    found: dict[str, Pin] = {}
    for name, file in registry.declaration(source).files.items():
        known = pins.remembered(lake).get(f"{source}.{name}")
        held = file.pin or known
        path = _held_file(lake, Reference("raw", f"{source}.{name}"))
        if path is not None:
            witness = held.witness if held is not None else "fetched by us"
            found[name] = Pin(sha256=remembered_sha256(path), bytes=path.stat().st_size, witness=witness)
        elif known is not None:
            found[name] = known
    return found


def _held_file(lake: Path, reference: Reference) -> Path | None:
    """The newest file of a publisher that the lake holds."""
    manifests = sorted(
        (lake / reference.stage / reference.name).glob("*/manifest.json"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    for manifest in reversed(manifests):
        for path in sorted((manifest.parent / "data").iterdir()):
            return path
    return None
