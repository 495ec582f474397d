"""Instances: one row is one exercise with everything that any instruction may ask to show."""

from __future__ import annotations

from typing import Final, Literal

import pyarrow as pa

from schemas.box import BOX_TYPE, SIDES
from schemas.instruction import TEXT_SLOTS

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")

FIXED: Final[dict[str, tuple[pa.DataType, str]]] = {
    "uid": (pa.string(), "task and key: unique in the whole build"),
    "key": (pa.string(), "unique in the task, made of source ids joined by colons"),
    "image_id": (pa.string(), "the picture's file; absent for exercises without a picture"),
    "split": (pa.string(), "train, validation or test"),
    "regions": (pa.list_(BOX_TYPE), "boxes named <region_0>, <region_1> ... in text, inputs first"),
    "options": (pa.list_(pa.string()), "the answers to choose from, in the order shown"),
    "option_keys": (pa.list_(pa.string()), "key of the row that each option came from, same order"),
    "target": (pa.string(), "the answer; an empty text where a picture is the answer"),
}
"""Columns with a meaning of their own, in stored order: Arrow type and what they hold."""

# DuckDB hands out an absent struct as one whose fields are absent.
_SOME_BOX = pa.struct([pa.field(side, pa.float64()) for side in SIDES])

PICTURED: Final[dict[str, tuple[pa.DataType, str]]] = {
    "target_image_id": (pa.string(), "the picture that is the answer, whole or in part"),
    "target_box": (_SOME_BOX, "which part is the answer; absent for the largest square in the middle"),
}
"""Further columns of tasks with `output = "image"`, after the slots. The part is scaled to
`TARGET_PICTURE_SIDE` pixels a side, whatever its shape, and written as image codes in the shards."""

SLOTS: Final = {slot: pa.string() for slot in TEXT_SLOTS}
"""Columns that instructions may show. Every other column of a task is a fact carried along."""

LABEL: Final = "label"
"""Column of a task of two answers: which of a pair of answers is right."""

REJECTED: Final = "rejected"
"""Column of a task's query: empty, or the reason why the row is left out."""
