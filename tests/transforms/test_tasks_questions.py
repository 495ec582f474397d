"""Tasks about questions and written words: whether they belong to a picture or to a region."""

from __future__ import annotations

from pathlib import Path

from tests.transforms.task_tables import Outcome, Row, box, boxes_of, run_task

KINDS = {1: {"dog", "cup"}, 2: {"cat"}, 3: {"dog", "cat"}}
"""What is marked in each picture."""


def _asked(picture: int, number: int, question: str, source: str = "vqa_v2") -> Row:
    image = f"coco:{picture}"
    return {
        "key": f"{image}:{number}",
        "image_id": image,
        "picture_id": image,
        "split": "train",
        "question": question,
        "source": source,
    }


def _matched(folder: Path, asked: list[Row], seed: int = 0) -> Outcome:
    things = [{"image_id": f"coco:{n}", "name": name} for n, names in KINDS.items() for name in sorted(names)]
    tables = {("instances", "open_domain_vqa"): asked, ("mscoco", "objects"): things}
    return run_task(folder, "question_image_matching", tables, seed=seed)


def test_a_wrong_question_names_what_is_not_there(tmp_path: Path) -> None:
    asked = [
        _asked(picture, number, f"What is the {kind} doing{' here' * number}?")
        for picture, kinds in KINDS.items()
        for number, kind in enumerate(sorted(kinds) * 4)
    ]
    labels = set()
    for seed in range(4):
        for row in _matched(tmp_path, asked, seed).kept.values():
            (kind,) = {"dog", "cat", "cup"} & set(row["question"].split())
            there = KINDS[int(row["image_id"].removeprefix("coco:"))]
            assert row["label"] == (kind in there)
            labels.add(row["label"])
    assert labels == {True, False}


def test_only_questions_that_take_a_thing_for_granted_are_asked(tmp_path: Path) -> None:
    asked = [
        _asked(1, 1, "Is there a dog?"),
        _asked(1, 2, "How many cups are there?"),
        _asked(1, 3, "What is the weather like?"),
        _asked(1, 4, "Can you see the cup?"),
        _asked(1, 5, "What is the dog doing?", "visual_genome"),
        _asked(1, 6, "Are the dogs asleep?"),
        _asked(2, 7, "Who feeds the cat?"),
    ]
    outcome = _matched(tmp_path, asked)
    assert {*outcome.kept, *outcome.rejected} == {"coco:1:6", "coco:2:7"}


def _written(number: int, text: str) -> Row:
    """An exercise of text_localization: the options are in drawn order, the regions are not."""
    return {
        "key": f"coco:1:{number}",
        "image_id": "coco:1",
        "split": "train",
        "text": text,
        "regions": [box((100 * place, 0, 100 * place + 60, 40)) for place in range(4)],
        "target": f"<region_{number}>",
    }


def test_the_region_is_the_one_in_which_the_text_was_found(tmp_path: Path) -> None:
    texts = ["OPEN", "OPENING", "EXIT", "SALE"]
    rows: list[Row] = [_written(number, text) for number, text in enumerate(texts)]
    found = False
    for seed in range(6):
        tables = {("instances", "text_localization"): rows}
        for key, row in run_task(tmp_path, "region_text_matching", tables, seed=seed).kept.items():
            (region,) = boxes_of(row)
            text = texts[int(key.rpartition(":")[2])]
            assert region.x0 == 100 * texts.index(text)
            assert (row["text"] == text) == row["label"]
            # OPEN is a part of OPENING: neither is wrong of the other.
            assert row["label"] or {row["text"], text} != {"OPEN", "OPENING"}
            found = True
    assert found
