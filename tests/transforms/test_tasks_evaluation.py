"""Evaluation tasks keep every statement, with one pair of answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transforms.task_tables import Row, run_task
from transforms import registry

TASKS = {"visual_spatial_relationship": "vsr", "natural_language_for_visual_reasoning": "nlvr"}


def _tables(source: str, labels: list[bool]) -> dict[tuple[str, str], list[Row]]:
    statements: list[Row] = [
        {
            "image_id": f"{source}:{number // 2}",
            "statement_id": str(number),
            # The same words twice are two rows of the published test all the same.
            "text": "The cat is on the mat." if number < 4 else f"There are {number} cats.",
            "label": label,
        }
        for number, label in enumerate(labels)
    ]
    images = dict.fromkeys(str(row["image_id"]) for row in statements)
    pictures: list[Row] = [{"image_id": image, "picture_id": image, "split": "test"} for image in images]
    return {(source, "statements"): statements, (source, "pictures"): pictures}


@pytest.mark.parametrize(("task", "source"), TASKS.items())
def test_every_statement_is_kept_whatever_its_label(tmp_path: Path, task: str, source: str) -> None:
    labels = [True] * 9 + [False] * 2
    outcome = run_task(tmp_path, task, _tables(source, labels), per_image=1)
    assert (len(outcome.kept), outcome.rejected, outcome.not_asked) == (11, {}, 0)
    for number, label in enumerate(labels):
        row = outcome.kept[f"{source}:{number // 2}:{number}"]
        assert sorted(row["options"]) == ["no", "yes"]
        assert row["target"] == ("yes" if label else "no")
        assert row["split"] == "test"
    assert {row["options"][0] for row in outcome.kept.values()} == {"yes", "no"}


@pytest.mark.parametrize("task", TASKS)
def test_it_is_declared_as_evaluation_and_not_balanced(task: str) -> None:
    head = registry.task(task).head
    assert (head.role, head.origin, head.balance) == ("eval", "existing", False)
