"""Asking a model: which rows of which tasks, what is right, and storing what it answers.

Nothing here knows how a model works: whoever answers is a `Predictor`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa

from schemas.artifact import Reference
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.evaluation import ANSWERS, PREDICTIONS, Answer, EvaluatedTask, Evaluation
from schemas.instance import Split
from shards.collection import Collection, read_collection
from shards.format import read_index, read_instructions
from shards.opened import OpenTask, open_tasks
from transforms import registry
from transforms.duck import Database, identifier, literal
from transforms.lake import member, whole
from transforms.score_store import Run
from transforms.steps_shards import collected

UNSEEN_EXERCISES: Final = "natural_instructions_unseen"
"""The task whose rows are exercises of Natural Instructions that nobody trains on."""

INSTRUCTIONS: Final = 5
"""Instructions that each row is asked with (MultiInstruct, section 5)."""


class Predictor(Protocol):
    """Whoever answers."""

    def answers(self, task: str, split: Split, instruction: int, rows: Sequence[int]) -> Iterator[Answer]:
        """One answer for each of these rows of the task's shard, in this order."""
        ...


Told = Callable[[str, int], None]
"""Called with task and number of the instruction after each answer."""


def folder_of(lake: Path) -> tuple[Build, Path]:
    """The current build, and the folder of its collection of shards.

    Raises:
        BuildError: nothing is built, or the build ends before its shards.
    """
    build = whole(lake)
    found = member(lake, build, collected(build.mixture)) if build.mixture else None
    if found is None:
        raise BuildError(
            "the current build has no shards",
            where=lake,
            next_step="multiinstruct build --until shards",
            exit_code=ExitCode.USAGE,
        )
    return build, found.path("")


def asked(
    lake: Path,
    name: str,
    model: str,
    search: str,
    tasks: Sequence[str] = (),
    rows: int | None = None,
    *,
    split: Split | None = None,
    blind: bool = False,
    seed: int = 0,
) -> Evaluation:
    """What an evaluation of the current build asks.

    Args:
        name: of the run.
        model, search: see `Evaluation`.
        tasks, rows, split, blind: see `EvaluationSettings`.

    Raises:
        BuildError: there is nothing to ask, or a task cannot be asked.
    """
    build, folder = folder_of(lake)
    collection = read_collection(folder)
    chosen = _chosen(collection, tasks, split)
    index = read_index(folder / collection.tasks[chosen[0]].shard)
    return Evaluation(
        name=name,
        build=build.id,
        mixture=collection.mixture,
        model=model,
        search=search,
        blind=blind,
        quantisation=index.quantisation,
        rows=rows,
        seed=seed,
        tasks={task: _evaluated(folder, collection, task, split, rows) for task in chosen},
    )


def held_out() -> list[str]:
    """The evaluation tasks of the paper, in order of name."""
    heads = {name: registry.task(name).head for name in registry.task_names()}
    return [name for name, head in heads.items() if head.role == "eval" and not head.extra]


def _chosen(collection: Collection, tasks: Sequence[str], split: Split | None) -> list[str]:
    if tasks:
        registry.check_known("task", tuple(tasks), sorted(collection.tasks))
        chosen = sorted(set(tasks))
    elif split in (None, "test"):
        chosen = [name for name in (*held_out(), UNSEEN_EXERCISES) if name in collection.tasks]
    else:
        chosen = [name for name, held in collection.tasks.items() if held.rows.get(split) and _scored(name)]
    pictures = [name for name in chosen if not _scored(name)]
    if pictures or not chosen:
        raise BuildError(
            "answers that are pictures are not scored" if pictures else "there is nothing to evaluate",
            got=", ".join(pictures) or "no such task in the shards of the current build",
            next_step="name other tasks",
            exit_code=ExitCode.USAGE,
        )
    return chosen


def _scored(task: str) -> bool:
    return bool(registry.task(task).head.metrics)


def _evaluated(
    folder: Path, collection: Collection, name: str, split: Split | None, rows: int | None
) -> EvaluatedTask:
    head, held = registry.task(name).head, collection.tasks[name]
    asked = split or ("test" if held.rows.get("test") else "validation")
    available = held.rows.get(asked, 0)
    if not available:
        raise BuildError(
            "a task has no rows to evaluate",
            where=name,
            got=held.rows,
            expected=f"{asked} rows",
            next_step="name another split or other tasks",
            exit_code=ExitCode.USAGE,
        )
    wordings = read_instructions(folder / held.instructions).wordings[:INSTRUCTIONS]
    (opened,), _ = open_tasks(folder, asked, [name])
    return EvaluatedTask(
        split=asked,
        available=available,
        rows=available if rows is None else min(rows, available),
        pictured=bool((opened.pictures >= 0).any()),
        category=head.category,
        role=head.role,
        extra=head.extra,
        output=head.output,
        metrics=head.metrics,
        instructions=tuple(wording.text for wording in wordings),
    )


def drawn(uids: Sequence[str], count: int, seed: int) -> list[int]:
    """Places of the rows to ask, as stored: the `count` first by md5 of seed and name.

    The same rows under every instruction; more rows include those of fewer.
    """
    lots = [hashlib.md5(f"{seed}|{uid}".encode(), usedforsecurity=False).digest() for uid in uids]
    first = sorted(range(len(uids)), key=lambda place: (lots[place], uids[place]))[:count]
    return sorted(first)


