"""What a reader is handed and what it gives back.

A reader is a module of `transforms/sources`: a `SOURCE` and one generator for each table it fills,
named after the table. The parameters of a generator name the declared files that it reads; it is
given a `Raw` for each and yields a `Row` for each row, or a `Rejected` for one it cannot make sense
of. It opens nothing itself, and neither filters nor joins:

    def regions(region_descriptions: Raw) -> Iterator[Row]:
        for place, picture, region in region_descriptions.items(
            "regions", _Region, of=_Picture, member="region_descriptions.json"
        ):
            yield place, {"image_id": f"vg:{picture.id}", "text": region.phrase, ...}
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from schemas.errors import BuildError
from schemas.tables import TABLES
from transforms.archive import ZipArchive
from transforms.json_lines import lines
from transforms.json_stream import DECODE_ERRORS, Misshapen, elements

MOST_MALFORMED: Final = 10_000
"""Malformed records and items that may follow each other without a single row between them."""

Place = tuple[str, str, int, int | None]
"""Where a row comes from: declared file, member (or the file's own name), outer record, item in it."""

Row = tuple[Place, dict[str, Any]]
"""Where a row comes from, and its columns as `schemas.tables` declares them, but without `raw`
columns. A box is a tuple (x0, y0, x1, y1), not yet clipped; a text is as published."""


class Rejected(NamedTuple):
    """A row that is left out.

    Attributes:
        place: where it comes from.
        reason: one word or two, counted in the manifest: `malformed`.
        record: what the publisher says, as JSON text.
        detail: what is wrong, where the reason does not say it all.
    """

    place: Place
    reason: str
    record: str
    detail: str | None = None


Reader = Callable[..., Iterator[Row | Rejected]]
"""A generator of a reader."""


class Record(msgspec.Struct, gc=False):
    """Base of the shapes that a reader declares: a field for each key that it reads.

    A key without default must be there, a value must have the declared type (`"3"` is no int), and
    keys that are not declared are skipped.
    """


Shape = TypeVar("Shape", bound=Record)
Item = TypeVar("Item", bound=Record)


class Raw:
    """One fetched file of a source.

    Attributes:
        malformed: what did not have the declared shape and was not yet taken by `rows_of`.
    """

    def __init__(self, source: str, name: str, path: Path) -> None:
        self.malformed: deque[Rejected] = deque()
        self._source = source
        self._name = name
        self._path = path

    def records(
        self, shape: type[Shape], *, member: str | None = None, under: str | None = None
    ) -> Iterator[tuple[Place, Shape]]:
        """The elements of a JSON array.

        Args:
            member: member of the archive that holds the array; None if the file itself does.
            under: name of the array in the object that the file or member is; None if it is the array.

        Raises:
            BuildError: the file is damaged or no JSON array, or its object lacks the array.
        """
        return self._shaped(self._elements(shape, member, under))

    def lines(self, shape: type[Shape], *, member: str | None = None) -> Iterator[tuple[Place, Shape]]:
        """The lines of a file of JSON Lines.

        Args:
            member: member of the archive that holds the lines; None if the file itself does.

        Raises:
            BuildError: the file is damaged, or one of its lines is not JSON.
        """
        name, where = self._named(member)
        found = lines(self._blocks(member), shape, where=where)
        return self._shaped(((self._name, name, number, None), line) for number, line in found)

    def _shaped(self, found: Iterable[tuple[Place, Shape | Misshapen]]) -> Iterator[tuple[Place, Shape]]:
        for place, record in found:
            if isinstance(record, Misshapen):
                self._reject(place, record.text, record.problem)
            else:
                yield place, record

    def items(
        self, key: str, item: type[Item], *, of: type[Shape], member: str | None = None
    ) -> Iterator[tuple[Place, Shape, Item]]:
        """The items of the lists that stand under `key` in the elements of a JSON array.

        An item that does not have its shape leaves the others of its record as they are.

        Args:
            item: shape of an item.
            of: shape of the records around the items, without the list.
            member: member of the archive that holds the array; None if the file is the array.

        Raises:
            BuildError: the file is damaged or no JSON array.
        """
        whole = msgspec.defstruct(of.__name__, [(key, list[item])], bases=(of,), kw_only=True)  # type: ignore[valid-type]
        parts = msgspec.defstruct(of.__name__, [(key, list[msgspec.Raw])], bases=(of,), kw_only=True)
        several, single = msgspec.json.Decoder(parts), msgspec.json.Decoder(item)
        record: Any
        for (file, name, number, _), record in self._elements(whole, member):
            if not isinstance(record, Misshapen):
                for position, found in enumerate(getattr(record, key)):
                    yield (file, name, number, position), record, found
                continue
            try:
                torn: Any = several.decode(record.text)
            except DECODE_ERRORS as error:
                self._reject((file, name, number, None), record.text, str(error))
                continue
            for position, text in enumerate(getattr(torn, key)):
                try:
                    found = single.decode(text)
                except DECODE_ERRORS as error:
                    self._reject((file, name, number, position), bytes(text), str(error))
                else:
                    yield (file, name, number, position), torn, found

    def _elements(
        self, shape: type[Any], member: str | None, under: str | None = None
    ) -> Iterator[tuple[Place, Any]]:
        name, where = self._named(member)
        for number, found in enumerate(elements(self._blocks(member), shape, where=where, under=under)):
            yield (self._name, name, number, None), found

    def _named(self, member: str | None) -> tuple[str, str]:
        """What rows say of where they are from, and what errors say."""
        name = member if member is not None else self._path.name
        return name, f"{self._source}.{self._name}, {name}"

    def _blocks(self, member: str | None) -> Iterator[bytes]:
        if member is None:
            with self._path.open("rb") as file:
                while block := file.read(1 << 20):
                    yield block
        else:
            with closing(ZipArchive(self._path)) as archive:
                yield from archive.blocks(member)

    def _reject(self, place: Place, text: bytes, problem: str) -> None:
        self.malformed.append(Rejected(place, "malformed", text.decode(errors="replace"), problem))
        if len(self.malformed) > MOST_MALFORMED:
            raise BuildError(
                "hardly anything in the file is what its reader expects",
                where=f"{self._source}.{self._name}",
                got=problem,
                next_step=f"compare the file with the shapes in transforms/sources/{self._source}.py",
            )


def rows_of(reader: Reader, files: Mapping[str, Raw]) -> Iterator[Row | Rejected]:
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
    """The tables that a reader fills, and the files that each of its generators reads.

    Raises:
        BuildError: a generator asks for a file that its source does not declare.
    """
    found: dict[str, tuple[str, ...]] = {}
    for table in TABLES:
        generator = vars(reader).get(table)
        if generator is None:
            continue
        found[table] = tuple(inspect.signature(generator).parameters)
        for name in found[table]:
            if name not in reader.SOURCE.files:
                raise BuildError(
                    "a reader asks for a file that its source does not declare",
                    where=f"{reader.__name__}.{table}",
                    got=name,
                    expected=", ".join(reader.SOURCE.files),
                )
    return found
