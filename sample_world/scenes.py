"""The scenes of the sample world, made one after another at any scale.

A picture is a grid of three columns and two rows with at most one thing in a cell. Chance is md5 of
the seed and of what is drawn, so the same seed gives the same scenes on any machine.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from sample_world import telling
from sample_world.scene import COLOURS, COLUMNS, PLACES, Difference, Scene, Thing, scaled

CATEGORIES: Final = ("ball", "box", "tent", "gem", "drum", "cross", "house", "cup")
"""What a thing may be, beside a sign."""

WORDS: Final = (
    *("OPEN", "STOP", "EXIT", "SALE", "TAXI", "CAFE", "BANK", "FOOD", "FISH", "MILK", "ROAD", "PARK"),
    *("SHOP", "BOOK", "WALK", "WAIT", "PULL", "PUSH", "GATE", "HALL", "NEWS", "MENU", "TEXT", "ZOOM"),
    *("KEEP", "LEFT", "DOWN", "SLOW", "FAST", "GAME", "FIRE", "SNOW", "WIND", "RAIN", "MOON", "STAR"),
)
"""What may be printed on a sign."""

_PAIRS_AT_SCALE_1 = 48
_KINDS: Final[tuple[Literal["colour", "place", "relation"], ...]] = ("colour", "place", "relation")


def scene_count(scale: float) -> int:
    """How many scenes `scenes` gives: 96 at scale 1, always even, at least 2."""
    return 2 * max(1, round(_PAIRS_AT_SCALE_1 * scale))


def scenes(seed: int, scale: float) -> Iterator[Scene]:
    """The regular scenes, twin after twin."""
    yield from further_scenes(seed, 0, scene_count(scale) // 2)


def further_scenes(seed: int, first: int, pairs: int) -> Iterator[Scene]:
    """Twin after twin from pair `first` on. High pairs are scenes of their own, beside the regular ones."""
    for pair in range(first, first + pairs):
        yield from _twins(seed, pair)


def spare_scenes(seed: int, scale: float) -> Iterator[Scene]:
    """Endless further scenes without twins, for what is irregular in a source's files; the numbers go on."""
    for number in itertools.count(scene_count(scale)):
        scene, _ = _twins(seed, number)
        yield replace(scene, number=number, difference=None)


def framed(scene: Scene, width: int, height: int) -> Scene:
    """The same scene in a picture of another size, without descriptions. What touches still touches."""
    factors = (width / scene.width, height / scene.height)
    things = tuple(thing._replace(box=scaled(thing.box, factors)) for thing in scene.things)
    return replace(scene, width=width, height=height, things=things, descriptions=())


