"""Visual7W as its publisher gives it out: two zips of one JSON object each, about Visual Genome's pictures.

Telling questions are answered in words, pointing questions by a box; each has three wrong answers, one of
which is right for the twin where the question is about what differs. Boxes stand in a list of their own;
those of every other picture do not say which picture they are in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sample_world.archive import archive, json_object
from sample_world.genome import VISUAL7W, image_id, scenes_for_irregular, shown_by
from sample_world.irregular_visual7w import RECORDS, Records
from sample_world.scene import COLOURS, COLUMNS, PLACES, Scene, Thing
from sample_world.scenes import WORDS, pick
from sample_world.telling import colour_question, place_question

_PLACE: Final = "ai.stanford.edu/~yukez/papers/resources"

_NUMBERS: Final = ("Three", "Four", "Five", "Six", "Seven", "Eight")


class Asked(NamedTuple):
    """A telling question: its only true answer, and answers of the same kind that are false."""

    question: str
    answer: str
    wrong: Sequence[str]
    kind: str


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes both files below `mirror`, under the host and path of their urls.

    Irregular pictures (see `sample_world.irregular_visual7w`) come first, then the regular ones.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    every = [*_irregular(seed, scale), *(_records(scene, part) for part, scene in regular(seed, scale))]
    for name in ("telling", "pointing"):
        member = f"dataset_v7w_{name}"
        held: dict[str, Any] = {"dataset": f"visual7w-{name}"}
        if name == "pointing":
            held["boxes"] = [box for records in every for box in records["boxes"]]
        held["images"] = [records[name] for records in every]
        with archive(mirror / _PLACE / f"{member}.zip") as file:
            json_object(file, f"{member}.json", held)


def regular(seed: int, scale: float) -> Iterator[tuple[str, Scene]]:
    """The scenes of the regular pictures, each with its part: train, val or test."""
    return shown_by(VISUAL7W, seed, scale)


def irregular_pictures(seed: int, scale: float) -> dict[str, int]:
    """Image id of each irregular picture, by the name of what is irregular, in file order."""
    spare = scenes_for_irregular(seed, scale, len(RECORDS))
    return {name: image_id(scene.number) for name, scene in zip(RECORDS, spare, strict=True)}


def _irregular(seed: int, scale: float) -> Iterator[Records]:
    spare = scenes_for_irregular(seed, scale, len(RECORDS))
    for spoil, scene in zip(RECORDS.values(), spare, strict=True):
        records = _records(scene, "train")
        spoil(records)
        yield records


def _records(scene: Scene, part: str) -> Records:
    """What the two files say of a picture: its entry in each, and the boxes that its questions name."""
    image = image_id(scene.number)
    first = 100 * image
    listed = {"image_id": image, "split": part, "filename": f"v7w_{image}.jpg"}
    told = [
        {
            "qa_id": first + position,
            "image_id": image,
            "question": asked.question,
            "answer": asked.answer,
            "multiple_choices": list(asked.wrong),
            "type": asked.kind,
        }
        for position, asked in enumerate(told_of(scene))
    ]
    pointed: list[dict[str, Any]] = [
        {
            "qa_id": first + 50 + position,
            "image_id": image,
            "question": question,
            "answer": first + answer,
            "multiple_choices": [first + other for other in others],
            "type": "which",
        }
        for position, (question, answer, others) in enumerate(pointed_at(scene))
    ]
    named = {box for asked in pointed for box in (asked["answer"], *asked["multiple_choices"])}
    boxes = [
        _box(first + index, thing, image if scene.number // 2 % 2 else None)
        for index, thing in enumerate(scene.things)
        if first + index in named
    ]
    return {
        "telling": {**listed, "qa_pairs": told},
        "pointing": {**listed, "qa_pairs": pointed},
        "boxes": boxes,
    }


def _box(number: int, thing: Thing, image: int | None) -> dict[str, Any]:
    x0, y0, x1, y1 = thing.box
    box = {"box_id": number, "name": thing.category, "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}
    return box if image is None else {**box, "image_id": image}


def told_of(scene: Scene) -> Iterator[Asked]:
    """Seven to nine telling questions, the first about what differs from the twin."""
    difference = scene.difference
    if difference is not None and difference.kind != "relation":
        thing = scene.things[difference.thing]
        one = _colour(scene, thing) if difference.kind == "colour" else _place(scene, thing)
        others = [answer for answer in one.wrong if difference.there not in answer.lower()]
        yield one._replace(wrong=(_said(difference.kind, difference.there), *others[:2]))
    for upper, lower in _stacks(scene.things):
        yield _standing(upper, lower)
    number = len(scene.things) - 3
    wrong = [*_NUMBERS[:number], *_NUMBERS[number + 1 :]]
    yield Asked(
        "How many things are there?", f"{_NUMBERS[number]}.", [f"{one}." for one in wrong[1:4]], "how"
    )
    for index, thing in enumerate(scene.things):
        if difference is None or index != difference.thing:
            yield (_colour, _place, _content)[index % 3](scene, thing)
        if thing.word:
            wrong = [f"{word}." for word in _some([w for w in WORDS if w != thing.word], scene, thing)]
            yield Asked("What is written on the sign?", f"{thing.word}.", wrong, "what")


def _colour(scene: Scene, thing: Thing) -> Asked:
    colours = [one for one in COLOURS if one not in ("white", "black", thing.colour)]
    wrong = [_said("colour", one) for one in _some(colours, scene, thing)]
    return Asked(colour_question(thing), _said("colour", thing.colour), wrong, "what")


def _place(scene: Scene, thing: Thing) -> Asked:
    wrong = [_said("place", one) for one in _some([p for p in PLACES if p != thing.place], scene, thing)]
    return Asked(place_question(thing), _said("place", thing.place), wrong, "where")


def _content(scene: Scene, thing: Thing) -> Asked:
    others = _some([other.name for other in scene.things if other is not thing], scene, thing)
    wrong = [f"The {other}." for other in others]
    return Asked(f"What is in the {thing.place}?", f"The {thing.name}.", wrong, "what")


def _standing(upper: Thing, lower: Thing) -> Asked:
    touches = upper.box[3] == lower.box[1]
    answers = ["It stands on it.", "It is above it, apart from it."]
    right = answers.pop(0 if touches else 1)
    question = f"How does the {upper.name} stand to the {lower.name}?"
    return Asked(question, right, [*answers, "It is below it.", "It is left of it."], "how")


def _said(kind: str, value: str) -> str:
    """A colour or a place as an answer."""
    return f"{value.capitalize()}." if kind == "colour" else f"In the {value}."


def _some(pool: Sequence[str], scene: Scene, thing: Thing) -> list[str]:
    """Three of the pool, the same for twins."""
    drawn = sorted(
        pool, key=lambda one: (pick(1 << 62, "visual7w", scene.number // 2, thing.place, one), one)
    )
    return drawn[:3]


def pointed_at(scene: Scene) -> Iterator[tuple[str, int, list[int]]]:
    """Three pointing questions: what is asked, which thing it is, and three others."""
    difference = scene.difference
    changed = 0 if difference is None else difference.thing
    indexes = [(changed + step) % len(scene.things) for step in range(3)]
    for step, index in enumerate(indexes):
        thing = scene.things[index]
        question = (
            f"Which thing is the {thing.name}?",
            f"Which thing is in the {thing.place}?",
            f"Which {thing.category} is {thing.colour}?",
        )[step]
        others = [(index + other) % len(scene.things) for other in (1, 2, 3)]
        yield question, index, others


def _stacks(things: Sequence[Thing]) -> Iterator[tuple[Thing, Thing]]:
    """The things of the upper row that have another below them, each with that other."""
    by_cell = {PLACES.index(thing.place): thing for thing in things}
    for cell in range(COLUMNS):
        if cell in by_cell and cell + COLUMNS in by_cell:
            yield by_cell[cell], by_cell[cell + COLUMNS]
