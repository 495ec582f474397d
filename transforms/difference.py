"""What two builds of a lake say differently: tasks, rows, instructions, schemas, splits, terms, files.

Artifacts with the same content id are the same, however large they are, and are not looked into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from schemas.artifact import Manifest, Reference
from schemas.build import Build
from schemas.errors import BuildError
from transforms.artifact import Artifact, find, recorded
from transforms.changes import Change
from transforms.difference_rows import ChangedColumn, Rows, rows_between
from transforms.steps_select import selected
from transforms.steps_shards import prepared

Counts = dict[str, tuple[int, int]]
"""By name: how many before, how many after. Only what differs stands in it."""


@dataclass(frozen=True)
class TaskDifference:
    """How one task differs that is in both builds.

    Attributes:
        asked: what was asked otherwise: the query, code, the seed. It may have changed nothing.
        rejected: rows left out, by reason; with `not asked`.
        wordings_added: instructions that only the second build has.
        taken: rows that the mixtures take, by split.
    """

    task: str
    rows_before: int
    rows_after: int
    asked: tuple[Change, ...]
    rows: Rows
    rejected: Counts
    wordings_added: tuple[str, ...]
    wordings_removed: tuple[str, ...]
    taken: Counts

    @property
    def says_nothing(self) -> bool:
        """Whether the task is the same in both builds."""
        texts = self.wordings_added or self.wordings_removed
        return not (self.rows != Rows() or self.rejected or texts or self.taken)


@dataclass(frozen=True)
class TableDifference:
    """How one table of the normal form differs that is in both builds.

    Attributes:
        moved: of the table of pictures, images in another split than before, by `train → test`.
    """

    table: str
    rows_before: int
    rows_after: int
    columns: tuple[ChangedColumn, ...]
    rejected: Counts
    moved: dict[str, int]


@dataclass(frozen=True)
class FileDifference:
    """A publisher's file that is other bytes, came from elsewhere, or is only in one of two builds.

    Attributes:
        before: sha256, address and size; None where the build lacks the file.
    """

    file: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True)
class Difference:
    """What the second of two builds says otherwise than the first.

    Attributes:
        mixtures: name of the mixture of each, None for a build without shards.
        tasks_added: instances of tasks that only the second has.
    """

    before: str
    after: str
    mixtures: tuple[str | None, str | None]
    tasks_added: dict[str, int]
    tasks_removed: dict[str, int]
    tasks: tuple[TaskDifference, ...]
    tables_added: tuple[str, ...]
    tables_removed: tuple[str, ...]
    tables: tuple[TableDifference, ...]
    files: tuple[FileDifference, ...]
    licences_added: tuple[str, ...]
    licences_removed: tuple[str, ...]

    @property
    def says_nothing(self) -> bool:
        """Whether the builds do not differ in anything that is told here."""
        names = ("before", "after", "mixtures")
        told = [value for name, value in vars(self).items() if name not in names]
        return self.mixtures[0] == self.mixtures[1] and not any(told)


class _Side:
    """One of the two builds, with the manifests of all its artifacts."""

    def __init__(self, lake: Path, build: Build) -> None:
        self.build = build
        self.artifacts: dict[Reference, Artifact] = {}
        for entry in build.members:
            # Of a publisher's file it is enough to know what it held.
            known = recorded if entry.stage == "raw" else find
            found = known(lake, entry.reference, entry.fingerprint)
            if found is None:
                raise BuildError(
                    "an artifact of a build is gone",
                    where=lake / entry.stage / entry.name / entry.fingerprint,
                    got=f"build {build.id}",
                    next_step="compare other builds; multiinstruct verify --all says what is missing",
                )
            self.artifacts[entry.reference] = found

    def named(self, stage: str) -> dict[str, Artifact]:
        return {ref.name: found for ref, found in self.artifacts.items() if ref.stage == stage}

    def manifest(self, reference: Reference) -> Manifest | None:
        found = self.artifacts.get(reference)
        return found.manifest if found is not None else None

    @property
    def licences(self) -> set[str]:
        return {name for found in self.artifacts.values() for name in found.manifest.licences}


def difference(lake: Path, before: Build, after: Build) -> Difference:
    """Compares two builds of one lake.

    Raises:
        BuildError: an artifact of one of them is gone.
    """
    one, other = _Side(lake, before), _Side(lake, after)
    tasks, others = one.named("instances"), other.named("instances")
    compared = (_task(task, one, other) for task in tasks if task in others)
    tables, other_tables = one.named("tables"), other.named("tables")
    return Difference(
        before=before.id,
        after=after.id,
        mixtures=(before.mixture, after.mixture),
        tasks_added={name: made.manifest.rows_out for name, made in others.items() if name not in tasks},
        tasks_removed={name: made.manifest.rows_out for name, made in tasks.items() if name not in others},
        tasks=tuple(found for found in compared if not found.says_nothing),
        tables_added=tuple(name for name in other_tables if name not in tables),
        tables_removed=tuple(name for name in tables if name not in other_tables),
        tables=tuple(_tables(tables, other_tables)),
        files=tuple(_files(one.named("raw"), other.named("raw"))),
        licences_added=tuple(sorted(other.licences - one.licences)),
        licences_removed=tuple(sorted(one.licences - other.licences)),
    )


def _task(task: str, one: _Side, other: _Side) -> TaskDifference:
    reference = Reference("instances", task)
    before, after = one.artifacts[reference], other.artifacts[reference]
    same = before.manifest.content_id == after.manifest.content_id
    wordings, other_wordings = _wordings(task, one), _wordings(task, other)
    return TaskDifference(
        task=task,
        rows_before=before.manifest.rows_out,
        rows_after=after.manifest.rows_out,
        asked=tuple(_asked(before.manifest.asked, after.manifest.asked)),
        rows=Rows() if same else rows_between(_only(before), _only(after)),
        rejected=_rejected(before.manifest, after.manifest),
        wordings_added=tuple(text for text in other_wordings if text not in wordings),
        wordings_removed=tuple(text for text in wordings if text not in other_wordings),
        taken=_differing(_taken(task, one), _taken(task, other)),
    )


def _only(artifact: Artifact) -> Path:
    (path,) = artifact.tables
    return path


def _asked(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Change(name, before=before.get(name), after=after.get(name))


def _rejected(before: Manifest, after: Manifest) -> Counts:
    return _differing(
        {**before.rejected, "not asked": before.not_asked}, {**after.rejected, "not asked": after.not_asked}
    )


def _differing(before: Mapping[str, int], after: Mapping[str, int]) -> Counts:
    pairs = {name: (before.get(name, 0), after.get(name, 0)) for name in sorted({*before, *after})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _wordings(task: str, side: _Side) -> list[str]:
    """The instructions that a build holds of a task; none if it has no shards."""
    manifest = side.manifest(prepared(task))
    return list(manifest.asked["instructions"]) if manifest is not None else []


def _taken(task: str, side: _Side) -> dict[str, int]:
    """How many rows of a task the build's mixture takes, by split."""
    made = side.artifacts.get(selected(side.build.mixture or "", task))
    if made is None:
        return {}
    return Counter(pq.read_table(made.path("rows.parquet"), columns=["split"])["split"].to_pylist())


