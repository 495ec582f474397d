"""What a reader declares and yields: its generators, the files that each reads, and their rows."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType

from schemas.errors import BuildError
from schemas.tables import TABLES
from transforms.raw import NotAsked, Raw, Reader, Rejected, Row


def rows_of(reader: Reader, files: Mapping[str, Raw]) -> Iterator[Row | Rejected | NotAsked]:
    """What a generator yields, and before each row what was malformed on the way to it."""
    collected = [file.malformed for file in files.values()]
    for row in reader(**files):
        for malformed in collected:
            while malformed:
                yield malformed.popleft()
        yield row
    for malformed in collected:
        yield from malformed


def generators(reader: ModuleType) -> dict[str, tuple[str, ...]]:
    """The tables that a reader fills, and the files, own and borrowed, that each of its generators reads.

    Raises:
        BuildError: a generator asks for a file that its source neither declares nor borrows.
    """
    found: dict[str, tuple[str, ...]] = {}
    for table in TABLES:
        generator = vars(reader).get(table)
        if generator is None:
            continue
        found[table] = tuple(inspect.signature(generator).parameters)
        known = {**reader.SOURCE.files, **reader.SOURCE.borrows}
        for name in found[table]:
            if name not in known:
                raise BuildError(
                    "a reader asks for a file that its source neither declares nor borrows",
                    where=f"{reader.__name__}.{table}",
                    got=name,
                    expected=", ".join(known),
                )
    return found
