"""How the rows of one table differ between two builds, found by DuckDB."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from transforms.duck import Database, identifier, literal

_NUMBERS: Final = {"INTEGER", "BIGINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE"}

EXAMPLES: Final = 5
"""Rows that are shown of each kind of change."""


@dataclass(frozen=True)
class ChangedColumn:
    """A column that is only in one of two tables, or of another type; None where it is not."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class ExampleRow:
    """A row that is in one table only, with everything that it says in columns of both."""

    uid: str
    says: dict[str, Any]


@dataclass(frozen=True)
class ChangedRow:
    """A row that is in both tables and says something else: each column that does, before and after."""

    uid: str
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Rows:
    """How the rows of two tables differ, by uid.

    Rows are compared in the columns that both have, by hashes of 64 bits that never leave the process.

    Attributes:
        moved: rows in another split than before, by `train → test`.
        added_rows: the first of them in order of uid; so for the others.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    columns: tuple[ChangedColumn, ...] = ()
    added_rows: tuple[ExampleRow, ...] = ()
    removed_rows: tuple[ExampleRow, ...] = ()
    changed_rows: tuple[ChangedRow, ...] = ()


_DIFFERING: Final = """
    create table differing as
    select
        uid,
        case when b.uid is null then 'added' when a.uid is null then 'removed' else 'changed' end as kind,
        b.split as old,
        a.split as new
    from hashed_before as b
    full join hashed_after as a using (uid)
    where a.said is distinct from b.said
"""


def rows_between(before: Path, after: Path, key: str = "uid") -> Rows:
    """How two Parquet files with a column `split` differ.

    Args:
        key: the column that names a row, unique in each file.
    """
    with TemporaryDirectory() as scratch, Database(Path(scratch)) as database:
        database.view("before", "rows", [before])
        database.view("after", "rows", [after])
        types = {side: _types(database, side) for side in ("before", "after")}
        columns = _columns(types["before"], types["after"])
        shared = [name for name in types["before"] if name in types["after"] and name != key]
        common = {
            column.name: "double" if {column.before, column.after} <= _NUMBERS else "varchar"
            for column in columns
        }
        for side in ("before", "after"):
            database.run(_hashed(side, key, shared, common))
        database.run(_DIFFERING)
        counts = dict(database.rows("select kind, count(*) from differing group by kind"))
        moved = database.rows(
            "select old || ' → ' || new as way, count(*) from differing where old <> new "
            "group by way order by way"
        )
        return Rows(
            counts.get("added", 0),
            counts.get("removed", 0),
            counts.get("changed", 0),
            dict(moved),
            columns,
            _only_in(database, "after", "added", key, shared),
            _only_in(database, "before", "removed", key, shared),
            _changed(database, key, shared),
        )


def _types(database: Database, side: str) -> dict[str, str]:
    return {row[0]: row[1] for row in database.rows(f"describe {side}.rows")}


def _columns(before: dict[str, str], after: dict[str, str]) -> tuple[ChangedColumn, ...]:
    return tuple(
        ChangedColumn(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )


def _hashed(side: str, key: str, shared: list[str], common: dict[str, str]) -> str:
    """A table of uid, split and what a row says; columns of another type are brought to a common one."""
    said = [f"{identifier(name)}::{common[name]}" if name in common else identifier(name) for name in shared]
    return (
        f"create table hashed_{side} as select {identifier(key)} as uid, split, "
        f"hash({', '.join(said)}) as said from {side}.rows"
    )


def _first(database: Database, kind: str) -> tuple[str, ...]:
    query = f"select uid from differing where kind = {literal(kind)} order by uid limit {EXAMPLES}"
    return tuple(row[0] for row in database.rows(query))


def _only_in(database: Database, side: str, kind: str, key: str, shared: list[str]) -> tuple[ExampleRow, ...]:
    uids = _first(database, kind)
    rows = _rows(database, side, key, shared, uids)
    return tuple(ExampleRow(uid, dict(zip(shared, rows[uid], strict=True))) for uid in uids)


def _changed(database: Database, key: str, shared: list[str]) -> tuple[ChangedRow, ...]:
    uids = _first(database, "changed")
    rows = {side: _rows(database, side, key, shared, uids) for side in ("before", "after")}
    return tuple(
        ChangedRow(
            uid,
            {
                name: (old, new)
                for name, old, new in zip(shared, rows["before"][uid], rows["after"][uid], strict=True)
                if old != new
            },
        )
        for uid in uids
    )


def _rows(
    database: Database, side: str, key: str, shared: list[str], uids: tuple[str, ...]
) -> dict[str, tuple[Any, ...]]:
    if not uids:
        return {}
    columns = ", ".join(identifier(name) for name in (key, *shared))
    marks = ", ".join("?" for _ in uids)
    query = f"select {columns} from {side}.rows where {identifier(key)} in ({marks})"
    return {row[0]: row[1:] for row in database.rows(query, list(uids))}
