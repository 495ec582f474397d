"""From instances to the rows that are trained and evaluated on: exact counts, drawn, pictures checked.

Rows are taken in drawn order, one from each picture before a second from any, until the count is
reached. A row without a readable picture is left out, and the next in that order takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from schemas.instance import SPLITS
from schemas.mixture import Mixture
from transforms.artifact import Draft
from transforms.duck import Database, identifier, literal
from transforms.listed import list_images
from transforms.pictures import Picture, Wanted, fits

COUNTS = pa.schema([("split", pa.string()), ("available", pa.int64()), ("count", pa.int64())])
"""One row a split: how many instances there are, and how many of them the mixture takes."""

ROWS = pa.schema(
    [("uid", pa.string()), ("split", pa.string()), ("place", pa.int64()), ("image_id", pa.string())]
)
"""The rows that are taken; `place` counts from 1 in drawn order within the split."""

PICTURES = pa.schema(
    [
        ("image_id", pa.string()),
        ("source", pa.string()),
        ("archive", pa.string()),
        ("picture", pa.string()),
        ("declared_width", pa.int32()),
        ("declared_height", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("sha256", pa.string()),
        ("oriented", pa.bool_()),
    ]
)
"""One row for each picture that the rows show: where its bytes are and what they hold. Where its EXIF
orientation is to be applied, it is `oriented`, and width and height are those of the upright picture."""

_LEFT_OUT = pa.schema([*ROWS, ("rejected", pa.string())])

_AT_ONCE = 256
"""Rows whose pictures are checked side by side."""

Check = Callable[[str, str, str], Picture]
"""Reads the picture (source, archive, member) and says what it holds."""


Prefetch = Callable[[Iterable[Wanted]], None]
"""Told the pictures that will be read next."""


class Candidate(NamedTuple):
    """A row in drawn order, and where its picture should be. A text-only row has none."""

    uid: str
    split: str
    place: int
    image_id: str | None
    source: str
    archive: str
    picture: str
    width: int | None
    height: int | None


@dataclass
class _Selection:
    taken: list[Candidate] = field(default_factory=list)
    left_out: list[tuple[Candidate, str]] = field(default_factory=list)
    shown: dict[str, tuple[Candidate, Picture]] = field(default_factory=dict)


def compile_counts(
    mixture: Mixture, roles: Mapping[str, str], instances: Mapping[str, Path], making: Draft
) -> None:
    """Writes how many rows of each task a mixture takes: one small table `COUNTS` a task.

    Args:
        roles: `train` or `eval`, by task.
        instances: the instances of each task.
    """
    with Database(making.scratch) as database:
        for task, role in roles.items():
            wanted = mixture.train if role == "train" else mixture.eval
            database.view("instances", task, [instances[task]])
            query = f"select split, count(*) from instances.{identifier(task)} group by split"
            found = dict(database.rows(query))
            rows = [
                {
                    "split": split,
                    "available": found.get(split, 0),
                    "count": _count(wanted[split], found.get(split, 0)),
                }
                for split in SPLITS
                if split in wanted
            ]
            with making.table(task, COUNTS) as writer:
                writer.write(pa.Table.from_pylist(rows, COUNTS))


def _count(most: int, available: int) -> int:
    return min(most, available) if most else available


def select(
    task: str,
    seed: int,
    instances: Path,
    counts: Path,
    images: Mapping[str, Path],
    check: Check,
    prefetch: Prefetch,
    expect: Prefetch,
    making: Draft,
    threads: int | None = None,
) -> None:
    """Writes `ROWS` and `PICTURES` of one task.

    Args:
        counts: the task's table of `COUNTS`.
        images: the `images` table of each source whose pictures the task shows.
        prefetch: told which pictures are about to be checked.
        expect: told beforehand which will be, if none of them has to be replaced.
    """
    selection = _Selection()
    with Database(making.scratch, threads) as database, ThreadPoolExecutor(threads or 2) as workers:
        database.view("instances", task, [instances])
        list_images(database, {source: [path] for source, path in images.items()})
        database.set({"seed": str(seed), "task": task})
        ((total,),) = database.rows(f"select count(*) from instances.{identifier(task)}")
        for split, count in database.rows("select split, count from read_parquet(?)", [str(counts)]):
            _draw(database, task, split)
            expect(_first(database, count))
            _take(database, count, check, prefetch, workers, selection)
    _write(making, selection)
    making.rows_in = total
    making.rows_out = len(selection.taken)
    making.not_asked = total - len(selection.taken) - len(selection.left_out)


def _draw(database: Database, task: str, split: str) -> None:
    """Makes the table `drawn`: the rows of a split in drawn order, with where their pictures are."""
    database.run(
        f"""
        create or replace table drawn as
        with ranked as (
            select
                uid,
                split,
                image_id,
                rank_drawn(coalesce(image_id, uid), uid) as round,
                draw('selection', uid) as lot
            from instances.{identifier(task)}
            where split = {literal(split)}
        )
        select
            uid,
            split,
            row_number() over (order by round, lot, uid) as place,
            image_id,
            source,
            archive,
            picture,
            width,
            height
        from ranked
        left join listed.images using (image_id)
        """
    )


def _first(database: Database, count: int) -> list[Wanted]:
    """The pictures of the first rows in drawn order."""
    return database.rows(
        "select distinct source, archive, picture from drawn where place <= ? and image_id is not null",
        [count],
    )


def _take(
    database: Database,
    count: int,
    check: Check,
    prefetch: Prefetch,
    workers: ThreadPoolExecutor,
    selection: _Selection,
) -> None:
    if not count:
        return
    for candidate, picture in _checked(database, count, check, prefetch, workers):
        if picture.problem:
            selection.left_out.append((candidate, picture.problem))
            continue
        count -= 1
        selection.taken.append(candidate)
        if candidate.image_id is not None:
            selection.shown[candidate.image_id] = (candidate, picture)
        if not count:
            return


def _checked(
    database: Database, count: int, check: Check, prefetch: Prefetch, workers: ThreadPoolExecutor
) -> Iterator[tuple[Candidate, Picture]]:
    """Candidates in drawn order with their pictures, a few hundred ahead of who asks."""
    step = min(count, _AT_ONCE)
    for first in range(1, 1 << 62, step):
        rows = database.rows(
            "select * from drawn where place between ? and ? order by place", [first, first + step - 1]
        )
        if not rows:
            return
        candidates = [Candidate(*row) for row in rows]
        prefetch((row.source, row.archive, row.picture) for row in candidates if row.image_id is not None)
        yield from zip(candidates, workers.map(lambda row: _picture(row, check), candidates), strict=True)


def _picture(row: Candidate, check: Check) -> Picture:
    if row.image_id is None:
        return Picture()
    return fits(check(row.source, row.archive, row.picture), row.width, row.height)


def _write(making: Draft, selection: _Selection) -> None:
    rows = [row[: len(ROWS)] for row in selection.taken]
    with making.table("rows", ROWS) as writer:
        writer.write(_table(rows, ROWS))
    pictures = [
        (
            row.image_id,
            row.source,
            row.archive,
            row.picture,
            row.width,
            row.height,
            *found[:4],
            found.oriented,
        )
        for _, (row, found) in sorted(selection.shown.items())
    ]
    with making.table("pictures", PICTURES) as writer:
        writer.write(_table(pictures, PICTURES))
    making.reject(_table([(*row[: len(ROWS)], reason) for row, reason in selection.left_out], _LEFT_OUT))


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)], schema=schema
    )
