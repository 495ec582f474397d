"""Pictures as OFA reads them: the quick way against Pillow's, odd files, and decoding ahead."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ofa.pictures import DecodedAhead, square
from schemas.errors import BuildError
from shards.pictures import open_rgb, pixels
from tests.ofa.made_collection import encoded, photograph

LEAST_DECIBELS = 70


def decibels(one: Tensor, other: Tensor) -> float:
    """Signal-to-noise ratio of two pictures of levels."""
    error = float((one.double() - other.double()).square().mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("side", [256, 384, 480])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 333), (1024, 768), (300, 200)])
def test_the_quick_way_is_nearly_pillows(size: tuple[int, int], side: int) -> None:
    data = encoded(photograph(*size, seed=1), "JPEG")
    quick, exact = square(data, side), square(data, side, parity=True)
    assert quick.shape == exact.shape == (side, side, 3) and quick.dtype == exact.dtype == torch.uint8
    assert decibels(quick, exact) >= LEAST_DECIBELS


def test_the_quick_way_is_nearly_pillows_on_real_photographs(real: Path) -> None:
    paths = sorted((real / "coco").rglob("*.jpg"))[:24]
    shapes = []
    for path in paths:
        quick, exact = (square(path.read_bytes(), 384, parity) for parity in (False, True))
        assert decibels(quick, exact) >= LEAST_DECIBELS, path
        shapes.append(open_rgb(path.read_bytes()).size)
    assert any(height > width for width, height in shapes) and any(height < width for width, height in shapes)


def test_parity_is_what_ofa_does() -> None:
    """`resize((side, side), BICUBIC)` of Pillow; since its version 13, only of pictures that lie flat."""
    image = Image.open(io.BytesIO(encoded(photograph(640, 480, seed=2), "JPEG"))).convert("RGB")
    expected = np.asarray(image.resize((384, 384), Image.Resampling.BICUBIC))
    data = encoded(photograph(640, 480, seed=2), "JPEG")
    assert (square(data, 384, parity=True).numpy() == expected).all()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "PNG"), ("LA", "PNG"), ("P", "GIF"), ("RGB", "WEBP")],
)
def test_odd_files_go_through_pillow(mode: str, kind: str) -> None:
    data = encoded(photograph(160, 120, seed=3, mode=mode), kind)
    assert (pixels(data) == np.asarray(open_rgb(data))).all()
    assert decibels(square(data, 64), square(data, 64, parity=True)) >= 60


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (3, 2), (2_000, 20)])
def test_odd_shapes(size: tuple[int, int]) -> None:
    data = encoded(Image.new("RGB", size, (200, 30, 90)), "PNG")
    for parity in (False, True):
        levels = square(data, 48, parity)
        assert levels.shape == (48, 48, 3)
        assert levels.int().flatten(0, 1).amin(0).tolist() == [200, 30, 90]
        assert levels.int().flatten(0, 1).amax(0).tolist() == [200, 30, 90]


@pytest.mark.parametrize("parity", [False, True])
@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0" + bytes(500), b"<svg/>"])
def test_what_is_no_picture_is_an_error(data: bytes, parity: bool) -> None:
    with pytest.raises(BuildError, match="cannot be decoded"):
        square(data, 32, parity)


def test_pictures_are_decoded_once_while_they_are_kept() -> None:
    decoded: Counter[int] = Counter()

    def decode(number: int) -> Tensor:
        decoded[number] += 1
        return torch.tensor(number)

    with DecodedAhead(decode, threads=2) as pictures:
        pictures.ask([1, 2, 1], [0, 5, 3])
        pictures.ask([2], [4])
        assert [int(pictures.get(number)) for number in (1, 2, 1)] == [1, 2, 1]
        assert pictures.unfinished == 0
        pictures.forget(4)
        pictures.ask([1, 2], [9, 9])
        assert int(pictures.get(2)) == 2 and int(pictures.get(1)) == 1
    assert decoded == {1: 2, 2: 1}


def test_a_picture_that_cannot_be_decoded_is_told_to_who_waits() -> None:
    def decode(number: int) -> Tensor:
        if number:
            raise BuildError("no picture")
        return torch.zeros(1)

    with DecodedAhead(decode, threads=1) as pictures:
        pictures.ask([0, 1], [0, 0])
        assert pictures.get(0).eq(0).all()
        with pytest.raises(BuildError, match="no picture"):
            pictures.get(1)
