"""What a row of a table or of a task is called, shows and says: by that, rows find their origins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from schemas.box import SIDES
from schemas.tables import PROVENANCE, TABLES
from transforms.duck import identifier, literal
from transforms.origins import Place

Table = tuple[str, str]
"""Schema and name, as queries call a table: `("visual_genome", "regions")`."""

Row = dict[str, Any]

OF_A_PICTURE: Final = frozenset({"images", "pictures"})
"""Tables with one row a picture; whoever shows a picture was made from its row."""

_UNSAID: Final = ("uid", "key", "split", "source", "archive", "picture", "published_split")
"""Columns of text that nobody says to the model."""

_FEW: Final = 4
"""Rows of each kind that are brought in for each text that the instance says: one of them is likely to do."""

_MOST_WORDS: Final = 120


def names_of(table: Table) -> list[str]:
    """SQL for what a row of a table is called: as keys of instances name it, with its picture or without."""
    schema, name = table
    if schema == "instances":
        return ["key"]
    if name in OF_A_PICTURE:
        return ["image_id"]
    image, keys = (TABLES[name].having(role) for role in ("image", "key"))
    lists = [[*image, *keys], keys] if image else [keys]
    return [
        f"concat_ws(':', {', '.join(identifier(column.name) for column in columns)})" for columns in lists
    ]


def texts_of(fields: pa.Schema) -> list[str]:
    """Columns of a table in which somebody says something."""
    unsaid = {*_UNSAID, *(column.name for column in PROVENANCE)}
    return [
        field.name
        for field in fields
        if pa.types.is_string(field.type)
        and not field.name.endswith(("_raw", "_id", "_key"))
        and field.name not in unsaid
    ]


def of_the_records(path: Path, conditions: Iterable[str]) -> str:
    """SQL for all rows of the records in which a row stands that one of the conditions holds of."""
    return (
        f"(file, member, record) in (select (file, member, record) from read_parquet({literal(path)}) "
        f"where {' or '.join(conditions)})"
    )


def says_one_of(path: Path, column: str, words: Iterable[str], fields: pa.Schema) -> str:
    """SQL for a few rows of each kind that say each of some words in a column."""
    said = f"lower({identifier(column)})"
    # A query may look at rows of one kind alone: a word of a closed list, which has no raw twin.
    kinds = [f"{identifier(name)}" for name in texts_of(fields) if f"{name}_raw" not in fields.names]
    alike = ", ".join([said, *kinds])
    return (
        f"file_row_number in (select file_row_number from read_parquet({literal(path)}, "
        f"file_row_number = true) where {said} in ({listed(words)}) "
        f"qualify row_number() over (partition by {alike} order by file_row_number) <= {_FEW})"
    )


def listed(values: Iterable[str]) -> str:
    """Texts as a list in SQL; never an empty one."""
    return ", ".join(literal(value) for value in sorted(values)) or "null"


def named_in(row: Row) -> list[str]:
    """The names of rows that stand in an instance, its own first."""
    keys = [value for name, value in row.items() if name.endswith("_key") and isinstance(value, str)]
    return list(dict.fromkeys([row["key"], *(row.get("option_keys") or []), *keys]))


def images_of(row: Row) -> list[str]:
    """The pictures of a row: the one that is shown, and the one that is the answer."""
    return [row[name] for name in ("image_id", "target_image_id") if row.get(name)]


def record_of(row: Row) -> tuple[str, str, int] | None:
    """The publisher's record that a row of a table stands in."""
    return (row["file"], row["member"], row["record"]) if "record" in row else None


def boxes_of(row: Row) -> set[tuple[float, ...]]:
    """All boxes of a row, in pixels of its picture."""
    values = [one for value in row.values() for one in (value if isinstance(value, list) else [value])]
    return {tuple(value[side] for side in SIDES) for value in values if _is_box(value)}


def _is_box(value: object) -> bool:
    return isinstance(value, dict) and set(value) == set(SIDES)


def words_of(row: Row) -> set[str]:
    """What a row says: its texts, and their lines, as lists of texts are joined by line breaks."""
    said = {name: value for name, value in row.items() if not name.endswith(("_id", "_key", "_keys", "_raw"))}
    values = [one for value in said.values() for one in (value if isinstance(value, list) else [value])]
    known = {row[name] for name in (*_UNSAID, "file", "member") if isinstance(row.get(name), str)}
    texts = [value for value in values if isinstance(value, str) and value not in known]
    return {line.lower() for text in texts for line in (text, *text.splitlines())}


def says_of(row: Row) -> str:
    """The words of a row: of an instance its answer, else its cleaned texts."""
    if "uid" in row:
        texts = [row["target"]]
    else:
        # Each cleaned text has a twin as it was published.
        texts = [value for name, value in row.items() if f"{name}_raw" in row and isinstance(value, str)]
    said = " · ".join(text for text in texts if text)
    return said if len(said) <= _MOST_WORDS else said[: _MOST_WORDS - 1] + "…"


def place_of(row: Row) -> Place | None:
    """Where a row of a table stands in a publisher's file; None for what is made from tables."""
    if "record" not in row:
        return None
    return Place(row["source"], row["file"], row["member"], row["record"], row["item"])
