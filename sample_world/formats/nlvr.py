"""NLVR as its publisher gives it out: JSON Lines under the name `test.json`, and small RGBA drawings.

A drawing is a scene of its own in 400 x 100 pixels, its three columns for NLVR's three boxes, with four
sentences, two of them true. Of the six orders of the boxes only the first is drawn: the others would
show something else than the scene. Irregular as published: no line break at the end, every other
sentence without a period, one sentence with a double blank.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from PIL import Image

from sample_world.archive import write_file
from sample_world.draw import draw, encoded
from sample_world.scene import COLUMNS, PLACES, Scene, Statement, Thing
from sample_world.scenes import framed, further_scenes, scene_count

_FOLDER: Final = "raw.githubusercontent.com/lil-lab/nlvr/18924841aa96d519cfb8584f0945350f07a6d860/nlvr/test"
_SENTENCES: Final = 4
_WIDTH, _HEIGHT = 400, 100

# Pairs that no other source shows.
_FIRST_PAIR: Final = 30_000_000


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the file of sentences and each drawing below `mirror`, under the host and path of its url.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    lines = []
    for number, scene in enumerate(drawings(seed, scale)):
        shown, picture = framed(scene, _WIDTH, _HEIGHT), encoded(drawing(scene), "PNG")
        for position, statement in enumerate(sentences(scene)):
            line = _line(number, position, shown, statement)
            lines.append(line)
            folder = mirror / _FOLDER / "images" / line["directory"]
            write_file(folder / f"{name(number, position)}.png", picture)
    lines[1]["sentence"] = lines[1]["sentence"].replace(" ", "  ", 1)
    write_file(mirror / _FOLDER / "test.json", "\n".join(map(json.dumps, lines)).encode())


def drawings(seed: int, scale: float) -> Iterator[Scene]:
    """The scenes of the drawings, twin after twin."""
    return further_scenes(seed, _FIRST_PAIR, max(2, scene_count(scale) // 12))


def drawing(scene: Scene) -> Image.Image:
    """The drawing of a scene."""
    return draw(framed(scene, _WIDTH, _HEIGHT)).convert("RGBA")


def name(number: int, position: int) -> str:
    """What a drawing is called that stands beside a sentence, without its ending."""
    return f"test-{_identifier(number, position)}-0"


def _identifier(number: int, position: int) -> str:
    return f"{3 * number + 7}-{position}"


def sentences(scene: Scene) -> list[Statement]:
    """What is said of a drawing: statements on things and on how many there are."""
    return [statement for statement in scene.statements if not statement.relation][:_SENTENCES]


def _line(number: int, position: int, scene: Scene, statement: Statement) -> dict[str, Any]:
    verdict = "true" if statement.label else "false"
    columns: list[list[dict[str, Any]]] = [[] for _ in range(COLUMNS)]
    for thing in scene.things:
        columns[PLACES.index(thing.place) % COLUMNS].append(_item(thing))
    return {
        "sentence": statement.text if number % 2 else statement.text.removesuffix("."),
        "label": verdict,
        "identifier": _identifier(number, position),
        "directory": str(number // 16),
        "evals": {f"r{rater}": verdict for rater in range(5)},
        "structured_rep": columns,
    }


def _item(thing: Thing) -> dict[str, Any]:
    """A thing as NLVR describes it, in pixels of its box."""
    x0, y0, x1, _ = thing.box
    return {
        "y_loc": y0,
        "type": thing.category,
        "color": thing.colour.capitalize(),
        "x_loc": x0 % (_WIDTH // COLUMNS),
        "size": x1 - x0,
    }