def _tables(tables: Mapping[str, Artifact], others: Mapping[str, Artifact]) -> Iterator[TableDifference]:
    for name, before in tables.items():
        after = others.get(name)
        if after is None or before.manifest.content_id == after.manifest.content_id:
            continue
        old, new = (
            {field.name: str(field.type) for field in pq.read_schema(_only(made))} for made in (before, after)
        )
        pictures = name.endswith(".pictures")
        yield TableDifference(
            table=name,
            rows_before=before.manifest.rows_out,
            rows_after=after.manifest.rows_out,
            columns=tuple(
                ChangedColumn(column, old.get(column), new.get(column))
                for column in dict.fromkeys((*old, *new))
                if old.get(column) != new.get(column)
            ),
            rejected=_rejected(before.manifest, after.manifest),
            moved=rows_between(_only(before), _only(after), "image_id").moved if pictures else {},
        )


def _files(files: Mapping[str, Artifact], others: Mapping[str, Artifact]) -> Iterator[FileDifference]:
    for name in sorted({*files, *others}):
        before, after = (_described(side.get(name)) for side in (files, others))
        if before != after:
            yield FileDifference(name, before, after)


def _described(made: Artifact | None) -> dict[str, Any] | None:
    if made is None:
        return None
    files = made.manifest.files
    sha256 = files[0].sha256 if len(files) == 1 else made.manifest.content_id
    size = sum(entry.bytes for entry in files)
    return {"sha256": sha256, "url": made.manifest.facts.get("url"), "bytes": size}
