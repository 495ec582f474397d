"""The reader of GQA on the sample world, where every irregular question has a name, and on real questions."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sample_world.formats.gqa import irregular, questions, regular
from sample_world.genome import image_id
from tests.transforms.genome_family import record_files, sample_tables
from tests.transforms.source_tables import Tables
from transforms.sources import gqa

SCALE = 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gqa")


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    return sample_tables("gqa", folder, SCALE)


@pytest.fixture(scope="module")
def by_id(tables: Tables) -> dict[str, dict[str, Any]]:
    """The rows of questions by their ids."""
    return {row["question_id"]: row for row in tables.rows("questions")}


def test_every_regular_question_comes_out_as_published(by_id: dict[str, dict[str, Any]]) -> None:
    counted = 0
    for _, scene in regular(0, SCALE):
        number = image_id(scene.number)
        for position, asked in enumerate(questions(scene)):
            row = by_id[f"{number:07}{position:02}"]
            assert (row["image_id"], row["question"], row["answer"], row["kind"]) == (
                f"vg:{number}",
                asked.question,
                asked.answer,
                asked.structural,
            )
            counted += 1
    assert counted > 200
    assert {row.get("kind") for row in by_id.values()} == {
        *("query", "verify", "logical", "choose", "compare"),
        None,
    }


def test_pictures_are_visual_genomes(tables: Tables) -> None:
    parts = {f"vg:{image_id(scene.number)}": part for part, scene in regular(0, SCALE)}
    rows = {row["image_id"]: row for row in tables.rows("images")}
    splits = {"train": "train", "val": "validation"}
    assert {image: rows[image]["published_split"] for image in parts} == {
        image: splits[part] for image, part in parts.items()
    }
    assert {row["archive"] for row in rows.values()} == {"visual_genome.images", "visual_genome.images2"}
    assert tables.left_out("images", "not_in_visual_genome") == [{"image_id": "n161313"}]
    assert tables.rejected("images") == {"not_in_visual_genome": 1, "malformed": 1, "duplicate_key": 1}


def test_irregular_questions(tables: Tables, by_id: dict[str, dict[str, Any]]) -> None:
    first = {name: pairs[0][0] for name, pairs in irregular(0, SCALE).items()}
    assert {name for name, number in first.items() if number not in by_id} == {
        *("other_picture", "reserved_mark", "malformed")
    }
    assert by_id[first["number"]]["image_id"].startswith("vg:")
    blanks = by_id[first["blanks"]]
    assert (blanks["question_raw"], blanks["answer_raw"]) == (
        f" {blanks['question']}\n",
        f"{blanks['answer']} ",
    )
    assert "kind" not in by_id[first["no_types"]]
    assert "answer" not in by_id[first["empty_answer"]]
    assert by_id[first["unbalanced"]]["answer"]
    assert tables.rejected("questions") == {
        "unknown_image": 1,
        "reserved_mark": 1,
        "malformed": 1,
        "duplicate_key": 1,
    }
    # Behind every irregular question stands one that is as it should be.
    assert all(pairs[1][0] in by_id for pairs in irregular(0, SCALE).values())


def test_real_questions_as_they_are(real: Path, folder: Path, tables: Tables) -> None:
    """The known ones are of pictures that Visual Genome does not have; here it is said to have some."""
    known = real / "gqa" / "xgqa_en_few_shot"
    asked = json.loads((known / "dev.json").read_bytes())
    for record in asked.values():
        record["imageId"] = record["imageId"].removeprefix("n")
    listed = [
        {"image_id": number, "width": 9, "height": 9, "url": f"https://x/VG_100K/{number}.jpg"}
        for number in sorted({int(record["imageId"]) for record in asked.values()})
    ]
    assert tables("images").num_rows
    mine = folder / "real"
    mine.mkdir()
    files = {name: mine / path.name for name, path in record_files("gqa", folder / "mirror").items()}
    with zipfile.ZipFile(files["questions"], "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train_balanced_questions.json", (known / "train_48.json").read_bytes())
        file.writestr("val_balanced_questions.json", json.dumps(asked))
    with zipfile.ZipFile(files["image_data"], "w") as file:
        file.writestr("image_data.json", json.dumps(listed))
    found = Tables(gqa, files, mine / "tables")
    assert (found("images").num_rows, found.rejected("images")) == (50, {"not_in_visual_genome": 48})
    assert found("questions").num_rows == 1_422
    assert found.rejected("questions") == {"unknown_image": 1_490}
    assert Counter(found("questions")["kind"].to_pylist()) == {
        "query": 761,
        "verify": 249,
        "logical": 224,
        "choose": 118,
        "compare": 70,
    }
    assert found("questions")["question_id"].to_pylist() == list(asked)
