"""The reader of MS COCO on the publisher's own records, and on records spoilt one by one."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BuildError
from tests.transforms.source_tables import Tables
from transforms.coco_pictures import LICENCES
from transforms.sources import mscoco

NOTHING: dict[str, Any] = {"info": {}, "images": [], "licenses": [], "annotations": [], "categories": []}


def packed(folder: Path, records: dict[str, Any]) -> Tables:
    """The tables of an archive of records by name, such as `captions_val2014`; others hold nothing."""
    path = folder / "annotations_trainval2014.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind in ("instances", "captions"):
            for split in ("train2014", "val2014"):
                known = records.get(f"{kind}_{split}", NOTHING)
                data = known.read_bytes() if isinstance(known, Path) else json.dumps(known).encode()
                archive.writestr(f"annotations/{kind}_{split}.json", data)
    return Tables(mscoco, {"annotations": path}, folder / "tables")


@pytest.fixture(scope="module")
def published(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """All of the publisher's records that are known here."""
    folder = real / "coco" / "reconstructed"
    names = ("instances_train2014", "instances_val2014", "captions_val2014")
    return packed(tmp_path_factory.mktemp("mscoco"), {name: folder / f"{name}.json" for name in names})


def test_counts_of_the_real_records(published: Tables) -> None:
    # 7 + 37 pictures of instances and 1,319 of captions, of which 37 are among the first.
    counts = {name: published(name).num_rows for name in ("images", "objects", "captions")}
    assert counts == {"images": 1_326, "objects": 460, "captions": 6_601}
    assert not any(published.rejected(name) for name in counts)
    splits = Counter(published("images")["published_split"].to_pylist())
    assert splits == {"train": 7, "validation": 1_319}


def test_first_rows(published: Tables) -> None:
    assert published.rows("images")[0] == {
        "image_id": "coco:471345",
        "width": 640,
        "height": 480,
        "coco_id": 471_345,
        "flickr_id": 9_313_010_404,
        "published_split": "train",
        "licence": "http://creativecommons.org/licenses/by-nc-sa/2.0/",
        "archive": "train2014",
        "picture": "train2014/COCO_train2014_000000471345.jpg",
    }
    assert published.rows("objects")[0] == {
        "image_id": "coco:471345",
        "object_id": "671091",
        "box": {"x0": 435.58, "y0": 235.5, "x1": 582.92, "y1": 403.8},
        "name": "cup",
        "name_raw": "cup",
        "crowd": False,
    }
    assert published.rows("captions")[0] == {
        "image_id": "coco:139",
        "caption_id": "900000000",
        "text": "A woman stands in the dining area at the table.",
        "text_raw": "A woman stands in the dining area at the table.",
    }


def test_where_rows_come_from(published: Tables, real: Path) -> None:
    folder = real / "coco" / "reconstructed"
    for table, key in (("objects", "object_id"), ("captions", "caption_id")):
        records: dict[str, Any] = {}
        for row in published(table).to_pylist():
            name = row["member"].removeprefix("annotations/")
            if name not in records:
                records[name] = json.loads((folder / name).read_bytes())["annotations"]
            assert str(records[name][row["record"]]["id"]) == row[key]


def test_what_is_irregular_in_the_real_records(published: Tables) -> None:
    captions = published.rows("captions")
    assert sum(row["text"] != row["text_raw"] for row in captions) == 958
    assert sum("\n" in row["text_raw"] for row in captions) == 20
    assert Counter(Counter(row["image_id"] for row in captions).values()) == {5: 1_313, 6: 6}
    # One picture says the same twice: both captions stay.
    assert len({(row["image_id"], row["text"]) for row in captions}) == 6_600
    objects = published.rows("objects")
    assert sum(row["crowd"] for row in objects) == 6
    assert len({row["image_id"] for row in objects}) == 41


def test_terms_of_single_pictures(real: Path, tmp_path: Path) -> None:
    """Every file of the publisher says by the same list what the numbers of terms mean."""
    listed = []
    for path in sorted((real / "coco" / "annotations").glob("*.json")):
        terms = json.loads(path.read_bytes()).get("licenses", [])
        listed.append({one["id"]: one["url"] for one in terms})
    assert [one for one in listed if one] == [LICENCES] * 6
    numbers = [1, 8, 9, None]
    told = [image(number, license=terms) for number, terms in enumerate(numbers)]
    told.append({key: value for key, value in image(4).items() if key != "license"})
    tables = packed(tmp_path, {"instances_train2014": instances(told, [])})
    assert tables("images")["licence"].to_pylist() == [LICENCES[1], LICENCES[8], None, None, None]


