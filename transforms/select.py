"""From instances to the rows that are trained and evaluated on: exact counts, drawn, pictures checked.

Rows are taken in drawn order, one from each picture before a second from any, until the count is
reached; where a mixture bounds the rows of a value, one of each value before a second of any. A row
without a readable picture, be it shown or to be drawn, is left out, and the next in that order takes its
place. So is a row that is barred, such as one whose picture another task is evaluated on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.instance import SPLITS, Split
from schemas.mixture import Mixture
from transforms.artifact import Draft
from transforms.duck import Database, identifier, literal
from transforms.listed import list_images
from transforms.mixing import Count, available, compile_mixture, part_of
from transforms.photographs import SEEN
from transforms.pictures import Picture, Wanted, fits

COUNTS = pa.schema([("split", pa.string()), ("available", pa.int64()), ("count", pa.int64())])
"""One row a split: how many instances there are, and how many of them the mixture takes."""

VALUES = pa.schema(
    [("split", pa.string()), ("value", pa.string()), ("available", pa.int64()), ("count", pa.int64())]
)
"""The same for each value of a column, where the mixture bounds the rows of a value."""

VALUES_PART: Final = ".values"
"""What follows the name of a task in that of its table `VALUES`."""

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
        *(SEEN.field(name) for name in ("look_hash", "look_small")),
    ]
)
"""One row for each picture that the rows show: where its bytes are and what they hold. Where its EXIF
orientation is to be applied, it is `oriented`, and width and height are those of the upright picture.
`look_hash` and `look_small` are its `shards.look.Look`; a plain picture has none."""

LEFT_OUT = pa.schema(
    [*ROWS, ("rejected", pa.string()), ("other_image", pa.string()), ("other_row", pa.string())]
)
"""The rows that are left out, why, and the picture or the row elsewhere that is the reason, if one is."""

_AT_ONCE = 256
"""Rows whose pictures are checked side by side."""

_PART_LEFT_OUT = "left_out"

Check = Callable[[str, str, str], Picture]
"""Reads the picture (source, archive, member) and says what it holds."""


Prefetch = Callable[[Iterable[Wanted]], None]
"""Told the pictures that will be read next."""


class Candidate(NamedTuple):
    """A row in drawn order, and where its picture should be.

    A row that shows none may have a picture as its answer: `image_id` is absent then. A text-only row has
    neither.

    Where the rows of a value are bounded, `value` is the row's, and `most` how many of it are taken.
    """

    uid: str
    split: str
    place: int
    image_id: str | None
    source: str
    archive: str
    picture: str
    width: int | None
    height: int | None
    value: str | None = None
    most: int | None = None


class Barred(NamedTuple):
    """Why a row is not taken, and the picture or the row elsewhere that is the reason, if one is."""

    reason: str
    other_image: str | None = None
    other_row: str | None = None


class Bounded(NamedTuple):
    """The rows of each value of a column are bounded by a table `VALUES`."""

    column: str
    values: Path


Bar = Callable[[Candidate, Picture], Barred | None]
"""Says whether a row whose picture is as it should be is to be left out all the same."""


@dataclass
class _Selection:
    """Rows of the tables of a selection, by name of the table."""

    taken: list[tuple[object, ...]] = field(default_factory=list)
    left_out: list[tuple[object, ...]] = field(default_factory=list)
    shown: dict[str, tuple[object, ...]] = field(default_factory=dict)


def compile_counts(mixture: Mixture, instances: Mapping[str, Path], making: Draft) -> None:
    """Writes how many rows of each task a mixture takes: one table `COUNTS` a task.

    Beside it stands a table `VALUES`, named by `values_part`, for a task whose values are bounded.

    Args:
        instances: the instances of each task.
    """
    bounded = {}
    for task in instances:
        part = part_of(mixture, task)
        bounded[task] = part.values.column if part and part.values else None
    found = {task: available(path, bounded[task]) for task, path in instances.items()}
    for task, counts in compile_mixture(mixture, found).items():
        rows = [
            {"split": split, "available": one.available, "count": one.count} for split, one in counts.items()
        ]
        with making.table(task, COUNTS) as writer:
            writer.write(pa.Table.from_pylist(rows, COUNTS))
        if bounded[task] is not None:
            with making.table(values_part(task), VALUES) as writer:
                writer.write(_values(counts))


def values_part(task: str) -> str:
    """Name of the table of the values of a task."""
    return f"{task}{VALUES_PART}"


def _values(counts: Mapping[Split, Count]) -> pa.Table:
    rows = [
        {"split": split, "value": value, "available": there, "count": count}
        for split, one in counts.items()
        for value, (there, count) in (one.values or {}).items()
    ]
    return pa.Table.from_pylist(rows, VALUES)


def select(
    task: str,
    seed: int,
    splits: Collection[str],
    instances: Path,
    counts: Path,
    images: Mapping[str, Path],
    check: Check,
    prefetch: Prefetch,
    expect: Prefetch,
    making: Draft,
    threads: int | None = None,
    bars: Sequence[Bar] = (),
    bounded: Bounded | None = None,
) -> None:
    """Writes `ROWS` and `PICTURES` of some splits of one task, and `LEFT_OUT` for `join`.

    Args:
        splits: those that are drawn now.
        counts: the task's table of `COUNTS`.
        images: the `images` table of each source whose pictures the task shows.
        prefetch: told which pictures are about to be checked.
        expect: told beforehand which will be, if none of them has to be replaced.
        bars: asked one after the other about each row whose picture can be shown.
        bounded: the column of which each value gives a number of rows, if one does.
    """
    selection, total = _Selection(), 0
    with Database(making.scratch, threads) as database, ThreadPoolExecutor(threads or 2) as workers:
        database.view("instances", task, [instances])
        list_images(database, {source: [path] for source, path in images.items()})
        database.set({"seed": str(seed), "task": task})
        for split, count, available in database.rows(
            "select split, count, available from read_parquet(?)", [str(counts)]
        ):
            if split in splits:
                total += available
                _draw(database, task, split, bounded)
                expect(_first(database, count))
                _take(database, count, check, prefetch, workers, bars, selection)
    _write(making, selection, total)
    with making.table(_PART_LEFT_OUT, LEFT_OUT) as writer:
        writer.write(_table(selection.left_out, LEFT_OUT))


def join(instances: Path, parts: Sequence[Path], making: Draft) -> None:
    """Writes `ROWS` and `PICTURES` of a task whose splits were drawn one after the other, in order of split.

    Args:
        parts: the data folder of each, see `select`.
    """
    selection = _Selection()
    for split in SPLITS:
        for part in parts:
            taken, left_out = (_rows(part / f"{name}.parquet", split) for name in ("rows", _PART_LEFT_OUT))
            selection.taken += taken
            selection.left_out += left_out
    for part in parts:
        shown = _rows(part / "pictures.parquet")
        selection.shown |= {str(row[0]): row for row in shown}
    _write(making, selection, pq.read_metadata(instances).num_rows)


def _rows(path: Path, split: str | None = None) -> list[tuple[object, ...]]:
    """The rows of a table, of one split if one is named."""
    rows = pq.read_table(path)
    if split is not None:
        rows = rows.filter(pc.equal(rows["split"], split))
    return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def _draw(database: Database, task: str, split: str, bounded: Bounded | None) -> None:
    """Makes the table `drawn`: the rows of a split in drawn order, with where their pictures are.

    Rows are taken round by round: one from each picture, or one of each value where these are bounded.
    """
    names = database.columns(f"select * from instances.{identifier(task)}")
    # A picture to be drawn is given away as well as one that is shown.
    pictured = "coalesce(image_id, target_image_id)" if "target_image_id" in names else "image_id"
    value, most, owner, values = "null::varchar", "null::bigint", "coalesce(image_id, uid)", ""
    if bounded is not None:
        value, most, owner = f"{identifier(bounded.column)}::varchar", "bounds.count", "value"
        values = f"""
        join read_parquet({literal(bounded.values)}) as bounds
            on bounds.split = {literal(split)} and bounds.value = ranked.value and bounds.count > 0
        """
    database.run(
        f"""
        create or replace table drawn as
        with valued as (
            select uid, split, image_id, {pictured} as pictured, {value} as value
            from instances.{identifier(task)}
            where split = {literal(split)}
        ),
        ranked as (
            select *, rank_drawn({owner}, uid) as round, draw('selection', uid) as lot
            from valued
        )
        select
            uid,
            ranked.split,
            row_number() over (order by round, lot, uid) as place,
            ranked.image_id,
            source,
            archive,
            picture,
            width,
            height,
            ranked.value,
            {most} as most
        from ranked
        {values}
        left join listed.images as images on ranked.pictured = images.image_id
        """
    )


def _first(database: Database, count: int) -> list[Wanted]:
    """The pictures of the first rows in drawn order."""
    return database.rows(
        "select distinct source, archive, picture from drawn where place <= ? and picture is not null",
        [count],
    )


def _take(
    database: Database,
    count: int,
    check: Check,
    prefetch: Prefetch,
    workers: ThreadPoolExecutor,
    bars: Sequence[Bar],
    selection: _Selection,
) -> None:
    if not count:
        return
    of_value = Counter[str | None]()
    for candidate, picture in _checked(database, count, check, prefetch, workers):
        if candidate.most is not None and of_value[candidate.value] == candidate.most:
            continue
        barred = _barred(candidate, picture, bars)
        if barred is not None:
            selection.left_out.append((*candidate[: len(ROWS)], *barred))
            continue
        count -= 1
        of_value[candidate.value] += 1
        selection.taken.append(candidate[: len(ROWS)])
        if candidate.image_id is not None:
            selection.shown[candidate.image_id] = _seen(candidate, picture)
        if not count:
            return


def _barred(candidate: Candidate, picture: Picture, bars: Sequence[Bar]) -> Barred | None:
    # A picture that is to be drawn cannot be learnt from either.
    if picture.problem:
        return Barred(picture.problem)
    answers = (bar(candidate, picture) for bar in bars)
    return next((answer for answer in answers if answer is not None), None)


def _seen(row: Candidate, found: Picture) -> tuple[object, ...]:
    """One row of `PICTURES`."""
    declared = (row.image_id, row.source, row.archive, row.picture, row.width, row.height)
    return (*declared, *found[:4], found.oriented, *(found.look or (None, None)))


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
        prefetch((row.source, row.archive, row.picture) for row in candidates if row.picture is not None)
        yield from zip(candidates, workers.map(lambda row: _picture(row, check), candidates), strict=True)


def _picture(row: Candidate, check: Check) -> Picture:
    if row.image_id is None and row.picture is None:
        return Picture()
    found = check(row.source, row.archive, row.picture)
    # Whether an answer's boxes fit shows where it becomes codes.
    return found if row.image_id is None else fits(found, row.width, row.height)


def _write(making: Draft, selection: _Selection, total: int) -> None:
    with making.table("rows", ROWS) as writer:
        writer.write(_table(selection.taken, ROWS))
    with making.table("pictures", PICTURES) as writer:
        writer.write(_table([row for _, row in sorted(selection.shown.items())], PICTURES))
    making.reject(_table(selection.left_out, LEFT_OUT))
    making.rows_in = total
    making.rows_out = len(selection.taken)
    making.not_asked = total - len(selection.taken) - len(selection.left_out)


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)], schema=schema
    )
