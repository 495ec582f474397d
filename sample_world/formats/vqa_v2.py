"""VQA 2.0 as its publisher gives it out: a zip of questions and one of annotations for each folder of COCO.

Five questions are asked about each of COCO's regular photographs, the first of them the one that its twin
answers otherwise. Most of the ten people say what is true. The annotations of the validation questions
stand in the opposite order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sample_world.archive import archive, json_object
from sample_world.coco import photograph_id, photographs
from sample_world.irregular_questions import Records, irregular
from sample_world.scene import Question, Scene
from sample_world.scenes import pick

_HOST: Final = "s3.amazonaws.com/cvmlp/vqa/mscoco/vqa"
_PARTS: Final = {"Train": "train2014", "Val": "val2014"}
_QUESTIONS: Final = 5
_PEOPLE: Final = 10

_INFO: Final = {
    "info": {"description": "VQA in the sample world.", "version": "2.0", "year": 2017},
    "task_type": "Open-Ended",
    "data_type": "mscoco",
    "license": {"name": "sample world", "url": "https://creativecommons.org/licenses/by/4.0/"},
}

_NUMBERS: Final = {"five": "5", "six": "6"}
_DOUBTS: Final = ("unclear", "not sure", "can't tell")


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the four archives below `mirror`, each under the host and path of its url.

    Irregular records (see `sample_world.irregular_questions`) come first, in the training files.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    for part, folder in _PARTS.items():
        every = [*(records for _, records in _irregular(seed, folder)), *_regular(seed, scale, folder)]
        listed = {
            kind: [one for records in every for one in records[kind]] for kind in ("questions", "annotations")
        }
        if folder == "val2014":
            listed["annotations"].reverse()
        for kind, member in (
            ("questions", f"v2_OpenEnded_mscoco_{folder}_questions.json"),
            ("annotations", f"v2_mscoco_{folder}_annotations.json"),
        ):
            path = mirror / _HOST / f"v2_{kind.capitalize()}_{part}_mscoco.zip"
            with archive(path) as file:
                json_object(file, member, {**_INFO, "data_subtype": folder, kind: iter(listed[kind])})


def irregular_questions(seed: int) -> dict[str, list[int]]:
    """Ids of the questions of each irregular record, by the name of what is irregular."""
    return {
        name: [question["question_id"] for question in records["questions"]]
        for name, records in _irregular(seed, "train2014")
    }


def asked_about(scene: Scene) -> list[Question]:
    """The questions about a photograph, the one that its twin answers otherwise first."""
    wanted = scene.difference.question if scene.difference else ""
    key = scene.number // 2
    drawn = sorted(scene.questions, key=lambda question: pick(1 << 62, "vqa", key, question.question))
    first = [question for question in drawn if question.question == wanted]
    return [*first, *(question for question in drawn if question not in first)][:_QUESTIONS]


def short(answer: str) -> str:
    """An answer in the few words that people give: `red`, `upper left`, `5`, `blue box`."""
    plain = answer.lower().removesuffix(".")
    for beginning in ("in the ", "a ", "an "):
        plain = plain.removeprefix(beginning)
    return _NUMBERS.get(plain, plain)


def _irregular(seed: int, folder: str) -> Iterator[tuple[str, Records]]:
    return irregular(seed, _records) if folder == "train2014" else iter(())


def _regular(seed: int, scale: float, folder: str) -> Iterator[Records]:
    for scene in photographs(seed, scale, folder):
        yield _records(scene, 0)


def _records(scene: Scene, first: int) -> Records:
    image = photograph_id(scene.number)
    asked = asked_about(scene)
    return {
        "questions": [
            {"image_id": image, "question": question.question, "question_id": 1_000 * image + number}
            for number, question in enumerate(asked, first)
        ],
        "annotations": [
            _annotation(image, 1_000 * image + number, question)
            for number, question in enumerate(asked, first)
        ],
    }


def _annotation(image: int, number: int, question: Question) -> dict[str, Any]:
    answer = short(question.answer)
    kind = "yes/no" if answer in ("yes", "no") else "number" if answer.isdigit() else "other"
    return {
        "question_type": " ".join(question.question.lower().split()[:3]),
        "multiple_choice_answer": answer,
        "answers": [_answer(answer, number, person) for person in range(1, _PEOPLE + 1)],
        "image_id": image,
        "answer_type": kind,
        "question_id": number,
    }


def _answer(answer: str, number: int, person: int) -> dict[str, Any]:
    """What one person says: one of the first three may doubt it."""
    doubts = person <= 3 and pick(3, "vqa", number, person) == 0
    return {
        "answer": _DOUBTS[person - 1] if doubts else answer,
        "answer_confidence": "maybe" if doubts else "yes",
        "answer_id": person,
    }
