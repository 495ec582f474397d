"""Taking over what a person already has: archives, and what was unpacked from them.

Files are linked into the lake, or copied where they cannot be linked. Archives go to
`<lake>/adopted/HOST/PATH`, which every later build asks first. Where an archive of records is missing but
all that is read of it lies unpacked, that is stored there as a zip of our own, which takes its bytes once
more. Folders of pictures go to `<lake>/pictures/<source>.adopted`, where single pictures are looked for by
the end of their path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from schemas.artifact import Manifest, Reference
from schemas.errors import BuildError, ExitCode
from schemas.source import Pin, RemoteFile
from transforms import pins, registry
from transforms.adopt_archives import find_whole, link_to, problem_of, published_path
from transforms.adopt_members import Unpacked, pack, unpacked
from transforms.adopt_pictures import Compared, compare
from transforms.kept_pictures import ENDINGS, AdoptedTree
from transforms.memory import remembered_sha256
from transforms.mirror import adopted
from transforms.picture_store import adopted_folder
from transforms.receive import place

State = Literal["taken", "members", "pictures", "held", "wrong", "missing"]

_WITNESS: Final = "handed to this lake with adopt"


class Outcome(NamedTuple):
    """What became of one declared file.

    Attributes:
        file: its declared name.
        name: the name that it has at its publisher, empty where there is no such file.
        bytes: the size that it has, or should have; None if nobody knows.
        state: `taken`, `members` (what is read of it lay unpacked, and was taken), `pictures` (a folder of
            them stands for it), `held` (taken over before), `wrong` or `missing`.
        detail: which file was taken, or what is wrong or missing.
        missing: members that are missing where others lie unpacked.
    """

    file: str
    name: str
    bytes: int | None
    state: State
    detail: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adopted:
    """What was found in what a person has handed over.

    Attributes:
        outcomes: one for each file that the source declares.
        pictures: how many single pictures were taken over.
        picture_bytes: their size.
        others: files that belong to nothing that is declared.
        compared: the pictures that the source lists, held against the single ones that were ever handed
            over; None if there are none of these, or the lake does not have the list yet.
    """

    outcomes: tuple[Outcome, ...]
    pictures: int
    picture_bytes: int
    others: int
    compared: Compared | None


def adopt(lake: Path, source: str, path: Path) -> Adopted:
    """Takes over archives, unpacked records and folders of pictures of one source.

    Args:
        path: a file, or a folder that is searched through; links in it are not followed into folders.

    Raises:
        BuildError: there is no such source or path, or the disk is full.
    """
    registry.check_known("source", (source,), registry.source_names())
    if not path.exists():
        raise BuildError("there is nothing to take over", where=path, exit_code=ExitCode.USAGE)
    declared = registry.declaration(source).files
    found = sorted(_files(path))
    outcomes: dict[str, Outcome] = {}
    used: set[Path] = set()
    for name, file in declared.items():
        outcomes[name], concerned = _adopt_file(lake, source, name, file, found)
        used |= concerned
    shows = any(file.holds == "pictures" for file in declared.values())
    pictures = [one for one in found if one not in used and one.suffix.lower() in ENDINGS] if shows else []
    size = sum(_adopt_picture(lake, source, path, one) for one in pictures)
    tree = AdoptedTree(adopted_folder(lake, source))
    if len(tree):
        outcomes = {name: _stood_for(declared[name], one, len(tree)) for name, one in outcomes.items()}
    others = len(found) - len(pictures) - len(used)
    compared = _compared(lake, source, outcomes.values(), tree)
    return Adopted(tuple(outcomes.values()), len(pictures), size, others, compared)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for found in path.rglob("*"):
        if found.is_file():
            yield found


def _adopt_file(
    lake: Path, source: str, name: str, file: RemoteFile, found: Sequence[Path]
) -> tuple[Outcome, set[Path]]:
    """What becomes of a declared file, and the files that have to do with it."""
    if not file.urls:
        return Outcome(name, "", None, "missing", "its pictures lie singly"), set()
    known = pins.remembered(lake).get(f"{source}.{name}")
    pin = pins.vouched(file, known)
    size = pin.bytes if pin is not None and pin.bytes is not None else file.about_bytes
    whole, members = find_whole(file, found, pin), _unpacked(file, found)
    concerned = {*whole.called, *members.found.values()}
    outcome = Outcome(name, published_path(file.urls[0]).name, size, "missing", whole.detail)
    destination = _destination(lake, file)
    if whole.path is not None:
        link_to(destination, whole.path)
        if pin is None:
            _remember(lake, source, name, destination, _WITNESS)
        taken = outcome._replace(state="taken", bytes=destination.stat().st_size, detail=str(whole.path))
        return taken, {*concerned, whole.path}
    if whole.state == "wrong":
        return outcome._replace(state="wrong"), concerned
    held = destination.is_file()
    ours = known is not None and known.witness == pins.MEMBERS_WITNESS
    if members.tell and (ours or not held):
        outcome = _adopt_members(lake, source, file, outcome, members)
    if held and outcome.state == "missing":
        outcome = outcome._replace(
            state="held", bytes=destination.stat().st_size, detail=f"taken over before: {destination}"
        )
    return outcome, concerned


def _unpacked(file: RemoteFile, found: Sequence[Path]) -> Unpacked:
    """What is read of a zip and lies unpacked: of an older version only where nothing of this one does."""
    members = unpacked(file.members, found)
    older = unpacked(file.instead, found)
    return older if older.found and not older.missing and not members.found else members


def _adopt_members(lake: Path, source: str, file: RemoteFile, outcome: Outcome, members: Unpacked) -> Outcome:
    """Takes what is read of an archive if all of it lies unpacked, else says what is missing."""
    if members.missing:
        listed = "; ".join(f"{member} ({why})" if why else member for member, why in members.missing.items())
        some = f"{len(members.found)} of {len(file.members)} members lie unpacked; missing: {listed}"
        return outcome._replace(detail=some, missing=tuple(members.missing))
    for member, path in members.found.items():
        if (problem := problem_of(path, f"{file.urls[0]}/{member}", None)) is not None:
            return outcome._replace(state="wrong", detail=f"{path}: {problem}")
    destination = _destination(lake, file)
    pack(members.found, destination)
    _remember(lake, source, outcome.file, destination, pins.MEMBERS_WITNESS)
    folders = ", ".join(sorted({str(path.parent) for path in members.found.values()}))
    older = file.members[0] not in members.found
    held = ", ".join(members.found) if older else f"its {len(members.found)} members"
    detail = f"unverified as a whole: a copy of {held} in {folders}"
    return outcome._replace(state="members", bytes=destination.stat().st_size, detail=detail)


def _destination(lake: Path, file: RemoteFile) -> Path:
    """Where a lake keeps a file that was handed to it."""
    path = adopted(lake).local_path(file.urls[0])
    if path is None:
        raise BuildError("the lake's own mirror is not local", where=lake)
    return path


def _remember(lake: Path, source: str, name: str, path: Path, witness: str) -> None:
    known = Pin(sha256=remembered_sha256(path), bytes=path.stat().st_size, witness=witness)
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


def _compared(lake: Path, source: str, outcomes: Iterable[Outcome], tree: AdoptedTree) -> Compared | None:
    """The pictures that no archive of this lake holds, held against the single ones, if that can be done."""
    declared = registry.declaration(source).files
    apart = {
        one.file
        for one in outcomes
        if declared[one.file].holds == "pictures" and one.state not in ("taken", "held")
    }
    images = _newest(lake, Reference("tables", f"{source}.images"))
    if not apart or images is None or not len(tree):
        return None
    return compare(images[0], apart, tree)


def pin_lines(lake: Path, source: str) -> dict[str, Pin]:
    """What the lake holds of a source's files, as pins, by declared name.

    Raises:
        BuildError: there is no such source.
    """
    registry.check_known("source", (source,), registry.source_names())
    remembered = pins.remembered(lake)
    found: dict[str, Pin] = {}
    for name, file in registry.declaration(source).files.items():
        known = remembered.get(f"{source}.{name}")
        held = _newest(lake, Reference("raw", f"{source}.{name}"))
        if held is not None:
            path, manifest = held
            sha256 = remembered_sha256(path)
            witnesses = [pin.witness for pin in (file.pin, known) if pin is not None and pin.sha256 == sha256]
            witnesses.append(manifest.facts.get("unverified", "fetched by us"))
            found[name] = Pin(sha256=sha256, bytes=path.stat().st_size, witness=witnesses[0])
        elif known is not None:
            found[name] = known
    return found


def _newest(lake: Path, reference: Reference) -> tuple[Path, Manifest] | None:
    """The only file of the newest version of an artifact, if the lake holds one."""
    manifests = sorted(
        (lake / reference.stage / reference.name).glob("*/manifest.json"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    for manifest in reversed(manifests):
        for path in sorted((manifest.parent / "data").iterdir()):
            return path, Manifest.model_validate_json(manifest.read_bytes())
    return None
