"""The file format of VQA, which OK-VQA and TDIUC share: one file of questions, one of annotations.

A question and its annotation have one `question_id`. Both files tend to have one order, but neither
says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from transforms import coco_pictures
from transforms.raw import Place, Raw, Record, Rejected, Row


class Question(Record):
    """What a file of questions lists."""

    image_id: int
    question_id: int
    question: str


class Annotation(Record):
    """What every file of annotations says of a question; sources add what theirs say besides."""

    image_id: int
    question_id: int


Given = TypeVar("Given", bound=Annotation)


def rows(
    questions: Iterable[tuple[Place, Question]],
    annotations: Iterable[tuple[Place, Given]],
    told: Callable[[Given], dict[str, Any]],
) -> Iterator[Row | Rejected]:
    """Rows of `questions`, in the order of the questions.

    Rejected are a question without an annotation (`no_annotation`), with one about another picture
    (`other_picture`) or without any answer in it (`no_answer`), and an annotation without a question,
    or whose question has one already (`no_question`).

    Args:
        told: what an annotation says: `answer`, which is None if there is none, and other columns.
    """
    for found in _joined(questions, annotations):
        if isinstance(found, Rejected):
            yield found
            continue
        place, question, annotation = found
        said = told(annotation)
        if annotation.image_id != question.image_id:
            yield _rejected(place, question, "other_picture")
        elif said["answer"] is None:
            yield _rejected(place, question, "no_answer")
        else:
            asked = {
                "image_id": f"coco:{question.image_id}",
                "question_id": str(question.question_id),
                "question": question.question,
            }
            yield place, {**asked, **said}


def _joined(
    questions: Iterable[tuple[Place, Question]], annotations: Iterable[tuple[Place, Given]]
) -> Iterator[tuple[Place, Question, Given] | Rejected]:
    """Each question with its annotation.

    Files of one order are gone through side by side; of others, annotations wait in memory.
    """
    coming = iter(annotations)
    waiting: dict[int, tuple[Place, Given]] = {}
    for place, question in questions:
        found = waiting.pop(question.question_id, None)
        while found is None and (annotation := next(coming, None)) is not None:
            if annotation[1].question_id == question.question_id:
                found = annotation
            elif waiting.setdefault(annotation[1].question_id, annotation) is not annotation:
                yield _rejected(*annotation, "no_question")
        if found is None:
            yield _rejected(place, question, "no_annotation")
        else:
            yield place, question, found[1]
    for annotation in (*waiting.values(), *coming):
        yield _rejected(*annotation, "no_question")


def most_given(answers: Sequence[str]) -> str | None:
    """The answer that most people gave; of several, the one that comes first in the list.

    Answers of blanks only do not count; None if there is no other.
    """
    counted = Counter(answer for answer in answers if answer.strip())
    return max(counted, key=lambda answer: counted[answer], default=None)


def pictures(files: Iterable[tuple[Raw, str, str]]) -> Iterator[Row]:
    """Rows of `images` for the pictures of COCO that files of questions ask about, each once.

    Args:
        files: a file, the member of it that lists questions, and the folder of COCO's pictures that
            these ask about.
    """
    listed: set[int] = set()
    for raw, member, folder in files:
        for place, question in raw.records(Question, member=member, under="questions"):
            if question.image_id not in listed:
                listed.add(question.image_id)
                yield place, coco_pictures.image(question.image_id, folder)


def _rejected(place: Place, record: Question | Annotation, reason: str) -> Rejected:
    return Rejected(place, reason, msgspec.json.encode(record).decode())
