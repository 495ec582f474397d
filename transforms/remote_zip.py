"""Members of a zip that lies on a server, fetched without the rest of it.

First the end of the file, which leads to its directory; then the members, several connections side by
side, each checked against its CRC. Members that lie close together come in one request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import BuildError, TransientError
from transforms.web import NOT_FOUND, PARTIAL, Answer, Web, named, patiently
from transforms.zip_format import (
    LOCAL_HEADER,
    TAIL_BYTES,
    Directory,
    Member,
    MemberError,
    check_member,
    check_picture_size,
    data_offset,
    locate,
    parse,
    unpacked,
)

GAP_BYTES: Final = 16 << 10
"""Members at most so far apart come in one request: fetching the gap is cheaper than asking again."""

RANGE_BYTES: Final = 4 << 20
"""A request does not grow beyond this, so that all connections have something to do."""

MOST_DIRECTORY_BYTES: Final = 256 << 20

_LONGEST_HEADER: Final = LOCAL_HEADER.size + 2 * 0xFFFF
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class NoRangesError(BuildError):
    """The server gives whole files only, or does not have this one."""


class Found(NamedTuple):
    """A picture that was asked for: what it holds, the file that holds it, or why it cannot be used."""

    name: str
    data: bytes | Path | MemberError


class _Stretch(NamedTuple):
    """Members that come in one request, and the bytes from `start` to before `end` that hold them."""

    start: int
    end: int
    names: tuple[str, ...]


class RemoteZip:
    """A zip at an address, its directory read.

    Args:
        web: the client; it decides what may be contacted.
        url: where the zip lies. Nobody checks the whole file, so the way there has to be https, or
            the user's own mirror.

    Raises:
        NoRangesError: the server does not have the file, or gives whole files only.
        BuildError: it is no zip.
        TransientError: the server does not answer.
    """

    def __init__(self, web: Web, url: str) -> None:
        self._web = web
        self._url = url
        self._etag: str | None = None
        self._size: int | None = None
        if not url.startswith("https://") and not web.policy.trusts(url):
            raise NoRangesError(
                "pictures are not fetched one by one over plain http",
                where=self.where,
                next_step="fetch the archive by hand and take it over with `adopt`",
            )
        self._directory = self._read_directory()
        self._next = self._following()

    @property
    def where(self) -> str:
        """The address, for messages."""
        return named(self._url)

    @property
    def members(self) -> dict[str, Member]:
        """The members by name."""
        return self._directory.members

    def read(self, names: Iterable[str], workers: Executor) -> Iterator[Found]:
        """Fetches members; names that the archive does not have are passed over.

        Raises:
            TransientError: the server does not answer, or the archive has changed meanwhile.
        """
        wanted = sorted({name for name in names if name in self.members}, key=lambda name: self.members[name])
        usable = []
        for name in wanted:
            try:
                check_member(name, self.members[name], name in self._directory.ambiguous, self.where)
                check_picture_size(name, self.members[name], self.where)
            except MemberError as error:
                yield Found(name, error)
            else:
                usable.append(name)
        for found in workers.map(self._fetch, self._stretches(usable)):
            yield from found

    def _read_directory(self) -> Directory:
        tail = patiently(self._web.patience, self._tail)
        size = self._size or 0
        place = locate(tail, size, self.where)
        if place.size > MOST_DIRECTORY_BYTES:
            raise BuildError("the directory of the archive is too large", where=self.where, got=place.size)
        begins = size - len(tail)
        if place.offset >= begins:
            return parse(tail[place.offset - begins :][: place.size], place, self.where)
        rest = self._bytes(place.offset, begins)
        return parse((rest + tail)[: place.size], place, self.where)

    def _following(self) -> dict[int, int]:
        """Where the bytes of each member end at the latest, by its offset."""
        starts = sorted({member.offset for member in self.members.values()})
        return dict(zip(starts, [*starts[1:], self._directory.end], strict=True))

    def _stretches(self, names: Sequence[str]) -> list[_Stretch]:
        found: list[_Stretch] = []
        for name in names:
            member = self.members[name]
            # A local header may be longer than its entry in the directory says; the next member bounds it.
            longest = member.offset + _LONGEST_HEADER + member.stored_bytes
            end = min(self._next[member.offset], longest)
            last = found[-1] if found else None
            if last and member.offset - last.end <= GAP_BYTES and end - last.start <= RANGE_BYTES:
                found[-1] = _Stretch(last.start, end, (*last.names, name))
            else:
                found.append(_Stretch(member.offset, end, (name,)))
        return found

    def _fetch(self, stretch: _Stretch) -> list[Found]:
        found = self._taken_all(stretch)
        # What is damaged on the way is whole the second time; what is damaged there is not.
        if any(isinstance(one.data, MemberError) for one in found):
            found = self._taken_all(stretch)
        return found

    def _taken_all(self, stretch: _Stretch) -> list[Found]:
        data = memoryview(self._bytes(stretch.start, stretch.end))
        return [Found(name, self._taken(name, data, stretch.start)) for name in stretch.names]

    def _taken(self, name: str, data: memoryview, start: int) -> bytes | MemberError:
        member = self.members[name]
        at = member.offset - start
        try:
            at += data_offset(bytes(data[at : at + LOCAL_HEADER.size]), name, self.where)
            packed = bytes(data[at : at + member.stored_bytes])
            return b"".join(unpacked(name, member, (packed,), self.where))
        except MemberError as error:
            return error

    def _tail(self) -> bytes:
        with self._web.ask(self._url, {"Range": f"bytes=-{TAIL_BYTES}"}) as answer:
            self._etag = answer.header("ETag")
            first, last, self._size = self._span(answer)
            if last != self._size - 1:
                raise self._no_ranges(answer.header("Content-Range"))
            return self._whole(answer, last + 1 - first)

    def _bytes(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        return patiently(self._web.patience, lambda: self._range(start, end))

    def _range(self, start: int, end: int) -> bytes:
        with self._web.ask(self._url, {"Range": f"bytes={start}-{end - 1}"}) as answer:
            if self._span(answer) != (start, end - 1, self._size) or answer.header("ETag") != self._etag:
                raise TransientError(
                    "the archive has changed while it was read",
                    where=self.where,
                    next_step="run the same command again",
                )
            return self._whole(answer, end - start)

    def _whole(self, answer: Answer, size: int) -> bytes:
        data = answer.whole(size)
        if len(data) < size:
            raise TransientError(
                "the answer ended too early",
                where=self.where,
                got=len(data),
                expected=size,
                next_step="run the same command again",
            )
        return data

    def _span(self, answer: Answer) -> tuple[int, int, int]:
        found = _RANGE.fullmatch(answer.header("Content-Range") or "")
        if answer.status != PARTIAL or found is None:
            raise self._no_ranges(f"status {answer.status}")
        if (answer.header("Content-Encoding") or "identity").lower() != "identity":
            raise self._no_ranges(answer.header("Content-Encoding"))
        first, last, total = map(int, found.groups())
        return first, last, total

    def _no_ranges(self, got: object) -> NoRangesError:
        absent = got == f"status {NOT_FOUND}"
        return NoRangesError(
            "the server does not have the archive"
            if absent
            else "the server does not give parts of the archive",
            where=self.where,
            got=got,
            expected=f"status {PARTIAL}",
            next_step="fetch the archive by hand and take it over with `adopt`",
        )
