"""COCO's files are laid out as the published ones, joined to Visual Genome's, and irregular as listed."""

from __future__ import annotations

import json
import re
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest
from PIL import Image, ImageChops

from sample_world.coco import enlarged, photograph_id, photographs
from sample_world.coco_records import CATEGORY_IDS
from sample_world.draw import draw
from sample_world.formats import visual_genome
from sample_world.formats.mscoco import irregular_photographs, write
from sample_world.scenes import coco_id, scenes
from sample_world.signposts import signposts

SCALE = 0.25
HOST = "s3.amazonaws.com/images.cocodataset.org"
FOLDERS = ("train2014", "val2014")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, 0, SCALE)
    return folder / HOST


@pytest.fixture(scope="module")
def texts(mirror: Path) -> dict[str, str]:
    """The four files of records, by stem."""
    with ZipFile(mirror / "annotations" / "annotations_trainval2014.zip") as archive:
        return {Path(name).stem: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def records(texts: dict[str, str]) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in texts.items()}


@pytest.fixture(scope="module")
def pictures(mirror: Path) -> dict[str, bytes]:
    """The pictures of both archives, by member."""
    found = {}
    for folder in FOLDERS:
        with ZipFile(mirror / "zips" / f"{folder}.zip") as archive:
            assert all(entry.compress_type == ZIP_STORED for entry in archive.infolist())
            assert all(name.startswith(f"{folder}/COCO_{folder}_") for name in archive.namelist())
            found.update({name: archive.read(name) for name in archive.namelist()})
    return found


@pytest.fixture(scope="module")
def irregular() -> dict[str, int]:
    return irregular_photographs(0)


def listed(records: dict[str, Any], kind: str, key: str) -> list[dict[str, Any]]:
    return [item for folder in FOLDERS for item in records[f"{kind}_{folder}"][key]]


def of(records: dict[str, Any], kind: str, image: int) -> list[dict[str, Any]]:
    return [item for item in listed(records, kind, "annotations") if item["image_id"] == image]


