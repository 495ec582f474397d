"""Whether a table came out as its publisher says, where the publisher's own bytes were read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.report import Unexpected


def unexpected(accepts: Mapping[str, int], name: str, table: Path, images: Path | None) -> list[Unexpected]:
    """Counts of a table that are not what its source accepts, in the order of the declaration.

    Args:
        accepts: counts by `table`, `table/split` or `table.column`, see `schemas.source.Source`.
        name: name of the table.
        table: its rows.
        images: the images of its source, whose published splits count where the table has none of its own.
    """
    asked = {key: count for key, count in accepts.items() if re.split(r"[/.]", key)[0] == name}
    if not asked:
        return []
    found = Counter({f"{name}/{split}": count for split, count in _by_split(table, images)})
    found[name] = pq.read_metadata(table).num_rows
    for column in [key.partition(".")[2] for key in asked if "." in key]:
        values = pq.read_table(table, columns=[column])[column]
        found[f"{name}.{column}"] = pc.count_distinct(values).as_py()
    return [
        Unexpected(what=key, got=found[key], expected=count)
        for key, count in asked.items()
        if found[key] != count
    ]


def _by_split(table: Path, images: Path | None) -> Iterator[tuple[str, int]]:
    """How many rows are of each split."""
    columns = pq.read_schema(table).names
    if "published_split" in columns:
        counted = pc.value_counts(pq.read_table(table, columns=["published_split"])["published_split"])
        yield from ((entry["values"], entry["counts"]) for entry in counted.to_pylist() if entry["values"])
        return
    if images is None or "image_id" not in columns:
        return
    listed = pq.read_table(images, columns=["image_id", "published_split"]).to_pydict()
    splits = dict(zip(listed["image_id"], listed["published_split"], strict=True))
    found: Counter[str] = Counter()
    for entry in pc.value_counts(pq.read_table(table, columns=["image_id"])["image_id"]).to_pylist():
        if (split := splits.get(entry["values"])) is not None:
            found[split] += entry["counts"]
    yield from found.items()
