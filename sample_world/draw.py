"""Pictures of scenes, in flat colours without smoothing, so that what is said of a box is seen there."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw

from sample_world.lettering import paint_word
from sample_world.scene import COLOURS, Scene, Thing

_OUTLINES: Final = {
    "box": ((0, 0), (1, 0), (1, 1), (0, 1)),
    "sign": ((0, 0), (1, 0), (1, 1), (0, 1)),
    "tent": ((0.25, 0), (0.75, 0), (1, 1), (0, 1)),
    "cup": ((0, 0), (1, 0), (0.75, 1), (0.25, 1)),
    "gem": ((0.25, 0), (0.75, 0), (1, 0.5), (0.75, 1), (0.25, 1), (0, 0.5)),
    "house": ((0.5, 0), (1, 0.4), (1, 1), (0, 1), (0, 0.4)),
    "cross": (
        *((0.25, 0), (0.75, 0), (0.75, 0.25), (1, 0.25), (1, 0.75), (0.75, 0.75)),
        *((0.75, 1), (0.25, 1), (0.25, 0.75), (0, 0.75), (0, 0.25), (0.25, 0.25)),
    ),
}
"""Corners as shares of the box. Every outline fills over two thirds of its box."""


def draw(scene: Scene) -> Image.Image:
    """The picture of a scene, RGB, of its width and height."""
    picture = Image.new("RGB", (scene.width, scene.height), scene.background)
    pen = ImageDraw.Draw(picture)
    for thing in scene.things:
        _draw_thing(pen, thing)
    return picture


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    """The bytes of a picture file, without a date or a comment."""
    buffer = BytesIO()
    picture.save(buffer, kind, quality=90)
    return buffer.getvalue()


def _draw_thing(pen: ImageDraw.ImageDraw, thing: Thing) -> None:
    # Pillow includes the last pixel; our boxes end before it.
    x0, y0, x1, y1 = thing.box[0], thing.box[1], thing.box[2] - 1, thing.box[3] - 1
    colour = COLOURS[thing.colour]
    if thing.category == "ball":
        pen.ellipse((x0, y0, x1, y1), colour)
    elif thing.category == "drum":
        pen.rounded_rectangle((x0, y0, x1, y1), min(x1 - x0, y1 - y0) // 4, colour)
    else:
        corners = [(x0 + x * (x1 - x0), y0 + y * (y1 - y0)) for x, y in _OUTLINES[thing.category]]
        pen.polygon([(round(x), round(y)) for x, y in corners], colour)
    left, top, right, bottom = thing.part_box
    painted = (left, top, right - 1, bottom - 1)
    if not thing.word:
        pen.ellipse(painted, COLOURS[thing.part_colour])
        return
    pen.rectangle(painted, COLOURS[thing.part_colour])
    paint_word(pen, thing)
