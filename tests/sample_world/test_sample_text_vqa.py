"""TextVQA's files are laid out as the published ones, and what is asked is to be read in the picture."""

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

from sample_world.draw import draw
from sample_world.formats.text_vqa import image_id, irregular_pictures, regular, write

SCALE = 0.5
HOST = "dl.fbaipublicfiles.com/textvqa"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    return folder


def data(mirror: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((mirror / HOST / "data" / f"{name}.json").read_text())["data"]
    return found


def test_the_layout_is_the_published_one(mirror: Path, real: Path, seed: int) -> None:
    published = json.loads((real / "textvqa" / "TextVQA_0.5.1_val.json").read_bytes())["data"]
    shape = {key: type(value) for key, value in published[0].items()}
    spoilt = {*irregular_pictures(seed).values(), "../elsewhere"}
    asked = [one for one in data(mirror, "TextVQA_0.5.1_val") if one["image_id"] not in spoilt]
    assert asked and all({key: type(value) for key, value in one.items()} == shape for one in asked)
    assert all(len(one["answers"]) == 10 and len(one["image_id"]) == 16 for one in asked)
    assert all(int(one["image_id"], 16) >= 0 and one["image_id"][0] == "0" for one in asked)
    assert max(Counter(one["image_id"] for one in asked).values()) == 2


def test_most_people_read_what_is_on_the_sign(mirror: Path, seed: int) -> None:
    asked = data(mirror, "TextVQA_0.5.1_val")
    read = {one["image_id"]: one["ocr_info"] for one in data(mirror, "TextVQA_Rosetta_OCR_v0.2_val")}
    for scene in regular(seed, SCALE):
        image = image_id(scene.number)
        (sign,) = (thing for thing in scene.things if thing.word)
        mine = [one for one in asked if one["image_id"] == image]
        assert [Counter(one["answers"])[sign.word.lower()] for one in mine] == [6, 6]
        assert mine[1]["question"] == f"what does the {sign.colour} sign say?"
        ((word, box),) = ((one["word"], one["bounding_box"]) for one in read[image])
        assert word == sign.word
        left, top = box["top_left_x"] * scene.width, box["top_left_y"] * scene.height
        right, bottom = left + box["width"] * scene.width, top + box["height"] * scene.height
        assert [left, top, right, bottom] == pytest.approx(sign.part_box)
        # Large enough for the words that the extra task `ocr` asks about.
        assert (right - left) * (bottom - top) > 6_000 * len(word)


def test_twins_show_another_word(seed: int) -> None:
    shown = list(regular(seed, SCALE))
    for one, other in zip(shown[::2], shown[1::2], strict=True):
        assert one.difference is not None and other.difference is not None
        assert (one.difference.here, one.difference.there) == (other.difference.there, other.difference.here)
        index = one.difference.thing
        assert one.things[index].word == one.difference.here != other.things[index].word
        assert [t for i, t in enumerate(one.things) if i != index] == [
            t for i, t in enumerate(other.things) if i != index
        ]
        # They differ nowhere but on the plate.
        changed = np.asarray(draw(one), int) - np.asarray(draw(other), int)
        rows, columns, _ = np.nonzero(changed)
        left, top, right, bottom = one.things[index].part_box
        assert left <= columns.min() and columns.max() < right and top <= rows.min() and rows.max() < bottom


def test_pictures(mirror: Path, seed: int) -> None:
    names = {image: name for name, image in irregular_pictures(seed).items()}
    declared = {
        one["image_id"]: (one["image_width"], one["image_height"])
        for one in data(mirror, "TextVQA_0.5.1_val")
    }
    problems = {}
    with ZipFile(mirror / HOST / "images" / "train_val_images.zip") as file:
        held = {Path(name).stem: Image.open(BytesIO(file.read(name))) for name in file.namelist()}
        assert all(name.startswith("train_images/") for name in file.namelist())
    for image, size in declared.items():
        if image not in held:
            problems[names.get(image, image)] = "absent"
        elif held[image].size != size:
            problems[names[image]] = "other size"
        elif held[image].mode != "RGB":
            problems[names[image]] = held[image].mode
    assert problems == {
        "../elsewhere": "absent",
        "picture_absent": "absent",
        "picture_half": "other size",
        "picture_other_shape": "other size",
        "picture_grey": "L",
    }
