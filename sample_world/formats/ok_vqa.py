"""OK-VQA as its publisher gives it out: a zip of questions and one of annotations for each folder of COCO.

Three questions are asked about each of COCO's regular photographs, and their answers have to be known
(see `sample_world.knowledge`). Of twins that differ in a colour, the first has two answers. Layouts are
those of version 1.1, and of 1.0, in which an `answer` is the stem of what people wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from sample_world.archive import archive, json_object
from sample_world.coco import photograph_id, photographs
from sample_world.irregular_questions import Records, irregular
from sample_world.knowledge import CATEGORIES, COLOURS
from sample_world.scene import Question, Scene
from sample_world.scenes import pick

Version = Literal["1.1", "1.0"]

_HOST: Final = "okvqa.allenai.org/static/data"
_FOLDERS: Final = ("train2014", "val2014")
_PEOPLE: Final = 10

KINDS: Final = {"one": "Stones", "two": "Activities", "three": "Places"}
"""What the questions about a photograph ask for, in order, by the publisher's codes."""


def write(mirror: Path, seed: int, scale: float, version: Version = "1.1") -> None:
    """Writes the four archives below `mirror`, each under the host and path of its url.

    Irregular records (see `sample_world.irregular_questions`) come first, in the training files.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    about = {"info": {"version": version, "year": 2019}, "task_type": "Open-Ended", "data_type": "mscoco"}
    for folder in _FOLDERS:
        every = list(_all(seed, scale, folder))
        for kind, name, more in (
            ("questions", f"OpenEnded_mscoco_{folder}_questions.json", {}),
            ("annotations", f"mscoco_{folder}_annotations.json", {"question_types": KINDS}),
        ):
            listed = (_in_layout(version, one) for records in every for one in records[kind])
            with archive(mirror / _HOST / f"{name}.zip") as file:
                json_object(file, name, {**about, **more, "data_subtype": folder, kind: listed})


def irregular_questions(seed: int) -> dict[str, list[int]]:
    """Ids of the questions of each irregular record, by the name of what is irregular."""
    return {
        name: [question["question_id"] for question in records["questions"]]
        for name, records in irregular(seed, _records)
    }


def asked_about(scene: Scene) -> list[Question]:
    """A question of each kind about a photograph, which twins are asked alike."""
    first = scene.difference.thing if scene.difference else 0
    order = [(first + further) % len(scene.things) for further in range(3)]
    coloured, used, found = (scene.things[index] for index in order)
    return [
        Question(
            f"Which stone has the colour of the {coloured.category} in the {coloured.place}?",
            COLOURS[coloured.colour].stone,
            (order[0],),
        ),
        Question(
            f"What is the {used.colour} thing in the {used.place} good for?",
            CATEGORIES[used.category].activity,
            (order[1],),
        ),
        Question(
            f"Where does one usually find a thing like the {found.category} in the {found.place}?",
            CATEGORIES[found.category].place,
            (order[2],),
        ),
    ]


def _all(seed: int, scale: float, folder: str) -> Iterator[Records]:
    if folder == "train2014":
        for _, records in irregular(seed, _records):
            yield records
    for scene in photographs(seed, scale, folder):
        yield _records(scene, 0)


def _records(scene: Scene, first: int) -> Records:
    image = photograph_id(scene.number)
    asked = asked_about(scene)
    return {
        "questions": [
            {"image_id": image, "question": question.question, "question_id": 10 * image + number}
            for number, question in enumerate(asked, first)
        ],
        "annotations": [
            {
                "image_id": image,
                "answer_type": "other",
                "question_type": kind,
                "question_id": 10 * image + number,
                "answers": [_answer(question, image, person) for person in range(1, _PEOPLE + 1)],
                "confidence": 3,
            }
            for number, (question, kind) in enumerate(zip(asked, KINDS, strict=True), first)
        ],
    }


def _answer(question: Question, image: int, person: int) -> dict[str, Any]:
    """What one person says: one of the first three may say that he does not know."""
    answer = question.answer if person > 3 or pick(3, "ok_vqa", image, person) else "no idea"
    return {"answer_id": person, "raw_answer": answer, "answer_confidence": "yes", "answer": answer}


def _in_layout(version: Version, record: dict[str, Any]) -> dict[str, Any]:
    """A record in the layout of a version: 1.0 cuts answers to their stems."""
    if version == "1.1" or not record.get("answers"):
        return record
    cut = [{**given, "answer": given["answer"].removesuffix("ing")} for given in record["answers"]]
    return {**record, "answers": cut}