def coco_id(number: int) -> int | None:
    """The id in COCO of the photograph of a regular scene; None: it is not there. Twins are there both."""
    return 5 * number + 1 if pick(2, "coco", number // 2) == 0 else None


def flickr_id(number: int) -> int:
    """The id on Flickr of the photograph of a scene that is in COCO."""
    return 2_000_000_000 + 7 * number


def pick(count: int, *names: object) -> int:
    """A number below `count`, drawn by what it is for."""
    name = "|".join(str(part) for part in names)
    digest = hashlib.md5(name.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") % count


class _Grid(NamedTuple):
    """Where things of a pair may be. Sizes are in pixels, `key` is what its draws are named by."""

    key: tuple[int, int]
    cell_width: int
    cell_height: int

    def box(self, name: object, size: tuple[int, int], cell: int) -> tuple[int, int, int, int]:
        """Anywhere in the cell, three pixels from its border."""
        x = cell % COLUMNS * self.cell_width + 3 + pick(self.cell_width - size[0] - 5, *self.key, name, "x")
        y = (
            cell // COLUMNS * self.cell_height
            + 3
            + pick(self.cell_height - size[1] - 5, *self.key, name, "y")
        )
        return x, y, x + size[0], y + size[1]

    def stacked_box(self, size: tuple[int, int], cell: int) -> tuple[int, int, int, int]:
        """In the middle of the column, touching the border of the two rows."""
        x = cell % COLUMNS * self.cell_width + (self.cell_width - size[0]) // 2
        y = self.cell_height if cell >= COLUMNS else self.cell_height - size[1]
        return x, y, x + size[0], y + size[1]


def _twins(seed: int, pair: int) -> tuple[Scene, Scene]:
    """Both scenes of a pair: the second is the first with one fact changed."""
    kind = _KINDS[pair % len(_KINDS)]
    grid = _Grid(
        (seed, pair), 80 + 2 * pick(27, seed, pair, "width"), 90 + 2 * pick(31, seed, pair, "height")
    )
    cells = sorted(range(len(PLACES)), key=lambda cell: pick(1 << 62, seed, pair, "cell", cell))
    empty = cells.pop()
    if kind != "place" and pick(3, seed, pair, "full"):
        cells.append(empty)
    # Two full columns at least: one may hold a stack, in which the upper thing stands on the lower one.
    column = next(cell for cell in cells if cell < COLUMNS and cell + COLUMNS in cells)
    stack = column if kind == "relation" or pick(2, seed, pair, "stack") else None
    things: list[Thing] = []
    for cell in cells:
        things.append(_thing(grid, things, cell, stacked=cell % COLUMNS == stack))

    # A move out of a stack would change a relation as well as a place.
    movable = [index for index, cell in enumerate(cells) if cell % COLUMNS != stack]
    changed = {
        "colour": pick(len(things), seed, pair, "changed"),
        "place": movable[pick(len(movable), seed, pair, "changed")],
        "relation": cells.index(column),
    }[kind]
    old = things[changed]
    x0, y0, x1, y1 = old.box
    if kind == "colour":
        new = old._replace(colour=_free_colour((seed, pair, "new"), things, old.category))
        here, there, question = old.colour, new.colour, telling.colour_question(old)
    elif kind == "place":
        new = old._replace(box=grid.box("new", (x1 - x0, y1 - y0), empty), place=PLACES[empty])
        here, there, question = old.place, new.place, telling.place_question(old)
    else:
        lower = things[cells.index(column + COLUMNS)]
        new = old._replace(box=(x0, 3, x1, 3 + y1 - y0))
        here, there, question = "on", "above", telling.touch_question(old, lower)
    first = _scene(2 * pair, grid, things)
    second = _scene(2 * pair + 1, grid, [*things[:changed], new, *things[changed + 1 :]])
    return (
        _flipped(first, Difference(kind, changed, here, there, question)),
        _flipped(second, Difference(kind, changed, there, here, question)),
    )


def _flipped(scene: Scene, difference: Difference) -> Scene:
    """The scene as one of twins."""
    flipped = telling.flipped_statements(scene.things, difference)
    return replace(scene, difference=difference, statements=(*flipped, *scene.statements))


def _thing(grid: _Grid, earlier: Sequence[Thing], cell: int, *, stacked: bool) -> Thing:
    """The thing of a cell. The first thing of every other pair is a sign."""
    key = (*grid.key, cell)
    sign = not earlier and pick(2, *key, "sign") == 0
    category = "sign" if sign else CATEGORIES[pick(len(CATEGORIES), *key, "category")]
    # At least 55 % of the cell, so that things in a row are side by side, and not one above the other.
    wide, high = 85 if sign else 55 + pick(31, *key, "wide"), 55 + pick(31, *key, "high")
    size = grid.cell_width * wide // 100, grid.cell_height * high // 100
    return Thing(
        category,
        _free_colour(key, earlier, category),
        grid.stacked_box(size, cell) if stacked else grid.box(cell, size, cell),
        PLACES[cell],
        WORDS[pick(len(WORDS), *key, "word")] if sign else "",
    )


def _free_colour(key: tuple[object, ...], things: Sequence[Thing], category: str) -> str:
    """A colour that no thing of the category has. White is for parts."""
    taken = {"white", *(thing.colour for thing in things if thing.category == category)}
    free = [colour for colour in COLOURS if colour not in taken]
    return free[pick(len(free), *key, "colour")]


def _scene(number: int, grid: _Grid, things: Sequence[Thing]) -> Scene:
    """The scene with all that is said of its things."""
    width, height = COLUMNS * grid.cell_width, 2 * grid.cell_height
    red, green, blue = (222 + pick(16, *grid.key, "background", part) for part in range(3))
    captions = tuple(telling.captions(things))
    return Scene(
        number=number,
        width=width,
        height=height,
        background=(red, green, blue),
        things=tuple(things),
        caption=captions[0],
        captions=captions,
        descriptions=tuple(telling.descriptions(things, width, height)),
        relations=tuple(telling.relations(things)),
        questions=tuple(telling.questions(things)),
        statements=tuple(telling.statements(things)),
    )
