"""The reader of Natural Instructions on the sample world, where all that is irregular has a name."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sample_world.exercising import KINDS
from sample_world.formats.natural_instructions import name, texts, write
from sample_world.irregular_natural_instructions import file
from schemas.errors import BuildError
from tests.transforms.genome_family import record_files
from tests.transforms.source_tables import Tables
from transforms.sources import natural_instructions

SCALE = 0.5


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("natural_instructions")
    write(folder / "mirror", 0, SCALE)
    files = record_files("natural_instructions", folder / "mirror")
    return Tables(natural_instructions, files, folder / "tables")


def of(tables: Tables, task: str) -> list[dict[str, Any]]:
    """The exercises of a task."""
    return [row for row in tables.rows("exercises") if row["task"] == task]


def test_a_regular_task_comes_out_whole(tables: Tables) -> None:
    for kind in KINDS:
        rows = of(tables, name(kind))
        older = kind.name == "first_letters"
        assert [row["text"] for row in rows] == texts(0, SCALE)
        assert [row["answers"] for row in rows] == [kind.answers(text) for text in texts(0, SCALE)]
        assert {row["definition"] for row in rows} == {kind.definition}
        assert {row["category"] for row in rows} == {kind.category}
        spoken = "English" if kind.language == "English" else f"English, {kind.language}"
        assert {row.get("language") for row in rows} == {None if older else spoken}
        split = kind.part if kind.part in ("train", "test") else None
        assert {row.get("published_split") for row in rows} == {split}
        ids = [row["exercise_id"] for row in rows]
        assert ids[1] == "1" if older else ids[1].startswith(name(kind).partition("_")[0] + "-")


def test_irregular_exercises(tables: Tables) -> None:
    rows = {row["text"]: row for row in of(tables, file("exercises"))}
    assert {text: (row["exercise_id"], row["answers"]) for text, row in rows.items()} == {
        "one empty": ("irregular-one_empty", ["two"]),
        "text output": ("irregular-text_output", ["a text"]),
        "no id": ("6", ["none"]),
        "number id": ("17", ["seventeen"]),
    }
    assert rows["one empty"]["answers_raw"] == ["", "two"]


def test_irregular_tasks(tables: Tables) -> None:
    rows = {of_task: of(tables, file(of_task)) for of_task in ("both_lists", "unlisted", "no_category")}
    assert rows["both_lists"][0]["published_split"] == "test"
    assert "published_split" not in rows["unlisted"][0]
    assert "category" not in rows["no_category"][0]
    (several,) = of(tables, file("definitions"))
    assert (several["definition"], several["category"]) == ("The first.", "One")
    (spoken,) = of(tables, file("several_languages"))
    assert spoken["language"] == "English, French"
    for absent in ("not_json", "no_definition", "folder"):
        assert of(tables, file(absent)) == []


def test_every_row_left_out_has_a_name(tables: Tables) -> None:
    assert tables.rejected("exercises") == {
        "malformed": 3,
        "no_answer": 2,
        "empty_text": 1,
        "duplicate_id": 1,
        "reserved_mark": 1,
        "text_too_long": 1,
    }
    assert {row["id"] for row in tables.left_out("exercises", "no_answer")} == {
        "irregular-all_empty",
        "irregular-no_output",
    }


def packed(folder: Path, members: dict[str, str]) -> Tables:
    with zipfile.ZipFile(folder / "v2.8.zip", "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return Tables(natural_instructions, {"repository": folder / "v2.8.zip"}, folder / "tables")


def test_without_lists_nothing_has_a_split(tmp_path: Path) -> None:
    task = {"Definition": ["Do it."], "Instances": [{"id": "a", "input": "b", "output": ["c"]}]}
    tables = packed(tmp_path, {"natural-instructions-master/tasks/task1_a.json": json.dumps(task)})
    assert tables.rows("exercises") == [
        {
            "task": "task1_a",
            "exercise_id": "a",
            "definition": "Do it.",
            "definition_raw": "Do it.",
            "text": "b",
            "text_raw": "b",
            "answers": ["c"],
            "answers_raw": ["c"],
        }
    ]


def test_another_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="the archive holds no tasks"):
        packed(tmp_path, {"natural-instructions-2.8/README.md": "tasks"}).rows("exercises")