def image(number: int = 7, folder: str = "train2014", **changed: Any) -> dict[str, Any]:
    name = f"COCO_{folder}_{number:012}.jpg"
    return {"id": number, "file_name": name, "width": 100, "height": 80, "license": 1, **changed}


def thing(number: int, **changed: Any) -> dict[str, Any]:
    box = [10.5, 10, 20.25, 30.0]
    return {"id": number, "image_id": 7, "category_id": 1, "bbox": box, "iscrowd": 0, **changed}


def instances(images: list[Any], things: list[Any]) -> dict[str, Any]:
    return {
        "images": images,
        "annotations": things,
        "categories": [{"supercategory": "animal", "id": 1, "name": "cat"}, {"id": 90, "name": "dog"}],
    }


def test_a_picture_of_two_files_is_one_picture(tmp_path: Path) -> None:
    tables = packed(
        tmp_path,
        {
            "instances_train2014": instances([image(7), image(7), image(9, width=None)], []),
            "captions_train2014": {"images": [image(7), image(9), image(11)], "annotations": []},
            "captions_val2014": {"images": [image(12, "val2014")], "annotations": []},
        },
    )
    assert tables("images")["image_id"].to_pylist() == ["coco:7", "coco:9", "coco:11", "coco:12"]
    assert tables("images")["file"].to_pylist() == ["annotations"] * 4
    assert tables.rejected("images") == {"duplicate_id": 1, "malformed": 1}


def test_a_picture_lies_where_its_name_says(tmp_path: Path) -> None:
    names = ("000000000007.jpg", "COCO_val2017_000000000007.jpg", "../COCO_val2014_000000000007.jpg")
    listed = [image(7, file_name=name) for name in names]
    listed += [image(8, "val2014"), image(9, file_name="COCO_val2014_000000000008.jpg")]
    tables = packed(tmp_path, {"instances_val2014": instances(listed, [])})
    assert tables("images")["picture"].to_pylist() == ["val2014/COCO_val2014_000000000008.jpg"]
    assert tables.rejected("images") == {"unknown_picture_address": 4}


def test_defects_of_things(tmp_path: Path) -> None:
    things = [
        thing(1, segmentation={"counts": [1, 2], "size": [80, 100]}, iscrowd=1),
        thing(2, category_id=90, bbox=[-5.5, 0, 20, 20]),
        thing(3, category_id=2),
        thing(4, bbox=[100, 0, 5, 5]),
        thing(5, bbox=[10, 10, 0, 5]),
        thing(6, bbox=[10, 10, 5, -5]),
        thing(7, bbox=[10, 10, 5]),
        thing(8, iscrowd=2),
        thing(9, image_id=8),
        thing(1),
        {key: value for key, value in thing(10).items() if key != "iscrowd"},
        "nothing",
    ]
    tables = packed(tmp_path, {"instances_train2014": instances([image()], things)})
    assert [(row["object_id"], row["name"], row["crowd"]) for row in tables.rows("objects")] == [
        ("1", "cat", True),
        ("2", "dog", False),
        ("10", "cat", False),
    ]
    assert tables.rows("objects")[1]["box"] == {"x0": 0.0, "y0": 0.0, "x1": 14.5, "y1": 20.0}
    assert tables.rejected("objects") == {
        "unknown_category": 1,
        "box_outside": 1,
        "box_degenerate": 2,
        "malformed": 3,
        "unknown_image": 1,
        "duplicate_id": 1,
    }


def test_defects_of_captions(tmp_path: Path) -> None:
    texts = [" A  cat.\n", "", "a <bin_7> cat", 7, None, 'A "cat"']
    captions = [{"image_id": 7, "id": number, "caption": text} for number, text in enumerate(texts)]
    captions += [{"image_id": 8, "id": 20, "caption": "elsewhere"}, {"image_id": 7, "caption": "no id"}]
    tables = packed(
        tmp_path, {"captions_train2014": {"images": [image()], "annotations": captions, "info": {}}}
    )
    assert tables("captions")["text"].to_pylist() == ["A cat.", 'A "cat"']
    assert tables.rejected("captions") == {
        "empty_text": 1,
        "reserved_mark": 1,
        "malformed": 3,
        "unknown_image": 1,
    }


def test_an_archive_without_categories_is_an_error(tmp_path: Path) -> None:
    records: dict[str, Any] = {"instances_train2014": {"images": [], "annotations": []}}
    tables = packed(tmp_path, records)
    assert tables("images").num_rows == 0
    with pytest.raises(BuildError, match="categories"):
        tables("objects")
