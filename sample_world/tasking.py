"""TDIUC's questions of twelve kinds about a scene, and their answers.

What is to be seen follows from the things, what is not from `sample_world.knowledge`. Twins are asked
alike about the thing in which they differ, so that one kind or another is answered otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sample_world import knowledge
from sample_world.scene import COLUMNS, PLACES, Difference, Scene, Thing
from sample_world.scenes import pick

KINDS: Final = (
    *("object_presence", "object_recognition", "color", "attribute", "counting", "positional_reasoning"),
    *("activity_recognition", "sport_recognition", "scene_recognition", "sentiment_understanding"),
    *("utility_affordance", "absurd"),
)
"""The kinds of questions."""

NUMBERS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    "twelve",
)
"""How answers say numbers."""


class Task(NamedTuple):
    """One question of a kind, with its answer."""

    kind: str
    question: str
    answer: str


def tasks(scene: Scene) -> Iterator[Task]:
    """About twenty questions about one of twins, at least one of each kind."""
    difference = scene.difference
    if difference is None:
        raise ValueError("a scene without a twin")
    one, *others = (scene.things[(difference.thing + further) % len(scene.things)] for further in range(3))
    yield from _presence(scene, one, difference)
    yield from _counting(scene, one, difference)
    yield _position(scene, one, difference)
    yield from _about_colour(one)
    for other in others:
        yield from _about_category(other)
    yield _absurd(scene)


def _about_colour(thing: Thing) -> Iterator[Task]:
    described = f"the {thing.category} in the {thing.place}"
    known = knowledge.COLOURS[thing.colour]
    yield Task("color", f"What color is {described}?", thing.colour)
    yield Task(
        "sentiment_understanding",
        f"What feeling does the color of {described} stand for?",
        known.feeling,
    )
    yield Task("sport_recognition", f"At the games, which sport has the color of {described}?", known.sport)


def _about_category(thing: Thing) -> Iterator[Task]:
    described = f"the {thing.category} in the {thing.place}"
    known = knowledge.CATEGORIES[thing.category]
    yield Task(
        "object_recognition", f"What is the {thing.colour} thing in the {thing.place}?", thing.category
    )
    yield Task("attribute", f"What shape does {described} have?", known.shape)
    yield Task("activity_recognition", f"What could one be doing with {described}?", known.activity)
    yield Task("scene_recognition", f"In what place would one expect {described}?", known.place)
    yield Task("utility_affordance", f"Which of these things is good for {known.activity}?", thing.category)


def _presence(scene: Scene, thing: Thing, difference: Difference) -> Iterator[Task]:
    """Two questions, of which one is true of a scene and the other of its twin."""
    for value in sorted((difference.here, difference.there)):
        question = {
            "colour": f"Is there a {value} {thing.category} in the picture?",
            "place": f"Is the {thing.name} in the {value}?",
            "relation": f"Is the {thing.name} {value} the {_below(scene, thing).name}?",
        }[difference.kind]
        yield Task("object_presence", question, "yes" if value == difference.here else "no")


def _counting(scene: Scene, thing: Thing, difference: Difference) -> Iterator[Task]:
    things = scene.things
    colour = min(difference.here, difference.there) if difference.kind == "colour" else thing.colour
    category = sorted(knowledge.CATEGORIES)[pick(9, "tasking", scene.number // 2)]
    dots = sum(not thing.word for thing in things)
    for question, number in (
        (
            f"How many {colour} things are there?",
            sum(other.colour == colour for other in things),
        ),
        (
            f"How many things here are a {category}?",
            sum(other.category == category for other in things),
        ),
        ("How many things and dots are there together?", len(things) + dots),
        ("How many things are there?", len(things)),
    ):
        yield Task("counting", question, NUMBERS[number])


def _position(scene: Scene, thing: Thing, difference: Difference) -> Task:
    if difference.kind == "place":
        question, answer = f"Where is the {thing.name}?", thing.place
    elif difference.kind == "relation":
        below = _below(scene, thing)
        question, answer = f"Is the {thing.name} on or above the {below.name}?", difference.here
    else:
        question, answer = f"What is in the {thing.place}?", thing.name
    return Task("positional_reasoning", question, answer)


def _absurd(scene: Scene) -> Task:
    """Asks about what is in neither of the twins."""
    there = {thing.category for thing in scene.things}
    absent = next(category for category in knowledge.CATEGORIES if category not in there)
    return Task("absurd", f"What color is the {absent}?", "doesnotapply")


def _below(scene: Scene, thing: Thing) -> Thing:
    """The thing in the cell below another's; that one itself if there is none."""
    cell = PLACES.index(thing.place) + COLUMNS
    return next((other for other in scene.things if PLACES.index(other.place) == cell), thing)
