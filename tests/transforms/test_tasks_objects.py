"""Tasks about the things that a picture shows: what is asked, what is wrong on purpose, what is left out."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from schemas.box import Box
from tests.transforms.task_tables import Outcome, Row, Side, box, boxes_of, number_of, run_task


def _thing(number: int, name: str, sides: Side, crowd: bool = False, image: str = "coco:1") -> Row:
    return {
        "image_id": image,
        "object_id": str(number),
        "name": name,
        "box": box(sides),
        "crowd": crowd,
    }


def _run(folder: Path, task: str, things: list[Row], per_image: int = 0, seed: int = 0) -> Outcome:
    images = dict.fromkeys(str(thing["image_id"]) for thing in things)
    pictures = [{"image_id": image, "picture_id": image, "split": "train"} for image in images]
    tables = {("mscoco", "objects"): things, ("mscoco", "pictures"): pictures}
    return run_task(folder, task, tables, per_image, seed)


def _crowded_world(images: int = 60) -> list[Row]:
    """Pictures of 640 by 480 pixels with up to 14 things of six kinds: some tiny, some crowds, some twice."""
    lots = Random(5)
    things = []
    for image in range(images):
        earlier: list[tuple[str, Side]] = []
        for number in range(lots.randint(1, 14)):
            wide, high = lots.choice((10, 33, 60, 200)), lots.choice((20, 40, 90, 300))
            left, top = lots.randint(0, 640 - wide), lots.randint(0, 480 - high)
            name = lots.choice(("person", "dog", "horse", "traffic light", "cup", "kite"))
            sides: Side = (left, top, left + wide, top + high)
            if earlier and lots.random() < 0.15:
                name, sides = lots.choice(earlier)
            earlier.append((name, sides))
            things.append(_thing(number, name, sides, lots.random() < 0.05, f"coco:{image}"))
    return things


WORLD = _crowded_world()
BY_KEY = {f"{thing['image_id']}:{thing['object_id']}": thing for thing in WORLD}


def _of(key: str) -> Box:
    return Box(**BY_KEY[key]["box"])


def _name(key: str) -> str:
    return str(BY_KEY[key]["name"])


def _may_be_asked(key: str) -> bool:
    this = _of(key)
    return not BY_KEY[key]["crowd"] and this.x1 - this.x0 >= 32 and this.y1 - this.y0 >= 32


def _shared(one: Box, other: Box) -> float:
    return one.overlap(other) / min(one.area, other.area)


def _boxes(image: str, name: str) -> list[Box]:
    """All boxes of a kind in an image, crowds and tiny ones too."""
    return [Box(**thing["box"]) for thing in WORLD if (thing["image_id"], thing["name"]) == (image, name)]


def test_all_things_of_a_kind_are_found_from_top_to_bottom(tmp_path: Path) -> None:
    low, high, right = (5, 50, 20, 70), (40, 5, 50, 15), (60, 5, 70, 15)
    things = [
        _thing(1, "dog", low),
        _thing(2, "dog", right),
        _thing(3, "dog", high),
        _thing(4, "dog", high),
        _thing(5, "cup", low),
        _thing(6, "person", low),
        _thing(7, "person", (0, 0, 90, 90), crowd=True),
        *[_thing(10 + number, "kite", (number, 0, number + 5, 9)) for number in range(11)],
    ]
    outcome = _run(tmp_path, "object_grounding", things)
    assert outcome.rejected == {"coco:1:person": "crowd", "coco:1:kite": "too_many_regions"}
    dogs = outcome.kept["coco:1:dog"]
    assert dogs["text"] == "dog"
    assert dogs["regions"] == [box(high), box(right), box(low)]
    assert dogs["target"] == "<region_0> <region_1> <region_2>"
    assert outcome.kept["coco:1:cup"]["target"] == "<region_0>"


def test_ten_things_of_a_kind_are_not_too_many(tmp_path: Path) -> None:
    things = [_thing(number, "kite", (number, 0, number + 5, 9)) for number in range(10)]
    assert len(_run(tmp_path, "object_grounding", things).kept["coco:1:kite"]["regions"]) == 10


def test_a_thing_is_named_where_only_one_name_is_right(tmp_path: Path) -> None:
    table, cup, far = (0, 0, 100, 100), (0, 0, 100, 99), (200, 200, 300, 300)
    things = [
        _thing(1, "dining table", table),
        _thing(2, "pizza", cup),
        _thing(3, "dog", far),
        _thing(4, "dog", far),
        _thing(5, "cup", (50, 50, 81, 90)),
        _thing(6, "person", far, crowd=True),
        _thing(7, "kite", (300, 0, 332, 32)),
    ]
    outcome = _run(tmp_path, "grounded_object_identification", things)
    # A crowd in the dog's place is another name for that place.
    assert outcome.rejected == dict.fromkeys(
        [f"coco:1:{number}" for number in (1, 2, 3, 4)], "several_answers"
    )
    assert {key: row["target"] for key, row in outcome.kept.items()} == {"coco:1:7": "kite"}
    assert outcome.not_asked == 2


def test_a_thing_that_is_marked_twice_is_named_once(tmp_path: Path) -> None:
    place = (0, 0, 50, 50)
    outcome = _run(
        tmp_path, "grounded_object_identification", [_thing(1, "dog", place), _thing(2, "dog", place)]
    )
    assert list(outcome.kept) == ["coco:1:1"]
    assert outcome.rejected == {"coco:1:2": "duplicate"}


def test_matched_things_are_of_one_kind_exactly_if_the_label_says_so(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "object_matching", WORLD)
    labels = [row["label"] for row in outcome.kept.values()]
    assert labels.count(True) == labels.count(False) > 20
    pairs = [frozenset((key, row["other_key"])) for key, row in outcome.kept.items()]
    assert len(set(pairs)) == len(pairs)
    for key, row in outcome.kept.items():
        other = row["other_key"]
        assert key != other
        assert _may_be_asked(key)
        assert _may_be_asked(other)
        assert boxes_of(row) == [_of(key), _of(other)]
        assert row["label"] == (_name(key) == _name(other))
        assert _of(key).iou(_of(other)) < 0.5
    assert set(outcome.rejected.values()) == {"no_second_thing", "duplicate", "balance"}


def test_a_kind_is_shown_by_one_option_only(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "object_region_selection", WORLD)
    assert set(outcome.rejected.values()) == {"too_few_distractors"}
    assert {len(row["options"]) for row in outcome.kept.values()} == {2, 3, 4, 5}
    for key, row in outcome.kept.items():
        regions = boxes_of(row)
        assert row["text"] == _name(key)
        assert row["option_keys"][row["options"].index(row["target"])] == key
        for option, other in zip(row["options"], row["option_keys"], strict=True):
            assert regions[number_of(option)] == _of(other)
            if other != key:
                assert _name(other) != row["text"]
                assert all(_shared(_of(other), one) < 0.5 for one in _boxes(row["image_id"], row["text"]))
        assert all(one.iou(other) < 0.95 for at, one in enumerate(regions) for other in regions[:at])


def test_the_box_of_a_horse_is_no_wrong_answer_to_the_question_for_its_rider(tmp_path: Path) -> None:
    things = [
        _thing(1, "person", (40, 0, 90, 80)),
        _thing(2, "horse", (0, 0, 200, 200)),
        _thing(3, "dog", (300, 300, 400, 400)),
    ]
    row = _run(tmp_path, "object_region_selection", things).kept["coco:1:1"]
    assert sorted(row["option_keys"]) == ["coco:1:1", "coco:1:3"]


def test_a_missing_kind_reaches_into_neither_region(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "missing_object_selection", WORLD)
    assert set(outcome.rejected.values()) == {"no_second_thing", "nothing_missing"}
    targets = [row["target"] for row in outcome.kept.values()]
    assert 0.2 < targets.count("None") / len(targets) < 0.5
    for key, row in outcome.kept.items():
        regions = boxes_of(row)
        assert regions == [_of(key), _of(row["second_key"])]
        shown = {_name(key), _name(row["second_key"])}
        assert len(shown) == 2
        assert len(row["options"]) == 3
        assert "None" in row["options"]
        missing = set(row["options"]) - shown - {"None"}
        assert missing == ({row["target"]} - {"None"})
        for name in missing:
            boxes = _boxes(row["image_id"], name)
            assert boxes
            assert all(_shared(region, one) < 0.1 for region in regions for one in boxes)


def test_a_region_is_said_to_show_its_kind_or_one_that_does_not_reach_into_it(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "object_region_matching", WORLD)
    labels = [row["label"] for row in outcome.kept.values()]
    assert labels.count(True) == labels.count(False) > 20
    assert set(outcome.rejected.values()) == {"no_absent_kind", "balance"}
    for key, row in outcome.kept.items():
        (region,) = boxes_of(row)
        assert region == _of(key)
        if row["label"]:
            assert row["text"] == _name(key)
        else:
            named = _boxes(row["image_id"], row["text"])
            assert named
            assert all(_shared(region, one) < 0.1 for one in named)


TASKS = [
    "object_grounding",
    "grounded_object_identification",
    "object_matching",
    "object_region_selection",
    "missing_object_selection",
    "object_region_matching",
]


@pytest.mark.parametrize("task", TASKS)
def test_an_image_is_asked_a_few_times_and_the_draw_is_the_seeds(tmp_path: Path, task: str) -> None:
    asked = {}
    for seed in (0, 1):
        outcome = _run(tmp_path, task, WORLD, per_image=2, seed=seed)
        asked[seed] = sorted({*outcome.kept, *outcome.rejected})
        images = [key.split(":")[1] for key in asked[seed]]
        assert max(map(images.count, images)) == 2
    assert asked[0] != asked[1]


@pytest.mark.parametrize("task", TASKS)
def test_pictures_without_things_to_ask_about_give_nothing(tmp_path: Path, task: str) -> None:
    outcome = _run(tmp_path, task, [_thing(1, "person", (0, 0, 300, 300), crowd=True)])
    assert outcome.kept == {}
