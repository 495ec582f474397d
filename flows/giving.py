"""The subcommands that give out, or tell what they would: `export`, `publish`, `pull`, `lineage`, `try`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.tree import Tree

from flows.console import bytes_bar, out, plain, print_json, table
from schemas.errors import BuildError, ExitCode
from schemas.instance import Split
from schemas.token import SOURCE_LIMIT
from transforms.draft_instruction import Tried, try_draft
from transforms.export import export as write_export
from transforms.export_rows import Which
from transforms.lineage import File, Lineage, ShownPicture
from transforms.lineage import lineage as trace
from transforms.origins import Origin, Part, Place
from transforms.publish import publish as send
from transforms.pull import pull as fetch
from transforms.show import sources_shown
from transforms.terms import SourceTerms, check_may_be_shown


def export(
    lake: Path,
    place: Path,
    format: str,
    tasks: Sequence[str],
    mixture: str | None,
    split: Split | None,
    instruction: str,
    seed: int,
    as_json: bool,
) -> None:
    """Writes rows of a mixture in a format of other people."""
    which = _which(instruction)
    with _going_on("what was unfinished is gone"), bytes_bar(f"export to {place}") as progress:
        done = write_export(lake, place, format, tasks, mixture, split, which, seed, progress)
    if as_json:
        print_json(done._asdict())
        return
    rows = {name: sum(counts.values()) for name, counts in done.rows.items()}
    told = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    out.print(plain(f"{told} in {place}: {done.files:,} files, {done.bytes:,} bytes"))
    for reason, count in done.left_out.items():
        out.print(plain(f"{count:,} records are left out, as {format} cannot hold them: {reason}"))
    if done.forbidden:
        named = ", ".join(done.forbidden)
        out.print(plain(f"may not be given on, by their publishers: {named}"), style="bold")
    out.print(plain(f"terms and how it is read: {place / 'README.md'}"))


def _which(instruction: str) -> Which:
    if instruction == "all":
        return "all"
    if instruction == "drawn":
        return "drawn"
    if instruction.isdecimal() and int(instruction) > 0:
        return int(instruction)
    raise BuildError(
        "no such choice of instructions",
        got=instruction,
        expected="drawn, all, or a number from 1",
        exit_code=ExitCode.USAGE,
    )


def publish(lake: Path, url: str, with_raw: bool, as_json: bool) -> None:
    """Puts the current build where others can start from it."""
    with _going_on("what has arrived stays there, and is not sent again"), bytes_bar("publish") as progress:
        done = send(lake, url, with_raw, progress)
    if as_json:
        print_json({**done._asdict(), "terms": [each._asdict() for each in done.terms]})
        return
    out.print(plain(f"{done.sent:,} of {done.files:,} files sent, {done.sent_bytes:,} bytes"))
    if done.stays:
        raw = f"{done.stays:,} files of publishers stay here, {done.stays_bytes:,} bytes"
        out.print(plain(f"{raw}: --raw sends them too"))
    before = f", instead of {done.before}" if done.before not in (None, done.build) else ""
    out.print(plain(f"build {done.build} is current at {done.place}{before}"))
    if not done.conditional:
        out.print(
            plain(
                "This kind of place cannot compare and write at once: of two who publish there in the same "
                "instant, the later one stands, and both are told that theirs does."
            ),
            style="bold",
        )
    _print_terms(done.terms)
    out.print(plain(f"\nTo start from it elsewhere:\n  multiinstruct pull {done.place} --lake lake"))


def _print_terms(terms: Sequence[SourceTerms]) -> None:
    rows = [(each.source, each.licence, each.redistribution) for each in terms]
    out.print(table(("source", "licence", "giving on"), rows))


def pull(lake: Path, url: str, as_json: bool) -> None:
    """Takes a published build into a lake."""
    with _going_on("artifacts that have come stay"), bytes_bar("pull") as progress:
        done = fetch(url, lake, progress)
    if as_json:
        print_json({**done._asdict(), "terms": [each._asdict() for each in done.terms]})
        return
    came = f"{done.came:,} of {done.artifacts:,} artifacts came, {done.came_bytes:,} bytes"
    out.print(plain(f"{came}, every file with the sha256 that is listed"))
    if done.stays:
        raw = f"{done.stays:,} files of publishers were not published"
        out.print(plain(f"{raw}: a step that reads one fetches it"))
    out.print(plain(f"build {done.build} is current in {lake}"))
    _print_terms(done.terms)
    out.print(plain(f"\nTry next:\n  multiinstruct sql 'show all tables' --lake {lake}"))


@contextmanager
def _going_on(state: str) -> Iterator[None]:
    """Says what an interrupted run leaves behind."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise BuildError(
            "interrupted",
            next_step=f"run the same command again: {state}",
            exit_code=ExitCode.INTERRUPTED,
        ) from error


