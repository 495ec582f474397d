"""VAW as its publisher gives it out: four JSON arrays in a repository, one thing each.

A thing has its colour, and is dotted, or lettered if it is a sign. It lacks the other of the two patterns,
and colours that neither it nor its dot has, first among them the one that its twin has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sample_world.archive import write_file
from sample_world.genome import VAW, image_id, scenes_for_irregular, shown_by
from sample_world.irregular_vaw import THINGS
from sample_world.scene import COLOURS, Scene, Thing
from sample_world.scenes import pick

_FOLDER: Final = (
    "raw.githubusercontent.com/adobe-research/vaw_dataset/3a4ebffc5e8194d19a77f51d846c2cd47c477d13/data"
)

_LACKED: Final = 5
"""Colours that are listed as lacking."""


def write(mirror: Path, seed: int, scale: float) -> None:
    """Writes the files below `mirror`, each under the host and path of its url.

    Irregular things (see `sample_world.irregular_vaw`) come first in the first training part.

    Raises:
        OSError: the folder cannot be written. Each file is then as it was, or whole.
    """
    parts: dict[str, list[dict[str, Any]]] = {part: [] for part in sorted(set(VAW.values()))}
    parts["train_part1"] += [thing for things in irregular(seed, scale).values() for thing in things]
    for part, scene in regular(seed, scale):
        parts[part] += _things(scene)
    for part, things in parts.items():
        write_file(mirror / _FOLDER / f"{part}.json", json.dumps(things).encode())


def regular(seed: int, scale: float) -> Iterator[tuple[str, Scene]]:
    """The scenes of the regular pictures, each with its part."""
    return shown_by(VAW, seed, scale)


def irregular(seed: int, scale: float) -> dict[str, list[dict[str, Any]]]:
    """The irregular things, two each, by the name of what is irregular, in file order."""
    found = {}
    spare = scenes_for_irregular(seed, scale, len(THINGS))
    for (name, spoil), scene in zip(THINGS.items(), spare, strict=True):
        things = list(_things(scene))[:2]
        spoil(things, scene)
        found[name] = things
    return found


def _things(scene: Scene) -> Iterator[dict[str, Any]]:
    image = image_id(scene.number)
    for index, thing in enumerate(scene.things):
        x0, y0, x1, y1 = (float(side) for side in thing.box)
        outline = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
        has, lacks = attributes(scene, index)
        yield {
            "image_id": str(image),
            "instance_id": f"{image}{index:03}",
            "instance_bbox": [x0, y0, x1 - x0, y1 - y0],
            "instance_polygon": [outline] if index % 2 else None,
            "object_name": thing.category,
            "positive_attributes": has,
            "negative_attributes": lacks,
        }


def attributes(scene: Scene, index: int) -> tuple[list[str], list[str]]:
    """What a thing has, and what it lacks."""
    thing, difference = scene.things[index], scene.difference
    patterns = ["lettered", "dotted"] if thing.word else ["dotted", "lettered"]
    others = _other_colours(scene, thing)
    if difference is not None and difference.thing == index:
        others.sort(key=lambda colour: colour != difference.there)
    return [thing.colour, patterns[0]], [*others[:_LACKED], patterns[1]]


def _other_colours(scene: Scene, thing: Thing) -> list[str]:
    """Colours that neither the thing nor what is painted on it has, in a drawn order."""
    own = (thing.colour, thing.part_colour, "black" if thing.word else "")
    colours = [colour for colour in COLOURS if colour not in own]
    return sorted(colours, key=lambda colour: pick(1 << 62, "vaw", scene.number // 2, thing.place, colour))
