"""What there is to know of a source before it is used: of one everything, of all of them a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from schemas.source import RemoteFile, Source
from transforms import registry
from transforms.coming import declared_bytes
from transforms.readers import generators


@dataclass(frozen=True)
class FileCard:
    """One file that a source declares.

    Attributes:
        file: its declared name.
        name: the name that it has at its publisher; empty where its pictures only lie singly.
        bytes: its size, if anybody has said it; about that size where no pin says it.
        sha256: of its bytes, where they are pinned.
        witness: who vouches for these.
        hosts: from where it may be fetched, healthiest first; none for a file that only a person can fetch.
    """

    file: str
    name: str
    holds: str
    bytes: int | None
    sha256: str | None
    witness: str | None
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """One source.

    Attributes:
        access: `open`, or what a person has to do first.
        lent: files of other sources that it reads or shows, as `source.file`.
        tables: the tables that it fills.
        tasks: the tasks that read them.
    """

    source: str
    declared: Source
    access: str
    files: tuple[FileCard, ...]
    lent: tuple[str, ...]
    tables: tuple[str, ...]
    tasks: tuple[str, ...]


def card(source: str) -> Card:
    """All that is declared of a source, and what is made of it.

    Raises:
        BuildError: there is no such source.
    """
    registry.check_known("source", (source,), registry.source_names())
    declared = registry.declaration(source)
    return Card(
        source,
        declared,
        _access(declared),
        tuple(_file(name, file) for name, file in declared.files.items()),
        tuple(sorted(set(declared.borrows.values()))),
        tuple(generators(registry.reader(source))),
        tuple(task for task in registry.task_names() if source in registry.sources_of(task)),
    )


def _access(declared: Source) -> str:
    asked = ["agree to its terms"] if declared.terms is not None else []
    asked += ["fetch it by hand"] if declared.steps else []
    return " and ".join(asked) or "open"


def _file(name: str, file: RemoteFile) -> FileCard:
    pin = file.pin
    return FileCard(
        name,
        file.by_hand or next((PurePosixPath(urlsplit(url).path).name for url in file.urls), ""),
        file.holds,
        declared_bytes(file),
        pin.sha256 if pin else None,
        pin.witness if pin else None,
        ()
        if file.by_hand
        else tuple(dict.fromkeys(urlsplit(url).netloc for url in (*file.urls, *file.single))),
    )


def markdown() -> str:
    """The datasets as a table in Markdown, which stands in the README."""
    names = (name for name in registry.source_names() if registry.declaration(name).kind == "dataset")
    columns = ("source", "licence", "access", "GB", "hosts", "rows, by its publisher")
    rows = [columns, ("---", "---", "---", "--:", "---", "---"), *(_row(card(name)) for name in names)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(one: Card) -> tuple[str, ...]:
    declared = one.declared
    hosts = dict.fromkeys(host for file in one.files for host in file.hosts)
    lent = [
        f"pictures of `{source}`" for source in dict.fromkeys(name.partition(".")[0] for name in one.lent)
    ]
    return (
        f"[{declared.title}]({declared.homepage}) (`{one.source}`)",
        f"[{declared.licence.name}]({declared.licence.url})",
        one.access,
        _gigabytes(one.files),
        ", ".join([*hosts, *lent]),
        _rows(declared.accepts),
    )


def _gigabytes(files: Iterable[FileCard]) -> str:
    sizes = [file.bytes for file in files]
    known = sum(size or 0 for size in sizes) / 1e9
    shown = f"{known:.2f}" if known >= 0.01 else "under 0.01"
    if None not in sizes:
        return shown
    return f"over {shown}" if known >= 0.01 else "unknown"


def _rows(accepts: dict[str, int]) -> str:
    rows = {what: count for what, count in accepts.items() if "." not in what}
    whole = {what: count for what, count in rows.items() if "/" not in what}
    return ", ".join(f"{count:,} {what}" for what, count in (whole or rows).items())
