"""The rows of a mixture with their words filled in, ready to be written in anybody's format.

One row in: an instance that the mixture takes, and one or all instructions of its task. One record out:
its prompt and answer as text, its boxes in pixels of the picture's own file, its picture's bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from instructions.render import Wording, parse, render
from schemas.artifact import Reference
from schemas.box import Box
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.instance import FIXED, SLOTS, SPLITS, Split
from schemas.settings import OptionsStyle
from schemas.token import REGION
from shards.format import read_index, read_instructions
from shards.pictures import TABLE, PicturePack, settled
from transforms import registry
from transforms.artifact import Artifact
from transforms.duck import Database, identifier, literal
from transforms.lake import member
from transforms.steps_select import selected
from transforms.steps_shards import coded, packed, prepared, tokenised

Which = int | Literal["drawn", "all"]
"""Number of one instruction from 1, one that is drawn for each instance, or all of its task."""


@dataclass(frozen=True)
class Record:
    """One exercise under one instruction.

    Attributes:
        image_source: the source whose picture it is, None without a picture.
        width: pixels of the picture's file, 0 without a picture.
        instruction: number of the instruction, from 1.
        prompt: what the model is told; regions are named `<region_0>` and so on.
        target: the answer, likewise.
        texts: what the instance puts into the slots of instructions.
        regions: boxes in pixels of the picture's file, `<region_0>` first.
        facts: what is carried along and stands in no prompt.
    """

    uid: str
    task: str
    split: Split
    image_id: str | None
    image_source: str | None
    width: int
    height: int
    instruction: int
    prompt: str
    target: str
    texts: Mapping[str, str]
    options: Sequence[str]
    regions: Sequence[Box]
    facts: Mapping[str, Any]

    def in_pixels(self, text: str) -> str:
        """A text with each region as the published data writes it: `57.79 177.34 491.2 629.53`."""
        return REGION.sub(lambda match: " ".join(map(_number, self.regions[int(match[1])])), text)


@dataclass(frozen=True)
class _Task:
    """What a build holds of one task."""

    name: str
    instances: Path
    rows: Path
    pictures: Path
    codes: Path | None
    wordings: tuple[Wording, ...]
    style: OptionsStyle


class Rows:
    """What a mixture takes of some tasks, in an order that mixes them.

    Attributes:
        mixture: name of the mixture.
        tasks: names of the tasks.
        counts: instances by split and task.
    """

    def __init__(
        self, lake: Path, build: Build, mixture: str | None, tasks: Sequence[str], seed: int
    ) -> None:
        """Finds the tasks in a build.

        Raises:
            BuildError: the build is of another mixture, or does not have one of the tasks.
        """
        if build.mixture is None or mixture not in (None, build.mixture):
            raise BuildError(
                "the current build is not of this mixture",
                where=f"build {build.id}",
                got=mixture,
                expected=build.mixture or "a build that goes as far as shards",
                next_step=f"multiinstruct build --mixture {mixture or 'multiinstruct'}",
                exit_code=ExitCode.USAGE,
            )
        self.mixture = build.mixture
        self.tasks = _wanted(build, tasks)
        self._tasks = [_task(lake, build, name) for name in self.tasks]
        self._pack = PicturePack(_artifact(lake, build, packed(build.mixture)).path(""))
        sizes = pq.read_table(_artifact(lake, build, packed(build.mixture)).path(TABLE))
        self._place = {name: row for row, name in enumerate(sizes["image_id"].to_pylist())}
        self._sizes = sizes["size"].to_pylist()
        self._seed = seed
        self._database = Database(lake / ".scratch")
        self._database.set({"seed": str(seed), "task": "export"})
        for task in self._tasks:
            self._view(task)
        self._database.run(f"create view taken as {' union all by name '.join(map(_query, self._tasks))}")
        found = self._database.rows("select split, task, count(*) from taken group by all order by all")
        self.counts: dict[Split, dict[str, int]] = {
            split: {task: count for of, task, count in found if of == split}
            for split in SPLITS
            if any(of == split for of, _, _ in found)
        }

    def close(self) -> None:
        """Gives back the database and the file of the pictures."""
        self._database.__exit__()
        self._pack.close()

    def wordings(self, task: str) -> tuple[Wording, ...]:
        """The instructions of a task in the build."""
        return next(known.wordings for known in self._tasks if known.name == task)

    def picture_bytes(self, split: Split, each: bool) -> int:
        """Bytes of the pictures of a split: of each row's, or of each picture once."""
        rows = self._database.rows(
            f"select image_id, count(*) from taken where split = {literal(split)} "
            "and image_id is not null group by image_id"
        )
        return sum(self._sizes[self._place[name]] * (count if each else 1) for name, count in rows)

    def picture(self, image_id: str) -> bytes:
        """A picture's file, such that all readers see it alike; its CRC is checked."""
        row = self._place[image_id]
        return settled(self._pack.read(row, check=True), bool(self._pack.oriented[row]))

    def records(self, split: Split, which: Which) -> Iterator[Record]:
        """The rows of a split in drawn order.

        Raises:
            BuildError: a task has no such instruction.
        """
        tasks = {task.name: task for task in self._tasks}
        query = f"select * from taken where split = {literal(split)} order by lot, uid"
        for batch in self._database.batches(query):
            for row in batch.to_pylist():
                yield from self._under(tasks[row["task"]], row, which)

    def _under(self, task: _Task, row: dict[str, Any], which: Which) -> Iterator[Record]:
        numbers: Sequence[int] = range(1, len(task.wordings) + 1)
        if which == "drawn":
            lot = hashlib.md5(
                f"{self._seed}|{task.name}|instruction|{row['uid']}".encode(), usedforsecurity=False
            )
            numbers = [int.from_bytes(lot.digest()) % len(task.wordings) + 1]
        elif which != "all":
            numbers = [which]
        for number in numbers:
            yield _record(task, row, number)

    def _view(self, task: _Task) -> None:
        for name, path in (("instances", task.instances), ("rows", task.rows), ("pictures", task.pictures)):
            self._database.view(f"given_{task.name}", name, [path])
        if task.codes is not None:
            self._database.view(f"given_{task.name}", "codes", [task.codes])


