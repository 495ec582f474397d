"""Copies of a photograph are found, whatever was done to them; other pictures are not."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sample_world.copies import COPIES
from sample_world.draw import draw, encoded
from sample_world.scenes import scenes
from shards.look import MOST_BITS, MOST_DIFFERENCE, Look
from shards.pictures import inspect


def looked(data: bytes) -> Look:
    found = inspect(data).look
    assert found is not None
    return found


def distance(one: Look, other: Look) -> tuple[int, int]:
    """Bits of the hash, and the largest difference of the small copies."""
    small = (np.frombuffer(look.small, np.uint8).astype(int) for look in (one, other))
    return (one.hash ^ other.hash).bit_count(), int(np.abs(np.subtract(*small)).max())


def same(one: Look, other: Look) -> bool:
    bits, difference = distance(one, other)
    return bits <= MOST_BITS and difference <= MOST_DIFFERENCE


def saved(picture: Image.Image, kind: str = "JPEG", quality: int = 90) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def copies(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    """What publishers make of a photograph."""
    for quality in (50, 75, 95):
        yield f"quality {quality}", saved(picture, quality=quality)
    for kind in ("PNG", "WEBP", "GIF"):
        yield kind, saved(picture, kind)
    for factor in (0.4, 0.5, 0.78125, 1.28, 2):
        size = (round(picture.width * factor), round(picture.height * factor))
        for way in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
            yield f"{factor} times, {way.name}", saved(picture.resize(size, way), quality=75)


@pytest.fixture(scope="module")
def photographs(real: Path) -> list[Path]:
    found = [*real.glob("coco/images/*.jpg"), *real.glob("visual_genome/images/*.jpg")]
    found += real.glob("textvqa/images/*/*.jpg")
    assert len(found) > 50
    return sorted(found)


def test_copies_of_photographs_look_the_same(photographs: list[Path]) -> None:
    for path in photographs[::21]:
        with Image.open(path) as stored:
            picture = stored.convert("RGB")
        original = looked(path.read_bytes())
        lost = {how: distance(original, looked(data)) for how, data in copies(picture)}
        assert {how: far for how, far in lost.items() if far[0] > MOST_BITS or far[1] > MOST_DIFFERENCE} == {}


def test_no_two_photographs_look_the_same(photographs: list[Path]) -> None:
    looks = [looked(path.read_bytes()) for path in photographs]
    assert min(distance(*pair)[1] for pair in combinations(looks, 2)) > 2 * MOST_DIFFERENCE
    assert min(distance(*pair)[0] for pair in combinations(looks, 2)) >= 2 * MOST_BITS


def test_drawings_look_the_same_only_if_they_are(real: Path) -> None:
    """NLVR shows one row in six orders of its boxes."""
    files = {path: path.read_bytes() for path in sorted(real.glob("nlvr/**/*.png"))}
    looks = {path: looked(data) for path, data in files.items()}
    assert len(files) > 100
    # A drawing two of whose boxes are alike is drawn twice alike, in files of other bytes.
    pixels = {path: Image.open(path).convert("RGB").tobytes() for path in files}
    for one, other in combinations(files, 2):
        assert same(looks[one], looks[other]) == (pixels[one] == pixels[other])


def test_twins_do_not_look_the_same() -> None:
    looks = [looked(encoded(draw(scene))) for scene in scenes(0, 1.0)]
    assert not [pair for pair in combinations(looks, 2) if same(*pair)]


@pytest.mark.parametrize("how", COPIES)
def test_copies_of_scenes_look_the_same(how: str) -> None:
    for scene in list(scenes(0, 0.3)):
        picture = draw(scene)
        assert same(looked(encoded(picture)), looked(COPIES[how](picture, "JPEG")))


def test_plain_pictures_have_no_look() -> None:
    generator = np.random.default_rng(0)
    nearly_white = generator.integers(235, 256, (300, 400, 3)).astype(np.uint8)
    for picture in (Image.new("RGB", (64, 48), "red"), Image.new("L", (9, 9)), Image.fromarray(nearly_white)):
        found = inspect(saved(picture, "PNG"))
        assert (found.problem, found.look) == (None, None)


def test_a_turned_picture_looks_as_it_is_shown() -> None:
    picture = draw(next(iter(scenes(0, 0.1))))
    for orientation, method in ((6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        buffer = BytesIO()
        picture.transpose(method).save(buffer, "JPEG", quality=90, exif=exif)
        shown = inspect(buffer.getvalue(), orient=True).look
        stored = inspect(buffer.getvalue()).look
        assert shown is not None and stored is not None
        assert same(shown, looked(encoded(picture)))
        assert not same(stored, looked(encoded(picture)))