def shape(value: Any) -> Any:
    """The keys of a record and the type of each value."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_layouts_are_the_published_ones(texts: dict[str, str], records: dict[str, Any], real: Path) -> None:
    folder = real / "coco" / "reconstructed"
    for name in ("instances_train2014", "instances_val2014", "captions_val2014"):
        published = json.loads((folder / f"{name}.json").read_bytes())
        ours = records[name]
        assert set(ours) == set(published) - {"type"}
        assert shape(ours["annotations"][-1]) == shape(published["annotations"][0])
        if name.startswith("instances"):
            assert shape(ours["images"][-1]) == shape(published["images"][0])
        assert "\n" not in texts[name] and json.dumps(ours) == texts[name]
    categories = records["instances_val2014"]["categories"]
    assert shape(categories[0]) == {"supercategory": "str", "id": "number", "name": "str"}


def test_photographs_are_those_of_visual_genome(records: dict[str, Any], tmp_path: Path) -> None:
    visual_genome.write(tmp_path, 0, SCALE)
    (path,) = tmp_path.rglob("image_data.json.zip")
    with ZipFile(path) as archive:
        twins = json.loads(archive.read("image_data.json"))
    sizes = {image["id"]: image for image in listed(records, "instances", "images")}
    shared = [twin for twin in twins if twin["coco_id"] in sizes]
    regular = {coco_id(scene.number) for scene in scenes(0, SCALE)} - {None}
    assert {twin["coco_id"] for twin in shared} == regular and len(regular) >= 4
    signs = {photograph_id(scene.number) for scene in signposts(0, SCALE)}
    assert len(sizes) - len(irregular_photographs(0)) - len(signs) == 2 * (len(regular) // 2 + 24 // 4)
    for twin in shared:
        image = sizes[twin["coco_id"]]
        assert (image["width"], image["height"]) == (
            round(twin["width"] * 1.28),
            round(twin["height"] * 1.28),
        )
        assert f"/{twin['flickr_id']}_" in image["flickr_url"]


def test_both_kinds_list_the_same_pictures_once(records: dict[str, Any], irregular: dict[str, int]) -> None:
    for folder in FOLDERS:
        images = records[f"instances_{folder}"]["images"]
        assert images == records[f"captions_{folder}"]["images"]
        assert len(images) > 4
    ids = [image["id"] for image in listed(records, "instances", "images")]
    regular = [*photographs(0, SCALE), *signposts(0, SCALE)]
    assert len(ids) == len(set(ids)) == len(irregular) + len(regular)
    for kind in ("instances", "captions"):
        named = [item["id"] for item in listed(records, kind, "annotations")]
        assert len(named) == len(set(named))


def test_records_say_what_the_scenes_say(records: dict[str, Any]) -> None:
    names = {number: name for name, number in CATEGORY_IDS.items()}
    for scene in photographs(0, SCALE):
        image = photograph_id(scene.number)
        said = [item["caption"] for item in of(records, "captions", image)]
        assert said == list(scene.captions[: len(said)]) and len(said) in (5, 6)
        for item, thing in zip(of(records, "instances", image), scene.things, strict=True):
            assert names[item["category_id"]] == thing.category
            x, y, width, height = item["bbox"]
            expected = [side * 1.28 for side in thing.box]
            assert [x, y, x + width, y + height] == pytest.approx(expected, abs=0.02)
            assert item["segmentation"][0][:2] == [x, y]


def test_captions_are_true() -> None:
    names = re.compile(rf"\b(\w+ (?:{'|'.join(CATEGORY_IDS)}))\b")
    for scene in photographs(0, 1.0):
        things = {thing.name: thing for thing in scene.things}
        assert len(set(scene.captions)) == len(scene.captions) == 7
        for caption in scene.captions:
            said = [name.lower() for name in names.findall(caption)]
            assert said and set(said) <= set(things)
            for name, place in re.findall(r"(\w+ \w+) (?:is )?in the ((?:upper|lower) (?!row)\w+)", caption):
                assert things[name].place == place
            if " row" in caption:
                upper = [name for name in said if things[name].place.startswith("upper")]
                assert said == [*upper, *(name for name in said if name not in upper)]
            if "things" in caption:
                assert f"{ {5: 'five', 6: 'six'}[len(things)] } things" in caption


def test_a_picture_shows_its_scene_in_both_places(
    mirror: Path, records: dict[str, Any], pictures: dict[str, bytes], irregular: dict[str, int]
) -> None:
    names = {f"{name.rpartition('_')[2]}": name for name in pictures}
    for scene in (*photographs(0, SCALE), *signposts(0, SCALE)):
        name = names[f"{photograph_id(scene.number):012}.jpg"]
        seen = Image.open(BytesIO(pictures[name]))
        shown = enlarged(scene)
        assert seen.size == (shown.width, shown.height)
        difference = ImageChops.difference(seen, draw(shown)).convert("L")
        assert sum(difference.histogram()[60:]) < 0.01 * shown.width * shown.height
    alone = {
        path.relative_to(mirror).as_posix(): path.read_bytes()
        for folder in FOLDERS
        for path in (mirror / folder).iterdir()
    }
    assert alone == pictures
    ids = {image["id"] for image in listed(records, "instances", "images")}
    assert {int(name[-16:-4]) for name in pictures} == ids - {irregular["picture_absent"]}
    grey = [name for name, data in pictures.items() if Image.open(BytesIO(data)).mode == "L"]
    assert [int(name[-16:-4]) for name in grey] == [irregular["picture_grey"]]


def test_counts_of_irregular_captions(records: dict[str, Any], irregular: dict[str, int]) -> None:
    spoken = [item for item in listed(records, "captions", "annotations") if item["caption"] != 7]
    assert len(listed(records, "captions", "annotations")) - len(spoken) == 1
    said = [item["caption"] for item in spoken]
    assert sum(text != text.strip() and bool(text.strip()) for text in said) == 3
    assert sum("\n" in text.strip() for text in said) == 2
    assert sum("  " in text.strip() for text in said) == 1
    assert sum(not text.strip() for text in said) == 1
    assert sum(text.isupper() for text in said) == 1
    assert sum(text.startswith('"') for text in said) == 1
    assert sum(text.islower() for text in said) == 1
    assert sum(bool(text.strip()) and not text.strip().strip('"').endswith(".") for text in said) == 1
    counts = Counter(item["image_id"] for item in listed(records, "captions", "annotations"))
    assert counts[irregular["seven_captions"]] == 7
    assert [image for image, count in counts.items() if count not in (5, 6, 7)] == [irregular["no_captions"]]
    repeated = Counter((item["image_id"], item["caption"]) for item in spoken)
    assert [image for (image, _), count in repeated.items() if count > 1] == [irregular["six_captions"]]


def test_counts_of_irregular_things(records: dict[str, Any], irregular: dict[str, int]) -> None:
    things = listed(records, "instances", "annotations")
    images = {image["id"]: image for image in listed(records, "instances", "images")}
    crowds = [item for item in things if item["iscrowd"]]
    assert {item["image_id"] for item in crowds} == {irregular["crowds"]}
    assert [type(item["segmentation"]["counts"]) for item in crowds] == [list, str]
    assert (
        sum(crowds[0]["segmentation"]["counts"])
        == images[irregular["crowds"]]["height"] * (images[irregular["crowds"]]["width"])
    )
    unknown = [item for item in things if item["category_id"] not in CATEGORY_IDS.values()]
    assert [item["image_id"] for item in unknown] == [irregular["unknown_category"]]
    assert set(images) - {item["image_id"] for item in things} == {irregular["no_things"]}
    found: Counter[str] = Counter()
    for item in things:
        x, y, width, height = item["bbox"]
        image = images[item["image_id"]]
        found["no width"] += width == 0
        found["inside out"] += height < 0
        found["outside"] += x >= image["width"]
        found["negative origin"] += x < 0 and y < 0
        found["beyond"] += x < image["width"] < x + width and y + height > image["height"]
    assert found == dict.fromkeys(("no width", "inside out", "outside", "negative origin", "beyond"), 1)


def test_counts_of_irregular_listings(records: dict[str, Any], irregular: dict[str, int]) -> None:
    images = listed(records, "instances", "images")
    bare = [image["id"] for image in images if "flickr_url" not in image and "date_captured" not in image]
    assert bare == [irregular["fewer_keys"]]
    named = [image["id"] for image in images if not image["file_name"].startswith("COCO_")]
    assert named == [irregular["other_name"]]
