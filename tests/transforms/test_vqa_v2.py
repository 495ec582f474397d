"""The reader of VQA 2.0 on real records, on files in any order, and on what is irregular."""

from __future__ import annotations

import json
import random
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.vqa_v2 import irregular_questions, write
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import vqa_v2

PARTS = {"train": "train2014", "val": "val2014"}


def packed(folder: Path, **lists: list[Any]) -> Tables:
    """The tables of files of `train_questions`, `val_annotations`, …; those not given hold nothing."""
    files = {}
    for part, name in PARTS.items():
        for kind, member in (
            ("questions", f"v2_OpenEnded_mscoco_{name}_questions.json"),
            ("annotations", f"v2_mscoco_{name}_annotations.json"),
        ):
            path = files[f"{part}_{kind}"] = folder / f"{part}_{kind}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                listed = lists.get(f"{part}_{kind}", [])
                archive.writestr(member, json.dumps({"info": {}, kind: listed}))
    return Tables(vqa_v2, files, folder / "tables")


@pytest.fixture(scope="module")
def published(real: Path) -> dict[str, list[Any]]:
    folder = real / "vqav2"
    return {
        "questions": json.loads((folder / "v2_OpenEnded_mscoco_subset_questions.json").read_bytes())[
            "questions"
        ],
        "annotations": json.loads((folder / "v2_mscoco_subset_annotations.json").read_bytes())["annotations"],
    }


def test_real_records(published: dict[str, list[Any]], tmp_path: Path) -> None:
    tables = packed(tmp_path, val_questions=published["questions"], val_annotations=published["annotations"])
    assert (tables("images").num_rows, tables.rejected("images")) == (1_224, {})
    assert (tables("questions").num_rows, tables.rejected("questions")) == (1_255, {})
    assert tables.rows("images")[0] == {
        "image_id": "coco:77",
        "coco_id": 77,
        "published_split": "validation",
        "archive": "mscoco.val2014",
        "picture": "val2014/COCO_val2014_000000000077.jpg",
    }
    first = tables.rows("questions")[0]
    assert {key: first[key] for key in ("image_id", "question_id", "question", "answer", "kind")} == {
        "image_id": "coco:77",
        "question_id": "77001",
        "question": "Is he alone or does he have people with him?",
        "answer": "people with him",
        "kind": "other",
    }
    assert Counter(row["kind"] for row in tables.rows("questions")) == {
        "other": 429,
        "yes/no": 416,
        "number": 410,
    }
    for row in tables.rows("questions"):
        given = Counter(row["answers_raw"])
        assert given.total() == 10
        assert given[row["answer_raw"]] == max(given.values())


def test_annotations_in_any_order_make_the_same_table(
    published: dict[str, list[Any]], tmp_path: Path
) -> None:
    questions, annotations = (published[kind][:200] for kind in ("questions", "annotations"))
    tables = []
    for number, seed in enumerate((None, 1, 2)):
        shuffled = list(annotations)
        if seed is not None:
            random.Random(seed).shuffle(shuffled)
        folder = tmp_path / str(number)
        folder.mkdir()
        tables.append(packed(folder, train_questions=questions, train_annotations=shuffled))
    rows = [found("questions").to_pylist() for found in tables]
    assert len(rows[0]) == 200
    assert rows[0] == rows[1] == rows[2]


def test_a_tie_is_the_publisher_s_or_the_first_in_the_list(
    published: dict[str, list[Any]], tmp_path: Path
) -> None:
    tied, firsts = 0, 0
    bare = [
        {key: value for key, value in annotation.items() if key != "multiple_choice_answer"}
        for annotation in published["annotations"]
    ]
    told = {"own": published["annotations"], "bare": bare}
    answers = {}
    for name, said in told.items():
        (tmp_path / name).mkdir()
        tables = packed(tmp_path / name, train_questions=published["questions"], train_annotations=said)
        answers[name] = tables.rows("questions")
    for row, own in zip(answers["bare"], answers["own"], strict=True):
        given = Counter(row["answers_raw"])
        most = [answer for answer in given if given[answer] == max(given.values())]
        assert row["answer_raw"] == most[0] and own["answer_raw"] in most
        tied += len(most) > 1
        firsts += own["answer_raw"] == most[0]
    assert (tied, firsts) == (80, 1_210)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("vqa_v2")
    write(folder / "mirror", 0, 1.0)
    found = record_files("vqa_v2", folder / "mirror")
    files = {name: path for name, path in found.items() if name.startswith(("train_", "val_"))}
    return Tables(vqa_v2, files, folder / "tables")


def test_what_becomes_of_irregular_records(sample: Tables) -> None:
    rows = {row["question_id"]: row for row in sample.rows("questions")}
    irregular = {name: [str(n) for n in numbers] for name, numbers in irregular_questions(0).items()}
    kept = {name: [number in rows for number in numbers] for name, numbers in irregular.items()}
    assert kept == {
        "no_annotation": [False, True, True],
        "no_question": [True, True],
        "second_annotation": [True, True, True],
        "other_picture": [False, True, True],
        "no_answer": [False, True, True],
        "blank_answers": [True, True, True],
        "tied": [True, True, True],
        "spellings": [True, True, True],
        "repeated_question": [True, True, True],
        # Both questions have the id of the first, which has the annotation.
        "repeated_id": [True, True, True],
        "reserved_mark": [False, True, True],
        "malformed": [False, False, True],
        "other_order": [True, True, True],
    }
    assert sample.rejected("questions") == {
        "no_annotation": 3,
        "no_question": 4,
        "other_picture": 1,
        "no_answer": 1,
        "reserved_mark": 1,
        "malformed": 2,
    }
    assert sample.rejected("images") == {"malformed": 1}
    blank, tied = (rows[irregular[name][0]] for name in ("blank_answers", "tied"))
    assert blank["answers"] == [blank["answer"]] * 5
    assert tied["answers"] == [tied["answer"], "not sure"] * 5
    quoted, beyond_ascii, long = (rows[number] for number in irregular["spellings"])
    assert quoted["question"] == quoted["question_raw"].strip() and '"' in quoted["question"]
    assert beyond_ascii["answer"].startswith("“") and len(long["answer"]) > 50
    first, second = (rows[number] for number in irregular["repeated_question"][:2])
    assert first["question"] == second["question"]


def test_each_picture_lies_in_the_folder_of_its_questions(sample: Tables) -> None:
    rows = sample.rows("images")
    assert len({row["image_id"] for row in rows}) == len(rows)
    for row in rows:
        folder = {"train": "train2014", "validation": "val2014"}[row["published_split"]]
        assert row["archive"] == f"mscoco.{folder}"
        assert row["picture"] == f"{folder}/COCO_{folder}_{row['coco_id']:012}.jpg"


def test_where_rows_come_from(sample: Tables) -> None:
    found = {(row["file"], row["member"]) for row in sample("questions").to_pylist()}
    assert found == {
        ("train_questions", "v2_OpenEnded_mscoco_train2014_questions.json"),
        ("val_questions", "v2_OpenEnded_mscoco_val2014_questions.json"),
    }
