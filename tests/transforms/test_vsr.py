"""The reader of Visual Spatial Reasoning on the published file, which is known whole."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BuildError
from tests.transforms.source_tables import Tables
from transforms.sources import vsr


def told(lines: list[Any], folder: Path) -> Tables:
    path = folder / "test.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return Tables(vsr, {"zeroshot_test": path}, folder / "tables")


@pytest.fixture(scope="module")
def path(real: Path) -> Path:
    return real / "vsr" / "data" / "splits" / "zeroshot" / "test.jsonl"


@pytest.fixture(scope="module")
def published(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return Tables(vsr, {"zeroshot_test": path}, tmp_path_factory.mktemp("vsr"))


def test_the_file_is_the_pinned_one(path: Path) -> None:
    data, pin = path.read_bytes(), vsr.SOURCE.files["zeroshot_test"].pin
    assert pin is not None
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (pin.sha256, pin.bytes)


def test_counts_of_the_real_records(published: Tables) -> None:
    assert (published("images").num_rows, published("statements").num_rows) == (715, 1_222)
    assert published.rejected("images") == published.rejected("statements") == {}
    assert Counter(published("statements")["label"].to_pylist()) == {True: 629, False: 593}
    folders = Counter(name.partition("/")[0] for name in published("images")["picture"].to_pylist())
    assert folders.keys() == {"train2017", "val2017"}
    assert set(published("images")["published_split"].to_pylist()) == {"test"}


def test_first_rows(published: Tables) -> None:
    assert published.rows("images")[0] == {
        "image_id": "coco:17697",
        "coco_id": 17_697,
        "published_split": "test",
        "archive": "images",
        "picture": "train2017/000000017697.jpg",
    }
    assert published.rows("statements")[:2] == [
        {
            "image_id": "coco:17697",
            "statement_id": "0",
            "text": "The car is behind the suitcase.",
            "text_raw": "The car is behind the suitcase.",
            "label": True,
        },
        {
            "image_id": "coco:199940",
            "statement_id": "1",
            "text": "The cat is under the backpack.",
            "text_raw": "The cat is under the backpack.",
            "label": False,
        },
    ]


def test_a_statement_is_its_line(published: Tables, path: Path) -> None:
    lines = path.read_text().splitlines()
    for row in published("statements").to_pylist():
        line = json.loads(lines[int(row["statement_id"])])
        assert (row["text_raw"], int(row["label"])) == (line["caption"], line["label"])
        assert (row["file"], row["member"], row["record"]) == (
            "zeroshot_test",
            "test.jsonl",
            int(row["statement_id"]),
        )


def statement(number: int = 5, **changed: Any) -> dict[str, Any]:
    name = f"{number:012}.jpg"
    link = f"http://images.cocodataset.org/val2017/{name}"
    return {"image": name, "image_link": link, "caption": "The cat is in it.", "label": 1, **changed}


def test_defects(tmp_path: Path) -> None:
    lines = [
        statement(),
        "",
        statement(caption="The cat is on it."),
        statement(6, image="000000000007.jpg"),
        statement(8, image_link="http://elsewhere.org/val2017/000000000008.jpg"),
        statement(9, image_link="http://images.cocodataset.org/val2017/../000000000009.jpg"),
        statement(label=2),
        statement(label=True),
        statement(label=None),
        statement(caption=" "),
        [],
    ]
    tables = told(lines, tmp_path)
    assert tables("images")["image_id"].to_pylist() == ["coco:5"]
    assert tables("statements")["statement_id"].to_pylist() == ["0", "2"]
    assert tables.rejected("images") == {"unknown_picture_address": 3, "malformed": 4}
    assert tables.rejected("statements") == {"unknown_image": 3, "malformed": 4, "empty_text": 1}


@pytest.mark.parametrize("line", ["<html>", '{"image": ', "NOT FOUND"])
def test_a_page_in_place_of_the_file_is_an_error(tmp_path: Path, line: str) -> None:
    with pytest.raises(BuildError, match="line 2"):
        told([statement(), line], tmp_path)("images")
