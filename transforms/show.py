"""Instances of a build as a person would look at them: words filled in, boxes at hand, origin named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from instructions.load import TaskInstructions, load_instructions
from instructions.render import Literal as OurWords
from instructions.render import OptionsSlot, RegionSlot, TextSlot, Wording, render
from schemas.artifact import Reference
from schemas.box import Box
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.instance import FIXED, PICTURED, REJECTED, SLOTS
from schemas.token import REGION
from transforms import registry
from transforms.artifact import Artifact
from transforms.duck import Database, identifier, literal
from transforms.lake import member, whole
from transforms.listed import list_images
from transforms.origins import Origin
from transforms.registry import Key
from transforms.steps_shards import coded
from transforms.steps_tables import table
from transforms.tracing import origins

Said = Literal["ours", "slot", "options", "region"]
"""Who says a piece of a prompt: the instruction, the instance, its options; or it names a region."""


class Piece(NamedTuple):
    """Some words of a prompt."""

    said: Said
    text: str


@dataclass(frozen=True)
class Shown:
    """One instance, ready to be looked at.

    Attributes:
        prompts: the prompt under each instruction, regions named in place.
        pieces: the same prompts, cut where somebody else speaks.
        options: the answers in the order shown, or none.
        regions: boxes in pixels of the declared picture.
        facts: what is carried along and never shown to the model.
        width: declared width of the picture in pixels, None without one.
        archive: source, file and member that hold the picture, as the source calls them.
        target_image_id: the picture that is the answer, where one is; it is the one that is drawn.
        target_box: the part of it that is the answer, if not its middle.
        codes: the answer as the build's image codes, where the build has them.
        rejected: why the row is no instance; it has no prompts then.
    """

    uid: str
    split: str
    image_id: str | None
    width: int | None
    height: int | None
    regions: list[Box]
    prompts: list[str]
    options: list[str]
    target: str
    facts: Mapping[str, Any]
    archive: tuple[str, str, str] | None
    target_image_id: str | None = None
    target_box: Box | None = None
    codes: list[int] | None = None
    rejected: str | None = None
    pieces: list[list[Piece]] = field(default_factory=list)

    @property
    def drawn_image_id(self) -> str | None:
        """The picture that a person is shown."""
        return self.target_image_id or self.image_id

    @property
    def picture_file(self) -> Key | None:
        """Owner and name of the declared file that holds the picture."""
        return registry.owner_of(*self.archive[:2]) if self.archive else None

    def answer_regions(self) -> set[int]:
        """Indices of the regions that the target names."""
        return {int(place) for place in REGION.findall(self.target)}

    def as_dict(self) -> dict[str, Any]:
        """For a program to read."""
        return {
            "uid": self.uid,
            "split": self.split,
            "image_id": self.image_id,
            "regions": [list(box) for box in self.regions],
            "prompts": self.prompts,
            "options": self.options,
            "target": self.target,
            **self._target_picture(),
            "facts": dict(self.facts),
            **({"rejected": self.rejected} if self.rejected else {}),
        }

    def _target_picture(self) -> dict[str, Any]:
        if self.target_image_id is None:
            return {}
        return {
            "target_image_id": self.target_image_id,
            "target_box": None if self.target_box is None else list(self.target_box),
            "target_codes": self.codes,
        }


def sources_shown(task: str) -> tuple[str, ...]:
    """The sources whose texts or pictures a task shows.

    Raises:
        BuildError: there is no such task.
    """
    registry.check_known("task", (task,), registry.task_names())
    return registry.lenders(registry.sources_of(task))


def drawn(lake: Path, task: str, count: int, seed: int, own: Path | None = None) -> list[Shown]:
    """Some instances of a task in the current build, drawn by the seed.

    Args:
        own: folder of instructions laid over the shipped ones.

    Raises:
        BuildError: there is no build, or the task is not part of it.
    """
    return drawn_under(lake, load_known(task, own), count, seed)


def drawn_under(lake: Path, instructions: TaskInstructions, count: int, seed: int) -> list[Shown]:
    """Some instances of a task in the current build, under the given instructions."""
    build = whole(lake)
    (path,) = instances_of(lake, build, instructions.task).tables
    pick = f"order by draw({literal('show')}, uid), uid limit {int(count)}"
    return list(looked_at(lake, build, instructions, path, pick, seed))


def load_known(task: str, own: Path | None = None) -> TaskInstructions:
    """The instructions of a task.

    Raises:
        BuildError: there is no such task, or its file is bad.
    """
    registry.check_known("task", (task,), registry.task_names())
    return load_instructions(task, own)


def instances_of(lake: Path, build: Build, task: str) -> Artifact:
    """All instances of a task in a build.

    Raises:
        BuildError: the build does not have the task.
    """
    found = member(lake, build, Reference("instances", task))
    if found is None:
        raise BuildError(
            "the current build has no such task",
            where=f"build {build.id}",
            got=task,
            expected=", ".join(entry.name for entry in build.members if entry.stage == "instances"),
            next_step="build it, or look at another",
            exit_code=ExitCode.USAGE,
        )
    return found


def looked_at(
    lake: Path, build: Build, instructions: TaskInstructions, path: Path, pick: str, seed: int
) -> Iterator[Shown]:
    """Rows of a task's file, kept or rejected ones.

    Args:
        path: a file with the columns of instances, and perhaps `rejected`.
        pick: the end of the query, which says which rows come in what order.
    """
    rows = _rows(lake, build, instructions.task, path, pick, seed)
    codes = _codes(lake, build, instructions.task, [row["uid"] for row in rows])
    return (_shown(row, instructions, codes.get(row["uid"])) for row in rows)


def traced(lake: Path, task: str, shown: Iterable[Shown]) -> dict[str, Origin]:
    """What some instances of the current build were made from, by uid."""
    build = whole(lake)
    (path,) = instances_of(lake, build, task).tables
    rows = pq.read_table(path, filters=pc.field("uid").isin([one.uid for one in shown])).to_pylist()
    found = origins(lake, build, task, rows)
    return {row["uid"]: found[row["key"]] for row in rows}


def _codes(lake: Path, build: Build, task: str, uids: list[str]) -> dict[str, list[int]]:
    """The answers that the build has as image codes, by uid."""
    held = member(lake, build, coded(build.mixture, task)) if build.mixture else None
    if held is None:
        return {}
    found = pq.read_table(held.tables, filters=pc.field("uid").isin(uids)).to_pydict()
    return dict(zip(found["uid"], found["codes"], strict=True))


_OF_THE_IMAGE = ("image_source", "image_width", "image_height", "image_archive", "image_file")


def _rows(lake: Path, build: Build, task: str, path: Path, pick: str, seed: int) -> list[dict[str, Any]]:
    pictured = "target_image_id" if registry.task(task).head.output == "image" else "image_id"
    with Database(lake / ".scratch") as database:
        database.view("instances", task, [path])
        database.set({"seed": str(seed), "task": task})
        sources = registry.sources_of(task)
        made = {source: member(lake, build, table(source, "images")) for source in sources}
        list_images(database, {source: images.tables for source, images in made.items() if images})
        query = f"""
            select
                instances.*, images.source as image_source, images.width as image_width,
                images.height as image_height, images.archive as image_archive, images.picture as image_file
            from instances.{identifier(task)} as instances
            left join listed.images as images on instances.{pictured} = images.image_id
            {pick}
        """
        rows: list[dict[str, Any]] = database.table(query).to_pylist()
        return rows


def _shown(row: dict[str, Any], instructions: TaskInstructions, codes: list[int] | None) -> Shown:
    texts = {str(name): row[name] for name in SLOTS if row.get(name) is not None}
    options = row["options"] or []
    answer = PICTURED if row.get("target_image_id") else {}
    hidden = {*FIXED, *_OF_THE_IMAGE, *answer, REJECTED}
    # A row that was left out has no prompt, so that its texts are shown beside it.
    rejected = row.get(REJECTED)
    facts = {
        name: value
        for name, value in row.items()
        if name not in hidden and value is not None and (rejected or name not in SLOTS)
    }
    pieces = [] if rejected else [_pieces(wording, texts, options) for wording in instructions.wordings]
    place = (row.get("image_source"), row.get("image_archive"), row.get("image_file"))
    return Shown(
        uid=row["uid"],
        split=row["split"],
        image_id=row["image_id"],
        width=row.get("image_width"),
        height=row.get("image_height"),
        regions=[Box(**box) for box in row["regions"] or []],
        prompts=["".join(piece.text for piece in prompt) for prompt in pieces],
        options=[option for option in options if option is not None],
        target=row["target"] or "",
        facts=facts,
        archive=place if place[0] else None,  # type: ignore[arg-type]
        target_image_id=row.get("target_image_id"),
        target_box=Box(**row["target_box"]) if answer and row["target_box"] else None,
        codes=codes,
        rejected=rejected,
        pieces=pieces,
    )


def _pieces(wording: Wording, texts: Mapping[str, str], options: Sequence[str]) -> list[Piece]:
    """A rendered prompt, cut where the instance begins and ends to speak and where a region is named."""
    said: dict[type, Said] = {OurWords: "ours", TextSlot: "slot", OptionsSlot: "options", RegionSlot: "slot"}
    found: list[Piece] = []
    for piece in wording.pieces:
        text = render(replace(wording, pieces=(piece,)), texts, options)
        found += split_regions(text, said[type(piece)])
    return found


def split_regions(text: str, said: Said = "slot") -> list[Piece]:
    """A text, cut where it names a region."""
    found: list[Piece] = []
    end = 0
    for match in REGION.finditer(text):
        found += [Piece(said, text[end : match.start()]), Piece("region", match[0])]
        end = match.end()
    found.append(Piece(said, text[end:]))
    return [piece for piece in found if piece.text]
