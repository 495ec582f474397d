"""OK-VQA: questions about pictures of COCO whose answers one has to know, with ten people's answers.

A file of questions and a file of annotations belong together and are joined by `question_id`. In version
1.0 of the files each `answer` is cut to its stem, which `raw_answer` is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from schemas.source import Licence, RemoteFile, Source
from transforms import vqa_files
from transforms.raw import Raw, Record, Rejected, Row
from transforms.vqa_files import Annotation, Question

_HOST: Final = "https://okvqa.allenai.org/static/data"
_FOLDERS: Final = ("train2014", "val2014")
_QUESTIONS: Final = {folder: f"OpenEnded_mscoco_{folder}_questions.json" for folder in _FOLDERS}
_ANNOTATIONS: Final = {folder: f"mscoco_{folder}_annotations.json" for folder in _FOLDERS}


def _file(member: str) -> RemoteFile:
    return RemoteFile(urls=(f"{_HOST}/{member}.zip",), about_bytes=3_000_000, members=(member,))


SOURCE: Final = Source(
    title="OK-VQA",
    homepage="https://okvqa.allenai.org/download.html",
    licence=Licence(
        name="CC BY 4.0 (pictures: Flickr terms of use)",
        url="https://creativecommons.org/licenses/by/4.0/",
    ),
    citation="""\
@inproceedings{marino2019ok,
  title = {{OK-VQA}: A Visual Question Answering Benchmark Requiring External Knowledge},
  author = {Marino, Kenneth and Rastegari, Mohammad and Farhadi, Ali and Mottaghi, Roozbeh},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages = {3195--3204},
  year = {2019}
}""",
    files={
        "train_questions": _file(_QUESTIONS["train2014"]),
        "train_annotations": _file(_ANNOTATIONS["train2014"]),
        "val_questions": _file(_QUESTIONS["val2014"]),
        "val_annotations": _file(_ANNOTATIONS["val2014"]),
    },
    borrows={"train2014": "mscoco.train2014", "val2014": "mscoco.val2014"},
    redistribution="allowed",
    accepts={"questions/train": 9_009, "questions/validation": 5_046},
)


class _Answer(Record):
    answer: str
    raw_answer: str


class _Annotation(Annotation):
    answers: list[_Answer]
    question_type: str | None = None


class _Kinds(Record):
    question_types: dict[str, str] = msgspec.field(default_factory=dict)


def images(train_questions: Raw, val_questions: Raw) -> Iterator[Row]:
    """The pictures that are asked about, each where a question first names it; sizes are not published."""
    return vqa_files.pictures(
        (
            (train_questions, _QUESTIONS["train2014"], "train2014"),
            (val_questions, _QUESTIONS["val2014"], "val2014"),
        )
    )


def questions(
    train_questions: Raw, train_annotations: Raw, val_questions: Raw, val_annotations: Raw
) -> Iterator[Row | Rejected]:
    """The questions. What everybody answered is kept as they wrote it.

    One row in: answers `pony tails`, `pony tail`, `ponytails`, of which the first two are normalised to
    `pony tail`. One row out: answer `pony tails`, what the larger group wrote first. The kind is the
    category of knowledge that the question asks for, as `question_types` names it.
    """
    for asked, answered, folder in (
        (train_questions, train_annotations, "train2014"),
        (val_questions, val_annotations, "val2014"),
    ):
        kinds = answered.document(_Kinds, member=_ANNOTATIONS[folder]).question_types
        yield from vqa_files.rows(
            asked.records(Question, member=_QUESTIONS[folder], under="questions"),
            answered.records(_Annotation, member=_ANNOTATIONS[folder], under="annotations"),
            partial(_told, kinds),
        )


def _told(kinds: dict[str, str], annotation: _Annotation) -> dict[str, Any]:
    code = annotation.question_type
    return {
        "answer": _answer(annotation.answers),
        "answers": [given.raw_answer for given in annotation.answers],
        "kind": None if code is None else kinds.get(code, code),
    }


def _answer(answers: Sequence[_Answer]) -> str | None:
    """The answer that most people gave, as most of them wrote it.

    `answer` brings together what people spelt differently, but in version 1.0 it is cut to its stem
    ("race" for "racing"), so that it says who agrees and `raw_answer` says on what.
    """
    agreed = vqa_files.most_given([given.answer for given in answers])
    return vqa_files.most_given([given.raw_answer for given in answers if given.answer == agreed])
