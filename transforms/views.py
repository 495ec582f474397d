"""The views of a build's catalogue: where the rows of each lie, and what its columns mean.

Rows left out lie in the schema `rejected`, each view under the name of its artifact:
`rejected.visual_grounding`, `rejected."visual_genome.regions"`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from schemas.artifact import Stage
from schemas.build import Build, Member
from schemas.evaluation import ANSWER_MEANINGS, PREDICTION_MEANINGS
from schemas.instance import FIXED, PICTURED, REJECTED, SLOTS
from schemas.tables import PROVENANCE, TABLES
from transforms import registry
from transforms.artifact import REJECTED_ROWS, Artifact
from transforms.lake import folders, member
from transforms.score_store import FOLDER as EVALUATIONS
from transforms.select import VALUES_PART

REJECTED_SCHEMA: Final = "rejected"

_SHOWN: Final[tuple[Stage, ...]] = ("tables", "instances", "mixtures", "audits")

_INSTANCES: Final[Mapping[str, str]] = {
    **{name: meaning for name, (_, meaning) in (FIXED | PICTURED).items()},
    **{slot: f"what an instruction shows in place of {{{slot}}}" for slot in SLOTS},
}

_PICTURES: Final = (
    "One row for each image of the source: the photograph that it shows, and the split of that photograph.",
    {
        "image_id": "one file of one publisher, such as vg:2345",
        "picture_id": "the photograph, shared by all its copies, such as coco:77",
        "split": "train, validation or test: the same for all copies",
    },
)

_LOOK: Final = {
    "look_hash": "64 bits that are nearly the same for copies of one photograph; absent for a plain picture",
    "look_small": "the picture shrunk to 16 x 16 pixels, RGB, row after row; absent for a plain picture",
}

_IN_MIXTURES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "counts": (
        "How many rows of the task the mixture takes: one row for each split.",
        {
            "split": "train, validation or test",
            "available": "instances that there are",
            "count": "instances that the mixture takes",
        },
    ),
    "values": (
        "How many rows of each value of a column the mixture takes: one row for each split and value.",
        {
            "split": "train, validation or test",
            "value": "value of the column that the mixture's file names",
            "available": "instances that there are",
            "count": "instances that the mixture takes",
        },
    ),
    "rows": (
        "The rows of the task that the mixture takes.",
        {
            "uid": "the instance, as in instances",
            "split": "train, validation or test",
            "place": "place in drawn order within the split, from 1",
            "image_id": "the picture's file; absent for exercises without a picture",
        },
    ),
    "pictures": (
        "One row for each picture that the taken rows show, as it was found.",
        {
            "image_id": "one file of one publisher",
            "source": "name of the source",
            "archive": "which declared file of the source holds the picture",
            "picture": "member of that archive",
            "declared_width": "pixels, as the publisher declares them",
            "declared_height": "pixels, as the publisher declares them",
            "width": "pixels of the file itself",
            "height": "pixels of the file itself",
            "oriented": "whether its EXIF orientation is to be applied",
            "format": "kind of file, such as JPEG",
            "sha256": "of the bytes of the file",
            **_LOOK,
        },
    ),
    "left_out": (
        "The rows of the task that came up in drawn order and are left out.",
        {
            "uid": "the instance, as in instances",
            "split": "train, validation or test",
            "place": "place in drawn order within the split, from 1",
            "image_id": "the picture's file; absent for exercises without a picture",
            REJECTED: "why the row was left out",
            "other_image": "the picture elsewhere that is the reason, if one is",
            "other_row": "the row elsewhere that is the reason, if one is",
        },
    ),
    "texts": (
        "What evaluation rows say in six words or more: no training row may hold it.",
        {
            "text": "without case and punctuation",
            "opening": "its first six words",
            "uid": "the first row by name that has it",
        },
    ),
    "shown": (
        "One row for each picture that rows of this split show, over all tasks.",
        {
            "image_id": "one file of one publisher",
            "sha256": "of the bytes of the file",
            **_LOOK,
            "source": "name of the source whose file holds the picture",
        },
    ),
    "overlaps": (
        "How many photographs pairs of sources have in common: one row for each pair that has any.",
        {
            "source": "the first source by name",
            "other": "the other source",
            "by": "id: as the publishers list them; bytes, look: among the pictures that the mixture shows",
            "photographs": "how many of the first source the other has as well",
        },
    ),
}

_ANSWERED: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "answers": ("What is right, for each instance that a run evaluates.", ANSWER_MEANINGS),
    "predictions": ("What a model answered to each instance under each instruction.", PREDICTION_MEANINGS),
}

_IN_AUDITS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "tasks": (
        "What the rows of each task and split are like.",
        {
            "task": "name of the task",
            "role": "train or eval",
            "family": "kind of task",
            "split": "train, validation or test",
            "available": "instances that there are",
            "rows": "instances that the mixture takes; all that follows is of them",
            "pictures": "different pictures",
            "answers": "different answers",
            "most_frequent": "the most frequent answer",
            "most_frequent_rows": "rows that have it",
            "source_ids_median": "ids of a prompt, over all instructions",
            "source_ids_most": "ids of the longest prompt",
            "target_ids_median": "ids of an answer",
            "target_ids_most": "ids of the longest answer",
            "truncated": "rows that lost the beginning of a text",
            "regions": "boxes",
            "box_share_median": "share of its picture that a box covers, from 0 to 1",
            "narrow_boxes": "boxes with a side of less than 32 pixels",
            "duplicates": "rows beyond the first of the same picture, texts, regions and answer",
            "texts_of_training": "rows with words and answer of a training row of the task",
        },
    ),
    "guesses": (
        "How often each way to guess without the picture is right.",
        {
            "task": "name of the task",
            "way": "how is guessed",
            "split": "whose rows are guessed",
            "learnt_from": "train, or the other half of the same rows",
            "rows": "rows that were guessed",
            "right": "how many of them rightly",
            "accuracy": "their share, from 0 to 1",
        },
    ),
    "nearest": (
        "The training tasks that are most like each task.",
        {
            "task": "name of the task",
            "wording": "the training task with the most similar instruction",
            "wording_share": "share of words that the two instructions have in common",
            "answers": "the training task with the most similar answers",
            "answers_share": "share of rows that have the same answers",
        },
    ),
    "removed": (
        "Rows left out, or held back in a stricter split, by task, stage and rule.",
        {
            "task": "name of the task",
            "stage": "instances, splits, mixtures or shards",
            "reason": "the rule",
            "kind": "fix (the published scripts keep such rows), leak, person (marked wrong) or lack",
            "rows": "how many",
        },
    ),
    "violations": (
        "Invariants that do not hold; a build that has any is not published.",
        {
            "rule": "the invariant",
            "task": "name of the task",
            "found": "rows that break it",
            "rows": "up to three of them",
            "detail": "what was found",
        },
    ),
    "answers": (
        "The answers of the rows of the task that one trains or evaluates on.",
        {"answer": "without case and punctuation", "rows": "rows that have it"},
    ),
}

_OF_REJECTED: Final[Mapping[str, str]] = {
    REJECTED: "why the row was left out",
    "other_image": "the picture elsewhere that is the reason, if one is",
    "other_row": "the row elsewhere that is the reason, if one is",
    "detail": "what was found, where that says more than the reason",
    "row": "the row as the publisher has it, or as the reader made it, as JSON",
}

_FACT: Final = "a fact carried along, which no instruction shows"


@dataclass(frozen=True)
class View:
    """One view of a catalogue.

    Attributes:
        rows: how many it has.
        path: the Parquet file behind it.
        meaning: one sentence, empty if nobody knows the table any more.
        columns: what each column means, in order; empty where nobody knows.
    """

    schema: str
    name: str
    rows: int
    path: Path
    meaning: str
    columns: Mapping[str, str]


def views(lake: Path, build: Build) -> Iterator[View]:
    """The views of a build, in order of stage and name; what was left out comes last."""
    shown = [entry for entry in build.members if entry.stage in _SHOWN]
    members = ((entry, member(lake, build, entry.reference)) for entry in shown)
    found = [(entry, artifact) for entry, artifact in members if artifact is not None]
    for entry, artifact in found:
        for path in artifact.tables:
            yield _view(entry, artifact, path)
    for entry, artifact in found:
        left_out = artifact.folder / REJECTED_ROWS
        if left_out.is_file():
            yield _rejected(entry, artifact, left_out)
    yield from _evaluations(lake)


def _evaluations(lake: Path) -> Iterator[View]:
    """What models answered, one view a run, and what is right, in the schemas `predictions` and `answers`."""
    for run in folders(lake / EVALUATIONS):
        for schema, (meaning, columns) in _ANSWERED.items():
            parts = sorted((run / schema).glob("*.parquet"))
            if parts:
                rows = sum(pq.read_metadata(path).num_rows for path in parts)
                yield View(schema, run.name, rows, run / schema / "*.parquet", meaning, columns)


def _view(entry: Member, artifact: Artifact, path: Path) -> View:
    meaning, columns = _meaning(entry, path.stem)
    schema, name = _name(entry, path.stem)
    rows = _rows(artifact, f"data/{path.name}")
    return View(schema, name, rows, path, meaning, _columns(path, columns, entry.stage))


def _rejected(entry: Member, artifact: Artifact, path: Path) -> View:
    of = f"{entry.stage}/{entry.name}"
    known = {**_meaning(entry, "rows")[1], **{one.name: one.meaning for one in PROVENANCE}, **_OF_REJECTED}
    rows = _rows(artifact, REJECTED_ROWS)
    meaning = f"The rows that were left out of {of}, with the reason of each."
    return View(REJECTED_SCHEMA, entry.name, rows, path, meaning, _columns(path, known, entry.stage))


def _rows(artifact: Artifact, path: str) -> int:
    return sum(entry.rows or 0 for entry in artifact.manifest.files if entry.path == path)


def _columns(path: Path, known: Mapping[str, str], stage: Stage) -> dict[str, str]:
    other = _FACT if stage == "instances" else ""
    return {name: known.get(name, other) for name in pq.read_schema(path).names}


def _name(entry: Member, part: str) -> tuple[str, str]:
    """Schema and name of the view of one data file of an artifact."""
    if entry.stage == "tables":
        source, _, table = entry.name.partition(".")
        return source, table
    if entry.stage == "instances":
        return "instances", entry.name
    if entry.stage == "audits":
        task = entry.name.partition(".")[2]
        return "audit", f"{task}_{part}" if task else part
    # Counts of a mixture lie one file a task; rows and pictures of a task lie under its own name.
    mixture, *names = entry.name.split(".")
    return f"mixture_{mixture}", "_".join((*names, part)) if names else _counts(part)


def _counts(part: str) -> str:
    """Name of the view of the counts of a task, or of those of its values."""
    return f"{part.replace(VALUES_PART, '_value')}_counts"


def _meaning(entry: Member, part: str) -> tuple[str, Mapping[str, str]]:
    """What a table and its columns mean."""
    if entry.stage == "instances":
        known = entry.name in registry.task_names()
        return registry.task(entry.name).head.summary if known else "", _INSTANCES
    if entry.stage == "audits":
        return _IN_AUDITS[part]
    if entry.stage == "mixtures":
        counted = "values" if part.endswith(VALUES_PART) else "counts"
        return _IN_MIXTURES[part if "." in entry.name else counted]
    name = entry.name.partition(".")[2]
    if name == "pictures":
        return _PICTURES
    if name not in TABLES:
        return "", {}
    table = TABLES[name]
    return table.meaning, {column.name: column.meaning for column in (*table.columns, *PROVENANCE)}
