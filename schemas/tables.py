"""The normal form: one shared shape for what every source says.

A reader yields the columns of a table as plain Python values; the normaliser adds where the row
came from, cleans text, clips boxes, and rejects what it cannot keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from schemas.box import BOX_TYPE

Role = Literal["key", "image", "text", "raw", "box", "fact"]
"""What the normaliser does with a column.

`key` together with the other keys names the row, which is rejected if an earlier row has that
name; `image` must be an image of the source; `text` is cleaned by rule `text_1` and must not be
empty; `raw` holds what the text column of the same name without `_raw` was before; `box` is
clipped to the image; `fact` is kept as it is.
"""


@dataclass(frozen=True)
class Column:
    """One column: its name, Arrow type, what it means, and what the normaliser does with it."""

    name: str
    type: pa.DataType
    meaning: str
    role: Role = "fact"
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the normal form.

    Attributes:
        name: name of the table, and of the generator that fills it in each reader.
        meaning: one sentence for the catalogue.
        columns: what a reader yields, in order; provenance follows in the stored table.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the stored table: the columns, then where the row came from."""
        return pa.schema(
            [pa.field(column.name, column.type, column.nullable) for column in (*self.columns, *PROVENANCE)]
        )

    def having(self, role: Role) -> list[Column]:
        """The columns of one role, in order."""
        return [column for column in self.columns if column.role == role]


PROVENANCE: Final = (
    Column("source", pa.string(), "name of the source"),
    Column("file", pa.string(), "which declared file of the source"),
    Column("member", pa.string(), "member of that file if it is an archive, else its own name"),
    Column("record", pa.int64(), "position of the outer record in the member, from 0"),
    Column("item", pa.int64(), "position inside the outer record, from 0", nullable=True),
)

_IMAGE = Column("image_id", pa.string(), "one file of one publisher, such as vg:2345", "image")


def _box(name: str, of: str) -> Column:
    return Column(name, BOX_TYPE, f"{of}, in pixels of the image's file", "box")


def _text(name: str, of: str) -> tuple[Column, Column]:
    return (
        Column(name, pa.string(), f"{of}, cleaned", "text"),
        Column(f"{name}_raw", pa.string(), f"{of}, as published", "raw"),
    )


IMAGES: Final = Table(
    "images",
    "One row for each picture file that a publisher lists.",
    (
        Column("image_id", pa.string(), "one file of one publisher, such as vg:2345", "key"),
        Column("width", pa.int32(), "pixels, as declared by the publisher if at all", nullable=True),
        Column("height", pa.int32(), "pixels, as declared by the publisher if at all", nullable=True),
        Column("coco_id", pa.int64(), "the same photograph in COCO", nullable=True),
        Column("flickr_id", pa.int64(), "the same photograph on Flickr", nullable=True),
        Column("published_split", pa.string(), "train, validation or test by the publisher", nullable=True),
        Column("archive", pa.string(), "which declared file of the source holds the picture"),
        Column("picture", pa.string(), "member of that archive"),
    ),
)

REGIONS: Final = Table(
    "regions",
    "One row for each described place in a picture.",
    (
        _IMAGE,
        Column("region_id", pa.string(), "the publisher's id, unique in its image", "key"),
        _box("box", "the place"),
        *_text("text", "what is said of the place"),
    ),
)

OBJECTS: Final = Table(
    "objects",
    "One row for each thing marked in a picture.",
    (
        _IMAGE,
        Column("object_id", pa.string(), "the publisher's id, unique in its image", "key"),
        _box("box", "the thing"),
        *_text("name", "what the thing is called"),
        Column("crowd", pa.bool_(), "whether the box holds many such things together"),
    ),
)

ATTRIBUTES: Final = Table(
    "attributes",
    "One row for each property said of a thing.",
    (
        _IMAGE,
        Column("object_id", pa.string(), "the thing, as in objects", "key"),
        Column("position", pa.int64(), "position in the thing's list of properties, from 0", "key"),
        _box("box", "the thing"),
        *_text("name", "what the thing is called"),
        *_text("attribute", "the property"),
    ),
)

RELATIONS: Final = Table(
    "relations",
    "One row for each relation between two things in a picture: subject, predicate, object.",
    (
        _IMAGE,
        Column("relation_id", pa.string(), "the publisher's id, unique in its image", "key"),
        *_text("predicate", "how the subject stands to the object"),
        Column("subject_id", pa.string(), "the subject, as in objects"),
        *_text("subject_name", "what the subject is called"),
        _box("subject_box", "the subject"),
        Column("object_id", pa.string(), "the object, as in objects"),
        *_text("object_name", "what the object is called"),
        _box("object_box", "the object"),
    ),
)

QUESTIONS: Final = Table(
    "questions",
    "One row for each question about a picture, with its answer.",
    (
        _IMAGE,
        Column("question_id", pa.string(), "the publisher's id, unique in its image", "key"),
        *_text("question", "the question"),
        *_text("answer", "the publisher's answer"),
    ),
)

CAPTIONS: Final = Table(
    "captions",
    "One row for each sentence that describes a whole picture.",
    (
        _IMAGE,
        Column("caption_id", pa.string(), "the publisher's id, unique in its image", "key"),
        *_text("text", "the sentence"),
    ),
)

STATEMENTS: Final = Table(
    "statements",
    "One row for each sentence about a picture that is true of it or false.",
    (
        _IMAGE,
        Column("statement_id", pa.string(), "the publisher's id, unique in its image", "key"),
        *_text("text", "the sentence"),
        Column("label", pa.bool_(), "whether it is true"),
    ),
)

TABLES: Final = {
    table.name: table
    for table in (IMAGES, REGIONS, OBJECTS, ATTRIBUTES, RELATIONS, QUESTIONS, CAPTIONS, STATEMENTS)
}
"""Every table that a reader may fill, by name."""

PICTURES: Final = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("picture_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)
"""One row for each image of a source: the photograph it shows, and the split of that photograph.
Made from the `images` tables of all sources together."""
