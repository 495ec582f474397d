"""Memes lie as a person would unpack them, and whether their words are true is to be seen under them."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from sample_world.captioning import captioned
from sample_world.draw import draw
from sample_world.formats.hateful_memes import irregular, regular, write

SCALE = 0.5


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    mirror = tmp_path_factory.mktemp("mirror")
    write(mirror, seed, SCALE)
    return mirror / "by-hand" / "hateful_memes"


@pytest.fixture(scope="module")
def lines(folder: Path, seed: int) -> list[dict[str, Any]]:
    """The lines of the regular memes."""
    text = (folder / "test_unseen.jsonl").read_text()
    assert '"img\\/09980.png"' in text
    return [json.loads(line) for line in text.splitlines()[len(irregular(seed)) :]]


def test_the_layout_is_the_published_one(folder: Path, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert {key: type(value) for key, value in line.items()} == {
            "id": int,
            "img": str,
            "label": int,
            "text": str,
        }
        assert line["img"] == f"img/{line['id']:05}.png"
    assert len(str(lines[0]["id"])) == 4
    with ZipFile(folder / "img.zip") as archive:
        held = archive.namelist()
    assert {line["img"] for line in lines} <= set(held)
    assert all(name.startswith("img/") for name in held)


def test_a_meme_is_labelled_where_its_words_are_not_true(lines: list[dict[str, Any]], seed: int) -> None:
    for line, meme in zip(lines, regular(seed, SCALE), strict=True):
        true = {one.text.lower().removesuffix("."): one.label for one in meme.scene.statements}
        assert (line["text"], line["label"]) == (meme.words, int(not true[meme.words]))


def test_neither_words_nor_pictures_tell_the_label_alone(lines: list[dict[str, Any]], seed: int) -> None:
    memes = list(regular(seed, SCALE))
    assert len(lines) == 4 * len({meme.scene.number // 2 for meme in memes})
    for key in (
        lambda meme: meme.scene.number,
        lambda meme: (meme.words, meme.scene.number // 2),
    ):
        found = Counter((key(meme), meme.untrue) for meme in memes)
        assert set(found.values()) == {1}
        assert all((name, not untrue) in found for name, untrue in found)


def test_the_words_stand_on_the_picture(folder: Path, seed: int) -> None:
    with ZipFile(folder / "img.zip") as archive:
        for meme in regular(seed, SCALE):
            data = archive.read(f"img/{meme.number:05}.png")
            shown = np.asarray(Image.open(BytesIO(data)))
            scene = np.asarray(draw(meme.scene))
            band = (shown.shape[0] - scene.shape[0]) // 2
            assert (shown[band:-band] == scene).all()
            for line in (shown[:band], shown[-band:]):
                bright = line.max(axis=-1) > 128
                assert bright.sum() > 50
                # No letter is cut off.
                assert not bright[:, [0, 1, -2, -1]].any() and not bright[[0, -1]].any()
            assert (shown == np.asarray(captioned(draw(meme.scene), meme.words))).all()
            assert (shown[:band] != np.asarray(captioned(draw(meme.scene), "a cup"))[:band]).any()


def test_irregular_pictures(folder: Path, seed: int) -> None:
    known = {name: f"img/{meme.number:05}.png" for name, meme in irregular(seed).items()}
    with ZipFile(folder / "img.zip") as archive:
        assert known["picture_absent"] not in archive.namelist()
        grey = Image.open(BytesIO(archive.read(known["picture_grey"])))
        assert (grey.format, grey.mode) == ("JPEG", "L")
        with pytest.raises(OSError, match="truncated"):
            Image.open(BytesIO(archive.read(known["picture_truncated"]))).load()
