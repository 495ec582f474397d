"""From an instance back to the rows that it was made from, and where those stand in a publisher's file.

Which rows these are is found out and then proved: the task's query, run over them alone, has to make
this very instance again. So nothing about a task has to be declared, and a task added tomorrow is
traced as well as any other. The query is that of this checkout: if it has changed since the instance was
made and makes it no more, nothing is proved. Three guesses are tried, the first that is proved stands:

    key      the rows whose own names stand in the instance: in `key`, `option_keys` and each column `…_key`
    value    these, and rows of the same picture that share a box or words with the instance
    picture  these, and all rows of the same picture

Rows beyond the named ones are kept only if the query needs them. What the rows do not say is why no
other row was taken: a draw among the options, for one, saw every row of its picture.

The test is that of a witness: a part of the input that suffices for the row (Buneman, Khanna and Tan,
"Why and where", ICDT 2001).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from schemas.artifact import Reference
from schemas.box import SIDES
from schemas.build import Build
from schemas.errors import BuildError
from schemas.instance import FIXED, PICTURED, SLOTS
from schemas.tables import TABLES
from transforms import registry
from transforms.artifact import Artifact
from transforms.content import digest_of
from transforms.duck import MACROS, Database, Error, identifier, literal
from transforms.lake import member
from transforms.registry import Task
from transforms.shape import shape

Table = tuple[str, str]
"""Schema and name, as queries call a table: `("visual_genome", "regions")`."""

Row = dict[str, Any]

FoundBy = Literal["key", "value", "picture", "nothing"]

_OF_A_PICTURE: Final = frozenset({"images", "pictures"})
"""Tables with one row a picture; whoever shows a picture was made from its row."""

# Columns and tables of ours, beside those of queries and sources.
_PLACE: Final = "_place"
_NAME: Final = "_name"
_WANTED: Final = "_wanted"
_MOST_WORDS: Final = 120


@dataclass(frozen=True)
class Place:
    """Where a row stands in what a publisher gives out; positions count from 0."""

    source: str
    file: str
    member: str
    record: int
    item: int | None


@dataclass(frozen=True)
class Part:
    """One row that something was made from.

    Attributes:
        table: `visual_genome.regions`, or `instances.<task>`.
        name: what the row is called: its picture and its keys, joined by colons.
        says: its words, for a person to recognise it by.
        place: where it stands; None for what is itself made from other rows.
        origin: what it was made from, if it is an instance.
    """

    table: str
    name: str
    says: str
    place: Place | None
    origin: Origin | None = None


@dataclass(frozen=True)
class Origin:
    """What one instance was made from.

    Attributes:
        proved: whether the query over these rows alone makes this instance again.
        found_by: which guess they come from.
        why_not: why nothing is proved, if so.
    """

    proved: bool
    found_by: FoundBy
    parts: list[Part] = field(default_factory=list)
    why_not: str | None = None


def origins(lake: Path, build: Build, task: str, rows: Sequence[Row]) -> dict[str, Origin]:
    """What some instances of a task were made from, by key.

    Args:
        rows: the instances, as they are stored.

    Raises:
        BuildError: an artifact of the build is missing.
    """
    if not rows:
        return {}
    with Database(lake / ".scratch", threads=1) as database:
        tracing = _Tracing(database, lake, build, registry.task(task), rows)
        found = {row["key"]: tracing.trace(row) for row in rows}
        parents = {
            parent: origins(lake, build, parent, tracing.parents(parent, found.values()))
            for parent in registry.task(task).parents
        }
        return {
            key: Origin(
                guess.proved,
                guess.found_by,
                [tracing.part(table, place, parents) for table, place in guess.rows],
                guess.why_not,
            )
            for key, guess in found.items()
        }


def leaves(origin: Origin) -> list[Part]:
    """The rows of publishers' files at the end of every way, each once."""
    found: dict[tuple[str, str], Part] = {}
    for part in origin.parts:
        if part.place is not None:
            found.setdefault((part.table, part.name), part)
        elif part.origin is not None:
            found.update({(leaf.table, leaf.name): leaf for leaf in leaves(part.origin)})
    return list(found.values())


class _Guess(NamedTuple):
    """Rows that an instance may have been made from, each a table and its place in `_Tracing`."""

    proved: bool
    found_by: FoundBy
    rows: list[tuple[Table, int]]
    why_not: str | None = None


