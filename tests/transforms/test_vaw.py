"""The reader of VAW on the sample world, where all that is irregular has a name, and on the known record."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.vaw import attributes, irregular, regular
from sample_world.genome import image_id
from tests.transforms.genome_family import sample_tables
from tests.transforms.source_tables import Tables
from transforms.sources import vaw

SCALE = 0.5

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return sample_tables("vaw", tmp_path_factory.mktemp("vaw"), SCALE)


@pytest.fixture(scope="module")
def by_thing(tables: Tables) -> Rows:
    """The rows of attributes by thing."""
    found: Rows = {}
    for row in tables.rows("attributes"):
        found.setdefault(row["object_id"], []).append(row)
    return found


def test_things_have_and_lack_what_their_scenes_say(tables: Tables, by_thing: Rows) -> None:
    objects = {row["object_id"]: row for row in tables.rows("objects")}
    for _, scene in regular(0, SCALE):
        for index, thing in enumerate(scene.things):
            number = f"{image_id(scene.number)}{index:03}"
            assert objects[number]["name"] == thing.category
            assert tuple(objects[number]["box"].values()) == thing.box
            has, lacks = attributes(scene, index)
            rows = by_thing[number]
            assert [row["attribute"] for row in rows if row["holds"]] == has
            assert [row["attribute"] for row in rows if not row["holds"]] == lacks
            assert [row["position"] for row in rows] == list(range(len(has) + len(lacks)))
            assert all(row["box"] == objects[number]["box"] for row in rows)


def test_splits(tables: Tables) -> None:
    splits = {"train_part1": "train", "train_part2": "train", "val": "validation", "test": "test"}
    found = {row["image_id"]: row["published_split"] for row in tables.rows("images")}
    for part, scene in regular(0, SCALE):
        assert found[f"vg:{image_id(scene.number)}"] == splits[part]
    assert set(found.values()) == set(splits.values())
    assert set(tables("objects")["file"].to_pylist()) == set(splits)


def test_irregular_things(tables: Tables, by_thing: Rows) -> None:
    things = {name: found[0] for name, found in irregular(0, SCALE).items()}
    objects = {row["object_id"]: row for row in tables.rows("objects")}
    background = objects[things["beyond"]["instance_id"]]
    (image,) = (row for row in tables.rows("images") if row["image_id"] == background["image_id"])
    assert tuple(background["box"].values()) == (0, 0, image["width"], image["height"])
    assert str(things["numbers"]["instance_id"]) in objects
    blanks = objects[things["blanks"]["instance_id"]]
    assert blanks["name_raw"] == f" {blanks['name']}"
    first = by_thing[things["blanks"]["instance_id"]][0]
    assert first["attribute_raw"] == f"{first['attribute']} "
    both = by_thing[things["both"]["instance_id"]]
    assert [row["position"] for row in both] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert [row["holds"] for row in both] == [True] * 2 + [False] * 6
    (rejected,) = tables.left_out("attributes", "positive_and_negative")
    assert rejected["attribute"] == both[0]["attribute"]
    nothing = things["no_attributes"]["instance_id"]
    assert nothing in objects and nothing not in by_thing
    assert tables.rejected("images") == {"not_in_visual_genome": 1, "malformed": 1}
    assert tables.rejected("objects") == {
        "box_degenerate": 1,
        "empty_text": 1,
        "malformed": 1,
        "duplicate_id": 1,
        "unknown_image": 1,
    }
    assert tables.rejected("attributes") == {
        "positive_and_negative": 1,
        "box_degenerate": 8,
        "empty_text": 8,
        "malformed": 1,
        "duplicate_id": 8,
        "unknown_image": 8,
    }


def test_the_known_record(real: Path, tmp_path: Path) -> None:
    """A floor whose box ends 0.17 pixels beyond a picture of 500 x 331; its size is not known otherwise."""
    files = {name: tmp_path / f"{name}.json" for name in vaw.SOURCE.files}
    for path in files.values():
        path.write_text("[]")
    files["val"] = real / "vaw" / "single_real_record" / "val.json"
    files["image_data"] = tmp_path / "image_data.json.zip"
    listed = {"image_id": 2373241, "width": 500, "height": 331, "url": "https://x/VG_100K/2373241.jpg"}
    with zipfile.ZipFile(files["image_data"], "w") as file:
        file.writestr("image_data.json", json.dumps([listed]))
    tables = Tables(vaw, files, tmp_path / "tables")
    assert tables.rows("objects") == [
        {
            "image_id": "vg:2373241",
            "object_id": "2373241004",
            "box": {"x0": 0.0, "y0": 182.5, "x1": 500.0, "y1": 331.0},
            "name": "floor",
            "name_raw": "floor",
            "crowd": False,
        }
    ]
    assert [(row["attribute"], row["holds"]) for row in tables.rows("attributes")] == [
        *((name, True) for name in ("tiled", "gray", "light colored")),
        *((name, False) for name in ("multicolored", "maroon", "weathered", "speckled", "carpeted")),
    ]
    assert tables("attributes")["item"].to_pylist() == list(range(8))
    assert tables("images")["published_split"].to_pylist() == ["validation"]
