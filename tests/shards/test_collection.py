"""What one trains on, and in which order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BuildError
from shards.collection import COLLECTION, CollectedTask, Collection, Stage, read_collection, stages_of


def collected(**rows: int) -> CollectedTask:
    return CollectedTask.model_validate({"shard": "s", "instructions": "i", "rows": rows})


def collection(**given: Any) -> Collection:
    tasks = {"text": collected(train=3), "held": collected(test=2), "seen": collected(train=1, validation=1)}
    return Collection(mixture="m", vocabulary="v", pictures="p", tasks=tasks, **given)


def test_all_training_tasks_are_one_stage_by_default(tmp_path: Path) -> None:
    (tmp_path / COLLECTION).write_text(collection().model_dump_json())
    assert read_collection(tmp_path).stages == (Stage(name="all", tasks=("text", "seen")),)


def test_a_collection_without_stages_is_read_as_one(tmp_path: Path) -> None:
    written = json.loads(collection().model_dump_json())
    del written["stages"]
    (tmp_path / COLLECTION).write_text(json.dumps(written))
    assert [stage.tasks for stage in read_collection(tmp_path).stages] == [("text", "seen")]


def test_nothing_to_train_on_is_no_stage() -> None:
    found = Collection(mixture="m", vocabulary="v", pictures="p", tasks={"held": collected(test=2)})
    assert found.stages == ()


def test_stages_come_in_the_order_of_the_mixture_and_lack_those_without_tasks() -> None:
    stages = stages_of({"seen": ["last"], "text": ["first"]}, ["first", "between", "last"])
    assert collection(stages=stages).stages == (
        Stage(name="first", tasks=("text",)),
        Stage(name="last", tasks=("seen",)),
    )


def test_stages_may_be_blind() -> None:
    stages = stages_of({"seen": ["last"], "text": ["first"]}, ["first", "last"], ["first"])
    assert [stage.blind for stage in stages] == [True, False]


def test_a_task_may_be_in_several_stages() -> None:
    stages = stages_of({"seen": ["last"], "text": ["first", "last"]}, ["first", "last"])
    assert collection(stages=stages).stages == (
        Stage(name="first", tasks=("text",)),
        Stage(name="last", tasks=("seen", "text")),
    )


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ([("a", ["text"])], "stands in a stage"),
        ([("a", ["text", "seen", "seen"])], "twice in one stage"),
        ([("a", ["text", "seen", "held"])], "stands in a stage"),
        ([("a", ["text"]), ("a", ["seen"])], "same name"),
    ],
)
def test_stages_that_do_not_fit_are_refused(
    tmp_path: Path, stages: list[tuple[str, list[str]]], said: str
) -> None:
    written = json.loads(collection().model_dump_json())
    written["stages"] = [{"name": name, "tasks": tasks} for name, tasks in stages]
    (tmp_path / COLLECTION).write_text(json.dumps(written))
    with pytest.raises(BuildError, match=said):
        read_collection(tmp_path)
