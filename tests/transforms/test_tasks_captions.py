"""Tasks that pair pictures or regions with texts: a text that is called wrong is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from schemas.box import Box
from tests.transforms.task_tables import Outcome, Row, Side, box, run_task


def _plain(text: str) -> str:
    return re.sub(r"[\s.,!]+", " ", text.lower()).strip()


def _caption(image: int, number: int, text: str, split: str, picture: str | None = None) -> Row:
    return {
        "key": f"coco:{image}:{number}",
        "image_id": f"coco:{image}",
        "picture_id": picture or f"coco:{image}",
        "split": split,
        "target": text,
    }


def _captions() -> list[Row]:
    """Captions from a small stock, so that the same words are said of many pictures.

    Every second picture of the training split has a copy that shares its photograph.
    """
    lots = Random(1)
    stock = [f"A {one} next to a {other}." for one in "abcdefg" for other in "abcdefg"]
    rows = []
    for image in range(80):
        picture = f"coco:{image - image % 2}" if image < 50 else None
        split = "train" if image < 50 else "validation"
        for number in range(5):
            text = lots.choice(stock)
            text = text.upper().rstrip(".") if lots.random() < 0.3 else text
            rows.append(_caption(image, number, text, split, picture))
    return rows


CAPTIONS = _captions()
BY_KEY = {row["key"]: row for row in CAPTIONS}


def _references(row: Row) -> set[str]:
    """What is said of the photograph that a row shows, by any copy of it."""
    picture = BY_KEY[row["key"]]["picture_id"]
    return {_plain(other["target"]) for other in CAPTIONS if other["picture_id"] == picture}


def _matched(folder: Path, task: str, rows: list[Row] = CAPTIONS, per_image: int = 0) -> Outcome:
    return run_task(folder, task, {("instances", "image_captioning"): rows}, per_image)


def test_a_caption_is_one_exercise_however_often_it_is_given(tmp_path: Path) -> None:
    captions = [
        {"image_id": image, "caption_id": number, "text": text}
        for image, number, text in [
            ("coco:1", "1", "A dog."),
            ("coco:1", "2", "a dog"),
            ("coco:1", "3", "A dog runs."),
            ("coco:2", "4", "A dog."),
        ]
    ]
    pictures = [
        {"image_id": "coco:1", "picture_id": "coco:1", "split": "train"},
        {"image_id": "coco:2", "picture_id": "coco:2", "split": "validation"},
    ]
    tables = {("mscoco", "captions"): captions, ("mscoco", "pictures"): pictures}
    outcome = run_task(tmp_path, "image_captioning", tables, per_image=1)
    assert outcome.rejected == {"coco:1:2": "duplicate"}
    assert {key: (row["target"], row["split"]) for key, row in outcome.kept.items()} == {
        "coco:1:1": ("A dog.", "train"),
        "coco:1:3": ("A dog runs.", "train"),
        "coco:2:4": ("A dog.", "validation"),
    }


def test_a_text_matches_a_picture_exactly_if_the_label_says_so(tmp_path: Path) -> None:
    outcome = _matched(tmp_path, "image_text_matching")
    for split in ("train", "validation"):
        labels = [row["label"] for row in outcome.kept.values() if row["split"] == split]
        assert labels.count(True) == labels.count(False) > 40
    assert set(outcome.rejected.values()) <= {"balance", "no_wrong_caption"}
    for key, row in outcome.kept.items():
        said = BY_KEY[row["caption_key"]]
        assert row["text"] == said["target"]
        assert said["split"] == row["split"]
        if row["label"]:
            assert row["caption_key"] == key
        else:
            assert said["picture_id"] != BY_KEY[key]["picture_id"]
            assert _plain(row["text"]) not in _references(row)


def test_four_captions_of_four_other_photographs_are_offered(tmp_path: Path) -> None:
    outcome = _matched(tmp_path, "image_text_selection")
    assert len(outcome.kept) > 200
    assert set(outcome.rejected.values()) <= {"too_few_distractors"}
    for key, row in outcome.kept.items():
        assert len(row["options"]) == 5
        assert row["options"] == [BY_KEY[option]["target"] for option in row["option_keys"]]
        assert row["option_keys"][row["options"].index(row["target"])] == key
        assert len({_plain(option) for option in row["options"]}) == 5
        assert len({BY_KEY[option]["picture_id"] for option in row["option_keys"]}) == 5
        assert {BY_KEY[option]["split"] for option in row["option_keys"]} == {row["split"]}
        wrong = [_plain(option) for option in row["options"] if option != row["target"]]
        assert not _references(row) & set(wrong)


@pytest.mark.parametrize(
    ("task", "reason"),
    [("image_text_matching", "no_wrong_caption"), ("image_text_selection", "too_few_distractors")],
)
def test_one_photograph_has_no_wrong_captions(tmp_path: Path, task: str, reason: str) -> None:
    rows = [
        _caption(image, number, f"text {number}", "train", "coco:0")
        for image in (0, 1)
        for number in range(9)
    ]
    outcome = _matched(tmp_path, task, rows)
    assert outcome.kept == {}
    assert reason in outcome.rejected.values()


@pytest.mark.parametrize("task", ["image_text_matching", "image_text_selection"])
def test_an_image_is_asked_a_few_times(tmp_path: Path, task: str) -> None:
    outcome = _matched(tmp_path, task, per_image=2)
    assert len(outcome.kept) + len(outcome.rejected) == 2 * 80
    assert outcome.not_asked == 3 * 80


def _region(number: int, sides: Side, text: str, image: int = 1) -> Row:
    return {
        "key": f"vg:{image}:{number}",
        "image_id": f"vg:{image}",
        "split": "train",
        "regions": [box(sides)],
        "target": text,
    }


def _regions() -> list[Row]:
    lots = Random(2)
    rows = []
    for image in range(50):
        for number in range(lots.randint(1, 15)):
            left, top, wide, high = (
                lots.randint(0, 300),
                lots.randint(0, 300),
                *lots.choices((20, 90, 200), k=2),
            )
            rows.append(
                _region(number, (left, top, left + wide, top + high), lots.choice("abcdefghij"), image)
            )
    return rows


def test_a_caption_matches_a_region_exactly_if_the_label_says_so(tmp_path: Path) -> None:
    regions = _regions()
    by_key = {row["key"]: row for row in regions}
    outcome = run_task(tmp_path, "region_caption_matching", {("instances", "grounded_captioning"): regions})
    labels = [row["label"] for row in outcome.kept.values()]
    assert labels.count(True) == labels.count(False) > 50
    assert set(outcome.rejected.values()) == {"balance", "no_wrong_caption"}
    for key, row in outcome.kept.items():
        (place,) = (Box(**region) for region in row["regions"])
        assert row["text"] == by_key[row["caption_key"]]["target"]
        if row["label"]:
            assert row["caption_key"] == key
            continue
        # Nowhere near the region has anybody said these words.
        for other in regions:
            if other["image_id"] == row["image_id"] and other["target"] == row["text"]:
                assert place.iou(Box(**other["regions"][0])) < 0.1


def test_words_said_near_by_are_not_called_wrong(tmp_path: Path) -> None:
    regions = [
        _region(1, (0, 0, 50, 50), "a man"),
        _region(2, (0, 0, 50, 60), "a man standing"),
        _region(3, (200, 200, 250, 250), "A man standing."),
        _region(4, (100, 200, 150, 250), "a man"),
    ]
    found = run_task(tmp_path, "region_caption_matching", {("instances", "grounded_captioning"): regions})
    left_out = {key for key, reason in found.rejected.items() if reason == "no_wrong_caption"}
    assert left_out == {"vg:1:1", "vg:1:2"}


def test_a_few_regions_of_an_image_are_asked(tmp_path: Path) -> None:
    regions = _regions()
    tables = {("instances", "grounded_captioning"): regions}
    found = run_task(tmp_path, "region_caption_matching", tables, per_image=2)
    images = [key.split(":")[1] for key in (*found.kept, *found.rejected)]
    assert max(map(images.count, images)) == 2
    assert found.not_asked == len(regions) - len(images)
