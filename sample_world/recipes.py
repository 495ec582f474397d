"""Setting out the things of a scene step by step, in an order that the name of the method says.

After each step a picture shows what has been put there so far. So who sees the picture and knows the method
knows the step before, this one and the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from PIL import Image

from sample_world.draw import draw
from sample_world.scene import COLUMNS, PLACES, Scene, Thing

DIRECTIONS: Final = ("left", "right")


class Step(NamedTuple):
    """One step: what is to be done, and which things have been put there after it, as indexes."""

    text: str
    there: tuple[int, ...]


class Method(NamedTuple):
    """A way of setting out a scene, with its steps."""

    name: str
    steps: tuple[Step, ...]


def thing_by_thing(scene: Scene, first: str) -> Method:
    """Five or six steps, one for each thing: the upper row, then the lower one.

    Args:
        first: the side where each row begins, of `DIRECTIONS`.
    """
    ordered = sorted(range(len(scene.things)), key=lambda index: _cell(scene.things[index], first))
    return Method(
        f"Row by row, from the {first}", tuple(_steps(scene.things, [(index,) for index in ordered]))
    )


def column_by_column(scene: Scene, first: str) -> Method:
    """Three steps, one for each column."""
    return Method(f"Column by column, from the {first}", tuple(_steps(scene.things, _columns(scene, first))))


def row_at_once(scene: Scene) -> Method:
    """Two steps: the upper row, and the lower one."""
    rows = [
        tuple(index for index, thing in enumerate(scene.things) if thing.place.startswith(row))
        for row in ("upper", "lower")
    ]
    return Method("A row at a time", tuple(_steps(scene.things, rows)))


def picture(scene: Scene, step: Step) -> Image.Image:
    """What is to be seen after a step."""
    return draw(replace(scene, things=tuple(scene.things[index] for index in step.there)))


def _columns(scene: Scene, first: str) -> list[tuple[int, ...]]:
    columns = range(COLUMNS) if first == "left" else reversed(range(COLUMNS))
    return [
        tuple(index for index, thing in enumerate(scene.things) if _column(thing) == column)
        for column in columns
    ]


def _steps(things: Sequence[Thing], parts: Sequence[tuple[int, ...]]) -> Iterator[Step]:
    """A step for each part of the things, after all parts before it."""
    there: list[int] = []
    for part in parts:
        there += part
        put = " and ".join(_put(things[index]) for index in part)
        yield Step(" ".join([f"Put {put}.", *_touching(things, part, there)]), tuple(sorted(there)))


def _put(thing: Thing) -> str:
    article = "an" if thing.colour[0] in "aeiou" else "a"
    return f"{article} {thing.name} in the {thing.place}"


def _touching(things: Sequence[Thing], part: Sequence[int], there: Sequence[int]) -> Iterator[str]:
    """How the things of a part stand to what is there above or below them."""
    cells = {PLACES.index(things[index].place): index for index in there}
    for cell, upper in sorted(cells.items()):
        lower = cells.get(cell + COLUMNS)
        if lower is not None and not {upper, lower}.isdisjoint(part):
            verb = "touches" if things[upper].box[3] == things[lower].box[1] else "does not touch"
            yield f"The {things[upper].name} {verb} the {things[lower].name}."


def _cell(thing: Thing, first: str) -> tuple[int, int]:
    """Place of a thing in the order of rows."""
    column = _column(thing)
    return PLACES.index(thing.place) // COLUMNS, column if first == "left" else -column


def _column(thing: Thing) -> int:
    return PLACES.index(thing.place) % COLUMNS
