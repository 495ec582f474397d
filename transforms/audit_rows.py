"""The rows that a mixture takes of a task, as an audit looks at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.box import Box
from schemas.instance import LABEL, SLOTS, Split
from schemas.token import REGION
from transforms.duck import Database, identifier
from transforms.guessing import Exercise


class Row(NamedTuple):
    """One row, with the declared size of its picture in pixels."""

    uid: str
    image_id: str | None
    texts: tuple[str, ...]
    regions: tuple[Box, ...]
    options: tuple[str, ...]
    target: str
    label: bool | None
    width: int | None
    height: int | None

    def exercise(self) -> Exercise:
        """The row without its picture."""
        named = [REGION.fullmatch(option) for option in self.options]
        areas = tuple(self.regions[int(match[1])].area for match in named if match is not None)
        return Exercise(
            "\n".join(self.texts),
            self.options,
            self.target,
            areas if len(areas) == len(self.options) else (),
            crc32((self.image_id or self.uid).encode()) & 1,
        )


def taken_rows(
    database: Database, task: str, instances: Path, rows: Path, pictures: Path
) -> dict[Split, list[Row]]:
    """The rows of each split that has some, in drawn order."""
    columns = pq.read_schema(instances).names
    slots = [name for name in columns if name in SLOTS]
    for name, path in (("instances", instances), ("rows", rows), ("pictures", pictures)):
        database.view(task, name, [path])
    here = identifier(task)
    table = database.table(
        f"""
        select
            rows.split,
            instances.uid,
            instances.image_id,
            [{", ".join(f"instances.{slot}" for slot in slots)}]::varchar[] as texts,
            instances.regions,
            instances.options,
            instances.target,
            {"instances.label" if LABEL in columns else "null::boolean as label"},
            pictures.declared_width as width,
            pictures.declared_height as height
        from {here}.rows as rows
        join {here}.instances as instances using (uid)
        left join {here}.pictures as pictures on instances.image_id = pictures.image_id
        order by rows.split, rows.place
        """
    )
    found: dict[Split, list[Row]] = {}
    for split, row in _rows(table):
        found.setdefault(split, []).append(row)
    return found


def _rows(table: pa.Table) -> Iterator[tuple[Split, Row]]:
    for values in table.to_pylist():
        yield (
            values["split"],
            Row(
                values["uid"],
                values["image_id"],
                tuple(text or "" for text in values["texts"]),
                _boxes(values["regions"]),
                tuple(values["options"] or ()),
                values["target"],
                values["label"],
                values["width"],
                values["height"],
            ),
        )


def _boxes(regions: Sequence[dict[str, Any]] | None) -> tuple[Box, ...]:
    return tuple(Box(**box) for box in regions or ())
