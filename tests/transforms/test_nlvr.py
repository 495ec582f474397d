"""The reader of NLVR on the publisher's own records of the development split, read as the test split."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.transforms.source_tables import Tables
from transforms.sources import nlvr


@pytest.fixture(scope="module")
def path(real: Path) -> Path:
    return real / "nlvr" / "nlvr" / "dev" / "dev.json"


@pytest.fixture(scope="module")
def published(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return Tables(nlvr, {"test": path}, tmp_path_factory.mktemp("nlvr"))


def test_counts_of_the_real_records(published: Tables) -> None:
    assert (published("images").num_rows, published("statements").num_rows) == (989, 989)
    assert published.rejected("images") == published.rejected("statements") == {}
    statements = published.rows("statements")
    assert Counter(row["label"] for row in statements) == {True: 547, False: 442}
    assert sum(row["text"] != row["text_raw"] for row in statements) == 11
    assert sum(not row["text"].endswith(".") for row in statements) == 488
    assert len({row["statement_id"] for row in statements}) == 989


def test_first_rows(published: Tables) -> None:
    assert published.rows("images")[0] == {
        "image_id": "nlvr:test-1572-0-0",
        "published_split": "test",
        "archive": "images",
        "picture": "nlvr/test/images/2/test-1572-0-0.png",
    }
    assert published.rows("statements")[0] == {
        "image_id": "nlvr:test-1572-0-0",
        "statement_id": "1572-0",
        "text": "Each grey box contains atleast one yellow object touching the edge",
        "text_raw": "Each grey box contains atleast one yellow object touching the edge",
        "label": True,
    }


def test_pictures_lie_where_the_publisher_has_them(published: Tables, real: Path) -> None:
    """Of the development split, which is laid out as the test split is."""
    lie = {
        path.relative_to(real / "nlvr").as_posix()
        for path in (real / "nlvr" / "nlvr" / "dev" / "images").rglob("*-0.png")
    }
    named = {picture.replace("test", "dev") for picture in published("images")["picture"].to_pylist()}
    assert len(lie) == 25
    assert lie <= named


def sentence(identifier: str = "5-0", **changed: Any) -> dict[str, Any]:
    known = {"sentence": "There is a box.", "label": "false", "identifier": identifier, "directory": "3"}
    return {**known, "evals": {"r0": "false"}, "structured_rep": [[], [], []], **changed}


def test_defects(tmp_path: Path) -> None:
    lines = [
        sentence(),
        sentence("5-1", sentence="There  is\ta box"),
        sentence("5-2", label=True),
        sentence("5-3", label="True"),
        sentence("../6-0"),
        sentence("6-1", directory="../3"),
        {key: value for key, value in sentence("6-2").items() if key != "directory"},
        sentence("5-0"),
    ]
    path = tmp_path / "test.json"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    tables = Tables(nlvr, {"test": path}, tmp_path / "tables")
    assert tables("images")["image_id"].to_pylist() == ["nlvr:test-5-0-0", "nlvr:test-5-1-0"]
    assert tables.rejected("images") == {
        "unknown_picture_address": 2,
        "malformed": 3,
        "duplicate_id": 1,
    }
    assert [(row["text"], row["label"]) for row in tables.rows("statements")] == [
        ("There is a box.", False),
        ("There is a box", False),
    ]
    assert tables.rejected("statements") == {"unknown_image": 2, "malformed": 3, "duplicate_id": 1}
