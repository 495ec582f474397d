"""The reader of COCO-Text on both versions of its file, on real records, and on what is irregular."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.coco_text import Version, irregular_photographs, write
from schemas.errors import BuildError
from tests.transforms.source_tables import Tables
from transforms.sources import coco_text


def packed(records: dict[str, Any], folder: Path, member: str = "cocotext.v2.json") -> Tables:
    path = folder / "cocotext.v2.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, json.dumps(records))
    return Tables(coco_text, {"annotations": path}, folder / "tables")


def sample(folder: Path, version: Version = "2") -> Tables:
    write(folder, 0, 1.0, version)
    (path,) = folder.rglob("cocotext.v2.zip")
    return Tables(coco_text, {"annotations": path}, folder / "tables")


@pytest.fixture(scope="module")
def published(real: Path) -> dict[str, Any]:
    """455 pictures of the publisher's, of which the size is known here of 47."""
    found: dict[str, Any] = json.loads(
        (real / "coco_text" / "reconstructed" / "cocotext.v2.json").read_bytes()
    )
    return found


def test_real_records_as_they_are_known(published: dict[str, Any], tmp_path: Path) -> None:
    tables = packed(published, tmp_path)
    assert (tables("images").num_rows, tables.rejected("images")) == (47, {"malformed": 408})
    assert (tables("texts").num_rows, tables.rejected("texts")) == (132, {"unknown_image": 1_949})
    assert tables.rows("images")[0] == {
        "image_id": "coco:30",
        "width": 640,
        "height": 428,
        "coco_id": 30,
        "published_split": "train",
        "archive": "mscoco.train2014",
        "picture": "train2014/COCO_train2014_000000000030.jpg",
    }
    assert tables.rows("texts")[1] == {
        "image_id": "coco:77",
        "text_id": "196701",
        "box": {"x0": 303.7, "y0": 168.7, "x1": 377.9, "y1": 198.4},
        "text": "DRUMER",
        "text_raw": "DRUMER",
        "legible": True,
        "kind": "machine printed",
        "language": "english",
    }


def test_real_texts_in_pictures_as_large_as_coco_has_them(published: dict[str, Any], tmp_path: Path) -> None:
    # COCO's longer side is 640 pixels; the publisher's file says every picture's size.
    sized = {
        key: {**image, "width": image["width"] or 640, "height": image["height"] or 640}
        for key, image in published["imgs"].items()
    }
    tables = packed({**published, "imgs": sized}, tmp_path)
    assert (tables("images").num_rows, tables.rejected("images")) == (455, {})
    texts = tables.rows("texts")
    assert (len(texts), tables.rejected("texts")) == (2_081, {})
    assert Counter((row["legible"], "text" in row) for row in texts) == {
        (True, True): 853,
        (True, False): 54,
        (False, True): 10,
        (False, False): 1_164,
    }
    raw = [row for row in texts if "text" in row and row["text"] != row["text_raw"]]
    assert len(raw) == 3
    assert any(not row["text"].isascii() for row in texts if "text" in row)
    assert all(row["box"]["x0"] >= 0 and row["box"]["x1"] <= 640 for row in texts)


