"""The one door to DuckDB: connections that behave the same everywhere, and queries read as text.

It is imported where a connection is opened, for a plan over queries that were read before opens none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from schemas.errors import BuildError, ExitCode

if TYPE_CHECKING:
    import duckdb

MACROS = Path(__file__).with_name("macros.sql")

_FORBIDDEN = frozenset({"hash", "random", "setseed", "uuid", "gen_random_uuid", "now", "today"})
"""Functions whose answer another run, thread count or release would change."""

_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
"""Functions that a query may read from: they open nothing."""

_BATCH = 65_536


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """`text` as a quoted SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


class Database:
    """An in-memory DuckDB in which the inputs of one step are views.

    Args:
        scratch: folder for what does not fit into memory.
        threads: worker threads; DuckDB's own choice if None. It never changes an answer.
    """

    def __init__(self, scratch: Path, threads: int | None = None) -> None:
        import duckdb

        config: dict[str, Any] = {
            "temp_directory": str(scratch / "duckdb"),
            # Without a bound, a runaway join fills the disk before it fails.
            "max_temp_directory_size": "32GB",
            "memory_limit": "4GB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if threads is not None:
            config["threads"] = threads
        self._connection = duckdb.connect(config=config)
        # It would draw over our own display, and into every log.
        self._connection.execute("set enable_progress_bar = false").fetchall()
        self._connection.execute(MACROS.read_text())

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def view(self, schema: str, name: str, files: Iterable[Path]) -> None:
        """Makes Parquet files readable as `schema.name`."""
        listed = ", ".join(literal(path) for path in files)
        self.run(f"create schema if not exists {identifier(schema)}")
        self.run(
            f"create view {identifier(schema)}.{identifier(name)} as select * from read_parquet([{listed}])"
        )

    def set(self, variables: Mapping[str, str | int]) -> None:
        """Sets what `getvariable` answers."""
        for name, value in variables.items():
            shown = literal(value) if isinstance(value, str) else f"{int(value)}::bigint"
            self.run(f"set variable {identifier(name)} = {shown}")

    def run(self, statement: str) -> None:
        """Runs a statement without an answer."""
        self._connection.execute(statement).fetchall()

    def rows(self, query: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        found: list[tuple[Any, ...]] = self._connection.execute(query, values or []).fetchall()
        return found

    def types(self, query: str) -> dict[str, str]:
        """DuckDB's name of the type of each column of a query, in order."""
        return {row[0]: row[1] for row in self.rows(f"describe {query}")}

    def columns(self, query: str) -> list[str]:
        """Names of the columns of a query, in order."""
        return list(self.types(query))

    def batches(self, query: str) -> Iterator[pa.Table]:
        """The rows of a query in order, as Arrow tables of bounded size."""
        reader = self._connection.sql(query).to_arrow_reader(_BATCH)
        for batch in reader:
            yield pa.Table.from_batches([batch])

    def table(self, query: str) -> pa.Table:
        """All rows of a query as one Arrow table."""
        return self._connection.sql(query).to_arrow_table()


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """One database for all queries that are parsed: to open one takes ten times as long as to parse."""
    import duckdb

    return duckdb.connect()


class Lineage(NamedTuple):
    """What a query reads and calls.

    Attributes:
        tables: the tables `schema.name` that it reads, in order of first mention.
        settings: names asked of `getvariable`.
    """

    tables: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]


def lineage(sql: str, where: object) -> Lineage:
    """Parses what a query reads: its base tables less the names of its own CTEs.

    Raises:
        BuildError: the text is not one SELECT, names a table without schema, samples, or calls a
            function whose answer is not the same every time.
    """
    with _parser().cursor() as cursor:
        answer = cursor.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()[0][0]
    tree = json.loads(answer)
    if tree["error"]:
        raise BuildError("the query cannot be parsed", where=where, got=tree["error_message"])
    if len(tree["statements"]) != 1:
        raise BuildError("one query is expected", where=where, got=f"{len(tree['statements'])} statements")
    found = _Walk()
    found.visit(tree["statements"][0]["node"])
    for function in found.functions:
        if function in _FORBIDDEN:
            raise BuildError(
                f"{function}() does not give the same answer every time",
                where=where,
                next_step="draw with rank_drawn(owner, item) or draw(owner, item)",
            )
    if found.samples:
        raise BuildError("SAMPLE is not the same every time", where=where, next_step="use rank_drawn")
    for function in found.table_functions:
        if function not in _TABLE_FUNCTIONS:
            raise BuildError(f"{function}() reads what is no table of the lake", where=where)
    unknown = [name for schema, name, _ in found.tables if not schema and name not in found.ctes]
    if unknown:
        raise BuildError(
            "a table without a schema is read",
            where=where,
            got=unknown[0],
            expected="source.table, instances.task, or a CTE of the query",
        )
    named = sorted((place, schema, name) for schema, name, place in found.tables if schema)
    tables = dict.fromkeys((schema, name) for _, schema, name in named)
    return Lineage(tuple(tables), tuple(dict.fromkeys(found.settings)))


class _Walk:
    """Collects base tables, CTE names and functions out of a serialised query."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, str, int]] = []
        self.ctes: set[str] = set()
        self.functions: list[str] = []
        self.table_functions: list[str] = []
        self.settings: list[str] = []
        self.samples = False

    def visit(self, node: Any) -> None:
        if isinstance(node, list):
            for child in node:
                self.visit(child)
            return
        if not isinstance(node, dict):
            return
        if node.get("type") == "BASE_TABLE":
            self.tables.append((node["schema_name"], node["table_name"], node["query_location"]))
        if node.get("type") == "TABLE_FUNCTION":
            self.table_functions.append(node["function"]["function_name"].lower())
        if node.get("class") == "FUNCTION":
            self._call(node)
        if isinstance(node.get("cte_map"), dict):
            self.ctes.update(entry["key"] for entry in node["cte_map"]["map"])
        self.samples = self.samples or bool(node.get("sample"))
        for child in node.values():
            self.visit(child)

    def _call(self, node: dict[str, Any]) -> None:
        name = node["function_name"].lower()
        self.functions.append(name)
        if name == "getvariable":
            self.settings.append(node["arguments"][0]["expression"]["literal"]["text"])


def open_catalogue(path: Path, lake: Path) -> duckdb.DuckDBPyConnection:
    """Opens a catalogue read-only, able to read files under `lake` and nothing else.

    Settings are locked, so a query cannot widen what it may read.
    """
    import duckdb

    connection = duckdb.connect(
        str(path),
        read_only=True,
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    connection.execute(f"set allowed_directories = [{literal(str(lake.resolve()) + '/')}]").fetchall()
    connection.execute("set enable_external_access = false").fetchall()
    connection.execute("set lock_configuration = true").fetchall()
    return connection


def make_catalogue(path: Path, statements: Iterable[str]) -> None:
    """Writes a database file that older DuckDB releases can open as well, from DDL statements."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(path)} as catalogue (storage_version 'v1.4.0')").fetchall()
        connection.execute("use catalogue").fetchall()
        # One transaction: each that ends waits for the disk.
        connection.execute("begin").fetchall()
        for statement in statements:
            connection.execute(statement).fetchall()
        connection.execute("commit").fetchall()
        connection.execute("use memory").fetchall()
        connection.execute("detach catalogue").fetchall()


def query_failed(error: Exception, where: object) -> BuildError:
    """A DuckDB error as one of ours."""
    import duckdb

    full = isinstance(error, duckdb.OutOfMemoryException)
    return BuildError(
        "the query failed",
        where=where,
        got=str(error).strip(),
        exit_code=ExitCode.DISK_FULL if full and "temp" in str(error).lower() else ExitCode.FAILED,
    )


def errors() -> type[Exception]:
    """What DuckDB raises: `except errors() as error`."""
    import duckdb

    return duckdb.Error