class _Tracing:
    """One task: its query over as little of the tables that it reads as is wanted."""

    def __init__(self, database: Database, lake: Path, build: Build, task: Task, rows: Sequence[Row]) -> None:
        self._database = database
        self._task = task
        self._made = _artifact(lake, build, Reference("instances", task.name))
        asked = self._made.manifest.asked
        database.set({name: asked[name] for name in ("seed", "per_image") if name in asked})
        database.set({"task": task.name})
        database.run(f"create table {_WANTED} (held varchar, place bigint)")
        self._rows: dict[Table, list[Row]] = {}
        self._names: dict[Table, list[str]] = {}
        named = {name for row in rows for name in _named(row)}
        images = {image for row in rows for image in _images(row)}
        # Rows of another picture, such as a wrong caption, bring that picture with them.
        for table in sorted(task.reads, key=lambda read: read[1] in _OF_A_PICTURE):
            self._load(table, _artifact(lake, build, _reference(table)), named, images)
            images |= {image for row in self._rows[table] for image in _images(row)}

    def trace(self, row: Row) -> _Guess:
        """The rows that an instance was made from."""
        by_key = self._by_key(row)
        if self._makes(row, by_key):
            return _Guess(True, "key", by_key)
        for found_by, more in (("value", self._by_value(row)), ("picture", self._of_its_picture(row))):
            further = [one for one in more if one not in by_key]
            if self._makes(row, [*by_key, *further]):
                needed = _least(further, lambda some: self._makes(row, [*by_key, *some]))
                return _Guess(True, found_by, self._ordered(row, [*by_key, *needed]))  # type: ignore[arg-type]
        return _Guess(False, "key" if by_key else "nothing", by_key, self._why_not())

    def parents(self, task: str, guesses: Iterable[_Guess]) -> list[Row]:
        """The rows among the found ones that are instances of another task."""
        table = ("instances", task)
        places = {place for guess in guesses for of, place in guess.rows if of == table}
        return [self._rows[table][place] for place in sorted(places)]

    def part(self, table: Table, place: int, parents: Mapping[str, Mapping[str, Origin]]) -> Part:
        """One row as a reader sees it."""
        row = self._rows[table][place]
        schema, name = table
        origin = parents[name][row["key"]] if schema == "instances" else None
        return Part(f"{schema}.{name}", self._names[table][place], _says(row), _place(row), origin)

    def _load(self, table: Table, made: Artifact, named: set[str], images: set[str]) -> None:
        """Brings in what the instances could have been made from: rows they name, rows of their pictures."""
        schema, name = table
        (path,) = made.tables
        name_of = _name_of(table)
        columns = self._database.columns(f"from read_parquet({literal(path)})")
        conditions = [f"{name_of} in ({_listed(named)})"] if name not in _OF_A_PICTURE else []
        if "image_id" in columns:
            conditions.append(f"image_id in ({_listed(images)})")
        held = f"held_{len(self._rows)}"
        self._database.run(
            f"create table {held} as select * exclude (file_row_number), {name_of} as {_NAME}, "
            f"row_number() over (order by file_row_number) - 1 as {_PLACE} "
            f"from read_parquet({literal(path)}, file_row_number = true) where {' or '.join(conditions)}"
        )
        self._database.run(f"create schema if not exists {identifier(schema)}")
        self._database.run(
            f"create view {identifier(schema)}.{identifier(name)} as "
            f"select * exclude ({_NAME}, {_PLACE}) from {held} "
            f"where {_PLACE} in (select place from {_WANTED} where held = {literal(held)})"
        )
        rows = self._database.table(f"select * from {held} order by {_PLACE}").to_pylist()
        self._rows[table] = [{column: row[column] for column in columns} for row in rows]
        self._names[table] = [row[_NAME] for row in rows]

    def _by_key(self, row: Row) -> list[tuple[Table, int]]:
        named = set(_named(row))
        found = [
            (table, place)
            for table, names in self._names.items()
            for place, name in enumerate(names)
            if table[1] not in _OF_A_PICTURE and name in named
        ]
        return self._ordered(row, found)

    def _by_value(self, row: Row) -> list[tuple[Table, int]]:
        boxes, words = _boxes(row), _words(row)
        return [
            (table, place)
            for table, place in self._of_its_picture(row)
            if _boxes(self._rows[table][place]) & boxes or _words(self._rows[table][place]) & words
        ]

    def _of_its_picture(self, row: Row) -> list[tuple[Table, int]]:
        images = set(_images(row))
        return [
            (table, place)
            for table, rows in self._rows.items()
            for place, other in enumerate(rows)
            if table[1] not in _OF_A_PICTURE and images & set(_images(other))
        ]

    def _ordered(self, row: Row, found: list[tuple[Table, int]]) -> list[tuple[Table, int]]:
        """Rows in the order of what is read, the one that is asked about first, with their pictures' rows."""
        order = {name: number for number, name in enumerate(_named(row))}
        own = [one for one in dict.fromkeys(found) if one[0][1] not in _OF_A_PICTURE]
        images = {image for table, place in own for image in _images(self._rows[table][place])}
        images |= set(_images(row))
        own += [
            (table, place)
            for table, rows in self._rows.items()
            if table[1] in _OF_A_PICTURE
            for place, other in enumerate(rows)
            if other["image_id"] in images
        ]
        reads = self._task.reads
        return sorted(
            own,
            key=lambda one: (reads.index(one[0]), order.get(self._names[one[0]][one[1]], len(order)), one[1]),
        )

    def _why_not(self) -> str:
        asked = self._made.manifest.asked
        ours = {"query": digest_of(self._task.sql), "macros": digest_of(MACROS.read_text())}
        if any(asked.get(name) != value for name, value in ours.items()):
            return "its query or the macros have changed since it was made"
        return "the rows of its picture do not suffice"

    def _makes(self, row: Row, rows: Iterable[tuple[Table, int]]) -> bool:
        """Whether the query over these rows alone makes the instance."""
        held = {table: f"held_{number}" for number, table in enumerate(self._rows)}
        values = ", ".join(f"({literal(held[table])}, {place})" for table, place in rows)
        self._database.run(f"delete from {_WANTED}")
        if values:
            self._database.run(f"insert into {_WANTED} values {values}")
        self._database.run("drop table if exists asked")
        # Which rows are surplus is a matter of all rows, not of this one.
        head = self._task.head.model_copy(update={"balance": False})
        answers = [(yes, no) for yes, no in self._made.manifest.asked.get("answers", [])]
        try:
            shape(self._database, self._task.name, head, self._task.sql, answers, self._task.name)
            query = f"select * from asked where rejected is null and key = {literal(row['key'])}"
            made = self._database.table(query).to_pylist()
        except (BuildError, Error):
            return False
        compared = [name for name in row if name in {*FIXED, *SLOTS, *PICTURED}]
        return len(made) == 1 and all(made[0][name] == row[name] for name in compared)