def _wanted(build: Build, tasks: Sequence[str]) -> list[str]:
    """The tasks to export: those that are named, or all of the mixture."""
    prefix = f"{build.mixture}."
    there = [
        entry.name.removeprefix(prefix)
        for entry in build.members
        if entry.stage == "mixtures" and entry.name.startswith(prefix) and entry.name.count(".") == 1
    ]
    registry.check_known("task", tuple(tasks), registry.task_names())
    for task in tasks:
        if task not in there:
            raise BuildError(
                "the mixture of the current build does not have the task",
                where=f"build {build.id}, mixture {build.mixture}",
                got=task,
                expected=", ".join(there),
                next_step="build it; `multiinstruct plan` says what it waits for",
                exit_code=ExitCode.USAGE,
            )
    return sorted(dict.fromkeys(tasks)) or there


def _artifact(lake: Path, build: Build, reference: Reference) -> Artifact:
    found = member(lake, build, reference)
    if found is None:
        raise BuildError("the current build is incomplete", where=f"build {build.id}", got=reference)
    return found


def _task(lake: Path, build: Build, name: str) -> _Task:
    mixture = build.mixture or ""
    chosen = _artifact(lake, build, selected(mixture, name))
    codes = member(lake, build, coded(mixture, name))
    wordings = read_instructions(_artifact(lake, build, prepared(name)).path("")).wordings
    return _Task(
        name,
        _artifact(lake, build, Reference("instances", name)).tables[0],
        chosen.path("rows.parquet"),
        chosen.path("pictures.parquet"),
        codes.tables[0] if codes else None,
        tuple(parse(wording.text) for wording in wordings),
        read_index(_artifact(lake, build, tokenised(mixture, name)).path("")).options_style,
    )


def _query(task: _Task) -> str:
    """What a mixture takes of a task, in the same columns for every task."""
    given = identifier(f"given_{task.name}")
    columns = pq.read_schema(task.instances).names
    slots = [f"instances.{slot}" if slot in columns else f"null::varchar as {slot}" for slot in SLOTS]
    carried = [name for name in columns if name not in {*FIXED, *SLOTS}]
    facts = ", ".join(f"{literal(name)}: instances.{identifier(name)}" for name in carried)
    return f"""
        select
            {literal(task.name)} as task,
            instances.uid,
            rows.split,
            draw('row', instances.uid) as lot,
            instances.image_id,
            pictures.source as image_source,
            coalesce(pictures.width, 0) as width,
            coalesce(pictures.height, 0) as height,
            coalesce(pictures.width / pictures.declared_width, 1) as across,
            coalesce(pictures.height / pictures.declared_height, 1) as down,
            -- A file of another size than declared keeps its boxes in proportion.
            list_transform(instances.regions, lambda box: {{
                'x0': box.x0 * across, 'y0': box.y0 * down, 'x1': box.x1 * across, 'y1': box.y1 * down
            }}) as regions,
            instances.options,
            {"codes.codes" if task.codes else "null::usmallint[]"} as codes,
            instances.target,
            {", ".join(slots)},
            {f"to_json({{{facts}}})" if facts else "'{}'"}::varchar as facts
        from {given}.rows as rows
        join {given}.instances as instances using (uid)
        left join {given}.pictures as pictures on instances.image_id = pictures.image_id
        {f"left join {given}.codes as codes on rows.uid = codes.uid" if task.codes else ""}
    """


def _record(task: _Task, row: dict[str, Any], number: int) -> Record:
    if number > len(task.wordings):
        raise BuildError(
            "a task has no such instruction",
            where=task.name,
            got=number,
            expected=f"1 to {len(task.wordings)}",
            exit_code=ExitCode.USAGE,
        )
    texts = {str(slot): row[slot] for slot in SLOTS if row[slot] is not None}
    options = row["options"] or []
    return Record(
        uid=row["uid"],
        task=task.name,
        split=row["split"],
        image_id=row["image_id"],
        image_source=row["image_source"],
        width=row["width"],
        height=row["height"],
        instruction=number,
        prompt=render(task.wordings[number - 1], texts, options, task.style),
        target=" ".join(f"<code_{code}>" for code in row["codes"]) if row["codes"] else row["target"],
        texts=texts,
        options=options,
        regions=[Box(**box) for box in row["regions"]],
        facts=json.loads(row["facts"]),
    )


def _number(side: float) -> str:
    """`57.79`, `8`: hundredths of a pixel at most, and no more digits than are needed."""
    return f"{side:.2f}".rstrip("0").rstrip(".")
