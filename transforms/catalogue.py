"""`catalog.duckdb`: a view for every table of the current build, so that a person can ask it anything."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from transforms import duck
from transforms.duck import identifier, literal
from transforms.lake import whole
from transforms.views import View, views

NAME = "catalog.duckdb"


def refresh(lake: Path, build: Build, shown: Iterable[View] | None = None) -> Path:
    """Writes the catalogue of a build and puts it in place in one move.

    Args:
        shown: its views, where they are known already.
    """
    path = lake / NAME
    aside = lake / f".{NAME}.{os.getpid()}"
    aside.unlink(missing_ok=True)
    try:
        duck.make_catalogue(
            aside, _statements(lake.resolve(), build, views(lake, build) if shown is None else shown)
        )
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def _statements(lake: Path, build: Build, shown: Iterable[View]) -> Iterator[str]:
    yield "create schema about"
    yield (
        "create view about.build as select "
        f"{literal(build.id)} as build, {literal(lake)} as lake, {literal(build.mixture or '')} as mixture"
    )
    yield "comment on view about.build is 'Which build this catalogue shows, and where its lake lies.'"
    schemas: dict[str, None] = {}
    for one in shown:
        if one.schema not in schemas:
            schemas[one.schema] = None
            yield f"create schema {identifier(one.schema)}"
        view = f"{identifier(one.schema)}.{identifier(one.name)}"
        yield f"create view {view} as select * from read_parquet({literal(one.path.resolve())})"
        if one.meaning:
            yield f"comment on view {view} is {literal(one.meaning)}"
        for column, meaning in one.columns.items():
            if meaning:
                yield f"comment on column {view}.{identifier(column)} is {literal(meaning)}"


class Column(NamedTuple):
    """One column of a view, as any DuckDB client sees it."""

    name: str
    type: str
    meaning: str


def listing(lake: Path) -> list[tuple[View, list[Column]]]:
    """The views of the current build with their columns, after the catalogue was made anew.

    Raises:
        BuildError: nothing is built.
    """
    build = whole(lake)
    shown = list(views(lake, build))
    connection = duck.open_catalogue(refresh(lake, build, shown), lake)
    try:
        rows = connection.execute(
            "select schema_name, table_name, column_name, data_type, coalesce(comment, '') "
            "from duckdb_columns() where not internal order by column_index"
        ).fetchall()
    finally:
        connection.close()
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for schema, name, *column in rows:
        columns[schema, name].append(Column(*column))
    return [(view, columns[view.schema, view.name]) for view in shown]


def ask(lake: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Answers a query over the current build: names of the columns, and the rows.

    The query reads files of the lake and nothing else, writes nothing, and cannot change that.

    Raises:
        BuildError: nothing is built, or DuckDB refuses the query.
    """
    build = whole(lake)
    path = lake / NAME
    if not _is_of(path, lake, build):
        path = refresh(lake, build)
    connection = duck.open_catalogue(path, lake)
    try:
        answer = connection.execute(query)
        columns = [column[0] for column in answer.description or []]
        return columns, answer.fetchall()
    except duck.errors() as error:
        raise BuildError("the query failed", got=str(error).strip(), exit_code=ExitCode.USAGE) from error
    finally:
        connection.close()


def _is_of(path: Path, lake: Path, build: Build) -> bool:
    if not path.is_file():
        return False
    connection = duck.open_catalogue(path, lake)
    try:
        rows = connection.execute("select build, lake from about.build").fetchall()
        return bool(rows == [(build.id, str(lake.resolve()))])
    except duck.errors():
        return False
    finally:
        connection.close()
