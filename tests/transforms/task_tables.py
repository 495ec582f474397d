"""Runs a shipped task over hand-made tables and gives back every row that it asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from instructions.load import load_instructions
from schemas.artifact import Reference
from schemas.box import BOX_TYPE, Box
from transforms import registry
from transforms.artifact import draft, publish
from transforms.derive import MOST_ROWS, derive

Row = dict[str, Any]
Side = tuple[float, float, float, float]

TYPES: dict[str, pa.DataType] = {
    "box": BOX_TYPE,
    "regions": pa.list_(BOX_TYPE),
    "crowd": pa.bool_(),
    "label": pa.bool_(),
    "width": pa.int32(),
    "height": pa.int32(),
}
"""Types of the columns that are not text."""


@dataclass(frozen=True)
class Outcome:
    """What became of a task's rows.

    Attributes:
        kept: the instances by key, in stored order.
        rejected: the reason of each row left out, by key.
        not_asked: rows of the first table that were not asked about.
    """

    kept: dict[str, Row]
    rejected: dict[str, str]
    not_asked: int


def box(sides: Side) -> dict[str, float]:
    """A box as it is stored."""
    return Box(*sides)._asdict()


def boxes_of(row: Row) -> list[Box]:
    """The regions of an instance."""
    return [Box(**region) for region in row["regions"]]


def number_of(name: str) -> int:
    """`<region_3>` is region 3."""
    return int(name.removeprefix("<region_").removesuffix(">"))


def run_task(
    folder: Path,
    task: str,
    tables: Mapping[tuple[str, str], Sequence[Row]],
    per_image: int = 0,
    seed: int = 0,
    threads: int | None = None,
) -> Outcome:
    """Runs a task's file over tables; their columns are text unless `TYPES` says otherwise."""
    declared, reference = registry.task(task), Reference("instances", task)
    paths = {name: _stored(folder, name, rows) for name, rows in tables.items()}
    variables: dict[str, str | int] = {"seed": str(seed), "per_image": per_image or MOST_ROWS}
    answers = load_instructions(task).answers
    with draft(folder, reference, "0") as making:
        derive(
            task, declared.head, declared.sql, paths, declared.reads[0], variables, answers, making, threads
        )
        name = f"{seed}-{per_image}-{threads}"
        artifact = publish(folder, reference, name, making, inputs={}, asked={}, licences=[])
    kept = pq.read_table(artifact.path("instances.parquet")).to_pylist()
    manifest = artifact.manifest
    rejected = {}
    if manifest.rejected:
        left_out = pq.read_table(artifact.folder / "rejected.parquet").to_pylist()
        rejected = {row["key"]: row["rejected"] for row in left_out}
    assert len(kept) + len(rejected) + manifest.not_asked == manifest.rows_in
    return Outcome({row["key"]: row for row in kept}, rejected, manifest.not_asked)


def _stored(folder: Path, name: tuple[str, str], rows: Sequence[Row]) -> Path:
    path = folder / f"{'.'.join(name)}.parquet"
    columns = dict.fromkeys(column for row in rows for column in row)
    schema = pa.schema([(column, TYPES.get(column, pa.string())) for column in columns])
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path)
    return path
