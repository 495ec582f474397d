"""The reader of Visual7W on the sample world, where every irregular picture has a name."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.visual7w import irregular_pictures, regular
from sample_world.genome import image_id
from tests.transforms.genome_family import sample_tables
from tests.transforms.source_tables import Tables
from transforms.sources import visual7w

SCALE = 0.5


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return sample_tables("visual7w", tmp_path_factory.mktemp("visual7w"), SCALE)


def of(tables: Tables, table: str, name: str) -> list[dict[str, Any]]:
    """The rows of an irregular picture."""
    image = f"vg:{irregular_pictures(0, SCALE)[name]}"
    return [row for row in tables.rows(table) if row["image_id"] == image]


def test_pictures_are_visual_genomes(tables: Tables) -> None:
    rows = {row["image_id"]: row for row in tables.rows("images")}
    splits = {"train": "train", "val": "validation", "test": "test"}
    for part, scene in regular(0, SCALE):
        number = image_id(scene.number)
        row = rows[f"vg:{number}"]
        assert row["published_split"] == splits[part]
        assert (row["width"], row["height"]) == (scene.width, scene.height)
        folder, archive = ("VG_100K", "images") if scene.number % 2 else ("VG_100K_2", "images2")
        assert (row["archive"], row["picture"]) == (f"visual_genome.{archive}", f"{folder}/{number}.jpg")
    assert {row["archive"] for row in rows.values()} <= set(visual7w.SOURCE.borrows.values())
    assert any("coco_id" in row for row in rows.values())
    # One of `not_in_visual_genome`; one that both files list in `other_split`.
    assert tables.rejected("images") == {"not_in_visual_genome": 1, "malformed": 2}


def test_a_telling_and_a_pointing_question(tables: Tables) -> None:
    (_, scene), *_ = regular(0, SCALE)
    image = image_id(scene.number)
    rows = {row["question_id"]: row for row in tables.rows("questions")}
    assert rows[str(100 * image)] == {
        "image_id": f"vg:{image}",
        "question_id": str(100 * image),
        "question": "What colour is the cup in the lower middle?",
        "question_raw": "What colour is the cup in the lower middle?",
        "answer": "Blue.",
        "answer_raw": "Blue.",
        "choices": ["Green.", "Turquoise.", "Brown."],
        "choices_raw": ["Green.", "Turquoise.", "Brown."],
        "kind": "what",
    }
    assert rows[str(100 * image + 50)] == {
        "image_id": f"vg:{image}",
        "question_id": str(100 * image + 50),
        "question": "Which thing is the blue cup?",
        "question_raw": "Which thing is the blue cup?",
        "answer_object": str(100 * image + 2),
        "choice_objects": [str(100 * image + index) for index in (3, 4, 5)],
        "kind": "which",
    }


def test_boxes_are_found_whether_they_name_their_picture_or_not(tables: Tables) -> None:
    boxes = {(row["image_id"], row["object_id"]): row for row in tables.rows("objects")}
    for _, scene in regular(0, SCALE):
        image = image_id(scene.number)
        for row in tables.rows("questions"):
            if row["image_id"] == f"vg:{image}" and row["kind"] == "which":
                named = [row["answer_object"], *row["choice_objects"]]
                for number in named:
                    box = boxes[row["image_id"], number]
                    thing = scene.things[int(number) - 100 * image]
                    assert (box["name"], tuple(box["box"].values())) == (thing.category, thing.box)


def test_irregular_boxes(tables: Tables) -> None:
    (corner,) = (row for row in of(tables, "objects", "minus_one") if row["object_id"] == "900000000")
    assert tuple(corner["box"].values()) == (0, 0, 20, 20)
    (asked,) = (row for row in of(tables, "questions", "minus_one") if row["question_id"].endswith("50"))
    assert asked["answer_object"] == "900000000"
    (dangling, *_) = (row for row in of(tables, "questions", "no_such_box") if row["kind"] == "which")
    assert "900000003" in dangling["choice_objects"]
    assert not of(tables, "objects", "other_split")
    assert tables.rejected("objects") == {
        "box_of_two_images": 1,
        # Its own, and the only box of `malformed` that no other question names.
        "box_of_no_image": 2,
        "box_degenerate": 1,
        "box_outside": 1,
        "empty_text": 1,
        # The boxes of `not_in_visual_genome` and those of `other_split`, which name their picture.
        "unknown_image": 11,
        # Of the pictures and questions on the way: `other_split` and `malformed`.
        "malformed": 2,
    }
    (shared,) = tables.left_out("objects", "box_of_two_images")
    assert shared["box_id"] == 900_000_001
    assert 900_000_002 in [box["box_id"] for box in tables.left_out("objects", "box_of_no_image")]


def test_irregular_questions(tables: Tables) -> None:
    (blanks, *_) = of(tables, "questions", "blanks")
    assert "\n" in blanks["question_raw"] and blanks["question"] == " ".join(blanks["question_raw"].split())
    assert blanks["answer_raw"] == f" {blanks['answer']} "
    (repeated, *_) = of(tables, "questions", "repeated_choice")
    assert repeated["choices"][0] == repeated["answer"].upper()
    first, second, *_ = of(tables, "questions", "empty_answer")
    assert "answer" not in first and len(second["choices"]) == 2
    assert tables.rejected("questions") == {
        "duplicate_id": 1,
        "malformed": 4,
        "unknown_image": len(tables.left_out("questions", "unknown_image")),
    }
    assert {row["image_id"] for row in tables.left_out("questions", "unknown_image")} == {"vg:999999999"}


def test_a_number_that_is_named_in_two_splits_is_of_the_stricter(tmp_path: Path) -> None:
    asked = {"qa_id": 1, "question": "Who?", "answer": "Me.", "multiple_choices": [], "type": "who"}
    told = [
        {"image_id": 1, "split": "val", "qa_pairs": [asked]},
        {"image_id": 2, "split": "test", "qa_pairs": []},
    ]
    pointed = [
        {"image_id": 1, "split": "test", "qa_pairs": []},
        {"image_id": 2, "split": "train", "qa_pairs": []},
    ]
    listed = [
        {"image_id": number, "width": 9, "height": 9, "url": f"https://x/VG_100K/{number}.jpg"}
        for number in (1, 2)
    ]
    files = {
        "telling": packed(tmp_path, "dataset_v7w_telling.json", {"images": told}),
        "pointing": packed(tmp_path, "dataset_v7w_pointing.json", {"boxes": [], "images": pointed}),
        "image_data": packed(tmp_path, "image_data.json", listed),
    }
    tables = Tables(visual7w, files, tmp_path / "tables")
    assert tables("images")["published_split"].to_pylist() == ["test", "test"]
    assert tables("images")["file"].to_pylist() == ["telling", "telling"]


def packed(folder: Path, member: str, value: Any) -> Path:
    path = folder / f"{member}.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, json.dumps(value))
    return path
