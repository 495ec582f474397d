"""TDIUC: questions of twelve kinds about pictures of COCO and of Visual Genome, each with its one answer.

A file of questions and a file of annotations are joined by `question_id`. Questions of the kind `absurd`
ask about what is not there; their answer is `doesnotapply`.

A picture is named by a number. The numbers of COCO and of Visual Genome overlap, so that it takes their
lists to tell which picture is meant:

    a number in COCO's list is COCO's, wherever the annotation says that the question was taken from;
    90,000,000 more than a number in Visual Genome's list is Visual Genome's (as in the README of TallyQA,
        with which TDIUC shares authors: there `VG_100K_2/2410408.jpg` is 92410408);
    a number in Visual Genome's list alone is Visual Genome's, if the annotation's `ans_source` says so.

Any other is an unknown picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec

from schemas.source import Licence, RemoteFile, Source
from transforms import coco_pictures, visual_genome_pictures, vqa_files
from transforms.raw import Raw, Record, Rejected, Row
from transforms.vqa_files import Annotation, Question

_FOLDERS: Final = ("train2014", "val2014")
_NESTED: Final = "TDIUC/"
"""The folder that everything lies in, in the archive as published."""

_QUESTIONS: Final = {folder: f"Questions/OpenEnded_mscoco_{folder}_questions.json" for folder in _FOLDERS}
_ANNOTATIONS: Final = {folder: f"Annotations/mscoco_{folder}_annotations.json" for folder in _FOLDERS}

_FROM_VISUAL_GENOME: Final = 90_000_000
"""What is added to a picture's number in Visual Genome."""

SOURCE: Final = Source(
    title="Task Directed Image Understanding Challenge",
    homepage="https://kushalkafle.com/projects/tdiuc",
    licence=Licence(
        name="stated in the archive only (pictures: Flickr terms of use)",
        url="https://kushalkafle.com/projects/tdiuc",
    ),
    citation="""\
@inproceedings{kafle2017analysis,
  title = {An Analysis of Visual Question Answering Algorithms},
  author = {Kafle, Kushal and Kanan, Christopher},
  booktitle = {IEEE International Conference on Computer Vision},
  year = {2017}
}""",
    files={
        "archive": RemoteFile(
            urls=("https://kushalkafle.com/data/TDIUC.zip",),
            about_bytes=70_000_000,
            members=tuple(f"{_NESTED}{member}" for member in (*_QUESTIONS.values(), *_ANNOTATIONS.values())),
        )
    },
    borrows={
        "mscoco_annotations": "mscoco.annotations",
        "train2014": "mscoco.train2014",
        "val2014": "mscoco.val2014",
        **visual_genome_pictures.BORROWED,
    },
    accepts={"questions": 1_654_167, "questions.kind": 12},
)


class _Answer(Record):
    answer: str


class _Annotation(Annotation):
    answers: list[_Answer]
    question_type: str
    ans_source: str | None = None


class _Pictures:
    """The pictures of COCO and of Visual Genome, by number."""

    def __init__(self, mscoco_annotations: Raw, image_data: Raw) -> None:
        self._coco = coco_pictures.listed(mscoco_annotations)
        listed = image_data.records(visual_genome_pictures.Listed, member=visual_genome_pictures.MEMBER)
        shown = ((str(picture.image_id), visual_genome_pictures.shown(picture)) for _, picture in listed)
        self._visual_genome = {number: columns for number, columns in shown if columns is not None}

    def of(self, annotation: _Annotation) -> dict[str, Any] | None:
        """Columns of `images` for the picture that an annotation is about; None if it is in neither list."""
        if found := self._coco.get(annotation.image_id):
            return found
        number = annotation.image_id - _FROM_VISUAL_GENOME
        imported = (annotation.ans_source or "").lower()
        if str(number) not in self._visual_genome and ("genome" in imported or "vg" in imported):
            number = annotation.image_id
        columns = self._visual_genome.get(str(number))
        if columns is None:
            return None
        return {**columns, "archive": visual_genome_pictures.BORROWED[columns["archive"]]}


def images(archive: Raw, mscoco_annotations: Raw, image_data: Raw) -> Iterator[Row | Rejected]:
    """The pictures, each where an annotation first names it.

    Their split is TDIUC's own: validation, if any question of its validation part is about them.
    """
    pictures = _Pictures(mscoco_annotations, image_data)
    validated = {
        annotation.image_id
        for _, annotation in archive.records(
            _Annotation, member=_member(archive, _ANNOTATIONS["val2014"]), under="annotations"
        )
    }
    named: set[int | str] = set()
    for folder in _FOLDERS:
        member = _member(archive, _ANNOTATIONS[folder])
        for place, annotation in archive.records(_Annotation, member=member, under="annotations"):
            columns = pictures.of(annotation)
            name = annotation.image_id if columns is None else columns["image_id"]
            if name in named:
                continue
            named.add(name)
            if columns is None:
                yield Rejected(place, "unknown_picture", msgspec.json.encode(annotation).decode())
                continue
            split = "validation" if annotation.image_id in validated else "train"
            yield place, {**columns, "published_split": split}


def questions(archive: Raw, mscoco_annotations: Raw, image_data: Raw) -> Iterator[Row | Rejected]:
    """The questions; their kind is one of twelve, such as `color`."""
    told = partial(_told, _Pictures(mscoco_annotations, image_data))
    for folder in _FOLDERS:
        yield from vqa_files.rows(
            archive.records(Question, member=_member(archive, _QUESTIONS[folder]), under="questions"),
            archive.records(_Annotation, member=_member(archive, _ANNOTATIONS[folder]), under="annotations"),
            told,
        )


def _told(pictures: _Pictures, annotation: _Annotation) -> dict[str, Any]:
    columns = pictures.of(annotation)
    return {
        "image_id": None if columns is None else columns["image_id"],
        "answer": vqa_files.most_given([given.answer for given in annotation.answers]),
        "kind": annotation.question_type,
    }


def _member(archive: Raw, name: str) -> str:
    """A member of the archive as published, or of one whose files lie at the top."""
    nested = f"{_NESTED}{name}"
    return nested if archive.has(nested) or not archive.has(name) else name
