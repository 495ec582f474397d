"""COCO-Text's file is laid out as the published ones, and says what can be read on signs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageChops

from sample_world.coco import enlarged, photograph_id
from sample_world.draw import draw
from sample_world.formats import mscoco
from sample_world.formats.coco_text import about, irregular_photographs, text_id, write
from sample_world.scene import Scene
from sample_world.signposts import signposts
from tests.sample_world.native import members, shape

PATH = "github.com/bgshih/cocotext/releases/download/dl/cocotext.v2.zip"


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, 1.0)
    (found,) = members(folder, PATH).values()
    known: dict[str, Any] = found
    return known


@pytest.fixture(scope="module")
def regular(seed: int) -> dict[int, tuple[Scene, str]]:
    return {photograph_id(scene.number): (scene, subset) for scene, subset in about(seed, 1.0)}


def test_the_layout_is_the_published_one(records: dict[str, Any], real: Path) -> None:
    path = real / "coco_text" / "reconstructed" / "cocotext.v2.json"
    published = json.loads(path.read_bytes())
    assert list(records) == list(published)
    for part, known in (("imgs", "30"), ("anns", "196701")):
        assert shape(list(records[part].values())[-1]) == shape(published[part][known])
    assert all(key.isdigit() for part in ("imgs", "anns", "imgToAnns") for key in records[part])


def test_version_1_says_outlines_otherwise_and_leaves_out_what_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, 0, 0.25, "1.4")
    (records,) = members(tmp_path, PATH).items()
    name, found = records
    assert name == "COCO_Text.json"
    assert all("polygon" in text and "mask" not in text for text in found["anns"].values())
    unread = [text for text in found["anns"].values() if text["legibility"] == "illegible"]
    assert unread and sum("utf8_string" in text for text in unread) == 1


def test_all_pictures_are_coco_s_training_pictures(
    records: dict[str, Any], seed: int, tmp_path: Path
) -> None:
    mscoco.write(tmp_path, seed, 1.0)
    known = members(
        tmp_path, "s3.amazonaws.com/images.cocodataset.org/annotations/annotations_trainval2014.zip"
    )
    listed = {image["id"]: image for image in known["annotations/instances_train2014.json"]["images"]}
    irregular = irregular_photographs(seed)
    ours = [image for image in records["imgs"].values() if image["id"] not in irregular.values()]
    assert ours
    for image in ours:
        theirs = listed[image["id"]]
        assert {key: image[key] for key in ("file_name", "width", "height")} == {
            key: theirs[key] for key in ("file_name", "width", "height")
        }
    assert not listed.keys() & set(irregular.values())


def test_each_text_is_on_its_sign(records: dict[str, Any], regular: dict[int, tuple[Scene, str]]) -> None:
    for image, (scene, subset) in regular.items():
        expected = {
            text_id(scene, index): thing
            for index, thing in enumerate(enlarged(scene).things)
            if thing.word and subset != "test"
        }
        assert records["imgToAnns"][str(image)] == list(expected)
        for number, thing in expected.items():
            text = records["anns"][str(number)]
            x, y, width, height = text["bbox"]
            assert [x, y, x + width, y + height] == pytest.approx(list(thing.part_box), abs=3)
            assert (text["class"], text["legibility"] == "legible") == (thing.lettering, thing.legible)
            assert text["utf8_string"] == (thing.word if thing.legible else "")


def test_every_task_can_be_posed_in_both_parts(
    records: dict[str, Any], regular: dict[int, tuple[Scene, str]]
) -> None:
    for part in ("train", "val"):
        images = [image for image, (_, subset) in regular.items() if subset == part]
        texts = [records["anns"][str(key)] for image in images for key in records["imgToAnns"][str(image)]]
        kinds = Counter(text["class"] for text in texts)
        assert min(kinds[kind] for kind in ("machine printed", "handwritten", "others")) >= 3
        assert min(Counter(text["legibility"] for text in texts).values()) >= 6
        # Text localisation asks for two texts of at least 500 square pixels a character.
        large = Counter(
            text["image_id"]
            for text in texts
            if text["utf8_string"] and text["bbox"][2] * text["bbox"][3] >= 500 * len(text["utf8_string"])
        )
        assert sum(count >= 4 for count in large.values()) >= 4


def test_twins_differ_in_what_is_written(records: dict[str, Any], seed: int) -> None:
    scenes = list(signposts(seed, 1.0))
    kinds = Counter[str]()
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        assert one.difference is not None
        place = one.difference.thing
        changed = {"word": "utf8_string", "lettering": "class", "legible": "legibility"}[one.difference.kind]
        kinds[one.difference.kind] += 1
        if str(text_id(one, place)) in records["anns"]:
            first, second = (records["anns"][str(text_id(scene, place))] for scene in (one, other))
            assert first[changed] != second[changed]
        assert ImageChops.difference(draw(one), draw(other)).getbbox() is not None
    assert kinds.keys() == {"word", "lettering", "legible"}


def test_irregular_records_are_as_listed(records: dict[str, Any], seed: int) -> None:
    irregular = irregular_photographs(seed)
    texts: dict[str, list[dict[str, Any]]] = {name: [] for name in irregular}
    for text in records["anns"].values():
        for name, image in irregular.items():
            if text["image_id"] == image:
                texts[name].append(text)
    assert {name: len(found) for name, found in texts.items()} == {
        **dict.fromkeys(("no_texts", "other_picture", "other_folder", "other_key", "other_set"), 0),
        "unread": 3,
        "blanks": 2,
        "signs": 3,
        "boxes": 5,
        "contradictions": 2,
        "kinds": 2,
    }
    assert records["imgToAnns"][str(irregular["no_texts"])] == []
    assert [text.get("utf8_string") for text in texts["unread"]] == ["", None, "FOUR"]
    assert [len(text["bbox"]) for text in texts["boxes"]] == [4, 4, 4, 4, 3]
    assert str(irregular["other_key"]) not in records["imgs"]