@pytest.mark.parametrize("version", ["2", "1.4"])
def test_what_becomes_of_irregular_records(version: Version, tmp_path: Path) -> None:
    tables = sample(tmp_path, version)
    irregular = irregular_photographs(0)
    listed = tables("images")["image_id"].to_pylist()
    lost = {name for name, image in irregular.items() if f"coco:{image}" not in listed}
    assert lost == {"other_folder", "other_key", "other_set"}
    assert tables.rejected("images") == {
        "unknown_picture_address": 1,
        "contradicting_id": 1,
        "unknown_split": 1,
    }
    by_picture: dict[str, list[dict[str, Any]]] = {name: [] for name in irregular}
    for row in tables.rows("texts"):
        for name, image in irregular.items():
            if row["image_id"] == f"coco:{image}":
                by_picture[name].append(row)
    assert [(row["legible"], row.get("text")) for row in by_picture["unread"]] == [
        (True, None),
        (True, None),
        (False, "FOUR"),
    ]
    assert [row["text"] for row in by_picture["blanks"]] == ["EXIT", "NO EXIT"]
    assert [row["text"] for row in by_picture["signs"]] == ["85℃"]
    assert by_picture["boxes"][0]["box"]["x0"] == 0
    assert {name: len(rows) for name, rows in by_picture.items() if rows} == {
        "unread": 3,
        "blanks": 2,
        "signs": 1,
        "boxes": 2,
        "kinds": 2,
    }
    first, second = by_picture["kinds"]
    assert (first["language"], "kind" in second, "language" in second) == ("not english", False, False)
    assert tables.rejected("texts") == {
        # A text that is a number, and a box of three numbers.
        "malformed": 2,
        "reserved_mark": 1,
        "box_degenerate": 1,
        "box_outside": 1,
        "contradicting_id": 1,
        "unknown_legibility": 1,
        "unknown_image": 1,
    }


def test_both_versions_say_the_same(tmp_path: Path) -> None:
    newer, older = sample(tmp_path / "new"), sample(tmp_path / "old", "1.4")
    assert newer.rows("images") == older.rows("images")
    told = [{**row, "text_raw": row.get("text_raw") or None} for row in newer.rows("texts")]
    assert told == [{**row, "text_raw": row.get("text_raw")} for row in older.rows("texts")]


def image(number: int = 7, **changed: Any) -> dict[str, Any]:
    name = f"COCO_train2014_{number:012}.jpg"
    return {"id": number, "set": "val", "width": 100, "height": 80, "file_name": name, **changed}


def text(number: int, **changed: Any) -> dict[str, Any]:
    said = {"legibility": "legible", "class": "handwritten", "language": "na", "utf8_string": "A"}
    return {"id": number, "image_id": 7, "bbox": [1, 2.5, 20, 30], "area": 1.0, **said, **changed}


def test_categories_by_number(tmp_path: Path) -> None:
    categories = {
        "legibility": {"1": {"id": 1, "name": "legible"}, "2": {"id": 2, "name": "illegible"}},
        "class": {"4": {"id": 4, "name": "machine printed"}},
        "odd": 3,
    }
    texts = {
        "1": text(1, legibility=2, **{"class": 4}),
        "2": text(2, legibility="1", **{"class": "4"}),
        "3": text(3, legibility=3),
    }
    tables = packed({"cats": categories, "anns": texts, "imgs": {"7": image()}}, tmp_path, "COCO_Text.json")
    assert [(row["text_id"], row["legible"], row["kind"]) for row in tables.rows("texts")] == [
        ("1", False, "machine printed"),
        ("2", True, "machine printed"),
    ]
    assert tables.rejected("texts") == {"unknown_legibility": 1, "malformed": 1}


def test_pictures_are_those_that_coco_keeps_for_training(tmp_path: Path) -> None:
    names = ("COCO_val2014_000000000007.jpg", "../COCO_train2014_000000000007.jpg", "7.jpg")
    listed = {"7": image(), "9": image(9, set="test"), "11": image(11, width=0), "12": image(12, id="12")}
    listed |= {str(number): image(number, file_name=name) for number, name in enumerate(names, 20)}
    tables = packed({"cats": {}, "anns": {}, "imgs": listed}, tmp_path)
    assert [(row["image_id"], row["published_split"]) for row in tables.rows("images")] == [
        ("coco:7", "validation"),
        ("coco:9", "test"),
    ]
    assert tables.rejected("images") == {"malformed": 2, "unknown_picture_address": 3}


def test_an_archive_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cocotext\.v2\.json"):
        packed({}, tmp_path, "README.json")("images")
    with pytest.raises(BuildError, match="imgs"):
        packed({"cats": {}}, tmp_path)("images")