def ask(lake: Path, run: Run, predictor: Predictor, told: Told | None = None) -> None:
    """Asks what nobody has answered yet; as `ask_with`, one instruction after the other."""
    for task, instruction in list(run.unfinished()):
        ask_with(lake, run, predictor, task, instruction, told)


def ask_with(
    lake: Path, run: Run, predictor: Predictor, task: str, instruction: int, told: Told | None = None
) -> None:
    """Asks all rows of a task with one instruction, and stores the answers once they are whole.

    Raises:
        BuildError: the build is another one by now, or the predictor gives too few answers.
    """
    build, folder = folder_of(lake)
    if build.id != run.evaluation.build:
        raise BuildError(
            "an evaluation asks about another build",
            where=run.folder,
            got=f"current build {build.id}",
            expected=run.evaluation.build,
            next_step="evaluate the current build under another --name",
            exit_code=ExitCode.USAGE,
        )
    asked = run.evaluation.tasks[task]
    (opened,), _ = open_tasks(folder, asked.split, [task])
    uids = opened.shard.uids.to_pylist()
    rows = drawn(uids, asked.rows, run.evaluation.seed)
    if not run.has_answers(task):
        run.write_answers(task, _right(lake, build, opened, rows))
    answers = []
    for answer in predictor.answers(task, asked.split, instruction, rows):
        answers.append(answer)
        if told is not None:
            told(task, instruction)
    if len(answers) != len(rows):
        raise BuildError(
            "a model gave another number of answers", where=task, got=len(answers), expected=len(rows)
        )
    stored = [
        {"uid": uids[row], "task": task, "instruction": instruction, **answer._asdict()}
        for row, answer in zip(rows, answers, strict=True)
    ]
    run.write_predictions(task, instruction, pa.Table.from_pylist(stored, schema=PREDICTIONS))


def _right(lake: Path, build: Build, task: OpenTask, rows: Sequence[int]) -> pa.Table:
    """What is right for rows of a task, as `ANSWERS`."""
    shard, decode = task.shard, task.splicer.vocabulary.decode
    images = [*shard.pictures["image_id"].to_pylist(), None]
    uids = [shard.uids[row].as_py() for row in rows]
    shown = [images[shard.picture[row]] for row in rows]
    facts = _facts(lake, build, task.name, uids)
    things = _things(lake, build, sorted({image for image in shown if image is not None}))
    found = []
    for row, uid, image in zip(rows, uids, shown, strict=True):
        target, *texts = [decode(ids.tolist()).strip() for ids in shard.slots.of(row)]
        found.append(
            {
                "uid": uid,
                "image_id": image,
                "target": target,
                "options": [decode(ids.tolist()).strip() for ids in shard.options.of(row)],
                "asked": " ".join(texts[: len(shard.index.text_slots)]),
                **facts.get(uid, {}),
                "things": things.get(image),
            }
        )
    return pa.Table.from_pylist(found, schema=ANSWERS)


_CARRIED: Final = {"answers": ("accepted", "VARCHAR[]"), "exercise_task": ("exercise", "VARCHAR")}
"""What `ANSWERS` takes of the facts that a task carries along: their names there and here, and their type."""


def _facts(lake: Path, build: Build, task: str, uids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """Columns of `ANSWERS` that are facts of the instances, by uid."""
    found = member(lake, build, Reference("instances", task))
    if found is None:
        return {}
    with tempfile.TemporaryDirectory() as scratch, Database(Path(scratch)) as database:
        database.view("instances", task, found.tables)
        instances = f"instances.{identifier(task)}"
        types = database.types(f"select * from {instances}")
        held = {name: ours for name, (ours, kind) in _CARRIED.items() if types.get(name) == kind}
        if not held:
            return {}
        rows = database.rows(f"select uid, {', '.join(held)} from {instances}")
    wanted = set(uids)
    return {uid: dict(zip(held.values(), facts, strict=True)) for uid, *facts in rows if uid in wanted}


def _things(lake: Path, build: Build, images: Sequence[str]) -> Mapping[str | None, list[str]]:
    """Names of the things that any source of the build has marked in the photographs of images."""
    if not images:
        return {}
    with tempfile.TemporaryDirectory() as scratch, Database(Path(scratch)) as database:
        photographs = _all(lake, build, database, "pictures", "image_id, picture_id")
        objects = _all(lake, build, database, "objects", "image_id, name")
        if not photographs or not objects:
            return {}
        listed = ", ".join(f"({literal(image)})" for image in images)
        rows: list[tuple[Any, ...]] = database.rows(
            f"with photographs as (select distinct * from ({photographs})), "
            "marked as (select distinct picture_id, name "
            f"from ({objects}) join photographs using (image_id)) "
            f"select wanted.image_id, list(distinct name order by name) from (values {listed}) "
            "as wanted(image_id) join photographs using (image_id) join marked using (picture_id) "
            "group by wanted.image_id"
        )
    return dict(rows)


def _all(lake: Path, build: Build, database: Database, table: str, columns: str) -> str:
    """A query over a table of all sources of the build that have it; empty if none has."""
    parts = []
    for entry in build.members:
        source, _, name = entry.name.partition(".")
        if entry.stage == "tables" and name == table:
            found = member(lake, build, entry.reference)
            if found is not None:
                database.view(source, name, found.tables)
                parts.append(f"select {columns} from {identifier(source)}.{identifier(name)}")
    return " union all ".join(parts)
