"""What is irregular in VAW's things: of each kind two things of one picture, the second as it should be.

beyond            its box leaves the picture by a sixth of a pixel
numbers           its ids are numbers, as the README says that they are
blanks            its name and what it has, with blanks around
both              it has what it also lacks
no_attributes     it has nothing and lacks nothing
no_width          its box has no width
empty_name        its name is empty
short_box         its box has three numbers
repeated_id       it has the id of the other
not_in_visual_genome  its picture is one that Visual Genome does not list
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_world.scene import Scene

Things = list[dict[str, Any]]
"""Two things of one picture."""


def _beyond(things: Things, scene: Scene) -> None:
    things[0].update(
        instance_bbox=[0.0, 0.0, scene.width + 1 / 6, scene.height],
        instance_polygon=None,
        object_name="background",
        positive_attributes=["light"],
        negative_attributes=["dark", "red", "blue", "lettered"],
    )


def _numbers(things: Things, _: Scene) -> None:
    for key in ("image_id", "instance_id"):
        things[0][key] = int(things[0][key])


def _blanks(things: Things, _: Scene) -> None:
    things[0]["object_name"] = f" {things[0]['object_name']}"
    things[0]["positive_attributes"][0] += " "


def _both(things: Things, _: Scene) -> None:
    things[0]["negative_attributes"].insert(1, things[0]["positive_attributes"][0])


def _no_attributes(things: Things, _: Scene) -> None:
    things[0]["positive_attributes"] = things[0]["negative_attributes"] = []


def _no_width(things: Things, _: Scene) -> None:
    things[0]["instance_bbox"][2] = 0.0


def _empty_name(things: Things, _: Scene) -> None:
    things[0]["object_name"] = ""


def _short_box(things: Things, _: Scene) -> None:
    things[0]["instance_bbox"].pop()


def _repeated_id(things: Things, _: Scene) -> None:
    things[0]["instance_id"] = things[1]["instance_id"]


def _not_in_visual_genome(things: Things, _: Scene) -> None:
    things[0]["image_id"] = "999999999"


THINGS: Final[dict[str, Callable[[Things, Scene], None]]] = {
    "beyond": _beyond,
    "numbers": _numbers,
    "blanks": _blanks,
    "both": _both,
    "no_attributes": _no_attributes,
    "no_width": _no_width,
    "empty_name": _empty_name,
    "short_box": _short_box,
    "repeated_id": _repeated_id,
    "not_in_visual_genome": _not_in_visual_genome,
}
"""Changes the first of the things, in place."""
