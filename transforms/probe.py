"""Asking servers about files without fetching them, and comparing the answers with the declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, NamedTuple

from schemas.errors import BuildError, TransientError
from schemas.source import RemoteFile
from transforms import registry
from transforms.web import OK, PARTIAL, Answer, Web, named, patiently

TOLERANCE: Final = 0.02
"""How far a size may be from `about_bytes`, which is no promise."""

_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")

State = Literal["as declared", "drifted", "unreachable"]


class Probed(NamedTuple):
    """What a server says of one address of a file.

    Attributes:
        source: the source that declares it.
        file: its declared name.
        url: the address, without what may be secret.
        bytes: size of the file, or None if the server does not say.
        date: when it changed last, as the server says it.
        kind: what the server calls it, as in `Content-Type`.
        ranges: whether the server gives parts of it.
        state: `drifted` if something is not as declared.
        detail: what that is.
    """

    source: str
    file: str
    url: str
    bytes: int | None
    date: str | None
    kind: str | None
    ranges: bool
    state: State
    detail: str


def probe(source: str | None, web: Web | None = None) -> Iterator[Probed]:
    """Asks for one byte of every file of a source, or of all sources, at each of its addresses.

    A picture that lies alone is not asked for: its address is a template.

    Raises:
        BuildError: there is no such source.
    """
    names = registry.source_names() if source is None else [source]
    registry.check_known("source", tuple(names), registry.source_names())
    asked = [
        (name, key, file, url)
        for name in names
        for key, file in registry.declaration(name).files.items()
        for url in file.urls
        if not file.by_hand
    ]
    client = web or Web()
    try:
        # Few at a time: the files of a source mostly lie on one server.
        with ThreadPoolExecutor(2) as workers:
            yield from workers.map(lambda one: _probe(client, *one), asked)
    finally:
        if web is None:
            client.close()


def _probe(web: Web, source: str, name: str, file: RemoteFile, url: str) -> Probed:
    shown = named(url)
    try:
        return patiently(web.patience, lambda: _asked(web, source, name, file, url))
    except TransientError as error:
        return Probed(source, name, shown, None, None, None, False, "unreachable", _told(error))
    except BuildError as error:
        return Probed(source, name, shown, None, None, None, False, "drifted", _told(error))


def _told(error: BuildError) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if "next:" not in line)


def _asked(web: Web, source: str, name: str, file: RemoteFile, url: str) -> Probed:
    with web.ask(url, {"Range": "bytes=0-0"}) as answer:
        size, kind = _size(answer), answer.header("Content-Type")
        problems = list(_problems(answer, file, size, kind or ""))
        return Probed(
            source,
            name,
            named(url),
            size,
            answer.header("Last-Modified"),
            kind,
            answer.status == PARTIAL,
            "drifted" if problems else "as declared",
            "; ".join(problems),
        )


def _size(answer: Answer) -> int | None:
    if answer.status == OK:
        return answer.length
    found = _TOTAL.fullmatch(answer.header("Content-Range") or "")
    return int(found[1]) if found else None


def _problems(answer: Answer, file: RemoteFile, size: int | None, kind: str) -> Iterator[str]:
    if answer.status not in (OK, PARTIAL):
        yield f"status {answer.status}"
        return
    if kind.startswith("text/html"):
        yield "a web page in place of the file"
    pinned = file.pin.bytes if file.pin else None
    if None not in (size, pinned) and size != pinned:
        yield f"{size:,} bytes, pinned {pinned:,}"
    about = file.about_bytes
    if size is not None and pinned is None and about is not None and abs(size / about - 1) > TOLERANCE:
        yield f"{size:,} bytes, declared about {about:,}"
