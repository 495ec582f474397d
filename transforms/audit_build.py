"""The audit of all tasks of a mixture together: what leaks between them, and how alike they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from instructions.load import TaskInstructions, words_of_ours
from schemas.audit import BuildAudit, Family, Nearest, TaskAudit
from transforms.artifact import Draft
from transforms.audit_leaks import (
    HeldOutTexts,
    TaskRows,
    held_out_pictures,
    lay_out,
    picture_violations,
    split_violations,
    text_violations,
)
from transforms.audit_task import AUDIT
from transforms.duck import Database
from transforms.plain_words import plain
from transforms.pretraining import seen_pictures

TASKS: Final = pa.schema(
    [
        ("task", pa.string()),
        ("role", pa.string()),
        ("family", pa.string()),
        ("split", pa.string()),
        ("available", pa.int64()),
        ("rows", pa.int64()),
        ("pictures", pa.int64()),
        ("answers", pa.int64()),
        ("most_frequent", pa.string()),
        ("most_frequent_rows", pa.int64()),
        ("source_ids_median", pa.float64()),
        ("source_ids_most", pa.float64()),
        ("target_ids_median", pa.float64()),
        ("target_ids_most", pa.float64()),
        ("truncated", pa.int64()),
        ("regions", pa.int64()),
        ("box_share_median", pa.float64()),
        ("narrow_boxes", pa.int64()),
        ("duplicates", pa.int64()),
        ("texts_of_training", pa.int64()),
    ]
)
"""One row a task and split, see `schemas.audit.SplitAudit`."""

GUESSES: Final = pa.schema(
    [
        ("task", pa.string()),
        ("way", pa.string()),
        ("split", pa.string()),
        ("learnt_from", pa.string()),
        ("rows", pa.int64()),
        ("right", pa.int64()),
        ("accuracy", pa.float64()),
    ]
)
"""One row for each task and way to guess without the picture."""

NEAREST: Final = pa.schema(
    [
        ("task", pa.string()),
        ("wording", pa.string()),
        ("wording_share", pa.float64()),
        ("answers", pa.string()),
        ("answers_share", pa.float64()),
    ]
)
"""One row a task: the training tasks most like it."""

REMOVED: Final = pa.schema(
    [
        ("task", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("kind", pa.string()),
        ("rows", pa.int64()),
    ]
)
"""One row for each task, stage and rule that has left rows out, see `schemas.reason`."""

VIOLATIONS: Final = pa.schema(
    [
        ("rule", pa.string()),
        ("task", pa.string()),
        ("found", pa.int64()),
        ("rows", pa.list_(pa.string())),
        ("detail", pa.string()),
    ]
)
"""One row for each invariant and task that breaks it; a published build has none."""


def audit_build(
    mixture: str,
    audits: Mapping[str, TaskAudit],
    answers: Mapping[str, Path],
    instructions: Mapping[str, TaskInstructions],
    rows: Mapping[str, TaskRows],
    listed: Mapping[str, Path],
    making: Draft,
    threads: int | None = None,
) -> None:
    """Writes `audit.json`, a `BuildAudit`, and the tables above.

    Args:
        audits: of each task.
        answers: the answers of each task, see `transforms.audit_task.ANSWERS`.
        rows: the rows of each task.
        listed: the table `pictures` of each source that shows some.
    """
    held = HeldOutTexts(words_of_ours(instructions.values()))
    with Database(making.scratch, threads) as database:
        lay_out(database, rows, listed)
        leaks = [
            *split_violations(database),
            *picture_violations(database),
            *text_violations(database, rows, held),
        ]
        pictures = held_out_pictures(database)
        pretraining = list(seen_pictures(database, listed))
    violations = [*(one for audit in audits.values() for one in audit.violations), *leaks]
    shared = {one.task: one.found for one in leaks if one.rule == "held_out_picture_in_training"}
    audit = BuildAudit(
        mixture=mixture,
        evaluation_texts=held.texts,
        held_out_pictures=pictures,
        shared_pictures={task: shared.get(task, 0) for task, one in audits.items() if one.role == "train"},
        families=_families(audits),
        nearest=_nearest(audits, answers, instructions),
        pretraining=pretraining,
        violations=violations,
    )
    making.path(AUDIT).write_text(audit.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _write(making, "tasks", TASKS, _splits(audits))
    _write(making, "guesses", GUESSES, _guesses(audits))
    _write(making, "nearest", NEAREST, [one.model_dump() for one in audit.nearest])
    removed = [{"task": task, **one.model_dump()} for task, audit in audits.items() for one in audit.removed]
    _write(making, "removed", REMOVED, removed)
    _write(making, "violations", VIOLATIONS, [one.model_dump() for one in violations])


def read_build_audit(path: Path) -> BuildAudit:
    """An audit that was written.

    Args:
        path: its `audit.json`.
    """
    return BuildAudit.model_validate_json(path.read_bytes())


def _write(making: Draft, name: str, schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> None:
    with making.table(name, schema) as writer:
        writer.write(pa.Table.from_pylist(rows, schema))


def _families(audits: Mapping[str, TaskAudit]) -> dict[Family, int]:
    counted = Counter[Family]()
    for audit in audits.values():
        if "train" in audit.splits:
            counted[audit.family] += audit.splits["train"].rows
    return dict(sorted(counted.items()))


def _splits(audits: Mapping[str, TaskAudit]) -> list[dict[str, Any]]:
    return [
        {
            **one.model_dump(include=set(TASKS.names)),
            "task": task,
            "role": audit.role,
            "family": audit.family,
            "split": split,
            "most_frequent": one.frequent[0].text if one.frequent else None,
            "most_frequent_rows": one.frequent[0].rows if one.frequent else None,
            "source_ids_median": one.source_ids.median if one.source_ids else None,
            "source_ids_most": one.source_ids.most if one.source_ids else None,
            "target_ids_median": one.target_ids.median if one.target_ids else None,
            "target_ids_most": one.target_ids.most if one.target_ids else None,
            "box_share_median": one.box_shares.median if one.box_shares else None,
        }
        for task, audit in audits.items()
        for split, one in audit.splits.items()
    ]


def _guesses(audits: Mapping[str, TaskAudit]) -> list[dict[str, Any]]:
    return [
        {
            "task": task,
            "way": way,
            "split": audit.guesses.scored_on,
            "learnt_from": audit.guesses.learnt_from,
            **guess.model_dump(),
        }
        for task, audit in audits.items()
        if audit.guesses is not None
        for way, guess in audit.guesses.ways.items()
    ]


def _nearest(
    audits: Mapping[str, TaskAudit], answers: Mapping[str, Path], instructions: Mapping[str, TaskInstructions]
) -> list[Nearest]:
    words = {
        task: [frozenset(plain(wording.text).split()) for wording in loaded.wordings]
        for task, loaded in instructions.items()
    }
    given = {task: _shares(path) for task, path in answers.items()}
    found = []
    for task in audits:
        others = [name for name, audit in audits.items() if audit.role == "train" and name != task]
        wording, wording_share = _most({name: _wording(words[task], words[name]) for name in others})
        alike, answers_share = _most({name: _common(given[task], given[name]) for name in others})
        found.append(
            Nearest(
                task=task,
                wording=wording,
                wording_share=wording_share,
                answers=alike,
                answers_share=answers_share,
            )
        )
    return found


def _most(shares: Mapping[str, float]) -> tuple[str | None, float]:
    """The name with the largest share, the first of several; None if nothing is shared."""
    name = max(shares, key=lambda name: shares[name], default=None)
    if name is None or not shares[name]:
        return None, 0.0
    return name, round(shares[name], 4)


def _wording(some: Sequence[Collection[str]], others: Sequence[Collection[str]]) -> float:
    """The largest share of words that an instruction of each have in common."""
    return max(len(set(one) & set(other)) / len(set(one) | set(other)) for one in some for other in others)


def _shares(path: Path) -> dict[str, float]:
    """The share of rows that give each answer."""
    table = pq.read_table(path)
    rows = table["rows"].to_pylist()
    total = sum(rows)
    return {answer: count / total for answer, count in zip(table["answer"].to_pylist(), rows, strict=True)}


def _common(some: Mapping[str, float], others: Mapping[str, float]) -> float:
    """The share of rows that can be paired with rows of the same answer."""
    return math.fsum(min(share, others[answer]) for answer, share in some.items() if answer in others)
