"""Real records of other parts and versions than those that are read, put where a reader looks for its own.

Known besides are COCO's annotations of 2017, whose pictures have other names than those of 2014, captions
with one of five a picture, TextVQA's questions for training and testing, and VSR's for validation. Of these
a row comes out where it can, and else one is left out by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.transforms.source_tables import Tables
from tests.transforms.test_mscoco import packed
from transforms.sources import text_vqa, vsr

Golden = dict[str, tuple[int, int, dict[str, int]]]
"""Rows in, rows out and rows rejected by reason, by table."""


def ledgers(tables: Tables, *names: str) -> Golden:
    found = {}
    for name in names:
        rejected = tables.rejected(name)
        out = tables(name).num_rows
        found[name] = (out + sum(rejected.values()) + tables.not_asked(name), out, rejected)
    return found


COCO: dict[str, tuple[int, int]] = {
    "instances.icevision": (6, 36),
    "instances_train2017.tinycoco": (32, 288),
    "instances_val2017.tinycoco": (6, 136),
    "instances_val2017_1img-sample": (1, 16),
    "person_keypoints.mmpose_test_coco": (4, 14),
    "person_keypoints_train2017.minicoco": (30, 87),
    "person_keypoints_val2017.minicoco": (30, 65),
}
"""Pictures and things of each file."""


def published(real: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((real / "coco" / "annotations" / f"{name}.json").read_bytes())
    return found


@pytest.mark.parametrize("name", COCO)
def test_pictures_of_2017_are_none_of_2014(real: Path, tmp_path: Path, name: str) -> None:
    pictures, things = COCO[name]
    tables = packed(tmp_path, {"instances_val2014": published(real, name)})
    assert ledgers(tables, "images", "objects") == {
        "images": (pictures, 0, {"unknown_picture_address": pictures}),
        "objects": (things, 0, {"unknown_image": things}),
    }


@pytest.mark.parametrize("name", COCO)
def test_under_their_names_of_2014_all_are_kept(real: Path, tmp_path: Path, name: str) -> None:
    pictures, things = COCO[name]
    records = published(real, name)
    for image in records["images"]:
        image["file_name"] = f"COCO_val2014_{image['file_name'].rpartition('_')[2]}"
    tables = packed(tmp_path, {"instances_val2014": records})
    assert ledgers(tables, "images", "objects") == {
        "images": (pictures, pictures, {}),
        "objects": (things, things, {}),
    }
    assert not any(licence is None for licence in tables("images")["licence"].to_pylist())


def test_captions_with_one_of_five_a_picture(real: Path, tmp_path: Path) -> None:
    records = real / "coco" / "reconstructed" / "captions_val2014.mlperf5000.json"
    tables = packed(tmp_path, {"captions_val2014": records})
    assert ledgers(tables, "images", "captions") == {
        "images": (5_000, 5_000, {}),
        "captions": (5_000, 5_000, {}),
    }


TEXT_VQA: dict[str, Golden] = {
    "train": {"images": (3, 3, {}), "questions": (5, 5, {})},
    "test": {"images": (3, 3, {}), "questions": (5, 0, {"malformed": 5})},
}


@pytest.mark.parametrize("part", TEXT_VQA)
def test_other_questions_about_texts(real: Path, tmp_path: Path, part: str) -> None:
    (tmp_path / "ocr.json").write_text(json.dumps({"data": []}))
    known = real / "textvqa" / f"TextVQA_0.5.1_{part}.json"
    tables = Tables(text_vqa, {"val": known, "ocr_val": tmp_path / "ocr.json"}, tmp_path / "tables")
    assert ledgers(tables, "images", "questions") == TEXT_VQA[part]


def test_statements_for_validation(real: Path, tmp_path: Path) -> None:
    known = real / "vsr" / "data" / "splits" / "zeroshot" / "dev.jsonl"
    tables = Tables(vsr, {"zeroshot_test": known}, tmp_path / "tables")
    assert ledgers(tables, "images", "statements") == {
        "images": (227, 227, {}),
        "statements": (340, 340, {}),
    }
