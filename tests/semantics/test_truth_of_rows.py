"""Every kept row of every task is true of the picture that it shows, and the answers flip between twins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Reference
from schemas.box import Box
from tests.semantics import of_places, of_words
from tests.semantics.checkers import Checker, Row
from tests.semantics.world import Shown, name_of_irregular, regular
from transforms.builder import Builder
from transforms.graph import default_tasks

TASKS = default_tasks()
CHECKERS: Final[dict[str, Checker]] = {**of_places.CHECKERS, **of_words.CHECKERS}

_SEEN: Final = frozenset({"colour", "place", "relation"})
_FLIPS: Final[dict[str, frozenset[str]]] = {
    "activity_recognition": frozenset(),
    "attribute_recognition": frozenset(),
    "image_infilling": frozenset(),
    "least_overlapping_region_selection": frozenset(),
    "most_overlapping_region_selection": frozenset(),
    "non_overlapping_region_selection": frozenset(),
    "object_recognition": frozenset(),
    "overlapping_region_selection": frozenset(),
    "region_area": frozenset(),
    "region_overlapping_detection": frozenset(),
    "scene_recognition": frozenset(),
    "utility_affordance": frozenset(),
    "visual_text_extraction": frozenset(),
    "counting": frozenset({"colour"}),
    "color_recognition": frozenset({"colour", "place"}),
    "image_captioning": frozenset({"colour", "place"}),
    "image_generation": frozenset({"colour", "place"}),
    "image_text_matching": frozenset({"colour", "place"}),
    "natural_language_for_visual_reasoning": frozenset({"colour", "place"}),
    "outside_knowledge_vqa": frozenset({"colour", "place"}),
    "question_image_matching": frozenset({"colour", "place"}),
    "sentiment_understanding": frozenset({"colour", "place"}),
    "sport_understanding": frozenset({"colour", "place"}),
    "commonsense_vqa": _SEEN,
    "compositional_vqa": _SEEN,
    "grounded_caption_selection": _SEEN,
    "grounded_captioning": _SEEN,
    "grounded_object_attribute_identification": _SEEN,
    "grounded_vqa": _SEEN,
    "hateful_content_detection": _SEEN,
    "image_text_selection": frozenset({"colour", "place"}),
    "multimodal_factual_checking": _SEEN,
    "object_detection": _SEEN,
    "open_domain_vqa": _SEEN,
    "position_reasoning": _SEEN,
    "referring_expression_generation": _SEEN,
    "referring_expression_grounding": _SEEN,
    "referring_expression_selection": _SEEN,
    "region_caption_matching": _SEEN,
    "visual_answer_justification": _SEEN,
    "visual_dialogue": _SEEN,
    "visual_entailment": _SEEN,
    "visual_grounding": _SEEN,
    "visual_grounding_selection": _SEEN,
    "visual_question_answering": _SEEN,
    "visual_spatial_relationship": _SEEN,
    "wikihow_image_text_ordering": _SEEN,
    "wikihow_next_step_generation": _SEEN,
    "wikihow_next_step_selection": _SEEN,
    "wikihow_text_image_ordering": _SEEN,
    "image_quality": frozenset({"flaw"}),
    "disaster_type_classification": frozenset({"kind"}),
    "medic_informative": frozenset({"kind"}),
    "text_legibility": frozenset({"legible", "place", "relation"}),
    "region_text_matching": frozenset({"legible", "word"}),
    "text_localization": frozenset({"legible", "word"}),
    "text_type_classification": frozenset({"lettering", "place", "relation"}),
    "grounded_object_identification": frozenset({"place", "relation"}),
    "missing_object_selection": frozenset({"place", "relation"}),
    "object_grounding": frozenset({"place", "relation"}),
    "object_matching": frozenset({"place", "relation"}),
    "object_region_matching": frozenset({"place", "relation"}),
    "object_region_selection": frozenset({"place", "relation"}),
    "region_object_selection": frozenset({"place", "relation"}),
    "visual_object_identification": frozenset({"place", "relation"}),
    "visual_object_localization": frozenset({"place", "relation"}),
    "visual_object_relationship": frozenset({"place", "relation"}),
    "visual_subject_identification": frozenset({"place", "relation"}),
    "visual_subject_localization": frozenset({"place", "relation"}),
    "medic_damage_severity": frozenset({"ruins"}),
    "ocr": frozenset({"word"}),
    "text_vqa": frozenset({"word"}),
}
"""In what twins differ so that rows of one are false of the other.
Where nothing does, every row is true of both.
`relation`: one thing stands on another or higher, so that its box is another one as well."""


def rows_of(builder: Builder, task: str) -> list[Row]:
    """The instances of a task, with their regions as boxes."""
    path = builder.run(Reference("instances", task)).path("instances.parquet")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return [{**row, "regions": [Box(**box) for box in row["regions"]]} for row in rows]


def _shown(builder: Builder, task: str) -> Iterator[tuple[Row, Shown]]:
    """The rows of regular pictures. Every other row must be of an irregular one that has a name."""
    for row in rows_of(builder, task):
        image = row["image_id"] or row["target_image_id"]
        if image in regular():
            yield row, regular()[image]
        else:
            assert name_of_irregular(image), f"nobody knows the picture {image}"


def test_every_task_has_a_checker() -> None:
    assert sorted(CHECKERS) == list(TASKS)
    assert sorted(_FLIPS) == list(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_every_row_is_true(sample_build: Builder, task: str) -> None:
    holds = [(CHECKERS[task](row, shown), row) for row, shown in _shown(sample_build, task)]
    assert [row for true, row in holds if not true] == []
    # Most rows are of regular pictures, and of each split that the task has rows of.
    assert len(holds) * 2 > len(rows_of(sample_build, task))
    assert {row["split"] for _, row in holds} == {row["split"] for row in rows_of(sample_build, task)}


@pytest.mark.parametrize("task", TASKS)
def test_answers_flip_between_twins(sample_build: Builder, task: str) -> None:
    flipped = {
        shown.kind
        for row, shown in _shown(sample_build, task)
        if shown.twin and not CHECKERS[task](row, regular()[shown.twin])
    }
    assert flipped >= _FLIPS[task]
    assert _FLIPS[task] or not flipped


@pytest.mark.parametrize("task", ["image_text_matching", "image_text_selection"])
def test_few_wrong_captions_are_true_by_chance(sample_build: Builder, task: str) -> None:
    holds = [of_words.true_by_chance(row, shown) for row, shown in _shown(sample_build, task)]
    assert sum(holds) < len(holds) / 10
