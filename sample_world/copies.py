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

_THIN: Final = 120
"""Pixels of a side below which a picture that is made much smaller looks like another one."""


def reencoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    """The file that somebody makes who saves a downloaded picture again."""
    buffer = BytesIO()
    with Image.open(BytesIO(encoded(picture, kind))) as saved:
        saved.convert("RGB").save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def resized(picture: Image.Image, kind: str = "JPEG") -> bytes:
    """A smaller copy: 0.6 times as wide and as high, or 0.8 times if it is thin."""
    fifths = 4 if min(picture.size) < _THIN else 3
    return encoded(picture.resize((picture.width * fifths // 5, picture.height * fifths // 5)), kind)


def converted(picture: Image.Image, kind: str = "JPEG") -> bytes:
    """A copy in another format."""
    return encoded(picture, "PNG") if kind == "JPEG" else encoded(picture.convert("RGB"), "JPEG")


COPIES: Final[dict[str, Callable[[Image.Image, str], bytes]]] = {
    "same_bytes": encoded,
    "reencoded": reencoded,
    "resized": resized,
    "converted": converted,
}
"""Makes a copy of a picture that the publisher gives out as a file of a kind, `JPEG` or `PNG`."""
