"""The reader of OK-VQA on real records, on both versions of its answers, and on what is irregular."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.ok_vqa import Version, irregular_questions, write
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import ok_vqa

PARTS = {"train": "train2014", "val": "val2014"}


def packed(folder: Path, val: tuple[dict[str, Any], dict[str, Any]]) -> Tables:
    """The tables of two files about validation; those about training hold nothing."""
    files = {}
    nothing: tuple[dict[str, Any], ...] = {"questions": []}, {"annotations": []}
    for (part, name), held in zip(PARTS.items(), (nothing, val), strict=True):
        members = (f"OpenEnded_mscoco_{name}_questions.json", f"mscoco_{name}_annotations.json")
        for kind, member, records in zip(("questions", "annotations"), members, held, strict=True):
            path = files[f"{part}_{kind}"] = folder / f"{member}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(member, json.dumps(records))
    return Tables(ok_vqa, files, folder / "tables")


def test_real_records(real: Path, tmp_path: Path) -> None:
    folder = real / "okvqa"
    questions = json.loads((folder / "OpenEnded_mscoco_val2014_questions.json").read_bytes())
    path = folder / "reconstructed" / "mscoco_val2014_annotations.json"
    tables = packed(tmp_path, (questions, json.loads(path.read_bytes())))
    assert (tables("images").num_rows, tables.rejected("images")) == (5_033, {})
    # Of 5,046 questions, the answers to 1,203 are known here.
    assert (tables("questions").num_rows, tables.rejected("questions")) == (1_203, {"no_annotation": 3_843})
    answers = ["vine"] * 4 + ["climbing"] * 2 + ["looks like some kind of ivy"] * 2 + ["ficus"] * 2
    assert tables.rows("questions")[0] == {
        "image_id": "coco:339761",
        "question_id": "3397615",
        "question": "Name the type of plant this is?",
        "question_raw": "Name the type of plant this is?",
        "answer": "vine",
        "answer_raw": "vine",
        "answers": answers,
        "answers_raw": answers,
    }


def question(number: int) -> dict[str, Any]:
    return {"image_id": 7, "question_id": number, "question": "What for?"}


def annotation(number: int, answers: list[tuple[str, str]], **changed: Any) -> dict[str, Any]:
    given = [{"answer": answer, "raw_answer": raw, "answer_id": 1} for answer, raw in answers]
    return {"image_id": 7, "question_id": number, "answers": given, "question_type": "three", **changed}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([("race", "racing")] * 3 + [("ride", "riding")] * 2, "racing"),
        ([("pony tail", "ponytail"), ("pony tail", "pony tails"), ("hair", "hair")], "ponytail"),
        ([("pony tail", "ponytail"), ("pony tail", "pony tails"), ("pony tail", "pony tails")], "pony tails"),
        ([("a", "a"), ("b", "b"), ("b", "b"), ("a", "a")], "a"),
        ([("", ""), ("", " "), ("b", "b")], "b"),
        ([("race", " "), ("race", "race ")], "race"),
    ],
)
def test_the_answer_is_what_most_people_wrote(
    tmp_path: Path, answers: list[tuple[str, str]], expected: str
) -> None:
    told = {"annotations": [annotation(1, answers)], "question_types": {"three": "Sports"}}
    tables = packed(tmp_path, ({"questions": [question(1)]}, told))
    (row,) = tables.rows("questions")
    assert (row["answer"], row["kind"]) == (expected, "Sports")
    assert row["answers_raw"] == [raw for _, raw in answers]


def test_kinds_without_a_name(tmp_path: Path) -> None:
    told = [annotation(1, [("a", "a")]), annotation(2, [("a", "a")], question_type=None)]
    asked = {"questions": [question(1), question(2)]}
    tables = packed(tmp_path, (asked, {"annotations": told, "question_types": {"two": "Sports"}}))
    assert [row.get("kind") for row in tables.rows("questions")] == ["three", None]


def sample(folder: Path, version: Version = "1.1") -> Tables:
    write(folder / "mirror", 0, 1.0, version)
    found = record_files("ok_vqa", folder / "mirror")
    files = {name: path for name, path in found.items() if name.startswith(("train_", "val_"))}
    return Tables(ok_vqa, files, folder / "tables")


def test_stems_make_the_same_table(tmp_path: Path) -> None:
    whole, cut = sample(tmp_path / "whole"), sample(tmp_path / "cut", "1.0")
    assert whole("questions").num_rows > 300
    assert whole("questions").equals(cut("questions"))


def test_what_becomes_of_irregular_records(tmp_path: Path) -> None:
    tables = sample(tmp_path)
    rows = {row["question_id"]: row for row in tables.rows("questions")}
    irregular = {name: [str(n) for n in numbers] for name, numbers in irregular_questions(0).items()}
    lost = {name: [number not in rows for number in numbers] for name, numbers in irregular.items()}
    assert {name: sum(gone) for name, gone in lost.items() if any(gone)} == {
        "no_annotation": 1,
        "other_picture": 1,
        "no_answer": 1,
        "reserved_mark": 1,
        "malformed": 2,
    }
    assert tables.rejected("questions") == {
        "no_annotation": 3,
        "no_question": 4,
        "other_picture": 1,
        "no_answer": 1,
        "reserved_mark": 1,
        "malformed": 2,
    }
    blank, tied = (rows[irregular[name][0]] for name in ("blank_answers", "tied"))
    assert blank["answers"] == [blank["answer"]] * 5
    assert tied["answers"] == [tied["answer"], "not sure"] * 5
    assert set(tables("questions")["kind"].to_pylist()) == {"Stones", "Activities", "Places"}
