"""Instances: one row is one exercise with everything that any instruction may ask to show."""

from __future__ import annotations

from typing import Final, Literal

import pyarrow as pa

from schemas.box import BOX_TYPE
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
    "target": (pa.string(), "the answer"),
}
"""Columns with a meaning of their own, in stored order: Arrow type and what they hold."""

SLOTS: Final = {slot: pa.string() for slot in TEXT_SLOTS}
"""Columns that instructions may show. Every other column of a task is a fact carried along."""

REJECTED: Final = "rejected"
"""Column of a task's query: empty, or the reason why the row is left out."""
