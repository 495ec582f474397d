"""VisDial's reader on the sample world, where all that is irregular has a name, and on real dialogues."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sample_world.formats.visdial import TURNS, irregular, regular, write
from schemas.errors import BuildError
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import visdial

SCALE = 0.5


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("visdial")
    write(folder / "mirror", 0, SCALE)
    return Tables(visdial, record_files("visdial", folder / "mirror"), folder / "tables")


def of(tables: Tables, table: str, name: str) -> list[dict[str, Any]]:
    """The rows about the picture of an irregular dialogue."""
    image = f"visdial_val2018:{irregular(0)[name].image}"
    return [row for row in tables.rows(table) if row["image_id"] == image]


def said(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["question"], row["answer"]) for row in rows]


def packed(path: Path, data: Any) -> dict[str, Path]:
    """A file of dialogues as the publisher packs it."""
    with ZipFile(path, "w") as archive:
        archive.writestr("visdial_1.0_val.json", json.dumps(data))
    return {"dialogues": path}


def test_dialogues_are_what_was_said_of_the_scenes(tables: Tables) -> None:
    turns: dict[str, list[dict[str, Any]]] = {}
    for row in tables.rows("turns"):
        turns.setdefault(row["image_id"], []).append(row)
    images = {row["image_id"]: row for row in tables.rows("images")}
    captions = {row["image_id"]: row["text"] for row in tables.rows("captions")}
    for dialogue in regular(0, SCALE):
        image = f"visdial_val2018:{dialogue.image}"
        assert images[image] == {
            "image_id": image,
            "published_split": "test",
            "archive": "images",
            "picture": f"VisualDialog_val2018/VisualDialog_val2018_{dialogue.image:012}.jpg",
        }
        assert captions[image] == dialogue.caption
        assert said(turns[image]) == list(dialogue.turns)
        assert [row["position"] for row in turns[image]] == list(range(TURNS))
        assert {row["dialogue_id"] for row in turns[image]} == {str(dialogue.image)}


def test_blanks_are_taken_away_and_kept_beside(tables: Tables) -> None:
    first, second, *_ = of(tables, "turns", "blanks")
    assert first["question_raw"] == f"{first['question']} "
    assert second["answer_raw"] == f" {second['answer']}\t"
    (caption,) = of(tables, "captions", "blanks")
    assert caption["text_raw"] == f"  {caption['text']} "
    assert of(tables, "turns", "non_ascii")[3]["answer"].endswith(", voilà")
    assert [row["question"][-2:] for row in of(tables, "turns", "question_mark")][1] == " ?"


def test_dialogues_may_be_short(tables: Tables) -> None:
    assert said(of(tables, "turns", "two_turns")) == list(irregular(0)["two_turns"].turns[:2])
    assert len(of(tables, "images", "two_turns")) == len(of(tables, "captions", "two_turns")) == 1
    assert of(tables, "turns", "no_turns") == []
    assert len(of(tables, "images", "no_turns")) == len(of(tables, "captions", "no_turns")) == 1


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("empty_texts", [0, 1, 2, 3, 6, 7, 8, 9]),
        ("numbers_outside", list(range(8))),
        ("numbers_below", list(range(8))),
        ("answer_absent", list(range(9))),
        ("caption_absent", list(range(10))),
        ("reserved_mark", list(range(9))),
    ],
)
def test_the_turns_that_can_be_read_are_kept(tables: Tables, name: str, kept: list[int]) -> None:
    rows = of(tables, "turns", name)
    assert [row["position"] for row in rows] == kept
    assert said(rows) == [irregular(0)[name].turns[position] for position in kept]
    assert len(of(tables, "captions", name)) == (name != "caption_absent")


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    # `text_id`, and the second dialogue about one picture.
    assert tables.rejected("images") == {"malformed": 1, "duplicate_id": 1}
    assert tables.rejected("captions") == {"malformed": 2, "duplicate_id": 1}
    assert tables.rejected("turns") == {
        "malformed": 4,
        "repeated_dialogue": 10,
        "unknown_question": 1,
        "unknown_answer": 1,
        "empty_text": 2,
        "reserved_mark": 1,
    }


def test_pictures_are_not_the_photographs_of_coco_that_have_their_numbers(tables: Tables) -> None:
    assert all("coco_id" not in row and "flickr_id" not in row for row in tables.rows("images"))


def test_lists_of_something_else_than_texts_stop(tmp_path: Path) -> None:
    turn = {"question": 0, "answer": 0, "answer_options": [0], "gt_index": 0}
    dialogue = {"image_id": 3, "caption": "a cup", "dialog": [turn]}
    data: dict[str, Any] = {"questions": ["is it red"], "answers": ["yes"], "dialogs": [dialogue]}
    tables = Tables(visdial, packed(tmp_path / "a.zip", {"data": data}), tmp_path / "a")
    assert said(tables.rows("turns")) == [("is it red", "yes")]
    data["answers"] = [None]
    tables = Tables(visdial, packed(tmp_path / "b.zip", {"data": data}), tmp_path / "b")
    with pytest.raises(BuildError, match=r"answers\[0\]"):
        tables("turns")


def test_real_dialogues(real: Path, tmp_path: Path) -> None:
    known = json.loads((real / "visdial" / "visdial_1.0_val_vispro.reindexed.json").read_bytes())
    tables = Tables(visdial, packed(tmp_path / "val.zip", known), tmp_path / "tables")
    assert [tables(table).num_rows for table in ("images", "captions", "turns")] == [76, 76, 760]
    assert all(tables.rejected(table) == {} for table in ("images", "captions", "turns"))
    rows = tables.rows("turns")
    assert set(Counter(row["image_id"] for row in rows).values()) == {10}
    assert said(rows)[:3] == [
        ("is it a smartphone", "yes"),
        ("can you tell what brand", "no"),
        ("can you see the screen", "no"),
    ]
    assert rows[0]["image_id"] == "visdial_val2018:97915"
    assert tables.rows("captions")[0]["text"].startswith("a woman sitting at a table with a glass of wine")
    assert not any(row["question"].endswith("?") for row in rows)
