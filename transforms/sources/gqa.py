"""GQA: questions that were composed from scene graphs of pictures of Visual Genome, with short answers.

The balanced questions for training and validation of version 1.2 are read, out of an archive that holds
others as well. Pictures are Visual Genome's, whose numbers they have; a number that Visual Genome does not
list, such as one that begins with `n`, is rejected by name. GQA's own archive of pictures is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.instance import Split
from schemas.source import Licence, RemoteFile, Source
from transforms.raw import Place, Raw, Record, Rejected, Row
from transforms.visual_genome_pictures import BORROWED, Id, borrowed_images

_SPLITS: Final[dict[str, Split]] = {
    "train_balanced_questions.json": "train",
    "val_balanced_questions.json": "validation",
}
"""The split of each member that is read."""

SOURCE: Final = Source(
    title="GQA",
    homepage="https://cs.stanford.edu/people/dorarad/gqa/",
    licence=Licence(
        name="not stated (pictures: CC BY 4.0)", url="https://cs.stanford.edu/people/dorarad/gqa/about.html"
    ),
    citation="""\
@inproceedings{hudson2019gqa,
  title = {{GQA}: A New Dataset for Real-World Visual Reasoning and Compositional Question Answering},
  author = {Hudson, Drew A. and Manning, Christopher D.},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}""",
    files={
        "questions": RemoteFile(
            urls=(
                "https://downloads.cs.stanford.edu/nlp/data/gqa/questions1.2.zip",
                "https://nlp.stanford.edu/data/gqa/questions1.2.zip",
            ),
            about_bytes=1_400_000_000,
            members=tuple(_SPLITS),
        ),
    },
    borrows=BORROWED,
    accepts={"questions/train": 943_000, "questions/validation": 132_062},
)


class _Types(Record):
    structural: str | None = None


class _Question(Record):
    question: str
    answer: str
    image_id: Id = msgspec.field(name="imageId")
    types: _Types = msgspec.field(default_factory=_Types)


def images(questions: Raw, image_data: Raw) -> Iterator[Row | Rejected]:
    """The pictures that questions are about."""

    def mentions() -> Iterator[tuple[Place, Id, Split]]:
        for member, split in _SPLITS.items():
            for place, _, asked in questions.entries(_Question, member=member):
                yield place, asked.image_id, split

    return borrowed_images(mentions(), image_data)


def questions(questions: Raw) -> Iterator[Row]:
    """The questions; `kind` is the structure: query, verify, logical, choose or compare."""
    for member in _SPLITS:
        for place, number, asked in questions.entries(_Question, member=member):
            yield (
                place,
                {
                    "image_id": f"vg:{asked.image_id}",
                    "question_id": number,
                    "question": asked.question,
                    "answer": asked.answer,
                    "kind": asked.types.structural,
                },
            )
