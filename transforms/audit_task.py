"""The audit of one task: what its rows are like, and what can be guessed without the picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
from pydantic import ValidationError

from instructions.load import TaskInstructions
from instructions.render import Literal as OurWords
from instructions.render import Wording
from schemas.artifact import Manifest, Stage
from schemas.audit import FEW_ROWS, Guesses, Removed, Reviews, Rule, SplitAudit, TaskAudit, Violation
from schemas.errors import BuildError
from schemas.instance import SPLITS, Split
from schemas.reason import HELD_BACK, kind_of
from schemas.task import TaskHead
from shards.format import InstructionSet
from shards.read import Shard
from shards.splice import Splicer
from shards.vocabulary import Vocabulary
from transforms.artifact import Draft
from transforms.audit_figures import Said, answer_type, family, said, split_audit
from transforms.audit_rows import Row, taken_rows
from transforms.duck import Database, identifier, literal
from transforms.guessing import Exercise, together, ways
from transforms.plain_words import plain

AUDIT: Final = "audit.json"

ANSWERS: Final = pa.schema([("answer", pa.string()), ("rows", pa.int64())])
"""One row for each answer in words of the rows that are trained or evaluated on, `plain`, in order."""

_SAID: Final = ("text", "option")
"""Outputs whose answers are words. Regions have names, which say nothing, and pictures none."""

_VERBS: Final = frozenset(
    (
        *("answer", "arrange", "assess", "assign", "check", "choose", "classify", "compare", "complete"),
        *("continue", "count", "decide", "describe", "detect", "determine", "draw", "estimate", "explain"),
        *("extract", "fill", "find", "generate", "give", "guess", "identify", "imagine", "infer", "judge"),
        *("label", "list", "locate", "look", "mark", "match", "name", "order", "pick", "point", "predict"),
        *(
            "put",
            "rate",
            "read",
            "recognise",
            "reply",
            "report",
            "respond",
            "return",
            "say",
            "select",
            "show",
        ),
        *("solve", "sort", "spot", "state", "suggest", "summarise", "tell", "transcribe", "verify", "write"),
    )
)
"""What instructions tell to do."""


@dataclass(frozen=True)
class TaskFiles:
    """What an audit of a task reads.

    Attributes:
        instances: all instances.
        rows: the taken ones, see `transforms.select.ROWS`.
        pictures: what they show, see `transforms.select.PICTURES`.
        listed: the tables `images` and `pictures` of each source of the task that shows some.
        shard: folder of the shard.
        manifests: what was said of them when they were written, by stage.
        instructions: the instructions as ids.
        vocabulary: what both were encoded with.
    """

    instances: Path
    rows: Path
    pictures: Path
    listed: Mapping[str, tuple[Path, Path]]
    shard: Path
    manifests: Mapping[Stage, Manifest]
    instructions: InstructionSet
    vocabulary: Vocabulary


def audit_task(
    task: str,
    head: TaskHead,
    instructions: TaskInstructions,
    files: TaskFiles,
    reviews: Reviews | None,
    making: Draft,
    threads: int | None = None,
) -> None:
    """Writes `audit.json`, a `TaskAudit`, and the table `ANSWERS`."""
    with Database(making.scratch, threads) as database:
        taken = taken_rows(database, task, files.instances, files.rows, files.pictures)
        available = dict(
            database.rows(f"select split, count(*) from {identifier(task)}.instances group by split")
        )
        violations = list(row_violations(database, task))
        held = held_back(database, task, files.listed)
    splits = dict(_splits(taken, available, files))
    rows = [row for split in SPLITS for row in taken.get(split, ())]
    shown = {name for wording in instructions.wordings for name in wording.slot_names}
    options = {count for one in splits.values() for count in one.option_counts}
    inputs = len({(row.texts, row.regions, row.options) for row in rows})
    instances = sum(available.values())
    audit = TaskAudit(
        task=task,
        role=head.role,
        output=head.output,
        family=family(head, shown, options),
        instances=instances,
        few=instances < FEW_ROWS,
        instructions=len(instructions.wordings),
        inputs=inputs,
        prompts=inputs * len(instructions.wordings),
        verbs=sorted(_VERBS & {word for wording in instructions.wordings for word in _words(wording)}),
        answer_types=dict(sorted(Counter(answer_type(head.output, row.target) for row in rows).items())),
        splits=splits,
        guesses=_guesses(taken) if head.output in _SAID or head.output == "region_option" else None,
        removed=_removed(files.manifests, held),
        reviews=reviews,
        violations=violations,
    )
    making.path(AUDIT).write_text(audit.model_dump_json(indent=1) + "\n", encoding="utf-8")
    main = taken.get("train" if head.role == "train" else "test", [])
    answers = sorted(Counter(plain(row.target) for row in main if head.output in _SAID).items())
    with making.table("answers", ANSWERS) as writer:
        columns = [[text for text, _ in answers], [count for _, count in answers]]
        writer.write(pa.table(columns, schema=ANSWERS))


def read_audit(path: Path) -> TaskAudit:
    """An audit that was written.

    Args:
        path: its `audit.json`.

    Raises:
        BuildError: another version of this code has written it.
    """
    try:
        return TaskAudit.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BuildError(
            "the audit was written by another version",
            where=path,
            got=f"{error.error_count()} fields that are missing or unknown",
            next_step="run the build again, which writes it anew",
        ) from error


def _removed(manifests: Mapping[Stage, Manifest], held: Mapping[str, int]) -> list[Removed]:
    counts: dict[Literal["instances", "splits", "mixtures", "shards"], Mapping[str, int]] = {
        "instances": manifests["instances"].rejected,
        "splits": held,
        "mixtures": manifests["mixtures"].rejected,
        "shards": manifests["shards"].rejected,
    }
    return [
        Removed(stage=stage, reason=reason, kind=kind_of(reason), rows=count)
        for stage, rejected in counts.items()
        for reason, count in rejected.items()
    ]


def held_back(database: Database, task: str, listed: Mapping[str, tuple[Path, Path]]) -> dict[str, int]:
    """Rows of photographs that another source holds stricter than the sources of the task, by reason.

    Args:
        listed: the tables `images` and `pictures` of each source of the task.
    """
    parts = []
    for number, (images, pictures) in enumerate(listed.values()):
        database.view(f"listed {number}", "images", [images])
        database.view(f"listed {number}", "pictures", [pictures])
        here = identifier(f"listed {number}")
        parts.append(
            f"select image_id, images.published_split, pictures.split "
            f"from {here}.images as images join {here}.pictures as pictures using (image_id)"
        )
    if not parts:
        return {}
    order = f"[{', '.join(map(literal, SPLITS))}]"
    rows = database.rows(
        f"""
        with photographs as (
            select
                image_id,
                any_value(split) as split,
                max(list_position({order}, coalesce(published_split, 'train'))) as published
            from ({" union all ".join(parts)})
            group by image_id
        )
        select photographs.split, count(*)
        from {identifier(task)}.instances
        join photographs using (image_id)
        where list_position({order}, photographs.split) > photographs.published
        group by photographs.split
        order by photographs.split
        """
    )
    return {HELD_BACK[split]: count for split, count in rows}


def _words(wording: Wording) -> Iterator[str]:
    for piece in wording.pieces:
        if isinstance(piece, OurWords):
            yield from plain(piece.text).split()


def _splits(
    taken: Mapping[Split, Sequence[Row]], available: Mapping[Split, int], files: TaskFiles
) -> Iterator[tuple[Split, SplitAudit]]:
    training: frozenset[Said] = frozenset(said(row) for row in taken.get("train", ()))
    truncated = files.manifests["shards"].facts.get("truncated", {})
    for split in SPLITS:
        if split in taken:
            sources, targets = _lengths(split, files)
            yield (
                split,
                split_audit(
                    taken[split],
                    available.get(split, 0),
                    sources,
                    targets,
                    truncated.get(split, 0),
                    training if split != "train" else (),
                ),
            )


def _lengths(split: Split, files: TaskFiles) -> tuple[list[int], list[int]]:
    """Ids of each prompt under each instruction, and of each answer, of a split."""
    shard = Shard(files.shard, split)
    if not shard.rows:
        return [], []
    splicer = Splicer(shard, files.instructions, files.vocabulary)
    rows = range(shard.rows)
    sources = [
        length
        for wording in range(len(splicer.wordings))
        for length in splicer.source_lengths(rows, wording).tolist()
    ]
    return sources, splicer.target_lengths(rows).tolist()


def _guesses(taken: Mapping[Split, Sequence[Row]]) -> Guesses | None:
    trained = [row.exercise() for row in taken.get("train", ())]
    scored_on: Split = "validation" if taken.get("validation") else "test"
    scored = [row.exercise() for row in taken.get(scored_on, ())]
    if not scored:
        return None
    if trained:
        return Guesses(scored_on=scored_on, learnt_from="train", ways=ways(trained, scored))
    halves: tuple[list[Exercise], list[Exercise]] = ([], [])
    for one in scored:
        halves[one.half].append(one)
    if not all(halves):
        return None
    found = together(ways(halves[0], halves[1]), ways(halves[1], halves[0]))
    return Guesses(scored_on=scored_on, learnt_from="other_half", ways=found)


def row_violations(database: Database, task: str) -> Iterator[Violation]:
    """Rules that rows of a task keep by themselves; `derive` held them, and here they are held again."""
    of = f"{identifier(task)}.instances"
    rules: dict[Rule, tuple[str, str]] = {
        "target_not_among_options": (
            "the answer is not exactly one of the options",
            f"select uid from {of} where options is not null "
            "and len(list_filter(options, lambda option: option = target)) is distinct from 1",
        ),
        "uid_not_unique": (
            "the name of a row is given twice, or is not made of task and key",
            f"select uid from {of} where uid is distinct from {literal(task + '/')} || key "
            f"union all select uid from {of} group by uid having count(*) > 1",
        ),
    }
    for rule, (detail, query) in rules.items():
        uids = [str(row[0]) for row in database.rows(f"select uid from ({query}) order by uid")]
        if uids:
            yield Violation(rule=rule, task=task, found=len(uids), rows=uids[:3], detail=detail)
