"""The reader of wikiHow on the sample world, where all that is irregular has a name."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.wikihow import Told, image, irregular, regular, write
from schemas.errors import BuildError
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import wikihow

SCALE = 0.5
SPLITS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("wikihow")
    write(folder / "mirror", 0, SCALE)
    return Tables(wikihow, record_files("wikihow", folder / "mirror"), folder / "tables")


def of(tables: Tables, table: str, told: Told) -> list[dict[str, Any]]:
    """The rows of an article."""
    if table == "steps":
        return [row for row in tables.rows("steps") if row["article_id"] == told.name]
    return [row for row in tables.rows("images") if row["image_id"].startswith(f"wikihow:{told.name}/")]


def test_a_regular_article_comes_out_whole(tables: Tables) -> None:
    for told in regular(0, SCALE):
        steps = [
            (number, position, method.name, step.text)
            for number, method in enumerate(told.methods)
            for position, step in enumerate(method.steps)
        ]
        rows = of(tables, "steps", told)
        assert [
            (row["method_position"], row["position"], row["method"], row["text"]) for row in rows
        ] == steps
        ids = [f"wikihow:{told.name}/{image(number, position)}" for number, position, _, _ in steps]
        assert [row["image_id"] for row in rows] == ids
        assert {row["published_split"] for row in rows} == {SPLITS[told.part]}
        assert rows[0]["title"].startswith("How to Set Out ")
        assert of(tables, "images", told) == [
            {
                "image_id": image_id,
                "published_split": SPLITS[told.part],
                "archive": "articles",
                "picture": f"wikihow/data/{told.name}/image/{image_id.rpartition('/')[2]}",
            }
            for image_id in ids
        ]


def test_irregular_articles(tables: Tables) -> None:
    told = irregular(0)
    steps = {name: of(tables, "steps", one) for name, one in told.items()}
    count = {name: sum(len(method.steps) for method in one.methods) for name, one in told.items()}
    assert len(steps["odd_name"]) == count["odd_name"] == len(of(tables, "images", told["odd_name"]))
    assert [row.get("image_id") for row in steps["no_pictures"][:3]] == [None] * 3
    assert len(of(tables, "images", told["no_pictures"])) == count["no_pictures"] - 3
    first, second, third = steps["shared_picture"][:3]
    assert first["image_id"] == second["image_id"] != third["image_id"]
    assert len(of(tables, "images", told["shared_picture"])) == count["shared_picture"]
    # Whether the archive has a picture is seen when pictures are read.
    assert len(of(tables, "images", told["picture_absent"])) == count["picture_absent"]
    assert [row.get("image_id") for row in steps["outside"][:3]] == [None] * 3
    assert len(steps["outside"]) == count["outside"]
    assert [row["position"] for row in steps["empty_headline"]][:2] == [2, 3]
    assert {row["method_position"] for row in steps["no_name"]} == {1}
    assert len(steps["two_steps"]) == len(told["two_steps"].methods[0].steps) + 2
    last = [row for row in steps["repeated_step"] if row["method_position"] == 0][-1]
    assert last["text"] == steps["repeated_step"][1]["text"].upper()
    assert {row["method_position"] for row in steps["no_steps"]} == {0}
    assert "title" not in steps["other_title"][0]
    assert {name for name, rows in steps.items() if not rows} == {
        *("without_methods", "not_in_split", "other_type", "not_json")
    }


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    whole = {"without_methods": 1, "not_in_split": 1}
    assert tables.rejected("images") == {**whole, "malformed": 2, "unknown_picture_address": 3}
    unnamed = len(irregular(0)["no_name"].methods[0].steps)
    assert tables.rejected("steps") == {**whole, "malformed": 2 + 1 + unnamed, "empty_text": 1}
    assert [row["img"] for row in tables.left_out("images", "unknown_picture_address")] == [
        "../../elsewhere.jpg",
        "/etc/passwd",
        "image\\a.jpg",
    ]


def packed(folder: Path, members: dict[bytes, bytes], lists: dict[str, list[str]]) -> Tables:
    """The tables of an archive with these members."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "wikihow.tar.gz", "w:gz", errors="surrogateescape") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name.decode(errors="surrogateescape"))
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    (folder / "split.json").write_text(json.dumps({"train": [], "val": [], "test": [], **lists}))
    files = {"articles": folder / "wikihow.tar.gz", "split": folder / "split.json"}
    return Tables(wikihow, files, folder / "tables")


ARTICLE = json.dumps({"methods": [{"name": "A way", "steps": [{"headline": "Do it.", "img": "a.jpg"}]}]})


@pytest.mark.parametrize("folder", ["data", "wikihow/data", "./data", "some/where/data"])
def test_the_folder_may_lie_anywhere_in_the_archive(tmp_path: Path, folder: str) -> None:
    tables = packed(tmp_path, {f"{folder}/1_a/wikihow.json".encode(): ARTICLE.encode()}, {"train": ["1_a"]})
    (row,) = tables.rows("images")
    assert row["picture"] == f"{folder.removeprefix('./')}/1_a/image/a.jpg"
    assert tables.rows("steps")[0]["image_id"] == "wikihow:1_a/a.jpg"


def test_nobody_trains_on_what_another_list_evaluates_on(tmp_path: Path) -> None:
    lists = {"train": ["1_a", "2_b"], "val": ["2_b", "3_c"], "test": ["1_a", "3_c"]}
    names = ("1_a", "2_b", "3_c")
    members = {f"data/{name}/wikihow.json".encode(): ARTICLE.encode() for name in names}
    tables = packed(tmp_path, members, lists)
    splits = [row["published_split"] for row in tables.rows("steps")]
    assert splits == ["test", "validation", "test"]


def test_a_name_that_is_no_text_is_no_listed_article(tmp_path: Path) -> None:
    members = {b"data/1_m\xe2ch\xe9/wikihow.json": ARTICLE.encode(), b"data/2_b\xff/wikihow.json": b"{"}
    tables = packed(tmp_path, members, {"train": ["1_mâché"]})
    assert tables.rejected("steps") == {"not_in_split": 1, "malformed": 1}
    assert tables.rows("steps") == []


def test_another_archive_is_an_error(tmp_path: Path) -> None:
    tables = packed(tmp_path, {b"wikihowAll.csv": b"headline,title,text\n"}, {})
    with pytest.raises(BuildError, match="the archive holds no articles"):
        tables.rows("steps")


def test_the_pin_is_that_of_the_real_list(real: Path) -> None:
    data = (real / "wikihow" / "vgsi_multimodal" / "wikihow_split.json").read_bytes()
    pin = wikihow.SOURCE.files["split"].pin
    assert pin is not None
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (pin.sha256, pin.bytes)
