"""The files are laid out as the published ones, and irregular exactly as listed."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any, get_args
from zipfile import ZIP_STORED, ZipFile

import pytest
from PIL import Image, ImageChops

from sample_world.draw import draw
from sample_world.formats.visual_genome import Version, irregular_images, write
from sample_world.genome import image_id
from sample_world.scenes import scenes
from schemas.token import RESERVED_MARKS

SCALE = 0.25
FILES = ("image_data", "objects", "attributes", "relationships", "region_descriptions", "question_answers")
LISTS = ("objects", "attributes", "relationships", "regions", "qas")
DATASET = "homes.cs.washington.edu/~ranjay/visualgenome/data/dataset"
PICTURES = "cs.stanford.edu/people/rak248/VG_100K_2"


def text_of(mirror: Path, name: str) -> str:
    with ZipFile(mirror / DATASET / f"{name}.json.zip") as file:
        assert file.namelist() == [f"{name}.json"]
        return file.read(f"{name}.json").decode("ascii")


@pytest.fixture(scope="module", params=[0, 7])
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write(folder, seed, SCALE)
    return folder


@pytest.fixture(scope="module")
def files(mirror: Path) -> dict[str, list[Any]]:
    """The records of each file."""
    return {name: json.loads(text_of(mirror, name)) for name in FILES}


@pytest.fixture(scope="module")
def pictures(mirror: Path) -> dict[str, bytes]:
    """The pictures of both archives, by member."""
    found = {}
    for name in ("images.zip", "images2.zip"):
        with ZipFile(mirror / PICTURES / name) as file:
            assert all(entry.compress_type == ZIP_STORED for entry in file.infolist())
            found.update({entry: file.read(entry) for entry in file.namelist()})
    return found


@pytest.fixture(scope="module")
def irregular() -> dict[str, int]:
    return irregular_images(SCALE)


def regions_of(files: dict[str, list[Any]], image: int) -> list[dict[str, Any]]:
    return next(r["regions"] for r in files["region_descriptions"] if r["id"] == image)


def all_regions(files: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [region for record in files["region_descriptions"] for region in record["regions"]]


def all_phrases(files: dict[str, list[Any]]) -> list[str]:
    return [region["phrase"] for region in all_regions(files) if isinstance(region["phrase"], str)]


def shapes(records: list[Any]) -> set[tuple[str, ...]]:
    """Every path of keys that leads to a value, and the JSON type of the value."""
    found: set[tuple[str, ...]] = set()

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, (*path, key))
        elif isinstance(value, list):
            found.add((*path, "list"))
            for item in value:
                walk(item, (*path, "[]"))
        else:
            found.add((*path, type(value).__name__))

    walk(records, ())
    return found


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_every_key_and_type_is_a_published_one(real: Path, tmp_path: Path, version: Version) -> None:
    write(tmp_path, 0, 0.0, version)
    spoilt = set(irregular_images(0.0).values())
    for name in FILES:
        published = json.loads((real / "visual_genome" / f"v{version}.0" / f"{name}.json").read_text())
        ours = json.loads(text_of(tmp_path, name))
        regular = [r for r in ours if r.get("image_id", r.get("id")) not in spoilt]
        assert len(regular) == 2
        # The five published pictures have no ids of other sites.
        extra = {("[]", "coco_id", "int"), ("[]", "flickr_id", "int")}
        assert shapes(regular) - extra - shapes(published) == set(), name
        missing = shapes(published) - shapes(ours)
        assert missing <= {("[]", "coco_id", "NoneType"), ("[]", "flickr_id", "NoneType")}, name


@pytest.mark.parametrize("name", ["objects", "relationships"])
def test_version_1_4_has_the_published_keys(real: Path, tmp_path: Path, name: str) -> None:
    write(tmp_path, 0, SCALE, "1.4")
    text = (real / "visual_genome" / "subset_garima" / f"{name}.json").read_text()
    # What follows the array in one of the two excerpts is not JSON.
    published, _ = json.JSONDecoder().raw_decode(text)
    ours = json.loads(text_of(tmp_path, name))
    assert shapes(ours) == shapes(published)


def test_version_1_4_mixes_name_and_names(tmp_path: Path) -> None:
    write(tmp_path, 0, SCALE, "1.4")
    relationships = json.loads(text_of(tmp_path, "relationships"))
    ends = Counter(
        "names" if "names" in relation["subject"] else "name"
        for record in relationships
        for relation in record["relationships"]
    )
    assert 0.02 < ends["names"] / ends.total() < 0.4


def test_files_are_one_array_on_one_line(mirror: Path) -> None:
    for name in FILES:
        text = text_of(mirror, name)
        assert "\n" not in text and text.startswith("[{") and text.endswith("}]")
        assert json.dumps(json.loads(text)) == text


def test_every_file_lists_the_pictures_in_one_order(files: dict[str, list[Any]], irregular: Any) -> None:
    ids = [record["image_id"] for record in files["image_data"]]
    for name in FILES:
        assert [r.get("image_id", r.get("id")) for r in files[name]] == ids
    assert len(ids) == len(set(ids)) == 24 + len(irregular)
    assert ids[: len(irregular)] == list(irregular.values())
    assert max(ids) > 10 * len(ids)


def test_ids_are_unique_in_each_file(files: dict[str, list[Any]]) -> None:
    for name, items, key in (
        ("objects", "objects", "object_id"),
        ("relationships", "relationships", "relationship_id"),
        ("region_descriptions", "regions", "region_id"),
        ("question_answers", "qas", "qa_id"),
    ):
        ids = [int(item[key]) for record in files[name] for item in record[items]]
        assert len(ids) == len(set(ids)), name


def test_some_pictures_have_ids_of_other_sites(files: dict[str, list[Any]]) -> None:
    elsewhere = [record["coco_id"] for record in files["image_data"] if record["coco_id"] is not None]
    assert 0 < len(elsewhere) < len(files["image_data"])
    assert len(elsewhere) == len(set(elsewhere))


def test_records_say_what_the_scenes_say(files: dict[str, list[Any]], seed: int) -> None:
    for scene in scenes(seed, SCALE):
        image = image_id(scene.number)
        said = [
            ((r["x"], r["y"], r["x"] + r["width"], r["y"] + r["height"]), r["phrase"])
            for r in regions_of(files, image)
        ]
        assert said == [(description.box, description.phrase) for description in scene.descriptions]
        record = next(r for r in files["relationships"] if r["image_id"] == image)
        for told, relation in zip(scene.relations, record["relationships"], strict=True):
            subject, other = scene.things[told.subject], scene.things[told.object]
            name = other.part if told.predicate == "has" else other.category
            box = other.part_box if told.predicate == "has" else other.box
            assert relation["predicate"] == told.predicate
            assert (relation["subject"]["name"], relation["object"]["name"]) == (subject.category, name)
            x, y, w, h = (relation["object"][key] for key in "xywh")
            assert (x, y, x + w, y + h) == box


def test_pictures_are_where_their_url_says(
    files: dict[str, list[Any]], pictures: dict[str, bytes], irregular: dict[str, int]
) -> None:
    listed = {
        record["url"].removeprefix("https://cs.stanford.edu/people/rak248/") for record in files["image_data"]
    }
    absent = {entry for entry in listed if entry.endswith(f"/{irregular['picture_absent']}.jpg")}
    assert set(pictures) == listed - absent and len(absent) == 1
    assert len({entry.split("/")[0] for entry in pictures}) == 2


def test_only_the_listed_pictures_are_irregular(
    files: dict[str, list[Any]], pictures: dict[str, bytes], irregular: dict[str, int]
) -> None:
    problems: dict[int, str] = {}
    for record in files["image_data"]:
        member = record["url"].removeprefix("https://cs.stanford.edu/people/rak248/")
        if member not in pictures:
            problems[record["image_id"]] = "picture_absent"
            continue
        declared = (record["width"], record["height"])
        picture = Image.open(BytesIO(pictures[member]))
        try:
            picture.load()
        except OSError:
            problems[record["image_id"]] = "picture_truncated"
            continue
        if picture.size == (declared[0] / 2, declared[1] / 2):
            problems[record["image_id"]] = "picture_half"
        elif picture.size != declared:
            assert picture.width * declared[1] != picture.height * declared[0]
            problems[record["image_id"]] = "picture_other_shape"
        elif picture.format == "PNG":
            problems[record["image_id"]] = "picture_png"
        elif picture.mode == "L":
            problems[record["image_id"]] = "picture_grey"
    assert problems == {image: name for name, image in irregular.items() if name.startswith("picture_")}


def test_a_picture_shows_its_scene(pictures: dict[str, bytes], seed: int) -> None:
    by_name = {member.split("/")[1]: data for member, data in pictures.items()}
    for scene in scenes(seed, SCALE):
        seen = Image.open(BytesIO(by_name[f"{image_id(scene.number)}.jpg"])).convert("RGB")
        difference = ImageChops.difference(seen, draw(scene)).convert("L")
        assert sum(difference.histogram()[60:]) < 0.01 * scene.width * scene.height


def test_counts_of_irregular_phrases(files: dict[str, list[Any]]) -> None:
    phrases = all_phrases(files)
    blank = [p for p in phrases if p.strip() and p != " ".join(p.split())]
    assert len(blank) == 5
    assert sum(p != p.strip() for p in blank) == 2
    assert sum("\n" in p for p in blank) == 2
    assert sum("\t" in p for p in blank) == 2
    assert sum("  " in p.strip() for p in blank) == 1
    assert sum(not p.isascii() for p in phrases) == 3
    assert sum(unicodedata.normalize("NFC", p) != p for p in phrases) == 1
    assert sum(p == "" for p in phrases) == 1
    assert sum(not p.strip() for p in phrases) == 2
    for mark in RESERVED_MARKS:
        assert sum(mark in p for p in phrases) == 1
    others = [r["phrase"] for r in all_regions(files) if not isinstance(r["phrase"], str)]
    assert others == [7, None]


def test_blanks_spoil_nothing_but_the_blanks(files: dict[str, list[Any]], irregular: dict[str, int]) -> None:
    regions = regions_of(files, irregular["blanks"])
    cleaned = [" ".join(region["phrase"].split()) for region in regions]
    assert cleaned[1] == "the upper row of things"
    assert len(set(cleaned)) == len(cleaned)


def test_counts_of_irregular_boxes(files: dict[str, list[Any]]) -> None:
    sizes = {record["image_id"]: (record["width"], record["height"]) for record in files["image_data"]}
    found: Counter[str] = Counter()
    for region in all_regions(files):
        x, y, w, h = (int(region[key]) for key in ("x", "y", "width", "height"))
        width, height = sizes[int(region["image_id"])]
        found["text"] += isinstance(region["x"], str)
        found["zero"] += w == 0
        found["inside out"] += w < 0
        found["outside"] += x >= width or y >= height
        found["negative origin"] += x < 0 < x + w - 1 and y < 0 < y + h - 1
        found["beyond"] += x + 1 < width < x + w and y + 1 < height < y + h
    assert found == dict.fromkeys(("text", "zero", "inside out", "outside", "negative origin", "beyond"), 1)


def test_counts_of_repeated_regions(files: dict[str, list[Any]], irregular: dict[str, int]) -> None:
    assert sum(not record["regions"] for record in files["region_descriptions"]) == 1
    assert regions_of(files, irregular["no_regions"]) == []
    same, ambiguous = 0, 0
    for record in files["region_descriptions"]:
        said = Counter(
            (r["phrase"], r["x"], r["y"], r["width"], r["height"])
            for r in record["regions"]
            if isinstance(r["phrase"], str)
        )
        same += sum(count - 1 for count in said.values())
        ambiguous += sum(count - 1 for count in Counter(phrase for phrase, *_ in said).values())
    assert (same, ambiguous) == (1, 1)
    boxes = Counter(
        (r["phrase"], r["x"], r["y"])
        for r in regions_of(files, irregular["duplicates"])
        if "colour" in r["phrase"]
    )
    assert sorted(boxes.values()) == [1, 1, 2]


def test_counts_of_irregular_relations(files: dict[str, list[Any]]) -> None:
    relations = [(r["image_id"], item) for r in files["relationships"] for item in r["relationships"]]
    predicates = [item["predicate"] for _, item in relations]
    assert sum(p == "" for p in predicates) == 1
    assert sum(p != p.strip() for p in predicates) == 1
    assert sum(p != p.lower() for p in predicates) == 1
    assert sum(item["subject"] == item["object"] for _, item in relations) == 1
    rows = Counter(
        (image, item["subject"]["object_id"], item["predicate"], item["object"]["object_id"])
        for image, item in relations
    )
    assert sum(count - 1 for count in rows.values()) == 1


def test_counts_of_other_irregularities(files: dict[str, list[Any]]) -> None:
    entries = [item for record in files["attributes"] for item in record["attributes"]]
    assert sum("attributes" not in entry for entry in entries) == 2
    assert sum(not item["synsets"] for record in files["objects"] for item in record["objects"]) == 2
    answers = [item["answer"] for record in files["question_answers"] for item in record["qas"]]
    assert sum(not answer.endswith(".") for answer in answers) == 1


def test_a_scale_changes_no_count_of_irregular_pictures() -> None:
    assert list(irregular_images(0.0)) == list(irregular_images(1126))
    assert get_args(Version) == ("1.0", "1.2", "1.4")
