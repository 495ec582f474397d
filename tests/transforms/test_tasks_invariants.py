"""What holds of every instance of every task, looked up in the sample world's build."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
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
from transforms.graph import default_tasks

Row = dict[str, Any]
TASKS = default_tasks()
DERIVED = [name for name in TASKS if registry.task(name).head.origin == "derived"]
EVALUATION = [name for name in TASKS if registry.task(name).head.role == "eval"]
BALANCED = [name for name in TASKS if registry.task(name).head.balance]
OPTIONS = {
    **dict.fromkeys(("visual_question_answering", "grounded_vqa", "commonsense_vqa"), (2, 4)),
    **dict.fromkeys(("visual_answer_justification", "region_object_selection"), (2, 4)),
    **dict.fromkeys(("text_type_classification", "multimodal_factual_checking"), (3, 3)),
    **dict.fromkeys(("visual_entailment", "medic_damage_severity"), (3, 3)),
    **dict.fromkeys(("visual_grounding_selection", "grounded_caption_selection"), (5, 5)),
    **dict.fromkeys((name for name in TASKS if name.endswith("overlapping_region_selection")), (2, 4)),
    **dict.fromkeys(("text_localization", "object_region_selection"), (2, 5)),
    **dict.fromkeys(("referring_expression_selection", "wikihow_next_step_selection"), (2, 5)),
    **dict.fromkeys(("color_recognition", "scene_recognition", "object_recognition"), (2, 8)),
    **dict.fromkeys(("position_reasoning", "counting", "utility_affordance"), (2, 8)),
    **dict.fromkeys(("sentiment_understanding", "sport_understanding"), (2, 8)),
    **dict.fromkeys(("activity_recognition", "attribute_recognition"), (2, 8)),
    "grounded_object_attribute_identification": (4, 8),
    "missing_object_selection": (3, 3),
    "image_text_selection": (5, 5),
    "image_quality": (8, 8),
    "disaster_type_classification": (7, 7),
    "medic_informative": (2, 2),
    **dict.fromkeys((name for name in TASKS if load_instructions(name).answers), (2, 2)),
}
"""Fewest and most options of every task that has any."""

UNSHOWN = {
    "wikihow_next_step_generation": ("method", "context", "text"),
    "grounded_captioning": (),
    "referring_expression_generation": (),
    "visual_text_extraction": (),
    "visual_dialogue": ("question",),
}
"""Tasks whose answer nothing that is shown may give away, with the slots that they show. An answer of an
earlier turn of a dialogue may be the right one once more."""


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
        fewest, most = OPTIONS[task]
        assert fewest <= len(options) <= most
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


def test_only_tasks_with_options_have_a_number_of_them() -> None:
    heads = {name: registry.task(name).head for name in TASKS}
    assert set(OPTIONS) == {n for n, head in heads.items() if head.output in ("option", "region_option")}


@pytest.mark.parametrize("task", UNSHOWN)
def test_the_answer_is_not_shown(sample_build: Builder, task: str) -> None:
    assert set(load_instructions(task).text_slots) - {"history"} == set(UNSHOWN[task])
    for row in _instances(sample_build, task):
        answer = f" {_plain(row['target'])} "
        assert all(answer not in f" {_plain(row[slot])} " for slot in UNSHOWN[task])


ASKED: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "text_vqa": ("text_vqa.questions", lambda _: True),
    "grounded_vqa": ("visual7w.questions", lambda row: row["answer_object"] is not None),
    "visual_text_extraction": ("hateful_memes.texts", lambda _: True),
    "hateful_content_detection": ("hateful_memes.labels", lambda row: row["aspect"] == "hateful"),
    "visual_dialogue": ("visdial.turns", lambda _: True),
    "disaster_type_classification": ("medic.labels", lambda row: row["aspect"] == "disaster_types"),
    "medic_damage_severity": ("medic.labels", lambda row: row["aspect"] == "damage_severity"),
    "medic_informative": ("medic.labels", lambda row: row["aspect"] == "informative"),
    "visual_spatial_relationship": ("vsr.statements", lambda _: True),
    "natural_language_for_visual_reasoning": ("nlvr.statements", lambda _: True),
    "visual_entailment": ("snli_ve.statements", lambda _: True),
    "commonsense_vqa": ("vcr.questions", lambda row: row["kind"] == "answer"),
    "visual_answer_justification": ("vcr.questions", lambda row: row["kind"] == "rationale"),
    "ocr": ("text_vqa.texts", lambda row: row["text"] is not None and _large(row)),
}
"""Of each evaluation task the table that it asks about, and which of its rows."""

NO_ANSWER = {
    "text_vqa": {"no_answer"},
    "visual_text_extraction": {"no_text"},
    "visual_dialogue": {"turn_missing_before"},
    "disaster_type_classification": {"unknown_label"},
    "commonsense_vqa": {"repeated_option", "unknown_region"},
    "visual_answer_justification": {"repeated_option", "unknown_region"},
}
"""Why evaluation tasks leave rows out: their records are irregular."""


def _large(row: Row) -> bool:
    return row["box"] is not None and Box(**row["box"]).area > 6000 * len(row["text"])


@pytest.mark.parametrize("task", EVALUATION)
def test_an_evaluation_task_keeps_or_names_every_row(sample_build: Builder, task: str) -> None:
    table, asked = ASKED[task]
    images = _rows(sample_build, "tables", f"{table.partition('.')[0]}.images")
    evaluated = {row["image_id"] for row in images if row["published_split"] == "test"}
    wanted = [
        row for row in _rows(sample_build, "tables", table) if asked(row) and row["image_id"] in evaluated
    ]
    manifest = sample_build.run(Reference("instances", task)).manifest
    assert manifest.rows_out + sum(manifest.rejected.values()) == len(wanted)
    assert set(manifest.rejected) <= NO_ANSWER.get(task, set())
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
