"""A picture that leaves the project looks the same to every reader."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from schemas.errors import BuildError
from shards.pictures import inspect, pixels, settled


def _picture(kind: str, orientation: int | None) -> bytes:
    """Red above blue, twice as wide as high."""
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 64, 16))
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


def _both_ways(data: bytes) -> list[Image.Image]:
    """As readers see it that apply an EXIF orientation, and as others do."""
    image = Image.open(io.BytesIO(data))
    return [image.convert("RGB"), ImageOps.exif_transpose(image).convert("RGB")]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("orient", [False, True])
def test_all_readers_see_what_the_boxes_were_measured_in(kind: str, orientation: int, orient: bool) -> None:
    data = _picture(kind, orientation)
    found = inspect(data, orient)
    for seen in _both_ways(settled(data, orient)):
        assert seen.size == (found.width, found.height)
        assert np.array_equal(np.asarray(seen), pixels(data, orient))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [None, 1])
def test_any_other_picture_is_the_publishers_file(kind: str, orientation: int | None) -> None:
    data = _picture(kind, orientation)
    assert settled(data, True) is data
    assert settled(data) is data


@pytest.mark.parametrize("data", [b"Exif", b"\xff\xd8Exif" + b"\0" * 50, b"\x89PNG\r\n\x1a\neXIf"])
def test_a_broken_picture_is_told(data: bytes) -> None:
    with pytest.raises(BuildError, match="cannot be decoded"):
        settled(data)
