"""The reader of TDIUC on real records, on numbers of pictures of two publishers, and on what is irregular."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.tdiuc import irregular_questions
from sample_world.tasking import KINDS
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import tdiuc

BORROWED = ("mscoco_annotations", "image_data")


def written(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            archive.writestr(name, json.dumps(value))
    return path


def packed(
    folder: Path,
    parts: dict[str, tuple[list[Any], list[Any]]],
    coco: dict[str, list[int]],
    genome: list[dict[str, Any]],
    nested: str = "TDIUC/",
) -> Tables:
    """The tables of questions and annotations by part, beside COCO's list and Visual Genome's."""
    members: dict[str, Any] = {}
    for part in ("train2014", "val2014"):
        questions, annotations = parts.get(part, ([], []))
        members[f"{nested}Questions/OpenEnded_mscoco_{part}_questions.json"] = {"questions": questions}
        members[f"{nested}Annotations/mscoco_{part}_annotations.json"] = {"annotations": annotations}
    listed = {
        f"annotations/instances_{part}.json": {
            "images": [
                {
                    "id": number,
                    "file_name": f"COCO_{part}_{number:012}.jpg",
                    "width": 640,
                    "height": 480,
                }
                for number in coco.get(part, [])
            ]
        }
        for part in ("train2014", "val2014")
    }
    return Tables(
        tdiuc,
        {
            "archive": written(folder / "TDIUC.zip", members),
            "mscoco_annotations": written(folder / "annotations.zip", listed),
            "image_data": written(folder / "image_data.zip", {"image_data.json": genome}),
        },
        folder / "tables",
    )


def genome_picture(number: int, folder: str = "VG_100K", **changed: Any) -> dict[str, Any]:
    url = f"https://cs.stanford.edu/people/rak248/{folder}/{number}.jpg"
    return {"image_id": number, "width": 500, "height": 375, "url": url, "coco_id": None, **changed}


def question(number: int, image: int, **changed: Any) -> dict[str, Any]:
    return {"image_id": image, "question_id": number, "question": "What color is it?", **changed}


def annotation(number: int, image: int, source: str | None = "generation", **changed: Any) -> dict[str, Any]:
    answers = [{"answer": "red", "answer_confidence": "yes", "answer_id": 1}]
    return {
        "question_type": "color",
        "image_id": image,
        "ans_source": source,
        "answers": answers,
        "question_id": number,
        **changed,
    }


def about(*images: tuple[int, str | None]) -> tuple[list[Any], list[Any]]:
    """One question about each of some pictures, by number and source of the answer."""
    numbered = list(enumerate(images))
    return (
        [question(number, image) for number, (image, _) in numbered],
        [annotation(number, image, source) for number, (image, source) in numbered],
    )


def test_real_records(real: Path, tmp_path: Path) -> None:
    folder = real / "tdiuc" / "reconstructed"
    questions = json.loads((folder / "OpenEnded_mscoco_train2014_questions.json").read_bytes())["questions"]
    annotations = json.loads((folder / "mscoco_train2014_annotations.json").read_bytes())["annotations"]
    # All of these pictures were found among COCO's for training, but one that nobody looked for.
    coco = {"train2014": [record["image_id"] for record in questions]}
    tables = packed(tmp_path, {"train2014": (questions, annotations)}, coco, [])
    assert (tables("images").num_rows, tables.rejected("images")) == (11, {"unknown_picture": 1})
    assert (tables("questions").num_rows, tables.rejected("questions")) == (11, {"no_question": 1})
    assert set(tables("questions")["kind"].to_pylist()) == set(KINDS) - {"absurd"}
    assert tables.rows("questions")[2] == {
        "image_id": "coco:408564",
        "question_id": "30160429",
        "question": "How many boards are there?",
        "question_raw": "How many boards are there?",
        "answer": "one",
        "answer_raw": "one",
        "kind": "counting",
    }


def test_a_number_is_the_picture_of_the_list_that_has_it(tmp_path: Path) -> None:
    parts = {
        "train2014": about(
            (9, "generation"),
            (12, "imported_genome"),
            (90_000_012, "imported_genome"),
            (90_000_013, "generation"),
            (46, "imported_genome"),
            (12, "generation"),
            (46, "generation"),
            (90_000_009, "imported_genome"),
            (7, None),
        )
    }
    genome = [
        genome_picture(12),
        genome_picture(13, "VG_100K_2", coco_id=77),
        genome_picture(46),
        genome_picture(7, "elsewhere"),
    ]
    tables = packed(tmp_path, parts, {"train2014": [9], "val2014": [46]}, genome)
    found = {row["question_id"]: row["image_id"] for row in tables.rows("questions")}
    assert found == {
        "0": "coco:9",
        "1": "vg:12",
        "2": "vg:12",
        "3": "vg:13",
        "4": "coco:46",
        "6": "coco:46",
    }
    assert tables.rejected("questions") == {"unknown_image": 3}
    assert tables.rejected("images") == {"unknown_picture": 3}
    assert {row["image_id"]: (row["archive"], row["picture"]) for row in tables.rows("images")} == {
        "coco:9": ("mscoco.train2014", "train2014/COCO_train2014_000000000009.jpg"),
        "coco:46": ("mscoco.val2014", "val2014/COCO_val2014_000000000046.jpg"),
        "vg:12": ("visual_genome.images", "VG_100K/12.jpg"),
        "vg:13": ("visual_genome.images2", "VG_100K_2/13.jpg"),
    }
    sizes = {row["image_id"]: (row["width"], row.get("coco_id")) for row in tables.rows("images")}
    assert sizes == {"coco:9": (640, 9), "coco:46": (640, 46), "vg:12": (500, None), "vg:13": (500, 77)}


def test_a_picture_of_both_parts_is_for_validation(tmp_path: Path) -> None:
    parts = {"train2014": about((9, None), (11, None)), "val2014": about((11, None))}
    tables = packed(tmp_path, parts, {"train2014": [9, 11]}, [])
    assert [(row["image_id"], row["published_split"]) for row in tables.rows("images")] == [
        ("coco:9", "train"),
        ("coco:11", "validation"),
    ]
    # Both parts number their questions alike here, so that the last names one that is there.
    assert tables("questions").num_rows == 3


@pytest.mark.parametrize("nested", ["TDIUC/", ""])
def test_what_becomes_of_irregular_records(tmp_path: Path, nested: str) -> None:
    for name in ("mscoco", "visual_genome"):
        import_module(f"sample_world.formats.{name}").write(tmp_path / "mirror", 0, 1.0)
    import_module("sample_world.formats.tdiuc").write(tmp_path / "mirror", 0, 1.0, nested)
    found = record_files("tdiuc", tmp_path / "mirror")
    tables = Tables(tdiuc, {name: found[name] for name in ("archive", *BORROWED)}, tmp_path / "tables")
    rows = {row["question_id"]: row for row in tables.rows("questions")}
    irregular = {name: [str(n) for n in numbers] for name, numbers in irregular_questions(0).items()}
    lost = {name: sum(number not in rows for number in numbers) for name, numbers in irregular.items()}
    assert {name: count for name, count in lost.items() if count} == {
        "no_annotation": 1,
        "other_picture": 1,
        "no_answer": 1,
        "reserved_mark": 1,
        "malformed": 2,
        "unknown_number": 21,
        "other_name": 21,
        "plain_generated": 21,
    }
    assert {rows[number]["image_id"] for number in irregular["plain_number"]} == {"vg:12"}
    assert tables.rejected("questions") == {
        "no_annotation": 3,
        "no_question": 4,
        "other_picture": 1,
        "no_answer": 1,
        "reserved_mark": 1,
        "malformed": 2,
        "unknown_image": 63,
    }
    assert tables.rejected("images") == {"malformed": 1, "unknown_picture": 4}
    publishers = Counter(row["image_id"].partition(":")[0] for row in tables.rows("images"))
    assert publishers["coco"] > 60 and publishers["vg"] > 8
    assert set(tables("questions")["kind"].to_pylist()) == set(KINDS)
    for member in set(tables("questions")["member"].to_pylist()):
        assert member.startswith(f"{nested}Questions/")