def lineage(lake: Path, uid: str, as_json: bool) -> None:
    """What an instance comes from, as a tree."""
    found = trace(lake, uid)
    if as_json:
        print_json(found.as_dict())
        return
    out.print(_tree(found))


def _tree(found: Lineage) -> Tree:
    tree = Tree(plain(f"{found.uid} · {found.split} · build {found.build}"))
    for stop in found.stops:
        tree.add(plain(f"{stop.stage}: {stop.says}")).add(plain(stop.folder))
    _grow(tree, found.origin)
    for picture in found.pictures:
        _add_picture(tree, picture)
    files = tree.add(plain("files of publishers"))
    for file in found.files:
        _add_file(files, file)
    return tree


def _grow(tree: Tree, origin: Origin) -> None:
    if origin.proved:
        said = "made from these rows; proved, as the query over them alone makes it again"
    else:
        said = f"made from these rows among others; not proved, as {origin.why_not}"
    branch = tree.add(plain(said))
    for part in origin.parts:
        leaf = branch.add(plain(_part(part)))
        if part.origin is not None:
            _grow(leaf, part.origin)


def _part(part: Part) -> str:
    where = f" · {_where(part.place)}" if part.place is not None else ""
    says = f" · {part.says}" if part.says else ""
    return f"{part.table} {part.name}{where}{says}"


def _where(place: Place) -> str:
    item = "" if place.item is None else f", item {place.item}"
    return f"{place.source}.{place.file}, {place.member}, record {place.record}{item}"


def _add_picture(tree: Tree, picture: ShownPicture) -> None:
    size = f" · {picture.width} × {picture.height} pixels" if picture.width else ""
    branch = tree.add(plain(f"picture {picture.image_id}{size}"))
    branch.add(plain(f"{picture.archive}, {picture.member}"))
    branch.add(plain(f"listed in {_where(picture.place)}"))
    if picture.picture_id:
        branch.add(plain(f"photograph {picture.picture_id}, of split {picture.split}"))
    if picture.licence:
        branch.add(plain(f"terms of this picture: {picture.licence}"))
    if picture.sha256:
        branch.add(plain(f"sha256 {picture.sha256}"))
    if picture.pack:
        lies = f"{picture.pack_bytes:,} bytes at {picture.pack_offset:,} of {picture.pack}"
        branch.add(plain(f"{lies}, row {picture.pack_row}"))


def _add_file(tree: Tree, file: File) -> None:
    size = f"{file.bytes:,} bytes" if file.bytes is not None else "size unknown"
    branch = tree.add(plain(f"{file.source}.{file.file} · {size} · {file.licence}"))
    branch.add(plain(file.url))
    branch.add(plain(f"sha256 {file.sha256}" if file.sha256 else "sha256 stands with the picture"))
    if not file.here:
        branch.add(plain("not in this lake"))


def try_instruction(
    lake: Path,
    text: str,
    task: str,
    count: int,
    seed: int,
    own: Path | None,
    harmful: bool,
    as_json: bool,
) -> None:
    """Renders a draft of an instruction and says what is known of it."""
    if not harmful:
        check_may_be_shown(sources_shown(task))
    tried = try_draft(lake, task, text, count, seed, own)
    if as_json:
        print_json(tried.as_dict())
        return
    for one in tried.shown:
        out.rule(plain(one.uid), align="left")
        out.print(plain(f"  {one.prompts[0]}".replace("\n", "\n  ")))
        out.print(plain(f"  → {one.target}"), style="green")
    out.rule(plain("what is known of the draft"), align="left")
    _print_tried(tried)


def _print_tried(tried: Tried) -> None:
    out.print(plain(f"It would be accepted as an instruction of {tried.task}."), style="green")
    slots = ", ".join(tried.slots) or "nothing of the instance"
    out.print(plain(f"It shows {slots}, as the others do."))
    if tried.glued:
        glued = f"{', '.join(tried.glued)} does not stand between blanks"
        whole = "its prompts are put together as text and encoded whole, exact too, but many times slower"
        out.print(plain(f"{glued}: {whole}."), style="bold")
    else:
        out.print(plain("Every slot stands between blanks: its prompts are spliced."))
    if tried.lengths is None:
        out.print(plain("The build has no vocabulary, so that its ids are not counted."))
    else:
        ids = tried.lengths
        out.print(
            plain(
                f"Its prompts have {ids.fewest:,} to {ids.most:,} ids, in the middle {ids.median:,} "
                f"({ids.rows:,} instances; at most {SOURCE_LIMIT:,} are allowed)."
            )
        )
        if ids.too_long:
            out.print(plain(f"{ids.too_long:,} of them are too long."), style="bold")
    rows = [(f"{sibling.closeness:.0%}", sibling.text) for sibling in tried.siblings]
    out.print(table(("closeness", "instruction of the task"), rows, ("closeness",)))
