"""The reader of RefCOCO, RefCOCO+ and RefCOCOg on real records, and on what is irregular."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.refcoco import irregular_photographs, write
from schemas.errors import BuildError
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import refcoco

NAMES = {"refcoco": ("refcoco", "unc"), "refcoco_plus": ("refcoco+", "unc"), "refcocog": ("refcocog", "umd")}
NOTHING: dict[str, Any] = {"images": [], "annotations": [], "categories": [], "licenses": [], "info": {}}


def packed(folder: Path, **datasets: tuple[bytes | list[Any], bytes | dict[str, Any]]) -> Tables:
    """The tables of three archives; those that are not given hold nothing."""
    files = {}
    for name, (inside, division) in NAMES.items():
        references, things = datasets.get(name, ([], NOTHING))
        files[name] = folder / f"{inside}.zip"
        with zipfile.ZipFile(files[name], "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                f"{inside}/refs({division}).p",
                references if isinstance(references, bytes) else pickle.dumps(references, 2),
            )
            archive.writestr(
                f"{inside}/instances.json", things if isinstance(things, bytes) else json.dumps(things)
            )
    return Tables(refcoco, files, folder / "tables")


def test_real_records(real: Path, tmp_path: Path) -> None:
    folder = real / "refcoco" / "reconstructed" / "refcocog"
    umd = (folder / "refs(umd).p").read_bytes(), (folder / "instances.json").read_bytes()
    single = (real / "refcoco" / "real_single_ref" / "refcoco" / "refs(unc).p").read_bytes()
    tables = packed(tmp_path, refcocog=umd, refcoco=(single, NOTHING))
    assert (tables("images").num_rows, tables.rejected("images")) == (694, {})
    assert Counter(tables("images")["published_split"].to_pylist()) == {"validation": 340, "test": 354}
    # The categories of these things are not known here.
    assert (tables("objects").num_rows, tables.rejected("objects")) == (0, {"unknown_category": 800})
    assert (tables("regions").num_rows, tables.rejected("regions")) == (1_527, {"unknown_object": 1})
    assert tables.rows("regions")[0] == {
        "image_id": "coco:533220",
        "region_id": "refcocog:umd:0:0",
        "box": {"x0": 285.04, "y0": 23.29, "x1": 424.78, "y1": 146.4},
        "text": "a bush of plant behind middle woman",
        "text_raw": "a bush of plant behind middle woman",
        "object_id": "1954731",
    }
    assert tables.rows("images")[0] == {
        "image_id": "coco:533220",
        "width": 640,
        "height": 427,
        "coco_id": 533_220,
        "published_split": "validation",
        "archive": "mscoco.train2014",
        "picture": "train2014/COCO_train2014_000000533220.jpg",
    }


def test_the_real_reference_is_read_as_it_was_typed(real: Path, tmp_path: Path) -> None:
    data = (real / "refcoco" / "real_single_ref" / "refcoco" / "refs(unc).p").read_bytes()
    tables = packed(tmp_path, refcoco=(data, instances([picture(581_857)], [thing(1_719_310, 581_857)])))
    assert tables("regions")["text"].to_pylist() == [
        "THE LADY WITH THE BLUE SHIRT",
        "lady w back to us",
        "blue shirt",
    ]
    assert tables("regions")["region_id"].to_pylist() == [f"refcoco:unc:0:{n}" for n in range(3)]
    places = [(row["member"], row["record"], row["item"]) for row in tables("regions").to_pylist()]
    assert places == [("refcoco/refs(unc).p", 0, position) for position in range(3)]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("refcoco")
    write(folder / "mirror", 0, 1.0)
    files = {name: path for name, path in record_files("refcoco", folder / "mirror").items() if name in NAMES}
    return Tables(refcoco, files, folder / "tables")


def test_what_becomes_of_irregular_records(sample: Tables) -> None:
    irregular = {f"coco:{image}": name for name, image in irregular_photographs(0).items()}
    listed = {
        irregular[row["image_id"]]: row for row in sample.rows("images") if row["image_id"] in irregular
    }
    assert set(irregular.values()) - set(listed) == {"other_name"}
    without_split = {name for name, row in listed.items() if "published_split" not in row}
    assert without_split == {"no_references"}
    said: dict[str, list[str]] = {}
    for row in sample.rows("regions"):
        if row["image_id"] in irregular:
            said.setdefault(irregular[row["image_id"]], []).append(row["text"])
    assert said["spellings"] == ["the thing", "a thing", "thing for café crème", "it", "it"]
    assert {name: len(texts) for name, texts in said.items()} == {
        "spellings": 5,
        "reserved_mark": 5,
        "malformed": 2,
        "unknown_object": 4,
        "other_picture": 4,
        "unknown_split": 4,
        "unknown_category": 6,
        "boxes": 4,
        "crowd": 6,
    }
    assert sample.rejected("images") == {"unknown_picture_address": 1, "malformed": 2}
    assert sample.rejected("regions") == {
        "malformed": 2,
        "unknown_object": 1,
        "other_picture": 1,
        "unknown_split": 1,
        "empty_text": 1,
        "reserved_mark": 1,
        "unknown_image": 6,
        "box_degenerate": 2,
    }
    crowds = [row for row in sample.rows("objects") if row["crowd"]]
    assert [irregular[row["image_id"]] for row in crowds] == ["crowd"]
    assert sample.rejected("objects") == {"unknown_category": 2, "box_degenerate": 1, "unknown_image": 6}


def test_each_picture_and_thing_is_listed_once(sample: Tables) -> None:
    for table, key in (("images", "image_id"), ("objects", "object_id"), ("regions", "region_id")):
        found = sample(table)[key].to_pylist()
        assert len(set(found)) == len(found) > 0
    assert {row["region_id"].rpartition(":")[0].rpartition(":")[0] for row in sample.rows("regions")} == {
        "refcoco:unc",
        "refcoco+:unc",
        "refcocog:umd",
    }
    objects = {row["object_id"]: row["box"] for row in sample.rows("objects")}
    assert sum(objects.get(row["object_id"]) == row["box"] for row in sample.rows("regions")) > 700


def picture(number: int = 7, **changed: Any) -> dict[str, Any]:
    name = f"COCO_train2014_{number:012}.jpg"
    return {"id": number, "file_name": name, "width": 100, "height": 80, **changed}


def thing(number: int, image: int = 7, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [10, 10, 20.5, 30],
        "iscrowd": 0,
        **changed,
    }


def instances(images: list[Any], things: list[Any]) -> dict[str, Any]:
    return {**NOTHING, "images": images, "annotations": things, "categories": [{"id": 1, "name": "cat"}]}


def reference(number: int, annotation: int, split: str, image: int = 7, **changed: Any) -> dict[str, Any]:
    sentences = [{"sent_id": 10 * number, "raw": "The Cat", "sent": "the cat", "tokens": ["the", "cat"]}]
    return {
        "ref_id": number,
        "ann_id": annotation,
        "image_id": image,
        "split": split,
        "sentences": sentences,
        **changed,
    }


@pytest.mark.parametrize(
    ("splits", "strictest"),
    [
        (("train", "train", "train"), "train"),
        (("train", "val", "train"), "validation"),
        (("val", "train", "test"), "test"),
        (("testA", "val", "train"), "test"),
        (("train", "testB", "odd"), "test"),
        (("odd", "odd", "odd"), None),
    ],
)
def test_the_strictest_split_counts(tmp_path: Path, splits: tuple[str, ...], strictest: str | None) -> None:
    datasets = {
        name: ([reference(1, 5, split)], instances([picture()], [thing(5)]))
        for name, split in zip(NAMES, splits, strict=True)
    }
    tables = packed(tmp_path, **datasets)
    assert tables("images")["published_split"].to_pylist() == [strictest]
    assert tables("objects").num_rows == 1
    assert tables("regions").num_rows == sum(split != "odd" for split in splits)


def test_a_thing_is_taken_from_its_own_dataset(tmp_path: Path) -> None:
    moved = instances([picture()], [thing(5, bbox=[50, 50, 10, 10])])
    tables = packed(
        tmp_path,
        refcoco=([reference(1, 5, "train")], instances([picture()], [thing(5)])),
        refcocog=([reference(1, 5, "train"), reference(2, 6, "train")], moved),
    )
    assert [(row["region_id"], row["box"]["x0"]) for row in tables.rows("regions")] == [
        ("refcoco:unc:1:10", 10.0),
        ("refcocog:umd:1:10", 50.0),
    ]
    assert [row["box"]["x0"] for row in tables.rows("objects")] == [10.0]
    assert tables.rejected("regions") == {"unknown_object": 1}
    (left_out,) = tables.left_out("regions", "unknown_object")
    assert left_out["ref_id"] == 2


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("read",)


@pytest.mark.parametrize("pickled", [pickle.dumps([_Trap()], 2), b"no pickle", pickle.dumps({"ref": 1}, 2)])
def test_a_pickle_that_is_no_list_of_plain_data_is_an_error(
    tmp_path: Path, pickled: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = packed(tmp_path, refcoco=(pickled, NOTHING))
    with pytest.raises(BuildError, match=r"refs\(unc\)\.p"):
        tables("images")
    assert capsys.readouterr().out == ""
