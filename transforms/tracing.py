"""From an instance back to the rows that it was made from, and where those stand in a publisher's file.

Which rows these are is found out and then proved: the task's query, run over them alone, has to make
this very instance again. So nothing about a task has to be declared, and a task added tomorrow is
traced as well as any other. The query is that of this checkout: if it has changed since the instance was
made and makes it no more, nothing is proved. Guesses are tried, the first that is proved stands:

    key      the rows whose own names stand in the instance: in `key`, `option_keys` and each column `…_key`
    value    these, and rows of the same picture that share a box or words with the instance
    picture  these, and all rows of the same picture, or of the same record of the publisher's file
    words    these, and a few rows anywhere that say what nothing else said, such as a wrong answer

Rows beyond the named ones are kept only if the query needs them. What the rows do not say is why no
other row was taken: a draw among the options, for one, saw every row of its picture.

The test is that of a witness: a part of the input that suffices for the row (Buneman, Khanna and Tan,
"Why and where", ICDT 2001).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow.parquet as pq

from schemas.artifact import Reference
from schemas.build import Build
from schemas.errors import BuildError
from schemas.instance import FIXED, PICTURED, SLOTS
from transforms import registry
from transforms.artifact import Artifact
from transforms.content import digest_of
from transforms.duck import MACROS, Database, errors, identifier, literal
from transforms.evidence import (
    OF_A_PICTURE,
    Row,
    Table,
    boxes_of,
    images_of,
    listed,
    named_in,
    names_of,
    of_the_records,
    place_of,
    record_of,
    says_of,
    says_one_of,
    texts_of,
    words_of,
)
from transforms.lake import member
from transforms.origins import FoundBy, Origin, Part
from transforms.shape import shape

_Held = tuple[Table, int]
"""One row of a table, by its place among those that were brought in."""

# Columns and tables of ours, beside those of queries and sources.
_PLACE: Final = "_place"
_NAME: Final = "_name"
_SHORT: Final = "_short_name"
_WANTED: Final = "_wanted"


def origins(
    lake: Path, build: Build, task: str, rows: Sequence[Row], thorough: bool = False
) -> dict[str, Origin]:
    """What some instances of a task were made from, by key.

    Args:
        rows: the instances, as they are stored.
        thorough: whether the last guess is tried, which takes a second an instance.

    Raises:
        BuildError: an artifact of the build is missing.
    """
    if not rows:
        return {}
    with Database(lake / ".scratch", threads=1) as database:
        tracing = _Tracing(database, lake, build, task, rows, thorough)
        found = {row["key"]: tracing.trace(row) for row in rows}
        parents = {
            parent: origins(lake, build, parent, tracing.parents(parent, found.values()), thorough)
            for parent in tracing.task.parents
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


class _Guess(NamedTuple):
    """Rows that an instance may have been made from."""

    proved: bool
    found_by: FoundBy
    rows: list[_Held]
    why_not: str | None = None


class _Tracing:
    """One task: its query over as little of the tables that it reads as is wanted."""

    def __init__(
        self,
        database: Database,
        lake: Path,
        build: Build,
        name: str,
        rows: Sequence[Row],
        thorough: bool,
    ) -> None:
        self._database = database
        self._made = _artifact(lake, build, Reference("instances", name))
        asked = self._made.manifest.asked
        self.task = task = registry.task(name, asked.get("rules", "ours"))
        database.set({name: asked[name] for name in ("seed", "per_image") if name in asked})
        database.set({"task": task.name})
        database.run(f"create table {_WANTED} (held varchar, place bigint)")
        self._rows: dict[Table, list[Row]] = {}
        self._names: dict[Table, list[tuple[str, str]]] = {}
        named = {name for row in rows for name in named_in(row)}
        images = {image for row in rows for image in images_of(row)}
        self._words = {word for row in rows for word in words_of(row)} if thorough else set()
        # Rows of another picture, such as a wrong caption, bring that picture with them.
        for table in sorted(task.reads, key=lambda read: read[1] in OF_A_PICTURE):
            self._load(table, _artifact(lake, build, _reference(table)), named, images)
            images |= {image for row in self._rows[table] for image in images_of(row)}

    def trace(self, row: Row) -> _Guess:
        """The rows that an instance was made from."""
        by_key = self._by_key(row)
        if self._makes(row, by_key):
            return _Guess(True, "key", by_key)
        guesses: tuple[tuple[FoundBy, list[_Held]], ...] = (
            ("value", self._by_value(row)),
            ("picture", beside := self._beside(row, by_key)),
            ("words", saying := self._saying(row, by_key)),
            ("words", [*beside, *saying]),
        )
        for found_by, more in guesses:
            further = [one for one in more if one not in by_key]
            if further and self._makes(row, self._ordered(row, [*by_key, *further])):
                needed = _least(further, lambda some: self._makes(row, self._ordered(row, [*by_key, *some])))
                return _Guess(True, found_by, self._ordered(row, [*by_key, *needed]))
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
        return Part(f"{schema}.{name}", self._names[table][place][0], says_of(row), place_of(row), origin)

    def _load(self, table: Table, made: Artifact, named: set[str], images: set[str]) -> None:
        """Brings in what the instances could have been made from: rows they name, rows of their pictures."""
        schema, name = table
        (path,) = made.tables
        fields = pq.read_schema(path)
        names = names_of(table)
        conditions = [f"{other} in ({listed(named)})" for other in names]
        if "image_id" in fields.names:
            conditions.append(f"image_id in ({listed(images)})")
        if self._words and name not in OF_A_PICTURE:
            if "record" in fields.names:
                conditions.append(of_the_records(path, conditions))
            conditions += [says_one_of(path, column, self._words, fields) for column in texts_of(fields)]
        held = f"held_{len(self._rows)}"
        self._database.run(
            f"create table {held} as select * exclude (file_row_number), {names[0]} as {_NAME}, "
            f"{names[-1]} as {_SHORT}, "
            f"row_number() over (order by file_row_number) - 1 as {_PLACE} "
            f"from read_parquet({literal(path)}, file_row_number = true) where {' or '.join(conditions)}"
        )
        self._database.run(f"create schema if not exists {identifier(schema)}")
        self._database.run(
            f"create view {identifier(schema)}.{identifier(name)} as "
            f"select * exclude ({_NAME}, {_SHORT}, {_PLACE}) from {held} "
            f"where {_PLACE} in (select place from {_WANTED} where held = {literal(held)})"
        )
        rows = self._database.table(f"select * from {held} order by {_PLACE}").to_pylist()
        self._rows[table] = [{column: row[column] for column in fields.names} for row in rows]
        self._names[table] = [(row[_NAME], row[_SHORT]) for row in rows]

    def _by_key(self, row: Row) -> list[_Held]:
        named = set(named_in(row))
        found = [
            (table, place)
            for table, names in self._names.items()
            for place, name in enumerate(names)
            if table[1] not in OF_A_PICTURE and not named.isdisjoint(name)
        ]
        return self._ordered(row, found)

    def _by_value(self, row: Row) -> list[_Held]:
        boxes, words = boxes_of(row), words_of(row)
        return [
            (table, place)
            for table, place in self._beside(row, [])
            if boxes_of(self._rows[table][place]) & boxes or words_of(self._rows[table][place]) & words
        ]

    def _beside(self, row: Row, by_key: Iterable[_Held]) -> list[_Held]:
        """Rows of the instance's pictures, and of the records that hold rows which it names."""
        images = set(images_of(row))
        records = {record_of(self._rows[table][place]) for table, place in by_key} - {None}
        return [
            (table, place)
            for table, rows in self._rows.items()
            for place, other in enumerate(rows)
            if table[1] not in OF_A_PICTURE
            and (not images.isdisjoint(images_of(other)) or record_of(other) in records)
        ]

    def _saying(self, row: Row, by_key: Iterable[_Held]) -> list[_Held]:
        """Rows anywhere that say something which none of the named ones says."""
        if not self._words:
            return []
        words = words_of(row).difference(*(words_of(self._rows[table][place]) for table, place in by_key))
        return [
            (table, place)
            for table, rows in self._rows.items()
            for place, other in enumerate(rows)
            if table[1] not in OF_A_PICTURE and words_of(other) & words
        ]

    def _ordered(self, row: Row, found: list[_Held]) -> list[_Held]:
        """Rows in the order of what is read, the one that is asked about first, with their pictures' rows."""
        order = {name: number for number, name in enumerate(named_in(row))}
        own = [one for one in dict.fromkeys(found) if one[0][1] not in OF_A_PICTURE]
        images = {image for table, place in own for image in images_of(self._rows[table][place])}
        images |= set(images_of(row))
        own += [
            (table, place)
            for table, rows in self._rows.items()
            if table[1] in OF_A_PICTURE
            for place, other in enumerate(rows)
            if other["image_id"] in images
        ]
        reads = self.task.reads
        return sorted(
            own,
            key=lambda one: (
                reads.index(one[0]),
                min(order.get(name, len(order)) for name in self._names[one[0]][one[1]]),
                one[1],
            ),
        )

    def _why_not(self) -> str:
        asked = self._made.manifest.asked
        ours = {"query": digest_of(self.task.sql), "macros": digest_of(MACROS.read_text())}
        if any(asked.get(name) != value for name, value in ours.items()):
            return "its query or the macros have changed since it was made"
        if self._words:
            return (
                "more than the rows that it names, those of its picture and those that say the same is needed"
            )
        return "more than the rows that it names and those of its picture is needed; `lineage` looks further"

    def _makes(self, row: Row, rows: Iterable[_Held]) -> bool:
        """Whether the query over these rows alone makes the instance."""
        held = {table: f"held_{number}" for number, table in enumerate(self._rows)}
        values = ", ".join(f"({literal(held[table])}, {place})" for table, place in rows)
        self._database.run(f"delete from {_WANTED}")
        if values:
            self._database.run(f"insert into {_WANTED} values {values}")
        self._database.run("drop table if exists asked")
        # Which rows are surplus is a matter of all rows, not of this one.
        head = self.task.head.model_copy(update={"balance": False})
        asked = self._made.manifest.asked
        answers = [(yes, no) for yes, no in asked.get("answers", [])]
        name, empty = self.task.name, asked.get("empty")
        try:
            shape(self._database, name, head, self.task.sql, answers, name, empty, self.task.waived)
            query = f"select * from asked where rejected is null and key = {literal(row['key'])}"
            made = self._database.table(query).to_pylist()
        except (BuildError, errors()):
            return False
        compared = [name for name in row if name in {*FIXED, *SLOTS, *PICTURED}]
        return len(made) == 1 and all(made[0][name] == row[name] for name in compared)


def _least(rows: list[_Held], suffice: Callable[[list[_Held]], bool]) -> list[_Held]:
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
