"""The normal form: one shared shape for what every source says.

A reader yields the columns of a table as plain Python values; the normaliser adds where the row
came from, cleans text, clips boxes, and rejects what it cannot keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from schemas.box import BOX_TYPE

Role = Literal["key", "image", "text", "marked", "raw", "box", "fact"]
"""What the normaliser does with a column.

`key` together with the other keys names the row, which is rejected if an earlier row has that
name; `image` must be an image of the source; `text` is cleaned by rule `text_1`, must not be empty
and must not hold a reserved mark; `marked` is cleaned alike, but its reader has put `<region_0>`
and so on into it; `raw` holds what the text column of the same name without `_raw` was before;
`box` is clipped to the image; `fact` is kept as it is.

In a nullable column a value may be absent, and a reader need not name it; an empty text is then an
absent one. A list of texts is cleaned text by text, and loses those that are empty.
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


def _text(name: str, of: str, nullable: bool = False) -> tuple[Column, Column]:
    return (
        Column(name, pa.string(), f"{of}, cleaned", "text", nullable),
        Column(f"{name}_raw", pa.string(), f"{of}, as published", "raw", nullable),
    )


def _texts(name: str, of: str) -> tuple[Column, Column]:
    several = pa.list_(pa.string())
    return (
        Column(name, several, f"{of}, cleaned", "text", nullable=True),
        Column(f"{name}_raw", several, f"{of}, as published", "raw", nullable=True),
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
        Column(
            "published_split",
            pa.string(),
            "train, validation or test by the publisher; test where the benchmark evaluates on it",
            nullable=True,
        ),
        Column(
            "licence", pa.string(), "terms of this picture, where the publisher gives them", nullable=True
        ),
        Column(
            "archive",
            pa.string(),
            "which declared file holds the picture: its name, or source.name if it is another source's",
        ),
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
        Column("object_id", pa.string(), "the thing that is meant, as in objects", nullable=True),
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
    "One row for each property that a thing is said to have, or not to have.",
    (
        _IMAGE,
        Column("object_id", pa.string(), "the thing, as in objects", "key"),
        Column("position", pa.int64(), "position in the thing's list of properties, from 0", "key"),
        _box("box", "the thing"),
        *_text("name", "what the thing is called"),
        *_text("attribute", "the property"),
        Column("holds", pa.bool_(), "whether the thing has the property"),
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
    "One row for each question about a picture, with its answer: words, or a thing of objects.",
    (
        _IMAGE,
        Column("question_id", pa.string(), "the publisher's id, unique in its image", "key"),
        *_text("question", "the question"),
        Column(
            "question_marked",
            pa.string(),
            "the question with <region_0> and so on behind the things it names, where it names any",
            "marked",
            nullable=True,
        ),
        Column(
            "question_objects",
            pa.list_(pa.string()),
            "the things that <region_0> and so on stand for, as in objects",
            nullable=True,
        ),
        *_text("context", "what has to be known before the question", nullable=True),
        *_text("answer", "the publisher's answer, or the one that most people gave", nullable=True),
        *_texts("answers", "everybody's answer, in the publisher's order"),
        *_texts("choices", "the wrong answers that the publisher offers beside the answer"),
        Column("answer_object", pa.string(), "the answer, as in objects", nullable=True),
        Column("choice_objects", pa.list_(pa.string()), "the wrong answers, as in objects", nullable=True),
        Column("kind", pa.string(), "the publisher's kind of question", nullable=True),
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
    "One row for each sentence about a picture that is true of it, or false, or neither.",
    (
        _IMAGE,
        Column("statement_id", pa.string(), "the publisher's id, unique in its image", "key"),
        *_text("text", "the sentence"),
        Column(
            "label", pa.bool_(), "whether it is true; absent where the picture does not tell", nullable=True
        ),
    ),
)

TEXTS: Final = Table(
    "texts",
    "One row for each text that is to be seen in a picture.",
    (
        _IMAGE,
        Column("text_id", pa.string(), "the publisher's id, unique in its image", "key"),
        Column(
            "box",
            BOX_TYPE,
            "where it stands, in pixels of the image's file; absent for all text of the picture together",
            "box",
            nullable=True,
        ),
        *_text("text", "what can be read, where anything can", nullable=True),
        Column("legible", pa.bool_(), "whether it can be read", nullable=True),
        Column("kind", pa.string(), "how it was written, such as machine printed", nullable=True),
        Column("language", pa.string(), "the publisher's name of its language", nullable=True),
    ),
)

STEPS: Final = Table(
    "steps",
    "One row for each step of a method of doing something.",
    (
        Column("image_id", pa.string(), "the picture of the step, where it has one", "image", nullable=True),
        Column("article_id", pa.string(), "the publisher's id of the article", "key"),
        Column("method_position", pa.int64(), "which method of the article, from 0", "key"),
        Column("position", pa.int64(), "which step of the method, from 0", "key"),
        *_text("title", "what the article explains", nullable=True),
        *_text("method", "what the method is called"),
        *_text("text", "what is to be done"),
        Column("published_split", pa.string(), "train, validation or test by the publisher", nullable=True),
    ),
)

CLAIMS: Final = Table(
    "claims",
    "One row for each claim that somebody checked.",
    (
        Column("claim_id", pa.string(), "the publisher's id", "key"),
        *_text("claim", "the claim"),
        *_text("context", "what was found out about it", nullable=True),
        Column("verdict", pa.string(), "supported, refuted or not_enough_information"),
        Column("image_ids", pa.list_(pa.string()), "pictures that were found about it, as in images"),
        Column("published_split", pa.string(), "train, validation or test by the publisher", nullable=True),
    ),
)

TURNS: Final = Table(
    "turns",
    "One row for each question and answer of a dialogue about a picture.",
    (
        _IMAGE,
        Column("dialogue_id", pa.string(), "the publisher's id, or the picture's", "key"),
        Column("position", pa.int64(), "which turn of the dialogue, from 0", "key"),
        *_text("question", "what is asked"),
        *_text("answer", "what is answered"),
    ),
)

LABELS: Final = Table(
    "labels",
    "One row for each word of a fixed list that is said of a whole picture.",
    (
        _IMAGE,
        Column("aspect", pa.string(), "what the list is about, such as disaster_types", "key"),
        Column("value", pa.string(), "the word, as published", "key"),
        Column("votes", pa.int64(), "how many people said it, where they were counted", nullable=True),
    ),
)

EXERCISES: Final = Table(
    "exercises",
    "One row for each exercise in words alone, without a picture.",
    (
        Column("task", pa.string(), "the publisher's name of the task", "key"),
        Column("exercise_id", pa.string(), "the publisher's id, unique in the task", "key"),
        *_text("definition", "what is to be done in every exercise of the task"),
        *_text("text", "what it is to be done with"),
        *_texts("answers", "every right answer"),
        Column("category", pa.string(), "the publisher's kind of task", nullable=True),
        Column("language", pa.string(), "the publisher's names of its languages", nullable=True),
        Column("published_split", pa.string(), "train, validation or test by the publisher", nullable=True),
    ),
)

TABLES: Final = {
    table.name: table
    for table in (
        IMAGES,
        REGIONS,
        OBJECTS,
        ATTRIBUTES,
        RELATIONS,
        QUESTIONS,
        CAPTIONS,
        STATEMENTS,
        TEXTS,
        STEPS,
        CLAIMS,
        TURNS,
        LABELS,
        EXERCISES,
    )
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
