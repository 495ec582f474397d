"""TextVQA's reader on the sample world, where all that is irregular has a name, and on real questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.text_vqa import image_id, irregular_pictures, regular, write
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import text_vqa

SCALE = 0.5


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("text_vqa")
    write(folder / "mirror", 0, SCALE)
    return Tables(text_vqa, record_files("text_vqa", folder / "mirror"), folder / "tables")


def of(tables: Tables, table: str, name: str) -> list[dict[str, Any]]:
    """The rows of an irregular picture."""
    image = f"textvqa:{irregular_pictures(0)[name]}"
    return [row for row in tables.rows(table) if row["image_id"] == image]


def test_what_is_read_and_asked_is_on_the_sign(tables: Tables) -> None:
    texts = {row["image_id"]: row for row in tables.rows("texts")}
    images = {row["image_id"]: row for row in tables.rows("images")}
    for scene in regular(0, SCALE):
        (sign,) = (thing for thing in scene.things if thing.word)
        image = f"textvqa:{image_id(scene.number)}"
        assert image[8] == "0"
        assert (images[image]["width"], images[image]["height"]) == (scene.width, scene.height)
        assert images[image]["picture"] == f"train_images/{image[8:]}.jpg"
        assert (texts[image]["text_id"], texts[image]["text"]) == ("0", sign.word)
        assert list(texts[image]["box"].values()) == pytest.approx(list(sign.part_box), abs=0.01)
        rows = [row for row in tables.rows("questions") if row["image_id"] == image]
        assert [row["answer"] for row in rows] == [sign.word.lower()] * 2
        assert all(len(row["answers"]) == 10 for row in rows)
    # The answers to the test questions are not public, so that the benchmark evaluates on these.
    assert {row["published_split"] for row in images.values()} == {"test"}


def test_the_answer_is_what_most_people_gave(tables: Tables) -> None:
    blanks, _ = of(tables, "questions", "blanks")
    word = blanks["answer"]
    assert blanks["answers_raw"].count(word) == 1 and blanks["answers"].count(word) == 4
    assert blanks["answers"].count("sign") == 3 and len(blanks["answers"]) == 9
    tie, _ = of(tables, "questions", "tie")
    assert tie["answers"].count(tie["answer"]) == tie["answers"].count("sign") == 3
    assert tie["answer"] != "sign"
    assert of(tables, "questions", "unanswerable")[0]["answer"] == "unanswerable"
    assert [row.get("answer") for row in of(tables, "questions", "no_answers")] == [None, None]
    assert len(of(tables, "questions", "answers_absent")) == 1


def test_irregular_texts(tables: Tables) -> None:
    assert of(tables, "texts", "no_words") == []
    (turned,) = of(tables, "texts", "turned")
    assert turned["text"]
    (image,) = of(tables, "images", "words")
    border, empty = of(tables, "texts", "words")
    assert border["box"]["x1"] == image["width"]
    assert "text" not in empty
    # The words of `other_picture` and those of `bad_id`.
    assert {row["image_id"] for row in tables.left_out("texts", "unknown_image")} == {
        "ffffffffffffffff",
        "textvqa:../elsewhere",
    }


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    assert tables.rejected("images") == {"unknown_picture_address": 1}
    assert tables.rejected("questions") == {"malformed": 1, "unknown_image": 2}
    assert tables.rejected("texts") == {
        "box_outside": 1,
        "box_degenerate": 1,
        "malformed": 1,
        "unknown_image": 2,
    }


def test_real_questions(real: Path, tmp_path: Path) -> None:
    known = real / "textvqa" / "TextVQA_0.5.1_val.json"
    (tmp_path / "ocr.json").write_text(json.dumps({"data": []}))
    tables = Tables(text_vqa, {"val": known, "ocr_val": tmp_path / "ocr.json"}, tmp_path / "tables")
    assert tables.rows("images") == [
        {
            "image_id": f"textvqa:{image}",
            "width": 1_024,
            "height": height,
            "flickr_id": flickr,
            "published_split": "test",
            "archive": "images",
            "picture": f"train_images/{image}.jpg",
        }
        for image, height, flickr in (
            ("003a8ae2ef43b901", 664, 5_566_811),
            ("b9dc400eb20bad64", 683, 4_920_614_800),
            ("2b538a43dd933fc1", 1_024, 5_721_283_932),
            ("831bcec304a17054", 576, 15_223_897_342),
        )
    ]
    rows = tables.rows("questions")
    assert [row["answer"] for row in rows] == ["dakota", "copenhagen", "ale", "bowmore", "10 years"]
    assert rows[3]["answers_raw"][0] == "bowmore " and rows[3]["answers"][0] == "bowmore"
    assert rows[0]["question_id"] == "34602"
    assert tables.rejected("questions") == {}
