"""Instances of a build as a person would look at them: words filled in, boxes drawn, origin named."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from instructions.load import TaskInstructions, load_instructions
from instructions.render import render
from schemas.artifact import Reference
from schemas.box import Box
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.instance import FIXED, SLOTS
from schemas.token import REGION
from transforms import registry
from transforms.archive import ZipArchive
from transforms.duck import Database, identifier, literal
from transforms.lake import member, whole
from transforms.pictures import PictureArchives
from transforms.steps_tables import raw, table

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Shown:
    """One instance, ready to be looked at.

    Attributes:
        prompts: the prompt under each instruction, regions named in place.
        options: the answers in the order shown, or none.
        regions: boxes in pixels of the declared picture.
        facts: what is carried along and never shown to the model.
        width: declared width of the picture in pixels, None without one.
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
            "facts": dict(self.facts),
        }


def drawn(lake: Path, task: str, count: int, seed: int, own: Path | None = None) -> list[Shown]:
    """Some instances of a task in the current build, drawn by the seed.

    Args:
        own: folder of instructions laid over the shipped ones.

    Raises:
        BuildError: there is no build, or the task is not part of it.
    """
    registry.check_known("task", (task,), registry.task_names())
    build = whole(lake)
    instances = member(lake, build, Reference("instances", task))
    if instances is None:
        raise BuildError(
            "the current build has no such task",
            where=f"build {build.id}",
            got=task,
            expected=", ".join(entry.name for entry in build.members if entry.stage == "instances"),
            next_step="build it, or look at another",
            exit_code=ExitCode.USAGE,
        )
    instructions = load_instructions(task, own)
    (path,) = instances.tables
    return [_shown(row, instructions) for row in _rows(lake, build, task, path, count, seed)]


def _rows(lake: Path, build: Build, task: str, path: Path, count: int, seed: int) -> list[dict[str, Any]]:
    scratch = lake / ".scratch"
    with Database(scratch) as database:
        database.view("instances", task, [path])
        database.set({"seed": str(seed), "task": task})
        sources = registry.sources_of(task)
        for source in sources:
            images = member(lake, build, table(source, "images"))
            if images is not None:
                database.view(source, "images", images.tables)
        listed = " union all by name ".join(
            f"select source, image_id, width, height, archive, picture from {identifier(source)}.images"
            for source in sources
        )
        query = f"""
            select instances.*, images.source as image_source, images.width as image_width,
                images.height as image_height, images.archive as image_archive, images.picture as image_file
            from instances.{identifier(task)} as instances
            left join ({listed}) as images using (image_id)
            order by draw({literal("show")}, uid), uid
            limit {int(count)}
        """
        rows: list[dict[str, Any]] = database.table(query).to_pylist()
        return rows


_OF_THE_IMAGE = ("image_source", "image_width", "image_height", "image_archive", "image_file")


def _shown(row: dict[str, Any], instructions: TaskInstructions) -> Shown:
    texts: dict[str, str] = {str(name): row[name] for name in SLOTS if name in row}
    options = row["options"] or []
    facts = {
        name: value
        for name, value in row.items()
        if name not in {*FIXED, *SLOTS, *_OF_THE_IMAGE} and value is not None
    }
    return Shown(
        uid=row["uid"],
        split=row["split"],
        image_id=row["image_id"],
        width=row["image_width"],
        height=row["image_height"],
        regions=[Box(**box) for box in row["regions"]],
        prompts=[render(wording, texts, options) for wording in instructions.wordings],
        options=options,
        target=row["target"],
        facts=facts,
        archive=(row["image_source"], row["image_archive"], row["image_file"]) if row["image_id"] else None,
    )


def pictures_of(lake: Path, shown: list[Shown]) -> PictureArchives:
    """The archives that hold the pictures, as far as the current build has them."""
    build = whole(lake)
    archives = {}
    for source, file, _ in {one.archive for one in shown if one.archive}:
        held = member(lake, build, raw(source, file))
        if held is not None:
            archives[source, file] = ZipArchive(next(held.path("").iterdir()))
    return PictureArchives(archives)


def page(lake: Path, task: str, shown: list[Shown]) -> str:
    """A page that needs no network and runs no script: pictures inlined, boxes drawn over them as SVG."""
    pictures = pictures_of(lake, shown)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    entries = [(one, _inlined(pictures, one)) for one in shown]
    head = registry.task(task).head
    template = environment.get_template("show.html")
    return template.render(task=task, head=head, build=whole(lake), entries=entries)


def _inlined(pictures: PictureArchives, one: Shown) -> str | None:
    """The picture as a data URL, or None where it is absent or cannot be decoded."""
    if one.archive is None or not pictures.holds(*one.archive[:2]):
        return None
    checked = pictures.check(*one.archive)
    if checked.problem:
        return None
    data = pictures.read(*one.archive)
    if data is None:
        return None
    return f"data:image/{checked.format.lower()};base64,{base64.b64encode(data).decode()}"
