"""Tasks that hide one end of a relation: its name or its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transforms.task_tables import Outcome, Row, Side, box, run_task

MAN: Side = (10, 10, 60, 110)
SAME_MAN: Side = (10, 10, 60, 111)
DOG: Side = (100, 60, 160, 120)
HAT: Side = (20, 0, 50, 20)
CUP: Side = (70, 50, 80, 60)


def _said(key: str, subject: Side, words: str, thing: Side, names: tuple[str, str], image: str = "1") -> Row:
    return {
        "key": f"vg:{image}:{key}",
        "image_id": f"vg:{image}",
        "split": "train",
        "regions": [box(subject), box(thing)],
        "target": words,
        "subject_name": names[0],
        "object_name": names[1],
    }


SAID = [
    _said("a", MAN, "wearing", HAT, ("man", "hat")),
    _said("b", MAN, "holding", CUP, ("man", "cup")),
    # The man holds a second thing, as somebody said who drew him one pixel higher.
    _said("c", SAME_MAN, "holding", HAT, ("man", "hat")),
    _said("d", MAN, "near", DOG, ("man", "dog")),
    _said("e", CUP, "near", DOG, ("cup", "dog")),
    _said("g", MAN, "near", HAT, ("man", "hat")),
    # The same words in another picture are another matter.
    _said("f", MAN, "wearing", DOG, ("man", "scarf"), image="2"),
]


def _run(folder: Path, task: str, per_image: int = 0) -> Outcome:
    return run_task(folder, task, {("instances", "visual_object_relationship"): SAID}, per_image)


def test_the_object_is_named(tmp_path: Path) -> None:
    kept = _run(tmp_path, "visual_object_identification").kept
    assert len(kept) == len(SAID)
    row = kept["vg:1:a"]
    assert (row["regions"], row["relation"], row["target"]) == ([box(MAN)], "wearing", "hat")
    assert row["options"] is None


def test_the_subject_is_named(tmp_path: Path) -> None:
    row = _run(tmp_path, "visual_subject_identification").kept["vg:1:b"]
    assert (row["regions"], row["relation"], row["target"]) == ([box(CUP)], "holding", "man")


@pytest.mark.parametrize(
    ("task", "again"),
    [
        ("visual_object_identification", _said("h", MAN, "wearing", CUP, ("man", "HAT."))),
        ("visual_subject_identification", _said("h", CUP, "wearing", HAT, ("Man", "hat"))),
    ],
)
def test_the_same_question_with_the_same_answer_is_asked_once(tmp_path: Path, task: str, again: Row) -> None:
    tables = {("instances", "visual_object_relationship"): [*SAID, again]}
    assert run_task(tmp_path, task, tables).rejected == {"vg:1:h": "duplicate"}


def test_the_object_is_found_where_it_is_the_only_one(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "visual_object_localization")
    assert outcome.rejected == {f"vg:1:{key}": "several_answers" for key in "bcdg"}
    row = outcome.kept["vg:1:a"]
    assert (row["regions"], row["relation"], row["target"]) == ([box(MAN), box(HAT)], "wearing", "<region_1>")


def test_the_subject_is_found_where_it_is_the_only_one(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "visual_subject_localization")
    assert outcome.rejected == {f"vg:1:{key}": "several_answers" for key in "de"}
    row = outcome.kept["vg:1:b"]
    assert (row["regions"], row["relation"], row["target"]) == ([box(CUP), box(MAN)], "holding", "<region_1>")


@pytest.mark.parametrize("task", ["visual_object_localization", "visual_subject_localization"])
def test_relations_that_are_not_asked_count_as_answers(tmp_path: Path, task: str) -> None:
    complete = _run(tmp_path, task)
    sampled = _run(tmp_path, task, per_image=1)
    assert sampled.not_asked == len(SAID) - 2
    assert sampled.kept.items() <= complete.kept.items()
    assert sampled.rejected.items() <= complete.rejected.items()


@pytest.mark.parametrize(
    "task",
    [
        "visual_object_identification",
        "visual_object_localization",
        "visual_subject_identification",
        "visual_subject_localization",
    ],
)
def test_a_few_relations_of_an_image_are_asked(tmp_path: Path, task: str) -> None:
    outcome = _run(tmp_path, task, per_image=2)
    images = [key.rsplit(":", 1)[0] for key in (*outcome.kept, *outcome.rejected)]
    assert sorted(images) == ["vg:1", "vg:1", "vg:2"]
