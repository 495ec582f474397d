"""Copies of one photograph, as different publishers hold it under different names and without a common id.

A picture that is trained on in one source and evaluated on in another can only be found out by its bytes or
by what it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Final

from PIL import Image

from sample_world.draw import encoded
from sample_world.scene import Scene
from sample_world.scenes import further_scenes

EVALUATED_PAIR: Final = 120_000_000
"""First pair of the photographs of Flickr30k that are evaluated on."""


def evaluated_twins(seed: int) -> tuple[Scene, Scene]:
    """Two scenes whose photographs Flickr30k has, and a source to train on may hold copies of."""
    scene, twin = further_scenes(seed, EVALUATED_PAIR, 1)
    return scene, twin


def reencoded(picture: Image.Image) -> bytes:
    """The file that somebody makes who saves a downloaded picture again."""
    buffer = BytesIO()
    with Image.open(BytesIO(encoded(picture))) as saved:
        saved.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def resized(picture: Image.Image) -> bytes:
    """A smaller copy: 0.6 times as wide and as high."""
    return encoded(picture.resize((picture.width * 3 // 5, picture.height * 3 // 5)))


def converted(picture: Image.Image) -> bytes:
    """A copy in another format."""
    return encoded(picture, "PNG")


COPIES: Final[dict[str, Callable[[Image.Image], bytes]]] = {
    "same_bytes": encoded,
    "reencoded": reencoded,
    "resized": resized,
    "converted": converted,
}
"""Makes a copy of the picture that `sample_world.draw.encoded` is the original file of."""
