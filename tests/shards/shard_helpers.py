"""What tests of shards share: cleaned text, a small vocabulary, and shards made of plain rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from schemas.box import BOX_TYPE
from schemas.settings import OptionsStyle, Quantisation
from schemas.token import RESERVED_MARKS
from shards.format import INDEX, ShardIndex, write_json
from shards.read import Shard
from shards.rows import Layout
from shards.vocabulary import Vocabulary
from shards.write import WrittenSplit, write_split

HOSTILE = [
    "a man's hat", "'s", "it's 'quoted'", '"snow"', "{text}", "{0}", "%s", "12 34", "3.14", "😀 smile",
    "👩‍👩‍👧", "café", "ﬁne", "<s>", "</s>", "<mask>", "<|endoftext|>", "||", "| | |", "…", "日本語 テキスト",
    "a\u200bb", "e\u0301", "\u0301x", "x" * 50, "?!", "(on)", "\\n", "a \u00a0b", "\u1680z", "ＡＢ",
]  # fmt: skip


def text_1(text: str) -> str:
    """The rule of the tables: NFC, control characters to blanks, white space collapsed and stripped."""
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())


def _allowed(text: str) -> bool:
    return bool(text) and not any(mark in text for mark in RESERVED_MARKS)


clean_texts = (
    (
        st.text(max_size=30)
        | st.sampled_from(HOSTILE)
        | st.lists(st.sampled_from(HOSTILE), max_size=4).map(" ".join)
    )
    .map(text_1)
    .filter(_allowed)
)
"""Any text that the tables let through."""

list_texts = st.lists(clean_texts, min_size=1, max_size=3).map("\n".join).filter(_allowed)
"""Texts of slots that hold lists: line breaks inside."""


def with_references(texts: st.SearchStrategy[str], regions: int) -> st.SearchStrategy[str]:
    """Texts that also name regions, between blanks and glued to other characters."""
    named = st.integers(0, regions - 1).map("<region_{}>".format)
    glued = named.map("({},".format)
    return st.lists(texts | named | glued, min_size=1, max_size=4).map(" ".join)


def plain_ids(vocabulary: Vocabulary, text: str, bins: Sequence[Sequence[int]]) -> list[int]:
    """What ids a text with references must have, by the definition and nothing clever."""
    ids: list[int] = []
    for piece in re.split(r"( ?<region_[0-9]+>)", text):
        digits = re.fullmatch(r" ?<region_([0-9]+)>", piece)
        if digits:
            ids += [vocabulary.first_bin + place for place in bins[int(digits[1])]]
        else:
            ids += vocabulary.encode(piece)
    return ids


def table_of(rows: list[dict[str, Any]], text_slots: Sequence[str] = ()) -> pa.Table:
    """Rows for `write_split`; what a row does not say is filled in."""
    schema = pa.schema(
        [
            ("uid", pa.string()),
            ("image_id", pa.string()),
            ("image_width", pa.int32()),
            ("image_height", pa.int32()),
            ("regions", pa.list_(BOX_TYPE)),
            ("options", pa.list_(pa.string())),
            ("target", pa.string()),
            *((slot, pa.string()) for slot in text_slots),
        ]
    )
    usual = {"image_id": "vg:1", "image_width": 640, "image_height": 480, "regions": [], "options": None}
    filled = [{"uid": f"task/{number}", **usual, **row} for number, row in enumerate(rows)]
    return pa.Table.from_pylist(filled, schema=schema)


def box(x0: float, y0: float, x1: float, y1: float) -> dict[str, float]:
    """One region of a row."""
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


def make_shard(
    folder: Path,
    vocabulary: Vocabulary,
    rows: list[dict[str, Any]],
    text_slots: tuple[str, ...] = (),
    style: OptionsStyle = "spaced",
    truncate: str | None = None,
    quantisation: Quantisation = "whole_image_999",
) -> tuple[Shard, WrittenSplit]:
    """Writes one split with its index and opens it."""
    folder.mkdir(parents=True, exist_ok=True)
    layout = Layout(text_slots, quantisation, truncate)
    written = write_split(folder, "train", [table_of(rows, text_slots)], vocabulary, layout)
    index = ShardIndex(
        task="task",
        text_slots=text_slots,
        truncate=truncate,
        vocabulary_size=vocabulary.size,
        vocabulary_fingerprint=vocabulary.fingerprint,
        quantisation=quantisation,
        options_style=style,
        mixture="all",
        rows={"train": written.rows},
        files=written.files,
    )
    write_json(folder / INDEX, index)
    return Shard(folder, "train"), written
