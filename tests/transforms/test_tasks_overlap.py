"""Tasks about how regions lie to each other: every answer is worked out again from the boxes."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.box import Box
from tests.transforms.task_tables import Outcome, Row, Side, box, boxes_of, number_of, run_task

WIDTH, HEIGHT = 500, 400
SELECTIONS = [
    "most_overlapping_region_selection",
    "least_overlapping_region_selection",
    "overlapping_region_selection",
    "non_overlapping_region_selection",
]
TASKS = [*SELECTIONS, "region_overlapping_detection"]


def _region(number: int, sides: Side, image: int = 1) -> Row:
    return {
        "key": f"vg:{image}:{number:02}",
        "image_id": f"vg:{image}",
        "split": "train",
        "regions": [box(sides)],
        "target": f"region {number}",
    }


def _world(images: int = 60) -> list[Row]:
    """Pictures with up to 16 regions: tiny ones, large ones, and some that are nearly another one."""
    lots = Random(3)
    regions: list[Row] = []
    for image in range(images):
        earlier: list[Side] = [(0, 0, 40, 40)]
        for number in range(lots.randint(1, 16)):
            wide, high = lots.choice((20, 40, 90, 250)), lots.choice((31, 32, 80, 300))
            left, top = lots.randint(0, WIDTH - wide), lots.randint(0, HEIGHT - high)
            if lots.random() < 0.15:
                x0, y0, x1, y1 = lots.choice(earlier)
                sides: Side = (x0, y0, x1, y1 + 1)
            else:
                sides = (left, top, left + wide, top + high)
            earlier.append(sides)
            regions.append(_region(number, sides, image))
    return regions


WORLD = _world()


def _run(folder: Path, task: str, regions: list[Row] = WORLD, **settings: Any) -> Outcome:
    return run_task(folder, task, {("instances", "grounded_captioning"): regions}, **settings)


def _visible(this: Box) -> bool:
    return this.x1 - this.x0 >= 32 and this.y1 - this.y0 >= 32


def _clear(given: Box, other: Box) -> bool:
    """Either no overlap or one to be seen."""
    common = given.overlap(other)
    return common == 0 or common / min(given.area, other.area) >= 0.05


def _recomputed(task: str, commons: list[float]) -> list[int]:
    """The options that are a right answer, by the pixels that each shares with the given region."""
    if task == "overlapping_region_selection":
        return [at for at, common in enumerate(commons) if common > 0]
    if task == "non_overlapping_region_selection":
        return [at for at, common in enumerate(commons) if common == 0]
    sign = 1 if task == "most_overlapping_region_selection" else -1
    best = max(commons, key=lambda common: sign * common)
    return [at for at, common in enumerate(commons) if common == best]


@pytest.mark.parametrize("task", SELECTIONS)
def test_exactly_one_option_is_right(tmp_path: Path, task: str) -> None:
    outcome = _run(tmp_path, task)
    counts = [len(row["options"]) for row in outcome.kept.values()]
    assert set(counts) == {2, 3, 4}
    for row in outcome.kept.values():
        given, *_ = regions = boxes_of(row)
        assert len(regions) == len(row["options"]) + 1
        offered = [regions[number_of(option)] for option in row["options"]]
        commons = [given.overlap(one) for one in offered]
        assert _recomputed(task, commons) == [row["options"].index(row["target"])]
        assert all(_visible(one) for one in regions)
        assert all(_clear(given, one) for one in offered)
        assert all(one.iou(other) <= 0.95 for at, one in enumerate(regions) for other in regions[:at])


def test_the_most_overlap_is_clearly_more(tmp_path: Path) -> None:
    for row in _run(tmp_path, SELECTIONS[0]).kept.values():
        given, *offered = boxes_of(row)
        second, best = sorted(given.overlap(one) for one in offered)[-2:]
        assert best > 0
        assert second <= 0.9 * best


def test_the_least_overlap_is_clearly_less_and_is_one(tmp_path: Path) -> None:
    for row in _run(tmp_path, SELECTIONS[1]).kept.values():
        given, *offered = boxes_of(row)
        best, second = sorted(given.overlap(one) for one in offered)[:2]
        assert best > 0
        assert best <= 0.9 * second


def test_the_label_says_whether_two_regions_overlap(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "region_overlapping_detection")
    assert set(outcome.rejected.values()) == {"one_kind_only", "duplicate", "balance"}
    labels = [row["label"] for row in outcome.kept.values()]
    assert labels.count(True) == labels.count(False) > 50
    pairs = [frozenset((key, row["other_key"])) for key, row in outcome.kept.items()]
    assert len(set(pairs)) == len(pairs)
    for row in outcome.kept.values():
        one, other = boxes_of(row)
        assert row["label"] == (one.overlap(other) > 0)
        assert _clear(one, other)
        assert one.iou(other) <= 0.95


GIVEN: Side = (100, 100, 200, 200)
INSIDE: Side = (110, 110, 150, 150)
HALF: Side = (150, 100, 250, 200)
# 4 of 100 columns: too little to be seen.
TOUCHED: Side = (196, 100, 296, 200)
APART: Side = (300, 300, 400, 400)
TINY: Side = (120, 120, 151, 190)
SAME: Side = (100, 100, 201, 200)


@pytest.mark.parametrize(
    ("task", "others", "outcome"),
    [
        (SELECTIONS[0], [INSIDE, HALF, APART], HALF),
        (SELECTIONS[0], [APART], "no_overlap"),
        (SELECTIONS[0], [HALF], "too_few_distractors"),
        (SELECTIONS[0], [HALF, (50, 100, 145, 200)], HALF),
        # 46 against 50 columns of the same height are too close to call.
        (SELECTIONS[0], [HALF, (54, 100, 146, 200)], "too_few_distractors"),
        (SELECTIONS[1], [INSIDE, HALF, APART], INSIDE),
        (SELECTIONS[1], [HALF, APART], "too_few_distractors"),
        (SELECTIONS[1], [APART, TOUCHED], "no_overlap"),
        (SELECTIONS[2], [HALF, APART], HALF),
        (SELECTIONS[2], [HALF, TINY], "too_few_distractors"),
        (SELECTIONS[2], [APART, TOUCHED], "no_overlap"),
        (SELECTIONS[3], [HALF, APART], APART),
        (SELECTIONS[3], [HALF, TOUCHED], "everything_overlaps"),
        (SELECTIONS[3], [APART], "too_few_distractors"),
    ],
)
def test_what_is_offered_and_what_is_not(
    tmp_path: Path, task: str, others: list[Side], outcome: Side | str
) -> None:
    regions = [_region(number, sides) for number, sides in enumerate([GIVEN, *others])]
    found = _run(tmp_path, task, regions)
    if isinstance(outcome, str):
        assert found.rejected["vg:1:00"] == outcome
    else:
        row = found.kept["vg:1:00"]
        assert row["regions"][0] == box(GIVEN)
        assert row["regions"][number_of(row["target"])] == box(outcome)


@pytest.mark.parametrize("task", TASKS)
def test_of_two_boxes_that_are_nearly_the_same_one_is_drawn(tmp_path: Path, task: str) -> None:
    regions = [_region(number, sides) for number, sides in enumerate([GIVEN, SAME, HALF, APART, INSIDE])]
    found = _run(tmp_path, task, regions)
    assert len({"vg:1:00", "vg:1:01"} & {*found.kept, *found.rejected}) == 1


@pytest.mark.parametrize("task", [*TASKS, "region_area"])
def test_an_image_is_asked_a_few_times_whatever_the_threads(tmp_path: Path, task: str) -> None:
    images = [{"image_id": f"vg:{number}", "width": WIDTH, "height": HEIGHT} for number in range(60)]
    tables: dict[tuple[str, str], list[Row]] = {
        ("instances", "grounded_captioning"): WORLD,
        ("visual_genome", "images"): images,
    }
    one, two = (run_task(tmp_path, task, tables, per_image=3, threads=threads) for threads in (1, 2))
    assert one == two
    of = [key.split(":")[1] for key in (*one.kept, *one.rejected)]
    assert max(map(of.count, of)) == 3


def test_a_region_covers_a_whole_percentage_of_the_picture(tmp_path: Path) -> None:
    sides: list[Side] = [
        (0, 0, 500, 400),
        (0, 0, 250, 400),
        GIVEN,
        GIVEN,
        (0, 0, 33, 32),
        TINY,
        (0, 0, 83, 60),
    ]
    regions = [_region(number, one) for number, one in enumerate(sides)]
    regions.append(_region(1, GIVEN, image=2))
    images: list[Row] = [
        {"image_id": "vg:1", "width": WIDTH, "height": HEIGHT},
        {"image_id": "vg:2", "width": None, "height": None},
    ]
    tables: dict[tuple[str, str], list[Row]] = {
        ("instances", "grounded_captioning"): regions,
        ("visual_genome", "images"): images,
    }
    found = run_task(tmp_path, "region_area", tables)
    # 83 by 60 pixels of 500 by 400 are 2.49 %; 33 by 32 are 0.528 %.
    answers = {"vg:1:00": "100", "vg:1:01": "50", "vg:1:02": "5", "vg:1:04": "1", "vg:1:06": "2"}
    assert {key: row["target"] for key, row in found.kept.items()} == answers
    assert found.rejected == {"vg:1:03": "duplicate", "vg:2:01": "size_unknown"}
    assert found.not_asked == 1


def test_a_region_that_would_round_to_nothing_is_left_out(tmp_path: Path) -> None:
    images = [{"image_id": "vg:1", "width": 1000, "height": 800}]
    tables: dict[tuple[str, str], list[Row]] = {
        ("instances", "grounded_captioning"): [_region(1, (0, 0, 40, 40))],
        ("visual_genome", "images"): images,
    }
    assert run_task(tmp_path, "region_area", tables).rejected == {"vg:1:01": "less_than_half_a_percent"}
