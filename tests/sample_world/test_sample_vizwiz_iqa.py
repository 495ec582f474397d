"""VizWiz' files are laid out as the published ones, and votes follow from what was done to a picture."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image, ImageOps

from sample_world.draw import draw
from sample_world.formats.vizwiz_iqa import CODES, irregular, regular, write
from sample_world.spoil import FLAWS

SCALE = 0.5
HOST = "vizwiz.cs.colorado.edu/VizWiz_final"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    return folder


def listed(mirror: Path, part: str) -> list[dict[str, Any]]:
    with ZipFile(mirror / HOST / "image_quality" / "annotations.zip") as file:
        assert file.namelist() == ["train.json", "val.json", "test.json"]
        found: list[dict[str, Any]] = json.loads(file.read(f"{part}.json"))
    return found


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_the_layout_is_the_published_one(mirror: Path, real: Path, part: str) -> None:
    name = "train.first6000" if part == "train" else part
    published = json.loads((real / "vizwiz" / "quality_annotations" / f"{name}.json").read_bytes())
    ours = [one for one in listed(mirror, part) if list(one) == list(published[0])]
    assert ours
    if part != "test":
        assert {tuple(one["flaws"]) for one in ours} == {tuple(published[0]["flaws"])} == {CODES}
        names = {one["image"] for one in ours} - {"VizWiz_train_000000028000.jpg", "VizWiz_val_90000007.jpg"}
        assert {len(name) for name in names} == {len(published[0]["image"])}


def picture_of(stored: bytes | None) -> np.ndarray[Any, Any]:
    """The picture as somebody sees it, upright."""
    assert stored is not None
    return np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(stored))).convert("RGB"), float)


def test_most_votes_are_for_what_was_done(seed: int) -> None:
    done: Counter[str] = Counter()
    for taken in regular(seed, 1.0):
        votes = taken.judged["flaws"]
        assert max(votes.values()) >= 4 and sorted(votes.values())[-2] <= 1
        most = max(votes, key=votes.__getitem__)
        scene = draw(taken.scene)
        might = {"NON": scene} | {code: spoil(scene) for code, spoil in FLAWS.items()}
        seen = picture_of(taken.stored)
        apart = {code: np.abs(seen - np.asarray(one, float)).mean() for code, one in might.items()}
        assert min(apart, key=apart.__getitem__) == most
        done[most] += 1
    assert set(done) == set(CODES) and min(done.values()) >= 3


@pytest.mark.parametrize(("code", "darker"), [("DRK", True), ("BRT", False)])
def test_dark_is_darker_and_bright_brighter(seed: int, code: str, darker: bool) -> None:
    scene = draw(next(regular(seed, SCALE)).scene)
    assert (np.asarray(FLAWS[code](scene)).mean() < np.asarray(scene).mean()) == darker


def test_blur_takes_the_edges(seed: int) -> None:
    scene = draw(next(regular(seed, SCALE)).scene)
    sharp, soft = (
        np.abs(np.diff(np.asarray(one, float), axis=1)).max() for one in (scene, FLAWS["BLR"](scene))
    )
    assert soft < sharp / 4


def test_twins_show_one_scene_with_another_flaw(seed: int) -> None:
    shown = list(regular(seed, SCALE))
    for one, other in zip(shown[::2], shown[1::2], strict=True):
        assert (one.part, one.scene) == (other.part, other.scene)
        assert one.flaws != other.flaws


def test_some_pictures_lie(seed: int) -> None:
    lying = [
        taken
        for taken in (*regular(seed, 1.0), *irregular(seed).values())
        if taken.stored and Image.open(BytesIO(taken.stored)).getexif().get(0x0112) == 6
    ]
    assert {taken.part for taken in lying} == {"train", "val"}
    for taken in lying:
        assert taken.stored is not None and taken.flaws == ()
        stored = Image.open(BytesIO(taken.stored))
        assert stored.size == (taken.scene.height, taken.scene.width)


def test_every_picture_but_the_absent_lies_in_its_archive(mirror: Path, seed: int) -> None:
    for part in ("train", "val"):
        with ZipFile(mirror / HOST / "images" / f"{part}.zip") as file:
            held = set(file.namelist())
        wanted = {f"{part}/{one['image']}" for one in listed(mirror, part)}
        absent = {Path(name).name for name in wanted - held}
        expected = (
            {
                f"VizWiz_train_{irregular(seed)['picture_absent'].number:08}.jpg",
                "VizWiz_train_000000028000.jpg",
                "VizWiz_val_90000007.jpg",
            }
            if part == "train"
            else set()
        )
        assert absent == expected
