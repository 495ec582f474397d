"""VQA 2.0: questions about pictures of COCO, ten people's answers to each.

Read are the training and the validation questions; the answers to others are not public. A file of
questions and a file of annotations belong together and are joined by `question_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from schemas.source import Licence, Pin, RemoteFile, Source
from transforms import vqa_files
from transforms.raw import Raw, Record, Rejected, Row
from transforms.vqa_files import Annotation, Question

_HOST: Final = "https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa"
_WITNESS: Final = "published by third-party loaders of the dataset"
_FOLDERS: Final = ("train2014", "val2014")
_QUESTIONS: Final = {folder: f"v2_OpenEnded_mscoco_{folder}_questions.json" for folder in _FOLDERS}
_ANNOTATIONS: Final = {folder: f"v2_mscoco_{folder}_annotations.json" for folder in _FOLDERS}


def _file(name: str, member: str, sha256: str) -> RemoteFile:
    return RemoteFile(urls=(f"{_HOST}/{name}",), pin=Pin(sha256=sha256, witness=_WITNESS), members=(member,))


SOURCE: Final = Source(
    title="VQA 2.0",
    homepage="https://visualqa.org/download.html",
    licence=Licence(
        name="CC BY 4.0 (pictures: Flickr terms of use)",
        url="https://creativecommons.org/licenses/by/4.0/",
    ),
    citation="""\
@inproceedings{goyal2017making,
  title = {Making the {V} in {VQA} Matter: Elevating the Role of Image Understanding in Visual Question
           Answering},
  author = {Goyal, Yash and Khot, Tejas and Summers-Stay, Douglas and Batra, Dhruv and Parikh, Devi},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages = {6904--6913},
  year = {2017}
}""",
    files={
        "train_questions": _file(
            "v2_Questions_Train_mscoco.zip",
            _QUESTIONS["train2014"],
            "05a64b6e2582d06d7585f5429674a9a33851878be1bff9f8668cdcf792df611e",
        ),
        "train_annotations": _file(
            "v2_Annotations_Train_mscoco.zip",
            _ANNOTATIONS["train2014"],
            "fb101bcefe91422c543c2bb6d70af11eb3119d0ff745ae283d09acdf66250853",
        ),
        "val_questions": _file(
            "v2_Questions_Val_mscoco.zip",
            _QUESTIONS["val2014"],
            "e71f6c5c3e97a51d050f28243e262b28cd0c48d11a6b4632d769d30d3f93222a",
        ),
        "val_annotations": _file(
            "v2_Annotations_Val_mscoco.zip",
            _ANNOTATIONS["val2014"],
            "0caae7c8d1dafd852727f5ac046bc1efca9b72026bd6ffa34fc489f3a7b3291e",
        ),
    },
    borrows={"train2014": "mscoco.train2014", "val2014": "mscoco.val2014"},
    redistribution="allowed",
    accepts={"questions/train": 443_757, "questions/validation": 214_354},
)


class _Answer(Record):
    answer: str


class _Annotation(Annotation):
    answers: list[_Answer]
    multiple_choice_answer: str = ""
    answer_type: str | None = None


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
    """The questions.

    The answer is the publisher's `multiple_choice_answer`, which is one that most people gave; where
    that is missing, it is the first of those in the list. The kind is the publisher's kind of answer:
    `yes/no`, `number` or `other`. His `question_type` is how the question begins, and is not kept.
    """
    for asked, answered, folder in (
        (train_questions, train_annotations, "train2014"),
        (val_questions, val_annotations, "val2014"),
    ):
        yield from vqa_files.rows(
            asked.records(Question, member=_QUESTIONS[folder], under="questions"),
            answered.records(_Annotation, member=_ANNOTATIONS[folder], under="annotations"),
            _told,
        )


def _told(annotation: _Annotation) -> dict[str, Any]:
    answers = [given.answer for given in annotation.answers]
    return {
        "answer": annotation.multiple_choice_answer.strip() or vqa_files.most_given(answers),
        "answers": answers,
        "kind": annotation.answer_type,
    }
