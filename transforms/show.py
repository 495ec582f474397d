"""Instances of a build as a person would look at them: words filled in, boxes drawn, origin named."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from instructions.load import TaskInstructions, load_instructions
from instructions.render import render
from schemas.artifact import Reference
from schemas.box import Box
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.instance import FIXED, PICTURED, SLOTS
from schemas.token import REGION
from transforms import registry
from transforms.archive import ZipArchive
from transforms.codes import Decode
from transforms.duck import Database, identifier, literal
from transforms.lake import member, whole
from transforms.picture_store import HeldPictures
from transforms.pictures import PictureArchives, Pictures
from transforms.steps_shards import coded
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
        target_image_id: the picture that is the answer, where one is; it is the one that is drawn.
        target_box: the part of it that is the answer, if not its middle.
        codes: the answer as the build's image codes, where the build has them.
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

    @property
    def drawn_image_id(self) -> str | None:
        """The picture that a person is shown."""
        return self.target_image_id or self.image_id

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
        }

    def _target_picture(self) -> dict[str, Any]:
        if self.target_image_id is None:
            return {}
        return {
            "target_image_id": self.target_image_id,
            "target_box": None if self.target_box is None else list(self.target_box),
            "target_codes": self.codes,
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
    rows = _rows(lake, build, task, path, count, seed)
    codes = _codes(lake, build, task, [row["uid"] for row in rows])
    return [_shown(row, instructions, codes.get(row["uid"])) for row in rows]


def _codes(lake: Path, build: Build, task: str, uids: list[str]) -> dict[str, list[int]]:
    """The answers that the build has as image codes, by uid."""
    held = member(lake, build, coded(build.mixture, task)) if build.mixture else None
    if held is None:
        return {}
    found = pq.read_table(held.tables, filters=pc.field("uid").isin(uids)).to_pydict()
    return dict(zip(found["uid"], found["codes"], strict=True))


def _rows(lake: Path, build: Build, task: str, path: Path, count: int, seed: int) -> list[dict[str, Any]]:
    scratch = lake / ".scratch"
    pictured = "target_image_id" if registry.task(task).head.output == "image" else "image_id"
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
            left join ({listed}) as images on instances.{pictured} = images.image_id
            order by draw({literal("show")}, uid), uid
            limit {int(count)}
        """
        rows: list[dict[str, Any]] = database.table(query).to_pylist()
        return rows


_OF_THE_IMAGE = ("image_source", "image_width", "image_height", "image_archive", "image_file")


def _shown(row: dict[str, Any], instructions: TaskInstructions, codes: list[int] | None) -> Shown:
    texts: dict[str, str] = {str(name): row[name] for name in SLOTS if name in row}
    options = row["options"] or []
    answer = PICTURED if row.get("target_image_id") else {}
    facts = {
        name: value
        for name, value in row.items()
        if name not in {*FIXED, *SLOTS, *_OF_THE_IMAGE, *answer} and value is not None
    }
    place = (row["image_source"], row["image_archive"], row["image_file"])
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
        archive=place if row["image_source"] else None,
        target_image_id=row.get("target_image_id"),
        target_box=Box(**row["target_box"]) if answer and row["target_box"] else None,
        codes=codes,
    )


def pictures_of(lake: Path, shown: list[Shown]) -> Pictures:
    """The pictures, as far as the current build has their archives or the lake keeps them singly."""
    build = whole(lake)
    keys = {one.archive[:2] for one in shown if one.archive}
    archives = {}
    for source, file in keys:
        held = member(lake, build, raw(source, file))
        if held is not None:
            archives[source, file] = ZipArchive(next(held.path("").iterdir()))
    return HeldPictures(lake, PictureArchives(archives), keys - archives.keys())


def page(lake: Path, task: str, shown: list[Shown], decode: Decode | None = None) -> str:
    """A page that needs no network and runs no script: pictures inlined, boxes drawn over them as SVG.

    Args:
        decode: where it is given, answers that are codes are drawn beside their pictures.
    """
    pictures = pictures_of(lake, shown)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawings = _drawings(shown, decode)
    entries = [(one, _inlined(pictures, one), drawings.get(one.uid)) for one in shown]
    head = registry.task(task).head
    template = environment.get_template("show.html")
    return template.render(task=task, head=head, build=whole(lake), entries=entries)


def _inlined(pictures: Pictures, one: Shown) -> str | None:
    """The picture as a data URL, or None where it is absent or cannot be decoded."""
    if one.archive is None:
        return None
    checked = pictures.check(*one.archive)
    if checked.problem:
        return None
    data = pictures.read(*one.archive)
    if data is None:
        return None
    return _url(checked.format, data)


def _drawings(shown: list[Shown], decode: Decode | None) -> dict[str, str]:
    """What the codes of answers look like, as data URLs by uid."""
    codes = {one.uid: np.array(one.codes, np.uint16) for one in shown if one.codes}
    if decode is None or not codes:
        return {}
    return {uid: _url("PNG", data) for uid, data in zip(codes, decode(list(codes.values())), strict=True)}


def _url(kind: str, data: bytes) -> str:
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"
