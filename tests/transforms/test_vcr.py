"""VCR's reader on the sample world, where all that is irregular has a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sample_world.formats.vcr import irregular_pictures, path, regular, write
from sample_world.reasoning import reasoned
from tests.transforms.source_tables import Tables
from transforms.sources import vcr

SCALE = 0.5


def tables_of(mirror: Path, folder: Path) -> Tables:
    held = mirror / "by-hand" / "vcr"
    files = {"annotations": held / "vcr1annots.zip", "pictures": held / "vcr1images.zip"}
    return Tables(vcr, files, folder)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("vcr")
    write(folder / "mirror", 0, SCALE)
    return tables_of(folder / "mirror", folder / "tables")


def of(tables: Tables, table: str, name: str) -> list[dict[str, Any]]:
    """The rows of an irregular picture."""
    image = f"vcr:{path(irregular_pictures(0)[name])}.jpg"
    return [row for row in tables.rows(table) if row["image_id"] == image]


def test_pictures_and_things(tables: Tables) -> None:
    images = {row["image_id"]: row for row in tables.rows("images")}
    for scene in regular(0, SCALE):
        image = f"vcr:{path(scene)}.jpg"
        assert images[image] == {
            "image_id": image,
            "width": scene.width,
            "height": scene.height,
            "published_split": "test",
            "archive": "pictures",
            "picture": f"vcr1images/{path(scene)}.jpg",
        }
        things = [row for row in tables.rows("objects") if row["image_id"] == image]
        assert [row["object_id"] for row in things] == [str(place) for place in range(len(scene.things))]
        assert [tuple(row["box"].values()) for row in things] == [thing.box for thing in scene.things]
        categories = [thing.category for thing in scene.things]
        assert [row["name"] for row in things] == [
            f"{category} {categories[: place + 1].count(category)}"
            for place, category in enumerate(categories)
        ]
        assert not any(row["crowd"] for row in things)


def test_questions_are_told_twice(tables: Tables) -> None:
    for scene in regular(0, SCALE):
        image = f"vcr:{path(scene)}.jpg"
        rows = [row for row in tables.rows("questions") if row["image_id"] == image]
        asked = list(reasoned(scene))
        assert [row["question_id"] for row in rows] == [
            f"val-{scene.number}-{position}:{kind}"
            for position in range(len(asked))
            for kind in ("answer", "rationale")
        ]
        for position, question in enumerate(asked):
            answer, rationale = rows[2 * position : 2 * position + 2]
            assert rationale["context"] == answer["answer"] and "context" not in answer
            assert answer["question"] == rationale["question"]
            assert answer["question_marked"] == rationale["question_marked"]
            named = [str(word[0]) for word in question.question if isinstance(word, list)]
            assert answer["question_objects"] == rationale["question_objects"] == named
            marks = [f"<region_{place}>" for place in range(len(named))]
            assert [answer["question_marked"].count(mark) for mark in marks] == [1] * len(marks)
            unmarked = answer["question_marked"]
            for mark in marks:
                unmarked = unmarked.replace(f" {mark}", "")
            assert unmarked == answer["question"]
            for row in (answer, rationale):
                assert len({row["answer"], *row["choices"]}) == 4
                said = " ".join((row["answer"], *row["choices"], row.get("context", "")))
                assert "<region_" not in said and " ." not in said and " ," not in said


def test_words_are_put_together(tables: Tables) -> None:
    several, *_ = of(tables, "questions", "several")
    names = [row["name"] for row in of(tables, "objects", "several")]
    one, two, three = (names[int(number)] for number in several["question_objects"])
    assert several["question"] == f"As for {one} and {two} and {three}: What is {two}'s colour?"
    assert several["question_marked"] == (
        f"As for {one} <region_0> and {two} <region_1> and {three} <region_2>: "
        f"What is {two} <region_1>'s colour?"
    )
    first, second, *_ = of(tables, "questions", "punctuation")
    name = of(tables, "objects", "punctuation")[1]["name"]
    assert first["answer"] == second["context"]
    assert first["answer"].startswith(
        f"{name}'s owner - a Greek (he isn't here), or the boys ' friend - says: \" look \"...! "
    )
    none, *_ = of(tables, "questions", "no_things_asked")
    assert none["question"] == "What is to be seen?"
    assert "question_marked" not in none and "question_objects" not in none


def test_irregular_questions(tables: Tables) -> None:
    whole = {name: 2 * len(list(reasoned(scene))) for name, scene in irregular_pictures(0).items()}
    lost = {
        name: whole[name] - len(of(tables, "questions", name))
        for name in whole
        if whole[name] != len(of(tables, "questions", name))
    }
    assert lost == {
        # What is wrong with a question spoils both tellings, with an answer or a reason one of them.
        "unknown_object": 4,
        "three_choices": 2,
        "no_such_choice": 3,
        "empty_choice": 2,
        "empty_question": 2,
        "reserved_mark": 2,
        "malformed": 4,
        "repeated_id": 2,
        "other_objects": 2,
        # Their pictures are not listed.
        **{name: whole[name] for name in ("no_metadata", "metadata_torn", "bad_address", "other_metadata")},
    }
    repeated, *_ = of(tables, "questions", "repeated_choice")
    assert len(set(repeated["choices"])) == 2 and repeated["answer"] not in repeated["choices"]


def test_irregular_things(tables: Tables) -> None:
    scenes = irregular_pictures(0)
    for name in ("other_names", "boxes_missing"):
        assert of(tables, "images", name) and not of(tables, "objects", name)
    *things, corner = of(tables, "objects", "boxes")
    assert len(things) == len(scenes["boxes"].things)
    assert (corner["object_id"], corner["name"]) == (str(len(things)), "corner 1")
    assert list(corner["box"].values()) == [0, 0, 60, 50]
    assert len(of(tables, "objects", "outlines")) == len(scenes["outlines"].things)


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    assert tables.rejected("images") == {
        "no_metadata": 1,
        "malformed": 1,
        "unknown_picture_address": 2,
    }
    assert tables.rejected("objects") == {
        "other_objects": 2,
        "box_outside": 1,
        "box_degenerate": 1,
        # A box of three numbers, and what lies beside a picture and ends in the middle.
        "malformed": 2,
    }
    rejected = tables.rejected("questions")
    unlisted = ("no_metadata", "metadata_torn", "bad_address", "other_metadata")
    unknown = sum(2 * len(list(reasoned(irregular_pictures(0)[name]))) for name in unlisted)
    assert rejected == {
        "unknown_object": 4,
        "wrong_number_of_choices": 2,
        "no_such_choice": 3,
        "empty_choice": 2,
        "empty_text": 2,
        "reserved_mark": 2,
        # A line that cannot be read is one row.
        "malformed": 2,
        "duplicate_id": 2,
        "other_objects": 2,
        "unknown_image": unknown,
    }


def test_a_mark_of_ours_cannot_be_smuggled_in(tmp_path: Path) -> None:
    write(tmp_path / "mirror", 0, 0)
    place = tmp_path / "mirror" / "by-hand" / "vcr" / "vcr1annots.zip"
    with ZipFile(place) as file:
        asked = json.loads(file.read("val.jsonl").splitlines()[-1])
    asked["objects"][0] = "<region_7>"
    asked["question"] = ["What", "is", [0], "?"]
    with ZipFile(place, "w") as file:
        file.writestr("val.jsonl", json.dumps(asked))
    tables = tables_of(tmp_path / "mirror", tmp_path / "tables")
    assert tables.rows("questions") == [] and tables.rejected("questions") == {"reserved_mark": 2}
