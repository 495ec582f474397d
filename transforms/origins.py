"""What an instance was made from: the rows behind it, and where those stand in a publisher's file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FoundBy = Literal["key", "value", "picture", "words", "nothing"]
"""How rows were found, see `tracing`."""


@dataclass(frozen=True)
class Place:
    """Where a row stands in what a publisher gives out; positions count from 0."""

    source: str
    file: str
    member: str
    record: int
    item: int | None


@dataclass(frozen=True)
class Part:
    """One row that something was made from.

    Attributes:
        table: `visual_genome.regions`, or `instances.<task>`.
        name: what the row is called: its picture and its keys, joined by colons.
        says: its words, for a person to recognise it by.
        place: where it stands; None for what is itself made from other rows.
        origin: what it was made from, if it is an instance.
    """

    table: str
    name: str
    says: str
    place: Place | None
    origin: Origin | None = None


@dataclass(frozen=True)
class Origin:
    """What one instance was made from.

    Attributes:
        proved: whether the query over these rows alone makes this instance again.
        found_by: which guess they come from.
        why_not: why nothing is proved, if so.
    """

    proved: bool
    found_by: FoundBy
    parts: list[Part] = field(default_factory=list)
    why_not: str | None = None


def leaves(origin: Origin) -> list[Part]:
    """The rows of publishers' files at the end of every way, each once."""
    found: dict[tuple[str, str], Part] = {}
    for part in origin.parts:
        if part.place is not None:
            found.setdefault((part.table, part.name), part)
        elif part.origin is not None:
            found.update({(leaf.table, leaf.name): leaf for leaf in leaves(part.origin)})
    return list(found.values())
