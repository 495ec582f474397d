"""GQA as its publisher gives it out: one zip of JSON objects, with one question under each key.

The zip holds balanced questions for training and validation, and those of the part `testdev`, whose pictures
are not Visual Genome's and which nobody reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from sample_world.archive import archive, deflate
from sample_world.genome import GQA, image_id, scenes_for_irregular, shown_by
from sample_world.irregular_gqa import QUESTIONS
from sample_world.scene import COLOURS, PLACES, Scene, Thing
from sample_world.scenes import pick
from sample_world.telling import colour_question, touch_question

_ZIP: Final = "downloads.cs.stanford.edu/nlp/data/gqa/questions1.2.zip"

Pair = tuple[str, dict[str, Any]]
"""A key, and the question under it."""


class Composed(NamedTuple):
    """A question with its only answer, a word or two or three, and how it is composed."""

    question: str
    answer: str
    full_answer: str
    structural: str
    semantic: str


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the file below `mirror`, under the host and path of its url.

    Irregular questions (see `sample_world.irregular_gqa`) come first in the training part.

    Raises:
        OSError: the folder cannot be written. The file is then as it was, or whole.
    """
    shown = list(regular(seed, scale))
    parts = {
        part: [pair for of, scene in shown if of == part for pair in _pairs(scene)]
        for part in ("train", "val")
    }
    parts["train"][:0] = [pair for pairs in irregular(seed, scale).values() for pair in pairs]
    parts["testdev"] = [(key, {**asked, "imageId": "n1"}) for key, asked in parts["val"][:3]]
    with archive(mirror / _ZIP) as file:
        for part, pairs in parts.items():
            deflate(file, f"{part}_balanced_questions.json", _object(pairs))


def regular(seed: int, scale: float) -> Iterator[tuple[str, Scene]]:
    """The scenes of the regular pictures, each with its part: train or val."""
    return shown_by(GQA, seed, scale)


def irregular(seed: int, scale: float) -> dict[str, list[Pair]]:
    """The irregular questions, by the name of what is irregular, in file order."""
    spare = scenes_for_irregular(seed, scale, len(QUESTIONS))
    found = {}
    for (name, spoil), scene in zip(QUESTIONS.items(), spare, strict=True):
        pairs = list(_pairs(scene))[:2]
        spoil(pairs)
        found[name] = pairs
    return found


def _object(pairs: Iterable[Pair]) -> bytes:
    """The text of one JSON object. A key may come twice in it."""
    fields = (f"{json.dumps(key)}: {json.dumps(asked)}" for key, asked in pairs)
    return ("{" + ", ".join(fields) + "}").encode()


def _pairs(scene: Scene) -> Iterator[Pair]:
    image = image_id(scene.number)
    for position, composed in enumerate(questions(scene)):
        key = f"{image:07}{position:02}"
        yield (
            key,
            {
                "semantic": [
                    {"operation": "select", "dependencies": [], "argument": "thing (0)"},
                    {"operation": composed.structural, "dependencies": [0], "argument": "name "},
                ],
                "entailed": [],
                "equivalent": [key],
                "question": composed.question,
                "imageId": str(image),
                "isBalanced": True,
                "groups": {"global": None if position % 2 else "thing", "local": f"{position:02}-thing"},
                "answer": composed.answer,
                "semanticStr": f"select: thing (0)->{composed.structural}: name  [0]",
                "annotations": {"answer": {}, "question": {"2": "0"}, "fullAnswer": {}},
                "types": {
                    "detailed": f"{composed.semantic}{composed.structural.capitalize()}",
                    "semantic": composed.semantic,
                    "structural": composed.structural,
                },
                "fullAnswer": composed.full_answer,
            },
        )


def questions(scene: Scene) -> Iterator[Composed]:
    """Ten to thirteen questions of all five structures, the first about what differs from the twin."""
    difference = scene.difference
    if difference is not None and difference.kind != "relation":
        yield _choose(scene.things[difference.thing], difference.kind, difference.there)
    for upper, lower in _stacks(scene):
        touches = upper.box[3] == lower.box[1]
        full = f"The {upper.name} {'touches' if touches else 'does not touch'} the {lower.name}."
        yield _yes_or_no(touch_question(upper, lower), touches, full, "verify", "rel")
    for index, thing in enumerate(scene.things[:2]):
        question = colour_question(thing)
        yield Composed(question, thing.colour, f"It is {thing.colour}.", "query", "attr")
        place = f"the {thing.place}"
        question = f"In which part of the picture is the {thing.name}?"
        yield Composed(question, thing.place, f"The {thing.name} is in {place}.", "query", "rel")
        if difference is None or index != difference.thing:
            other = PLACES[(PLACES.index(thing.place) + 1 + index) % len(PLACES)]
            yield _choose(thing, "place", other)
    first, second, last = scene.things[0], scene.things[1], scene.things[-1]
    absent = _absent(scene, last)
    both = f"There are both {_a(first.name)} and {_a(second.name)}."
    question = f"Are there both {_a(first.name)} and {_a(second.name)}?"
    yield _yes_or_no(question, True, both, "logical", "obj")
    question = f"Are there both {_a(absent)} and {_a(first.name)}?"
    yield _yes_or_no(question, False, f"There is no {absent}.", "logical", "obj")
    same = second.colour == last.colour
    full = f"Their colours are {'the same' if same else 'different'}."
    question = f"Do the {second.name} and the {last.name} have the same colour?"
    yield _yes_or_no(question, same, full, "compare", "attr")


def _choose(thing: Thing, kind: str, other: str) -> Composed:
    """Asks whether a thing has its own colour or place, or another."""
    own = thing.colour if kind == "colour" else thing.place
    one, another = sorted((own, other))
    if kind == "colour":
        question = f"Is the {thing.category} in the {thing.place} {one} or {another}?"
        return Composed(question, own, f"The {thing.category} is {own}.", "choose", "attr")
    question = f"Is the {thing.name} in the {one} or in the {another}?"
    return Composed(question, own, f"The {thing.name} is in the {own}.", "choose", "rel")


def _yes_or_no(question: str, holds: bool, full: str, structural: str, semantic: str) -> Composed:
    answer = "yes" if holds else "no"
    return Composed(
        question, answer, f"{answer.capitalize()}, {full[0].lower()}{full[1:]}", structural, semantic
    )


def _stacks(scene: Scene) -> Iterator[tuple[Thing, Thing]]:
    """Things that have another below them, each with that other."""
    by_place = {thing.place: thing for thing in scene.things}
    for place, thing in by_place.items():
        below = by_place.get(place.replace("upper", "lower"))
        if below is not None and below is not thing:
            yield thing, below


def _absent(scene: Scene, thing: Thing) -> str:
    """What the thing would be called in a colour that nothing of its category has."""
    taken = {"white", *(other.colour for other in scene.things if other.category == thing.category)}
    free = [colour for colour in COLOURS if colour not in taken]
    return f"{free[pick(len(free), 'gqa', scene.number // 2)]} {thing.category}"


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
