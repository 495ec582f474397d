"""`catalog.duckdb`: a view for every table of the current build, so that a person can ask it anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.artifact import Stage
from schemas.build import Build
from schemas.errors import BuildError, ExitCode
from schemas.instance import FIXED
from schemas.tables import PROVENANCE, TABLES
from transforms import duck
from transforms.duck import identifier, literal
from transforms.lake import member, whole

NAME = "catalog.duckdb"

_SHOWN: tuple[Stage, ...] = ("tables", "instances", "mixtures")


def refresh(lake: Path, build: Build) -> Path:
    """Writes the catalogue of a build and puts it in place in one move."""
    path = lake / NAME
    aside = lake / f".{NAME}.{os.getpid()}"
    aside.unlink(missing_ok=True)
    try:
        duck.make_catalogue(aside, _statements(lake.resolve(), build))
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def _statements(lake: Path, build: Build) -> Iterator[str]:
    yield "create schema about"
    yield (
        "create view about.build as select "
        f"{literal(build.id)} as build, {literal(lake)} as lake, {literal(build.mixture or '')} as mixture"
    )
    schemas: dict[str, None] = {}
    for entry in build.members:
        if entry.stage not in _SHOWN:
            continue
        artifact = member(lake, build, entry.reference)
        if artifact is None:
            continue
        for path in artifact.tables:
            schema, name = _name(entry.stage, entry.name, path.stem)
            if schema not in schemas:
                schemas[schema] = None
                yield f"create schema {identifier(schema)}"
            view = f"{identifier(schema)}.{identifier(name)}"
            yield f"create view {view} as select * from read_parquet({literal(path.resolve())})"
            yield from _comments(view, schema, name)


def _name(stage: Stage, name: str, part: str) -> tuple[str, str]:
    if stage == "tables":
        source, _, table = name.partition(".")
        return source, table
    if stage == "instances":
        return "instances", name
    # Counts of the mixture lie one file a task; rows and pictures of a task lie under its own name.
    mixture, _, task = name.partition(".")
    return f"mixture_{mixture}", f"{task}_{part}" if task else f"{part}_counts"


def _comments(view: str, schema: str, name: str) -> Iterator[str]:
    if schema == "instances":
        meanings = {column: meaning for column, (_, meaning) in FIXED.items()}
    elif name in TABLES and not schema.startswith("mixture_"):
        yield f"comment on view {view} is {literal(TABLES[name].meaning)}"
        meanings = {column.name: column.meaning for column in (*TABLES[name].columns, *PROVENANCE)}
    else:
        return
    for column, meaning in meanings.items():
        yield f"comment on column {view}.{identifier(column)} is {literal(meaning)}"


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
    except duck.Error as error:
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
    except duck.Error:
        return False
    finally:
        connection.close()
