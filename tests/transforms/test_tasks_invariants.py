"""What holds of every instance of every task, looked up in the sample world's build."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import combinations
from typing import Any, Literal

import pyarrow.parquet as pq
import pytest

from instructions.load import load_instructions
from instructions.render import render
from schemas.artifact import Reference
from schemas.box import Box
from tests.transforms.task_tables import number_of
from transforms import registry
from transforms.builder import Builder

Row = dict[str, Any]
TASKS = registry.task_names()
DERIVED = [name for name in TASKS if registry.task(name).head.origin == "derived"]
EVALUATION = [name for name in TASKS if registry.task(name).head.role == "eval"]
BALANCED = [name for name in TASKS if registry.task(name).head.balance]
MOST_OPTIONS = 8


@cache
def _rows(builder: Builder, stage: Literal["tables", "instances"], name: str) -> list[Row]:
    artifact = builder.run(Reference(stage, name))
    found: list[Row] = pq.read_table(next((artifact.folder / "data").glob("*.parquet"))).to_pylist()
    return found


def _instances(builder: Builder, task: str) -> list[Row]:
    return _rows(builder, "instances", task)


def _of_images(builder: Builder, table: str, known: str) -> dict[str, Any]:
    """A column of a table of images or pictures, over all sources, by image, where it is known."""
    datasets = [name for name in registry.source_names() if registry.declaration(name).kind == "dataset"]
    rows = [row for source in datasets for row in _rows(builder, "tables", f"{source}.{table}")]
    return {row["image_id"]: row[known] for row in rows if row[known] is not None}


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


@pytest.mark.parametrize("task", TASKS)
def test_the_answer_is_one_of_different_options(sample_build: Builder, task: str) -> None:
    output = registry.task(task).head.output
    for row in _instances(sample_build, task):
        options = row["options"]
        if output not in ("option", "region_option"):
            assert options is None
            continue
        assert 2 <= len(options) <= MOST_OPTIONS
        assert options.count(row["target"]) == 1
        if output == "option":
            assert len({_plain(option) for option in options}) == len(options)
        else:
            offered = [Box(**row["regions"][number_of(option)]) for option in options]
            assert all(one.iou(other) < 0.95 for one, other in combinations(offered, 2))


@pytest.mark.parametrize("task", TASKS)
def test_regions_lie_in_the_picture(sample_build: Builder, task: str) -> None:
    widths = _of_images(sample_build, "images", "width")
    heights = _of_images(sample_build, "images", "height")
    for row in _instances(sample_build, task):
        for region in row["regions"]:
            box = Box(**region)
            assert 0 <= box.x0 < box.x1 <= widths[row["image_id"]]
            assert 0 <= box.y0 < box.y1 <= heights[row["image_id"]]


@pytest.mark.parametrize("task", TASKS)
def test_every_instruction_can_be_filled(sample_build: Builder, task: str) -> None:
    instructions = load_instructions(task)
    for row in _instances(sample_build, task)[:50]:
        texts = {slot: row[slot] for slot in instructions.text_slots}
        prompts = {render(wording, texts, row["options"] or ()) for wording in instructions.wordings}
        assert len(prompts) == len(instructions.wordings)
        if row["options"]:
            assert all(f"[Options]: {' |||| '.join(row['options'])}" in prompt for prompt in prompts)


@pytest.mark.parametrize("task", DERIVED)
def test_no_image_dominates_a_derived_task(sample_build: Builder, task: str) -> None:
    images = [row["image_id"] for row in _instances(sample_build, task) if row["image_id"] is not None]
    assert max(Counter(images).values(), default=0) <= sample_build.settings.per_image


@pytest.mark.parametrize("task", EVALUATION)
def test_an_evaluation_task_is_all_test_and_all_kept(sample_build: Builder, task: str) -> None:
    manifest = sample_build.run(Reference("instances", task)).manifest
    assert manifest.rows_out == manifest.rows_in > 0
    assert {row["split"] for row in _instances(sample_build, task)} == {"test"}


@pytest.mark.parametrize("task", BALANCED)
def test_labels_of_a_balanced_task_are_as_many(sample_build: Builder, task: str) -> None:
    labels = Counter((row["split"], row["label"]) for row in _instances(sample_build, task))
    assert labels
    for split in {split for split, _ in labels}:
        assert labels[split, True] == labels[split, False]


@pytest.mark.parametrize("task", [name for name in TASKS if load_instructions(name).answers])
def test_the_answer_is_the_labels_word_of_one_pair(sample_build: Builder, task: str) -> None:
    pairs = load_instructions(task).answers
    for row in _instances(sample_build, task):
        (pair,) = [pair for pair in pairs if set(pair) == set(row["options"])]
        assert row["target"] == pair[0 if row["label"] else 1]


def test_an_instance_has_a_name_of_its_own(sample_build: Builder) -> None:
    uids = [row["uid"] for task in TASKS for row in _instances(sample_build, task)]
    assert len(set(uids)) == len(uids)


def test_the_split_of_an_instance_is_that_of_its_photograph(sample_build: Builder) -> None:
    pictures = _of_images(sample_build, "pictures", "picture_id")
    splits: dict[str, set[str]] = {}
    for task in TASKS:
        for row in _instances(sample_build, task):
            if row["image_id"] is not None:
                splits.setdefault(pictures[row["image_id"]], set()).add(row["split"])
    assert splits
    assert all(len(found) == 1 for found in splits.values())