def _least(
    rows: list[tuple[Table, int]], suffice: Callable[[list[tuple[Table, int]]], bool]
) -> list[tuple[Table, int]]:
    """As few of the rows as still suffice: none of those that are left can be left out."""
    size = len(rows)
    while size:
        place = 0
        while place < len(rows):
            fewer = rows[:place] + rows[place + size :]
            if suffice(fewer):
                rows = fewer
            else:
                place += size
        size //= 2
    return rows


def _artifact(lake: Path, build: Build, reference: Reference) -> Artifact:
    found = member(lake, build, reference)
    if found is None:
        raise BuildError(
            "the current build lacks what an instance was made from",
            where=f"build {build.id}",
            got=reference,
            next_step="build it again without naming a task",
        )
    return found


def _reference(table: Table) -> Reference:
    schema, name = table
    return Reference("instances", name) if schema == "instances" else Reference("tables", f"{schema}.{name}")


def _name_of(table: Table) -> str:
    """SQL for what a row of a table is called: as keys of instances name it."""
    schema, name = table
    if schema == "instances":
        return "key"
    if name in _OF_A_PICTURE:
        return "image_id"
    columns = [*TABLES[name].having("image"), *TABLES[name].having("key")]
    return f"concat_ws(':', {', '.join(identifier(column.name) for column in columns)})"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(literal(value) for value in sorted(values)) or "null"


def _named(row: Row) -> list[str]:
    """The names of rows that stand in an instance, its own first."""
    keys = [value for name, value in row.items() if name.endswith("_key") and isinstance(value, str)]
    return list(dict.fromkeys([row["key"], *(row.get("option_keys") or []), *keys]))


def _images(row: Row) -> list[str]:
    return [row[name] for name in ("image_id", "target_image_id") if row.get(name)]


def _boxes(row: Row) -> set[tuple[float, ...]]:
    values = [one for value in row.values() for one in (value if isinstance(value, list) else [value])]
    return {tuple(value[side] for side in SIDES) for value in values if _is_box(value)}


def _is_box(value: object) -> bool:
    return isinstance(value, dict) and set(value) == set(SIDES)


def _words(row: Row) -> set[str]:
    values = [one for value in row.values() for one in (value if isinstance(value, list) else [value])]
    known = {"uid", "key", "image_id", "split", "source", "file", "member", "archive", "picture"}
    ignored = {row[name] for name in known if isinstance(row.get(name), str)}
    return {value.lower() for value in values if isinstance(value, str) and value not in ignored}


def _says(row: Row) -> str:
    """The words of a row: of an instance its answer, else its cleaned texts."""
    if "uid" in row:
        texts = [row["target"]]
    else:
        # Each cleaned text has a twin as it was published.
        texts = [value for name, value in row.items() if f"{name}_raw" in row and isinstance(value, str)]
    said = " · ".join(text for text in texts if text)
    return said if len(said) <= _MOST_WORDS else said[: _MOST_WORDS - 1] + "…"


def _place(row: Row) -> Place | None:
    if "record" not in row:
        return None
    return Place(row["source"], row["file"], row["member"], row["record"], row["item"])
