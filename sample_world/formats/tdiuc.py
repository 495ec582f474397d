"""TDIUC as its publisher gives it out: one zip with a file of questions and one of annotations for each part.

Questions (see `sample_world.tasking`) are asked about all of COCO's regular photographs, and about some
pictures that only Visual Genome has, whose numbers are 90,000,000 higher here than there. The annotations
of the validation part stand in the opposite order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sample_world.archive import archive, json_object
from sample_world.coco import photograph_id, photographs, spare_photographs
from sample_world.genome import image_id
from sample_world.irregular_questions import Records, irregular
from sample_world.scene import Scene
from sample_world.scenes import coco_id, scenes
from sample_world.tasking import tasks

_PATH: Final = "kushalkafle.com/data/TDIUC.zip"
_PARTS: Final = ("train2014", "val2014")
_IMPORTED: Final = 90_000_000
_GENERATED: Final = ("object_presence", "counting", "positional_reasoning", "color", "absurd")
_UNKNOWN: Final = 80_000_000
"""A number that no picture has."""

_OTHER_NAME: Final = 10
_MOST_QUESTIONS: Final = 30
"""Of one picture."""


def write(mirror: Path, seed: int, scale: float, folder: str = "TDIUC/") -> None:
    """Writes the archive below `mirror`, under the host and path of its url.

    Irregular records (see `sample_world.irregular_questions` and `other_numbers`) come first, in the
    training part.

    Args:
        folder: what everything in the archive lies in.

    Raises:
        OSError: the folder cannot be written. The file is then as it was, or whole.
    """
    with archive(mirror / _PATH) as file:
        for part in _PARTS:
            every = [*_irregular(seed, part), *_regular(seed, scale, part)]
            for kind, name in (
                ("questions", f"Questions/OpenEnded_mscoco_{part}_questions.json"),
                ("annotations", f"Annotations/mscoco_{part}_annotations.json"),
            ):
                listed = [one for records in every for one in records[kind]]
                if kind == "annotations" and part == "val2014":
                    listed.reverse()
                json_object(file, folder + name, {"info": {"version": "1.0"}, kind: iter(listed)})


def irregular_questions(seed: int) -> dict[str, list[int]]:
    """Ids of the questions of each irregular record, by the name of what is irregular."""
    found = (*irregular(seed, _of_coco), *other_numbers(seed))
    return {name: [question["question_id"] for question in records["questions"]] for name, records in found}


def other_numbers(seed: int) -> Iterator[tuple[str, Records]]:
    """Questions about pictures that are hard to find, by the name of what is irregular.

    unknown_number      about a picture that is in no list
    other_name          about one that COCO lists under the name of another division
    plain_number        imported, about a picture that has its number in Visual Genome
    plain_generated     generated from COCO's records, and yet about such a picture
    """
    # The place in COCO's own irregular photographs, see `sample_world.irregular_coco`.
    (other_name,) = spare_photographs(seed, _OTHER_NAME, 1)
    scene = next(scenes(seed, 0))
    number = image_id(scene.number)
    for name, asked, image, first, source in (
        ("unknown_number", scene, _UNKNOWN, 0, "generation"),
        ("other_name", other_name, photograph_id(other_name.number), 0, "generation"),
        ("plain_number", scene, number, 0, "imported_genome"),
        ("plain_generated", scene, number, _MOST_QUESTIONS, "generation"),
    ):
        yield name, _records(asked, image, first, source)


def about(seed: int, scale: float, part: str) -> Iterator[tuple[Scene, int]]:
    """The scenes of the regular pictures of a part, twin after twin, each with its number."""
    for scene in photographs(seed, scale, part):
        yield scene, photograph_id(scene.number)
    elsewhere = (scene for scene in scenes(seed, scale) if coco_id(scene.number) is None)
    for position, scene in enumerate(elsewhere):
        if position // 2 % 4 == _PARTS.index(part):
            yield scene, _IMPORTED + image_id(scene.number)


def _irregular(seed: int, part: str) -> Iterator[Records]:
    if part == "train2014":
        for _, records in (*irregular(seed, _of_coco), *other_numbers(seed)):
            yield records


def _regular(seed: int, scale: float, part: str) -> Iterator[Records]:
    for scene, number in about(seed, scale, part):
        yield _records(scene, number, 0)


def _of_coco(scene: Scene, first: int) -> Records:
    """What is asked about a photograph, without what is answered by yes, no or a number."""
    records = _records(scene, photograph_id(scene.number), first)
    kinds = [annotation["question_type"] for annotation in records["annotations"]]
    return {name: part[kinds.index("color") :] for name, part in records.items()}


def _records(scene: Scene, image: int, first: int, source: str | None = None) -> Records:
    """What is asked about a picture; the source of an answer depends on the kind of its question."""
    asked = list(enumerate(tasks(scene), _MOST_QUESTIONS * image + first))
    return {
        "questions": [
            {"image_id": image, "question": task.question, "question_id": number} for number, task in asked
        ],
        "annotations": [
            {
                "question_type": task.kind,
                "image_id": image,
                "ans_source": source or ("generation" if task.kind in _GENERATED else "imported_genome"),
                "answers": [{"answer": task.answer, "answer_confidence": "yes", "answer_id": 1}],
                "question_id": number,
            }
            for number, task in asked
        ],
    }
