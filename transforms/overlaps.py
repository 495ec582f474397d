"""How many photographs the sources share with each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.artifact import Reference
from schemas.errors import BuildError, ExitCode
from shards.look import Look
from transforms.artifact import Draft
from transforms.duck import Database, identifier, literal
from transforms.lake import member, whole
from transforms.photographs import Photographs

OVERLAPS: Final = pa.schema(
    [("source", pa.string()), ("other", pa.string()), ("by", pa.string()), ("photographs", pa.int64())]
)
"""One row for each pair of sources, in order of name, that have photographs in common.

By `id`: photographs that both list, by the ids of their publishers. By `bytes` and by `look`: pictures that
rows of the mixture show and that lie in files of the first source, and in files of the other with the same
bytes, or so that they look the same, which includes the same bytes unless they are plain.
"""

WAYS: Final = ("id", "bytes", "look")
"""How common photographs are found."""

Pair = tuple[str, str]


def overlaps_of(mixture: str) -> Reference:
    """How many photographs the sources of a mixture share with each other."""
    return Reference("mixtures", f"{mixture}.pictures.overlaps")


def compare(listed: Mapping[str, Path], shown: Sequence[Path], making: Draft) -> None:
    """Writes `OVERLAPS`.

    Args:
        listed: the table `pictures` of each source: the photograph of each image.
        shown: the pictures that rows show, by split, see `transforms.bars.SHOWN`.
    """
    pictures = pa.concat_tables([pq.read_table(path) for path in shown])
    found = {
        **{(*pair, "id"): count for pair, count in _by_id(listed, making.scratch)},
        **{(*pair, "bytes"): count for pair, count in _by_bytes(pictures)},
        **{(*pair, "look"): count for pair, count in _by_look(pictures)},
    }
    rows = [(*key, count) for key, count in sorted(found.items())]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(OVERLAPS)
    with making.table("overlaps", OVERLAPS) as writer:
        writer.write(pa.table([list(column) for column in columns], schema=OVERLAPS))


def _by_id(listed: Mapping[str, Path], scratch: Path) -> Iterator[tuple[Pair, int]]:
    if not listed:
        return
    with Database(scratch) as database:
        for source, path in listed.items():
            database.view(source, "pictures", [path])
        union = " union all ".join(
            f"select distinct {literal(source)} as source, picture_id from {identifier(source)}.pictures"
            for source in listed
        )
        for source, other, count in database.rows(
            f"""
            with photographs as materialized ({union})
            select first.source, second.source, count(*)
            from photographs as first
            join photographs as second using (picture_id)
            where first.source < second.source
            group by all
            """
        ):
            yield (source, other), count


def _by_bytes(pictures: pa.Table) -> Iterator[tuple[Pair, int]]:
    holders: dict[str, set[str]] = defaultdict(set)
    for source, sha256 in zip(pictures["source"].to_pylist(), pictures["sha256"].to_pylist(), strict=True):
        holders[sha256].add(source)
    yield from Counter(pair for held in holders.values() for pair in combinations(sorted(held), 2)).items()


def _by_look(pictures: pa.Table) -> Iterator[tuple[Pair, int]]:
    """Pictures of the first source of each pair that look like one of the other."""
    holders: dict[str, set[str]] = defaultdict(set)
    for image_id, source in zip(
        pictures["image_id"].to_pylist(), pictures["source"].to_pylist(), strict=True
    ):
        holders[image_id].add(source)
    known = Photographs(pictures)
    counts = Counter[Pair]()
    columns = (pictures[name].to_pylist() for name in ("source", "look_hash", "look_small"))
    for source, hashed, small in zip(*columns, strict=True):
        if hashed is not None:
            alike = {other for name in known.alike(Look(hashed, small)) for other in holders[name]}
            counts.update((source, other) for other in alike if source < other)
    yield from counts.items()


@dataclass(frozen=True)
class Overlap:
    """Photographs that two sources have in common.

    Attributes:
        photographs: how many, by `WAYS`; a way that finds none is left out.
    """

    source: str
    other: str
    photographs: Mapping[str, int]


def read(lake: Path) -> list[Overlap]:
    """What the current build says, in order of source.

    Raises:
        BuildError: nothing is built, or nothing as far as a mixture.
    """
    build = whole(lake)
    made = member(lake, build, overlaps_of(build.mixture)) if build.mixture else None
    if made is None:
        raise BuildError(
            "the current build has not compared its sources",
            where=f"build {build.id}",
            next_step="build on: multiinstruct build",
            exit_code=ExitCode.USAGE,
        )
    pairs: dict[Pair, dict[str, int]] = defaultdict(dict)
    for row in pq.read_table(made.path("overlaps.parquet")).to_pylist():
        pairs[row["source"], row["other"]][row["by"]] = row["photographs"]
    return [Overlap(*pair, photographs) for pair, photographs in pairs.items()]
