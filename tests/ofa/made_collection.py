"""A small collection by hand: answers in words and in image codes, with options, without pictures, with odd
files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from torch import Tensor

from instructions.load import TaskInstructions
from instructions.render import parse
from schemas.token import IMAGE_CODES, PAD
from shards.collection import COLLECTION, CollectedTask, Collection
from shards.format import INDEX, INSTRUCTIONS, ShardIndex, write_json
from shards.pictures import write_pack
from shards.prepare import prepare
from shards.rows import Layout
from shards.train_vocabulary import train_vocabulary
from shards.vocabulary import Vocabulary
from shards.write import write_split
from tests.shards.shard_helpers import box, table_of

WORDINGS = {
    "telling": [
        "What is {text}",
        "Say in a word or two what {text} may be, please",
        '"{text}" is it?',
        "{text} so?",
        "Now {text}",
    ],
    "choosing": [f"{word} {{text}} of {{options}}" for word in ("Pick", "Choose", "Take", "Find", "Mark")],
    "drawing": ["Draw what is at <region_0> now", "Fill <region_0> in"],
}
PICTURES = 12
SIDE = 32
BLANK = (64.0, 48.0, 320.0, 240.0)
"""The region that is grey, in pixels of 640 x 480: a tenth to a half of either side."""


def photograph(width: int, height: int, seed: int, mode: str = "RGB") -> Image.Image:
    """A smooth picture with some noise."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(coarse, np.int64) + draw.integers(-12, 13, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str, turned: bool = False) -> bytes:
    """A picture as a file; `turned` says in it that it is to be shown a quarter turn clockwise."""
    file, exif = io.BytesIO(), Image.Exif()
    if turned:
        exif[0x0112] = 6
    image.save(file, kind, exif=exif)
    return file.getvalue()


def make_collection(folder: Path, rows: int = 60) -> Path:
    """Writes it: `rows` of `telling`, a fifth without a picture, half as many `choosing`, 8 `drawing`."""
    words = [text for wordings in WORDINGS.values() for text in wordings]
    train_vocabulary(words * 3, folder / "vocabulary", 600)
    vocabulary = Vocabulary.load(folder / "vocabulary")
    (folder / "pictures").mkdir()
    kinds = [("RGB", "JPEG")] * (PICTURES - 4) + [
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGBA", "PNG"),
        ("P", "GIF"),
    ]
    files = [
        (f"made:{number}", encoded(photograph(160, 120, number, mode), kind, turned=number < 2))
        for number, (mode, kind) in enumerate(kinds)
    ]
    write_pack(folder / "pictures", files, oriented={"made:0"})
    tasks = {
        "telling": table_of([_telling(number) for number in range(rows)], ("text",)),
        "choosing": table_of([_choosing(number) for number in range(rows // 2)], ("text",)),
        "drawing": _drawing(8),
    }
    collected = {task: _written(folder, task, table, vocabulary) for task, table in tasks.items()}
    collection = Collection(mixture="made", vocabulary="vocabulary", pictures="pictures", tasks=collected)
    (folder / COLLECTION).write_text(collection.model_dump_json())
    return folder


def _telling(number: int) -> dict[str, Any]:
    row = {
        "uid": f"telling/{number}",
        "image_id": f"made:{number % PICTURES}",
        "text": "thing " * (1 + number % 7) + str(number),
        "target": "word " * (number % 3) + f"end {number}",
    }
    return row if number % 5 else {**row, "image_id": None, "image_width": None, "image_height": None}


def _choosing(number: int) -> dict[str, Any]:
    options = [f"a{number}", "b", f"c {number}"]
    return {
        "uid": f"choosing/{number}",
        "image_id": f"made:{number % 5}",
        "text": f"one {number}",
        "options": options,
        "target": options[number % 3],
    }


def _drawing(count: int) -> pa.Table:
    rows = [
        {"uid": f"drawing/{number}", "image_id": f"made:{number}", "regions": [box(*BLANK)]}
        for number in range(count)
    ]
    codes = [[(number * 31 + place) % IMAGE_CODES for place in range(16)] for number in range(count)]
    table = table_of(rows).drop_columns("target")
    return table.append_column("codes", pa.array(codes, pa.list_(pa.uint16())))


def _written(folder: Path, task: str, table: pa.Table, vocabulary: Vocabulary) -> CollectedTask:
    place = folder / task
    place.mkdir()
    slots = ("text",) if "text" in table.column_names else ()
    codes = task == "drawing"
    layout = Layout(slots, "whole_image_999", target="codes" if codes else "text")
    written = write_split(place, "train", [table], vocabulary, layout)
    assert written.rejected.num_rows == 0
    wordings = tuple(parse(text) for text in WORDINGS[task])
    write_json(place / INSTRUCTIONS, prepare(TaskInstructions(task, wordings), vocabulary))
    index = ShardIndex(
        task=task,
        text_slots=slots,
        vocabulary_size=vocabulary.size,
        vocabulary_fingerprint=vocabulary.fingerprint,
        quantisation="whole_image_999",
        options_style="spaced",
        mixture="made",
        target="codes" if codes else "text",
        blank=codes,
        rows={"train": written.rows},
        files=written.files,
    )
    write_json(place / INDEX, index)
    return CollectedTask(shard=task, instructions=task, rows={"train": written.rows})


def unpadded(ids: Tensor) -> list[int]:
    """One row of ids without its padding."""
    return [number for number in ids.tolist() if number != PAD]
