"""What a reader is handed and what it gives back.

A reader is a module of `transforms/sources`: a `SOURCE` and one generator for each table it fills,
named after the table. The parameters of a generator name the declared files that it reads; it is
given a `Raw` for each and yields a `Row` for each row, or a `Rejected` for one it cannot make sense
of. It opens nothing itself, and neither filters nor joins. Where a file holds other parts of a dataset
beside the one that is used, it says of how many rows with `NotAsked`:

    def regions(region_descriptions: Raw) -> Iterator[Row]:
        for place, picture, region in region_descriptions.items(
            "regions", _Region, of=_Picture, member="region_descriptions.json"
        ):
            yield place, {"image_id": f"vg:{picture.id}", "text": region.phrase, ...}
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from schemas.errors import BuildError
from transforms.delimited import delimited
from transforms.json_lines import lines, split_lines
from transforms.json_stream import DECODE_ERRORS, MOST_ELEMENT_BYTES, Misshapen, Under, elements, entries
from transforms.packed import Packed, whole
from transforms.unpickle import MOST_BYTES, told, unpickled

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


class NotAsked(NamedTuple):
    """Rows of another part of the dataset that stand in a file that has to be read: counted, and no more."""

    rows: int


Reader = Callable[..., Iterator[Row | Rejected | NotAsked]]
"""A generator of a reader."""


class Record(msgspec.Struct, gc=False):
    """Base of the shapes that a reader declares: a field for each key that it reads.

    A key without default must be there, a value must have the declared type (`"3"` is no int), and
    keys that are not declared are skipped.
    """


Shape = TypeVar("Shape", bound=Record)
Item = TypeVar("Item", bound=Record)
Whole = TypeVar("Whole")


class Raw:
    """One fetched file of a source: a file by itself, or a zip or tar.gz of which members are read.

    Attributes:
        malformed: what did not have the declared shape and was not yet taken by `transforms.readers.rows_of`.
    """

    def __init__(self, source: str, name: str, path: Path) -> None:
        self.malformed: deque[Rejected] = deque()
        self._source = source
        self._name = name
        self._file = Packed(path)

    def records(
        self, shape: type[Shape], *, member: str | None = None, under: Under | None = None
    ) -> Iterator[tuple[Place, Shape]]:
        """The elements of a JSON array.

        Args:
            member: member of the archive that holds the array; None if the file itself does.
            under: name of the array in the object that the file or member is, or the names on the way to
                it; None if it is the array.

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
        found = lines(self._file.blocks(member), shape, where=where)
        return self._shaped(((self._name, name, number, None), line) for number, line in found)

    def items(
        self,
        key: str,
        item: type[Item],
        *,
        of: type[Shape],
        member: str | None = None,
        under: Under | None = None,
    ) -> Iterator[tuple[Place, Shape, Item]]:
        """The items of the lists that stand under `key` in the elements of a JSON array.

        An item that does not have its shape leaves the others of its record as they are.

        Args:
            item: shape of an item.
            of: shape of the records around the items, without the list.
            member: member of the archive that holds the array; None if the file itself does.
            under: name of the array in the object that the file or member is, or the names on the way to
                it; None if it is the array.

        Raises:
            BuildError: the file is damaged or no JSON array, or its object lacks the array.
        """
        whole = msgspec.defstruct(of.__name__, [(key, list[item])], bases=(of,), kw_only=True)  # type: ignore[valid-type]
        parts = msgspec.defstruct(of.__name__, [(key, list[msgspec.Raw])], bases=(of,), kw_only=True)
        several, single = msgspec.json.Decoder(parts), msgspec.json.Decoder(item)
        record: Any
        for (file, name, number, _), record in self._elements(whole, member, under):
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

    def entries(
        self, shape: type[Whole], *, member: str | None = None, under: Under | None = None
    ) -> Iterator[tuple[Place, str, Whole]]:
        """The names and values of a JSON object that is kept like a table.

        A value that does not have its shape, or a name for the second time (`duplicate_key`), is
        rejected alone.

        Args:
            shape: what a value should be, as msgspec understands it: a `Record`, `list[int]`, `str`.
            member: member of the archive that holds the object; None if the file itself does.
            under: name of the object in the object that the file or member is, or the names on the way to
                it; None if it is that one.

        Raises:
            BuildError: the file is damaged or no JSON object, or its object lacks that one.
        """
        name, where = self._named(member)
        seen: set[str] = set()
        found = entries(self._file.blocks(member), shape, where=where, under=under)
        for number, (key, value) in enumerate(found):
            place = (self._name, name, number, None)
            if key in seen:
                self._reject(place, json.dumps(key).encode(), "the name came before", "duplicate_key")
                continue
            seen.add(key)
            if isinstance(value, Misshapen):
                self._reject(place, value.text, value.problem)
            else:
                yield place, key, value

    def document(self, shape: type[Whole], *, member: str | None = None) -> Whole:
        """One small JSON document as a whole: a list of ids, a table to look something up.

        Args:
            shape: what it should be, as msgspec understands it: a `Record`, `list[int]`, `dict[str, str]`.
            member: member of the archive that holds it; None if the file itself does.

        Raises:
            BuildError: the file is damaged, too large, or not of that shape.
        """
        _, where = self._named(member)
        try:
            return msgspec.json.decode(
                whole(self._file.blocks(member), MOST_ELEMENT_BYTES, where), type=shape
            )
        except DECODE_ERRORS as error:
            raise BuildError(
                "the file is not the JSON that it should be",
                where=where,
                got=error,
                next_step="delete the file and fetch it again",
            ) from error

    def each(
        self, shape: type[Shape], wanted: re.Pattern[str] | AbstractSet[str]
    ) -> Iterator[tuple[Place, str, Shape]]:
        """Some members, each one JSON document, in order of the archive.

        One that is not of the shape, or no JSON, is rejected alone.

        Args:
            wanted: what the whole name of a member matches, or the names.

        Raises:
            BuildError: the archive or one of these members is damaged, or a member is too large.
        """
        decoder = msgspec.json.Decoder(shape)
        _, where = self._named(None)
        for member, blocks in self._file.some(_chooser(wanted)):
            name = _spelt(member)
            place = (self._name, name, 0, None)
            text = whole(blocks, MOST_ELEMENT_BYTES, f"{where}, {name}")
            try:
                found = decoder.decode(text)
            except DECODE_ERRORS as error:
                self._reject(place, text, str(error))
            else:
                yield place, name, found

    def names(self, pattern: re.Pattern[str]) -> Iterator[tuple[Place, str]]:
        """The names of the members whose whole name matches `pattern`, in order of the archive.

        Raises:
            BuildError: the file is no archive, or damaged.
        """
        found = (name for name in self._file.names if pattern.fullmatch(name))
        for number, name in enumerate(found):
            yield (self._name, self._file.path.name, number, None), _spelt(name)

    def has(self, member: str) -> bool:
        """Whether the archive has a member of that name.

        Raises:
            BuildError: the file is no archive, or damaged.
        """
        return member in self._file.names

    def delimited(
        self, shape: type[Shape], *, member: str | None = None, delimiter: str = ","
    ) -> Iterator[tuple[Place, Shape]]:
        """The rows of a table as text with a header: CSV, or TSV where `delimiter` is a tab.

        Args:
            shape: its fields are `str`, by the names of the columns. One with a default may lack.
            member: member of the archive that holds the table; None if the file itself does.

        Raises:
            BuildError: the file is damaged, no such table, lacks a column, or ends inside a quoted cell.
        """
        name, where = self._named(member)
        found = delimited(self._file.blocks(member), shape, delimiter, where=where)
        return self._shaped(((self._name, name, number, None), row) for number, row in enumerate(found))

    def pickled(self, shape: type[Shape], *, member: str | None = None) -> Iterator[tuple[Place, Shape]]:
        """The elements of a pickled list of dicts. Byte strings of Python 2 are read as Latin-1.

        Args:
            member: member of the archive that holds the pickle; None if the file itself does.

        Raises:
            BuildError: the pickle is too large, damaged, no list, or holds anything but plain data.
        """
        name, where = self._named(member)
        records = unpickled(whole(self._file.blocks(member), MOST_BYTES, where), where)
        if not isinstance(records, list):
            raise BuildError("the pickle holds no list", where=where, got=type(records).__name__)
        for number, record in enumerate(records):
            place = (self._name, name, number, None)
            try:
                found = msgspec.convert(record, shape)
            except msgspec.ValidationError as error:
                self._reject(place, told(record).encode(errors="replace"), str(error))
            else:
                yield place, found

    def text_lines(self, *, member: str | None = None) -> Iterator[tuple[Place, str]]:
        """The lines of a text without their line breaks; blank ones hold nothing but are counted.

        Args:
            member: member of the archive that holds the text; None if the file itself does.

        Raises:
            BuildError: the file is damaged.
        """
        name, where = self._named(member)
        for number, line in enumerate(split_lines(self._file.blocks(member), where)):
            place = (self._name, name, number, None)
            try:
                text = line.decode("utf-8-sig" if number == 0 else "utf-8").removesuffix("\r")
            except UnicodeDecodeError as error:
                self._reject(place, line, str(error))
            else:
                if text.strip():
                    yield place, text

    def _shaped(self, found: Iterable[tuple[Place, Shape | Misshapen]]) -> Iterator[tuple[Place, Shape]]:
        for place, record in found:
            if isinstance(record, Misshapen):
                self._reject(place, record.text, record.problem)
            else:
                yield place, record

    def _elements(
        self, shape: type[Any], member: str | None, under: Under | None = None
    ) -> Iterator[tuple[Place, Any]]:
        name, where = self._named(member)
        for number, found in enumerate(elements(self._file.blocks(member), shape, where=where, under=under)):
            yield (self._name, name, number, None), found

    def _named(self, member: str | None) -> tuple[str, str]:
        """What rows say of where they are from, and what errors say."""
        name = member if member is not None else self._file.path.name
        return name, f"{self._source}.{self._name}, {name}"

    def _reject(self, place: Place, text: bytes, problem: str, reason: str = "malformed") -> None:
        self.malformed.append(Rejected(place, reason, text.decode(errors="replace"), problem))
        if len(self.malformed) > MOST_MALFORMED:
            raise BuildError(
                "hardly anything in the file is what its reader expects",
                where=f"{self._source}.{self._name}",
                got=problem,
                next_step=f"compare the file with the shapes in transforms/sources/{self._source}.py",
            )


def _chooser(wanted: re.Pattern[str] | AbstractSet[str]) -> Callable[[str], bool]:
    if isinstance(wanted, re.Pattern):
        return lambda name: wanted.fullmatch(name) is not None
    return wanted.__contains__


def _spelt(member: str) -> str:
    """The name of a member as text that can be stored: what in it is not UTF-8 becomes a question mark."""
    return member.encode(errors="replace").decode()
