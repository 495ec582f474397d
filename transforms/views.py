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
from schemas.instance import FIXED, PICTURED, REJECTED, SLOTS
from schemas.tables import PROVENANCE, TABLES
from transforms import registry
from transforms.artifact import REJECTED_ROWS, Artifact
from transforms.lake import member

REJECTED_SCHEMA: Final = "rejected"

_SHOWN: Final[tuple[Stage, ...]] = ("tables", "instances", "mixtures")

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

_IN_MIXTURES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "counts": (
        "How many rows of the task the mixture takes: one row for each split.",
        {
            "split": "train, validation or test",
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
        },
    ),
}

_OF_REJECTED: Final[Mapping[str, str]] = {
    REJECTED: "why the row was left out",
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
    # Counts of a mixture lie one file a task; rows and pictures of a task lie under its own name.
    mixture, _, task = entry.name.partition(".")
    return f"mixture_{mixture}", f"{task}_{part}" if task else f"{part}_counts"


def _meaning(entry: Member, part: str) -> tuple[str, Mapping[str, str]]:
    """What a table and its columns mean."""
    if entry.stage == "instances":
        known = entry.name in registry.task_names()
        return registry.task(entry.name).head.summary if known else "", _INSTANCES
    if entry.stage == "mixtures":
        return _IN_MIXTURES[part if "." in entry.name else "counts"]
    name = entry.name.partition(".")[2]
    if name == "pictures":
        return _PICTURES
    if name not in TABLES:
        return "", {}
    table = TABLES[name]
    return table.meaning, {column.name: column.meaning for column in (*table.columns, *PROVENANCE)}
